"""One daemon, pip and uv beside it, and a folder of wheels for all three; nothing has a network."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interplay.tools import Tools
from tests.support.daemon import Place, running_daemon
from tests.support.wheels import make_wheel

_number = itertools.count()


@pytest.fixture(scope="package")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tools]:
    folder = tmp_path_factory.mktemp("interplay")
    wheels = folder / "wheels"
    for version in ("1.0", "2.0", "3.0"):
        make_wheel(wheels, "lib", version, files={"lib/__init__.py": f"version = {version!r}\n"})
    make_wheel(wheels, "plug")
    make_wheel(
        wheels,
        "App.Tool",
        requires=["lib"],
        files={"app_tool/__init__.py": "def main():\n    print('it runs')\n"},
        data={"headers/app.h": "", "scripts/app-old": "#!python\nprint('so does this')\n"},
        entry_points="[console_scripts]\napp-tool = app_tool:main\n",
    )
    with Place.temporary(folder) as place, running_daemon(place):
        yield Tools(place=place, wheels=wheels)


@pytest.fixture
def environment(tools: Tools) -> Path:
    return tools.place.environment(f"env-{next(_number)}")
