"""What cannot be done is refused in one clear line, and everything is as it was before."""

import os
import socket
from pathlib import Path

import pytest

from tests.support.daemon import Daemon, Ran
from tests.support.index import RunningIndex
from tests.support.invariants import check_cache, check_environment, installed, snapshot
from tests.support.wheels import Tamper, make_wheel


def refused(daemon: Daemon, environment: Path, *arguments: str | Path, code: int = 1) -> list[str]:
    """The lines on stderr of an install that changes neither the environment nor the cache."""
    before = snapshot(environment)
    ran = daemon.place.client("install", "-p", environment, *arguments)
    daemon.idle()
    assert snapshot(environment) == before
    check_cache(daemon.place.cache)
    return reasons(ran, code)


def reasons(ran: Ran, code: int = 1) -> list[str]:
    """One line of reason, and one of what to do where there is something to do."""
    assert (ran.code, ran.out) == (code, ""), ran
    assert "Traceback" not in ran.err
    lines = ran.err.splitlines()
    assert [line.partition(":")[0] for line in lines] in (["error"], ["error", "hint"]), ran.err
    return [line.partition(": ")[2] for line in lines]


def test_an_unknown_project(daemon: Daemon, environment: Path, index: RunningIndex) -> None:
    """A project that no index has is named, with who wants it and where it was looked for."""
    reason, hint = refused(daemon, environment, "-i", index.url, "nowhere>=2")
    assert reason == (
        f"nowhere was not found in {index.url}; it is wanted by 'nowhere>=2' (command line)"
    )
    assert "spelling" in hint


def test_an_unknown_dependency(
    daemon: Daemon, environment: Path, index: RunningIndex, wheels: Path
) -> None:
    """A dependency that no index has is told with the distribution that wants it."""
    make_wheel(wheels, "leans", requires=["nowhere>=2"])
    reason, _ = refused(daemon, environment, "-i", index.url, "leans")
    assert "nowhere was not found" in reason
    assert "leans 1.0" in reason


def test_no_compatible_wheel(
    daemon: Daemon, environment: Path, index: RunningIndex, wheels: Path
) -> None:
    """Where no wheel fits, the tags that there are and those that are wanted are named."""
    make_wheel(wheels, "foreign", tag="cp27-cp27m-win32")
    [reason, *_] = refused(daemon, environment, "-i", index.url, "foreign")
    assert "cp27-cp27m-win32" in reason
    assert "linux" in reason


def test_an_unsolvable_set(
    daemon: Daemon, environment: Path, index: RunningIndex, wheels: Path, tmp_path: Path
) -> None:
    """Of requirements that contradict each other both are named, with their origins."""
    make_wheel(wheels, "base", "1.0")
    make_wheel(wheels, "base", "2.0")
    make_wheel(wheels, "upper", requires=["base>=2"])
    file = tmp_path / "wanted.txt"
    file.write_text("# two lines\nbase<2\n")
    before = snapshot(environment)
    ran = daemon.place.client("install", "-p", environment, "-i", index.url, "upper", "-r", file)
    assert (ran.code, ran.out) == (1, "")
    assert snapshot(environment) == before
    for part in ("base<2", f"{file}:2", "base>=2", "upper"):
        assert part in ran.err
    assert ran.err.startswith("error: ")
    assert ran.err.splitlines()[-1] == "hint: loosen one of the requirements named above"


def test_a_broken_wheel(
    daemon: Daemon, environment: Path, index: RunningIndex, wheels: Path
) -> None:
    """A wheel whose file is not what RECORD says is refused by name."""
    make_wheel(wheels, "broken", tamper=Tamper(wrong_hash={"broken/__init__.py"}))
    [reason, *_] = refused(daemon, environment, "-i", index.url, "broken")
    assert reason.startswith("broken-1.0-py3-none-any.whl")
    assert "broken/__init__.py" in reason


