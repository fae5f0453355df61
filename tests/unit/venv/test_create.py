"""Environments are made whole or not at all, and are what people know from virtualenv."""

import logging
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from linkd.core.manifest import Launcher
from linkd.core.scripts import launcher_script
from linkd.errors import (
    EnvironmentExists,
    EnvironmentNotWritable,
    InterpreterFailed,
    InvalidRequest,
    LinkdError,
)
from linkd.venv.create import create_environment
from linkd.venv.installed import read_installed
from linkd.venv.probe import Prober
from tests.unit.venv.environments import Memory, ask, base_python


@pytest.fixture(scope="module")
def app_data(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("app-data"))


def run(environment: Path, code: str) -> str:
    return ask(environment / "bin" / "python", code)


def execute(*command: Path | str) -> tuple[str, str]:
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout, done.stderr


def configuration(environment: Path) -> dict[str, str]:
    lines = (environment / "pyvenv.cfg").read_text().splitlines()
    return {key.strip(): value.strip() for key, _, value in (line.partition("=") for line in lines)}


@pytest.mark.parametrize(
    "name", ["env", "with blank", "ünïcödé", "l" * 160, "deep/er/env", "--help"]
)
async def test_an_environment_works(tmp_path: Path, app_data: str, name: str) -> None:
    """An interpreter starts in it, whatever its path, and linkd takes it for an environment."""
    path = tmp_path / name
    create_environment(str(path), python=None, app_data=app_data)
    target = await Prober(Memory()).probe(str(path))
    assert run(path, "import sys; print(sys.prefix)") == str(path)
    assert (target.prefix, target.interpreter.executable) == (path, base_python())
    assert read_installed(target) == {}


@pytest.mark.parametrize("name", ["env", "with blank", "l" * 160, "o'neill \\N"])
async def test_a_launcher_runs_in_it(tmp_path: Path, app_data: str, name: str) -> None:
    """A launcher made for the environment runs in it, wherever it lies."""
    path = tmp_path / name
    create_environment(str(path), python=None, app_data=app_data)
    target = await Prober(Memory()).probe(str(path))
    (target.scheme.purelib / "shown.py").write_text(
        "import sys\ndef main():\n    print(sys.prefix, *sys.argv[1:])\n"
    )
    script = target.scheme.scripts / "show"
    launcher = Launcher(name="show", module="shown", attribute="main")
    script.write_bytes(launcher_script(launcher, str(target.python)))
    script.chmod(0o755)
    assert execute(script, "a b") == (f"{path} a b\n", "")


