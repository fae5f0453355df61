"""Launchers are read from entry_points.txt as the entry points specification says."""

import contextlib
import keyword
import posixpath
from importlib.metadata import Distribution
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from linkd.core.entry_points import launchers_for, parse_entry_points, script_name_problem
from linkd.core.manifest import Launcher, Manifest
from linkd.core.target import SchemeKey


def test_both_groups_are_read() -> None:
    """Console and gui scripts become launchers, other groups do not."""
    text = """
# a comment
[gui_scripts]
Show = pkg.gui:main

[pytest11]
plugin = pkg.plugin

[console_scripts]
foo=pkg.cli:main
foo-bar = pkg:Class.method
"""
    assert parse_entry_points(text) == (
        Launcher(name="foo", module="pkg.cli", attribute="main"),
        Launcher(name="foo-bar", module="pkg", attribute="Class.method"),
        Launcher(name="Show", module="pkg.gui", attribute="main", gui=True),
    )


def launchers_of(project: str, *names: str, python: str = "3.12") -> list[str]:
    """The names of a wheel's launchers in an environment."""
    manifest = Manifest(
        sha256="",
        filename="",
        name=canonicalize_name(project),
        version="1.0",
        dist_info="",
        root_scheme=SchemeKey.PURELIB,
        files=(),
        launchers=tuple(Launcher(name=name, module="m", attribute="main") for name in names),
    )
    found = launchers_for(manifest, python)
    assert {(one.module, one.attribute, one.gui) for one in found} <= {("m", "main", False)}
    return [one.name for one in found]


def test_launchers_named_for_a_version_of_python() -> None:
    """Those of pip and of setuptools are named for the environment's Python, whatever built them."""
    pips = ["pip", "pip3", "pip3.12"]
    assert launchers_of("pip", "pip", "pip3") == pips
    assert launchers_of("pip", "pip", "pip3", "pip3.9", "pip2") == pips
    assert launchers_of("pip", "pip", "pipx", python="4.0") == ["pip", "pip4", "pip4.0", "pipx"]
    easy = ["easy_install", "easy_install-3.12"]
    assert launchers_of("setuptools", "easy_install", "easy_install-3.4") == easy


def test_launchers_of_other_projects() -> None:
    """They are those that are declared, whatever their names."""
    assert launchers_of("foo", "pip", "pip3.9", "easy_install-3.4") == [
        "pip",
        "pip3.9",
        "easy_install-3.4",
    ]
    assert launchers_of("pip", "pip3.9") == ["pip3.9"]
    assert launchers_of("setuptools") == []


@pytest.mark.parametrize("value", ["a.b:c [x]", "a.b:c[x, y]", "a.b : c", "a.b:c []"])
def test_extras_and_blanks_are_tolerated(value: str) -> None:
    """Extras mean nothing any more, and blanks never did."""
    assert parse_entry_points(f"[console_scripts]\nfoo = {value}\n") == (
        Launcher(name="foo", module="a.b", attribute="c"),
    )


def test_a_percent_sign_is_itself() -> None:
    """Nothing is interpolated, in groups of others neither."""
    text = "[other]\nx = %(y)s\n[console_scripts]\n100% = a:b\n"
    assert parse_entry_points(text) == (Launcher(name="100%", module="a", attribute="b"),)


def test_default_is_a_group_like_others() -> None:
    """A group named DEFAULT lends nothing to the scripts."""
    text = "[DEFAULT]\nbar = a:b\n[console_scripts]\nfoo = a:b\n"
    assert [launcher.name for launcher in parse_entry_points(text)] == ["foo"]


@pytest.mark.parametrize(
    "value",
    [
        "a",
        "a.b",
        "a:",
        ":b",
        "a:b:c",
        "a-b:c",
        "a..b:c",
        "a:b.",
        "1a:b",
        "class:x",
        "a:b;c",
        "a:b()",
    ],
)
def test_what_is_no_object_reference_is_refused(value: str) -> None:
    """A launcher could not import it, or it would be more than a reference."""
    with pytest.raises(ValueError, match="not an object reference"):
        parse_entry_points(f"[console_scripts]\nfoo = {value}\n")


@pytest.mark.parametrize(
    "name",
    ["../foo", "a/b", "a\\b", ".", "..", "a\tb", "a\x7fb", "a\x1bb", "x" * 256, "\u00e9" * 128],
)
def test_what_is_no_file_name_is_refused(name: str) -> None:
    """A script stays in its folder and has a name that a terminal can show."""
    with pytest.raises(ValueError, match="the script name"):
        parse_entry_points(f"[console_scripts]\n{name} = a:b\n")


@pytest.mark.parametrize(
    "name",
    [
        *("python", "python3", "python3.11", "python3.13t", "pythonw", "Python", "python2.7"),
        *("pypy", "pypy3", "pypy3.10", "activate", "activate.fish", "activate.csh", "Activate.ps1"),
        *("activate_this.py", "activate.nu", "deactivate", "deactivate.bat", "pydoc.bat"),
    ],
)
def test_the_environments_own_files_are_reserved(name: str) -> None:
    """No distribution takes the place of the interpreter or of the activation scripts."""
    with pytest.raises(ValueError, match="environment's own file"):
        parse_entry_points(f"[console_scripts]\n{name} = a:b\n")


