from pathlib import Path

import pytest

from linkd.build.backend import BuildSystem, is_static, read_build_system
from linkd.errors import BuildFailed


def read(folder: Path, text: str) -> BuildSystem:
    (folder / "pyproject.toml").write_text(text)
    return read_build_system(str(folder), "app")


def test_whole_table(tmp_path: Path) -> None:
    """The table names who builds and what that needs."""
    text = '[build-system]\nrequires = ["x>=1"]\nbuild-backend = "b"\nbackend-path = ["."]\n'

    assert read(tmp_path, text) == BuildSystem(requires=("x>=1",), backend="b", backend_path=(".",))


def test_no_table(tmp_path: Path) -> None:
    """Without the table setuptools builds as it did before there was one."""
    legacy = BuildSystem(requires=("setuptools",), backend="setuptools.build_meta:__legacy__")
    (tmp_path / "setup.py").touch()

    assert read_build_system(str(tmp_path), "app") == legacy
    assert read(tmp_path, "[project]\nname = 'a'\n") == legacy


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x = ", "Invalid value"),
        ("build-system = 1\n", "not a table"),
        ("[build-system]\n", "requires is missing"),
        ("[build-system]\nrequires = 'x'\n", "not a list of strings"),
        ("[build-system]\nrequires = []\nbuild-backend = 1\n", "not a string"),
    ],
)
def test_malformed(text: str, reason: str, tmp_path: Path) -> None:
    """A table that cannot be used is refused with what is wrong."""
    with pytest.raises(BuildFailed) as caught:
        read(tmp_path, text)

    assert reason in caught.value.reason


@pytest.mark.parametrize(
    ("version", "more", "static"),
    [
        ("2.1", "", False),
        ("2.2", "", True),
        ("2.4", "Dynamic: Description\n", True),
        ("2.2", "Dynamic: requires-dist\n", False),
        ("2.2", "Dynamic: Provides-Extra\n", False),
        ("x", "", False),
    ],
)
def test_static(version: str, more: str, static: bool) -> None:
    """PKG-INFO is trusted where nothing that resolving needs is dynamic (PEP 643)."""
    text = f"Metadata-Version: {version}\nName: a\nVersion: 1\n{more}"

    assert is_static(text.encode()) is static
