"""pip, uv, venv and importlib.metadata at work in an environment that linkd filled."""

import sys
from pathlib import Path

import pytest

from tests.interplay.tools import Tools
from tests.support.invariants import check_environment, snapshot


@pytest.fixture
def filled(tools: Tools, environment: Path) -> Path:
    tools.run("linkd", environment, "install", "app-tool", "lib==1.0")
    return environment


def test_all_find_the_same(tools: Tools, filled: Path) -> None:
    """pip, uv, importlib.metadata and linkd list the same, and nobody finds anything wrong."""
    expected = {"app-tool": "1.0", "lib": "1.0"}
    assert tools.listed("linkd", filled) == expected
    assert tools.listed("pip", filled) == expected
    assert tools.listed("uv", filled) == expected
    assert tools.metadata(filled) == expected
    for tool in ("pip", "uv"):
        tools.run(tool, filled, "check")


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_upgraded(tools: Tools, filled: Path, tool: str) -> None:
    """What pip or uv upgrades of ours is whole, and linkd goes on from there."""
    tools.run(tool, filled, "install", "-U", "lib<3")
    check_environment(filled)
    assert tools.listed("linkd", filled) == {"app-tool": "1.0", "lib": "2.0"}
    ran = tools.run("linkd", filled, "install", "-U", "lib")
    assert ran.out.splitlines()[1:] == [" - lib==2.0", " + lib==3.0"]
    check_environment(filled)


def test_uninstalled_by_uv(tools: Tools, environment: Path) -> None:
    """uv removes ours without a trace but its own lock."""
    before = snapshot(environment)
    tools.run("linkd", environment, "install", "app-tool")
    tools.run("uv", environment, "uninstall", "app-tool", "lib")
    left = snapshot(environment)
    assert {path for path in left if path not in before} <= {".lock", *_headers(environment)}
    assert left.items() >= before.items()


def _headers(environment: Path) -> set[str]:
    """Folders of headers, which uv leaves although they are empty."""
    folders = [path for path in environment.glob("include/site/**/") if path.is_dir()]
    assert not [path for path in environment.glob("include/site/**/*") if path.is_file()]
    return {str(path.relative_to(environment)) for path in folders}


def test_synced_by_uv(tools: Tools, filled: Path, tmp_path: Path) -> None:
    """`uv pip sync` replaces, removes and keeps what linkd installed."""
    (tmp_path / "requirements.txt").write_text("lib==2.0\nplug\n")
    tools.run("uv", filled, "sync", tmp_path / "requirements.txt")
    assert tools.listed("linkd", filled) == {"lib": "2.0", "plug": "1.0"}
    check_environment(filled)


def test_upgraded_by_venv(tools: Tools, filled: Path) -> None:
    """`python -m venv --upgrade` leaves what is installed at work, and linkd goes on installing."""
    tools.out(sys.executable, "-m", "venv", "--upgrade", "--without-pip", filled)
    assert tools.out(filled / "bin" / "app-tool") == "it runs\n"
    tools.run("linkd", filled, "install", "plug")
    assert tools.metadata(filled) == {"app-tool": "1.0", "lib": "1.0", "plug": "1.0"}
    check_environment(filled)
