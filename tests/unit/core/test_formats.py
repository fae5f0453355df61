import pytest
from packaging.utils import canonicalize_name

from linkd.core.formats import Formats, Names, parse_names

FOO, BAR = canonicalize_name("foo"), canonicalize_name("bar")


def test_default() -> None:
    """Without options a project may come as a wheel and as a source."""
    assert (Formats().allows_wheel(FOO), Formats().allows_source(FOO)) == (True, True)


def test_name_counts_before_all() -> None:
    """A project's own name counts before what is said of all."""
    formats = Formats(only_binary=Names(every=True), no_binary=Names(names=frozenset({FOO})))

    assert (formats.allows_wheel(FOO), formats.allows_source(FOO)) == (False, True)
    assert (formats.allows_wheel(BAR), formats.allows_source(BAR)) == (True, False)


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (["Foo,bar", "foo"], Names(names=frozenset({FOO, BAR}))),
        (["foo", ":all:"], Names(every=True)),
        ([":all:", "foo"], Names(every=True, names=frozenset({FOO}))),
        ([":all:,:none:"], Names()),
        ([], Names()),
    ],
)
def test_parse(values: list[str], names: Names) -> None:
    """Names are normalized, and each of the two words forgets what was before it."""
    assert parse_names(values) == names


def test_no_name() -> None:
    """What is no project's name is refused."""
    with pytest.raises(ValueError, match="invalid"):
        parse_names(["-x"])
