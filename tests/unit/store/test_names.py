import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkd.store.names import folders, name_problem

REFUSED = [
    ("", "has no name"),
    ("/etc/passwd", "is absolute"),
    ("//host/share", "is absolute"),
    ("../evil", "leaves its folder with '..'"),
    ("pkg/../../evil", "leaves its folder with '..'"),
    ("pkg/..", "leaves its folder with '..'"),
    ("./pkg", "has an empty part"),
    ("pkg//mod.py", "has an empty part"),
    ("pkg/", "has an empty part"),
    ("pkg\\mod.py", "has a backslash"),
    ("..\\evil", "has a backslash"),
    ("C:evil", "begins with a drive letter"),
    ("c:/evil", "begins with a drive letter"),
    ("pkg/a\0b", "has a control character"),
    ("pkg/a\nb", "has a control character"),
    ("pkg/\x1b[2J", "has a control character"),
    ("pkg/\x85", "has a control character"),
    ("pkg/\udc80", "has a control character"),
    ("a" * 256, "has a part over 255 bytes"),
    ("pkg/" + "é" * 128, "has a part over 255 bytes"),
    ("/".join(["abcdefgh"] * 228), "is more than 128 folders deep"),
    ("/".join(["a" * 200] * 11), "is longer than 2048 bytes"),
]


@pytest.mark.parametrize(("name", "problem"), REFUSED)
def test_hostile_name(name: str, problem: str) -> None:
    """A name that could leave its folder, or be read in two ways, is refused with the reason."""
    found = name_problem(name)
    assert found is not None
    assert found.text == problem


@pytest.mark.parametrize(
    "name",
    ["a", "pkg/mod.py", "..pkg/...", ".hidden", "a b/c", "naïve/日本.py", "con", "ab:c", "x" * 255],
)
def test_harmless_name(name: str) -> None:
    """A name that is merely unusual is taken."""
    assert name_problem(name) is None


pieces = st.sampled_from(["..", ".", "", "/", "\\", "C:", "\0", "\n", "a", "pkg", "é", " ", "~"])


@given(st.one_of(st.text(), st.lists(pieces).map("/".join), st.lists(pieces).map("".join)))
def test_taken_names_stay_below(name: str) -> None:
    """Whatever is taken lies below its folder, under that very name."""
    if name_problem(name) is None:
        joined = posixpath.normpath(posixpath.join("/tree", name))
        assert joined == f"/tree/{name}"


def test_folders() -> None:
    """Every folder on the way to a file is found once."""
    assert folders(["a/b/c", "a/d", "e"]) == {"a", "a/b"}


harmless = st.lists(st.sampled_from(["a", "pkg", "é", "x.py", "..a"]), max_size=3)


@given(harmless, st.sampled_from(["..", ".", "", "a\\b", "a\0b", "a\nb"]), harmless)
def test_one_bad_part_is_enough(before: list[str], bad: str, after: list[str]) -> None:
    """A name is refused wherever in it a part is that could lead elsewhere."""
    assert name_problem("/".join([*before, bad, *after])) is not None
