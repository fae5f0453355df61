"""Who waits for whom, and who wins."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from packaging.utils import NormalizedName

from linkd.core.manifest import Manifest
from linkd.core.target import SchemeKey
from linkd.core.wheel import StoredWheel
from linkd.link.footprint import Footprint
from linkd.link.ledger import Identity, Ledger, Standing
from linkd.link.shared import Shared

HERE: Identity = (1, 1)
ELSEWHERE: Identity = (1, 2)


@dataclass
class Paths:
    """A footprint: paths with their content."""

    paths: Mapping[str, str | None]
    tops: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.tops = frozenset(path.partition("/")[0] for path in self.paths)


def name(text: str) -> NormalizedName:
    return NormalizedName(text)


def wheel(of: str) -> StoredWheel:
    manifest = Manifest(
        sha256=of, filename=f"{of}.whl", name=name(of), version="1", dist_info=f"{of}-1.dist-info",
        root_scheme=SchemeKey.PURELIB, files=(),
    )  # fmt: skip
    return StoredWheel(manifest=manifest, tree=f"/{of}")


def standing(
    coming: Mapping[str, Mapping[str, str | None]] | None = None,
    going: Mapping[str, Mapping[str, str | None]] | None = None,
    staying: Mapping[str, Mapping[str, str | None]] | None = None,
) -> Standing:
    def footprints(
        given: Mapping[str, Mapping[str, str | None]] | None,
    ) -> dict[NormalizedName, Footprint]:
        return {name(one): Paths(paths) for one, paths in (given or {}).items()}

    return Standing(
        coming=footprints(coming),
        going=footprints(going),
        staying=footprints(staying),
        wheels={name(one): wheel(one) for one in coming or {}},
    )


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@asynccontextmanager
async def at_work(
    ledger: Ledger, one: Standing, names: set[str] | None = None
) -> AsyncIterator[None]:
    own = {name(text) for text in names or ()} | one.coming.keys() | one.going.keys()
    async with ledger.turn(HERE, own), ledger.stand(HERE, one):
        yield


async def settle(
    ledger: Ledger, one: Standing, *, committed: bool = True
) -> dict[str, NormalizedName | None]:
    """Who has to be at each path that is looked at."""
    return {shared.path: shared.owner for shared in await settled(ledger, one, committed)}


async def settled(ledger: Ledger, one: Standing, committed: bool = True) -> tuple[Shared, ...]:
    async with ledger.settling(HERE, one, committed=committed) as shared:
        return shared


async def test_turns(ledger: Ledger) -> None:
    """Two changes of one distribution take turns; whoever came first is first."""
    order: list[str] = []

    async def change(label: str) -> None:
        async with ledger.turn(HERE, [name("foo")]):
            order.append(f"{label} in")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            order.append(f"{label} out")

    await asyncio.gather(change("one"), change("two"))

    assert order == ["one in", "one out", "two in", "two out"]


@pytest.mark.parametrize(("other", "where"), [("bar", HERE), ("foo", ELSEWHERE)])
async def test_no_turns(ledger: Ledger, other: str, where: Identity) -> None:
    """Another distribution, or another environment, does not wait."""
    async with (
        ledger.turn(HERE, [name("foo")]),
        asyncio.timeout(1),
        ledger.turn(where, [name(other)]),
    ):
        pass


async def test_turns_of_several(ledger: Ledger) -> None:
    """Requests for several distributions, in whatever order, never wait for each other for ever."""

    async def change(*names: str) -> None:
        async with ledger.turn(HERE, [name(one) for one in names]):
            await asyncio.sleep(0)

    async with asyncio.timeout(5):
        await asyncio.gather(
            *(change(*names) for names in [("a", "b"), ("b", "a"), ("b", "c"), ("c", "a")] * 9)
        )


async def test_a_turn_given_up(ledger: Ledger) -> None:
    """Whoever gives up waiting is out of the way."""
    async with ledger.turn(HERE, [name("foo")]):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), ledger.turn(HERE, [name("foo")]):
                pass
    async with asyncio.timeout(1), ledger.turn(HERE, [name("foo")]):
        pass


async def test_a_reserved_folder(ledger: Ledger) -> None:
    """Who comes with something for a folder that may be moved whole waits until it is done."""
    removing = standing(going={"foo": {"foo/a": "1"}})
    coming = standing(coming={"bar": {"foo/bar": "1"}})
    entered = asyncio.Event()

    async def come() -> None:
        async with at_work(ledger, coming):
            entered.set()

    async with at_work(ledger, removing):
        assert removing.alone("foo")
        task = asyncio.create_task(come())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(entered.wait(), 0.05)
        await settle(ledger, removing)
    await asyncio.wait_for(task, 1)


@pytest.mark.parametrize(
    "others",
    [
        {"staying": {"bar": {"space/bar": "1"}}},
        {"coming": {"bar": {"space/bar": "1"}}},
        {"going": {"bar": {"space/bar": "1"}}},
    ],
    ids=["staying", "coming", "going"],
)
async def test_not_reserved(
    ledger: Ledger, others: dict[str, dict[str, dict[str, str | None]]]
) -> None:
    """A folder below which anybody else has, brings or removes something is not moved whole."""
    staying = others.pop("staying", None)
    removing = standing(going={"foo": {"space/foo": "1", "foo/a": "1"}}, staying=staying)
    async with at_work(ledger, standing(**others)), at_work(ledger, removing):
        assert not removing.alone("space")
        assert removing.alone("foo/inner")


async def test_what_was_committed_meanwhile(ledger: Ledger) -> None:
    """A request sees what others have committed since it read the environment."""
    first = standing(going={"foo": {"space/both": "1", "space/foo": "1"}})
    second = standing(coming={"bar": {"space/both": "1"}}, staying={"foo": {"space/both": "1"}})
    third = standing(going={"baz": {"space/foo": "1"}}, staying={"foo": {"space/foo": "1"}})
    async with ledger.turn(HERE, [name("waits")]):
        async with at_work(ledger, second):
            await settle(ledger, second)
        async with at_work(ledger, first):
            assert first.needed_by_others("space/both")
            assert not first.needed_by_others("space/foo")
            assert not first.alone("space")
            await settle(ledger, first)
        async with at_work(ledger, third):
            assert not third.needed_by_others("space/foo")


async def test_what_failed_meanwhile(ledger: Ledger) -> None:
    """What another request was removing, and could not, is there again."""
    failing = standing(going={"foo": {"space/both": "1"}})
    removing = standing(going={"bar": {"space/both": "1"}})
    async with at_work(ledger, removing):
        async with at_work(ledger, failing):
            assert removing.needed_by_others("space/both")
            await settle(ledger, failing, committed=False)
        assert removing.needed_by_others("space/both")


@pytest.mark.parametrize("order", ["ab", "ba"])
@pytest.mark.parametrize("failing", ["", "a", "b"])
async def test_winners(ledger: Ledger, order: str, failing: str) -> None:
    """Of different contents under way at once, that of the last name that was committed stays."""
    both = {one: standing(coming={one: {"space/x": one, f"space/{one}": "1"}}) for one in "ab"}
    async with at_work(ledger, both["a"]), at_work(ledger, both["b"]):
        for one in order:
            shared = await settled(ledger, both[one], one != failing)

    winner = max({"a", "b"} - {failing})
    assert shared == (
        Shared(
            path="space/x", owner=name(winner), sha256=winner, wheel=wheel(winner),
            contents=frozenset("ab"), removed=False,
        ),
    )  # fmt: skip


async def test_nobody_else(ledger: Ledger) -> None:
    """Who is alone at work has only to look at what it took away and others have differently."""
    staying = {"z": {"space/x": "z", "space/y": "1"}}
    own = {"space/x": "a", "space/y": "1", "a": "1"}
    coming = standing(coming={"a": own}, staying=staying)
    going = standing(going={"a": own}, staying=staying)
    async with at_work(ledger, coming):
        assert await settle(ledger, coming) == {}
    async with at_work(ledger, going):
        assert await settle(ledger, going) == {"space/x": name("z")}


async def test_a_winner_who_was_there(ledger: Ledger) -> None:
    """Where the last name is installed and stays, it is the owner, whoever else comes."""
    staying = {"z": {"space/x": "z"}}
    both = [standing(coming={one: {"space/x": one}}, staying=staying) for one in "ab"]
    async with at_work(ledger, both[0]), at_work(ledger, both[1]):
        shared = [await settled(ledger, one) for one in both]
    assert [(one.owner, one.sha256, one.wheel) for [one] in shared] == [(name("z"), "z", None)] * 2


async def test_an_owner_who_goes_while_another_leaves_the_path_to_it(ledger: Ledger) -> None:
    """Who found the last name installed may own the path when that one has gone meanwhile."""
    coming = standing(coming={"a": {"space/x": "a"}}, staying={"z": {"space/x": "z"}})
    going = standing(going={"z": {"space/x": "z"}})
    async with at_work(ledger, coming), at_work(ledger, going):
        assert await settle(ledger, coming) == {"space/x": name("z")}
        [shared] = await settled(ledger, going)
    assert (shared.owner, shared.wheel) == (name("a"), wheel("a"))


async def test_an_owner_who_is_renewed(ledger: Ledger) -> None:
    """What was brought before does not come back when a newer version has taken its place."""
    a, b = (standing(coming={one: {"space/x": one}}) for one in "ab")
    async with ledger.turn(HERE, [name("waits")]):
        async with at_work(ledger, a), at_work(ledger, b):
            await settle(ledger, a)
            await settle(ledger, b)
        newer = standing(coming={"b": {"b": "2"}}, going={"b": {"space/x": "b"}})
        async with at_work(ledger, newer):
            assert await settle(ledger, newer) == {"space/x": name("a")}


async def test_what_came_and_was_undone(ledger: Ledger) -> None:
    """Who read the environment while a request was listed that failed does not take it for there."""
    failing = standing(coming={"b": {"space/x": "b"}})
    reading = standing(coming={"a": {"space/x": "a"}}, staying={"b": {"space/x": "b"}})
    async with at_work(ledger, failing), at_work(ledger, reading):
        assert await settle(ledger, failing, committed=False) == {}
        assert await settle(ledger, reading) == {"space/x": name("a")}


async def test_a_shared_file_whose_owners_go_at_once(ledger: Ledger) -> None:
    """The last of those who remove a file at one time finds that nobody has it any more."""
    a, b = (standing(going={one: {"space/x": "1"}}) for one in "ab")
    async with at_work(ledger, a), at_work(ledger, b):
        assert a.needed_by_others("space/x")
        assert b.needed_by_others("space/x")
        assert await settle(ledger, a) == {}
        [shared] = await settled(ledger, b)
    assert (shared.owner, shared.removed) == (None, True)


async def test_a_shared_file_of_two_that_fail(ledger: Ledger) -> None:
    """A file that two brought and neither kept is nobody's, and none of them has removed it."""
    a, b = (standing(coming={one: {"space/x": one}}) for one in "ab")
    async with at_work(ledger, a), at_work(ledger, b):
        assert await settle(ledger, a, committed=False) == {}
        [shared] = await settled(ledger, b, committed=False)
    assert (shared.owner, shared.removed, shared.contents) == (None, False, frozenset("ab"))


async def test_other_names_of_the_same_paths(ledger: Ledger) -> None:
    """Who has other names for the environment's paths waits: nothing could be compared."""
    outer, inner = standing(coming={"a": {"lib/a": "1"}}), standing(coming={"b": {"b": "1"}})
    outer.site = "lib/"
    order: list[str] = []

    async def work() -> None:
        async with at_work(ledger, inner):
            order.append("inner")

    async with at_work(ledger, outer):
        waiting = asyncio.create_task(work())
        for _ in range(9):
            await asyncio.sleep(0)
        order.append("outer")
    await waiting

    assert order == ["outer", "inner"]


async def test_nothing_is_remembered(ledger: Ledger) -> None:
    """When nobody is at work in an environment, nothing is kept of it."""
    one = standing(coming={"a": {"space/x": "1"}})
    with pytest.raises(ValueError, match="given up"):
        async with at_work(ledger, one):
            raise ValueError("given up")
    async with at_work(ledger, one):
        await settle(ledger, one)

    assert ledger._environments == {}