def test_not_an_archive(
    daemon: Daemon, environment: Path, index: RunningIndex, wheels: Path
) -> None:
    """A file that is not a zip archive is refused as a wheel."""
    file = wheels / "noise-1.0-py3-none-any.whl"
    file.write_bytes(os.urandom(2000))
    ran = daemon.place.client("install", "-p", environment, file)
    assert (ran.code, installed(environment)) == (1, {})
    assert "noise-1.0-py3-none-any.whl is not a valid wheel: it is not a zip file" in ran.err


def test_an_unsafe_wheel(daemon: Daemon, environment: Path, wheels: Path) -> None:
    """A wheel that would write outside of the environment is refused."""
    file = make_wheel(wheels, "evil", tamper=Tamper(recorded={"../../evil.txt": "x"}))
    [reason, *_] = refused(daemon, environment, file)
    assert reason.startswith("evil-1.0-py3-none-any.whl is refused")


def test_a_broken_wheel_spoils_the_whole_request(
    daemon: Daemon, environment: Path, index: RunningIndex, wheels: Path
) -> None:
    """Of a request with one broken wheel nothing is installed."""
    make_wheel(wheels, "whole")
    make_wheel(wheels, "spoilt", tamper=Tamper(wrong_size={"spoilt/__init__.py"}))
    refused(daemon, environment, "-i", index.url, "whole", "spoilt")
    assert installed(environment) == {}


def test_another_hash_than_the_index_says(
    daemon: Daemon, environment: Path, index: RunningIndex, wheels: Path
) -> None:
    """A download that is not what the index promised is refused, and nothing of it is kept."""
    make_wheel(wheels, "swapped")
    index.options.wrong_hashes.add("swapped-1.0-py3-none-any.whl")
    reason, hint = refused(daemon, environment, "-i", index.url, "swapped")
    assert reason.startswith("swapped-1.0-py3-none-any.whl has sha256 ")
    assert "nothing of it was kept" in hint
    promised = index.sha256(wheels / "swapped-1.0-py3-none-any.whl")
    assert list((daemon.place.cache / "v1" / "incoming").glob(f"*{promised}*")) == []


def test_another_hash_than_the_file_says(
    daemon: Daemon, environment: Path, index: RunningIndex, wheels: Path, tmp_path: Path
) -> None:
    """A wheel that is not the one that a requirement file's hash names is refused."""
    make_wheel(wheels, "pinned")
    file = tmp_path / "pins.txt"
    file.write_text(f"pinned==1.0 --hash=sha256:{'0' * 64}\n")
    ran = daemon.place.client("install", "-p", environment, "-i", index.url, "-r", file)
    assert (ran.code, installed(environment)) == (1, {})
    assert f"but {file}:1 says {'0' * 64}" in ran.err


def test_a_missing_hash(
    daemon: Daemon, environment: Path, index: RunningIndex, wheels: Path
) -> None:
    """With --require-hashes a requirement without one is refused."""
    make_wheel(wheels, "bare")
    [reason, *_] = refused(
        daemon, environment, "-i", index.url, "--require-hashes", "bare==1.0", code=2
    )
    assert "bare" in reason
    assert "hash" in reason


def test_a_missing_environment(daemon: Daemon, index: RunningIndex, tmp_path: Path) -> None:
    """An environment that is not there is named, with the command that makes it."""
    path = tmp_path / "none"
    ran = daemon.place.client("install", "-p", path, "-i", index.url, "foo")
    reason, hint = reasons(ran)
    assert reason == f"there is no environment at {path}"
    assert hint == f"make it with: linkd-client venv {path}"
    assert not path.exists()


def test_not_an_environment(daemon: Daemon, index: RunningIndex, tmp_path: Path) -> None:
    """A folder that is no environment is left alone."""
    (tmp_path / "folder").mkdir()
    [reason, *_] = refused(daemon, tmp_path / "folder", "-i", index.url, "foo")
    assert reason.startswith(f"{tmp_path / 'folder'} is not a Python environment")