def test_it_has_what_people_expect(tmp_path: Path, app_data: str) -> None:
    """Activation scripts, a .gitignore of everything and a cache tag are there, pip is not."""
    path = tmp_path / "env"
    create_environment(str(path), python=None, app_data=app_data)
    assert "*" in (path / ".gitignore").read_text().splitlines()
    assert (path / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f0688")
    scripts = {"activate", "activate.fish", "activate.csh", "python", "python3"}
    assert scripts <= {entry.name for entry in (path / "bin").iterdir()}
    assert not list(path.glob("lib/*/site-packages/pip*"))


def test_activating_works(tmp_path: Path, app_data: str) -> None:
    """A shell that activates it finds its interpreter first, and shows the prompt asked for."""
    path = tmp_path / "env"
    create_environment(str(path), python=None, app_data=app_data, prompt="my shop")
    script = f'. "{path}/bin/activate" && echo "$VIRTUAL_ENV_PROMPT" && command -v python'
    said, _ = execute("/bin/sh", "-c", script)
    assert said.splitlines() == ["my shop", f"{path}/bin/python"]
    assert configuration(path)["prompt"].strip("'\"") == "my shop"


@pytest.mark.parametrize("what", ["environment", "its interpreter", "base"])
def test_an_interpreter_can_be_chosen(tmp_path: Path, app_data: str, what: str) -> None:
    """Named by its path, by an environment or by the interpreter there: the base is taken."""
    first, second = tmp_path / "first", tmp_path / "second"
    create_environment(str(first), python=None, app_data=app_data)
    python = {
        "environment": str(first),
        "its interpreter": str(first / "bin" / "python"),
        "base": base_python(),
    }[what]
    create_environment(str(second), python=python, app_data=app_data)
    assert os.path.realpath(second / "bin" / "python") == base_python()
    assert configuration(second)["home"] == os.path.dirname(base_python())


def test_an_interpreter_can_be_named(
    tmp_path: Path, app_data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name, or a version alone, means the interpreter of that name on the PATH."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "python9.9").symlink_to(base_python())
    monkeypatch.setenv("PATH", str(programs))
    for name in ("python9.9", "9.9"):
        path = tmp_path / f"env-{name}"
        create_environment(str(path), python=name, app_data=app_data)
        assert os.path.realpath(path / "bin" / "python") == base_python()


def test_an_empty_folder_is_used(tmp_path: Path, app_data: str) -> None:
    """An empty folder that is there already becomes the environment."""
    path = tmp_path / "env"
    path.mkdir()
    create_environment(str(path), python=None, app_data=app_data)
    assert run(path, "print(1)") == "1"


def test_what_is_there_stays(tmp_path: Path, app_data: str) -> None:
    """A folder with anything in it, an environment or a file are refused and stay as they are."""
    environment, folder, file = tmp_path / "env", tmp_path / "folder", tmp_path / "file"
    create_environment(str(environment), python=None, app_data=app_data)
    folder.mkdir()
    (folder / "mine").touch()
    file.touch()
    dangling = tmp_path / "dangling"
    dangling.symlink_to("nowhere")
    before = sorted(tmp_path.rglob("*"))
    for path in (environment, folder, file, dangling):
        with pytest.raises(EnvironmentExists):
            create_environment(str(path), python=None, app_data=app_data)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("python", ["/nowhere/python", "/bin/ls", "no-such-python", "9.99", "/"])
def test_without_an_interpreter_nothing_is_made(
    tmp_path: Path, app_data: str, python: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """A path that is no interpreter's is told; neither folders nor words are left behind."""
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "new" / "er" / "env", tmp_path / "empty"):
        with pytest.raises(InterpreterFailed):
            create_environment(str(path), python=python, app_data=app_data)
    assert [*tmp_path.rglob("*")] == [tmp_path / "empty"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["one", "two"])
def test_an_interpreter_that_refuses_is_quoted(tmp_path: Path, app_data: str, name: str) -> None:
    """Of what an interpreter says before it fails the line that tells why is passed on."""
    said = {
        "one": "shim: version '3.12' is not installed\nIt is in these:\n  3.12.1\n",
        "two": "Traceback (most recent call last):\n  File x\nImportError: no encodings\n",
    }[name]
    (tmp_path / "said").write_text(said)
    python = tmp_path / f"python-{name}"
    python.write_text(f'#!/bin/sh\ncat "{tmp_path}/said" >&2\nexit 127\n')
    python.chmod(0o755)
    with pytest.raises(InterpreterFailed) as caught:
        create_environment(str(tmp_path / "env"), python=str(python), app_data=app_data)
    line = {"one": "shim: version '3.12' is not installed", "two": "ImportError: no encodings"}
    assert caught.value.reason == f"virtualenv cannot use it: {line[name]}"


def test_a_place_that_cannot_be_written_is_told(app_data: str) -> None:
    """Where nothing can be made, the system's reason is told."""
    with pytest.raises(EnvironmentNotWritable) as caught:
        create_environment("/proc/linkd-env", python=None, app_data=app_data)
    assert caught.value.environment == "/proc/linkd-env"


@pytest.mark.parametrize("path", ["env", "", "/tmp/a:b", "/tmp/a\nb", "/tmp/a\0b", "/tmp/\udcff"])
def test_a_path_that_cannot_be_one_is_refused(app_data: str, path: str) -> None:
    """A path that no shell could activate, or that is none, is refused before anything is made."""
    with pytest.raises(InvalidRequest) as caught:
        create_environment(path, python=None, app_data=app_data)
    assert str(caught.value).encode()


def test_nothing_is_printed(
    tmp_path: Path, app_data: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Making an environment prints nothing, and logs nothing that runs its interpreter."""
    logging.getLogger().setLevel(logging.DEBUG)
    try:
        create_environment(str(tmp_path / "env"), python=None, app_data=app_data)
    finally:
        logging.getLogger().setLevel(logging.WARNING)
    assert capfd.readouterr() == ("", "")


def test_the_users_settings_for_virtualenv_do_not_count(
    tmp_path: Path, app_data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither variables of virtualenv nor a project's folder change what is made."""
    monkeypatch.setenv("VIRTUALENV_PROMPT", "other")
    monkeypatch.setenv("VIRTUALENV_SYSTEM_SITE_PACKAGES", "1")
    (tmp_path / "pyproject.toml").touch()
    path = tmp_path / "env"
    create_environment(str(path), python=None, app_data=app_data)
    assert configuration(path)["include-system-site-packages"] == "false"
    assert "prompt" not in configuration(path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["env", "pyproject.toml"]


def test_many_at_once_are_all_made(tmp_path: Path, app_data: str) -> None:
    """Threads make environments beside each other without harm."""
    paths = [tmp_path / f"env{i}" for i in range(24)]
    with ThreadPoolExecutor(8) as threads:
        list(
            threads.map(
                lambda path: create_environment(str(path), python=None, app_data=app_data), paths
            )
        )
    trees = [sorted(str(p.relative_to(path)) for p in path.rglob("*")) for path in paths]
    assert trees == [trees[0]] * len(paths)
    assert [os.path.realpath(path / "bin" / "python") for path in paths] == [base_python()] * 24


def test_of_many_for_one_path_one_makes_it(tmp_path: Path, app_data: str) -> None:
    """Of requests for one path at the same time one succeeds, and the others find it there."""

    def create(path: Path) -> str:
        try:
            create_environment(str(path), python=None, app_data=app_data)
        except LinkdError as error:
            return error.code
        return "made"

    paths = [tmp_path / f"env{i // 8}" for i in range(40)]
    (tmp_path / "env4").mkdir()
    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(create, paths))
    assert sorted(outcomes) == ["environment-exists"] * 35 + ["made"] * 5
    assert run(tmp_path / "env4", "import sys; print(sys.prefix)") == str(tmp_path / "env4")


def test_a_replaced_interpreter_is_looked_at_again(tmp_path: Path, app_data: str) -> None:
    """An interpreter that was replaced since its last use is not taken for what it was."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    create_environment(str(tmp_path / "one"), python=str(python), app_data=app_data)
    python.write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(InterpreterFailed):
        create_environment(str(tmp_path / "two"), python=str(python), app_data=app_data)
