"""The race that linkd exists for: eight clients at once, one environment, wheels that collide.

Ten NVIDIA wheels all contain `nvidia/__init__.py`. Installers that remove and then link a file trip
over each other there when they run side by side. This starts a daemon of its own, has eight client
processes install overlapping sets of these wheels into one environment, makes a second environment
from the same cache, and then compares every file with what RECORD says of it.
"""

import argparse
import contextlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from environments import (
    Environment,
    cache_leftovers,
    disk_use,
    failed_imports,
    inodes_below,
    temporary_names,
    unrecorded,
    wrong_rows,
)
from terminal import Terminal, seconds, size

CUPTI: Final = "nvidia-cuda-cupti-cu12==12.3.101"
JITLINK: Final = "nvidia-nvjitlink-cu12==12.3.101"
JPEG: Final = "nvidia-nvjpeg-cu12==12.3.0.81"
NVCC: Final = "nvidia-cuda-nvcc-cu12==12.3.107"
NVML: Final = "nvidia-nvml-dev-cu12==12.3.101"
NVRTC: Final = "nvidia-cuda-nvrtc-cu12==12.3.107"
NVTX: Final = "nvidia-nvtx-cu12==12.3.101"
OPENCL: Final = "nvidia-cuda-opencl-cu12==12.3.101"
RUNTIME: Final = "nvidia-cuda-runtime-cu12==12.3.101"
SANITIZER: Final = "nvidia-cuda-sanitizer-api-cu12==12.3.101"

WHEELS: Final = {
    CUPTI: 13_978_802,
    JITLINK: 20_544_772,
    JPEG: 3_496_794,
    NVCC: 21_955_316,
    NVML: 98_527,
    NVRTC: 24_875_439,
    NVTX: 99_140,
    OPENCL: 102_866,
    RUNTIME: 867_700,
    SANITIZER: 5_679_714,
}
"""Released wheels that contain nvidia/__init__.py as a file, with their bytes (for x86_64)."""

OTHERS_AT_MOST: Final = 8 << 20
"""Bytes of the wheels of requests and rich, and of what those need, with room to grow."""

ASKED: Final = (
    (NVRTC, RUNTIME, "requests"),
    (NVCC, JITLINK, "rich"),
    (CUPTI, NVTX, NVRTC),
    (JITLINK, JPEG, "requests", "rich"),
    (SANITIZER, CUPTI, NVML),
    (OPENCL, RUNTIME, NVCC),
    (NVRTC, JITLINK, NVTX, "requests"),
    (JPEG, NVML, OPENCL, RUNTIME, SANITIZER, "rich"),
)
"""What each of the eight asks for; everything is asked for at least twice."""

CONTESTED: Final = "nvidia/__init__.py"
LARGE: Final = "nvidia/cuda_nvrtc/lib/libnvrtc.so.12"
_CLIENT_FLAGS: Final = ("--json", "--no-autostart")
_PATIENCE_S: Final = 30
_MOST_SHOWN: Final = 8


class Failed(Exception):
    """Something is not as it should be; the text is for the reader."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """One client's run. Moments are seconds since the start of the race."""

    number: int
    began: float
    ended: float
    answer: dict[str, Any]

    @property
    def took(self) -> float:
        return self.ended - self.began

    @property
    def linking(self) -> float:
        times = self.answer["timings_ms"]
        return float(times["stage"] + times["graft"]) / 1000

    @property
    def downloaded(self) -> int:
        return int(self.answer["bytes"]["downloaded"])

    def names(self, member: str) -> set[str]:
        return {entry["name"] for entry in self.answer[member]}


