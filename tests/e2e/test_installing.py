"""Installs, uninstalls and lists as people do them: the real client, the real daemon, a real index."""

import contextlib
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Daemon, Place, running_daemon
from tests.support.index import RunningIndex
from tests.support.invariants import check_cache, check_environment, installed, snapshot
from tests.support.wheels import make_wheel


def site_packages(environment: Path) -> Path:
    [site] = environment.glob("lib/python*/site-packages")
    return site


def dist_info(environment: Path, stem: str) -> Path:
    return site_packages(environment) / f"{stem}.dist-info"


@pytest.fixture
def app(wheels: Path) -> Path:
    """An application with a script, an extra and two libraries, one of which it must not have newer."""
    make_wheel(wheels, "lib", "1.0")
    make_wheel(wheels, "lib", "1.5")
    make_wheel(wheels, "lib", "2.0")
    make_wheel(wheels, "plugin", "1.0", requires=["lib"])
    return make_wheel(
        wheels,
        "App.Tool",
        requires=["lib<2"],
        extras={"more": ["plugin"]},
        files={"app_tool/__init__.py": "def main():\n    print('it runs')\n"},
        entry_points="[console_scripts]\napp-tool = app_tool:main\n",
    )


def test_an_install_runs(daemon: Daemon, environment: Path, index: RunningIndex, app: Path) -> None:
    """What was installed can be run, and the client tells what came."""
    ran = daemon.place.client("install", "-p", environment, "-i", index.url, "app-tool[more]")
    assert (ran.code, ran.err) == (0, "")
    first, *rest = ran.out.splitlines()
    assert first.startswith("Installed 3 distributions in ")
    assert rest == [" + app-tool==1.0", " + lib==1.5", " + plugin==1.0"]
    assert daemon.place.run([str(environment / "bin" / "app-tool")]).out == "it runs\n"
    check_environment(environment)
    daemon.idle()
    check_cache(daemon.place.cache)


def test_launchers_of_pip(daemon: Daemon, wheels: Path, index: RunningIndex) -> None:
    """pip gets its launchers as it should, in each environment that is made from one cache."""
    place = daemon.place
    entry_points = "[console_scripts]\npip = nopip:main\npip3 = nopip:main\n"
    make_wheel(wheels, "pip", "99.0", files={"nopip.py": ""}, entry_points=entry_points)
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    for number in range(2):
        environment = place.environment(f"pip-{number}")
        ran = place.client("install", "-p", environment, "-i", index.url, "pip")
        assert (ran.code, ran.err) == (0, "")
        scripts = {path.name for path in (environment / "bin").glob("pip*")}
        assert scripts == {"pip", "pip3", f"pip{python}"}
        daemon.idle()


def test_the_result(daemon: Daemon, environment: Path, index: RunningIndex, app: Path) -> None:
    """--json prints the result as the interface has it."""
    place = daemon.place
    arguments = ("-p", environment, "-i", index.url, "--json")
    place.client("install", *arguments, "lib==1.0")
    result = place.client("install", *arguments, "-U", "app_tool").json
    assert {key: type(value) for key, value in result["timings_ms"].items()} == dict.fromkeys(
        ("resolve", "fetch", "compile", "stage", "graft", "total"), float
    )
    [tool, lib] = result["installed"]
    # Whether its tree was ready depends on who has installed it before.
    assert type(tool.pop("prestaged")) is bool
    assert tool == {
        "name": "app-tool",
        "version": "1.0",
        "files": 5,
        "bytes": tool["bytes"],
        "link_mode": tool["link_mode"],
        "bytecode": False,
    }
    assert (lib["name"], lib["version"]) == ("lib", "1.5")
    assert result["environment"] == str(environment)
    assert result["removed"] == [{"name": "lib", "version": "1.0"}]
    assert result["unchanged"] == []
    assert result["collisions"] == []
    assert set(result["links"]) == {"hardlink", "reflink", "copy", "symlink", "fallback"}
    assert result["bytes"]["linked"] + result["bytes"]["copied"] == tool["bytes"] + lib["bytes"]
    again = place.client("install", *arguments, "app_tool").json
    assert again["unchanged"] == [
        {"name": "app-tool", "version": "1.0"},
        {"name": "lib", "version": "1.5"},
    ]
    assert (again["installed"], again["removed"]) == ([], [])


