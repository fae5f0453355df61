"""Which modules are compiled, and where their compiled forms lie."""

import importlib.util
import sys

import pytest

from linkd.core.bytecode import compiled_path, module_of, source_of, sources_of
from tests.support.stored import Store
from tests.unit.link.conftest import store

__all__ = ["store"]


@pytest.mark.parametrize("path", ["a.py", "a/__init__.py", "a/b/c.d.py", "a b/é.py"])
def test_compiled_path(path: str) -> None:
    """Bytecode lies where the interpreter looks for it, and is known for its module's there."""
    tag = sys.implementation.cache_tag
    assert tag is not None
    assert compiled_path(path, tag) == importlib.util.cache_from_source(path)
    assert source_of(compiled_path(path, tag)) == path


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("a/__pycache__/b.cpython-312.opt-1.pyc", "a/b.py"),
        ("__pycache__/b.pypy39.pyc", "b.py"),
        ("a/__pycache__/b.pyc", None),
        ("a/__pycache__/b.cpython-312.pyo", None),
        ("a/b.cpython-312.pyc", None),
        ("__pycache__", None),
        ("a.pyc", None),
    ],
)
def test_source_of(path: str, source: str | None) -> None:
    """Only what lies in a folder of bytecode and names its interpreter is bytecode of a module."""
    assert source_of(path) == source


def test_module_of() -> None:
    """A name without an interpreter's is no compiled form."""
    assert [module_of(name) for name in ("b.cpython-312.pyc", "b.pyc")] == ["b", ""]


def test_sources_of(store: Store) -> None:
    """Modules in libraries are compiled, but those that bring bytecode; no scripts, no dist-info."""
    wheel = store.wheel(
        "a",
        files={
            "a/__init__.py": "",
            "a/data.txt": "",
            "a/brings.py": "",
            "a/__pycache__/brings.cpython-399.pyc": b"its own",
            "a-1.0.dist-info/hook.py": "",
        },
        data={"purelib/b.py": "", "platlib/c.py": "", "scripts/s.py": "", "data/d.py": ""},
    )
    assert sorted(file.destination for file in sources_of(wheel.manifest)) == [
        "a/__init__.py",
        "b.py",
        "c.py",
    ]
