"""Compiling wheels of the store, with real interpreters and real sources, hostile ones too."""

import asyncio
import json
import marshal
import os
import py_compile
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import CodeType

import msgspec
import pytest

from linkd.core.bytecode import StoredBytecode, compiled_path
from linkd.core.wheel import StoredWheel
from linkd.errors import CompilationFailed
from linkd.store import compile_script
from linkd.store.bytecode import BytecodeShelf
from linkd.store.durability import boot_id, sync
from linkd.store.layout import Layout, manifest_of, tree_of
from tests.support.stored import Store, hash_of, make_interpreter, running_compiler
from tests.unit.link.conftest import store

__all__ = ["store"]

TAG = make_interpreter().cache_tag
DEEP = "x = " + "-" * 100_000 + "1\n"
"""What the parser gives up."""


def bytecode_of(store: Store, wheel: StoredWheel) -> StoredBytecode:
    bytecode = store.bytecode.read(wheel.manifest.sha256, TAG)
    assert bytecode is not None
    return bytecode


def compiled_modules(bytecode: StoredBytecode) -> list[str]:
    return sorted(file.destination for file in bytecode.manifest.files)


def test_compiled(store: Store) -> None:
    """Bytecode is what the interpreter itself makes of the source, as far as it concerns anybody."""
    files = {"a/__init__.py": "", "a/b.py": "# é\ndef f(x: int) -> set[str]: return {'p', 'q'}\n"}
    wheel = store.wheel("a", files=files)
    store.compile(wheel)
    bytecode = bytecode_of(store, wheel)
    assert compiled_modules(bytecode) == sorted(compiled_path(path, TAG) for path in files)
    for file in bytecode.manifest.files:
        path = Path(bytecode.tree, file.source)
        source = Path(wheel.tree, file.source.replace(f".{TAG}.pyc", ".py"))
        expected = store.root / "expected.pyc"
        name = str(source.relative_to(wheel.tree))
        py_compile.compile(str(source), str(expected), dfile=name, doraise=True)
        assert path.read_bytes()[:16] == expected.read_bytes()[:16]
        assert code_of(path) == code_of(expected)
        assert code_of(path).co_filename == name
        facts = path.stat()
        assert (facts.st_size, facts.st_mtime_ns) == (file.size, file.mtime_ns)
        assert (hash_of(path), facts.st_mode & 0o777) == (file.sha256, 0o644)


def code_of(path: Path) -> CodeType:
    code = marshal.loads(path.read_bytes()[16:])
    assert isinstance(code, CodeType)
    return code


def test_same_twice(store: Store, tmp_path: Path) -> None:
    """The same wheel gives the same bytecode again."""
    files = {f"a/m{number}.py": f"S = {{'a', 'b', {number}}}\n" for number in range(20)}
    wheel = store.wheel("a", files=files)
    store.compile(wheel)
    first = bytecode_of(store, wheel).manifest
    store.bytecode.retire(wheel.manifest.sha256, TAG)
    store.compile(wheel)
    assert bytecode_of(store, wheel).manifest == first


@pytest.mark.parametrize(
    "content",
    ["print 'two'\n", "x = 'é'".encode("latin-1"), b"x\0y", "# coding: nothing\n", DEEP],
    ids=["syntax", "encoding", "nul", "codec", "deep"],
)
def test_does_not_compile(store: Store, content: str | bytes) -> None:
    """A file that does not compile is passed over, and the others are compiled."""
    files = {"a/a.py": "", "a/broken.py": content, "a/z.py": ""}
    wheel = store.wheel("a", files=files)
    store.compile(wheel)
    assert compiled_modules(bytecode_of(store, wheel)) == [
        compiled_path(path, TAG) for path in ("a/a.py", "a/z.py")
    ]


def run_script(wheel: StoredWheel, out: Path, limit: str) -> dict[str, object]:
    """One job of all files, by the script alone, with another limit than it has."""
    sources = sorted(wheel.manifest.payload(), key=lambda file: file.source)
    files = [
        {
            "source": file.source,
            "compiled": file.source.replace("/", "-") + "c",
            "name": file.source,
            "size": file.size,
            "mtime_ns": file.mtime_ns,
        }
        for file in sources
    ]
    out.mkdir()
    job = {"cache_tag": TAG, "tree": wheel.tree, "out": str(out), "files": files}
    lines = [
        f"import sys; sys.path.insert(0, {os.path.dirname(compile_script.__file__)!r})",
        "import compile_script",
        f"compile_script.{limit}",
        "compile_script.main()",
    ]
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-S", "-c", "\n".join(lines)],
        input=json.dumps(job) + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


def test_limits(store: Store, tmp_path: Path) -> None:
    """A source that takes too much time or memory is passed over like one that does not compile."""
    many = "\n".join(f"x{number} = [{number}, 'a{number}']" for number in range(300_000))
    wheel = store.wheel("a", files={"a/a.py": "", "a/big.py": many, "a/z.py": ""})
    for number, limit in enumerate(("CPU_S = 1", "MEMORY_BYTES = 100 << 20")):
        answer = run_script(wheel, tmp_path / str(number), limit)
        files = answer["files"]
        assert isinstance(files, list)
        assert ["skipped" in file for file in files] == [False, True, False]


def test_deadly(store: Store, tmp_path: Path) -> None:
    """A wheel of which many files kill the interpreter is given up."""
    wheel = store.wheel("a", files={f"a/{number}.py": "x = 1\n" * 30_000 for number in range(4)})
    answer = run_script(wheel, tmp_path / "out", "MEMORY_BYTES = 1 << 20")
    assert answer == {"error": "compiling takes too much time or memory"}


