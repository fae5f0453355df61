from linkd.resolve.metadata import parse_metadata
from linkd.resolve.target_view import target_view

from .world import INTERPRETER

TARGET = target_view(INTERPRETER)
RAW = b"""\
Metadata-Version: 2.1\r
Name: Foo.Bar\r
Version: 1.0\r
Requires-Python: >=3.8\r
Provides-Extra: Some_Extra\r
Requires-Dist: always\r
Requires-Dist: folded >=1,\r
    <2\r
Requires-Dist: never ; os_name == "nt"\r
requires-dist: sometimes[x] ; extra == "some-extra"\r
\r
Requires-Dist: not-a-header\r
"""


def test_fields() -> None:
    """Names are normalized; only what stands before the empty line counts."""
    metadata = parse_metadata(RAW)

    assert metadata.name == "foo-bar"
    assert metadata.version == "1.0"
    assert metadata.requires_python == ">=3.8"
    assert metadata.extras == {"some-extra"}
    assert metadata.problem is None


def test_dependencies() -> None:
    """An extra's dependencies are those that it adds to the distribution's own."""
    metadata = parse_metadata(RAW)

    assert [each.text for each in metadata.dependencies(TARGET)] == ["always", "folded<2,>=1"]
    assert [each.text for each in metadata.dependencies(TARGET, "some-extra")] == ["sometimes[x]"]


def test_invalid_line() -> None:
    """An unreadable line makes the distribution unusable, and says why."""
    metadata = parse_metadata(b"Name: foo\nRequires-Dist: a b c\n")

    assert metadata.problem == "its metadata has an invalid Requires-Dist: 'a b c'"
