"""Measuring itself: an index on loopback, tools in turn, and nothing left behind."""

import hashlib
import json
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest

from tests.benchmarks.bare import measure_bare
from tests.benchmarks.contest import BARE, compete
from tests.benchmarks.crowd import gather
from tests.benchmarks.fetched import FetchedWheel, fetch
from tests.benchmarks.footing import measure_memory, measure_start
from tests.benchmarks.ground import Ground, Programs
from tests.benchmarks.processes import CommandFailed, Surroundings, processor_ms, run
from tests.benchmarks.serving import FILES_OF_A_RELEASE, OLD_RELEASES, serving
from tests.benchmarks.sets import WheelSet
from tests.benchmarks.tools import base_interpreter
from tests.benchmarks.works import Reach, Step, Work
from tests.support.wheels import make_wheel

BIN = Path(sys.executable).parent
SMALL = WheelSet(name="small", pins=("alpha==1.0", "beta==2.0"), requirements=("beta",))


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[FetchedWheel]:
    folder = tmp_path_factory.mktemp("wheels")
    make_wheel(folder, "alpha", files={"alpha/__init__.py": "", "alpha/sub/x.py": "x = 1\n"})
    make_wheel(folder, "beta", "2.0", requires=["alpha"])
    return fetch(BIN / "pip", folder, SMALL.pins)


@pytest.fixture(scope="module")
def index(wheels: list[FetchedWheel], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(wheels, tmp_path_factory.mktemp("index")) as url:
        yield url


@pytest.fixture(scope="module")
def ground(index: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    programs = Programs(python=base_interpreter(), peers=BIN, index=index)
    with Ground.at(tmp_path_factory.mktemp("ground"), programs, keep=True) as made:
        yield made


def read(url: str) -> bytes:
    with urllib.request.urlopen(url) as answer:
        body: bytes = answer.read()
    return body


def test_index(index: str, wheels: list[FetchedWheel]) -> None:
    """A page lists hundreds of files of older releases, and the wheel, which comes as it is."""
    files = json.loads(read(f"{index}/alpha/"))["files"]
    assert len(files) == OLD_RELEASES * FILES_OF_A_RELEASE + 1
    wheel = read(urljoin(f"{index}/alpha/", files[-1]["url"]))
    assert wheels[0].sha256 == files[-1]["hashes"]["sha256"] == hashlib.sha256(wheel).hexdigest()


def test_tools_take_turns(ground: Ground) -> None:
    """Each side has as many samples as there were rounds, and linkd tells its phases."""
    work = Work(
        name="small",
        title="small",
        wheels=SMALL,
        timed=(Step.INSTALL_TOLD,),
        reach=Reach(),
        rounds=2,
        bare=True,
    )
    outcome = compete(work, ground)
    assert {side: len(of) for side, of in outcome.samples.items()} == {"linkd": 2, BARE: 2, "uv": 2}
    assert {"resolve", "fetch", "compile", "stage", "graft", "total"} == {
        *outcome.samples["linkd"][0].phases_ms
    }
    assert all(sample.cpu_ms > 0 for of in outcome.samples.values() for sample in of)


@pytest.mark.parametrize(
    ("before", "timed", "cold"),
    [
        ((Step.INSTALL,), Step.INSTALL, False),
        ((Step.INSTALL,), Step.UNINSTALL, False),
        ((), Step.RESOLVE, False),
        ((), Step.INSTALL, True),
    ],
    ids=["nothing to do", "uninstall", "resolve", "cold"],
)
def test_steps(before: tuple[Step, ...], timed: Step, cold: bool, ground: Ground) -> None:
    """linkd and uv can both do it."""
    work = Work(
        name="small",
        title="small",
        wheels=SMALL,
        before=before,
        timed=(timed,),
        reach=Reach(),
        rounds=1,
        cold=cold,
    )
    assert [*compete(work, ground).samples] == ["linkd", "uv"]


def test_nothing_is_left(index: str, tmp_path: Path) -> None:
    """Environments go with the end, others' files and the caches stay."""
    (tmp_path / "mine").touch()
    programs = Programs(python=base_interpreter(), peers=BIN, index=index)
    with Ground.at(tmp_path, programs, keep=True) as ground:
        ground.fill(ground.uv(), SMALL)
        assert ground.environment().is_dir()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["caches", "mine"]


def test_bare_calls(tmp_path: Path) -> None:
    """The floor makes the same tree of the same inodes."""
    source = tmp_path / "env" / "lib" / "a" / "b"
    source.mkdir(parents=True)
    (source / "x.py").write_text("x")
    measure_bare(tmp_path / "env", tmp_path / "copy")
    assert (source / "x.py").samefile(tmp_path / "copy" / "a" / "b" / "x.py")


def test_a_command_that_fails(tmp_path: Path) -> None:
    """What a failed command said is told."""
    around = Surroundings(folder=tmp_path, env={})
    with pytest.raises(CommandFailed, match="no such thing"):
        run([sys.executable, "-c", "raise SystemExit('no such thing')"], around)


def test_processor_time(ground: Ground) -> None:
    """A daemon's processor time grows by what it does."""
    pid = ground.linkd().daemon.pid
    before = processor_ms(pid)
    ground.linkd().settle()
    assert before < processor_ms(pid)


def test_footing(ground: Ground) -> None:
    """The client's start and the daemon's memory are measured with as many runs as are wanted."""
    start = measure_start(ground, rounds=2)
    assert (len(start.client_ms), len(start.interpreter_ms)) == (2, 2)
    memory = measure_memory(ground, wheels=5, installs=2)
    assert memory.idle > 0
    assert memory.after_all > 0


def test_crowd(ground: Ground) -> None:
    """Each level is measured with each tool."""
    crowd = gather(ground, wheels=SMALL, levels=(1, 3), rounds=1)
    assert {tool: [level.clients for level in levels] for tool, levels in crowd.levels.items()} == {
        "linkd": [1, 3],
        "uv": [1, 3],
    }
