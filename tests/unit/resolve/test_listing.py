from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from linkd.core.formats import Formats, Names
from linkd.core.wheel import DistFile, ProjectPage
from linkd.resolve.listing import Absence, absences, build_view
from linkd.resolve.target_view import target_view

from .world import INTERPRETER, World, sha256

TARGET = target_view(INTERPRETER)
FOO = canonicalize_name("foo")

numbers = st.integers(min_value=0, max_value=3)
releases = st.lists(numbers, min_size=1, max_size=3).map(lambda parts: ".".join(map(str, parts)))
epochs = st.sampled_from(["", "", "", "1!"])
pre = st.sampled_from(["", "", "", "a1", "b2", "rc1"])
post = st.sampled_from(["", "", "", ".post1", ".post2"])
dev = st.sampled_from(["", "", "", ".dev1"])
local = st.sampled_from(["", "", "", "+cpu", "+cu.12"])
public = st.tuples(epochs, releases, pre, post, dev).map("".join)
anything = st.tuples(public, local).map("".join)


@st.composite
def clauses(draw: st.DrawFn) -> str:
    operator = draw(st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "~=", "===", "==*", "!=*"]))
    if operator.endswith("*"):
        return f"{operator[:2]}{draw(epochs)}{draw(releases)}.*"
    if operator == "~=":
        parts = draw(st.lists(numbers, min_size=2, max_size=3))
        tail = draw(pre) + draw(post) + draw(dev)
        return f"~={draw(epochs)}{'.'.join(map(str, parts))}{tail}"
    version = draw(anything if operator in {"==", "!=", "==="} else public)
    return f"{operator}{version}"


def wheel(version: str) -> DistFile:
    return wheel_named(f"foo-{version}-py3-none-any.whl")


def wheel_named(filename: str) -> DistFile:
    return DistFile(filename=filename, url=f"https://example.org/{filename}")


@given(
    st.lists(anything, max_size=25, unique_by=Version),
    st.lists(anything, max_size=2),
    st.lists(clauses(), max_size=3),
)
def test_masks(versions: list[str], direct: list[str], wanted: list[str]) -> None:
    """A specifier's mask holds just the versions that packaging says it contains."""
    page = ProjectPage(name=FOO, files=tuple(map(wheel, versions)), searched=())
    view = build_view(page, TARGET, direct=tuple(map(wheel, direct)))
    specifier = SpecifierSet(",".join(wanted))

    mask = view.candidates(specifier, str(specifier)).mask

    assert len(view.versions) == len(versions) + len(direct)
    assert [bool(mask >> index & 1) for index in range(len(view.versions))] == [
        specifier.contains(version, prereleases=True) for version in view.versions
    ]


ONLY_WHEELS = Formats(only_binary=Names(every=True))


async def test_sources() -> None:
    """A source archive is a candidate only where its version has no wheel that fits."""
    world = World()
    world.add("foo", "1.0")
    world.add_source("foo", "1.0")
    world.add("foo", "2.0", tags="cp310-cp310-win_amd64")
    world.add_source("foo", "2.0")
    page = await world.project(FOO)

    assert [file.filename for file in build_view(page, TARGET).files] == [
        "foo-1.0-py3-none-any.whl",
        "foo-2.0.tar.gz",
    ]
    assert absences(page, TARGET) == {}


async def test_no_wheels() -> None:
    """Without wheels only source archives are candidates, and what has none is told of."""
    world = World()
    world.add("foo", "1.0")
    world.add("foo", "2.0")
    world.add_source("foo", "2.0")
    page = await world.project(FOO)
    formats = Formats(no_binary=Names(names=frozenset({FOO})))

    view = build_view(page, TARGET, formats=formats)
    found = absences(page, TARGET, formats=formats)

    assert [file.filename for file in view.files] == ["foo-2.0.tar.gz"]
    assert {str(version): why for version, (why, _) in found.items()} == {"1.0": Absence.WHEEL_ONLY}


async def test_yanked_wheel() -> None:
    """A source archive counts before a yanked wheel of the same version."""
    world = World()
    world.add("foo", "1.0", yanked=True)
    world.add_source("foo", "1.0")

    view = build_view(await world.project(FOO), TARGET)

    assert [file.filename for file in view.files] == ["foo-1.0.tar.gz"]