def test_downloaded_bytes(
    daemon: Daemon, environment: Path, index: RunningIndex, wheels: Path
) -> None:
    """The result tells how many bytes came over the network for it."""
    size = make_wheel(wheels, "weighed", files={"weighed.py": "x = 1\n" * 99}).stat().st_size
    arguments = ("install", "-p", environment, "-i", index.url, "--json", "weighed")
    downloaded = [
        daemon.place.client(*arguments, *more).json["bytes"]["downloaded"]
        for more in ((), ("--reinstall",))
    ]
    assert downloaded == [size, 0]


def test_collisions_are_told(
    daemon: Daemon, environment: Path, index: RunningIndex, wheels: Path
) -> None:
    """A shared file is told with its owners; of different content the last name's is kept."""
    make_wheel(wheels, "ns-a", files={"ns/__init__.py": "", "ns/x.py": "a\n"})
    make_wheel(wheels, "ns-b", files={"ns/__init__.py": "", "ns/x.py": "b\n"})
    arguments = ("install", "-p", environment, "-i", index.url, "ns-a", "ns-b")
    ran = daemon.place.client(*arguments, "--json")
    assert ran.json["collisions"] == [
        {
            "path": f"ns/{name}",
            "distributions": ["ns-a", "ns-b"],
            "identical": identical,
            "kept": "ns-b",
        }
        for name, identical in [("__init__.py", True), ("x.py", False)]
    ]
    assert (site_packages(environment) / "ns" / "x.py").read_text() == "b\n"


def test_only_what_was_named_is_requested(
    daemon: Daemon, environment: Path, index: RunningIndex, app: Path
) -> None:
    """REQUESTED marks what was asked for, not what that needs; INSTALLER is linkd."""
    daemon.place.client("install", "-p", environment, "-i", index.url, "app-tool")
    assert (dist_info(environment, "app_tool-1.0") / "REQUESTED").is_file()
    assert not (dist_info(environment, "lib-1.5") / "REQUESTED").exists()
    installers = {
        (dist_info(environment, stem) / "INSTALLER").read_text().strip()
        for stem in ("app_tool-1.0", "lib-1.5")
    }
    assert installers == {"linkd"}


def test_a_local_wheel(daemon: Daemon, environment: Path, app: Path, index: RunningIndex) -> None:
    """A wheel named by its relative path is installed, and direct_url.json says from where."""
    ran = daemon.place.client(
        "install", "-p", environment, "-i", index.url, f"./{app.name}", cwd=app.parent
    )
    assert (ran.code, ran.err) == (0, "")
    told = json.loads((dist_info(environment, "app_tool-1.0") / "direct_url.json").read_text())
    assert told["url"] == app.as_uri()
    digest = hashlib.sha256(app.read_bytes()).hexdigest()
    assert told["archive_info"] == {"hashes": {"sha256": digest}}
    assert not (dist_info(environment, "lib-1.5") / "direct_url.json").exists()
    check_environment(environment)


def test_a_wheel_from_a_url(
    daemon: Daemon, environment: Path, index: RunningIndex, app: Path
) -> None:
    """A wheel named by its URL is installed, and direct_url.json says from where."""
    url = index.file_url(app.name)
    ran = daemon.place.client("install", "-p", environment, "-i", index.url, f"app-tool @ {url}")
    assert (ran.code, ran.err) == (0, "")
    told = json.loads((dist_info(environment, "app_tool-1.0") / "direct_url.json").read_text())
    assert told["url"] == url
    listed = daemon.place.client("list", "-p", environment, "--format", "freeze").out
    digest = hashlib.sha256(app.read_bytes()).hexdigest()
    assert listed == f"app-tool @ {url}#sha256={digest}\nlib==1.5\n"


def test_find_links(daemon: Daemon, environment: Path, app: Path) -> None:
    """With --no-index a folder of wheels is enough, also one that is named relatively."""
    ran = daemon.place.client(
        "install", "-p", environment, "--no-index", "-f", app.parent.name, "app-tool",
        cwd=app.parent.parent,
    )  # fmt: skip
    assert (ran.code, ran.err) == (0, "")
    assert installed(environment) == {"app-tool": "1.0", "lib": "1.5"}


