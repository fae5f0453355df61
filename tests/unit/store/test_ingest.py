import base64
import errno
import hashlib
import os
import stat
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkd.core.manifest import Launcher, Manifest
from linkd.core.progress import Progress
from linkd.core.target import SchemeKey
from linkd.errors import BrokenWheel, CacheUnusable, LinkdError, NoSpace, UnsafeWheel
from linkd.store.entry import read_entry
from linkd.store.ingest import Arrival, Crew, Stopped, ingest
from linkd.store.layout import Layout
from tests.support.wheels import Tamper, digest, make_wheel
from tests.unit.store.surroundings import incoming, sha256_of, take_in


def tree_files(tree: str) -> dict[str, bytes]:
    root = Path(tree)
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def full_wheel(folder: Path) -> Path:
    return make_wheel(
        folder,
        "Foo.Bar",
        files={
            "foo_bar/__init__.py": "x = 1\n",
            "foo_bar/empty.py": "",
            "foo_bar/run.sh": "#!/bin/sh\n",
        },
        data={
            "scripts/tool": "#!python\nprint()\n",
            "scripts/plain": "#!/bin/sh\n",
            "headers/foo.h": "int x;\n",
            "data/share/doc.txt": "doc\n",
            "platlib/foo_bar/native.so": b"\x7fELF",
        },
        entry_points="[console_scripts]\nfoo = foo_bar:main\n[gui_scripts]\nwfoo = foo_bar.gui:a.b\n",
        executables=["foo_bar/run.sh"],
    )


def test_round_trip(tmp_path: Path, layout: Layout, crew: Crew) -> None:
    """The tree holds each file of the manifest with its content, and nothing else."""
    wheel = full_wheel(tmp_path)
    manifest = take_in(wheel, layout, crew)
    found = tree_files(layout.tree(manifest.sha256))
    with zipfile.ZipFile(wheel) as archive:
        expected = {file.source: archive.read(file.source) for file in manifest.files}
    assert found == expected


def test_destinations(tmp_path: Path, layout: Layout, crew: Crew) -> None:
    """Every file has its scheme and its place in it, sorted by both."""
    manifest = take_in(full_wheel(tmp_path), layout, crew)
    info = "foo_bar-1.0.dist-info"
    assert [(file.scheme, file.destination) for file in manifest.files] == [
        (SchemeKey.DATA, "share/doc.txt"),
        (SchemeKey.HEADERS, "foo_bar/foo.h"),
        (SchemeKey.PLATLIB, "foo_bar/native.so"),
        *[(SchemeKey.PURELIB, f"{info}/{name}") for name in ("METADATA", "WHEEL")],
        (SchemeKey.PURELIB, f"{info}/entry_points.txt"),
        (SchemeKey.PURELIB, "foo_bar/__init__.py"),
        (SchemeKey.PURELIB, "foo_bar/empty.py"),
        (SchemeKey.PURELIB, "foo_bar/run.sh"),
        (SchemeKey.SCRIPTS, "plain"),
        (SchemeKey.SCRIPTS, "tool"),
    ]


def test_facts(tmp_path: Path, layout: Layout, crew: Crew) -> None:
    """Modes, times, sizes and hashes on the disk are those of the manifest."""
    manifest = take_in(full_wheel(tmp_path), layout, crew)
    tree = layout.tree(manifest.sha256)
    for file in manifest.files:
        facts = os.stat(os.path.join(tree, file.source))
        content = Path(tree, file.source).read_bytes()
        mode = 0o755 if file.executable else 0o644
        assert (stat.S_IMODE(facts.st_mode), facts.st_size, facts.st_mtime_ns) == (
            mode,
            file.size,
            file.mtime_ns,
        )
        assert file.sha256 == digest(content)


def test_executables(tmp_path: Path, layout: Layout, crew: Crew) -> None:
    """Scripts are executable, and what the archive says is; placeholders are known."""
    manifest = take_in(full_wheel(tmp_path), layout, crew)
    assert {file.destination: file.python_script for file in manifest.files if file.executable} == {
        "plain": False,
        "tool": True,
        "foo_bar/run.sh": False,
    }


def test_umask(tmp_path: Path, layout: Layout, crew: Crew) -> None:
    """The daemon's umask has no say in what goes into environments."""
    before = os.umask(0o077)
    try:
        manifest = take_in(full_wheel(tmp_path), layout, crew)
    finally:
        os.umask(before)
    package = os.path.join(layout.tree(manifest.sha256), "foo_bar")
    modes = [stat.S_IMODE(os.stat(path).st_mode) for path in (package, f"{package}/__init__.py")]
    assert modes == [0o755, 0o644]


def test_time(tmp_path: Path, layout: Layout, crew: Crew) -> None:
    """The archive's time is read as UTC, whatever the machine's zone."""
    manifest = take_in(make_wheel(tmp_path, "foo"), layout, crew)
    assert {file.mtime_ns for file in manifest.files} == {1_577_934_246_000_000_000}


