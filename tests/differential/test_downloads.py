"""Lists of projects and pins become folders of wheels; here from a folder in place of an index."""

import hashlib
import os
import sys
from pathlib import Path

import pytest

from tests.differential.__main__ import PROJECTS
from tests.differential.downloads import fetch_pins, fetch_projects, read_projects, write_pins
from tests.support.wheels import make_wheel

PIP = Path(sys.executable)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place where pip finds anything."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "index"
    settings = {"CONFIG_FILE": os.devnull, "NO_INDEX": "1", "FIND_LINKS": str(folder)}
    for name, value in settings.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    return folder


def names(wheels: list[Path]) -> list[str]:
    return [wheel.name for wheel in wheels]


def test_projects(index: Path, tmp_path: Path) -> None:
    """Every project's current wheel is fetched, and one that has none is named."""
    make_wheel(index, "one", "1.0")
    make_wheel(index, "one", "1.1", requires=["nowhere"])
    make_wheel(index, "two", "2.0")
    make_wheel(index, "foreign", tag="py3-none-win32")
    fetched = fetch_projects(PIP, ["one", "foreign", "two"], tmp_path / "wheels")
    assert names(fetched.wheels) == ["one-1.1-py3-none-any.whl", "two-2.0-py3-none-any.whl"]
    assert fetched.missing == ["foreign"]


def test_pins(index: Path, tmp_path: Path) -> None:
    """The pins of one run fetch the same wheels in another, though there are newer ones."""
    make_wheel(index, "one", "1.0")
    make_wheel(index, "Two.Dots", "2.0")
    first = fetch_projects(PIP, ["one", "two-dots"], tmp_path / "first")
    write_pins(first.wheels, tmp_path / "pins.txt")
    make_wheel(index, "one", "1.1")
    again = fetch_pins(PIP, tmp_path / "pins.txt", tmp_path / "again")
    assert names(again.wheels) == names(first.wheels)
    digest = hashlib.sha256((index / "one-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    assert (tmp_path / "pins.txt").read_text().startswith(f"one==1.0 --hash=sha256:{digest}\n")


def test_pins_that_are_not_to_be_had(index: Path, tmp_path: Path) -> None:
    """What is pinned and cannot be fetched ends the run."""
    index.mkdir()
    pins = tmp_path / "pins.txt"
    pins.write_text(f"one==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(SystemExit, match="not all of"):
        fetch_pins(PIP, pins, tmp_path / "wheels")


def test_the_list() -> None:
    """It names more than 300 projects, each once and by its normalized name."""
    projects = read_projects(PROJECTS)
    lines = [line for line in PROJECTS.read_text().splitlines() if not line.startswith("#")]
    assert len(set(projects)) == len(lines) > 300
    assert projects == lines
