"""Each malformed file, wheel and environment is refused with a code, its place and what to do."""

import shutil
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

import pytest

from tests.support.daemon import Daemon, Reply
from tests.support.index import RunningIndex
from tests.support.invariants import snapshot
from tests.support.wheels import Tamper, make_wheel

ZEROS, ONES = "0" * 64, "1" * 64
REQUIREMENTS, CONSTRAINTS = "/app/requirements.txt", "/app/constraints.txt"
PROJECT, LOCK = "/app/pyproject.toml", "/app/pylock.toml"


T = TypeVar("T")
Case: TypeAlias = tuple[str, Callable[[Path], T], str, str]
"""A code, what makes or spoils something, and words of the sentence and of the hint."""


@dataclass(frozen=True, kw_only=True)
class Text:
    """A file's text, and how it is refused."""

    code: str
    text: str
    place: str
    hint: str
    """Words of it."""
    path: str = REQUIREMENTS
    others: dict[str, str] = field(default_factory=dict)
    members: dict[str, Any] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        paths = {self.path: self.text, **self.others}
        kinds: dict[str, list[dict[str, str]]] = {"requirement_files": [], "constraint_files": []}
        for path, text in paths.items():
            kind = "constraint_files" if path == CONSTRAINTS else "requirement_files"
            kinds[kind].append({"path": path, "text": text})
        return {**kinds, **self.members}


def package(
    name: str, *, hashes: str = f'{{ sha256 = "{ZEROS}" }}', tag: str = "py3-none-any"
) -> str:
    return (
        f'lock-version = "1.0"\ncreated-by = "test"\n[[packages]]\nname = "{name}"\n'
        f'version = "1.0"\n[[packages.wheels]]\nname = "{name}-1.0-{tag}.whl"\n'
        f'url = "http://127.0.0.1:9/{name}-1.0-{tag}.whl"\nhashes = {hashes}\n'
    )


WHEEL_URL: Final = "http://127.0.0.1:9/foo-1.0-py3-none-any.whl"