def test_identity(tmp_path: Path, layout: Layout, crew: Crew) -> None:
    """Name, version, launchers and root are those of the wheel."""
    manifest = take_in(full_wheel(tmp_path), layout, crew)
    assert (manifest.name, manifest.version, manifest.dist_info, manifest.root_scheme) == (
        "foo-bar",
        "1.0",
        "foo_bar-1.0.dist-info",
        SchemeKey.PURELIB,
    )
    assert manifest.launchers == (
        Launcher(name="foo", module="foo_bar", attribute="main"),
        Launcher(name="wfoo", module="foo_bar.gui", attribute="a.b", gui=True),
    )


def test_platlib_root(tmp_path: Path, layout: Layout, crew: Crew) -> None:
    """A wheel whose root is not pure goes to platlib."""
    manifest = take_in(make_wheel(tmp_path, "foo", purelib=False), layout, crew)
    assert {file.scheme for file in manifest.files} == {SchemeKey.PLATLIB}


def test_read_back(tmp_path: Path, layout: Layout, crew: Crew) -> None:
    """The manifest on the disk is the one that was given."""
    manifest = take_in(full_wheel(tmp_path), layout, crew)
    stored = read_entry(layout, manifest.sha256)
    assert stored is not None
    assert stored.manifest == manifest


@pytest.mark.parametrize("algorithm", ["sha384", "sha512"])
def test_strong_hashes(tmp_path: Path, layout: Layout, crew: Crew, algorithm: str) -> None:
    """RECORD may use better hashes; the manifest has sha256 all the same."""
    content = b"x = 1\n"
    wheel = make_wheel(
        tmp_path, "foo", files={"foo.py": content}, tamper=Tamper(algorithm=algorithm)
    )
    manifest = take_in(wheel, layout, crew)
    raw = hashlib.sha256(content).digest()
    assert manifest.files[-1].sha256 == base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_signatures(tmp_path: Path, layout: Layout, crew: Crew) -> None:
    """RECORD and its signatures are no files of the wheel."""
    signature = "foo-1.0.dist-info/RECORD.jws"
    wheel = make_wheel(tmp_path, "foo", tamper=Tamper(unrecorded={signature: "{}"}))
    manifest = take_in(wheel, layout, crew)
    assert not [file for file in manifest.files if "RECORD" in file.source]


def test_already_there(tmp_path: Path, layout: Layout, crew: Crew) -> None:
    """A second ingest of the same wheel leaves the entry as it is."""
    wheel = make_wheel(tmp_path, "foo")
    manifest = take_in(wheel, layout, crew)
    inode = os.stat(layout.entry(manifest.sha256)).st_ino
    assert take_in(wheel, layout, crew) == manifest
    assert os.stat(layout.entry(manifest.sha256)).st_ino == inode
    assert incoming(layout) == []


def test_progress(tmp_path: Path, layout: Layout, crew: Crew) -> None:
    """Progress ends with all bytes of the wheel."""
    told: list[Progress] = []

    class Listener:
        def report(self, progress: Progress, /) -> None:
            told.append(progress)

    wheel = make_wheel(tmp_path, "foo", files={f"{n}.bin": bytes(1 << 20) for n in range(3)})
    arrival = Arrival(path=str(wheel), filename=wheel.name, sha256=sha256_of(wheel))
    manifest = ingest(arrival, layout, crew, Listener())
    assert (told[-1].done, told[-1].total) == (manifest.size, manifest.size)


def rezipped(folder: Path, name: bytes, at: int, value: bytes) -> Path:
    """A wheel with the bytes of a stored member changed behind its checksum."""
    wheel = make_wheel(folder, "foo", files={"foo.py": b"x" * 100}, compress=False)
    content = bytearray(wheel.read_bytes())
    start = content.index(name) + len(name) + at
    content[start : start + len(value)] = value
    wheel.write_bytes(content)
    return wheel


def failing(folder: Path) -> Iterator[tuple[Path, type[LinkdError], str]]:
    yield rezipped(folder / "a", b"foo.py", 0, b"y"), BrokenWheel, "another checksum"
    wrong = Tamper(wrong_hash=["foo/__init__.py"])
    yield make_wheel(folder / "b", "foo", tamper=wrong), BrokenWheel, "not what RECORD's hash says"
    unsafe = Tamper(unrecorded={"../evil": ""})
    yield make_wheel(folder / "c", "foo", tamper=unsafe), UnsafeWheel, "'../evil'"
    deflated = make_wheel(folder / "d", "foo", files={"foo.py": b"x" * 100_000})
    content = bytearray(deflated.read_bytes())
    start = content.index(b"foo.py") + len(b"foo.py")
    content[start : start + 8] = b"\xff" * 8
    deflated.write_bytes(content)
    yield deflated, BrokenWheel, "cannot be inflated"


