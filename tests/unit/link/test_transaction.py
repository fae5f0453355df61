"""One request after another in one environment: all of it, or nothing."""

import contextlib
import itertools
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from linkd.core.wheel import StoredWheel
from linkd.errors import GraftFailed, NoRecord, PathOccupied, WheelDamaged
from linkd.link.rename import KernelRename, PortableRename, Rename
from tests.support.stored import SITE, Environment, Store, make_target

RENAMES: list[type[KernelRename] | type[PortableRename]] = [KernelRename, PortableRename]


@pytest.fixture(params=RENAMES, ids=["kernel", "portable"], autouse=True)
def rename(request: pytest.FixtureRequest, store: Store) -> Rename:
    """Every claim holds with and without renameat2."""
    chosen: Rename = request.param()
    store.workspaces.rename = chosen
    return chosen


class Failing:
    """The rename given, until it has been called so often; works again once it has failed."""

    def __init__(
        self, rename: Rename, calls: int, meanwhile: Callable[[], None] = lambda: None
    ) -> None:
        self._rename = rename
        self._left = calls
        self._meanwhile = meanwhile
        self.moves_folders = rename.moves_folders
        self.failed = False

    def noreplace(self, source: str, source_fd: int, target: str, target_fd: int) -> None:
        self._count()
        self._rename.noreplace(source, source_fd, target, target_fd)

    def exchange(self, source: str, source_fd: int, target: str, target_fd: int) -> None:
        self._count()
        self._rename.exchange(source, source_fd, target, target_fd)

    def _count(self) -> None:
        self._left -= 1
        if self._left == 0:
            self.failed = True
            self._meanwhile()
            raise PermissionError(1, "refused by the test")


def old_foo(store: Store) -> StoredWheel:
    return store.wheel(
        "foo",
        "1.0",
        files={
            "foo/__init__.py": "one",
            "foo/gone.py": "gone",
            "foo/inner/same.py": "same",
            "foo/was_file": "file",
            "space/foo.py": "one",
            "space/both.py": "both",
            "single.py": "one",
        },
        data={"data/share/doc/foo": "one", "scripts/foo-run": "#!python\n"},
        entry_points="[console_scripts]\nfoo = foo:main\n",
    )


def new_foo(store: Store) -> StoredWheel:
    return store.wheel(
        "foo",
        "2.0",
        files={
            "foo/__init__.py": "two",
            "foo/inner/same.py": "same",
            "foo/inner/new.py": "new",
            "foo/other/new.py": "new",
            "space/foo.py": "two",
            "space/both.py": "both",
            "single.py": "two",
        },
        data={"data/share/doc/foo": "two", "data/share/man/foo.1": "two"},
        entry_points="[console_scripts]\nfoo = foo:other\nfoo2 = foo:main\n",
    )


def bar(store: Store) -> StoredWheel:
    return store.wheel("bar", files={"space/bar.py": "bar", "space/both.py": "both"})


def install(environment: Environment) -> None:
    environment.change(old_foo(environment.store), bar(environment.store))


def upgrade(environment: Environment) -> None:
    environment.change(new_foo(environment.store))


def reinstall(environment: Environment) -> None:
    environment.change(old_foo(environment.store))


def uninstall(environment: Environment) -> None:
    environment.change(remove=["foo"])


def mixture(environment: Environment) -> None:
    environment.change(new_foo(environment.store), environment.store.wheel("baz"), remove=["bar"])


def replace_strays(environment: Environment) -> None:
    wheel = environment.store.wheel("stray", files={"space/mine.py": "theirs", "mine.py": "theirs"})
    environment.change(wheel)


def live_in(environment: Environment) -> None:
    """What happens in an environment that is used."""
    (environment.site / "mine.py").write_text("mine")
    space = environment.site / "space"
    space.mkdir(exist_ok=True)
    (space / "mine.py").write_text("mine")
    for module in environment.site.rglob("*.py"):
        cache = module.parent / "__pycache__"
        cache.mkdir(exist_ok=True)
        (cache / f"{module.stem}.cpython-312.pyc").write_text(f"compiled {module.read_text()}")


CHANGES: list[tuple[bool, Callable[[Environment], None]]] = [
    (False, install),
    (True, upgrade),
    (True, reinstall),
    (True, uninstall),
    (True, mixture),
    (True, replace_strays),
]