@dataclass(slots=True)
class Demo:
    terminal: Terminal
    folder: Path
    cache: Path
    socket: Path = field(init=False)
    wheels_before: int = 0

    def __post_init__(self) -> None:
        self.socket = self.folder / "run" / "linkd.sock"

    def client(self, *arguments: str) -> dict[str, Any]:
        """Run a client process; its JSON answer. Raises Failed."""
        run = subprocess.run(
            [_command("linkd-client"), *arguments, *_CLIENT_FLAGS, "--socket", str(self.socket)],
            capture_output=True,
            text=True,
            check=False,
            env=_surroundings(),
        )
        if run.returncode == 0:
            answer: dict[str, Any] = json.loads(run.stdout)
            return answer
        raise Failed(_complaint(run))

    @contextlib.contextmanager
    def daemon(self) -> Iterator[str]:
        """A daemon of our own, its first line, and its end. Raises Failed."""
        log = self.folder / "daemon.log"
        command = [_command("linkd"), "serve", "--socket", str(self.socket)]
        command += ["--cache-dir", str(self.cache), "--log-level", "warning"]
        with log.open("w") as errors:
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, text=True, env=_surroundings()
            )
        try:
            assert process.stdout is not None
            ready = process.stdout.readline().strip()
            if not ready:
                process.wait(_PATIENCE_S)
                raise Failed(f"the daemon did not start:\n{log.read_text().strip()}")
            yield ready
            self.client("shutdown")
            code = process.wait(_PATIENCE_S)
            if code != 0 or log.stat().st_size:
                raise Failed(f"the daemon ended with {code}:\n{log.read_text().strip()}")
        finally:
            _end(process)

    def make_environment(self, name: str) -> tuple[Environment, float]:
        began = time.perf_counter()
        self.client("venv", str(self.folder / name), "--python", sys.executable)
        took = time.perf_counter() - began
        return Environment(name, self.folder / name), took

    def race(self, environment: Environment) -> list[Finish]:
        """Eight client processes at once. Raises Failed after the last has ended."""
        line = threading.Barrier(len(ASKED))
        start = time.perf_counter()

        def run(number: int) -> Finish:
            line.wait()
            began = time.perf_counter()
            answer = self.client("install", "-p", str(environment.path), *ASKED[number])
            ended = time.perf_counter()
            return Finish(
                number=number + 1, began=began - start, ended=ended - start, answer=answer
            )

        finished, failed = [], []
        with ThreadPoolExecutor(len(ASKED)) as threads:
            for future in as_completed([threads.submit(run, each) for each in range(len(ASKED))]):
                try:
                    finished.append(future.result())
                except Failed as error:
                    failed.append(str(error))
                self.terminal.show(f"  {len(finished)} of {len(ASKED)} clients are done")
        if failed:
            raise Failed("\n".join(sorted(set(failed))))
        return sorted(finished, key=lambda finish: finish.number)

    def install_all(self, environment: Environment) -> Finish:
        """One client asks for everything that the eight asked for."""
        everything = sorted({requirement for asked in ASKED for requirement in asked})
        began = time.perf_counter()
        answer = self.client("install", "-p", str(environment.path), *everything)
        return Finish(number=0, began=0, ended=time.perf_counter() - began, answer=answer)


def run(demo: Demo) -> bool:
    """The whole story; whether everything was as it should be."""
    terminal = demo.terminal
    began = time.perf_counter()
    with demo.daemon():
        up = time.perf_counter() - began
        status = demo.client("status")
        demo.wheels_before = status["cache"]["wheels"]
        show_start(demo, status, up)
        one, made = demo.make_environment("one")
        count = f"{len(ASKED)} clients at once, one environment"
        terminal.head(count, f"({one.path.name}/, made in {seconds(made)})")
        terminal.show("  they are under way; most of it is downloading")
        finishes = demo.race(one)
        show_race(terminal, finishes)
        show_distributions(terminal, finishes)
        show_shared(terminal, one)
        two, _ = demo.make_environment("two")
        second = demo.install_all(two)
        show_second(terminal, finishes, second)
        demo.client("status", "--wait-idle")
        show_links(demo, (one, two), second)
        return verify(demo, (one, two), finishes, second)


