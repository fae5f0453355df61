import os
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from linkd.core.manifest import Manifest
from linkd.core.target import SchemeKey
from linkd.store.entry import publish, read_entry, write_manifest
from linkd.store.layout import Layout, tree_of

SHA = "ab" * 32


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "cache")
    layout.create()
    return layout


def made(layout: Layout, name: str) -> str:
    folder = os.path.join(layout.incoming, name)
    os.makedirs(tree_of(folder))
    manifest = Manifest(
        sha256=SHA,
        filename="foo-1.0-py3-none-any.whl",
        name=canonicalize_name("foo"),
        version="1.0",
        dist_info="foo-1.0.dist-info",
        root_scheme=SchemeKey.PURELIB,
        files=(),
    )
    write_manifest(folder, manifest)
    return folder


def test_published_once(layout: Layout) -> None:
    """The first one's entry stays; the second is told that somebody's is there."""
    assert publish(layout, SHA, made(layout, "one"))
    assert not publish(layout, SHA, made(layout, "two"))

    wheel = read_entry(layout, SHA)
    assert wheel is not None
    assert wheel.tree == layout.tree(SHA)


def test_half_an_entry_makes_way(layout: Layout) -> None:
    """An entry without a manifest is found to be none, and the next one takes its place."""
    os.makedirs(layout.tree(SHA))

    assert read_entry(layout, SHA) is None
    assert publish(layout, SHA, made(layout, "one"))
    assert read_entry(layout, SHA) is not None


def test_damaged_manifest(layout: Layout) -> None:
    """A manifest that does not read takes its entry out of the store."""
    publish(layout, SHA, made(layout, "one"))
    Path(layout.manifest(SHA)).write_bytes(b"\xff")

    assert read_entry(layout, SHA) is None
    assert not os.path.exists(layout.entry(SHA))
