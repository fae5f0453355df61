"""`make conformance`: runs pip and uv on every behaviour, and writes what they did and the page.

Needs no network. With ``--new`` only what was never measured in this form is, with ``--page`` nothing.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.conformance.chapters import CHAPTERS
from tests.conformance.page import PAGE, write_page
from tests.conformance.peers import Measured, measure, read_peers, write_peers
from tests.conformance.trials import Trials


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="make conformance", description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--new", action="store_true", help="measure what is new or changed")
    which.add_argument("--page", action="store_true", help="write the page only")
    given = parser.parse_args(arguments)
    if not given.page:
        _measure({} if not given.new else read_peers().outcomes)
    PAGE.write_text(write_page(CHAPTERS, read_peers()))
    return 0


def _measure(known: Mapping[str, Measured]) -> None:
    os.umask(0o022)  # pip and uv follow it, linkd does not
    behaviours = [one for chapter in CHAPTERS for one in chapter.behaviours]
    with tempfile.TemporaryDirectory() as folder, Trials.ready(Path(folder)) as trials:
        write_peers(measure(behaviours, known, trials))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