async def test_absences() -> None:
    """For each release without a candidate the closest miss is known."""
    world = World()
    world.add("foo", "1.0")
    world.add("foo", "2.0", tags="cp310-cp310-win_amd64")
    world.add_source("foo", "2.0")
    world.add_source("foo", "3.0")
    world.add("foo", "4.0", requires_python="<3")
    world.add("foo", "5.0")
    page = await world.project(FOO)
    wanted = {"sha256": frozenset({sha256("foo-1.0-py3-none-any.whl")})}

    found = absences(page, TARGET, wanted, ONLY_WHEELS)

    assert {str(version): absence for version, (absence, _) in found.items()} == {
        "2.0": Absence.TAGS,
        "3.0": Absence.SOURCE_ONLY,
        "4.0": Absence.PYTHON,
        "5.0": Absence.HASHES,
    }


async def test_odd_names() -> None:
    """Files that are not the project's, or of which the name cannot be read, are left out."""
    names = [
        "foo-1.0-py3-none-any.whl",
        "Foo-1.1-1b-py2.py3-none-any.whl",
        "bar-2.0-py3-none-any.whl",
        "foo-nope-py3-none-any.whl",
        "foo-2.0-x-py3-none-any.whl",
        "foo-2.0.whl",
        "foo-2.0.exe",
    ]
    files = tuple(DistFile(filename=each, url=f"https://example.org/{each}") for each in names)

    view = build_view(ProjectPage(name=FOO, files=files, searched=()), TARGET)

    assert [str(version) for version in view.versions] == ["1.0", "1.1"]


builds = st.from_regex(r"[0-9]{1,3}[a-z]{0,2}", fullmatch=True)
spellings = st.sampled_from(["foo", "Foo", "FOO"])


@given(spellings, public, st.none() | builds, st.sampled_from(["py3", "py2.py3", "cp312.py3"]))
def test_wheel_names(name: str, version: str, build: str | None, python: str) -> None:
    """A wheel's name is read as packaging reads it, build numbers and spellings included."""
    parts = [name, version, *([build] if build else []), python, "none", "any"]
    filename = f"{'-'.join(parts)}.whl"
    page = ProjectPage(name=FOO, files=(wheel_named(filename),), searched=())

    assert build_view(page, TARGET).versions == [parse_wheel_filename(filename)[1]]


pieces = st.sampled_from(
    ["foo", "bar", "1.0", "2", "-", "-", "_", ".", "py3-none-any", "..", "/", ""]
)


@given(st.lists(pieces, max_size=9).map("".join))
def test_hostile_wheel_names(stem: str) -> None:
    """Whatever is taken for a wheel of a project, packaging takes for one of that version."""
    filename = f"{stem}.whl"
    page = ProjectPage(name=FOO, files=(wheel_named(filename),), searched=())
    try:
        name, version, _, _ = parse_wheel_filename(filename)
    except InvalidWheelFilename:
        assert build_view(page, TARGET).versions == []
    else:
        assert build_view(page, TARGET).versions in ([], [version])
        assert name == FOO or not build_view(page, TARGET).versions


@given(
    st.lists(
        st.tuples(builds, st.sampled_from(["py3-none-any", "cp312-cp312-linux_x86_64"])),
        min_size=1,
        unique=True,
    )
)
def test_best_of_many_files(files: list[tuple[str, str]]) -> None:
    """Of one version's wheels the best tag is taken, and of those the highest build, in any order."""
    named = [wheel_named(f"foo-1.0-{build}-{tags}.whl") for build, tags in files]
    views = [
        build_view(ProjectPage(name=FOO, files=tuple(order), searched=()), TARGET)
        for order in (named, named[::-1])
    ]
    ranks = {
        file.filename: (-(TARGET.tag_rank(tags) or 0), parse_wheel_filename(file.filename)[2])
        for file, (_, tags) in zip(named, files, strict=True)
    }
    best = max(ranks.values())

    assert [ranks[view.files[0].filename] for view in views] == [best, best]
