"""What a person reads in a terminal, rendered here so that the client need not know anything.

Each line begins with its channel: ``o`` is for stdout, ``e`` for stderr, ``p`` replaces the one
live progress line, ``x`` is the exit code and the last.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from linkd.api.schema import (
    Problem,
    Result,
    ShutdownAnswer,
    StatusAnswer,
    VenvAnswer,
    WarmAnswer,
)
from linkd.core.progress import Phase, Progress

MEDIA_TYPE: Final = "application/vnd.linkd.lines"

_COLLISIONS_SHOWN: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """What the client says of its terminal."""

    columns: int = 80
    color: bool = False
    progress: bool = False
    verbosity: int = 0

    @classmethod
    def parse(cls, header: str) -> "Terminal":
        """From ``columns=80,color=1,progress=1,verbosity=0``; what is not known is passed over."""
        values: dict[str, int] = {}
        for member in header.split(","):
            name, _, value = member.strip().partition("=")
            if value.lstrip("-").isdecimal():
                values[name] = int(value)
        return cls(
            columns=min(max(values.get("columns", 80), 20), 1000),
            color=bool(values.get("color")),
            progress=bool(values.get("progress")),
            verbosity=values.get("verbosity", 0),
        )

    def paint(self, text: str, *codes: int) -> str:
        return f"\x1b[{';'.join(map(str, codes))}m{text}\x1b[0m" if self.color else text

    def bold(self, text: str) -> str:
        return self.paint(text, 1)

    def dim(self, text: str) -> str:
        return self.paint(text, 2)


def encode(lines: Iterable[str], exit_code: int) -> bytes:
    return "".join(f"{line}\n" for line in (*lines, f"x{exit_code}")).encode()


def clean(text: str) -> str:
    """Foreign text (names, messages of servers) without what a terminal would act upon."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def render_problem(problem: Problem, terminal: Terminal) -> Iterator[str]:
    first, *rest = problem.detail.splitlines() or [problem.title]
    yield f"e{terminal.paint('error', 1, 31)}: {clean(first)}"
    for line in rest:
        yield f"e  {clean(line)}"
    if problem.hint:
        yield f"e{terminal.paint('hint', 1, 36)}: {clean(problem.hint)}"


def render_result(result: Result, terminal: Terminal) -> Iterator[str]:
    for text in result.warnings:
        yield warning(text, terminal)
    yield from _render_collisions(result, terminal)
    for file in result.replaced_files:
        yield warning(
            f"{file.path} was there and nobody's; it is kept as {file.moved_to}", terminal
        )
    if terminal.verbosity < 0:
        return
    if result.links.fallback and result.installed:
        fallback = result.links.fallback
        yield (
            f"e{terminal.dim('note')}: {fallback.used}, not {fallback.wanted}: "
            f"{clean(fallback.detail)}"
        )
    yield f"o{_headline(result, terminal)}"
    yield from _render_changes(result, terminal)
    if terminal.verbosity > 0:
        yield from _render_details(result, terminal)


def _headline(result: Result, terminal: Terminal) -> str:
    came, went = len(result.installed), len(result.removed)
    took = terminal.dim(f"in {duration(result.timings_ms.total)}")
    would = "Would have " if result.dry_run else ""
    if came:
        verb = f"{would}installed" if would else "Installed"
        return f"{verb} {terminal.bold(_count(came, 'distribution'))} {took}"
    if went:
        verb = f"{would}uninstalled" if would else "Uninstalled"
        return f"{verb} {terminal.bold(_count(went, 'distribution'))} {took}"
    stays = terminal.bold(_count(len(result.unchanged), "distribution"))
    return f"Nothing to do: {stays} already there {took}"


def _render_changes(result: Result, terminal: Terminal) -> Iterator[str]:
    came = {entry.name: entry.version for entry in result.installed}
    # One name may be there several times, where others left a second installation.
    went: defaultdict[str, list[str]] = defaultdict(list)
    for entry in result.removed:
        went[entry.name].append(entry.version)
    for name in sorted(came.keys() | went.keys()):
        new = came.get(name)
        for old in went[name]:
            if old != new:
                yield f"o {terminal.paint('-', 31)} {_pin(name, old, terminal)}"
        if new is not None and new in went[name]:
            yield f"o {terminal.paint('~', 33)} {_pin(name, new, terminal)}"
        elif new is not None:
            yield f"o {terminal.paint('+', 32)} {_pin(name, new, terminal)}"


def _render_collisions(result: Result, terminal: Terminal) -> Iterator[str]:
    different = [collision for collision in result.collisions if not collision.identical]
    for collision in different[:_COLLISIONS_SHOWN]:
        owners = " and ".join(collision.distributions)
        yield warning(
            f"{owners} both contain {collision.path}, with different content; "
            f"that of {collision.kept} was kept",
            terminal,
        )
    if len(different) > _COLLISIONS_SHOWN:
        more = _count(len(different) - _COLLISIONS_SHOWN, "more path")
        yield warning(f"{more} with different content (--json names them all)", terminal)
    if terminal.verbosity > 0 and len(different) < len(result.collisions):
        shared = _count(len(result.collisions) - len(different), "path")
        yield f"o{terminal.dim(f'{shared} shared by several distributions, with the same content')}"


