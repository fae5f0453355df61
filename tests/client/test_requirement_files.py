"""Requirement files are read by the client, with what they name, and sent as text."""

import codecs
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.client.conftest import Client
from tests.client.fake_daemon import FakeDaemon, lines

DONE = lines("x0")
StartDaemon = Callable[..., FakeDaemon]


def _write(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(exist_ok=True)
        path.with_suffix(".txt").write_text(text)


def _sent(fake: FakeDaemon, folder: Path, member: str) -> list[tuple[str, str]]:
    """The member's files: path relative to the folder, and text."""
    files: list[dict[str, Any]] = fake.body.get(member, [])
    return [(str(Path(file["path"]).relative_to(folder)), file["text"]) for file in files]


def test_files_are_sent_with_path_and_text(client: Client, daemon: StartDaemon) -> None:
    """Each file goes with its absolute path and all of its text, in the order given."""
    fake = daemon(DONE)
    _write(client.folder, a="x==1  # why\n", b="y\n", c="x<2\n")
    client("install", "-ra.txt", "--requirement", "b.txt", "-c", "c.txt")
    assert fake.body["requirement_files"] == [
        {"path": f"{client.folder}/a.txt", "text": "x==1  # why\n"},
        {"path": f"{client.folder}/b.txt", "text": "y\n"},
    ]
    assert fake.body["constraint_files"] == [{"path": f"{client.folder}/c.txt", "text": "x<2\n"}]
    assert "requirements" not in fake.body


@pytest.mark.parametrize(
    "line",
    [
        "-r sub/b.txt",
        "-rsub/b.txt",
        "--requirement sub/b.txt",
        "--requirement=sub/b.txt",
        "  -r  sub/b.txt  # nested",
        '-r "sub/b.txt"',
        "-r \\\n  sub/b.txt",
        "--require\\\nment=sub/b.txt",
    ],
)
def test_every_spelling_of_nesting_is_followed(
    client: Client, daemon: StartDaemon, line: str
) -> None:
    """A nested file is found however its line is written, relative to the file it stands in."""
    fake = daemon(DONE)
    _write(client.folder, a=f"x\n{line}\n", sub__b="-r c.txt\n", sub__c="z\n")
    client("install", "-r", "a.txt")
    names = [name for name, _ in _sent(fake, client.folder, "requirement_files")]
    assert names == ["a.txt", "sub/b.txt", "sub/c.txt"]


@pytest.mark.parametrize(
    "line", ["# -r no.txt", "x # -r no.txt", "x --hash=a -r no.txt", "-e ./no.txt", '-r "no.txt']
)
def test_what_is_no_nesting_is_not_followed(client: Client, daemon: StartDaemon, line: str) -> None:
    """Comments, requirements and other options name no file to read."""
    fake = daemon(DONE)
    _write(client.folder, a=f"{line}\n")
    assert client("install", "-r", "a.txt").returncode == 0
    assert _sent(fake, client.folder, "requirement_files") == [("a.txt", f"{line}\n")]


def test_nested_files_have_a_role(client: Client, daemon: StartDaemon) -> None:
    """What -r names has its parent's role, what -c names is a constraint."""
    fake = daemon(DONE)
    _write(client.folder, a="-r b.txt\n-c c.txt\n", b="", c="-r d.txt\n", d="")
    client("install", "-r", "a.txt")
    assert [name for name, _ in _sent(fake, client.folder, "requirement_files")] == [
        "a.txt",
        "b.txt",
    ]
    assert [name for name, _ in _sent(fake, client.folder, "constraint_files")] == [
        "c.txt",
        "d.txt",
    ]


def test_files_that_name_each_other_are_sent_once(client: Client, daemon: StartDaemon) -> None:
    """A circle of files ends, and a file named twice is sent once."""
    fake = daemon(DONE)
    _write(client.folder, a="-r b.txt\n", b="-r a.txt\n-r ./b.txt\n")
    client("install", "-r", "a.txt", "-r", "b.txt", "-r", "./a.txt")
    names = [name for name, _ in _sent(fake, client.folder, "requirement_files")]
    assert names == ["a.txt", "b.txt"]


def test_variables_are_the_clients_own(client: Client, daemon: StartDaemon) -> None:
    """Variables are filled in by the client, whose they are; what is not set stays."""
    fake = daemon(DONE)
    _write(client.folder, a="-r ${WHERE}/b.txt\n-i https://${TOKEN}@a.example.org/\n", sub__b="y")
    client("install", "-r", "a.txt", env={"WHERE": "sub"})
    assert _sent(fake, client.folder, "requirement_files") == [
        ("a.txt", "-r sub/b.txt\n-i https://${TOKEN}@a.example.org/\n"),
        ("sub/b.txt", "y"),
    ]


def test_standard_input_is_a_file(client: Client, daemon: StartDaemon) -> None:
    """A dash is standard input; what it names is relative to the current folder."""
    fake = daemon(DONE)
    _write(client.folder, b="y\n")
    client("install", "-r", "-", stdin=b"-r b.txt\n")
    assert _sent(fake, client.folder, "requirement_files") == [
        ("-", "-r b.txt\n"),
        ("b.txt", "y\n"),
    ]


def test_urls_are_left_to_the_daemon(client: Client, daemon: StartDaemon) -> None:
    """A URL is not read by the client: it is sent on as a line of requirements."""
    fake = daemon(DONE)
    _write(client.folder, a="-r https://a.example.org/r.txt\n-c file:///c.txt\n")
    client("install", "-r", "a.txt", "-r", "http://b.example.org/r", "-c", "https://c.example.org/")
    assert _sent(fake, client.folder, "requirement_files") == [
        ("a.txt", "-r https://a.example.org/r.txt\n-c file:///c.txt\n"),
        ("<command line>", "-r http://b.example.org/r\n-c https://c.example.org/\n"),
    ]


@pytest.mark.parametrize(
    "data",
    [
        "# ü\n".encode(),
        codecs.BOM_UTF8 + "# ü\n".encode(),
        codecs.BOM_UTF16_LE + "# ü\n".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "# ü\n".encode("utf-16-be"),
        codecs.BOM_UTF32_LE + "# ü\n".encode("utf-32-le"),
        "# ü\n".encode("latin-1"),
    ],
)
def test_every_encoding_is_read(client: Client, daemon: StartDaemon, data: bytes) -> None:
    """Marks, UTF-8 and at last Latin-1 decide how a file is read."""
    fake = daemon(DONE)
    (client.folder / "a.txt").write_bytes(data)
    client("install", "-r", "a.txt")
    assert _sent(fake, client.folder, "requirement_files") == [("a.txt", "# ü\n")]


def test_a_coding_comment_is_honoured(client: Client, daemon: StartDaemon) -> None:
    """A PEP 263 comment in the first two lines names the encoding."""
    fake = daemon(DONE)
    text = "#\n# -*- coding: cp1251 -*-\n# ж\n"
    (client.folder / "a.txt").write_bytes(text.encode("cp1251"))
    client("install", "-r", "a.txt")
    assert _sent(fake, client.folder, "requirement_files") == [("a.txt", text)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "a.txt cannot be read: no such file or directory (wanted by the command line)"),
        (
            "x\n-r b.txt",
            "b.txt cannot be read: no such file or directory (wanted by {folder}/a.txt:2)",
        ),
        (
            "x \\\n\n\n--constraint \\\n .venv",
            ".venv cannot be read: is a directory (wanted by {folder}/a.txt:4)",
        ),
        (
            "# coding: nonsense\n",
            (
                "a.txt cannot be decoded: unknown encoding: nonsense (wanted by the command line); "
                "save it as UTF-8, or say what it is: # coding: latin-1"
            ),
        ),
        (
            "# coding: ascii\n\n# \u00fc\n",
            (
                "a.txt:3 cannot be decoded as ascii: ordinal not in range(128) (wanted by the command "
                "line); save it as UTF-8, or say what it is: # coding: latin-1"
            ),
        ),
    ],
)
def test_an_unreadable_file_is_told(
    client: Client, daemon: StartDaemon, text: str | None, told: str
) -> None:
    """What cannot be read is named, with the reason and who wanted it, and nothing is asked."""
    fake = daemon(DONE)
    if text is not None:
        _write(client.folder, a=text)
    result = client("install", "-r", "a.txt")
    assert result.returncode == 1
    assert result.stderr.decode() == f"linkd: {told.format(folder=client.folder)}\n"
    assert fake.requests == []