def test_a_page_of_links(daemon: Daemon, environment: Path, index: RunningIndex, app: Path) -> None:
    """--find-links takes a page of links, too."""
    ran = daemon.place.client(
        "install", "-p", environment, "--no-index", "-f", index.links, "app-tool"
    )
    assert (ran.code, ran.err) == (0, "")
    assert installed(environment) == {"app-tool": "1.0", "lib": "1.5"}


def test_index_variables(daemon: Daemon, environment: Path, index: RunningIndex, app: Path) -> None:
    """The client's PIP_INDEX_URL is the index where none is named."""
    env = {"PIP_INDEX_URL": index.url, "VIRTUAL_ENV": str(environment)}
    assert daemon.place.client("install", "lib<2", env=env).code == 0
    assert installed(environment) == {"lib": "1.5"}


def test_requirement_files(
    daemon: Daemon, environment: Path, index: RunningIndex, app: Path, tmp_path: Path
) -> None:
    """Nested requirement files, constraints and relative paths mean what they mean to pip."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "outer.txt").write_text(
        f"--index-url {index.url}\n-r sub/inner.txt  # nested\n-c limits.txt\n"
    )
    (tmp_path / "sub" / "inner.txt").write_text("../wheels/" + app.name + "\n")
    (tmp_path / "limits.txt").write_text("lib == 1.0\nplugin == 7\n")
    ran = daemon.place.client("install", "-p", environment, "-r", "outer.txt", cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    assert installed(environment) == {"app-tool": "1.0", "lib": "1.0"}


def test_requirements_from_standard_input(
    daemon: Daemon, environment: Path, index: RunningIndex, app: Path
) -> None:
    """`-r -` reads the requirements from standard input."""
    ran = daemon.place.client(
        "install", "-p", environment, "-i", index.url, "-r", "-", stdin="lib\n"
    )
    assert (ran.code, installed(environment)) == (0, {"lib": "2.0"})


def test_a_dry_run(daemon: Daemon, environment: Path, index: RunningIndex, app: Path) -> None:
    """--dry-run tells what would come and changes nothing."""
    before = snapshot(environment)
    ran = daemon.place.client(
        "install", "-p", environment, "-i", index.url, "--dry-run", "app-tool"
    )
    assert ran.code == 0
    first, *rest = ran.out.splitlines()
    assert first.startswith("Would have installed 2 distributions in ")
    assert rest == [" + app-tool==1.0", " + lib==1.5"]
    assert snapshot(environment) == before
    assert index.count(".whl$") == 0


def test_a_dry_run_of_uninstalling(
    daemon: Daemon, environment: Path, index: RunningIndex, app: Path
) -> None:
    """A dry run of uninstalling changes nothing."""
    daemon.place.client("install", "-p", environment, "-i", index.url, "lib")
    before = snapshot(environment)
    ran = daemon.place.client("uninstall", "-p", environment, "--dry-run", "lib")
    assert ran.code == 0
    assert ran.out.startswith("Would have uninstalled 1 distribution in ")
    assert snapshot(environment) == before


def test_an_environment_is_made(
    place: Place, daemon: Daemon, index: RunningIndex, app: Path
) -> None:
    """--create makes the environment that is missing, and it runs."""
    path = place.folder / "made" / "env"
    ran = place.client("install", "--create", "-p", path, "-i", index.url, "app-tool")
    assert (ran.code, ran.err) == (0, "")
    assert place.run([str(path / "bin" / "app-tool")]).out == "it runs\n"
    check_environment(path)


def test_venv(place: Place, daemon: Daemon) -> None:
    """`venv` makes an environment whose interpreter runs."""
    ran = place.client("venv", "new env", "-p", sys.executable)
    assert (ran.code, ran.err) == (0, "")
    path = place.folder / "new env"
    out = place.run([str(path / "bin" / "python"), "-c", "import sys; print(sys.prefix)"]).out
    assert out == f"{path}\n"
    check_environment(path)


def test_uninstalling(daemon: Daemon, environment: Path, index: RunningIndex, app: Path) -> None:
    """Uninstalling leaves an environment as it was before the install, and the user's own files."""
    place = daemon.place
    before = snapshot(environment)
    place.client("install", "-p", environment, "-i", index.url, "app-tool")
    ran = place.client("uninstall", "-p", environment, "App_Tool", "lib", "ghost")
    assert (ran.code, ran.err) == (0, "warning: ghost is not installed\n")
    assert ran.out.splitlines()[1:] == [" - app-tool==1.0", " - lib==1.5"]
    assert snapshot(environment) == before

    place.client("install", "-p", environment, "-i", index.url, "lib")
    (site_packages(environment) / "lib" / "mine.txt").write_text("mine")
    place.client("uninstall", "-p", environment, "lib")
    left = [path.name for path in site_packages(environment).iterdir()]
    assert left == ["lib"]
    assert [path.name for path in (site_packages(environment) / "lib").iterdir()] == ["mine.txt"]


