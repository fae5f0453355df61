"""Runs one work: linkd and its peers in turn, in one run, in another order each round."""

import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.benchmarks import sets
from tests.benchmarks.bare import measure_bare
from tests.benchmarks.ground import Ground
from tests.benchmarks.processes import Timed, run
from tests.benchmarks.samples import Sample
from tests.benchmarks.tools import Asked, Command, Tool, phases
from tests.benchmarks.works import Step, Work

BARE: Final = "bare calls"
QUICK_ROUNDS: Final = 3
_INSTALLS: Final = {Step.INSTALL, Step.INSTALL_TOLD, Step.COMPILE}


@dataclass(slots=True)
class Outcome:
    """What a work showed on one file system."""

    work: str
    files: str
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    """By side: a tool's name, or BARE."""
    missing: str = ""
    """Why nothing was measured."""


def compete(work: Work, ground: Ground, *, quick: bool = False) -> Outcome:
    """Measure; a quick run has few rounds, and none with pip. Raises CommandFailed."""
    outcome = Outcome(work.name, ground.files)
    linkd = ground.linkd(pool=work.pool)
    if work.needs and not linkd.can(work.needs):
        outcome.missing = f"linkd-client does not know {work.needs} yet"
        return outcome
    sides: list[Tool] = [linkd, *(ground.tool(name) for name in work.peers)]
    once = [] if quick else [ground.tool(name) for name in work.once]
    _prepare(work, ground, [*sides, *once])
    kept: dict[str, Path] = {}
    for number in range(min(work.rounds, QUICK_ROUNDS) if quick else work.rounds):
        for tool in _turn([*sides, *(once if number == 0 else [])], number):
            trial = _Trial(work, ground, number, kept.get(tool.name))
            sample = trial.run(tool)
            if work.steady:
                kept[tool.name] = trial.environment
            outcome.samples.setdefault(tool.name, []).append(sample)
            if work.bare and tool is linkd:
                bare = measure_bare(trial.environment, ground.place())
                outcome.samples.setdefault(BARE, []).append(bare)
            print(".", end="", file=sys.stderr, flush=True)
    ground.clear()
    return outcome


def _turn(sides: Sequence[Tool], number: int) -> list[Tool]:
    start = number % len(sides)
    return [*sides[start:], *sides[:start]]


def _prepare(work: Work, ground: Ground, tools: Sequence[Tool]) -> None:
    """What has to be in the caches; what every tool may know before the first round."""
    if work.cold:
        return
    for tool in tools:
        ground.fill(tool, work.wheels)
        if Step.INSTALL_OLD in work.before:
            ground.fill(tool, sets.OLD)
        if Step.RESOLVE_MORE in work.timed:
            ground.fill(tool, sets.MORE)
        if {Step.RESOLVE, Step.RESOLVE_MORE} & {*work.timed}:
            trial = _Trial(work, ground, 0)
            run(trial.command(tool, Step.RESOLVE), tool.around)
            tool.settle()


class _Trial:
    """One tool's one run, in its own environment."""

    def __init__(
        self, work: Work, ground: Ground, number: int, environment: Path | None = None
    ) -> None:
        self._work = work
        self._ground = ground
        self._number = number
        self._is_ready = environment is not None
        self.environment = environment or (
            ground.place() if work.own_venv else ground.environment()
        )

    def run(self, tool: Tool) -> Sample:
        with self._cache_of(tool) as ready:
            for step in () if self._is_ready else self._work.before:
                run(self.command(ready, step), ready.around)
            if self._work.pool and not self._work.cold and _INSTALLS & {*self._work.timed}:
                ready.warm(self._asked(Step.INSTALL))
            ready.settle()
            before = ready.background_ms()
            timed = [run(self.command(ready, step), ready.around) for step in self._work.timed]
            ready.settle()
            return _sample(timed, ready.background_ms() - before)

    @contextlib.contextmanager
    def _cache_of(self, tool: Tool) -> Iterator[Tool]:
        if not self._work.cold:
            yield tool
            return
        folder = self._ground.place()
        folder.mkdir()
        with tool.emptied(folder) as empty:
            yield empty
        # Caches are large: room is worth more here than the peace of what comes next, for which
        # there is a sync.
        self._ground.discard(folder, self.environment)

    def command(self, tool: Tool, step: Step) -> Command:
        wheels = self._work.wheels
        if step is Step.VENV:
            return tool.venv(self.environment)
        if step is Step.UNINSTALL:
            return tool.uninstall(self.environment, wheels.pins[0].partition("==")[0])
        if step is Step.IMPORT:
            return [str(self.environment / "bin" / "python"), "-c", wheels.imports]
        return tool.install(self._asked(step))

    def _asked(self, step: Step) -> Asked:
        resolve = step in {Step.RESOLVE, Step.RESOLVE_MORE}
        return Asked(
            environment=self.environment,
            file=self._file(step),
            resolve=resolve,
            dry=resolve,
            told=resolve or step is Step.INSTALL_TOLD,
            cold=self._work.cold,
            compile_bytecode=step is Step.COMPILE,
        )

    def _file(self, step: Step) -> Path:
        wheels = self._work.wheels
        match step:
            case Step.RESOLVE:
                return self._ground.requirements(wheels)
            case Step.RESOLVE_MORE:
                more = sets.MORE.pins[self._number % len(sets.MORE.pins)]
                return self._ground.requirements(wheels, more)
            case Step.INSTALL_OLD:
                return self._ground.pins(sets.OLD)
            case _:
                return self._ground.pins(wheels)


def _sample(timed: Sequence[Timed], background_ms: float) -> Sample:
    return Sample(
        wall_ms=sum(one.wall_ms for one in timed),
        cpu_ms=sum(one.cpu_ms for one in timed) + background_ms,
        phases_ms=phases(timed[-1].out),
    )
