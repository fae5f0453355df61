"""What the command line leaves open comes from folders, PATH and variables, and nowhere else."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.client.conftest import Client
from tests.client.fake_daemon import FakeDaemon, lines

DONE = lines("x0")
StartDaemon = Callable[..., FakeDaemon]


def _command(folder: Path, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_active_environment_is_the_default(client: Client, daemon: StartDaemon) -> None:
    """Without -p the environment is the active one, even where ./.venv is there."""
    fake = daemon(DONE)
    client("install", "a", env={"VIRTUAL_ENV": "/active/one"})
    assert fake.body["environment"] == "/active/one"


def test_a_missing_environment_is_told(client: Client, daemon: StartDaemon) -> None:
    """With no environment to be found nothing is asked of the daemon."""
    fake = daemon(DONE)
    (client.folder / ".venv").rmdir()
    result = client("install", "a")
    assert result.returncode == 1
    assert result.stderr.decode() == (
        f"linkd: no environment is active and there is none at {client.folder}/.venv; "
        "name one with -p, or make it with: linkd-client venv .venv\n"
    )
    assert fake.requests == []


@pytest.mark.parametrize(
    ("options", "expected"), [([], ".venv"), (["-p", "new"], "new"), (["-p", "a/b/"], "a/b")]
)
def test_an_environment_to_create_need_not_be_there(
    client: Client, daemon: StartDaemon, options: list[str], expected: str
) -> None:
    """With --create the environment's path is taken as it is given."""
    fake = daemon(DONE)
    (client.folder / ".venv").rmdir()
    client("install", "a", "--create", *options)
    assert fake.body["environment"] == f"{client.folder}/{expected}"


@pytest.mark.parametrize("name", ["python", "python3", "python3.12"])
def test_an_environment_to_create_may_be_named_by_its_interpreter(
    client: Client, daemon: StartDaemon, name: str
) -> None:
    """With --create an interpreter that is not there yet stands for its environment."""
    fake = daemon(DONE)
    client("install", "a", "--create", "-p", f"new/bin/{name}")
    assert fake.body["environment"] == f"{client.folder}/new"


def test_an_interpreter_that_is_there_is_itself(client: Client, daemon: StartDaemon) -> None:
    """With --create an interpreter that is there is named as it is."""
    fake = daemon(DONE)
    python = _command(client.folder / "bin", "python")
    client("install", "a", "--create", "-p", "bin/python")
    assert fake.body["environment"] == str(python)


def test_a_bare_name_is_a_path_before_it_is_a_command(
    client: Client, daemon: StartDaemon, tmp_path: Path
) -> None:
    """A folder here goes before a command on PATH."""
    fake = daemon(DONE)
    command = _command(tmp_path / "bin", "python3.99")
    client("list", "-p", "python3.99", env={"PATH": str(command.parent)})
    (client.folder / "python3.99").mkdir()
    client("list", "-p", "python3.99", env={"PATH": str(command.parent)})
    targets = [request.split(b" ")[1].decode() for request in fake.requests]
    assert targets == [
        f"/v1/distributions?environment={command}&format=columns",
        f"/v1/distributions?environment={client.folder}/python3.99&format=columns",
    ]


def test_what_is_neither_path_nor_command_is_told(client: Client, daemon: StartDaemon) -> None:
    """An environment that is nowhere is named, with the way to make it."""
    daemon(DONE)
    result = client("install", "a", "-p", "nowhere")
    assert result.returncode == 1
    assert result.stderr.decode() == (
        f"linkd: no environment 'nowhere': there is neither {client.folder}/nowhere nor a command "
        "of that name; make it with: linkd-client venv nowhere\n"
    )


def test_links_are_not_resolved(client: Client, daemon: StartDaemon, tmp_path: Path) -> None:
    """An environment's python is a link to the base interpreter, and is named as itself."""
    fake = daemon(DONE)
    command = _command(tmp_path / "bin", "python3.99")
    (client.folder / "python").symlink_to(command)
    client("install", "a", "-p", "./python")
    assert fake.body["environment"] == f"{client.folder}/python"


@pytest.mark.parametrize("option", ["3.99", "python3.99"])
def test_an_interpreter_may_be_a_version_or_a_command(
    client: Client, daemon: StartDaemon, tmp_path: Path, option: str
) -> None:
    """A version stands for the command of that version on PATH."""
    fake = daemon(DONE)
    command = _command(tmp_path / "bin", "python3.99")
    client("venv", "new", "--python", option, env={"PATH": str(command.parent)})
    assert fake.body["python"] == str(command)


