"""Three installers behind one call: linkd with its own daemon, pip and uv, none of them with a network.

All of them take the wheels from a folder, by name and version, so that none records where from.
"""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.utils import parse_wheel_filename

from tests.differential.comparison import TOOLS, Aspect, Difference
from tests.differential.trees import Tree, read_entries, read_tree
from tests.support.daemon import Place, Ran, running_daemon

PATIENCE_S: Final = 1800
"""For one command: hundreds of wheels, and bytecode of all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installers:
    """The three, and the interpreter that their environments are made with."""

    place: Place
    """Where linkd serves; its variables are those of pip and uv, too."""
    python: Path
    """The base interpreter of the environments."""
    pip: Path
    """An interpreter that has pip."""
    uv: Path

    @classmethod
    @contextmanager
    def ready(
        cls, folder: Path, *, python: Path | None = None, pip: Path | None = None
    ) -> Iterator["Installers"]:
        """With a daemon that serves them until the end of the block."""
        with Place.temporary(folder) as place, running_daemon(place):
            yield cls(
                place=place,
                python=python or Path(sys.executable),
                pip=pip or Path(sys.executable),
                uv=Path(sys.executable).with_name("uv"),
            )

    def environments(self, folder: Path) -> dict[str, Path]:
        """Three new environments, made the same way, named for the tools."""
        paths = {tool: folder / tool for tool in TOOLS}
        for path in paths.values():
            command = [str(self.python), "-I", "-m", "venv", "--without-pip", str(path)]
            ran = self.run(command)
            assert ran.code == 0, ran
        return paths

    def install(
        self,
        environments: Mapping[str, Path],
        wheels: Path,
        requirements: Sequence[str],
        *,
        compile_bytecode: bool = True,
    ) -> dict[str, Ran]:
        """Install the same with each tool, all at once."""
        commands = {
            "linkd": self._linkd(environments["linkd"], wheels, requirements),
            "pip": self._pip(environments["pip"], wheels, requirements, compile_bytecode),
            "uv": self._uv(environments["uv"], wheels, requirements),
        }
        with ThreadPoolExecutor(len(commands)) as threads:
            return dict(zip(commands, threads.map(self.run, commands.values()), strict=True))

    def run(self, command: Sequence[str]) -> Ran:
        """Run anything as the tools are run."""
        done = subprocess.run(
            list(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=self.place.folder,
            env=self.place.env,
            timeout=PATIENCE_S,
            check=False,
        )
        return Ran(code=done.returncode, out=done.stdout, err=done.stderr)

    def _linkd(self, prefix: Path, wheels: Path, requirements: Sequence[str]) -> list[str]:
        command = [sys.executable, "-m", "linkd_client", "install", "-p", str(prefix)]
        return [*command, "--no-deps", "--no-index", "-f", str(wheels), *requirements]

    def _pip(
        self, prefix: Path, wheels: Path, requirements: Sequence[str], compile_bytecode: bool
    ) -> list[str]:
        command = [str(self.pip), "-m", "pip", "--isolated", "--disable-pip-version-check"]
        command += ["--no-cache-dir", "--python", str(prefix), "install", "-q", "--no-deps"]
        command += [] if compile_bytecode else ["--no-compile"]
        return [*command, "--no-index", "-f", str(wheels), *requirements]

    def _uv(self, prefix: Path, wheels: Path, requirements: Sequence[str]) -> list[str]:
        command = [str(self.uv), "pip", "install", "--quiet", "--no-config"]
        command += ["--cache-dir", str(self.place.folder / "uv-cache"), "--python", str(prefix)]
        return [*command, "--no-deps", "--no-index", "-f", str(wheels), *requirements]


def exact_requirement(wheel: Path) -> str:
    """What selects a wheel in its folder."""
    name, version, _, _ = parse_wheel_filename(wheel.name)
    return f"{name}=={version}"


def installed_trees(
    installers: Installers,
    environments: Mapping[str, Path],
    wheels: Path,
    requirements: Sequence[str],
    *,
    compile_bytecode: bool = True,
) -> tuple[dict[str, Ran], dict[str, Tree]]:
    """Install with each tool; how that went, and what there is then."""
    before = {tool: read_entries(prefix) for tool, prefix in environments.items()}
    ran = installers.install(environments, wheels, requirements, compile_bytecode=compile_bytecode)
    trees = {tool: read_tree(prefix, before[tool]) for tool, prefix in environments.items()}
    return ran, trees


def compare_outcomes(project: str, ran: Mapping[str, Ran]) -> Iterator[Difference]:
    """Whether all of the tools took a wheel, or all refused it."""
    values = {tool: "refused" if one.code else "installed" for tool, one in ran.items()}
    if len(set(values.values())) > 1:
        yield Difference(aspect=Aspect.OUTCOME, project=project, path="", values=values)


def compare_runs(
    installers: Installers,
    environments: Mapping[str, Path],
    scripts: Mapping[str, str],
    arguments: Sequence[str],
    *,
    output: bool = True,
) -> Iterator[Difference]:
    """Run scripts, each of which is of a project, in every environment; exit codes must be one.

    With `output` what they print must be, too.
    """
    for script, project in scripts.items():
        values = {}
        for tool, prefix in environments.items():
            ran = _run_script(installers, prefix / "bin" / script, arguments)
            values[tool] = f"{ran.code} {ran.out!r}" if output else str(ran.code)
        if len(set(values.values())) > 1:
            yield Difference(
                aspect=Aspect.RUN, project=project, path=f"bin/{script}", values=values
            )


def _run_script(installers: Installers, script: Path, arguments: Sequence[str]) -> Ran:
    """As a shell would: what cannot be run ends with 126, what is not there with 127."""
    try:
        return installers.run([str(script), *arguments])
    except PermissionError as error:
        return Ran(code=126, out="", err=str(error))
    except FileNotFoundError as error:
        return Ran(code=127, out="", err=str(error))
