"""Folders, archives and repositories that a requirement names, and editable installs."""

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.support.daemon import Daemon, Place, Reply
from tests.support.sources import Project
from tests.support.wheels import make_wheel


def install(daemon: Daemon, env: Path, *names: str, **members: Any) -> Reply:
    return daemon.place.install(env, *names, no_index=True, **members)


def direct_url(place: Place, env: Path) -> Any:
    """Of the one distribution there."""
    (listed,) = place.call("GET", f"/v1/distributions?environment={env}").json["distributions"]
    return listed["direct_url"]


def run(place: Place, env: Path, code: str = "import app; print(app.value)") -> str:
    ran = place.run([str(env / "bin" / "python"), "-c", code])
    assert ran.err == ""
    return ran.out.strip()


def git(folder: Path, *words: str) -> str:
    names = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    done = subprocess.run(
        ["git", *names, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def repository(folder: Path, project: Project) -> str:
    """A repository with one commit, which is given."""
    project.tree(folder)
    git(folder, "init", "--quiet", "--initial-branch=main")
    return commit(folder)


def commit(folder: Path) -> str:
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "x")
    return git(folder, "rev-parse", "HEAD")


def test_tree(daemon: Daemon, tmp_path: Path) -> None:
    """A folder is built and installed; its dependencies come too, and where it came from stays."""
    place = daemon.place
    env = place.environment()
    tree = Project(name="app").tree(tmp_path / "src app")

    reply = install(daemon, env, "./src app", directory=str(tmp_path))

    assert [entry["name"] for entry in reply.json["installed"]] == ["app"]
    assert run(place, env) == "1"
    assert direct_url(place, env) == {"url": tree.as_uri(), "dir_info": {}}


def test_tree_dependencies(daemon: Daemon, tmp_path: Path) -> None:
    """What a folder's project needs is installed with it."""
    env = daemon.place.environment()
    make_wheel(tmp_path / "links", "lib")
    tree = Project(name="app", requires=["lib"]).tree(tmp_path / "app")

    reply = install(daemon, env, str(tree), find_links=[str(tmp_path / "links")])

    assert [entry["name"] for entry in reply.json["installed"]] == ["app", "lib"]


def test_changed_tree(daemon: Daemon, tmp_path: Path) -> None:
    """A folder is built anew each time, though its version is the same."""
    place = daemon.place
    env = place.environment()
    tree = Project(name="app").tree(tmp_path / "app")
    install(daemon, env, str(tree))
    (tree / "module.py").write_text("value = 2\n")

    install(daemon, env, f"app @ {tree.as_uri()}")

    assert run(place, env) == "2"


def test_other_name(daemon: Daemon, tmp_path: Path) -> None:
    """A folder whose project has another name than the requirement says is refused."""
    tree = Project(name="app").tree(tmp_path / "app")

    problem = install(daemon, daemon.place.environment(), f"lib @ {tree.as_uri()}").json

    assert problem["code"] == "invalid-requirement"
    assert "what is there is app" in problem["detail"]


def test_no_project(daemon: Daemon, tmp_path: Path) -> None:
    """A folder without a project is refused as such."""
    problem = install(daemon, daemon.place.environment(), str(tmp_path)).json

    assert problem["code"] == "build-failed"
    assert "neither a pyproject.toml nor a setup.py" in problem["detail"]


def test_archive(daemon: Daemon, tmp_path: Path) -> None:
    """An archive's path is built; its own hash is recorded, not that of the wheel."""
    place = daemon.place
    env = place.environment()
    archive = Project(name="app").sdist(tmp_path / "x")

    assert install(daemon, env, str(archive)).status == 200
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    recorded = direct_url(place, env)
    assert recorded["url"] == archive.as_uri()
    assert recorded["archive_info"]["hashes"] == {"sha256": digest}


def test_same_archive(daemon: Daemon, tmp_path: Path) -> None:
    """The same archive again changes nothing."""
    env = daemon.place.environment()
    archive = Project(name="app").sdist(tmp_path / "x")
    install(daemon, env, str(archive))

    assert install(daemon, env, str(archive)).json["installed"] == []


def test_archive_hash(daemon: Daemon, tmp_path: Path) -> None:
    """An archive with another hash than its URL promises is refused and not run."""
    archive = Project(name="app", fails=True).sdist(tmp_path / "x")

    problem = install(
        daemon, daemon.place.environment(), f"{archive.as_uri()}#sha256={'0' * 64}"
    ).json

    assert problem["code"] == "hash-mismatch"


def test_subdirectory(daemon: Daemon, tmp_path: Path) -> None:
    """A project below the top of a folder is found by its fragment."""
    place = daemon.place
    env = place.environment()
    Project(name="app").tree(tmp_path / "mono" / "libs" / "app")

    install(daemon, env, "./mono#subdirectory=libs/app", directory=str(tmp_path))

    assert run(place, env) == "1"
    assert direct_url(place, env)["subdirectory"] == "libs/app"


def test_editable(daemon: Daemon, tmp_path: Path) -> None:
    """What is changed in an editable project's folder counts at once."""
    place = daemon.place
    env = place.environment()
    tree = Project(name="app").tree(tmp_path / "app")

    ran = place.client("install", "-e", "app", "--no-index", "-p", env, cwd=tmp_path)
    before = run(place, env)
    (tree / "src" / "app.py").write_text("value = 'changed'\n")

    assert ran.code == 0, ran.err
    assert (before, run(place, env)) == ("1", "changed")
    assert direct_url(place, env) == {"url": tree.as_uri(), "dir_info": {"editable": True}}


def test_editable_in_a_file(daemon: Daemon, tmp_path: Path) -> None:
    """A requirement file's -e is the same as the option."""
    place = daemon.place
    env = place.environment()
    Project(name="app").tree(tmp_path / "app")
    (tmp_path / "r.txt").write_text("-e ./app  # mine\n")

    ran = place.client("install", "-r", "r.txt", "--no-index", "-p", env, cwd=tmp_path)

    assert ran.code == 0, ran.err
    assert direct_url(place, env)["dir_info"] == {"editable": True}


def test_not_editable(daemon: Daemon, tmp_path: Path) -> None:
    """A backend that makes no editable installs is named."""
    tree = Project(name="app", edits=False).tree(tmp_path / "app")

    problem = install(daemon, daemon.place.environment(), editable=[str(tree)]).json

    assert problem["code"] == "build-failed"
    assert "PEP 660" in problem["detail"]


def test_inactive_marker(daemon: Daemon, tmp_path: Path) -> None:
    """What a marker excludes is not built."""
    tree = Project(name="app", fails=True).tree(tmp_path / "app")

    reply = install(
        daemon, daemon.place.environment(), f"{tree} ; python_version < '3'", str(tree / "../none")
    )

    assert "there is no file" in reply.json["detail"]
    reply = install(daemon, daemon.place.environment("two"), f"{tree} ; python_version < '3'")
    assert reply.json["installed"] == []


def test_git(daemon: Daemon, tmp_path: Path) -> None:
    """A branch of a repository is built, and the commit that it was is recorded."""
    place = daemon.place
    env = place.environment()
    repo = tmp_path / "repo"
    first = repository(repo, Project(name="app"))

    reply = install(daemon, env, f"git+{repo.as_uri()}@main")

    assert reply.status == 200, reply.json
    assert direct_url(place, env) == {
        "url": repo.as_uri(),
        "vcs_info": {"vcs": "git", "commit_id": first, "requested_revision": "main"},
    }


def test_git_commit_is_kept(daemon: Daemon, tmp_path: Path) -> None:
    """A commit that was built before is installed without the repository."""
    place = daemon.place
    repo = tmp_path / "repo"
    first = repository(repo, Project(name="app"))
    install(daemon, place.environment("one"), f"git+{repo.as_uri()}@{first}")
    repo.rename(tmp_path / "gone")

    reply = install(daemon, place.environment("two"), f"app @ git+{repo.as_uri()}@{first}")

    assert reply.status == 200, reply.json


def test_git_moves(daemon: Daemon, tmp_path: Path) -> None:
    """A branch that has moved is installed again, and one that has not is left."""
    place = daemon.place
    env = place.environment()
    repo = tmp_path / "repo"
    repository(repo, Project(name="app"))
    install(daemon, env, f"git+{repo.as_uri()}")
    still = install(daemon, env, f"git+{repo.as_uri()}").json
    (repo / "module.py").write_text("value = 2\n")
    commit(repo)

    install(daemon, env, f"git+{repo.as_uri()}")

    assert still["installed"] == []
    assert run(place, env) == "2"


def test_git_revisions(daemon: Daemon, tmp_path: Path) -> None:
    """Tags, annotated ones too, and short commits are revisions."""
    place = daemon.place
    repo = tmp_path / "repo"
    first = repository(repo, Project(name="app"))
    git(repo, "tag", "-a", "v1", "-m", "x")
    git(repo, "tag", "plain")
    (repo / "module.py").write_text("value = 2\n")
    commit(repo)

    for revision in ("v1", "plain", first[:10]):
        env = place.environment(revision)
        reply = install(daemon, env, f"git+{repo.as_uri()}@{revision}")
        assert reply.status == 200, reply.json
        assert direct_url(place, env)["vcs_info"]["commit_id"] == first
        assert run(place, env) == "1"


def test_git_missing(daemon: Daemon, tmp_path: Path) -> None:
    """A revision or a repository that is not there is named, without the credentials."""
    repo = tmp_path / "repo"
    repository(repo, Project(name="app"))
    env = daemon.place.environment()

    revision = install(daemon, env, f"git+{repo.as_uri()}@nope").json
    gone = install(daemon, env, "git+http://user:secret@127.0.0.1:9/x.git").json

    assert (revision["code"], gone["code"]) == ("vcs-failed", "vcs-failed")
    assert "secret" not in str(gone)


def test_git_hooks(daemon: Daemon, tmp_path: Path) -> None:
    """Hooks that a user's git would put into a new repository are not run."""
    place = daemon.place
    repo = tmp_path / "repo"
    repository(repo, Project(name="app"))
    hook = place.home / "template" / "hooks" / "post-checkout"
    hook.parent.mkdir(parents=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    (place.home / ".gitconfig").write_text(
        f"[init]\ntemplateDir = {place.home}/template\n[core]\nhooksPath = {hook.parent}\n"
    )

    assert install(daemon, place.environment(), f"git+{repo.as_uri()}").status == 200
    assert not (tmp_path / "ran").exists()


def test_dependency(daemon: Daemon, tmp_path: Path) -> None:
    """A distribution may need a repository itself."""
    repo = tmp_path / "repo"
    repository(repo, Project(name="lib", version="7.0"))
    make_wheel(tmp_path / "links", "app", requires=[f"lib @ git+{repo.as_uri()}@main"])

    reply = install(daemon, daemon.place.environment(), "app", find_links=[str(tmp_path / "links")])

    assert [(each["name"], each["version"]) for each in reply.json["installed"]] == [
        ("app", "1.0"),
        ("lib", "7.0"),
    ]


def test_forbidden(daemon: Daemon, tmp_path: Path) -> None:
    """With --only-binary :all: nothing that a requirement names is built."""
    tree = Project(name="app", fails=True).tree(tmp_path / "app")

    ran = daemon.place.client(
        *("install", str(tree), "--only-binary", ":all:", "--no-index"),
        *("-p", daemon.place.environment()),
    )

    assert ran.code == 1
    assert "--only-binary forbids" in ran.err
    assert not os.path.exists(tree / "build")


def test_freeze(daemon: Daemon, tmp_path: Path) -> None:
    """What is frozen of folders and commits installs the same again."""
    place = daemon.place
    repo = tmp_path / "repo"
    repository(repo, Project(name="lib"))
    tree = Project(name="app").tree(tmp_path / "app")
    one, two = place.environment("one"), place.environment("two")
    install(daemon, one, f"git+{repo.as_uri()}", editable=[str(tree)])
    frozen = place.client("list", "--format", "freeze", "-p", one).out
    (tmp_path / "r.txt").write_text(frozen)

    ran = place.client("install", "-r", tmp_path / "r.txt", "--no-index", "-p", two)

    assert ran.code == 0, ran.err
    assert place.client("list", "--format", "freeze", "-p", two).out == frozen


def test_lock_file(daemon: Daemon, tmp_path: Path) -> None:
    """A lock file's source distribution is built, after its hash was compared."""
    place = daemon.place
    archive = Project(name="app").sdist(tmp_path)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    for name, promised in (("one", digest), ("two", "0" * 64)):
        (tmp_path / f"pylock.{name}.toml").write_text(
            'lock-version = "1.0"\ncreated-by = "x"\n'
            '[[packages]]\nname = "app"\nversion = "1.0"\n'
            f'sdist = {{ path = "{archive.name}", hashes = {{ sha256 = "{promised}" }} }}\n'
        )

    codes = [
        place.client("sync", tmp_path / f"pylock.{name}.toml", "-p", place.environment(name)).code
        for name in ("one", "two")
    ]

    assert codes == [0, 1]


def lock(folder: Path, package: str) -> list[dict[str, str]]:
    text = f'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "app"\n{package}'
    return [{"path": f"{folder}/pylock.toml", "text": text}]


def test_locked_folder(daemon: Daemon, tmp_path: Path) -> None:
    """A folder that a lock file names is built, and is editable if that is said."""
    place = daemon.place
    env = place.environment()
    tree = Project(name="app").tree(tmp_path / "app")
    for more, info in (("", {}), ("editable = true\n", {"editable": True})):
        files = lock(tmp_path, f'[packages.directory]\npath = "app"\n{more}')
        reply = install(daemon, env, requirement_files=files)
        assert [entry["name"] for entry in reply.json["installed"]] == ["app"]
        assert direct_url(place, env) == {"url": tree.as_uri(), "dir_info": info}


def test_locked_commit(daemon: Daemon, tmp_path: Path) -> None:
    """The commit that a lock file names is built, whatever the branch is by now; once is enough."""
    place = daemon.place
    env = place.environment()
    folder = tmp_path / "app"
    locked = repository(folder, Project(name="app"))
    Project(name="app", text="value = 2\n").tree(folder)
    commit(folder)
    files = lock(
        tmp_path,
        '[packages.vcs]\ntype = "git"\npath = "app"\n'
        f'requested-revision = "main"\ncommit-id = "{locked}"\n',
    )

    assert install(daemon, env, requirement_files=files).json["installed"][0]["name"] == "app"
    assert install(daemon, env, requirement_files=files).json["installed"] == []
    assert run(place, env) == "1"
    assert direct_url(place, env) == {
        "url": folder.as_uri(),
        "vcs_info": {"vcs": "git", "requested_revision": "main", "commit_id": locked},
    }


def test_locked_archive(daemon: Daemon, tmp_path: Path) -> None:
    """An archive of sources is held to the hash that the lock file has, and to its version."""
    env = daemon.place.environment()
    archive = Project(name="app").sdist(tmp_path)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()

    def reply(digest: str, more: str = "") -> Reply:
        entry = f'path = "{archive.name}"\nhashes = {{ sha256 = "{digest}" }}\n'
        files = lock(tmp_path, f"{more}[packages.archive]\n{entry}")
        return install(daemon, env, requirement_files=files)

    assert reply("0" * 64).json["code"] == "hash-mismatch"
    refused = reply(digest, 'version = "2.0"\n').json
    assert refused["code"] == "lock-file-content"
    assert refused["place"] == f"{tmp_path}/pylock.toml packages[0]"
    assert reply(digest).json["installed"][0]["version"] == "1.0"