@pytest.mark.parametrize(
    ("installed", "change"), CHANGES, ids=[change.__name__ for _, change in CHANGES]
)
def test_undo(
    store: Store,
    environment: Environment,
    rename: Rename,
    *,
    installed: bool,
    change: Callable[[Environment], None],
) -> None:
    """Whichever rename fails, the environment is byte for byte as before."""
    if installed:
        install(environment)
    live_in(environment)
    before = environment.files()
    for calls in itertools.count(1):
        store.workspaces.rename = failing = Failing(rename, calls)
        try:
            change(environment)
        except GraftFailed:
            assert before == environment.files(), f"after {calls} renames"
        else:
            assert not failing.failed
            assert calls > 3
            break
    store.close()
    assert store.leftovers() == []


def test_undo_keeps_what_somebody_put_there(
    store: Store, environment: Environment, rename: Rename
) -> None:
    """A user's file in a folder that has just come stays when the rest of the folder goes back."""
    mine = environment.site / "foo/mine.py"

    def put() -> None:
        if mine.parent.exists():
            mine.write_text("mine")

    for calls in itertools.count(1):
        store.workspaces.rename = Failing(rename, calls, put)
        with contextlib.suppress(GraftFailed):
            install(environment)
        if mine.exists():
            break

    assert os.listdir(environment.site) == ["foo"]
    assert os.listdir(environment.site / "foo") == ["mine.py"]


@pytest.mark.parametrize("change", [upgrade, reinstall, uninstall, mixture])
def test_end_states(environment: Environment, change: Callable[[Environment], None]) -> None:
    """After each kind of request everything recorded is there and whole, and nothing besides."""
    install(environment)

    change(environment)

    assert environment.problems() == []


def test_install(store: Store, environment: Environment) -> None:
    """A new environment holds exactly the wheels' files, and no workspace is left."""
    install(environment)
    store.close()

    files = environment.files()
    assert files[f"{SITE}/foo/__init__.py"] == b"one"
    assert files["share/doc/foo"] == b"one"
    assert environment.problems() == []
    assert store.leftovers() == []


def test_upgrade(environment: Environment) -> None:
    """Old-only files go, and bytecode of everything that was replaced; other people's stay."""
    install(environment)
    live_in(environment)

    upgrade(environment)

    files = environment.files()
    assert files[f"{SITE}/foo/__init__.py"] == b"two"
    assert files["share/doc/foo"] == b"two"
    assert f"{SITE}/foo/gone.py" not in files
    assert f"{SITE}/foo/was_file" not in files
    assert "bin/foo-run" not in files
    assert f"{SITE}/foo/__pycache__/gone.cpython-312.pyc" not in files
    assert f"{SITE}/foo/__pycache__/__init__.cpython-312.pyc" not in files
    assert f"{SITE}/space/__pycache__/foo.cpython-312.pyc" not in files
    assert f"{SITE}/__pycache__/single.cpython-312.pyc" not in files
    assert f"{SITE}/space/__pycache__/bar.cpython-312.pyc" in files
    assert f"{SITE}/space/__pycache__/mine.cpython-312.pyc" in files
    assert files[f"{SITE}/space/mine.py"] == b"mine"
    assert files[f"{SITE}/mine.py"] == b"mine"


def test_upgrade_with_a_users_file(environment: Environment) -> None:
    """A user's own file within a package survives its upgrade."""
    install(environment)
    (environment.site / "foo/inner/mine.txt").write_text("mine")

    upgrade(environment)

    files = environment.files()
    assert files[f"{SITE}/foo/inner/mine.txt"] == b"mine"
    assert files[f"{SITE}/foo/__init__.py"] == b"two"
    assert f"{SITE}/foo/gone.py" not in files


def test_upgrade_of_two_in_one_folder(store: Store, environment: Environment) -> None:
    """Two distributions that share a folder are upgraded at once, and each has its files."""
    names = ("left", "right")
    environment.change(
        *(store.wheel(name, "1.0", files={f"both/{name}.py": "1"}) for name in names)
    )

    environment.change(
        *(store.wheel(name, "2.0", files={f"both/{name}.py": "2"}) for name in names)
    )

    assert environment.problems() == []