async def test_nothing_runs(store: Store, tmp_path: Path) -> None:
    """Compiling runs nothing of a wheel, not even where it looks like a part of Python."""
    trap = tmp_path / "sprung"
    spring = f"open({str(trap)!r}, 'w').close()\n"
    names = ("sitecustomize.py", "json.py", "encodings/__init__.py", "a.py", "conftest.py")
    wheel = store.wheel("a", files=dict.fromkeys(names, spring) | {"a.pth": f"import os; {spring}"})
    async with running_compiler(store.layout, store.bytecode) as compiler:
        await compiler.ensure([wheel], make_interpreter())
    assert len(bytecode_of(store, wheel).manifest.files) == len(names)
    assert not trap.exists()


async def test_once(store: Store) -> None:
    """What several want at once is compiled once, and what is ready is not compiled again."""
    wheel = store.wheel("a")
    async with running_compiler(store.layout, store.bytecode) as compiler:
        compiler.want([wheel], make_interpreter())
        pending = compiler.pending
        await asyncio.gather(*(compiler.ensure([wheel], make_interpreter()) for _ in range(4)))
        made = os.stat(manifest_of(store.layout.bytecode_entry(wheel.manifest.sha256, TAG)))
        await compiler.ensure([wheel], make_interpreter())
        again = os.stat(manifest_of(store.layout.bytecode_entry(wheel.manifest.sha256, TAG)))
    assert (pending, compiler.pending) == (1, 0)
    assert os.path.samestat(made, again)
    assert os.listdir(store.layout.incoming) == []


async def test_many_jobs(store: Store) -> None:
    """A wheel that is more than one job is whole when it is ready."""
    wheel = store.wheel("a", files={f"a/m{number}.py": "" for number in range(250)})
    async with running_compiler(store.layout, store.bytecode, processes=2) as compiler:
        await compiler.ensure([wheel], make_interpreter())
    assert len(bytecode_of(store, wheel).manifest.files) == 250


async def test_without_sources(store: Store) -> None:
    """A wheel without modules has no bytecode, and is no work for ever."""
    wheel = store.wheel("a", files={"a/data.txt": ""})
    async with running_compiler(store.layout, store.bytecode) as compiler:
        await compiler.ensure([wheel], make_interpreter())
        compiler.want([wheel], make_interpreter())
        assert compiler.pending == 0
    assert store.bytecode.read(wheel.manifest.sha256, TAG) is None


@pytest.mark.parametrize(
    ("executable", "cache_tag", "reason"),
    [
        ("/nowhere/python", TAG, "No such file"),
        ("/bin/true", TAG, "does not answer"),
        (sys.executable, "cpython-399", f"it compiles for {TAG}"),
        (sys.executable, "../../cpython", "does not keep bytecode"),
    ],
    ids=["missing", "mute", "other", "hostile"],
)
async def test_no_interpreter(store: Store, executable: str, cache_tag: str, reason: str) -> None:
    """Where the interpreter does not compile that is said, and nothing is left of the attempt."""
    wheel = store.wheel("a")
    interpreter = replace(make_interpreter(), executable=executable, cache_tag=cache_tag)
    async with running_compiler(store.layout, store.bytecode) as compiler:
        with pytest.raises(CompilationFailed, match=reason):
            await compiler.ensure([wheel], interpreter)
    assert os.listdir(store.layout.incoming) == []
    assert os.listdir(store.layout.bytecode) == []


def test_edited_source(store: Store) -> None:
    """A source that is not as it was unpacked is not compiled for everybody."""
    wheel = store.wheel("a")
    Path(wheel.tree, "a/__init__.py").write_text("edited = 'in place'\n")
    with pytest.raises(CompilationFailed, match="not as it was unpacked"):
        store.compile(wheel)


def test_found_again(store: Store) -> None:
    """What one daemon compiled the next one knows; what is damaged or foreign it takes away."""
    good, torn, other = (store.wheel(name) for name in ("good", "torn", "other"))
    store.compile(good, torn, other)
    entries = {
        wheel: store.layout.bytecode_entry(wheel, TAG) for wheel in map(sha256, (torn, other))
    }
    Path(manifest_of(entries[sha256(torn)])).write_bytes(b"torn")
    manifest = bytecode_of(store, other).manifest
    wrong = msgspec.structs.replace(manifest, sha256=sha256(good))
    Path(manifest_of(entries[sha256(other)])).write_bytes(msgspec.msgpack.encode(wrong))
    Path(store.layout.bytecode, "no tag!").mkdir()
    shelf = BytecodeShelf(Layout(store.layout.root))
    shelf.load()
    assert len(shelf) == 3
    found = [shelf.read(sha256(wheel), TAG) is not None for wheel in (good, torn, other)]
    assert (found, len(shelf)) == ([True, False, False], 1)
    assert not any(map(os.path.exists, entries.values()))
    assert os.path.isdir(tree_of(store.layout.bytecode_entry(sha256(good), TAG)))


@pytest.mark.parametrize("lost", [False, True])
def test_power_lost(store: Store, *, lost: bool) -> None:
    """Bytecode that was not synced when the machine lost power is made again; else it stays."""
    wheel = store.wheel("a")
    store.compile(wheel)
    mark = store.layout.unsynced_mark(sha256(wheel), TAG)
    assert os.readlink(mark) == boot_id()
    if lost:
        os.unlink(mark)
        os.symlink("another-boot", mark)
    shelf = BytecodeShelf(store.layout)
    shelf.load()
    assert shelf.is_ready(sha256(wheel), TAG) is not lost
    assert os.path.lexists(mark) is not lost
    sync(store.layout)
    assert not os.path.lexists(mark)


def sha256(wheel: StoredWheel) -> str:
    return wheel.manifest.sha256
