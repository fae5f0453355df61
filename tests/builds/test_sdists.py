"""Source distributions of an index or a folder, built by real backends in a real daemon."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from tests.support.daemon import Daemon, Place, Reply, finished, until
from tests.support.sources import Project
from tests.support.wheels import make_wheel

WHEEL_HOOKS = ["get_requires_for_build_wheel", "build_wheel"]


def install(daemon: Daemon, env: Path, links: Path, *names: str, **members: Any) -> Reply:
    return daemon.place.install(env, *names, no_index=True, find_links=[str(links)], **members)


def hooks(calls: Path, name: str = "app") -> list[str]:
    lines = [line.split() for line in calls.read_text().splitlines()]
    return [hook for project, hook in lines if project == name]


def run(place: Place, env: Path, code: str) -> str:
    ran = place.run([str(env / "bin" / "python"), "-c", code])
    assert ran.err == ""
    return ran.out.strip()


def test_install(daemon: Daemon, links: Path, calls: Path) -> None:
    """A project that is there only as source is built and installed, and is no direct URL."""
    env = daemon.place.environment()
    Project(name="app", calls=str(calls)).sdist(links)

    reply = install(daemon, env, links, "app")

    assert [entry["name"] for entry in reply.json["installed"]] == ["app"]
    assert run(daemon.place, env, "import app; print(app.value)") == "1"
    listed = daemon.place.call("GET", f"/v1/distributions?environment={env}").json
    assert listed["distributions"][0]["direct_url"] is None


def test_built_once(daemon: Daemon, links: Path, calls: Path) -> None:
    """What was built once is installed into a second environment without running anything."""
    Project(name="app", calls=str(calls)).sdist(links)
    install(daemon, daemon.place.environment("one"), links, "app")
    before = hooks(calls)

    reply = install(daemon, daemon.place.environment("two"), links, "app")

    assert reply.status == 200
    assert hooks(calls) == before


def test_wheel_first(daemon: Daemon, links: Path, calls: Path) -> None:
    """Where a version has a wheel its source is not touched."""
    Project(name="app", calls=str(calls)).sdist(links)
    make_wheel(links, "app")

    reply = install(daemon, daemon.place.environment(), links, "app")

    assert reply.status == 200
    assert hooks(calls) == []


def test_newest_wins(daemon: Daemon, links: Path) -> None:
    """The newest version is taken, though only an older one has a wheel."""
    Project(name="app", version="2.0").sdist(links)
    make_wheel(links, "app", "1.0")

    reply = install(daemon, daemon.place.environment(), links, "app")

    assert reply.json["installed"][0]["version"] == "2.0"


def test_prepared_metadata(daemon: Daemon, links: Path, calls: Path) -> None:
    """Dependencies come from the hook that makes metadata, before anything is built."""
    Project(name="app", requires=["lib>=2"], calls=str(calls)).sdist(links)
    make_wheel(links, "lib", "1.0")
    make_wheel(links, "lib", "2.0")

    reply = install(daemon, daemon.place.environment(), links, "app", dry_run=True)

    assert [entry["version"] for entry in reply.json["installed"]] == ["1.0", "2.0"]
    assert hooks(calls) == ["get_requires_for_build_wheel", "prepare_metadata_for_build_wheel"]


def test_without_prepared_metadata(daemon: Daemon, links: Path, calls: Path) -> None:
    """A backend without that hook builds the wheel, and builds it once."""
    Project(name="app", requires=["lib"], prepares=False, calls=str(calls)).sdist(links)
    make_wheel(links, "lib")

    reply = install(daemon, daemon.place.environment(), links, "app")

    assert [entry["name"] for entry in reply.json["installed"]] == ["app", "lib"]
    assert hooks(calls) == WHEEL_HOOKS


def test_static_metadata(daemon: Daemon, links: Path, calls: Path) -> None:
    """PKG-INFO of version 2.2 tells the dependencies without running the backend."""
    Project(name="app", requires=["lib"], static=True, calls=str(calls)).sdist(links)
    make_wheel(links, "lib")

    reply = install(daemon, daemon.place.environment(), links, "app", dry_run=True)

    assert [entry["name"] for entry in reply.json["installed"]] == ["app", "lib"]
    assert hooks(calls) == []


def test_build_requirements(daemon: Daemon, links: Path) -> None:
    """Build requirements come from the same folder, and do not stay in the environment."""
    env = daemon.place.environment()
    make_wheel(links, "tool", files={"tool.py": ""})
    make_wheel(links, "further", files={"further.py": ""})
    Project(
        name="app",
        build_requires=["tool>=1"],
        more_requires=["further"],
        imports=["tool", "further"],
    ).sdist(links)

    reply = install(daemon, env, links, "app")

    assert [entry["name"] for entry in reply.json["installed"]] == ["app"]
    assert daemon.place.call("GET", "/v1/status").json["environments"] == 1


def test_requirement_built_too(daemon: Daemon, links: Path) -> None:
    """A build requirement that is there only as source is built first."""
    Project(name="tool", module="tool").sdist(links)
    Project(name="app", build_requires=["tool"], imports=["tool"]).sdist(links)

    assert install(daemon, daemon.place.environment(), links, "app").status == 200


def test_missing_build_requirement(daemon: Daemon, links: Path) -> None:
    """A build requirement that is nowhere is named with the project that needs it."""
    Project(name="app", build_requires=["nope"]).sdist(links)

    problem = install(daemon, daemon.place.environment(), links, "app").json

    assert problem["code"] == "project-not-found"
    assert "build requirements of app==1.0" in problem["detail"]


def test_cycle(daemon: Daemon, links: Path) -> None:
    """Projects that need each other to be built are refused, with the circle."""
    Project(name="app", build_requires=["tool"]).sdist(links)
    Project(name="tool", build_requires=["app"]).sdist(links)

    problem = install(daemon, daemon.place.environment(), links, "app").json

    assert problem["code"] == "build-cycle"
    assert sorted(set(problem["chain"])) == ["app==1.0", "tool==1.0"]


def test_cycle_from_both_sides(daemon: Daemon, links: Path) -> None:
    """Two requests that begin such a circle at its two ends do not wait for each other."""
    place = daemon.place
    Project(name="app", build_requires=["tool"]).sdist(links)
    Project(name="tool", build_requires=["app"]).sdist(links)
    options = ("--no-index", "-f", links, "-p")
    clients = [
        place.start_client("install", name, *options, place.environment(name))
        for name in ("app", "tool", "app", "tool")
    ]

    assert {finished(client).code for client in clients} == {1}


def test_failure(daemon: Daemon, links: Path) -> None:
    """A failing build shows what the backend wrote, keeps all of it, and changes nothing."""
    env = daemon.place.environment()
    Project(name="app", fails=True).sdist(links)
    make_wheel(links, "lib")
    before = sorted(os.listdir(env / "lib"))

    problem = install(daemon, env, links, "app", "lib").json

    assert problem["code"] == "build-failed"
    assert (problem["step"], problem["backend"]) == ("build_wheel", "backend")
    assert "the compiler says no" in problem["detail"]
    assert "the compiler says no" in Path(problem["log"]).read_text()
    assert sorted(os.listdir(env / "lib")) == before
    listed = daemon.place.call("GET", f"/v1/distributions?environment={env}").json
    assert listed["distributions"] == []
    assert os.listdir(daemon.place.cache / "v1" / "incoming") == []


def test_success_leaves_no_log(daemon: Daemon, links: Path) -> None:
    """Of a build that went well neither a log nor a folder stays."""
    Project(name="app").sdist(links)
    install(daemon, daemon.place.environment(), links, "app")

    assert os.listdir(daemon.place.cache / "v1" / "logs") == []
    assert os.listdir(daemon.place.cache / "v1" / "incoming") == []


def test_hash(daemon: Daemon, links: Path, calls: Path, tmp_path: Path) -> None:
    """A hash in the requirements is that of the source, and nothing runs where it differs."""
    env = daemon.place.environment()
    Project(name="app", calls=str(calls)).sdist(links)
    file = {"path": str(tmp_path / "r.txt"), "text": f"app==1.0 --hash=sha256:{'0' * 64}\n"}

    reply = install(daemon, env, links, requirement_files=[file], no_deps=True)

    assert reply.json["code"] == "hash-mismatch"
    assert hooks(calls) == []


def test_required_hashes(daemon: Daemon, links: Path, calls: Path) -> None:
    """Where hashes are required nothing is run that has none, whoever needs it."""
    archive = Project(name="app", requires=["lib"]).sdist(links)
    Project(name="lib", calls=str(calls)).sdist(links)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    file = {"path": "/r.txt", "text": f"app==1.0 --hash=sha256:{digest}\n"}

    problem = install(daemon, daemon.place.environment(), links, requirement_files=[file]).json

    assert problem["code"] == "invalid-requirement"
    assert "hashes are required" in problem["detail"]
    assert hooks(calls, "lib") == []


def test_progress(daemon: Daemon, links: Path) -> None:
    """A build is told of while it runs."""
    Project(name="app", takes=0.5).sdist(links)
    body = {
        "environment": str(daemon.place.environment()),
        "requirements": ["app"],
        "no_index": True,
        "find_links": [str(links)],
    }

    reply = daemon.place.call("POST", "/v1/install", body, accept="application/x-ndjson")

    told = {(event.get("phase"), event.get("subject")) for event in reply.events}
    assert ("build", "app==1.0") in told


def test_only_binary(daemon: Daemon, links: Path, calls: Path) -> None:
    """With --only-binary the newest wheel is taken, and nothing runs."""
    Project(name="app", version="2.0", calls=str(calls)).sdist(links)
    make_wheel(links, "app", "1.0")
    env = daemon.place.environment()

    reply = install(daemon, env, links, "app", only_binary=[":all:"])
    refused = install(daemon, env, links, "app==2.0", only_binary=["app"])

    assert reply.json["installed"][0]["version"] == "1.0"
    assert refused.json["code"] == "no-compatible-wheel"
    assert hooks(calls) == []


def test_no_binary(daemon: Daemon, links: Path, calls: Path) -> None:
    """With --no-binary the source is built though there is a wheel."""
    Project(name="app", calls=str(calls)).sdist(links)
    make_wheel(links, "app")
    make_wheel(links, "lib")

    reply = install(daemon, daemon.place.environment(), links, "app", "lib", no_binary=["app"])

    assert reply.status == 200
    assert "build_wheel" in hooks(calls)


def test_eight_clients(daemon: Daemon, links: Path, calls: Path) -> None:
    """What eight clients want at once is built once."""
    place = daemon.place
    Project(name="app", takes=0.5, calls=str(calls)).sdist(links)
    environments = [place.environment(f"env{number}") for number in range(8)]
    clients = [
        place.start_client("install", "app", "--no-index", "-f", links, "-p", env)
        for env in environments
    ]

    assert [finished(client).code for client in clients] == [0] * 8
    assert hooks(calls).count("build_wheel") == 1


def test_cancelled(daemon: Daemon, links: Path, tmp_path: Path) -> None:
    """A client that goes away takes its build along, and nothing of it stays."""
    place, pid_file = daemon.place, tmp_path / "pid"
    Project(name="app", hangs=str(pid_file)).sdist(links)
    client = place.start_client(
        "install", "app", "--no-index", "-f", links, "-p", place.environment()
    )
    until(lambda: pid_file.exists() and pid_file.read_text())
    client.kill()
    finished(client)

    until(lambda: not os.path.exists(f"/proc/{pid_file.read_text()}"))
    until(lambda: os.listdir(place.cache / "v1" / "incoming") == [])
    until(lambda: os.listdir(place.cache / "v1" / "logs") == [])


def test_no_isolation(daemon: Daemon, links: Path) -> None:
    """Without isolation a build has what the environment has installed, and nothing else."""
    env = daemon.place.environment()
    make_wheel(links, "tool", files={"tool.py": ""})
    Project(name="app", build_requires=["nowhere"], imports=["tool"]).sdist(links)

    refused = install(daemon, env, links, "app", no_build_isolation=True)
    install(daemon, env, links, "tool")
    reply = install(daemon, env, links, "app", no_build_isolation=True)

    assert "No module named 'tool'" in refused.json["detail"]
    assert [entry["name"] for entry in reply.json["installed"]] == ["app"]


def test_variables(daemon: Daemon, links: Path, tmp_path: Path) -> None:
    """A backend sees nothing of the daemon's own settings."""
    seen = tmp_path / "seen"
    backend = f"import json, os\njson.dump(dict(os.environ), open({str(seen)!r}, 'w'))\n"
    Project(name="app", imports=["spy"], extra_files={"spy.py": backend}).sdist(links)

    install(daemon, daemon.place.environment(), links, "app")

    names = json.loads(seen.read_text()).keys()
    assert not [name for name in names if name.startswith("LINKD_")]
    assert {"PATH", "HOME"} <= names
