"""Each command makes one request, byte for byte as the interface has it."""

import json
from collections.abc import Callable

import pytest

from tests.client.conftest import Client
from tests.client.fake_daemon import FakeDaemon, document, lines

DONE = lines("x0")
StartDaemon = Callable[..., FakeDaemon]


def test_an_install_is_one_http_1_0_request(client: Client, daemon: StartDaemon) -> None:
    """The bytes of an install are fixed: head, terminal and a JSON body of what was given."""
    fake = daemon(DONE)
    result = client("install", "requests>=2", "-U")
    body = (
        f'{{"environment":"{client.folder}/.venv","directory":"{client.folder}",'
        '"requirements":["requests>=2"],"upgrade":true}'
    )
    expected = (
        "POST /v1/install HTTP/1.0\r\n"
        "Host: linkd\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Accept: application/vnd.linkd.lines\r\n"
        "Linkd-Terminal: color=0,progress=0,verbosity=0\r\n"
        f"\r\n{body}"
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")
    assert fake.request == expected.encode()


def test_a_get_has_no_body(client: Client, daemon: StartDaemon) -> None:
    """A command that only reads sends neither body nor content type."""
    fake = daemon(DONE)
    client("status", "--wait-idle")
    assert fake.request == (
        b"GET /v1/status?wait_idle=true HTTP/1.0\r\n"
        b"Host: linkd\r\n"
        b"Accept: application/vnd.linkd.lines\r\n"
        b"Linkd-Terminal: color=0,progress=0,verbosity=0\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("options", "members"),
    [
        (["-i", "https://a.example.org/"], {"index_url": "https://a.example.org/"}),
        (["--index-url=https://a.example.org/"], {"index_url": "https://a.example.org/"}),
        (["--extra-index-url", "u", "--extra-index-url", "w"], {"extra_index_urls": ["u", "w"]}),
        (["-fhttps://a.example.org/"], {"find_links": ["https://a.example.org/"]}),
        (["--no-index"], {"no_index": True}),
        (["--no-deps"], {"no_deps": True}),
        (["--upgrade"], {"upgrade": True}),
        (["-P", "a", "--upgrade-package=b"], {"upgrade_packages": ["a", "b"]}),
        (["-UPa"], {"upgrade": True, "upgrade_packages": ["a"]}),
        (["--reinstall"], {"reinstall": True}),
        (["--reinstall-package", "a"], {"reinstall_packages": ["a"]}),
        (["--pre"], {"prerelease": True}),
        (["--require-hashes"], {"require_hashes": True}),
        (["--dry-run"], {"dry_run": True}),
        (["--link-mode", "symlink"], {"link_mode": "symlink"}),
        (["--require-link"], {"require_link": True}),
        (["--collisions", "error"], {"collisions": "error"}),
        (["--create"], {"create": True}),
        (["-e", "dir", "--editable", "x[y]"], {"editable": ["dir", "x[y]"]}),
        (["--no-binary", "a", "--no-binary", ":all:"], {"no_binary": ["a", ":all:"]}),
        (["--only-binary", "a,b"], {"only_binary": ["a,b"]}),
        (["--no-build-isolation"], {"no_build_isolation": True}),
        (["-Ca=1", "--config-setting", "b="], {"config_settings": ["a=1", "b="]}),
        (
            ["-b", "/dev/null"],
            {"build_constraint_files": [{"path": "/dev/null", "text": ""}]},
        ),
    ],
)
def test_every_install_option_has_its_member(
    client: Client, daemon: StartDaemon, options: list[str], members: dict[str, object]
) -> None:
    """An option of install becomes its member, and no member is sent that was not given."""
    fake = daemon(DONE)
    client("install", "a", *options)
    base = {
        "environment": f"{client.folder}/.venv",
        "directory": str(client.folder),
        "requirements": ["a"],
    }
    assert fake.body == {**base, **members}


def test_uninstall_names_its_distributions(client: Client, daemon: StartDaemon) -> None:
    """Uninstall sends the environment, the names and a dry run."""
    fake = daemon(DONE)
    client("uninstall", "-p", "other/bin/python", "a", "b", "--dry-run")
    assert fake.target == "/v1/uninstall"
    assert fake.body == {
        "environment": f"{client.folder}/other/bin/python",
        "names": ["a", "b"],
        "dry_run": True,
    }


def test_uninstall_reads_requirement_files(client: Client, daemon: StartDaemon) -> None:
    """With a file, or a word that is more than a name, uninstall sends requirements."""
    (client.folder / "old.txt").write_text("-r more.txt\n")
    (client.folder / "more.txt").write_text("a\n")
    fake = daemon(DONE)
    client("uninstall", "-r", "old.txt", "b==1")
    assert fake.body == {
        "environment": f"{client.folder}/.venv",
        "directory": str(client.folder),
        "requirements": ["b==1"],
        "requirement_files": [
            {"path": f"{client.folder}/old.txt", "text": "-r more.txt\n"},
            {"path": f"{client.folder}/more.txt", "text": "a\n"},
        ],
    }


@pytest.mark.parametrize("word", ["a[x]", "a ; x", "./a", "a-1.0-py3-none-any.whl", "a@b"])
def test_uninstall_of_more_than_a_name(client: Client, daemon: StartDaemon, word: str) -> None:
    """What is no name goes as it stands: the daemon knows what a requirement is."""
    fake = daemon(DONE)
    client("uninstall", "a.B-c_d", word)
    assert fake.body["requirements"] == ["a.B-c_d", word]


@pytest.mark.parametrize(
    ("words", "groups", "projects"),
    [
        (["--group", "dev"], None, {"pyproject.toml": ["dev"]}),
        (["--group", "dev", "--group=b"], None, {"pyproject.toml": ["dev", "b"]}),
        (["--group", "./sub/pyproject.toml:dev"], None, {"sub/pyproject.toml": ["dev"]}),
        (["-r", "pyproject.toml", "--group", "dev"], ["dev"], None),
        (
            ["-r", "pyproject.toml", "--group", "dev", "--group", "sub/pyproject.toml:b"],
            ["dev"],
            {"sub/pyproject.toml": ["b"]},
        ),
    ],
)
def test_a_group_is_of_a_project(
    client: Client,
    daemon: StartDaemon,
    words: list[str],
    groups: list[str] | None,
    projects: dict[str, list[str]] | None,
) -> None:
    """A group is of the project that is named, else of the one here; its file is read for it."""
    (client.folder / "sub").mkdir(exist_ok=True)
    for name in ("pyproject.toml", "sub/pyproject.toml"):
        (client.folder / name).write_text("[project]\n")
    fake = daemon(DONE)
    client("install", *words)
    expected = projects and [
        {"path": f"{client.folder}/{path}", "text": "[project]\n", "groups": names}
        for path, names in projects.items()
    ]
    assert fake.body.get("groups") == groups
    assert fake.body.get("dependency_groups") == expected


def test_sync_may_remove_everything(client: Client, daemon: StartDaemon) -> None:
    """That an empty file is meant is a member of the request."""
    fake = daemon(DONE)
    client("sync", "/dev/null", "--allow-empty-requirements")
    assert fake.body["allow_empty_requirements"] is True


@pytest.mark.parametrize(
    ("options", "query"),
    [
        ([], "&format=columns"),
        (["--format", "freeze"], "&format=freeze"),
        (["--format", "json"], "&format=json"),
        (["--json"], ""),
        (["-e"], "&format=columns&editable=true"),
        (["--exclude-editable"], "&format=columns&editable=false"),
        (
            ["-oiu?", "--extra-index-url", "v", "--extra-index-url", "w"],
            "&format=columns&outdated=true&index_url=u%3F&extra_index_urls=v&extra_index_urls=w",
        ),
        (["--json", "--outdated", "--no-index"], "&outdated=true&no_index=true"),
        (["--outdated", "--pre"], "&format=columns&outdated=true&prerelease=true"),
        (["--target", "/t"], "&target=/t&format=columns"),
        (["--prefix", "/p"], "&prefix=/p&format=columns"),
    ],
)
def test_list_asks_for_its_format(
    client: Client, daemon: StartDaemon, options: list[str], query: str
) -> None:
    """The environment goes percent-encoded into the query; the whole answer has none."""
    fake = daemon(document(b"{}") if "--json" in options else DONE)
    client("list", "-p", "/a b/ü&c", *options)
    assert fake.target == f"/v1/distributions?environment=/a%20b/%C3%BC%26c{query}"


@pytest.mark.parametrize(
    ("options", "sent"), [([], ""), (["-o"], "&outdated=true&index_url=https%3A//a.example.org/")]
)
def test_list_sends_index_variables_where_they_matter(
    client: Client, daemon: StartDaemon, options: list[str], sent: str
) -> None:
    """The client's index variables go along only where newer versions are looked for."""
    fake = daemon(DONE)
    client("list", *options, env={"PIP_INDEX_URL": "https://a.example.org/"})
    assert fake.target.partition("&format=columns")[2] == sent


@pytest.mark.parametrize("option", ["--target", "--prefix"])
@pytest.mark.parametrize("words", [["install", "a"], ["sync", "/dev/null"], ["uninstall", "a"]])
def test_folders_in_the_place_of_an_environment(
    client: Client, daemon: StartDaemon, words: list[str], option: str
) -> None:
    """A folder goes along with the environment for whose interpreter it is."""
    fake = daemon(DONE)
    client(*words, option, "new/../folder")
    assert fake.body["environment"] == f"{client.folder}/.venv"
    assert fake.body[option[2:]] == f"{client.folder}/folder"


def test_warm_sends_what_an_install_would(client: Client, daemon: StartDaemon) -> None:
    """What is wanted is told as for an install, with the number of copies."""
    (client.folder / "r.txt").write_text("b\n")
    fake = daemon(DONE)
    client("warm", "a", "-r", "r.txt", "--copies", "12", "--pre", "--no-deps", "-i", "u")
    assert fake.target == "/v1/warm"
    assert fake.body == {
        "environment": f"{client.folder}/.venv",
        "directory": str(client.folder),
        "requirements": ["a"],
        "requirement_files": [{"path": f"{client.folder}/r.txt", "text": "b\n"}],
        "prerelease": True,
        "no_deps": True,
        "index_url": "u",
        "copies": 12,
    }


@pytest.mark.parametrize("command", [["install", "a", "-t", "x"], ["warm", "a"]])
@pytest.mark.parametrize(("options", "name"), [([], "python3"), (["-p", "3.12"], "python3.12")])
def test_the_interpreter_without_an_environment(
    client: Client, daemon: StartDaemon, command: list[str], options: list[str], name: str
) -> None:
    """Without an environment a folder, and what is staged ahead, is for ``python3``, or for the
    version that -p names."""
    (client.folder / ".venv").rmdir()
    programs = client.folder / "programs"
    programs.mkdir()
    (programs / name).touch(0o755)
    fake = daemon(DONE)
    client(*command, *options, env={"PATH": str(programs)})
    assert fake.body["environment"] == f"{programs}/{name}"


def test_venv_names_folder_interpreter_and_prompt(client: Client, daemon: StartDaemon) -> None:
    """Venv sends absolute paths: the daemon has another current folder."""
    fake = daemon(DONE)
    client("venv", "new", "--python", "./py/bin/python", "--prompt", "it's")
    assert fake.target == "/v1/venv"
    assert fake.body == {
        "path": f"{client.folder}/new",
        "python": f"{client.folder}/py/bin/python",
        "prompt": "it's",
    }


def test_shutdown_is_a_post(client: Client, daemon: StartDaemon) -> None:
    """Shutdown changes something and so is a POST, with an empty object."""
    fake = daemon(DONE)
    client("shutdown")
    assert fake.request.startswith(b"POST /v1/shutdown HTTP/1.0\r\n")
    assert fake.body == {}


@pytest.mark.parametrize(
    ("options", "verbosity"),
    [([], 0), (["-q"], -1), (["-qq"], -2), (["-v"], 1), (["-vv", "--verbose"], 3), (["-qv"], 0)],
)
def test_verbosity_is_counted(
    client: Client, daemon: StartDaemon, options: list[str], verbosity: int
) -> None:
    """Each -v adds one and each -q takes one away."""
    fake = daemon(DONE)
    client("status", *options)
    assert f"verbosity={verbosity}\r\n".encode() in fake.request


def test_common_options_may_come_first(client: Client, daemon: StartDaemon) -> None:
    """An option of every command may stand before the command."""
    fake = daemon(document(b"{}"))
    client("--json", "-v", "status")
    assert b"Accept: application/json\r\n" in fake.request
    assert b"verbosity=1" in fake.request


def test_after_two_dashes_everything_is_a_word(client: Client, daemon: StartDaemon) -> None:
    """What follows -- is sent as it is, even where it looks like an option."""
    fake = daemon(DONE)
    client("install", "--", "a", "--pre", "--")
    assert fake.body["requirements"] == ["a", "--pre", "--"]


@pytest.mark.parametrize("text", ["ünï", '"\\', "a\nb\t\x01", "\U0001f40d"])
def test_any_text_is_valid_json(client: Client, daemon: StartDaemon, text: str) -> None:
    """Text arrives as it was given, whatever is in it."""
    fake = daemon(DONE)
    client("install", text)
    assert fake.body["requirements"] == [text]
    assert json.loads(fake.request.partition(b"\r\n\r\n")[2].decode("ascii"))


def test_bytes_that_are_no_text_are_refused(client: Client, daemon: StartDaemon) -> None:
    """An argument that is not UTF-8 is refused by the client, in words."""
    fake = daemon(DONE)
    result = client("install", "caf\udce9")
    assert result.returncode == 1
    assert result.stderr == b"linkd: 'caf\\udce9' is not UTF-8, and linkd takes nothing else\n"
    assert fake.requests == []