@pytest.mark.parametrize(
    "name",
    [
        *("pip", "pip3.11", "pypyr", "python-argcomplete-check-easy-install-script", "pythonize"),
        *(
            "activate-global-python-argcomplete",
            "deactivate-all",
            "f2py",
            ".hidden",
            "a b",
            "naïve",
        ),
    ],
)
def test_names_that_only_begin_alike_are_allowed(name: str) -> None:
    """Real scripts whose names begin like a reserved one are installed."""
    assert parse_entry_points(f"[console_scripts]\n{name} = a:b\n") == (
        Launcher(name=name, module="a", attribute="b"),
    )


def test_one_name_in_both_groups_is_refused() -> None:
    """One file cannot be two scripts."""
    with pytest.raises(ValueError, match="'foo' is both a console and a gui script"):
        parse_entry_points("[console_scripts]\nfoo = a:b\n[gui_scripts]\nfoo = a:c\n")


def test_all_problems_are_told() -> None:
    """Everything wrong with the file is told at once."""
    with pytest.raises(ValueError, match=r"'python'.*'x/y'.*bad = 'a'"):
        parse_entry_points("[console_scripts]\npython = a:b\nx/y = a:b\nbad = a\n")


@pytest.mark.parametrize(
    "text", ["foo = a:b\n", "[console_scripts]\nfoo\n", "[console_scripts]\n= a:b\n"]
)
def test_what_is_no_ini_is_refused(text: str) -> None:
    """A file that is not of the specified form is refused, on one line."""
    with pytest.raises(ValueError, match=r"\A[^\n]*entry_points\.txt[^\n]*\Z"):
        parse_entry_points(text)


identifiers = st.text("abz_AZ09é", min_size=1, max_size=6).filter(
    lambda word: word.isidentifier() and not keyword.iskeyword(word)
)
dotted = st.lists(identifiers, min_size=1, max_size=3).map(".".join)
script_names = st.text("abzAZ09_.+- é%:", min_size=1, max_size=8).filter(
    lambda name: name == name.strip() and script_name_problem(name) is None
)
declared = st.lists(
    st.builds(Launcher, name=script_names, module=dotted, attribute=dotted, gui=st.booleans()),
    unique_by=lambda launcher: launcher.name,
    max_size=5,
)


def written(launchers: list[Launcher]) -> str:
    """An entry_points.txt of these."""
    lines = []
    for section, gui in (("console_scripts", False), ("gui_scripts", True)):
        lines.append(f"[{section}]")
        lines += [
            f"{one.name} = {one.module}:{one.attribute}" for one in launchers if one.gui is gui
        ]
    return "\n".join([*lines, ""])


@given(declared)
def test_what_is_written_is_read_back(launchers: list[Launcher]) -> None:
    """Any launchers survive being written and read, those of the console first."""
    expected = sorted(launchers, key=lambda launcher: launcher.gui)
    assert parse_entry_points(written(launchers)) == tuple(expected)


class _Read(Distribution):
    """Only its entry_points.txt is there."""

    def __init__(self, text: str) -> None:
        self._text = text

    def read_text(self, filename: str) -> str | None:
        return self._text if filename == "entry_points.txt" else None

    def locate_file(self, path: object) -> Path:
        return Path(str(path))


@given(declared)
def test_what_python_reads_is_read(launchers: list[Launcher]) -> None:
    """The same names and references are read as by the standard library."""
    text = written(launchers)
    assert {(one.name, f"{one.module}:{one.attribute}") for one in parse_entry_points(text)} == {
        (one.name, one.value) for one in _Read(text).entry_points
    }


@given(
    st.sampled_from(["", "./", "nested/../", "../bin/", "/", "a/b/../../", ".\\", "//"]),
    st.sampled_from(["python", "python3", "Python3.12", "pythonw", "activate", "ACTIVATE.fish"]),
    st.sampled_from(["", "/", "/.", "\0", "\n"]),
)
def test_no_way_to_write_a_reserved_name(before: str, name: str, behind: str) -> None:
    """However a path to one of the environment's own files is written, it is refused."""
    assert script_name_problem(f"{before}{name}{behind}") is not None


@given(
    st.text(max_size=20)
    | st.lists(st.sampled_from(["..", ".", "/", "\\", "a", "python"])).map("".join)
)
def test_taken_names_stay_in_their_folder(name: str) -> None:
    """Whatever is taken for a script's name is the name of a file in the scripts' folder."""
    if script_name_problem(name) is None:
        assert posixpath.split(posixpath.normpath(f"/env/bin/{name}")) == ("/env/bin", name)


@given(st.text(max_size=120))
def test_hostile_text_is_read_or_refused(text: str) -> None:
    """Any text is either read or refused as a wrong value; what is read has usable names."""
    for content in (text, f"[console_scripts]\n{text}", f"[console_scripts]\n{text} = a:b"):
        with contextlib.suppress(ValueError):
            names = [launcher.name for launcher in parse_entry_points(content)]
            assert [script_name_problem(name) for name in names] == [None] * len(names)
