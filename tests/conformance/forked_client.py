"""A script: takes calls of linkd's client and gives what came of them, as JSON, a line each.

Each call is carried out by a fork of this process, which has imported the client and no more.
"""

import io
import json
import os
import sys
import tempfile
from typing import IO, Any

from linkd_client.main import main as client


def serve() -> None:
    """Answer calls until standard input ends."""
    for line in sys.stdin:
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = os.fork()
            if child == 0:
                _become(json.loads(line), out, err)
            _, status = os.waitpid(child, 0)
            told = {"code": os.waitstatus_to_exitcode(status), "out": _text(out), "err": _text(err)}
        print(json.dumps(told), flush=True)


def _become(call: dict[str, Any], out: IO[bytes], err: IO[bytes]) -> None:
    """Be the client of one call; does not return."""
    code = 70
    try:
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        os.chdir(call["cwd"])
        os.environ.clear()
        os.environ.update(call["env"])
        sys.stdin = io.TextIOWrapper(io.BytesIO(call["stdin"].encode()))
        sys.argv = ["linkd-client", *call["arguments"]]
        code = client()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


if __name__ == "__main__":
    serve()