def show_start(demo: Demo, status: dict[str, Any], up: float) -> None:
    terminal = demo.terminal
    terminal.say(terminal.bold("linkd: the race"))
    machine = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    terminal.say(f"  machine    {machine}, {os.cpu_count()} processors")
    terminal.say(
        f"  daemon     linkd {status['version']}, pid {status['pid']}, up in {seconds(up)}"
    )
    held = demo.wheels_before
    cache = f"{held} wheels are in it already" if held else "empty: everything will be downloaded"
    terminal.say(f"  cache      {cache}")
    terminal.say(f"  folder     {demo.folder}")


def show_race(terminal: Terminal, finishes: Sequence[Finish]) -> None:
    whole = max(finish.ended for finish in finishes)
    width = terminal.width - 52
    columns = f"{'time':>8} {'linking':>9} {'came':>5} {'found':>6} {'download':>10}"
    terminal.say(terminal.dim(f"  {'client':<6} {'0 s'}{seconds(whole):>{width - 3}} {columns}"))
    for finish in finishes:
        times = finish.answer["timings_ms"]
        fetch = times["fetch"] / 1000
        linking = finish.linking
        parts = (
            (" ", finish.began if finish.began > whole / width else 0),
            ("·", max(finish.took - fetch - linking, 0)),
            ("━", fetch),
            ("█", linking),
        )
        bar = terminal.bar(parts, whole, width)
        linked = seconds(linking) if linking else "—"
        figures = f"{seconds(finish.took):>8} {linked:>9}"
        figures += f" {len(finish.answer['installed']):>5} {len(finish.answer['unchanged']):>6}"
        downloaded = size(finish.downloaded) if finish.downloaded else "—"
        terminal.say(f"  {finish.number:<6} {bar} {figures} {downloaded:>10}")
    keys = "· start, resolve   ━ download, check, unpack (or wait for it)   █ link"
    terminal.say(terminal.dim(f"  {'':<6} {keys}"))


def show_distributions(terminal: Terminal, finishes: Sequence[Finish]) -> None:
    entries = {
        entry["name"]: (entry, finish)
        for finish in finishes
        for entry in finish.answer["installed"]
    }
    total = sum(entry["bytes"] for entry, _ in entries.values())
    files = sum(entry["files"] for entry, _ in entries.values())
    terminal.head(
        f"{len(entries)} distributions installed", f"{files:,} files, {size(total)} unpacked"
    )
    numbers = " ".join(str(finish.number) for finish in finishes)
    name_width = terminal.width - 48
    header = f"  {'distribution':<{name_width}} {'version':>11} {'files':>6} {'size':>9}"
    terminal.say(terminal.dim(f"{header}  {numbers}"))
    for name, (entry, owner) in sorted(entries.items()):
        marks = []
        for finish in finishes:
            if finish is owner:
                marks.append(terminal.green("●"))
            elif name in finish.names("unchanged"):
                marks.append("○")
            else:
                marks.append(terminal.dim("·"))
        shown = name if len(name) <= name_width else f"{name[: name_width - 1]}…"
        figures = f"{entry['version']:>11} {entry['files']:>6,} {size(entry['bytes']):>9}"
        terminal.say(f"  {shown:<{name_width}} {figures}  {' '.join(marks)}")
    terminal.say(terminal.dim("  ● installed it   ○ wanted it too and found it there"))
    wanted = sum(len(finish.names("installed") | finish.names("unchanged")) for finish in finishes)
    apart = sum(WHEELS.get(requirement, 0) for asked in ASKED for requirement in asked)
    once = sum(finish.downloaded for finish in finishes)
    terminal.wrap(
        f"Between them the clients wanted {wanted}, with {size(apart)} of NVIDIA wheels alone. "
        f"Installed were {len(entries)}, downloaded {size(once)}."
    )


def show_shared(terminal: Terminal, one: Environment) -> None:
    shared = {path: names for path, names in one.owners().items() if len(names) > 1}
    terminal.head("Files that several distributions contain", "by their RECORDs")
    for path, names in sorted(shared.items())[:_MOST_SHOWN]:
        terminal.say(f"  {terminal.bold(path)}  in {len(names)} distributions")
        terminal.wrap(", ".join(names), "    ")
    if len(shared) > _MOST_SHOWN:
        terminal.say(f"  and {len(shared) - _MOST_SHOWN} more")


