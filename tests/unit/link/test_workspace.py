"""Where staged trees lie, and that they go."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from linkd.core.receipt import FallbackReason, LinkMode
from linkd.errors import CacheUnusable, EnvironmentMissing, LinkUnavailable
from linkd.link.modes import LinkPolicy
from linkd.link.workspace import Workspaces, require_writable
from linkd.store.workspace import clear_leftovers
from tests.support.stored import Environment, Store, make_target


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder on another file system than the store."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


def test_beside_the_cache(store: Store, environment: Environment) -> None:
    """On the cache's mount a workspace is out of sight, and removed in the background."""
    workspace = store.workspaces.open(environment.target, LinkPolicy())
    assert Path(workspace.path).parent == Path(store.layout.pool)
    assert Path(workspace.path).stat().st_mode & 0o777 == 0o700

    store.workspaces.discard(workspace)
    store.close()

    assert (store.leftovers(), store.workspaces.pending) == ([], 0)


def test_what_a_dead_process_left(store: Store, environment: Environment) -> None:
    """What a killed daemon left is cleared; what somebody works on is not, whoever clears."""
    workspace = store.workspaces.open(environment.target, LinkPolicy())
    os.mkdir(os.path.join(store.layout.pool, "txn-dead"))

    clear_leftovers(store.layout.pool, before=time.time() + 60)
    assert os.listdir(store.layout.pool) == [os.path.basename(workspace.path)]

    store.workspaces.discard(workspace)


def test_beside_the_environment(store: Store, elsewhere: Path) -> None:
    """On another mount it is a hidden folder in the prefix, and gone when it is discarded."""
    target = make_target(elsewhere / "environment")
    workspace = store.workspaces.open(target, LinkPolicy())
    assert Path(workspace.path).parent == target.prefix
    assert Path(workspace.path).name.startswith(".linkd-")

    store.workspaces.discard(workspace)

    assert sorted(os.listdir(target.prefix)) == ["bin", "lib"]


def test_an_install_on_another_file_system(store: Store, elsewhere: Path) -> None:
    """An environment on another file system gets copies, whole, and the answer says why."""
    environment = Environment(store, make_target(elsewhere / "environment"))

    outcome = environment.change(store.wheel("foo", data={"data/share/x": "x"}))

    assert environment.problems() == []
    assert outcome.fallback is not None
    assert outcome.fallback.reason is FallbackReason.CROSS_DEVICE
    assert {tree.mode for tree in outcome.trees} == {LinkMode.COPY}


def test_a_link_is_required(store: Store, elsewhere: Path) -> None:
    """Where links are required and there are none nothing has changed, and no workspace is left."""
    environment = Environment(store, make_target(elsewhere / "environment"))

    with pytest.raises(LinkUnavailable):
        environment.change(store.wheel("foo"), policy=LinkPolicy(required=True))

    assert sorted(os.listdir(environment.target.prefix)) == ["bin", "lib"]
    assert environment.installed() == {}


@pytest.mark.parametrize("mode", [LinkMode.COPY, LinkMode.SYMLINK])
def test_other_modes(store: Store, environment: Environment, mode: LinkMode) -> None:
    """An environment of copies or of links is whole, and can be emptied again."""
    environment.change(store.wheel("foo", "1.0"), policy=LinkPolicy(wanted=mode))
    assert environment.problems() == []
    environment.change(store.wheel("foo", "2.0"), policy=LinkPolicy(wanted=mode))
    assert environment.problems() == []
    assert (environment.site / "foo/__init__.py").is_symlink() == (mode is LinkMode.SYMLINK)

    environment.change(remove=["foo"])

    assert environment.problems() == []


def test_a_background_that_has_ended(store: Store, environment: Environment) -> None:
    """A workspace that is discarded while the daemon stops waits in the trash for its next start."""
    background = ThreadPoolExecutor(1)
    workspaces = Workspaces(pool=store.layout.pool, trash=store.layout.trash, background=background)
    workspace = workspaces.open(environment.target, LinkPolicy())
    background.shutdown()

    workspaces.discard(workspace)

    assert workspaces.pending == 0
    assert os.listdir(store.layout.pool) == []
    assert len(os.listdir(store.layout.trash)) == 1