FILES: Final = [
    # Requirement files
    Text(
        code="invalid-requirement",
        text="# one\n\nfoo ==\n",
        place=f"{REQUIREMENTS}:3",
        hint="as PEP 508 does",
    ),
    Text(
        code="unknown-file-option",
        text="foo\n--frobnicate\n",
        place=f"{REQUIREMENTS}:2",
        hint="take it out",
    ),
    Text(
        code="misplaced-option",
        text=f"foo\n--hash=sha256:{ZEROS}\n",
        place=f"{REQUIREMENTS}:2",
        hint="--hash behind its requirement",
    ),
    Text(
        code="misplaced-option",
        text="--pre -e .\n",
        place=f"{REQUIREMENTS}:1",
        hint="lines of their own",
    ),
    Text(
        code="invalid-option-value",
        text="foo\n\n--index-url\n",
        place=f"{REQUIREMENTS}:3",
        hint="--option=value",
    ),
    Text(
        code="included-file-missing",
        text="foo\n-r more/base.txt\n",
        place=f"{REQUIREMENTS}:2",
        hint="relative to the file that includes it",
    ),
    Text(
        code="included-file-remote",
        text="-r https://example.org/base.txt\n",
        place=f"{REQUIREMENTS}:1",
        hint="download it first",
    ),
    Text(
        code="recursive-include",
        text="-r b.txt\n",
        others={"/app/b.txt": "foo\n-r requirements.txt\n"},
        place="/app/b.txt:2",
        hint="take out one of these lines",
    ),
    Text(
        code="recursive-include",
        text="-c requirements.txt\n",
        place=f"{REQUIREMENTS}:1",
        hint="take out one of these lines",
    ),
    Text(
        code="invalid-hash",
        text="foo==1 \\\n  --hash=sha256:12ab\n",
        place=f"{REQUIREMENTS}:1",
        hint="64 hexadecimal digits",
    ),
    Text(
        code="invalid-hash",
        text=f"bar\nfoo==1 --hash=md5:{'0' * 32}\n",
        place=f"{REQUIREMENTS}:2",
        hint="--hash=sha256:",
    ),
    Text(
        code="unbalanced-quote",
        text="foo\n--find-links 'wheels\n",
        place=f"{REQUIREMENTS}:2",
        hint="close the quotation",
    ),
    Text(
        code="missing-variable",
        text="foo\n-i https://${INDEX_TOKEN}@example.org/simple\n",
        place=f"{REQUIREMENTS}:2",
        hint="set INDEX_TOKEN",
    ),
    Text(
        code="unhashed-requirement",
        text=f"foo==1.0 --hash=sha256:{ZEROS}\nbar==1.0\n",
        place=f"{REQUIREMENTS}:2",
        hint="give its --hash",
    ),
    Text(
        code="hash-contradiction",
        text=f"{WHEEL_URL}#sha256={ZEROS} --hash=sha256:{ONES}\n",
        place=f"{REQUIREMENTS}:1",
        hint="take out the hash that is wrong",
    ),
    Text(
        code="hash-contradiction",
        text=f"foo==1.0 --hash=sha256:{ONES}\n",
        members={"requirements": [f"foo @ {WHEEL_URL}#sha256={ZEROS}"]},
        place=f"{REQUIREMENTS}:1",
        hint="take out the hash that is wrong",
    ),
    # Constraints
    Text(
        code="invalid-constraint",
        text="foo<2\nbar[extra]<2\n",
        path=CONSTRAINTS,
        others={REQUIREMENTS: "foo\n"},
        place=f"{CONSTRAINTS}:2",
        hint="name>=1.0,<2",
    ),
    Text(
        code="invalid-constraint",
        text="???\n",
        path=CONSTRAINTS,
        others={REQUIREMENTS: "foo\n"},
        place=f"{CONSTRAINTS}:1",
        hint="name>=1.0,<2",
    ),
    # Lock files
    Text(
        code="lock-file-syntax",
        text='lock-version = "1.0"\n<<<<<<< HEAD\n',
        path=LOCK,
        place=f"{LOCK}:2",
        hint="lock again",
    ),
    Text(
        code="lock-file-syntax",
        text='lock-version = "1.0"\n[[packages',
        path=LOCK,
        place=f"{LOCK}:2",
        hint="lock again",
    ),
    Text(
        code="lock-file-version",
        text='lock-version = "9.0"\ncreated-by = "test"\npackages = []\n',
        path=LOCK,
        place=f"{LOCK} lock-version",
        hint="a newer linkd",
    ),
    Text(
        code="lock-file-content",
        text='lock-version = "1.0"\npackages = []\n',
        path=LOCK,
        place=f"{LOCK} created-by",
        hint="do not edit",
    ),
    Text(
        code="lock-file-content",
        text=package("foo").replace('name = "foo-1.0', 'naem = "foo-1.0').replace("url", "u"),
        path=LOCK,
        place=f"{LOCK} packages[0].wheels[0]",
        hint="do not edit",
    ),
    Text(
        code="lock-file-unfit",
        text=package("foo", tag="cp27-cp27m-win32"),
        path=LOCK,
        place=LOCK,
        hint="for this environment's Python",
    ),
    Text(
        code="lock-file-unfit",
        text=package("foo").replace("[[", 'requires-python = ">=9"\n[[', 1),
        path=LOCK,
        place=LOCK,
        hint="for this environment's Python",
    ),
    Text(
        code="lock-files-contradict",
        text=package("foo"),
        others={"/app/pylock.other.toml": package("foo", hashes=f'{{ sha256 = "{ONES}" }}')},
        path=LOCK,
        place="/app/pylock.other.toml",
        hint="lock both together",
    ),
    # Projects
    Text(
        code="project-file-syntax",
        text='[project]\nname = "x\n',
        path=PROJECT,
        place=f"{PROJECT}:2",
        hint="put the line right",
    ),
    Text(
        code="project-table-missing",
        text="[tool.other]\n",
        path=PROJECT,
        place=PROJECT,
        hint="a [project] table",
    ),
    Text(
        code="project-file-content",
        text='[project]\nname = "x"\ndependencies = "foo"\n',
        path=PROJECT,
        place=f"{PROJECT} [project.dependencies]",
        hint="as the specification",
    ),
    Text(
        code="dynamic-dependencies",
        text='[project]\nname = "x"\ndynamic = ["dependencies"]\n',
        path=PROJECT,
        place=f"{PROJECT} [project.dynamic]",
        hint="install the project itself",
    ),
    Text(
        code="unknown-extra",
        text='[project]\nname = "x"\n[project.optional-dependencies]\ntest = []\n',
        path=PROJECT,
        members={"extras": ["tests"]},
        place=f"{PROJECT} [project.optional-dependencies]",
        hint="the file has: test",
    ),
    Text(
        code="unknown-group",
        text="[dependency-groups]\nlint = []\n",
        path=PROJECT,
        members={"groups": ["lnt"]},
        place=f"{PROJECT} [dependency-groups.lnt]",
        hint="the file has: lint",
    ),
    Text(
        code="group-cycle",
        text='[dependency-groups]\na = [{include-group = "b"}]\nb = [{include-group = "a"}]\n',
        path=PROJECT,
        members={"groups": ["a"]},
        place=f"{PROJECT} [dependency-groups.a]",
        hint="take out one of the include-group",
    ),
    Text(
        code="invalid-requirement",
        text='[project]\nname = "x"\ndependencies = ["foo =="]\n',
        path=PROJECT,
        place=f"{PROJECT} [project.dependencies]",
        hint="as PEP 508 does",
    ),
]