def show_second(terminal: Terminal, finishes: Sequence[Finish], second: Finish) -> None:
    terminal.head("A second environment", "one client asks for all of it; the cache has it")
    first = max(finish.ended for finish in finishes)
    width = terminal.width - 46
    for name, took, glyph, downloaded in (
        ("one, by eight", first, "━", sum(finish.downloaded for finish in finishes)),
        ("two, by one", second.took, "█", second.downloaded),
    ):
        bar = terminal.bar(((glyph, took),), max(first, second.took), width)
        came = f"{size(downloaded)} downloaded" if downloaded else "no download"
        terminal.say(f"  {name:<13} {bar} {seconds(took):>7}  {terminal.dim(came)}")
    times = {name: value / 1000 for name, value in second.answer["timings_ms"].items()}
    phases = {phase: times[phase] for phase in ("resolve", "fetch", "stage", "graft")}
    phases["rest"] = second.took - sum(phases.values())
    spent = ", ".join(f"{phase} {seconds(took)}" for phase, took in phases.items())
    terminal.wrap(spent, " " * 16)


def show_links(demo: Demo, environments: Sequence[Environment], second: Finish) -> None:
    terminal = demo.terminal
    terminal.head("How it is linked", "by inode, not by what linkd says")
    fallback = second.answer["links"]["fallback"]
    if fallback:
        terminal.wrap(f"linkd used {fallback['to']}, not {fallback['from']}: {fallback['detail']}")
    cached = inodes_below(demo.cache / "v1" / "wheels")
    # What is the same everywhere is linked too, and so is bytecode.
    shared = {*cached}
    for name in ("constants", "bytecode"):
        shared.update(inodes_below(demo.cache / "v1" / name))
    for environment in environments:
        disk = disk_use(environment, shared)
        words = f"{disk.shared:,} of {disk.files:,} files are the cache's own inodes"
        if disk.shared:
            words += (
                f". The other {disk.files - disk.shared:,} (commands, their RECORD, ...) "
                f"were written for it: {size(disk.own)} of {size(disk.size)}"
            )
        terminal.wrap(f"{environment.name}: {words}.", hanging=" " * 7)
    for path in (CONTESTED, LARGE):
        facts = (environments[0].site / path).stat()
        note = ", the same in all ten: the last that came lies there" if path == CONTESTED else ""
        terminal.say(f"  {terminal.bold(path)}  {size(facts.st_size)}{note}")
        for environment in environments:
            inode = environment.inode(path)
            entry = cached.get(inode)
            where = f"cache: {_wheel_of(demo, entry)}" if entry else "a file of its own"
            links = (environment.site / path).stat().st_nlink
            terminal.say(f"    {environment.name:<6} inode {inode[1]:<10} {links} names   {where}")


def _wheel_of(demo: Demo, entry: str) -> str:
    """The distribution that an entry of the cache belongs to."""
    shelf, sha256, *_ = entry.split(os.sep)
    tree = demo.cache / "v1" / "wheels" / shelf / sha256 / "tree"
    folder = next(tree.glob("*.dist-info")).name
    return folder.partition("-")[0].replace("_", "-")


def verify(
    demo: Demo, environments: Sequence[Environment], finishes: Sequence[Finish], second: Finish
) -> bool:
    """Look at every file; whether all is well."""
    terminal = demo.terminal
    terminal.head("Verified")
    checks: list[tuple[str, list[str]]] = []
    for environment in environments:
        compared, wrong = wrong_rows(environment)
        words = f"{environment.name}: {compared:,} rows of RECORD, each with its file and hash"
        checks.append((words, wrong))
    stray = [name for environment in environments for name in unrecorded(environment)]
    checks.append(("no file that nobody recorded", stray))
    temporary = [name for environment in environments for name in temporary_names(environment)]
    words = "no temporary name, in the environments or in the cache"
    checks.append((words, temporary + cache_leftovers(demo.cache)))
    checks.append(("each distribution installed by one client, once", _twice(finishes)))
    words = "downloaded once: no more bytes than the wheels have, and none for two"
    checks.append((words, _downloaded_again(finishes, second)))
    failures = [words for each in environments if (words := failed_imports(each))]
    checks.append(("import requests, rich, nvidia works in both", failures))
    for words, wrong in checks:
        mark = terminal.red("wrong") if wrong else terminal.green("ok   ")
        terminal.say(f"  {mark}  {words}")
        for line in wrong[:_MOST_SHOWN]:
            terminal.wrap(line, " " * 9)
    return not any(wrong for _, wrong in checks)