def test_the_default_interpreter_is_python3(
    client: Client, daemon: StartDaemon, tmp_path: Path
) -> None:
    """Without --python it is python3 on PATH, else the one that runs the client."""
    fake = daemon(DONE)
    command = _command(tmp_path / "bin", "python3")
    client("venv", "new", env={"PATH": f"/nowhere:{command.parent}"})
    client("venv", "new", env={"PATH": "/nowhere"})
    bodies = [request.partition(b"\r\n\r\n")[2] for request in fake.requests]
    assert f'"python":"{command}"'.encode() in bodies[0]
    assert f'"python":"{sys.executable}"'.encode() in bodies[1]


def test_a_missing_interpreter_is_told(client: Client, daemon: StartDaemon) -> None:
    """An interpreter that is nowhere is named as it was asked for."""
    daemon(DONE)
    result = client("venv", "new", "--python", "9.9")
    assert result.returncode == 1
    assert result.stderr == (
        b"linkd: no interpreter '9.9': there is no such path and no such command\n"
    )


@pytest.mark.parametrize(
    ("options", "variables", "members"),
    [
        ([], {"PIP_INDEX_URL": "p", "UV_INDEX_URL": "u"}, {"index_url": "p"}),
        ([], {"UV_INDEX_URL": "u", "UV_DEFAULT_INDEX": "d"}, {"index_url": "u"}),
        ([], {"PIP_INDEX_URL": "", "UV_DEFAULT_INDEX": "d"}, {"index_url": "d"}),
        (["-i", "o"], {"PIP_INDEX_URL": "p"}, {"index_url": "o"}),
        (
            ["--extra-index-url", "o"],
            {"PIP_EXTRA_INDEX_URL": "a  b", "UV_EXTRA_INDEX_URL": "c o"},
            {"extra_index_urls": ["o", "a", "b", "c"]},
        ),
        (
            ["-f", "o"],
            {"PIP_FIND_LINKS": "a b", "UV_FIND_LINKS": "c,d"},
            {"find_links": ["o", "a", "b", "c", "d"]},
        ),
        ([], {"PIP_NO_INDEX": "1"}, {"no_index": True}),
        ([], {"UV_NO_INDEX": "True"}, {"no_index": True}),
        ([], {"PIP_NO_INDEX": "YES"}, {"no_index": True}),
        ([], {"PIP_NO_INDEX": "on"}, {"no_index": True}),
        ([], {"PIP_NO_INDEX": "0", "UV_NO_INDEX": "false"}, {}),
        ([], {"PIP_FIND_LINKS": " ", "PIP_EXTRA_INDEX_URL": ""}, {}),
    ],
)
def test_index_settings_come_from_variables(
    client: Client,
    daemon: StartDaemon,
    options: list[str],
    variables: dict[str, str],
    members: dict[str, object],
) -> None:
    """pip's and uv's variables complete the options and never replace them."""
    fake = daemon(DONE)
    client("install", "a", *options, env=variables)
    base = ("environment", "directory", "requirements")
    assert {key: value for key, value in fake.body.items() if key not in base} == members


def test_folders_to_find_links_in_become_absolute(client: Client, daemon: StartDaemon) -> None:
    """A folder or file that is here is sent absolute; everything else as it was given."""
    fake = daemon(DONE)
    (client.folder / "wheels").mkdir()
    (client.folder / "page.html").touch()
    given = ["wheels", "./page.html", "nowhere", "https://a.example.org/x", "file:///wheels"]
    client("install", "a", *[f"--find-links={link}" for link in given])
    assert fake.body["find_links"] == [
        f"{client.folder}/wheels",
        f"{client.folder}/page.html",
        *given[2:],
    ]


def test_a_current_folder_that_is_gone_is_told(client: Client, daemon: StartDaemon) -> None:
    """Without a current folder nothing relative can be meant, and that is said."""
    daemon(DONE)
    gone = client.folder / "gone"
    gone.mkdir()
    code = (
        "import os, sys; os.rmdir(os.getcwd()); sys.argv[1:] = ['install', 'a', '-p', '/x'];"
        "from linkd_client.main import main; sys.exit(main())"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=gone,
        env={**client.env, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 1
    assert result.stderr == (
        b"linkd: the current folder cannot be used: no such file or directory\n"
    )
