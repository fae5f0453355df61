import pytest

from linkd.build.waiting import Task, Waiting
from linkd.errors import BuildCycle

A, B, C = Task("a", "A"), Task("b", "B"), Task("c", "C")


def test_circle() -> None:
    """Who would wait for itself over others is told of them all."""
    waiting = Waiting()

    with (
        waiting.edge(A, B),
        waiting.edge(B, C),
        pytest.raises(BuildCycle) as caught,
        waiting.edge(C, A),
    ):
        pass

    assert caught.value.chain == ("C", "A", "B", "C")


def test_itself() -> None:
    """What needs itself is the smallest circle."""
    with pytest.raises(BuildCycle) as caught, Waiting().edge(A, Task("a", "another name")):
        pass

    assert caught.value.chain[0] == "A"


def test_ended() -> None:
    """Who waits no more is in nobody's circle."""
    waiting = Waiting()
    with waiting.edge(A, B):
        pass

    with waiting.edge(B, A), waiting.edge(None, A), waiting.edge(C, A):
        pass