@pytest.mark.parametrize("own", [True, False], ids=["alone", "shared"])
def test_upgrade_between_files_and_folders(
    store: Store, environment: Environment, *, own: bool
) -> None:
    """What was a file becomes a folder and the other way round, while it is the same one's."""
    if not own:
        environment.change(store.wheel("bar", files={"a/bar.py": ""}))
    environment.change(store.wheel("foo", "1.0", files={"a/b": "file", "a/c/d.py": "folder"}))

    environment.change(store.wheel("foo", "2.0", files={"a/b/x.py": "folder", "a/c": "file"}))

    assert environment.problems() == []


def test_uninstall(environment: Environment) -> None:
    """What a distribution alone recorded goes, with its bytecode and the folders it leaves empty."""
    install(environment)
    live_in(environment)

    uninstall(environment)

    files = environment.files()
    assert not [path for path in files if "foo" in path]
    assert not [path for path in files if path.endswith("single.py")]
    assert "share" not in os.listdir(environment.target.prefix)
    assert files[f"{SITE}/space/both.py"] == b"both"
    assert "bin/" in files


def test_uninstall_the_last_owner(environment: Environment) -> None:
    """A shared file goes with the last of those who recorded it."""
    install(environment)

    environment.change(remove=["foo"])
    assert f"{SITE}/space/both.py" in environment.files()
    environment.change(remove=["bar"])

    assert {f"{SITE}/", "bin/"} == environment.files().keys()


def test_users_files_are_kept(store: Store, environment: Environment) -> None:
    """A user's file below a package is kept, and so is its folder; the package's files go."""
    environment.change(store.wheel("foo", files={"foo/__init__.py": "", "foo/a/b.py": "b"}))
    (environment.site / "foo/a/mine.txt").write_text("mine")

    environment.change(remove=["foo"])

    assert {f"{SITE}/foo/a/mine.txt": b"mine", "bin/": ""} == environment.files()


def test_a_stray_file_is_put_aside(store: Store, environment: Environment) -> None:
    """A file that nobody recorded and that differs is kept in `replaced-files` and reported."""
    (environment.site / "foo.py").write_text("mine")
    (environment.site / "same.py").write_text("same")
    (environment.site / "link.py").symlink_to("foo.py")
    files = {"foo.py": "theirs", "same.py": "same", "link.py": "theirs"}

    outcome = environment.change(store.wheel("foo", files=files))

    kept = {file.path: Path(file.moved_to) for file in outcome.kept_files}
    assert {f"{SITE}/foo.py", f"{SITE}/link.py"} == kept.keys()
    assert kept[f"{SITE}/foo.py"].read_text() == "mine"
    assert os.readlink(kept[f"{SITE}/link.py"]) == "foo.py"
    assert kept[f"{SITE}/foo.py"].is_relative_to(environment.target.prefix / "replaced-files")
    assert environment.files()[f"{SITE}/foo.py"] == b"theirs"


def test_strays_are_not_put_through_links(
    store: Store, environment: Environment, tmp_path: Path
) -> None:
    """`replaced-files` that is a link to somewhere else is not followed: the request is refused."""
    (tmp_path / "elsewhere").mkdir()
    (environment.target.prefix / "replaced-files").symlink_to(tmp_path / "elsewhere")
    (environment.site / "foo.py").write_text("mine")
    before = environment.files()

    with pytest.raises(GraftFailed):
        environment.change(store.wheel("foo", files={"foo.py": "theirs"}))

    assert before == environment.files()
    assert os.listdir(tmp_path / "elsewhere") == []


def test_recorded_files_are_not_strays(store: Store, environment: Environment) -> None:
    """What an installed distribution recorded is replaced without being put aside."""
    environment.change(store.wheel("bar", files={"space/both.py": "bar"}))

    outcome = environment.change(store.wheel("foo", files={"space/both.py": "foo"}))

    assert outcome.kept_files == ()
    assert environment.files()[f"{SITE}/space/both.py"] == b"foo"


@pytest.mark.parametrize("order", [("abc", "xyz"), ("xyz", "abc")])
def test_different_content(store: Store, environment: Environment, order: tuple[str, str]) -> None:
    """The file of the distribution whose name sorts last is kept, whatever the order."""
    for name in order:
        environment.change(store.wheel(name, files={"space/both.py": name, f"{name}.py": ""}))

    assert environment.files()[f"{SITE}/space/both.py"] == b"xyz"


