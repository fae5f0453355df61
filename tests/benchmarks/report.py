"""Tells of the results: on the terminal, and as docs/benchmarks.md with its plots."""

import json
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.crowd import Crowd
from tests.benchmarks.drawing import draw_bars, draw_lines, draw_timeline
from tests.benchmarks.footing import INSTALLS, WHEELS
from tests.benchmarks.results import Results
from tests.benchmarks.samples import median, walls
from tests.benchmarks.serving import FILES_OF_A_RELEASE, OLD_RELEASES
from tests.benchmarks.table import (
    CROWD_HEAD,
    HEAD,
    SIDES,
    as_markdown,
    as_text,
    crowd_lines,
    crowd_rows,
    memory_lines,
    start_lines,
    work_rows,
)
from tests.benchmarks.works import WORKS

PLOTS = "benchmarks"
"""The folder of the plots, beside the document."""

_METHOD = f"""\
- Times are whole processes, from the start of the client to its exit; medians, and in brackets the
  least and the most. Tools take turns within one run, in another order each round. pip, where it
  takes part, does so once: it is there for orientation. *uv/linkd* is uv's median over linkd's, so more
  is better; *cpu uv/linkd* is the same of processor time, with the daemon, its workers and what they
  do in the background until they are idle again.
- Every run has a fresh environment at a path that no tool has seen. Environments are deleted when
  all has been measured: freeing thousands of folders slows the next run on ext4 threefold.
- Both tools' caches are warm and lie on the environment's file system. Nothing comes from a network:
  an index on loopback serves the same wheels to all, and its pages list {OLD_RELEASES} older releases
  with {FILES_OF_A_RELEASE} files each for every project, as the pages of a real index would.
- *bare calls* are the mkdir(2) and link(2) calls that the same tree takes, relative to descriptors of
  the folders, from one thread: what an installer that links when it is asked cannot go below.
- Pins are in `tests/cases/benchmarks/`. No figure fails a run; *met* and *missed* say how it stands.
"""


def as_terminal(results: Results) -> str:
    return "\n\n".join(_sections(results))


def _sections(results: Results) -> Iterator[str]:
    yield f"{results.machine}\n{_versions(results)}"
    if results.outcomes:
        yield as_text(HEAD, work_rows(results, titles=False))
    for crowd in results.crowds:
        told = "\n".join(crowd_lines(crowd))
        yield f"clients at once, {crowd.files}\n{as_text(CROWD_HEAD, crowd_rows(crowd))}\n{told}"
    if results.start:
        yield "client's start\n" + "\n".join(start_lines(results.start))
    if lines := memory_lines(results):
        yield "daemon's memory\n" + "\n".join(lines)


def write(results: Results, document: Path) -> None:
    """Write the document, and the plots into a folder beside it."""
    folder = document.parent / PLOTS
    folder.mkdir(parents=True, exist_ok=True)
    for name, plot in plots(results).items():
        (folder / f"{name}.svg").write_text(plot)
    (folder / "results.json").write_text(json.dumps(results.as_json(), indent=1) + "\n")
    document.write_text("\n\n".join(_document(results)) + "\n")


def _document(results: Results) -> Iterator[str]:
    yield "# Benchmarks"
    yield f"Written by `{results.command}` on {results.day}, on {results.machine}; {_versions(results)}."
    yield "## How it is measured"
    yield _METHOD.rstrip()
    yield "## Works"
    yield as_markdown(HEAD, work_rows(results, titles=True))
    for files in _file_systems(results):
        yield f"![Bars: each work on {files}]({PLOTS}/works-{files}.svg)"
    for files in _file_systems(results):
        yield f"![Timeline of one install on {files}]({PLOTS}/timeline-{files}.svg)"
    for crowd in results.crowds:
        yield f"## Clients at once, {crowd.files}"
        yield f"Each installs 40 distributions into an environment of its own.\n\n{_crowd(crowd)}"
    if results.start:
        yield "## The client's start"
        yield _listed(start_lines(results.start))
    if lines := memory_lines(results):
        yield "## The daemon's memory"
        yield f"Small: {WHEELS} wheels in the cache, then {INSTALLS} installs of five of them."
        yield _listed(lines)


def _crowd(crowd: Crowd) -> str:
    table = as_markdown(CROWD_HEAD, crowd_rows(crowd))
    plots = "\n".join(
        f"![{title} on {crowd.files}]({PLOTS}/{name}-{crowd.files}.svg)"
        for name, title in (("throughput", "Throughput"), ("latency", "Latency"))
    )
    return f"{table}\n\n{_listed(crowd_lines(crowd))}\n\n{plots}"


def _listed(lines: list[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _versions(results: Results) -> str:
    return ", ".join(results.versions.values())


def _file_systems(results: Results) -> list[str]:
    return list(dict.fromkeys(outcome.files for outcome in results.outcomes))


def plots(results: Results) -> dict[str, str]:
    """SVG by name."""
    drawn = {}
    for files in _file_systems(results):
        groups = _groups(results, files)
        if groups:
            drawn[f"works-{files}"] = draw_bars(f"Medians on {files}, less is better", groups)
        if rows := _timeline(results, files):
            drawn[f"timeline-{files}"] = draw_timeline(
                f"One install of 164 distributions on {files}, milliseconds from the start", rows
            )
    for crowd in results.crowds:
        lines = crowd.levels.items()
        drawn[f"throughput-{crowd.files}"] = draw_lines(
            f"Installs a second on {crowd.files}, more is better",
            {tool: [(one.clients, one.per_second) for one in levels] for tool, levels in lines},
        )
        drawn[f"latency-{crowd.files}"] = draw_lines(
            f"99th percentile on {crowd.files}, milliseconds, less is better",
            {tool: [(one.clients, one.p99_ms) for one in levels] for tool, levels in lines},
        )
    return drawn


def _groups(results: Results, files: str) -> dict[str, dict[str, float]]:
    found = ((work, results.outcome(work.name, files)) for work in WORKS)
    return {
        work.title: {
            side: median(walls(outcome.samples[side])) for side in SIDES if side in outcome.samples
        }
        for work, outcome in found
        if outcome is not None and outcome.samples
    }


def _timeline(results: Results, files: str) -> dict[str, list[tuple[str, float]]]:
    """Where the time of linkd's median install goes, by the daemon's own word; uv's as a whole."""
    outcome, peers = results.outcome("many-told", files), results.outcome("many", files)
    if outcome is None or peers is None or results.start is None:
        return {}
    ours = sorted(outcome.samples["linkd"], key=lambda sample: sample.wall_ms)
    sample = ours[len(ours) // 2]
    told = sample.phases_ms
    interpreter = median(results.start.interpreter_ms)
    client = max(median(results.start.client_ms) - interpreter, 0)
    phases = [(name, told[name]) for name in ("resolve", "fetch", "stage", "graft")]
    other = max(told["total"] - sum(ms for _, ms in phases), 0)
    rest = max(sample.wall_ms - interpreter - client - told["total"], 0)
    spans = [
        ("interpreter", interpreter),
        ("client", client),
        *phases,
        ("the daemon's rest", other),
    ]
    return {
        "linkd": [*spans, ("answer and exit", rest)],
        "uv": [("uv, as a whole", median(walls(peers.samples["uv"])))],
    }
