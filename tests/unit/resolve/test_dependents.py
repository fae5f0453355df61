"""What a change breaks of that which it did not touch."""

from collections.abc import Mapping

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from linkd.core.installed import InstalledDistribution
from linkd.resolve.dependents import find_broken
from tests.unit.resolve.world import INTERPRETER


def broken(came: Mapping[str, str], *requires: str) -> list[str]:
    present = InstalledDistribution(
        name=canonicalize_name("strict"), version=Version("1.0"), location="/", dist_info="x"
    )
    lines = "".join(f"Requires-Dist: {line}\n" for line in requires)
    metadata = f"Metadata-Version: 2.1\nName: strict\nVersion: 1.0\n{lines}\nRequires-Dist: a<1\n"
    versions = {canonicalize_name(name): Version(version) for name, version in came.items()}
    return list(find_broken(versions, [(present, metadata.encode())], INTERPRETER))


def test_a_sentence() -> None:
    """Who requires what is told with the version that is there instead."""
    assert broken({"bar": "2.0"}, "bar<2") == [
        "strict 1.0 requires bar<2, but bar 2.0 is there now"
    ]


@pytest.mark.parametrize("written", ["My.Dep<2", "my_dep (<2)", "my--dep[x]<2; python_version>'3'"])
def test_a_name_in_another_spelling(written: str) -> None:
    """A name is found however the metadata spells it."""
    assert len(broken({"my-dep": "2.0"}, written)) == 1


@pytest.mark.parametrize(
    "written",
    [
        "bar",
        "bar>=2.0rc1",
        "bar-more<2",
        "barn<2",
        "bar<2; extra == 'x'",
        "bar<2; python_version<'3'",
    ],
)
def test_what_is_not_broken(written: str) -> None:
    """A requirement that is met, another's, an extra's or another Python's is not told of."""
    assert broken({"bar": "2.0"}, written) == []


def test_a_pre_release_meets_its_range() -> None:
    """Pre-releases count where they are installed, whether anybody would have chosen them or not."""
    assert broken({"bar": "2.0rc1"}, "bar>=1,<3") == []
    assert len(broken({"bar": "3.0"}, "bar>=1,<3")) == 1
