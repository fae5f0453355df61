"""Made wheels, each with something that installers have got wrong.

`ODDITIES` are right, and are installed together. `DISPUTED` are not taken by all three, or wrong:
only whether they are taken is compared.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from packaging.utils import NormalizedName, canonicalize_name

from tests.support.wheels import Tamper, make_wheel


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Makes one wheel."""

    name: str
    version: str
    members: Mapping[str, Any]
    """Further arguments of `make_wheel`."""

    def __call__(self, folder: Path) -> Path:
        return make_wheel(folder, self.name, self.version, **self.members)


_MAIN: Final = "import sys\n\n\ndef main():\n    print('ran', *sys.argv[1:])\n    sys.exit(3)\n"
_SCRIPT: Final = "import sys\nprint('ran', *sys.argv[1:])\nsys.exit(3)\n"
_LONG: Final = "l" * 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Oddity:
    """What is odd, the wheels that are so, and the scripts that must run when they are installed."""

    name: str
    wheels: tuple[Maker, ...]
    scripts: tuple[str, ...] = ()


def wheel(name: str, version: str = "1.0", **members: Any) -> Maker:
    """A wheel as `make_wheel` makes it."""
    return Maker(name=name, version=version, members=members)


def dist_info(name: str, files: Mapping[str, str | bytes], version: str = "1.0") -> Maker:
    """A wheel with further files in its dist-info."""
    folder = f"{name}-{version}.dist-info"
    inside = {f"{folder}/{path}": content for path, content in files.items()}
    return wheel(name, version, files={f"{name}.py": "", **inside})


def record(name: str, change: Callable[[str], str], algorithm: str = "sha256") -> Maker:
    """A wheel whose RECORD is written in another way."""
    files = {f"{name}/__init__.py": "x = 1\n", f"{name}/data.txt": "data"}
    return wheel(name, files=files, tamper=Tamper(record=change, algorithm=algorithm))


