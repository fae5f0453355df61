"""Staged trees: their layout, their RECORD, what is the installer's own, and what they cost."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from linkd.core.receipt import LinkMode
from linkd.core.record import parse_record
from linkd.core.target import SchemeKey
from linkd.core.wheel import StoredWheel
from linkd.errors import BrokenWheel
from linkd.link.constants import Constants
from linkd.link.footprint import Roots
from linkd.link.stage import Marks, StagedTree, Staging, stage_one
from tests.support.stored import SITE, VERSION, Environment, Store, hash_of, stage
from tests.support.wheels import make_wheel

ASKED = Marks(requested=True)


def names(folder: Path) -> list[str]:
    return sorted(
        str(Path(root, name).relative_to(folder))
        for root, _, files in os.walk(folder)
        for name in files
    )


@pytest.fixture
def rich(store: Store) -> StoredWheel:
    """A wheel with something for every scheme."""
    return store.wheel(
        "Rich.Wheel",
        files={"rich/__init__.py": "", "rich/a/b/c.txt": "c", "single.py": "single"},
        data={
            "scripts/rewritten": "#!python\nprint('rewritten')\n",
            "scripts/plain": "#!/bin/sh\necho plain\n",
            "headers/rich.h": "h",
            "data/share/rich/x": "x",
            "platlib/plat.py": "plat",
        },
        entry_points="[console_scripts]\nlaunch = json.tool:main\n[gui_scripts]\nwindow = rich:main\n",
    )


def stage_in(
    tmp_path: Path,
    wheel: StoredWheel,
    environment: Environment,
    marks: Marks = ASKED,
    mode: LinkMode = LinkMode.HARDLINK,
) -> StagedTree:
    return stage(
        wheel,
        environment.target,
        str(tmp_path / "staged"),
        staging=staging_in(tmp_path, mode),
        marks=marks,
    )


def staging_in(tmp_path: Path, mode: LinkMode = LinkMode.HARDLINK) -> Staging:
    (tmp_path / "constants").mkdir(exist_ok=True)
    return Staging(mode=mode, constants=Constants(str(tmp_path / "constants")))


def test_layout(tmp_path: Path, rich: StoredWheel, environment: Environment) -> None:
    """One folder a scheme, and one for dist-info; nothing else."""
    tree = stage_in(tmp_path, rich, environment)

    dist_info = "dist-info/rich_wheel-1.0.dist-info"
    assert tree.parts == ("data", "headers", "platlib", "purelib", "scripts")
    assert names(tmp_path / "staged") == sorted(
        [
            "data/share/rich/x",
            *(f"{dist_info}/{name}" for name in ("INSTALLER", "METADATA", "RECORD", "REQUESTED")),
            *(f"{dist_info}/{name}" for name in ("WHEEL", "entry_points.txt")),
            "headers/rich_wheel/rich.h",
            "platlib/plat.py",
            "purelib/rich/__init__.py",
            "purelib/rich/a/b/c.txt",
            "purelib/single.py",
            *(f"scripts/{name}" for name in ("launch", "plain", "rewritten", "window")),
        ]
    )


def test_record(tmp_path: Path, rich: StoredWheel, environment: Environment) -> None:
    """RECORD names every file that will be there, from site-packages, with its hash and size."""
    environment.change(rich)

    site = environment.site
    rows = {
        row.path: row
        for row in parse_record((site / "rich_wheel-1.0.dist-info/RECORD").read_text())
    }
    assert rows.keys() == {
        os.path.relpath(environment.target.prefix / name, site)
        for name in names(environment.target.prefix)
    }
    assert {
        "../../../bin/launch", "../../../share/rich/x", "plat.py",
        f"../../../include/site/{VERSION}/rich_wheel/rich.h",
    } <= rows.keys()  # fmt: skip
    own = rows.pop("rich_wheel-1.0.dist-info/RECORD")
    assert (own.sha256, own.size) == (None, None)
    for path, row in rows.items():
        assert (row.sha256, row.size) == (hash_of(site / path), (site / path).stat().st_size)


def test_marks(tmp_path: Path, rich: StoredWheel, environment: Environment) -> None:
    """INSTALLER, REQUESTED and direct_url.json are what the request says, and are recorded."""
    direct_url = json.dumps({"url": "file:///x.whl", "archive_info": {}})
    marks = Marks(requested=True, direct_url=direct_url)
    stage_in(tmp_path, rich, environment, marks)

    folder = tmp_path / "staged/dist-info/rich_wheel-1.0.dist-info"
    assert (folder / "INSTALLER").read_text() == "linkd\n"
    assert (folder / "REQUESTED").read_bytes() == b""
    assert (folder / "direct_url.json").read_text() == direct_url


def test_no_marks(tmp_path: Path, rich: StoredWheel, environment: Environment) -> None:
    """What nobody asked for has no REQUESTED, and what came from an index no direct_url.json."""
    stage_in(tmp_path, rich, environment, Marks(requested=False))

    folder = tmp_path / "staged/dist-info/rich_wheel-1.0.dist-info"
    assert {"REQUESTED", "direct_url.json"}.isdisjoint(os.listdir(folder))


def test_a_wheel_with_marks_of_its_own(
    tmp_path: Path, store: Store, environment: Environment
) -> None:
    """INSTALLER, REQUESTED and direct_url.json of the wheel itself do not count, nor get in."""
    own = ("INSTALLER", "REQUESTED", "direct_url.json")
    files = {f"foo-1.0.dist-info/{name}": "the wheel's own" for name in own}
    wheel = store.wheel("foo", files={"foo.py": "", **files})
    stage_in(tmp_path, wheel, environment, Marks(requested=False))

    folder = tmp_path / "staged/dist-info/foo-1.0.dist-info"
    assert (folder / "INSTALLER").read_text() == "linkd\n"
    assert {"REQUESTED", "direct_url.json"}.isdisjoint(os.listdir(folder))
    recorded = [row.path for row in parse_record((folder / "RECORD").read_text())]
    assert sorted(recorded) == sorted({*recorded})
    assert "foo-1.0.dist-info/REQUESTED" not in recorded


def test_scripts(rich: StoredWheel, environment: Environment) -> None:
    """Launchers and rewritten scripts run by the environment's interpreter; others are as they were."""
    environment.change(rich)

    scripts = environment.target.scheme.scripts
    run = [
        subprocess.run(
            [scripts / name], input="[1]", capture_output=True, text=True, check=True
        ).stdout
        for name in ("launch", "rewritten", "plain")
    ]
    assert run == ["[\n    1\n]\n", "rewritten\n", "plain\n"]
    assert (scripts / "rewritten").read_text().startswith(f"#!{sys.executable}\n")
    assert [(scripts / name).stat().st_mode & 0o777 for name in os.listdir(scripts)] == [0o755] * 4


