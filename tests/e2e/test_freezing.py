"""What `list --format freeze` prints installs again to the same environment, whoever made it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.daemon import Daemon, Place
from tests.support.invariants import check_environment, installed
from tests.support.sources import Project
from tests.support.wheels import make_wheel


def git(folder: Path, *words: str) -> str:
    names = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    done = subprocess.run(
        ["git", *names, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> str:
    """A project in a repository, whose newest commit is another than the one that is named."""
    project = Project(name="from-git")
    folder = tmp_path / "repository"
    project.tree(folder / "part")
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "x")
    commit = git(folder, "rev-parse", "HEAD")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", "y")
    return f"from-git @ git+{folder.as_uri()}@{commit}#subdirectory=part"


@pytest.fixture
def requirements(tmp_path: Path, wheels: Path, repository: str) -> Path:
    """One of each way in which a distribution can have come."""
    make_wheel(wheels, "of-index", "1.0+local.1")
    make_wheel(wheels, "of-index", "2.0")
    lines = [
        "of-index<2",
        repository,
        str(make_wheel(tmp_path / "loose wheels", "of-wheel")),
        str(Project(name="of-sdist").sdist(tmp_path / "loose")),
        Project(name="of-tree").tree(tmp_path / "of tree").as_uri(),
        f"-e {Project(name='edited').tree(tmp_path / 'edited')}",
        f"-e {Project(name='edited-too').tree(tmp_path / 'edited #1; too').as_uri()}",
    ]
    file = tmp_path / "requirements.txt"
    file.write_text("\n".join(lines) + "\n")
    return file


def frozen(place: Place, environment: Path, *options: str) -> str:
    ran = place.client("list", "-p", environment, "--format", "freeze", *options)
    assert ran.code == 0, ran
    return ran.out


def again(place: Place, environment: Path, wheels: Path) -> None:
    """Install what is frozen into a second environment, and compare the two."""
    lines = frozen(place, environment)
    assert len(lines.splitlines()) == 7
    file = place.folder / f"{environment.name}.txt"
    file.write_text(lines)
    other = place.environment(f"{environment.name}-again")
    ran = place.client("install", "-p", other, "--no-index", "-f", wheels, "-r", file)
    assert ran.code == 0, ran
    assert frozen(place, other) == lines
    assert installed(other) == installed(environment)
    check_environment(other)


def test_linkds_own(
    daemon: Daemon, environment: Path, requirements: Path, wheels: Path, tmp_path: Path
) -> None:
    """An environment that linkd made comes again from its frozen lines."""
    place = daemon.place
    ran = place.client("install", "-p", environment, "--no-index", "-f", wheels, "-r", requirements)
    assert ran.code == 0, ran
    editable = frozen(place, environment, "--editable").splitlines()
    assert editable == [
        f"-e {tmp_path}/edited",
        f"-e file://{tmp_path}/edited%20%231%3B%20too",
    ]
    again(place, environment, wheels)


def test_pips(daemon: Daemon, environment: Path, requirements: Path, wheels: Path) -> None:
    """An environment that pip made comes again, too, and pip freezes it in the same words."""
    place = daemon.place
    pip = [sys.executable, "-m", "pip", "--python", str(environment), "--no-cache-dir"]
    options = ["--no-index", "-f", str(wheels), "-r", str(requirements)]
    ran = place.run([*pip, "install", *options])
    assert ran.code == 0, ran
    words = place.run([*pip, "freeze", "--exclude-editable"]).out
    assert frozen(place, environment, "--exclude-editable") == words
    again(place, environment, wheels)