def test_failures(tmp_path: Path, layout: Layout, crew: Crew) -> None:
    """After each failure nothing is left, neither half-made nor in the store."""
    for wheel, error, reason in failing(tmp_path):
        with pytest.raises(error) as caught:
            take_in(wheel, layout, crew)
        assert reason in caught.value.detail
        assert (incoming(layout), os.listdir(layout.wheels)) == ([], [])


def test_every_broken_member(tmp_path: Path, layout: Layout, crew: Crew) -> None:
    """All members that are not what RECORD says are told of."""
    files = {"a.py": "a", "b.py": "b", "c.py": "c"}
    wheel = make_wheel(tmp_path, "foo", files=files, tamper=Tamper(wrong_hash=["a.py", "c.py"]))
    with pytest.raises(BrokenWheel) as caught:
        take_in(wheel, layout, crew)
    assert sorted(caught.value.reasons) == [
        "'a.py' is not what RECORD's hash says",
        "'c.py' is not what RECORD's hash says",
    ]


def test_stopped(tmp_path: Path, layout: Layout, crew: Crew) -> None:
    """Work that is given up leaves nothing."""
    stop = threading.Event()
    stop.set()
    wheel = make_wheel(tmp_path, "foo")
    arrival = Arrival(path=str(wheel), filename=wheel.name, sha256=sha256_of(wheel))
    with pytest.raises(Stopped):
        ingest(arrival, layout, crew, stop=stop)
    assert (incoming(layout), os.listdir(layout.wheels)) == ([], [])


def test_changed_meanwhile(tmp_path: Path, layout: Layout, crew: Crew) -> None:
    """A file that is no longer the one that was hashed is not stored under its hash."""
    wheel = make_wheel(tmp_path, "foo")
    arrival = Arrival(
        path=str(wheel), filename=wheel.name, sha256=sha256_of(wheel), unchanged=lambda: False
    )
    with pytest.raises(BrokenWheel) as caught:
        ingest(arrival, layout, crew)
    assert caught.value.reasons == ("it was changed while it was read",)
    assert (incoming(layout), os.listdir(layout.wheels)) == ([], [])


def test_no_archive(tmp_path: Path, layout: Layout, crew: Crew) -> None:
    """An archive that cannot be opened is told of with its path."""
    arrival = Arrival(path=str(tmp_path / "gone"), filename="foo-1.0-py3-none-any.whl", sha256="")
    with pytest.raises(CacheUnusable) as caught:
        ingest(arrival, layout, crew)
    assert "gone: no such file or directory" in caught.value.reason


class Full:
    """A reporter that finds the disk full, at the one place where nothing else can."""

    def report(self, _: Progress, /) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_no_space(tmp_path: Path, layout: Layout, crew: Crew) -> None:
    """A full disk is told of as such, and nothing is left on it."""
    wheel = make_wheel(tmp_path, "foo")
    arrival = Arrival(path=str(wheel), filename=wheel.name, sha256=sha256_of(wheel))
    with pytest.raises(NoSpace) as caught:
        ingest(arrival, layout, crew, Full())
    assert caught.value.doing == "unpacking foo-1.0-py3-none-any.whl"
    assert (incoming(layout), os.listdir(layout.wheels)) == ([], [])


GROWTH = """
import resource, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from linkd.store.ingest import Arrival, Crew, ingest
from linkd.store.layout import Layout

layout = Layout(Path(sys.argv[2]))
layout.create()
arrival = Arrival(path=sys.argv[1], filename=Path(sys.argv[1]).name, sha256=sys.argv[3])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with ThreadPoolExecutor(2) as executor:
    ingest(arrival, layout, Crew(executor, 2))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("compress", [True, False])
def test_memory(tmp_path: Path, compress: bool) -> None:
    """Memory does not depend on the size of a member: 200 MB cost less than 30."""
    wheel = make_wheel(tmp_path, "foo", files={"foo.bin": bytes(200_000_000)}, compress=compress)
    command = [sys.executable, "-c", GROWTH, str(wheel), str(tmp_path / "c"), sha256_of(wheel)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert int(done.stdout) < 30_000


def test_deterministic(tmp_path: Path, layout: Layout, crew: Crew) -> None:
    """One wheel makes the same manifest whatever the number of threads."""
    files = {f"foo/{n}.py": f"x = {n}\n" for n in range(50)}
    wheel = make_wheel(tmp_path, "foo", files=files)
    manifests: list[Manifest] = []
    for threads in (1, 4):
        other = Layout(tmp_path / f"cache{threads}")
        other.create()
        manifests.append(take_in(wheel, other, Crew(crew.executor, threads)))
    assert manifests[0] == manifests[1]