def test_a_launcher_and_a_script_of_one_name(
    tmp_path: Path, store: Store, environment: Environment
) -> None:
    """The launcher takes the place of a script of its name, and is recorded once."""
    path = make_wheel(
        tmp_path / "made",
        "foo",
        data={"scripts/foo": "#!python\n# script\n"},
        entry_points="[console_scripts]\nfoo = foo:main\n",
    )
    environment.change(store.add(path))

    assert "from foo import main" in (environment.target.scheme.scripts / "foo").read_text()
    assert environment.problems() == []


def test_inodes(tmp_path: Path, rich: StoredWheel, environment: Environment) -> None:
    """The wheel's files are the store's own inodes, and what is the same everywhere is the cache's."""
    tree = stage_in(tmp_path, rich, environment)

    staged = tmp_path / "staged"
    linked = {name for name in names(staged) if (staged / name).stat().st_nlink > 1}
    dist_info = "dist-info/rich_wheel-1.0.dist-info"
    constants = {f"{dist_info}/INSTALLER", f"{dist_info}/REQUESTED"}
    assert constants <= linked
    assert tree.links == len(linked - constants) == 10
    assert tree.mode is LinkMode.HARDLINK


def test_copies(tmp_path: Path, rich: StoredWheel, environment: Environment) -> None:
    """In a copy nothing is shared with the store."""
    stage_in(tmp_path, rich, environment, mode=LinkMode.COPY)

    staged = [tmp_path / "staged" / name for name in names(tmp_path / "staged")]
    assert {path.stat().st_nlink for path in staged} == {1}