ODDITIES: Final = (
    Oddity(
        name="every scheme of .data",
        wheels=(
            wheel(
                "schemes",
                data={
                    "scripts/schemes-sh": "#!/bin/sh\necho ran; exit 3\n",
                    "data/share/man/man1/schemes.1": ".TH",
                    "data/etc/schemes/schemes.cfg": "[x]\n",
                    "headers/schemes.h": "#pragma once\n",
                    "headers/inner/deep.h": "",
                    "purelib/schemes_pure/__init__.py": "",
                    "platlib/schemes_plat/__init__.py": "",
                },
            ),
        ),
        scripts=("schemes-sh",),
    ),
    Oddity(
        name="data that lands in site-packages and beside the scripts",
        wheels=(
            wheel(
                "landing",
                data={"data/bin/landing-tool": "#!/bin/sh\nexit 3\n", "data/landing.txt": "top"},
                executables={"landing-1.0.data/data/bin/landing-tool"},
            ),
        ),
        scripts=("landing-tool",),
    ),
    Oddity(
        name="placeholders for the interpreter",
        wheels=(
            wheel(
                "shebangs",
                data={
                    "scripts/she-python": "#!python\n" + _SCRIPT,
                    "scripts/she-pythonw": "#!pythonw\n" + _SCRIPT,
                    "scripts/she-options": "#!python -E\n" + _SCRIPT,
                    "scripts/she-crlf": ("#!python\n" + _SCRIPT).replace("\n", "\r\n"),
                    "scripts/she-coding": "#!python\n# -*- coding: latin-1 -*-\n" + _SCRIPT,
                    "scripts/she-end": "#!python",
                    "scripts/she-env": "#!/usr/bin/env python3\n" + _SCRIPT,
                    "scripts/she-later": "# no placeholder\n#!python\n",
                },
            ),
        ),
        scripts=("she-python", "she-pythonw", "she-options", "she-crlf", "she-coding", "she-end"),
    ),
    Oddity(
        name="scripts that are no text",
        wheels=(
            wheel(
                "binaries",
                data={
                    "scripts/bin-elf": b"\x7fELF\x02\x01\x00\xff",
                    "scripts/bin-empty": b"",
                    "scripts/bin-latin": b"#!/bin/sh\n# caf\xe9\nexit 3\n",
                },
            ),
        ),
        scripts=("bin-latin",),
    ),
    Oddity(
        name="a placeholder with a version",
        wheels=(wheel("versioned", data={"scripts/she-three": "#!python3\n" + _SCRIPT}),),
    ),
    Oddity(
        name="a placeholder with two options",
        wheels=(wheel("options", data={"scripts/she-two": "#!python -E -s\n" + _SCRIPT}),),
    ),
    Oddity(
        name="executables outside of scripts",
        wheels=(
            wheel(
                "executable",
                files={
                    "executable/__init__.py": "",
                    "executable/run.sh": "#!/bin/sh\n",
                    "executable/plain.sh": "#!/bin/sh\n",
                    "executable/group.sh": "#!/bin/sh\n",
                    "executable/readonly.txt": "r",
                    "executable/open.txt": "w",
                    "executable/setuid": "s",
                },
                executables={"executable/run.sh"},
                data={"platlib/executable_lib.so": b"\x7fELF"},
                tamper=Tamper(
                    modes={
                        "executable/group.sh": 0o100654,
                        "executable/readonly.txt": 0o100444,
                        "executable/open.txt": 0o100666,
                        "executable/setuid": 0o104755,
                        "executable-1.0.data/platlib/executable_lib.so": 0o100755,
                    }
                ),
            ),
        ),
    ),
    Oddity(
        name="members without a mode",
        wheels=(
            wheel(
                "modeless",
                files={"modeless/__init__.py": "", "modeless/data.bin": b"\0"},
                data={"scripts/modeless": "#!python\n" + _SCRIPT},
                tamper=Tamper(
                    modes={
                        "modeless/__init__.py": 0,
                        "modeless/data.bin": 0,
                        "modeless-1.0.data/scripts/modeless": 0,
                    }
                ),
            ),
        ),
        scripts=("modeless",),
    ),
    Oddity(
        name="launchers of both kinds, with extras, blanks, comments and dots",
        wheels=(
            wheel(
                "launchers",
                files={
                    "launchers/__init__.py": "",
                    "launchers/cli.py": _MAIN + "\n\nclass Tool:\n    run = staticmethod(main)\n",
                },
                extras={"fast": [], "more": []},
                entry_points=(
                    "# a comment\n"
                    "[console_scripts]\n"
                    "launch = launchers.cli:main\n"
                    "launch-extra = launchers.cli:main [fast,more]\n"
                    "launch-tight=launchers.cli:main[fast]\n"
                    "launch-nested   =   launchers.cli:Tool.run\n"
                    "launch.dotted_UPPER-1 = launchers.cli:main\n"
                    "\n"
                    "[gui_scripts]\n"
                    "launch-gui = launchers.cli:main\n"
                    "[launchers.plugins]\n"
                    "some name = launchers.cli\n"
                ),
            ),
        ),
        scripts=(
            "launch",
            "launch-extra",
            "launch-tight",
            "launch-nested",
            "launch.dotted_UPPER-1",
            "launch-gui",
        ),
    ),
    Oddity(
        name="launchers named for the version of Python that built them",
        wheels=(
            wheel(
                "pip",
                "99.0",
                files={"nopip.py": _MAIN},
                entry_points="[console_scripts]\n"
                + "".join(f"{name} = nopip:main\n" for name in ("pip", "pip3", "pip3.2", "pipx")),
            ),
            wheel(
                "setuptools",
                "99.0",
                files={"noeasy.py": _MAIN},
                entry_points="[console_scripts]\n"
                "easy_install = noeasy:main\neasy_install-2.6 = noeasy:main\n",
            ),
        ),
        scripts=("pip", "pip3", "pipx"),
    ),
    Oddity(
        name="a script and a launcher of one name",
        wheels=(
            wheel(
                "double",
                files={"double.py": _MAIN},
                data={"scripts/double": "#!python\nprint('the script')\n"},
                entry_points="[console_scripts]\ndouble = double:main\n",
            ),
        ),
        scripts=("double",),
    ),
    Oddity(
        name="names beyond ASCII",
        wheels=(
            wheel(
                "unicode",
                files={
                    "unicode/__init__.py": "",
                    "unicode/modül.py": "x = 1\n",
                    "unicode/cafe\u0301.txt": "decomposed",
                    "unicode/caf\u00e9.txt": "composed",
                    "unicode/数据.txt": "data",
                    "unicode/\U0001f40d.txt": "snake",
                },
            ),
        ),
    ),
    Oddity(
        name="empty files",
        wheels=(wheel("empty", files={"empty/__init__.py": "", "empty/py.typed": b""}),),
    ),
    Oddity(
        name="names that RECORD must quote",
        wheels=(
            wheel(
                "quoting",
                files={
                    "quoting/__init__.py": "",
                    "quoting/with blank.txt": "1",
                    "quoting/with,comma.txt": "2",
                    'quoting/with"quote.txt': "3",
                    'quoting/"all", of them.txt': "4",
                    "quoting/it's.txt": "5",
                    "quoting/per%20cent.txt": "6",
                    "quoting/#hash;semi.txt": "7",
                    "quoting/ leading": "8",
                    "quoting/trailing ": "9",
                    "quoting/$HOME": "10",
                },
            ),
        ),
    ),
    Oddity(
        name="a namespace shared by three, without and with a common file",
        wheels=tuple(
            wheel(
                f"shared-{part}",
                files={
                    f"native/{part}/__init__.py": "",
                    "common/__init__.py": "# the same in all\n",
                    f"common/{part}.py": f"part = {part!r}\n",
                },
            )
            for part in ("a", "b", "c")
        ),
    ),
    Oddity(
        name="folders in dist-info",
        wheels=(
            dist_info(
                "folders",
                {
                    "licenses/LICENSE": "free",
                    "licenses/vendored/deep/LICENSE.txt": "free too",
                    "sboms/folders.cdx.json": "{}",
                    "top_level.txt": "folders\n",
                    "zip-safe": "",
                    "entry_points.txt": "",
                },
            ),
        ),
    ),
    Oddity(
        name="files that only an installer may write",
        wheels=(
            dist_info(
                "forged",
                {"INSTALLER": "forged\n", "REQUESTED": "forged", "direct_url.json": '{"url": "x"}'},
            ),
        ),
    ),
    Oddity(
        name="signatures of RECORD",
        wheels=(
            wheel(
                "signed",
                tamper=Tamper(
                    unrecorded={
                        "signed-1.0.dist-info/RECORD.jws": "{}",
                        "signed-1.0.dist-info/RECORD.p7s": "x",
                    }
                ),
            ),
        ),
    ),
    Oddity(
        name="ways of writing RECORD",
        wheels=(
            record("unended", lambda text: text.rstrip("\n")),
            record("crlf", lambda text: text.replace("\n", "\r\n")),
            record("sizeless", lambda text: re.sub(r",\d+$", ",", text, flags=re.MULTILINE)),
            record("padded", lambda text: re.sub(r",(\d+)$", r"=,\1", text, flags=re.MULTILINE)),
            record("quoted", lambda text: re.sub(r"^([^,]+),", r'"\1",', text, flags=re.MULTILINE)),
            record("strong", str, algorithm="sha512"),
            record("medium", str, algorithm="sha384"),
        ),
    ),
    Oddity(
        name="a root that is not purelib",
        wheels=(
            wheel(
                "platform",
                purelib=False,
                files={"platform_root.py": "", "platform_lib.so": b"\x7fELF"},
                data={"purelib/platform_pure.py": ""},
            ),
        ),
    ),
    Oddity(
        name="compressed, stored and mixed members",
        wheels=(
            wheel("stored", compress=False, files={"stored.py": "x = 1\n" * 99}),
            wheel(
                "mixed",
                compress={"mixed/a.bin"},
                files={"mixed/a.bin": b"a" * 9999, "mixed/b.bin": b"b" * 9999},
            ),
        ),
    ),
    Oddity(
        name="folders as members",
        wheels=(
            wheel(
                "entries",
                tamper=Tamper(
                    unrecorded={"entries/": b"", "entries-1.0.dist-info/": b"", "void/": b""},
                ),
            ),
        ),
    ),
    Oddity(
        name="long names and deep folders",
        wheels=(
            wheel(
                "long",
                files={
                    f"long/{_LONG}/{_LONG}/{_LONG}/deep.txt": "deep",
                    f"long/{'d/' * 60}deep.txt": "deeper",
                    f"long/{'n' * 255}": "a whole name",
                },
            ),
        ),
    ),
    Oddity(
        name="spellings of the project's name in dist-info",
        wheels=(
            wheel("Dotted.Name", stem="Dotted.Name-1.0"),
            wheel("UPPER-case", stem="UPPER_case-1.0"),
            wheel("with-many--signs", stem="with_many__signs-1.0"),
        ),
    ),
    Oddity(
        name="versions of every kind",
        wheels=(
            wheel("local", "1.0+abc.5"),
            wheel("epoch", "1!2.0"),
            wheel("post", "1.0.post3"),
            wheel("developed", "1.0.dev4"),
            wheel("candidate", "2.0rc1"),
            wheel("calendar", "2026.9.21.13"),
            wheel("everything", "1!2.0a1.post2.dev3+local.7"),
        ),
    ),
    Oddity(
        name="spellings of a version in dist-info",
        wheels=(wheel("zeros", "1.0", stem="zeros-1.0.0"),),
    ),
    Oddity(
        name="modules without a package, and paths",
        wheels=(
            wheel("single", files={"single.py": "x = 1\n", "_single.pth": "import sys\n"}),
            wheel("nothing", files={}),
            wheel("stubs-only", files={"stubs_only-stubs/__init__.pyi": "x: int\n"}),
        ),
    ),
    Oddity(
        name="sources that do not compile",
        wheels=(
            wheel(
                "syntax",
                files={"syntax/__init__.py": "", "syntax/py2.py": "print 'no'\n"},
            ),
        ),
    ),
    Oddity(
        name="bytecode in the wheel",
        wheels=(
            wheel(
                "cached",
                files={"cached/__init__.py": "", "cached/__pycache__/old.cpython-27.pyc": b"\0"},
            ),
        ),
    ),
    Oddity(name="tags of several kinds", wheels=(wheel("tagged", tag="py2.py3-none-any"),)),
)

