"""The client's own cost is what it imports; on the way of an install that is next to nothing."""

import subprocess
import sys
from collections.abc import Callable

from tests.client.conftest import Client
from tests.client.fake_daemon import FakeDaemon, lines

ALLOWED = {"__future__", "_json", "_socket", "errno"}
OWN = {
    "linkd_client",
    *(
        f"linkd_client.{name}"
        for name in (
            [
                "arguments",
                "commands",
                "connection",
                "errors",
                "main",
                "options",
                "surroundings",
                "terminal",
                "wire",
            ]
        )
    ),
}
REPORT = """
import os, sys
before = set(sys.modules)
from linkd_client.main import main
code = main()
os.write(2, " ".join(sorted(set(sys.modules) - before)).encode())
sys.exit(code)
"""


def test_an_install_imports_nothing_dear(client: Client, daemon: Callable[..., FakeDaemon]) -> None:
    """An install imports its own few modules and four of the interpreter's, all built in C
    or empty; ``re``, ``json``, ``socket`` or ``argparse`` would each cost more than all of them."""
    daemon(lines("oInstalled 1 distribution in 1 ms", "x0"))
    arguments = ["install", "requests", "-p", ".venv", "-i", "https://a.example.org/", "-v"]
    result = subprocess.run(
        [sys.executable, "-S", "-c", REPORT, *arguments],
        cwd=client.folder,
        env={**client.env, "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0
    imported = set(result.stderr.split())
    assert imported - ALLOWED == OWN