def test_one_file(tmp_path: Path, rich: StoredWheel, environment: Environment) -> None:
    """A single file is staged as the whole tree would have it, by its place in the environment."""
    stage_in(tmp_path, rich, environment)
    roots = Roots.of(environment.target)
    (tmp_path / "one").mkdir()
    for part in SchemeKey:
        for name in names(tmp_path / "staged" / part):
            where = tmp_path / "one" / name.replace("/", "-")
            stage_one(
                rich, f"{roots[part]}{name}", str(where),
                target=environment.target, mode=LinkMode.HARDLINK,
            )  # fmt: skip
            assert where.read_bytes() == (tmp_path / "staged" / part / name).read_bytes()
    assert len(names(tmp_path / "one")) == 10


STAGE = """
import os, sys
import msgspec
from pathlib import Path
from linkd.core.manifest import Manifest
from linkd.core.receipt import LinkMode
from linkd.core.wheel import StoredWheel
from linkd.link.constants import Constants
from linkd.link.stage import Marks, Staging
from tests.support.stored import make_target, stage
manifest, tree, where = sys.argv[1:]
staging = Staging(mode=LinkMode.HARDLINK, constants=Constants(where))
wheel = StoredWheel(manifest=msgspec.msgpack.decode(Path(manifest).read_bytes(), type=Manifest), tree=tree)
target = make_target(Path(where) / "environment")
stage(wheel, target, where + "/first", staging=staging, marks=Marks(requested=True))
os.mkdir(where + "/begin")
stage(wheel, target, where + "/staged", staging=staging, marks=Marks(requested=True))
os.mkdir(where + "/end")
"""


def test_system_calls(tmp_path: Path, store: Store) -> None:
    """Staging costs one mkdir a folder and one link a file; RECORD is a link the second time."""
    folders = [f"pkg/sub{number}" for number in range(10)]
    wheel = store.wheel(
        "pkg", files={f"{folder}/{n}.py": "" for folder in folders for n in range(9)}
    )
    manifest = store.layout.manifest(wheel.manifest.sha256)
    trace = tmp_path / "trace"
    work = tmp_path / "work"
    work.mkdir()
    subprocess.run(
        ["strace", "-f", "-qq", "-o", trace, "-e", "trace=/^(mkdir|link|rename|unlink|open|symlink)(at2?)?$",
         sys.executable, "-c", STAGE, manifest, wheel.tree, work],
        check=True,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )  # fmt: skip

    calls = Counter(
        match[1]
        for line in re.split(r'mkdir(?:at)?\(.*/(?:begin|end)".*\n', trace.read_text())[
            1
        ].splitlines()
        if (match := re.match(r"\d+ +(mkdir|link|rename|unlink|open|symlink)", line))
    )
    assert calls == {
        # The staged folder, purelib and dist-info in it, pkg and its folders, foo.dist-info.
        "mkdir": 1 + 2 + 1 + len(folders) + 1,
        # The wheel's files with METADATA and WHEEL; INSTALLER, REQUESTED and RECORD.
        "link": 90 + 2 + 3,
        # The staged folder and the wheel's tree; the two sides of each folder with files in it
        # and of each constant.
        "open": 2 + 2 * (len(folders) + 1) + 2 * 3,
    }


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({f"data/{SITE}/dup.py": "two"}, f"{SITE}/dup.py"),
        ({"scripts/x": "one", "data/bin/x": "two"}, "bin/x"),
        ({"data/bin/launch": "one"}, "bin/launch"),
    ],
)
def test_two_sources_of_one_path(
    tmp_path: Path,
    store: Store,
    environment: Environment,
    data: dict[str, str],
    path: str,
) -> None:
    """A wheel of which two files come to one path here is refused before anything is made."""
    wheel = store.wheel(
        "foo",
        files={"foo.py": "", "dup.py": "one"},
        data=data,
        entry_points="[console_scripts]\nlaunch = foo:main\n",
    )
    before = environment.files()

    with pytest.raises(BrokenWheel, match=f"both come to {path}"):
        stage_in(tmp_path, wheel, environment)
    with pytest.raises(BrokenWheel):
        environment.change(wheel)

    assert not (tmp_path / "staged").exists()
    assert environment.files() == before
