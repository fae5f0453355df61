from collections.abc import Mapping
from dataclasses import replace

import pytest
from packaging.markers import Marker

from linkd.resolve.target_view import TargetView, target_view

from .world import INTERPRETER


def view(**markers: str) -> TargetView:
    changed: Mapping[str, str] = {**INTERPRETER.markers, **markers}
    return target_view(replace(INTERPRETER, markers=changed))


def test_shared() -> None:
    """Two interpreters with the same facts share one view, wherever they lie."""
    elsewhere = replace(INTERPRETER, executable="/opt/python3.12")

    assert target_view(elsewhere) is target_view(INTERPRETER)
    assert view(sys_platform="darwin") is not target_view(INTERPRETER)


@pytest.mark.parametrize(
    ("tags", "rank"),
    [
        ("cp312-cp312-linux_x86_64", 0),
        ("cp310.cp312-abi3-linux_x86_64.win32", 1),
        ("py2.py3-none-any", 2),
        ("py2-none-any", None),
        ("cp312-cp312-win_amd64", None),
        ("nonsense", None),
    ],
)
def test_tag_rank(tags: str, rank: int | None) -> None:
    """A wheel's rank is that of its best tag; without one it does not fit."""
    assert target_view(INTERPRETER).tag_rank(tags) == rank


@pytest.mark.parametrize(
    ("version", "requires", "fits"),
    [
        ("3.12.1", ">=3.8", True),
        ("3.12.1", ">=3.13", False),
        ("3.12.1", "==3.12.*", True),
        ("3.13.0rc1", ">=3.13", True),
        ("3.12.1+", "<3.13", True),
        ("3.12.1", "unreadable", True),
        ("3.12.1", None, True),
    ],
)
def test_python_fits(version: str, requires: str | None, fits: bool) -> None:
    """Requires-Python is judged by the release; what cannot be read excludes nothing."""
    assert view(python_full_version=version).python_fits(requires) is fits


def test_markers() -> None:
    """A marker is evaluated with the extra that is asked about."""
    marker = Marker("extra == 'x' and os_name == 'posix'")
    target = target_view(INTERPRETER)

    assert target.marker_holds(marker, str(marker), "x")
    assert not target.marker_holds(marker, str(marker), "y")
    assert not target.marker_holds(marker, str(marker))