def test_upgrading(daemon: Daemon, environment: Path, index: RunningIndex, app: Path) -> None:
    """What satisfies stays; --upgrade and --upgrade-package take what is newer."""
    place = daemon.place
    arguments = ("install", "-p", environment, "-i", index.url)
    place.client(*arguments, "lib==1.0")
    assert place.client(*arguments, "lib").out.startswith("Nothing to do: 1 distribution already")
    place.client(*arguments, "-P", "plugin", "lib", "plugin")
    assert installed(environment)["lib"] == "1.0"
    ran = place.client(*arguments, "-U", "lib")
    assert ran.out.splitlines()[1:] == [" - lib==1.0", " + lib==2.0"]
    ran = place.client(*arguments, "--reinstall-package", "lib", "lib")
    assert ran.out.splitlines()[1:] == [" ~ lib==2.0"]
    check_environment(environment)


def test_an_edited_file_is_mended_by_reinstalling(
    place: Place, daemon: Daemon, environment: Path, index: RunningIndex, wheels: Path
) -> None:
    """A replaced file is as in the wheel again after --reinstall."""
    make_wheel(wheels, "mended")
    arguments = ("install", "-p", environment, "-i", index.url, "mended")
    place.client(*arguments)
    file = site_packages(environment) / "mended" / "__init__.py"
    file.unlink()
    file.write_text("broken = True\n")
    assert place.client(*arguments, "--reinstall").code == 0
    check_environment(environment)


def test_lists(daemon: Daemon, environment: Path, index: RunningIndex, app: Path) -> None:
    """`list` prints columns, lines that install the same again, or JSON."""
    place = daemon.place
    place.client("install", "-p", environment, "-i", index.url, "app-tool")
    columns = "Package  Version\n-------- -------\napp-tool 1.0\nlib      1.5\n"
    assert place.client("list", "-p", environment).out == columns
    frozen = place.client("list", "-p", environment, "--format", "freeze").out
    assert frozen == "app-tool==1.0\nlib==1.5\n"
    told = place.client("list", "-p", environment, "--format", "json").json
    assert told == [{"name": "app-tool", "version": "1.0"}, {"name": "lib", "version": "1.5"}]
    answer = place.client("list", "-p", environment, "--json").json
    assert answer["environment"] == str(environment)
    assert [one["name"] for one in answer["distributions"]] == ["app-tool", "lib"]
    assert [one["requested"] for one in answer["distributions"]] == [True, False]


def test_frozen_lines_install_again(
    daemon: Daemon, environment: Path, index: RunningIndex, app: Path, tmp_path: Path
) -> None:
    """What `list --format freeze` prints installs the same into another environment."""
    place = daemon.place
    place.client("install", "-p", environment, "-i", index.url, app, "plugin")
    file = tmp_path / "frozen.txt"
    file.write_text(place.client("list", "-p", environment, "--format", "freeze").out)
    other = place.environment(f"{environment.name}-again")
    assert place.client("install", "-p", other, "-i", index.url, "-r", file).code == 0
    assert installed(other) == installed(environment)