def refused(reply: Reply, code: str, place: str | None, hint: str) -> dict[str, Any]:
    problem: dict[str, Any] = reply.json
    assert (problem["code"], problem.get("place")) == (code, place), problem
    assert hint in problem["hint"]
    return problem


@pytest.mark.parametrize("case", FILES, ids=lambda case: case.code)
def test_files(daemon: Daemon, environment: Path, case: Text) -> None:
    """What is wrong in a file is told with its code, the place in the file and what to do."""
    body = {"environment": str(environment), "no_index": True, **case.body}
    reply = daemon.place.call("POST", "/v1/install", body)
    problem = refused(reply, case.code, case.place, case.hint)
    assert (reply.status, reply.headers["linkd-exit"]) == (400, "2")
    assert problem["detail"].startswith(case.place) or case.code == "hash-contradiction"


def test_nothing_to_sync_with(daemon: Daemon, environment: Path) -> None:
    """A sync with files that name nothing is refused, unless that is said to be meant."""
    body = {
        "environment": str(environment),
        "requirement_files": [{"path": REQUIREMENTS, "text": "# all of it was cut off\n"}],
    }
    reply = daemon.place.call("POST", "/v1/sync", body)
    refused(reply, "nothing-required", REQUIREMENTS, "--allow-empty-requirements")
    assert reply.status == 400
    meant = {**body, "allow_empty_requirements": True}
    assert daemon.place.call("POST", "/v1/sync", meant).status == 200
    assert daemon.place.call("POST", "/v1/install", meant).status == 422


# Wheels


def encrypted(content: bytes) -> bytes:
    """The first member's flag is set, in its own header and in the directory."""
    edited = bytearray(content)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        struct.pack_into("<H", edited, edited.index(signature) + offset, 1)
    return bytes(edited)


def wheel(**tampered: Any) -> Callable[[Path], Path]:
    return lambda folder: make_wheel(folder, "foo", tamper=Tamper(**tampered))