def test_different_content_at_once(store: Store, environment: Environment) -> None:
    """In one request too, and the loser's folder does not appear empty."""
    wheels = [
        store.wheel(name, files={"space/both.py": name}, data={"data/share/x/y": name})
        for name in ("abc", "xyz")
    ]

    environment.change(*wheels)

    assert environment.files()[f"{SITE}/space/both.py"] == b"xyz"
    assert environment.files()["share/x/y"] == b"xyz"


@pytest.mark.parametrize(
    ("present", "files"),
    [
        ("folder", {"foo/__init__.py": "", "zzz": "a file where a folder is"}),
        ("file", {"foo/__init__.py": "", "zzz/a.py": "a folder where a file is"}),
        ("link", {"foo/__init__.py": "", "zzz/a.py": "a folder where a link to one is"}),
    ],
)
def test_occupied(
    store: Store, environment: Environment, tmp_path: Path, present: str, files: dict[str, str]
) -> None:
    """What is in the way is named, stays as it is, and nothing else has changed."""
    outside = tmp_path / "outside"
    outside.mkdir()
    way = environment.site / "zzz"
    match present:
        case "folder":
            way.mkdir()
        case "file":
            way.write_text("")
        case _:
            way.symlink_to(outside)
    before = environment.files()

    with pytest.raises(PathOccupied) as raised:
        environment.change(store.wheel("foo", files=files))

    assert (f"{SITE}/zzz", "foo") == (raised.value.path, raised.value.distribution)
    assert before == environment.files()
    assert os.listdir(outside) == []


HOSTILE_ROWS = [
    "../../../../outside/precious,,",
    "../../../link/precious,,",
    "link/precious,,",
    "foo/../../../../../outside/precious,,",
    "{outside}/precious,,",
    "../../..,,",
    "..,,",
    ".,,",
    "link,,",
    "bar,,",
    "bar/,,",
    "../../../bin,,",
]


@pytest.mark.parametrize("row", HOSTILE_ROWS)
def test_hostile_record(store: Store, environment: Environment, tmp_path: Path, row: str) -> None:
    """Nothing outside of the prefix is touched, whatever RECORD says."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("precious")
    environment.change(store.wheel("foo"), store.wheel("bar"))
    (environment.site / "link").symlink_to(outside)
    (environment.target.prefix / "link").symlink_to(outside)
    record = environment.site / "foo-1.0.dist-info/RECORD"
    record.write_text(record.read_text() + row.format(outside=outside) + "\n")

    environment.change(remove=["foo"])

    assert (outside / "precious").read_text() == "precious"
    assert list(environment.installed()) == ["bar"]
    assert (environment.site / "bar/__init__.py").is_file()


@pytest.mark.parametrize("record", [None, "foo.py,sha256=x,1,2,3\n", '"foo\n'])
def test_no_record(store: Store, environment: Environment, record: str | None) -> None:
    """A distribution that does not say what is its own is not removed."""
    environment.change(store.wheel("foo"))
    path = environment.site / "foo-1.0.dist-info/RECORD"
    path.unlink()
    if record is not None:
        path.write_text(record)
    before = environment.files()

    with pytest.raises(NoRecord):
        environment.change(remove=["foo"])

    assert before == environment.files()


def test_a_hole_in_the_store(store: Store, environment: Environment) -> None:
    """A file that is gone from the store is damage there, and leaves the environment as it was."""
    wheel = store.wheel("foo")
    os.unlink(os.path.join(wheel.tree, "foo/__init__.py"))
    before = environment.files()

    with pytest.raises(WheelDamaged, match=r"foo/__init__\.py"):
        environment.change(wheel)

    assert before == environment.files()


def test_settings_folders_are_made(store: Store, tmp_path: Path) -> None:
    """A scheme's folder that is missing is made, and goes again when the request fails."""
    target = make_target(tmp_path / "other")
    os.rmdir(target.scheme.scripts)
    environment = Environment(store, target)
    (environment.site / "zzz").mkdir()
    before = environment.files()
    wheel = store.wheel(
        "foo",
        files={"zzz": ""},
        data={"headers/a.h": ""},
        entry_points="[console_scripts]\nfoo = foo:main\n",
    )

    with pytest.raises(PathOccupied):
        environment.change(wheel)
    assert before == environment.files()
    (environment.site / "zzz").rmdir()
    environment.change(wheel)

    assert environment.problems() == []