def test_pip_agrees(
    place: Place, daemon: Daemon, environment: Path, index: RunningIndex, app: Path
) -> None:
    """pip finds what linkd installed whole, can remove it, and leaves nothing of it."""
    before = snapshot(environment)
    place.client("install", "-p", environment, "-i", index.url, "app-tool")
    pip = [sys.executable, "-m", "pip", "--python", str(environment), "--no-cache-dir"]
    assert place.run([*pip, "check"]).code == 0
    removed = place.run([*pip, "uninstall", "-y", "app-tool", "lib"])
    assert removed.code == 0, removed
    assert snapshot(environment) == before


def test_two_environments_share_the_files(
    place: Place, daemon: Daemon, environment: Path, index: RunningIndex, wheels: Path
) -> None:
    """The second environment downloads nothing, and has the same inodes as the first."""
    make_wheel(wheels, "shared")
    other = place.environment(f"{environment.name}-other")
    results = [
        place.client("install", "--json", "-p", path, "-i", index.url, "shared").json
        for path in (environment, other)
    ]
    assert results[1]["bytes"]["downloaded"] == 0
    assert index.count(".whl$") == 1
    first, second = (
        os.stat(site_packages(path) / "shared" / "__init__.py") for path in (environment, other)
    )
    # Some file systems have no hard links: then the files are copies, and the answer says so.
    linked = results[1]["links"]["fallback"] is None
    assert (first.st_ino == second.st_ino, results[1]["links"]["hardlink"] > 0) == (linked, linked)


@contextlib.contextmanager
def pypi_server(place: Place, wheels: Path) -> Iterator[str]:
    """pypiserver, serving a folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "pypiserver", "run", "-i", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(
        [*command, "--disable-fallback", "--hash-algo", "sha256", str(wheels)],
        env=place.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        url = f"http://127.0.0.1:{port}/simple/"
        try:
            _await_answer(url)
            yield url
        finally:
            process.terminate()


def _await_answer(url: str) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.05)


def test_another_index(place: Place, daemon: Daemon, environment: Path, app: Path) -> None:
    """pypiserver serves linkd as any index does."""
    with pypi_server(place, app.parent) as url:
        ran = place.client("install", "-p", environment, "-i", url, "app-tool[more]")
        missing = place.client("install", "-p", environment, "-i", url, "no-such-project")
    assert (ran.code, ran.err) == (0, "")
    assert installed(environment) == {"app-tool": "1.0", "lib": "1.5", "plugin": "1.0"}
    assert missing.code == 1
    assert "no-such-project was not found" in missing.err
    check_environment(environment)


@pytest.mark.network
def test_the_default_index(tmp_path: Path) -> None:
    """From the index that this machine uses, rich and requests install and run."""
    machine = {key: value for key, value in os.environ.items() if not key.startswith("LINKD_")}
    with Place.temporary(tmp_path) as place:
        own = {key: value for key, value in place.env.items() if key.startswith(("LINKD", "XDG"))}
        unset: dict[str, Any] = {"HOME": os.environ["HOME"]}
        config = os.environ.get("PIP_CONFIG_FILE", "")
        env = {**machine, **own, **unset, "PIP_CONFIG_FILE": config}
        with running_daemon(place, env=env):
            environment = place.environment()
            ran = place.client("install", "-p", environment, "rich", "requests", env=env)
            assert (ran.code, ran.err) == (0, "")
            check_environment(environment)
            script = "import requests, rich; rich.print(requests.__version__)"
            python = str(environment / "bin" / "python")
            shown = place.run([python, "-c", script])
            assert shown.out.strip() == installed(environment)["requests"]


def test_what_a_hand_did(daemon: Daemon, environment: Path, index: RunningIndex, app: Path) -> None:
    """What was removed behind the daemon's back comes again, however often it was asked before."""
    arguments = ("install", "-p", environment, "-i", index.url, "--json", "app-tool")
    daemon.place.client(*arguments)
    for _ in range(2):
        assert daemon.place.client(*arguments).json["installed"] == []
    shutil.rmtree(dist_info(environment, "lib-1.5"))
    came = daemon.place.client(*arguments).json["installed"]
    assert [one["name"] for one in came] == ["lib"]
