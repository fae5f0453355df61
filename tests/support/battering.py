"""A daemon that is killed again and again while it changes one environment for several clients.

After each start what must hold of every environment and every cache is looked at. As a program it
does that so often as it is told, and prints what it did:

    python -m tests.support.battering FOLDER ROUNDS SEED
"""

import contextlib
import http.client
import json
import random
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.support.daemon import Daemon, Place, running_daemon
from tests.support.index import RunningIndex, running_index
from tests.support.invariants import check_cache, check_environment
from tests.support.wheels import make_wheel

NAMES: Final = [f"nvidia-{letter}" for letter in "abcdef"]
VERSIONS: Final = ("1.0", "2.0")
CLIENTS: Final = 4
LONGEST_S: Final = 0.3
"""After which the daemon is killed at the latest, counted from the first request."""


def make_family(folder: Path) -> None:
    """Wheels that share a namespace, a file with different content in it, and a folder."""
    for name in NAMES:
        own = name.removeprefix("nvidia-")
        for version in VERSIONS:
            make_wheel(
                folder,
                name,
                version,
                files={
                    "nvidia/__init__.py": "",
                    "nvidia/shared.py": f"owner = {name + version!r}\n",
                    f"nvidia/{own}/__init__.py": f"version = {version!r}\n",
                    f"nvidia/{own}/only_{version[0]}.py": "",
                    f"nvidia/lib/{own}.so.{version}": f"{own} {version}",
                    f"{own}_alone/{version[0]}/deep.py": "",
                    f"{own}_alone/__init__.py": version,
                },
                entry_points=f"[console_scripts]\nnv-{own} = nvidia.{own}:main\n",
            )


@dataclass(slots=True, kw_only=True)
class Battering:
    """Clients, an environment and a daemon that has a hard life."""

    place: Place
    index: RunningIndex
    chance: random.Random
    environment: Path = field(init=False)
    kills: int = 0
    answers: int = 0
    undone: int = 0
    """Transactions that were found cut off."""

    def __post_init__(self) -> None:
        self.environment = self.place.environment("battered")

    def round(self) -> None:
        """Start a daemon, look at what the one before left, and kill it in the midst of its work."""
        with running_daemon(self.place) as daemon:
            self.check(daemon)
            stop = threading.Event()
            with ThreadPoolExecutor(CLIENTS) as clients:
                for _ in range(CLIENTS):
                    clients.submit(self._ask, random.Random(self.chance.random()), stop)
                time.sleep(self.chance.uniform(0, LONGEST_S))
                daemon.stop(signal.SIGKILL)
                stop.set()
            self.kills += 1

    def check(self, daemon: Daemon) -> None:
        """Everything is whole. Raises AssertionError."""
        daemon.idle()
        self.undone += daemon.log.read_text().count("was undone")
        check_environment(self.environment)
        check_cache(self.place.cache)

    def _ask(self, chance: random.Random, stop: threading.Event) -> None:
        while not stop.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException):
                self._change(chance)
                self.answers += 1

    def _change(self, chance: random.Random) -> None:
        names = chance.sample(NAMES, chance.randint(1, 4))
        if chance.random() < 0.4:
            self.place.uninstall(self.environment, *names)
            return
        wanted = [f"{name}=={chance.choice(VERSIONS)}" for name in names]
        reinstall = chance.random() < 0.3
        self.place.install(self.environment, *wanted, index_url=self.index.url, reinstall=reinstall)


def main() -> None:
    folder, rounds, seed = sys.argv[1:]
    wheels = Path(folder, "wheels")
    wheels.mkdir(parents=True)
    make_family(wheels)
    with running_index(wheels) as index, Place.temporary(Path(folder)) as place:
        battering = Battering(place=place, index=index, chance=random.Random(seed))
        for _ in range(int(rounds)):
            battering.round()
        with running_daemon(place) as daemon:
            battering.check(daemon)
    facts = {
        "kills": battering.kills,
        "answers": battering.answers,
        "undone": battering.undone,
    }
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