def edited(edit: Callable[[bytes], bytes]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = make_wheel(folder, "foo")
        path.write_bytes(edit(path.read_bytes()))
        return path

    return make


def misnamed(folder: Path) -> Path:
    return make_wheel(folder, "foo").rename(folder / "bar-1.0-py3-none-any.whl")


WHEEL: Final = "Wheel-Version: {}\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
INFO: Final = "foo-1.0.dist-info"

WHEELS: Final[list[Case[Path]]] = [
    ("not-a-zip", edited(lambda _: b"<html>log in</html>"), "not a zip file", "what the file is"),
    ("truncated-wheel", edited(lambda content: content[:-9]), "cut short", "not received"),
    ("wheel-misnamed", misnamed, "foo 1.0", "built with"),
    (
        "no-dist-info",
        wheel(omit={f"{INFO}/{name}" for name in ("METADATA", "WHEEL", "RECORD")}),
        "no METADATA",
        "build backend",
    ),
    (
        "dist-info-incomplete",
        wheel(omit={f"{INFO}/METADATA"}),
        "no METADATA",
        "build it again",
    ),
    ("dist-info-incomplete", wheel(omit={f"{INFO}/WHEEL"}), "no WHEEL", "build it again"),
    (
        "several-dist-infos",
        wheel(recorded={"bar-1.0.dist-info/METADATA": "Name: bar\nVersion: 1.0\n"}),
        "more than one METADATA",
        "for each distribution",
    ),
    (
        "several-dist-infos",
        wheel(recorded={"bar-1.0.dist-info/INSTALLER": "pip\n"}),
        "bar-1.0.dist-info, foo-1.0.dist-info",
        "for each distribution",
    ),
    (
        "unsupported-wheel-version",
        wheel(recorded={f"{INFO}/WHEEL": WHEEL.format("2.0")}),
        "'2.0', not 1.x",
        "newer linkd",
    ),
    ("record-missing", wheel(omit={f"{INFO}/RECORD"}), "no RECORD", "build it again"),
    (
        "record-mismatch",
        wheel(wrong_hash={"foo/__init__.py"}),
        "'foo/__init__.py'",
        "is not edited",
    ),
    (
        "record-mismatch",
        wheel(wrong_size={"foo/__init__.py"}),
        "'foo/__init__.py'",
        "is not edited",
    ),
    ("record-mismatch", wheel(unrecorded={"foo/x.py": ""}), "'foo/x.py'", "is not edited"),
    ("record-mismatch", wheel(absent={"foo/y.py"}), "'foo/y.py'", "is not edited"),
    (
        "duplicate-member",
        wheel(duplicates={"foo/__init__.py"}),
        "'foo/__init__.py' is there 2",
        "tell its publisher",
    ),
    (
        "path-escape",
        wheel(recorded={"../../evil": "x"}),
        "'../../evil'",
        "tell its publisher",
    ),
    ("absolute-path", wheel(recorded={"/etc/evil": "x"}), "'/etc/evil'", "tell its publisher"),
    ("link-in-wheel", wheel(symlinks={"foo/link": "/etc"}), "'foo/link'", "tell its publisher"),
    ("encrypted-wheel", edited(encrypted), "'foo/__init__.py'", "without encryption"),
]


@pytest.mark.parametrize("case", WHEELS, ids=lambda case: case[0])
def test_wheels(daemon: Daemon, environment: Path, wheels: Path, case: Case[Path]) -> None:
    """What is wrong with a wheel is told with its code, the member and what to do."""
    code, make, member, hint = case
    path = make(wheels)
    before = snapshot(environment)
    reply = daemon.place.install(environment, str(path), no_index=True)
    problem = refused(reply, code, path.name, hint)
    assert (reply.status, reply.headers["linkd-exit"]) == (409, "1")
    assert member in "; ".join(problem["reasons"])
    assert snapshot(environment) == before


def test_no_wheels_name(daemon: Daemon, environment: Path, wheels: Path) -> None:
    """A requirement on a file that is not named as a wheel is refused as it was written."""
    path = make_wheel(wheels, "foo").rename(wheels / "foo.whl")
    reply = daemon.place.install(environment, str(path), no_index=True)
    problem = refused(reply, "invalid-requirement", "command line", "a wheel's path")
    assert "foo.whl" in problem["detail"]


# Hashes


def test_the_hash_of_a_requirement_names_its_line(
    daemon: Daemon, environment: Path, index: RunningIndex, wheels: Path
) -> None:
    """Whoever promises another hash too: one that a requirement file wants is told with its line."""
    path = make_wheel(wheels, "foo")
    cases: list[tuple[str, dict[str, Any]]] = [
        (f"foo==1.0 --hash=sha256:{ZEROS}\n", {"index_url": index.url}),
        (f"foo==1.0 --hash=sha512:{ZEROS * 2}\n", {"find_links": [str(wheels)]}),
        (f"foo @ {path.as_uri()} --hash=sha256:{ZEROS}\n", {}),
        (f"foo @ {path.as_uri()}#sha256={ZEROS}\n", {}),
        (f"{index.root}/files/{path.name}#sha256={ZEROS}\n", {}),
    ]
    for text, members in cases:
        body = {
            "environment": str(environment),
            "no_index": "index_url" not in members,
            "requirement_files": [{"path": REQUIREMENTS, "text": f"# first\n{text}"}],
            **members,
        }
        problem = daemon.place.call("POST", "/v1/install", body).json
        told = (problem["code"], problem.get("source"), problem["filename"])
        assert told == ("hash-mismatch", f"{REQUIREMENTS}:2", path.name), text


def test_the_hash_of_a_lock_file_names_its_package(
    daemon: Daemon, environment: Path, wheels: Path
) -> None:
    """A file that is not the one that was locked is told with the package's place."""
    path = make_wheel(wheels, "foo")
    text = package("foo").replace("http://127.0.0.1:9", wheels.as_uri())
    files = [{"path": LOCK, "text": text}]
    body = {"environment": str(environment), "requirement_files": files}
    problem = daemon.place.call("POST", "/v1/sync", body).json
    told = (problem["code"], problem.get("source"), problem["filename"])
    assert told == ("hash-mismatch", f"{LOCK} packages[0]", path.name)


# Environments


def remove_interpreter(environment: Path) -> None:
    for name in ("python", "python3"):
        (environment / "bin" / name).unlink()
        (environment / "bin" / name).symlink_to("/nowhere/python")


def break_interpreter(environment: Path) -> None:
    broken = environment / "broken-python"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    (environment / "bin" / "python").unlink()
    (environment / "bin" / "python").symlink_to(broken)
    (environment / "pyvenv.cfg").write_text("home = /nowhere\n")


def occupied(environment: Path, *, by_folder: bool) -> None:
    [site] = environment.glob("lib/python*/site-packages")
    if by_folder:
        (site / "foo").mkdir()
        (site / "foo" / "__init__.py").mkdir()
        (site / "foo" / "__init__.py" / "mine").touch()
    else:
        (site / "foo").write_text("mine")


ENVIRONMENTS: Final[list[Case[Any]]] = [
    ("environment-missing", shutil.rmtree, "no environment", "linkd-client venv"),
    (
        "not-an-environment",
        lambda environment: (environment / "pyvenv.cfg").unlink(),
        "pyvenv.cfg",
        "with -p",
    ),
    ("interpreter-missing", remove_interpreter, "dangling link", "make it anew"),
    ("interpreter-failed", break_interpreter, "status 3", "run it yourself"),
    (
        "path-occupied",
        lambda environment: occupied(environment, by_folder=True),
        "__init__.py",
        "move it away",
    ),
    ("path-occupied", lambda environment: occupied(environment, by_folder=False), "foo", "move"),
]


@pytest.mark.parametrize("case", ENVIRONMENTS, ids=lambda case: case[0])
def test_environments(daemon: Daemon, environment: Path, wheels: Path, case: Case[Any]) -> None:
    """What is wrong with an environment is told with its code, its path and what to do."""
    code, spoil, words, hint = case
    path = make_wheel(wheels, "foo")
    spoil(environment)
    problem = daemon.place.install(environment, str(path), no_index=True).json
    assert problem["code"] == code, problem
    assert words in problem["detail"]
    assert hint in problem["hint"]
    [site] = [*environment.glob("lib/python*/site-packages")] or [environment / "lib"]
    assert problem["place"].startswith((str(environment), f"{site.relative_to(environment)}/foo"))


@pytest.mark.parametrize("kind", ["a file", "a folder", "below a file"])
def test_something_where_an_environment_shall_be(daemon: Daemon, tmp_path: Path, kind: str) -> None:
    """A new environment takes nobody's place, and what is in the way is named."""
    there = tmp_path / "there"
    if kind == "a folder":
        (there / "mine").mkdir(parents=True)
    else:
        there.write_text("mine")
    path = there / "env" if kind == "below a file" else there
    reply = daemon.place.call("POST", "/v1/venv", {"path": str(path)})
    problem = refused(reply, "environment-exists", str(there), "another folder")
    assert ("is not a folder" in problem["detail"]) == (kind != "a folder")
