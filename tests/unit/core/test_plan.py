from dataclasses import replace

from packaging.direct_url import ArchiveInfo, DirectUrl
from packaging.utils import canonicalize_name
from packaging.version import Version

from linkd.core.installed import InstalledDistribution
from linkd.core.plan import Plan, plan_install
from linkd.core.wheel import DistFile, Pin


def pin(name: str, version: str = "1.0", *, url: str | None = None) -> Pin:
    filename = f"{name}-{version}-py3-none-any.whl"
    return Pin(
        name=canonicalize_name(name),
        version=Version(version),
        file=DistFile(filename=filename, url=f"https://example.org/{filename}"),
        requested=True,
        direct_url=DirectUrl(url=url, archive_info=ArchiveInfo()) if url else None,
    )


def present(name: str, version: str = "1.0", *, url: str | None = None) -> InstalledDistribution:
    return InstalledDistribution(
        name=canonicalize_name(name),
        version=Version(version),
        location="/env/site-packages",
        dist_info=f"{name}-{version}.dist-info",
        direct_url=DirectUrl(url=url, archive_info=ArchiveInfo()) if url else None,
    )


def plan(
    pins: list[Pin],
    installed: list[InstalledDistribution],
    *,
    reinstall: bool | frozenset[str] = False,
    exact: bool = False,
) -> Plan:
    return plan_install(
        pins,
        {each.name: each for each in installed},
        reinstall=reinstall
        if isinstance(reinstall, bool)
        else frozenset(map(canonicalize_name, reinstall)),
        exact=exact,
    )


def test_missing_comes_and_differing_is_replaced() -> None:
    """What is missing comes, another version is replaced, the same one stays."""
    old, same = present("b", "0.9"), present("c")

    found = plan([pin("c"), pin("b"), pin("a")], [old, same, present("other")])

    assert found == Plan(additions=(pin("a"), pin("b")), removals=(old,), unchanged=(same,))
    assert found.names == {"a", "b"}


def test_reinstall() -> None:
    """Reinstalling replaces the same version, of all or of those that are named."""
    a, b = present("a"), present("b")

    assert plan([pin("a"), pin("b")], [a, b], reinstall=True).removals == (a, b)
    assert plan([pin("a"), pin("b")], [a, b], reinstall=frozenset({"b"})).removals == (b,)


def test_direct_url() -> None:
    """The same version from another origin is replaced; from the same it stays."""
    url = "https://example.org/a.whl"

    assert plan([pin("a", url=url)], [present("a")]).removals == (present("a"),)
    assert plan([pin("a", url=url)], [present("a", url=url)]).unchanged == (present("a", url=url),)


def test_hashes_of_a_direct_url() -> None:
    """Of one origin, what differs in a hash is replaced; a hash that only one side knows is none."""
    url = "https://example.org/a.whl"
    origins = [
        DirectUrl(url=url, archive_info=ArchiveInfo(hashes=hashes))
        for hashes in (None, {"sha256": "1"}, {"sha256": "2"}, {"sha256": "1", "sha512": "3"})
    ]
    unknown, one, other, more = origins
    cases = [(unknown, one), (one, unknown), (one, one), (more, one), (one, other), (other, more)]

    found = [
        plan(
            [replace(pin("a"), direct_url=wanted)], [replace(present("a"), direct_url=there)]
        ).names
        for wanted, there in cases
    ]

    assert found == [frozenset(), frozenset(), frozenset(), frozenset(), {"a"}, {"a"}]


def test_exact() -> None:
    """An exact plan removes what no pin names, but for what an environment is seeded with."""
    pip, old, other = present("pip"), present("a", "0.9"), present("other")

    found = plan([pin("a")], [pip, old, other], exact=True)

    assert found.removals == (old, other)
    assert plan([pin("pip", "2.0")], [pip], exact=True).removals == (pip,)