def _twice(finishes: Sequence[Finish]) -> list[str]:
    came = sorted(name for finish in finishes for name in finish.names("installed"))
    return sorted({name for name in came if came.count(name) > 1})


def _downloaded_again(finishes: Sequence[Finish], second: Finish) -> list[str]:
    wrong = []
    came, most = sum(finish.downloaded for finish in finishes), sum(WHEELS.values())
    if came > most + OTHERS_AT_MOST and platform.machine() == "x86_64":
        wrong.append(f"{came:,} bytes came, but the NVIDIA wheels have {most:,}")
    if second.downloaded:
        wrong.append(f"for the second environment {second.downloaded:,} bytes came")
    return wrong


def _command(name: str) -> str:
    """Of the environment that this runs in, else of PATH."""
    folders = os.pathsep.join((os.path.dirname(sys.executable), os.environ.get("PATH", "")))
    found = shutil.which(name, path=folders)
    if found is None:
        raise Failed(f"there is no command {name}: run this with `make demo`")
    return found


def _surroundings() -> dict[str, str]:
    """Ours without what would lead a client or a daemon elsewhere."""
    return {
        name: value
        for name, value in os.environ.items()
        if name != "VIRTUAL_ENV" and not name.startswith("LINKD_")
    }


def _complaint(run: "subprocess.CompletedProcess[str]") -> str:
    try:
        problem = json.loads(run.stdout)
        hint = f" ({problem['hint']})" if problem.get("hint") else ""
        return f"{problem['detail']}{hint}"
    except (ValueError, KeyError, TypeError):
        words = (run.stderr or run.stdout).strip()
        return words or f"{run.args[0]} ended with {run.returncode}"


def _end(process: "subprocess.Popen[str]") -> None:
    """Whatever happened: no daemon is left behind."""
    for stop in (process.terminate, process.kill):
        if process.poll() is not None:
            return
        stop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE_S)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="race.py",
        description="Eight clients install wheels that collide into one environment, at once.",
        epilog="Exit code 0: everything was verified; 1: something is wrong; 2: wrong usage.",
    )
    parser.add_argument(
        "--cache-dir",
        metavar="DIR",
        type=Path,
        help="use this cache and leave it there; a second run then downloads nothing, and says "
        "so [a fresh one, so that the figures are those of a cold start]",
    )
    parser.add_argument(
        "--keep", action="store_true", help="leave the folder with both environments there"
    )
    return parser.parse_args()


def main() -> int:
    arguments = _arguments()
    terminal = Terminal()
    folder = Path(tempfile.mkdtemp(prefix="linkd-race-"))
    demo = Demo(terminal, folder, (arguments.cache_dir or folder / "cache").absolute())
    began = time.perf_counter()
    try:
        verified = run(demo)
    except Failed as error:
        terminal.say(f"{terminal.red('failed')}: {error}")
        verified = False
    except KeyboardInterrupt:
        terminal.say("interrupted; the daemon has ended")
        return 130
    except BrokenPipeError:  # whoever reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    finally:
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)
    took = seconds(time.perf_counter() - began)
    kept = f"{folder} is kept" if arguments.keep else "what was made is removed"
    terminal.say()
    terminal.say(
        f"{'Done' if verified else terminal.red('Not as it should be')} in {took}; {kept}."
    )
    return 0 if verified else 1


if __name__ == "__main__":
    sys.exit(main())