DISPUTED: Final = (
    record("blanklines", lambda text: text.replace("\n", "\n\n")),
    wheel(
        "colon-blanks",
        files={"colon_blanks.py": _MAIN},
        entry_points="[console_scripts]\ncolon = colon_blanks : main\n",
    ),
    wheel("bad-hash", tamper=Tamper(wrong_hash={"bad_hash/__init__.py"})),
    wheel("bad-size", tamper=Tamper(wrong_size={"bad_size/__init__.py"})),
    wheel("no-hash", tamper=Tamper(no_hash={"no_hash/__init__.py"})),
    wheel("absent", tamper=Tamper(absent={"absent/gone.py"})),
    wheel("unlisted", tamper=Tamper(unrecorded={"unlisted/more.py": "x = 1\n"})),
    wheel("weak", tamper=Tamper(algorithm="md5")),
    wheel("escaping", tamper=Tamper(recorded={"../escaped.py": ""})),
    wheel("linked", tamper=Tamper(symlinks={"linked/link.py": "/etc/hostname"})),
    wheel("repeated", tamper=Tamper(duplicates={"repeated/__init__.py"})),
    wheel("reserved", data={"scripts/python": "#!/bin/sh\n"}),
    wheel(
        "pathlike",
        files={"pathlike.py": _MAIN},
        entry_points="[console_scripts]\n../lib/pathlike = pathlike:main\n",
    ),
    wheel("scheme", data={"unknown/file": ""}),
    wheel("other-name", stem="another-1.0"),
    wheel("other-version", stem="other_version-2.0"),
    wheel("no-record", tamper=Tamper(omit={"no_record-1.0.dist-info/RECORD"})),
    wheel("no-wheel", tamper=Tamper(omit={"no_wheel-1.0.dist-info/WHEEL"})),
    wheel("no-metadata", tamper=Tamper(omit={"no_metadata-1.0.dist-info/METADATA"})),
)

RUNNABLE: Final = tuple(oddity for oddity in ODDITIES if oddity.scripts)


def make_all(oddities: tuple[Oddity, ...], folder: Path) -> dict[str, list[Path]]:
    """The wheels of each, by its name."""
    return {oddity.name: [make(folder) for make in oddity.wheels] for oddity in oddities}


def name_of(make: Maker) -> NormalizedName:
    return canonicalize_name(make.name)


def projects_of(oddity: Oddity) -> frozenset[str]:
    return frozenset(map(name_of, oddity.wheels))
