"""linkd's client, called some hundred times: each call is a process, forked from one that is ready.

So a call costs what the client does, and not the start of an interpreter. The one that is ready is
``forked_client.py``.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Final

from tests.support.daemon import Ran

_SCRIPT: Final = Path(__file__).with_name("forked_client.py")


@dataclass(frozen=True, slots=True)
class Client:
    """The process that is ready."""

    process: subprocess.Popen[str]
    turn: Lock = field(default_factory=Lock)

    @classmethod
    @contextmanager
    def ready(cls, env: Mapping[str, str]) -> Iterator["Client"]:
        """Until the end of the block."""
        with subprocess.Popen(
            [sys.executable, str(_SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=dict(env),
        ) as process:
            yield cls(process)

    def __call__(
        self, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], stdin: str
    ) -> Ran:
        """``linkd-client`` with these arguments, to its end."""
        call = {"arguments": list(arguments), "cwd": str(cwd), "env": dict(env), "stdin": stdin}
        to, answers = self.process.stdin, self.process.stdout
        assert to is not None
        assert answers is not None
        with self.turn:
            to.write(json.dumps(call) + "\n")
            to.flush()
            return Ran(**json.loads(answers.readline()))
