"""`make conformance`: runs pip and uv on every behaviour, and writes what they did and the page.

Needs no network. With ``--page`` only the page is written, from what was measured before.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.conformance.chapters import CHAPTERS
from tests.conformance.page import PAGE, write_page
from tests.conformance.peers import measure, read_peers, write_peers
from tests.conformance.trials import Trials


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="make conformance", description=__doc__)
    parser.add_argument("--page", action="store_true", help="write the page only")
    if not parser.parse_args(arguments).page:
        _measure()
    PAGE.write_text(write_page(CHAPTERS, read_peers()))
    return 0


def _measure() -> None:
    os.umask(0o022)  # pip and uv follow it, linkd does not
    behaviours = [one for chapter in CHAPTERS for one in chapter.behaviours]
    with tempfile.TemporaryDirectory() as folder, Trials.ready(Path(folder)) as trials:
        write_peers(measure(behaviours, trials, lambda claim: print(claim, flush=True)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