def test_nobody_listens_at_the_index(daemon: Daemon, environment: Path) -> None:
    """An index that refuses connections is named."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/simple"
        reason, hint = refused(daemon, environment, "-i", url, "foo")
    assert reason.startswith(f"{url}/foo/ cannot be read")
    assert "network" in hint


def test_the_index_fails(daemon: Daemon, environment: Path, index: RunningIndex) -> None:
    """An index that answers 500 every time is named."""
    index.fail("/simple/", times=100)
    [reason, *_] = refused(daemon, environment, "-i", index.url, "foo")
    assert "500" in reason


def test_a_download_fails(
    daemon: Daemon, environment: Path, index: RunningIndex, wheels: Path
) -> None:
    """A file that cannot be downloaded is named, with its place."""
    make_wheel(wheels, "unlucky")
    index.fail("unlucky-1.0-py3-none-any.whl", times=100, status=500)
    index.options.metadata = False
    [reason, *_] = refused(daemon, environment, "-i", index.url, "unlucky")
    assert "unlucky-1.0-py3-none-any.whl" in reason
    assert "500" in reason


def test_credentials_are_not_told(daemon: Daemon, environment: Path, index: RunningIndex) -> None:
    """An index that refuses the credentials is named without them."""
    index.options.auth = ("me", "right")
    [reason, *_] = refused(daemon, environment, "-i", index.with_login("me", "wrong"), "foo")
    assert "401" in reason
    assert "wrong" not in reason


def test_something_in_the_way(
    daemon: Daemon, environment: Path, index: RunningIndex, wheels: Path
) -> None:
    """A user's folder where a file must go is never removed."""
    make_wheel(wheels, "topped", files={"topped.py": "x = 1\n"})
    [site] = environment.glob("lib/python*/site-packages")
    (site / "topped.py").mkdir()
    (site / "topped.py" / "notes.txt").write_text("mine")
    reason, hint = refused(daemon, environment, "-i", index.url, "topped")
    assert str((site / "topped.py").relative_to(environment)) in reason
    assert hint == "move it away and run the command again"


def test_different_content_may_be_refused(
    daemon: Daemon, environment: Path, index: RunningIndex, wheels: Path
) -> None:
    """With --collisions error, different files of one name are refused with both owners."""
    make_wheel(wheels, "one", files={"shared/x.py": "1\n"})
    make_wheel(wheels, "two", files={"shared/x.py": "2\n"})
    [reason, *_] = refused(
        daemon, environment, "-i", index.url, "--collisions", "error", "one", "two"
    )
    assert "shared/x.py" in reason
    assert "one, two" in reason


def test_required_links(
    daemon: Daemon, environment: Path, index: RunningIndex, wheels: Path
) -> None:
    """A link mode that the file system has not is refused where it is required."""
    make_wheel(wheels, "linked")
    arguments = ("-i", index.url, "--link-mode", "reflink", "--require-link", "linked")
    ran = daemon.place.client("install", "-p", environment, *arguments)
    if ran.code == 0:  # there are file systems with reflinks
        check_environment(environment)
    else:
        [reason, *_] = reasons(ran)
        assert reason.startswith("reflink was required but is not possible here")


def test_not_installed(daemon: Daemon, environment: Path) -> None:
    """Uninstalling what is not there is refused."""
    ran = daemon.place.client("uninstall", "-p", environment, "ghost")
    reason, hint = reasons(ran)
    assert reason == f"ghost is not installed in {environment}"
    assert "linkd-client list" in hint