def _render_details(result: Result, terminal: Terminal) -> Iterator[str]:
    links = result.links
    modes = {
        "hardlinked": links.hardlink,
        "reflinked": links.reflink,
        "copied": links.copy_,
        "symlinked": links.symlink,
    }
    files = ", ".join(f"{count:,} {mode}" for mode, count in modes.items() if count)
    if files:
        yield f"o{terminal.dim(f'files: {files}')}"
    sizes = result.bytes
    yield "o" + terminal.dim(
        f"bytes: {size(sizes.linked)} linked, {size(sizes.copied)} copied, "
        f"{size(sizes.downloaded)} downloaded"
    )
    times = result.timings_ms
    phases: Mapping[str, float] = {
        "resolve": times.resolve,
        "fetch": times.fetch,
        "compile": times.compile,
        "stage": times.stage,
        "graft": times.graft,
    }
    spent = ", ".join(f"{name} {duration(ms)}" for name, ms in phases.items())
    yield f"o{terminal.dim(f'times: {spent}')}"


def render_warm(answer: WarmAnswer, terminal: Terminal) -> Iterator[str]:
    for text in answer.warnings:
        yield warning(text, terminal)
    if terminal.verbosity < 0:
        return
    staged = [entry for entry in answer.distributions if entry.staged]
    ready = sum(entry.ready > 0 and not entry.staged for entry in answer.distributions)
    took = terminal.dim(f"in {duration(answer.timings_ms.total)}")
    already = terminal.bold(_count(ready, "distribution"))
    if staged:
        headline = f"Staged {terminal.bold(_count(len(staged), 'distribution'))} {took}"
        yield f"o{headline}{f'; {already} ready already' if ready else ''}"
    elif ready:
        yield f"oNothing to do: {already} ready already {took}"
    else:
        kept = terminal.bold(_count(len(answer.distributions), "distribution"))
        yield f"oNothing was staged; {kept} in the cache {took}"
    for entry in answer.distributions:
        if entry.fetched or entry.staged:
            yield f"o {terminal.paint('+', 32)} {_pin(entry.name, entry.version, terminal)}"
    if terminal.verbosity > 0:
        yield f"o{terminal.dim(f'bytes: {size(answer.bytes.downloaded)} downloaded')}"


def render_venv(answer: VenvAnswer, terminal: Terminal) -> Iterator[str]:
    if terminal.verbosity < 0:
        return
    yield (
        f"oCreated an environment with {answer.implementation} {answer.version} "
        f"at {terminal.bold(clean(answer.environment))}"
    )
    yield f"o{terminal.dim(f'Activate it with: source {clean(answer.environment)}/bin/activate')}"


def render_status(answer: StatusAnswer, terminal: Terminal) -> Iterator[str]:
    rows = {
        "daemon": f"linkd {answer.version}, pid {answer.pid}, up {age(answer.uptime_s)}",
        "socket": answer.socket,
        "requests": f"{answer.requests.active} active, {answer.requests.total} in all",
        "background": f"{answer.background.pending} pending",
        "cache": f"{_count(answer.cache.wheels, 'wheel')}, {size(answer.cache.bytes)}, "
        f"in {answer.cache_dir}",
        "pool": f"{answer.pool.staged} staged, {_count(answer.pool.hits, 'hit')}, "
        f"{answer.pool.misses} missed",
        "environments": str(answer.environments),
        "memory": size(answer.rss_bytes),
    }
    for name, value in rows.items():
        yield f"o{terminal.dim(f'{name:<13}')}{value}"
    for text in answer.warnings:
        yield warning(text, terminal)


def render_shutdown(answer: ShutdownAnswer, terminal: Terminal) -> Iterator[str]:
    if terminal.verbosity >= 0:
        after = f", after {_count(answer.active, 'request')}" if answer.active else ""
        yield f"oThe daemon (pid {answer.pid}) is stopping{after}"


_DOING: Final = {
    Phase.RESOLVE: "Resolving",
    Phase.FETCH: "Downloading",
    Phase.BUILD: "Building",
    Phase.UNPACK: "Unpacking",
    Phase.COMPILE: "Compiling",
    Phase.STAGE: "Staging",
    Phase.GRAFT: "Grafting",
}


def render_progress(news: Iterable[Progress], terminal: Terminal) -> str:
    """One live line: of the latest phase, how many things are under way and how far they are."""
    latest = list(news)
    if not latest:
        return "p"
    phase = max(latest, key=lambda progress: list(Phase).index(progress.phase)).phase
    things = [progress for progress in latest if progress.phase is phase and progress.subject]
    text = _DOING[phase]
    whole = next((progress for progress in latest if progress.phase is phase), None)
    if whole is not None and not things and whole.done:
        text += f" {whole.done} of {whole.total}"
    if phase in {Phase.FETCH, Phase.UNPACK} and things:
        done = sum(thing.done for thing in things)
        total = sum(thing.total or 0 for thing in things)
        text = f"{text} {size(done)} of {size(total)}" if total else f"{text} {size(done)}"
    if things:
        separator = " " if phase is Phase.BUILD else ": "
        text += separator + ", ".join(clean(thing.subject) for thing in things)
    return "p" + (text if len(text) < terminal.columns else f"{text[: terminal.columns - 2]}…")


def duration(ms: float) -> str:
    """``3.1 ms``, ``21 ms``, ``1.42 s``, ``2 min 5 s``."""
    # The limits are where rounding would give the next unit.
    if ms < 9.95:
        return f"{ms:.1f} ms"
    if ms < 999.5:
        return f"{ms:.0f} ms"
    if ms < 59_995:
        return f"{ms / 1000:.2f} s"
    minutes, seconds = divmod(round(ms / 1000), 60)
    return f"{minutes} min {seconds} s"


def age(seconds: float) -> str:
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{max(seconds // 60, 1):.0f} min"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"


def size(count: float) -> str:
    """Bytes for a person, in powers of 1,024."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.2f} GiB"


def _pin(name: str, version: str, terminal: Terminal) -> str:
    return f"{terminal.bold(clean(name))}{terminal.dim(f'=={clean(version)}')}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def warning(text: str, terminal: Terminal) -> str:
    return f"e{terminal.paint('warning', 1, 33)}: {clean(text)}"
