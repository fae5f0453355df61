"""`make resolutions`: ask uv every resolution case anew, and write down what it answers."""

import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.resolution.cases import Answer, read_topic, topic_files, with_answers
from tests.resolution.peer import ask_uv, uv_version
from tests.resolution.universe import make_universe, running_universes


def main() -> int:
    version = uv_version()
    with tempfile.TemporaryDirectory(prefix="linkd-resolutions-") as folder:
        for path in topic_files():
            answers = _answers(Path(folder, path.stem), path)
            text = path.read_text()
            renewed = with_answers(text, version, answers)
            path.write_text(renewed)
            print(f"{path.stem}: {len(answers)} cases{'' if text == renewed else ', renewed'}")
    return 0


def _answers(folder: Path, path: Path) -> dict[str, Answer]:
    cases = read_topic(path).case
    folder.mkdir()
    with running_universes(folder) as index, ThreadPoolExecutor(2) as threads:
        universes = [make_universe(index, case) for case in cases]
        answers = threads.map(ask_uv, universes)
        return {case.name: answer for case, answer in zip(cases, answers, strict=True)}


if __name__ == "__main__":
    sys.exit(main())
