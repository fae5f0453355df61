"""Projects that are built by a backend of their own: no network, no build tool.

The backend is a single file in the project's folder (PEP 517, ``backend-path``). What it shall do
stands in ``build.json`` beside it; each hook that is called leaves a line in the file that the
variable ``calls`` of it names.
"""

import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.support.wheels import escape, metadata

BACKEND: Final = r"""
import base64, hashlib, json, os, sys, time, zipfile

with open("build.json") as file:
    PLAN = json.load(file)


def _note(hook):
    if PLAN["calls"]:
        with open(PLAN["calls"], "a") as file:
            file.write(f"{PLAN['name']} {hook}\n")


def get_requires_for_build_wheel(config_settings=None):
    _note("get_requires_for_build_wheel")
    return PLAN["more_requires"]


get_requires_for_build_editable = get_requires_for_build_wheel


def _prepare(metadata_directory, config_settings=None):
    _note("prepare_metadata_for_build_wheel")
    folder = os.path.join(metadata_directory, PLAN["stem"] + ".dist-info")
    os.mkdir(folder)
    with open(os.path.join(folder, "METADATA"), "w") as file:
        file.write(PLAN["metadata"])
    return os.path.basename(folder)


if PLAN["prepares"]:
    prepare_metadata_for_build_wheel = _prepare


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    _note("build_wheel")
    for module in PLAN["imports"]:
        __import__(module)
    if PLAN["fails"]:
        print("the compiler says no", flush=True)
        raise SystemExit(3)
    if PLAN["hangs"]:
        with open(PLAN["hangs"], "w") as file:
            file.write(str(os.getpid()))
        time.sleep(600)
    time.sleep(PLAN["takes"])
    with open("module.py") as file:
        text = file.read().replace("SETTINGS", repr(config_settings))
    return _write(wheel_directory, {PLAN["module"] + ".py": text})


if PLAN["edits"]:

    def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
        _note("build_editable")
        return _write(wheel_directory, {PLAN["module"] + ".pth": os.path.abspath("src") + "\n"})


def _write(folder, files):
    info = PLAN["stem"] + ".dist-info"
    files = {
        **files,
        info + "/METADATA": PLAN["metadata"],
        info + "/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = []
    filename = PLAN["stem"] + "-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, filename), "w") as wheel:
        for name, text in files.items():
            digest = hashlib.sha256(text.encode()).digest()
            digest = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            rows.append(f"{name},sha256={digest},{len(text.encode())}\n")
            wheel.writestr(name, text)
        rows.append(f"{info}/RECORD,,\n")
        wheel.writestr(info + "/RECORD", "".join(rows))
    return filename
"""


@dataclass(frozen=True, kw_only=True)
class Project:
    """A project and what its backend does."""

    name: str
    version: str = "1.0"
    requires: Sequence[str] = ()
    """Of the project itself."""
    build_requires: Sequence[str] = ()
    more_requires: Sequence[str] = ()
    """What the hook asks for besides."""
    imports: Sequence[str] = ()
    """Modules that building needs."""
    module: str = ""
    text: str = "value = 1\n"
    """In it SETTINGS stands for what the backend was told."""
    prepares: bool = True
    """Whether metadata is made without building."""
    edits: bool = True
    fails: bool = False
    hangs: str = ""
    """A file that gets the number of the process, which then does not end."""
    takes: float = 0.0
    """Seconds that building takes."""
    calls: str = ""
    """The file that gets a line for each hook that is called."""
    static: bool = False
    """Whether PKG-INFO is of metadata version 2.2."""
    extra_files: Mapping[str, str] = field(default_factory=dict)

    @property
    def stem(self) -> str:
        return f"{escape(self.name)}-{self.version}"

    @property
    def files(self) -> dict[str, str]:
        text = metadata(self.name, self.version, requires=self.requires)
        plan: dict[str, Any] = {
            "name": self.name,
            "stem": self.stem,
            "module": self.module or escape(self.name),
            "metadata": text,
            "more_requires": list(self.more_requires),
            "imports": list(self.imports),
            "prepares": self.prepares,
            "edits": self.edits,
            "fails": self.fails,
            "hangs": self.hangs,
            "takes": self.takes,
            "calls": self.calls,
        }
        pkg_info = text.replace("Metadata-Version: 2.1", "Metadata-Version: 2.2")
        return {
            "pyproject.toml": "[build-system]\n"
            f"requires = {json.dumps(list(self.build_requires))}\n"
            'build-backend = "backend"\nbackend-path = ["."]\n',
            "backend.py": BACKEND,
            "build.json": json.dumps(plan),
            "module.py": self.text,
            f"src/{plan['module']}.py": self.text,
            "PKG-INFO": pkg_info if self.static else text,
            **self.extra_files,
        }

    def tree(self, folder: Path) -> Path:
        """Write the project's folder."""
        for name, text in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return folder

    def sdist(self, folder: Path) -> Path:
        """Write ``{name}-{version}.tar.gz``."""
        members = {f"{self.stem}/{name}": text.encode() for name, text in self.files.items()}
        return make_tar(folder / f"{self.stem}.tar.gz", members)


def make_tar(path: Path, members: Mapping[str, bytes | tarfile.TarInfo]) -> Path:
    """An archive of files by name, and of members as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
                continue
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path