def test_no_record(daemon: Daemon, environment: Path, index: RunningIndex, wheels: Path) -> None:
    """What has no RECORD is not removed, since nobody knows which files are its own."""
    make_wheel(wheels, "legacy")
    daemon.place.client("install", "-p", environment, "-i", index.url, "legacy")
    [site] = environment.glob("lib/python*/site-packages")
    (site / "legacy-1.0.dist-info" / "RECORD").unlink()
    before = snapshot(environment)
    [reason, *_] = reasons(daemon.place.client("uninstall", "-p", environment, "legacy"))
    assert reason.startswith("legacy cannot be removed")
    assert snapshot(environment) == before


def test_an_environment_is_not_made_twice(daemon: Daemon, environment: Path) -> None:
    """A folder that is not empty is not made an environment."""
    before = snapshot(environment)
    [reason, _] = reasons(daemon.place.client("venv", environment))
    assert reason == f"{environment} is there already and is not empty"
    assert snapshot(environment) == before


def test_no_such_interpreter(daemon: Daemon, tmp_path: Path) -> None:
    """An environment with an interpreter that is none is not begun."""
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho no\nexit 3\n")
    fake.chmod(0o755)
    [reason, *_] = reasons(daemon.place.client("venv", tmp_path / "new", "-p", fake))
    assert str(fake) in reason
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# fine\n\nfoo ==\n", (":3: ", "foo ==")),
        ("foo\n--frobnicate\n", (":2: ", "--frobnicate")),
        ("foo \\\n  --hash=md5:00\n", (":1: ", "md5")),
        ("-e nowhere\n", (":1: ", "nowhere")),
    ],
)
def test_requirement_files_tell_the_line(
    daemon: Daemon, environment: Path, tmp_path: Path, text: str, words: tuple[str, str]
) -> None:
    """What is wrong in a requirement file is told with its file and line."""
    file = tmp_path / "wanted.txt"
    file.write_text(text)
    [reason, *_] = refused(daemon, environment, "-r", file, code=2)
    assert reason.startswith(f"{file}{words[0]}")
    assert words[1] in reason


def test_a_missing_requirement_file(daemon: Daemon, environment: Path, tmp_path: Path) -> None:
    """A nested requirement file that is missing is told with who names it."""
    (tmp_path / "outer.txt").write_text("foo\n-r inner.txt\n")
    ran = daemon.place.client("install", "-p", environment, "-r", tmp_path / "outer.txt")
    assert ran.code != 0
    assert ran.out == ""
    assert "inner.txt cannot be read" in ran.err
    assert f"{tmp_path / 'outer.txt'}:2" in ran.err
    assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize("requirement", ["foo ==", "foo[", "=1.0", "./absent.whl", "foo @ nowhere"])
def test_not_a_requirement(daemon: Daemon, environment: Path, requirement: str) -> None:
    """What is not a requirement is told as it was written."""
    [reason, *_] = refused(daemon, environment, "--no-index", "--", requirement, code=2)
    assert requirement.removeprefix("./") in reason


def test_an_index_that_is_no_url(daemon: Daemon, environment: Path) -> None:
    """An index that is neither a URL nor a path is refused with the option's name."""
    [reason, *_] = refused(daemon, environment, "-i", "gopher://x", "foo", code=2)
    assert reason.startswith("--index-url: ")


def test_a_missing_find_links_folder(daemon: Daemon, environment: Path, tmp_path: Path) -> None:
    """A folder of wheels that is named and not there is an error."""
    [reason, *_] = refused(
        daemon, environment, "--no-index", "-f", tmp_path / "none", "foo", code=2
    )
    assert str(tmp_path / "none") in reason


def test_unknown_options(daemon: Daemon, environment: Path) -> None:
    """An option that is not known is an error of usage, with the one that may be meant."""
    ran = daemon.place.client("install", "-p", environment, "--upgarde", "foo")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines()[0] == (
        "linkd: unknown option '--upgarde' of install; did you mean '--upgrade'?"
    )


def test_nothing_is_named(daemon: Daemon, environment: Path) -> None:
    """An install without a requirement is an error of usage."""
    assert daemon.place.client("install", "-p", environment).code == 2
