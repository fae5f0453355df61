"""linkd answers each resolution case as uv does, or otherwise with a reason."""

from collections import Counter
from pathlib import Path

import pytest

from tests.resolution.cases import Answer, Case, read_topic, topic_files, with_answers
from tests.resolution.ours import Linkd
from tests.resolution.peer import ask_uv, uv_version
from tests.resolution.universe import make_universe
from tests.support.index import RunningIndex

TOPICS = {path: read_topic(path) for path in topic_files()}
CASES = {case.name: case for topic in TOPICS.values() for case in topic.case}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
async def test_answer(case: Case, linkd: Linkd, index: RunningIndex) -> None:
    """What is asked has the expected pins, or an explanation that names what clashes."""
    answer = await linkd.ask(make_universe(index, case))

    assert case.expected.pins == answer.pins, answer.error
    for words in (*case.clash, case.linkd.error if case.linkd else ""):
        assert words in answer.error


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_case(case: Case) -> None:
    """A case has pins or names what clashes, and differs from uv only where it says so."""
    assert bool(case.expected.pins) != bool(case.clash)
    if case.linkd is not None:
        assert case.uv is not None
        assert case.linkd.pins != case.uv.pins


@pytest.mark.parametrize("name", ["extra-in-a-loop", "kept", "url", "yanked-range"])
def test_record(name: str, index: RunningIndex) -> None:
    """What is recorded is what uv answers."""
    case = CASES[name]

    assert ask_uv(make_universe(index, case)) == case.uv


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in TOPICS])
def test_recording(path: Path) -> None:
    """Recording changes nothing but the answers, all of them of the uv that is locked."""
    topic, text = TOPICS[path], path.read_text()
    answers = {case.name: case.uv for case in topic.case if case.uv}
    others = dict.fromkeys(answers, Answer(pins=("app==9",)))

    assert topic.uv == uv_version(), "make resolutions"
    assert with_answers(text, topic.uv, answers) == text
    assert with_answers(with_answers(text, "9", others), topic.uv, answers) == text


def test_names() -> None:
    """No two cases have one name, and there are hundreds."""
    names = Counter(case.name for topic in TOPICS.values() for case in topic.case)

    assert [name for name, count in names.items() if count > 1] == []
    assert len(names) >= 200