AS_NOBODY = """
import os, sys
from pathlib import Path
from linkd.errors import EnvironmentNotWritable
from linkd.link.workspace import require_writable
from tests.support.stored import make_target
target = make_target(Path(sys.argv[1]))
os.chmod(target.scheme.scripts, 0o555)
if os.geteuid() == 0:
    os.chmod(sys.argv[1], 0o755)
    os.setegid(65534); os.seteuid(65534)
try:
    require_writable(target)
except EnvironmentNotWritable as error:
    print(error.reason, Path(error.path).name)
"""


def test_not_writable(tmp_path: Path) -> None:
    """An environment of which a folder cannot be written is refused, with the folder's name."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        answer = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, f"{folder}/environment"],
            capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONPATH": os.getcwd()},
        )  # fmt: skip
        os.chmod(f"{folder}/environment/bin", 0o755)

    assert answer.stdout.split() in (
        ["permission", "denied", "bin"],
        ["permission", "denied", "site-packages"],
    )


def test_writable(environment: Environment) -> None:
    """One that can be written is not refused, nor is one without a folder for scripts."""
    require_writable(environment.target)
    os.rmdir(environment.target.scheme.scripts)
    require_writable(environment.target)


def test_writable_where_it_will_be(environment: Environment) -> None:
    """Of a site-packages that is yet to be made, the folder that is there counts."""
    shutil.rmtree(environment.target.prefix)
    require_writable(environment.target)


def test_a_prefix_that_is_gone(store: Store, environment: Environment) -> None:
    """An environment that went since it was probed is said to be missing; a cache, unusable."""
    os.rename(environment.target.prefix, environment.target.prefix.with_name("moved"))

    with pytest.raises(EnvironmentMissing):
        store.workspaces.open(environment.target, LinkPolicy())
    shutil.rmtree(store.layout.version)
    with pytest.raises(CacheUnusable):
        store.workspaces.open(environment.target, LinkPolicy())


REFUSED = """
import codecs, os, subprocess, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from linkd.errors import LinkdError
from linkd.link.modes import LinkPolicy
from linkd.link.workspace import Workspaces
from tests.support.stored import make_target
pool, prefix, trouble = sys.argv[1:]
codecs.lookup("ascii")  # nobody may not read the interpreter's own files
if trouble == "full":
    # Room for the environment's folders (bin, lib, python3.x, site-packages) and the workspace.
    options = ["mount", "-t", "tmpfs", "-o", "nr_inodes=7", "tmpfs", prefix]
    subprocess.run(options, check=True)
target = make_target(Path(prefix))
if os.geteuid() == 0 and trouble != "full":
    for folder in (prefix, pool):
        os.chown(folder, 65534, 65534)
    os.setegid(65534); os.seteuid(65534)
if trouble == "pool":
    os.chmod(pool, 0o555)
elif trouble == "umask":
    os.umask(0o277)  # the workspace can be made and opened, but nothing can be made in it
try:
    with ThreadPoolExecutor(1) as background:
        Workspaces(pool=pool, trash=pool, background=background).open(target, LinkPolicy())
except LinkdError as error:
    print(error.code, error.detail)
print(sorted(os.listdir(prefix)), os.listdir(pool))
"""


@pytest.mark.parametrize(
    ("trouble", "near", "code", "place"),
    [
        ("umask", True, "cache-unusable", "pool"),
        ("umask", False, "cache-unusable", "pool"),
        ("pool", False, "cache-unusable", "pool"),
        ("full", False, "no-space", "environment/.linkd-"),
    ],
)
def test_a_workspace_that_cannot_be_tried(
    elsewhere: Path, trouble: str, near: bool, code: str, place: str
) -> None:
    """What the file system refuses while links and renames are tried is told with its place."""
    with tempfile.TemporaryDirectory() as other:
        pool = (elsewhere if near else Path(other)) / "pool"
        prefix = elsewhere / "environment"
        for folder in (Path(other), elsewhere):
            os.chmod(folder, 0o755)
        pool.mkdir()
        prefix.mkdir()
        answer = subprocess.run(
            [*(["unshare", "--map-root-user", "--mount"] if trouble == "full" else []),
             sys.executable, "-c", REFUSED, pool, prefix, trouble],
            capture_output=True, text=True, check=False,
            env={**os.environ, "PYTHONPATH": os.getcwd()},
        )  # fmt: skip
        os.chmod(pool, 0o755)

    if trouble == "full" and "Operation not permitted" in answer.stderr:
        print("mount namespaces are not allowed here: nothing was shown")
        return
    assert answer.stdout.startswith(code), answer.stderr
    assert place in answer.stdout
    assert answer.stdout.splitlines()[1:] == ["['bin', 'lib'] []"]
