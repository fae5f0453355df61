"""The works that are measured: what there is before, what is timed, and what shall be reached."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.benchmarks import sets
from tests.benchmarks.sets import WheelSet


class Step(enum.Enum):
    """One command of a work."""

    VENV = "create the environment"
    INSTALL = "install the pins"
    INSTALL_TOLD = "install the pins, and tell of the daemon's own times"
    INSTALL_OLD = "install the release before"
    COMPILE = "install the pins with bytecode"
    UNINSTALL = "uninstall"
    RESOLVE = "resolve, install nothing"
    RESOLVE_MORE = "resolve with a requirement more than ever"
    IMPORT = "import"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What shall be reached; each bound that is None is not asked for."""

    times_uv: Mapping[str, float] = field(default_factory=dict)
    """By file system: so many times as fast as uv, at least."""
    resolve_ms: float | None = None
    """The daemon's own word on resolving, at most."""
    times_bare: float | None = None
    """So many times the bare system calls' time, at most."""
    times_cpu: float | None = None
    """So many times uv's processor time, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What linkd and its peers do one after the other, each in an environment of its own."""

    name: str
    title: str
    wheels: WheelSet
    before: tuple[Step, ...] = ()
    timed: tuple[Step, ...]
    reach: Reach
    peers: tuple[str, ...] = ("uv",)
    once: tuple[str, ...] = ()
    """Peers that are so slow that they take part in the first round only."""
    rounds: int = 7
    own_venv: bool = False
    """The environment is made by the tool, in `timed`."""
    cold: bool = False
    """Each run begins with an empty cache."""
    pool: bool = True
    bare: bool = False
    """The bare system calls take part."""
    needs: str = ""
    """An option that linkd-client must know."""
    disk_only: bool = False
    """Too large for a file system in memory."""
    steady: bool = False
    """Nothing changes, so that each tool keeps its environment from round to round."""
    quick: bool = False
    """Belongs to the quick run."""


def _both(least: float) -> dict[str, float]:
    return {"ext4": least, "tmpfs": least}


WORKS: Final = (
    Work(
        name="many",
        title="164 distributions, pins given, fresh environment",
        wheels=sets.MANY,
        timed=(Step.INSTALL,),
        reach=Reach(times_uv={"ext4": 15, "tmpfs": 10}, times_cpu=1.2),
        once=("pip",),
        quick=True,
        rounds=5,
    ),
    Work(
        name="jax",
        title="jax[cuda12], 19 distributions, pins given, fresh environment",
        wheels=sets.JAX,
        timed=(Step.INSTALL,),
        reach=Reach(times_uv={"ext4": 5, "tmpfs": 4}, times_cpu=1.2),
    ),
    Work(
        name="many-told",
        title="164 distributions, with the daemon's own times told",
        wheels=sets.MANY,
        timed=(Step.INSTALL_TOLD,),
        reach=Reach(),
        peers=(),
        rounds=3,
    ),
    Work(
        name="many-unpooled",
        title="164 distributions, pool empty",
        wheels=sets.MANY,
        timed=(Step.INSTALL,),
        reach=Reach(times_uv=_both(1), times_bare=1.3),
        pool=False,
        bare=True,
        rounds=5,
    ),
    Work(
        name="jax-unpooled",
        title="jax[cuda12], pool empty",
        wheels=sets.JAX,
        timed=(Step.INSTALL,),
        reach=Reach(times_uv=_both(1), times_bare=1.3),
        pool=False,
        bare=True,
    ),
    Work(
        name="many-resolve",
        title="19 requirements (164 distributions) resolved the second time",
        wheels=sets.MANY,
        timed=(Step.RESOLVE,),
        reach=Reach(resolve_ms=20),
        quick=True,
    ),
    Work(
        name="jax-resolve",
        title="jax[cuda12] resolved the second time",
        wheels=sets.JAX,
        timed=(Step.RESOLVE,),
        reach=Reach(resolve_ms=5),
    ),
    Work(
        name="many-resolve-more",
        title="19 requirements and one more than ever resolved",
        wheels=sets.MANY,
        timed=(Step.RESOLVE_MORE,),
        reach=Reach(resolve_ms=60),
    ),
    Work(
        name="jax-resolve-more",
        title="jax[cuda12] and one more requirement than ever resolved",
        wheels=sets.JAX,
        timed=(Step.RESOLVE_MORE,),
        reach=Reach(resolve_ms=20),
    ),
    Work(
        name="many-nothing",
        title="nothing to do, 164 distributions",
        wheels=sets.MANY,
        before=(Step.INSTALL,),
        timed=(Step.INSTALL,),
        reach=Reach(times_uv=_both(1)),
        once=("pip",),
        quick=True,
        steady=True,
    ),
    Work(
        name="one-nothing",
        title="nothing to do, one distribution",
        wheels=sets.ONE,
        before=(Step.INSTALL,),
        timed=(Step.INSTALL,),
        reach=Reach(times_uv=_both(1)),
        once=("pip",),
        quick=True,
        steady=True,
    ),
    Work(
        name="upgrade",
        title="upgrade of one large distribution",
        wheels=sets.LARGE,
        before=(Step.INSTALL_OLD,),
        timed=(Step.INSTALL,),
        reach=Reach(times_uv=_both(1)),
        once=("pip",),
        quick=True,
    ),
    Work(
        name="uninstall",
        title="uninstall of one large distribution",
        wheels=sets.LARGE,
        before=(Step.INSTALL,),
        timed=(Step.UNINSTALL,),
        reach=Reach(times_uv=_both(1)),
        once=("pip",),
        quick=True,
    ),
    Work(
        name="import",
        title="create, install 164 distributions, first import",
        wheels=sets.MANY,
        timed=(Step.VENV, Step.INSTALL, Step.IMPORT),
        reach=Reach(times_uv=_both(4)),
        rounds=3,
        own_venv=True,
    ),
    Work(
        name="import-compiled",
        title="the same with --compile-bytecode",
        wheels=sets.MANY,
        timed=(Step.VENV, Step.COMPILE, Step.IMPORT),
        reach=Reach(times_uv=_both(4)),
        rounds=2,
        own_venv=True,
        needs="--compile-bytecode",
    ),
    Work(
        name="many-cold",
        title="164 distributions, everything downloaded (index on loopback)",
        wheels=sets.MANY,
        timed=(Step.INSTALL,),
        reach=Reach(times_uv=_both(1 / 1.1)),
        rounds=3,
        cold=True,
    ),
    Work(
        name="jax-cold",
        title="jax[cuda12], everything downloaded (index on loopback)",
        wheels=sets.JAX,
        timed=(Step.INSTALL,),
        reach=Reach(times_uv=_both(1 / 1.1)),
        rounds=2,
        cold=True,
        disk_only=True,
    ),
)
