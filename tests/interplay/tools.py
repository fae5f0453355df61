"""pip, uv and linkd on one environment, each as its users call it."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support.daemon import Place, Ran


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    place: Place
    """Where linkd serves; its variables are those of pip and uv, too."""
    wheels: Path

    @property
    def local(self) -> tuple[str, ...]:
        """No index, but the folder of wheels."""
        return ("--no-index", "-f", str(self.wheels))

    def linkd(self, environment: Path, command: str, *arguments: str | Path) -> Ran:
        local = self.local if command in {"install", "sync"} else ()
        return self.place.client(command, "-p", environment, *local, *arguments)

    def pip(self, environment: Path, command: str, *arguments: str | Path) -> Ran:
        options = ["--isolated", "--disable-pip-version-check", "--no-cache-dir"]
        run = [sys.executable, "-m", "pip", *options, "--python", str(environment), command]
        local = self.local if command == "install" else ()
        return self.place.run([*run, *local, *map(str, arguments)])

    def uv(self, environment: Path, command: str, *arguments: str | Path) -> Ran:
        uv = str(Path(sys.executable).with_name("uv"))
        options = ["--no-config", "--cache-dir", str(self.place.folder / "uv-cache")]
        local = self.local if command in {"install", "sync"} else ()
        run = [uv, *options, "pip", command, "--python", str(environment), *local]
        return self.place.run([*run, *map(str, arguments)])

    def run(self, tool: str, environment: Path, command: str, *arguments: str | Path) -> Ran:
        """The same command of `pip`, `uv` or `linkd`, which has to succeed."""
        ran: Ran = getattr(self, tool)(environment, command, *arguments)
        assert ran.code == 0, ran
        return ran

    def listed(self, tool: str, environment: Path) -> dict[str, str]:
        """Name and version of all that the tool finds."""
        ran = self.run(tool, environment, "list", "--format", "json")
        return {canonical(one["name"]): one["version"] for one in ran.json}

    def metadata(self, environment: Path) -> dict[str, str]:
        """What the environment's own `importlib.metadata` finds."""
        code = (
            "import importlib.metadata as m, json\n"
            "print(json.dumps({d.metadata['Name']: d.version for d in m.distributions()}))"
        )
        ran = self.place.run([str(environment / "bin" / "python"), "-I", "-c", code])
        return {canonical(name): version for name, version in json.loads(ran.out).items()}

    def out(self, *command: str | Path) -> str:
        """What a command prints, which has to succeed."""
        ran = self.place.run([str(part) for part in command])
        assert ran.code == 0, ran
        return ran.out


def canonical(name: str) -> str:
    return name.lower().replace(".", "-").replace("_", "-")


def site_packages(environment: Path) -> Path:
    [site] = environment.glob("lib/python*/site-packages")
    return site
