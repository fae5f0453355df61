"""Claims about the project itself: its packaging, its layers, its errors and its lock."""

import json
import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import linkd
import linkd_client
from linkd import errors
from linkd.errors import LinkdError

ROOT = Path(__file__).parents[1]

# Labels apart, so that this file does not name what it looks for.
REGISTRY_HOSTS = (
    ("pypi", "org"),
    ("pypi", "python", "org"),
    ("pythonhosted", "org"),
    ("pypi", "nvidia", "com"),
    ("download", "pytorch", "org"),
    ("anaconda", "org"),
    ("npmjs", "org"),
    ("npmjs", "com"),
    ("crates", "io"),
    ("proxy", "golang", "org"),
    ("rubygems", "org"),
    ("deb", "debian", "org"),
    ("docker", "io"),
    ("ghcr", "io"),
    ("quay", "io"),
)

Project = dict[str, Any]


def read_project(folder: Path) -> Project:
    return tomllib.loads((folder / "pyproject.toml").read_text())


def sources() -> list[Path]:
    """Every file that is tracked, or will be when it is added."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def locked() -> dict[str, str]:
    """Each pinned distribution's version, by its normalized name."""
    pins = re.findall(
        r"^([\w.-]+)==([^\s;]+)", (ROOT / "requirements-dev.lock").read_text(), re.MULTILINE
    )
    return {canonicalize_name(name): version for name, version in pins}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The members of each distribution's wheel, with the version left out of their paths."""
    folder = tmp_path_factory.mktemp("wheels")
    members = {}
    for project in (ROOT, ROOT / "client"):
        command = [sys.executable, "-m", "build", "--no-isolation", "--wheel"]
        subprocess.run(
            [*command, "--outdir", str(folder), str(project)], check=True, capture_output=True
        )
    for wheel in folder.iterdir():
        name, version = wheel.name.split("-")[:2]
        with zipfile.ZipFile(wheel) as archive:
            members[name] = [path.replace(f"-{version}.", ".") for path in archive.namelist()]
    return members


@pytest.mark.parametrize("module", [linkd, linkd_client], ids=lambda module: module.__name__)
def test_the_installed_package_is_tested(module: Any) -> None:
    """What the tests import is the installed wheel; the checkout only where that is editable."""
    origin = json.loads(distribution(module.__name__).read_text("direct_url.json") or "{}")
    if origin.get("dir_info", {}).get("editable"):
        expected = Path(unquote(urlsplit(origin["url"]).path))
    else:
        expected = Path(sysconfig.get_path("purelib"))
    assert Path(module.__file__).parent.parent == expected


def test_no_registry_is_named() -> None:
    """No source names the host of a public package registry."""
    names = "|".join(re.escape(".".join(labels)) for labels in REGISTRY_HOSTS)
    hosts = re.compile(rf"\b(?:{names})\b")
    named = [
        f"{path.relative_to(ROOT)}: {host}"
        for path in sources()
        for host in hosts.findall(path.read_text(errors="replace"))
    ]
    assert named == []


def drawn_errors() -> Iterator[tuple[str, str, str]]:
    """(parent, name, words beside it) of every line of the tree at the head of the package."""
    ancestors = ["LinkdError"]
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"    ([│ ]*)[├└]── (\w+) +(\S.*)", line):
            depth = len(match[1]) // 4 + 1
            ancestors[depth:] = [match[2]]
            yield ancestors[depth - 1], match[2], match[3]


def defined_errors(
    parent: type[LinkdError] = LinkdError,
) -> Iterator[tuple[type[LinkdError], type[LinkdError]]]:
    """(parent, class) of every error that the package defines."""
    for error in parent.__subclasses__():
        if error.__module__.startswith(errors.__name__):
            yield parent, error
            yield from defined_errors(error)


def test_errors_have_codes_of_their_own() -> None:
    """No two errors share a code, and each can be had from the package itself."""
    codes = [error.code for _, error in defined_errors()]
    assert sorted(codes) == sorted({*codes} - {LinkdError.code})
    assert [error for _, error in defined_errors() if not hasattr(errors, error.__name__)] == []


def test_the_tree_of_errors_is_drawn() -> None:
    """The tree at the head of the package has every error below its parent, with its code."""
    drawn = {(parent, name) for parent, name, _ in drawn_errors()}
    assert drawn == {(parent.__name__, error.__name__) for parent, error in defined_errors()}

    beside = {name: words for _, name, words in drawn_errors()}
    codes = {error.__name__: error.code for _, error in defined_errors() if not error.is_group}
    assert {name: beside[name] for name in codes} == codes


def test_versions_agree() -> None:
    """The daemon and the client have one version, and the daemon wants that client."""
    version = read_project(ROOT)["project"]["version"]
    assert read_project(ROOT / "client")["project"]["version"] == version
    assert f"linkd-client=={version}" in read_project(ROOT)["project"]["dependencies"]
    for module in (linkd, linkd_client):
        assert module.__version__ == version
        assert distribution(module.__name__).version == version


def test_the_changelog_names_the_version() -> None:
    """The changelog's newest section is that of the version in pyproject.toml."""
    headings = re.findall(r"^## \[([^]]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == read_project(ROOT)["project"]["version"]


@pytest.mark.parametrize("name", ["linkd", "linkd_client"])
def test_wheels_have_license_and_types(wheels: dict[str, list[str]], name: str) -> None:
    """A wheel says that it is typed and carries its license."""
    wanted = {f"{name}/py.typed", f"{name}.dist-info/licenses/LICENSE"}
    assert wanted - {*wheels[name]} == set()


@pytest.mark.parametrize(
    ("name", "folder"), [("linkd", "linkd"), ("linkd_client", "client/linkd_client")]
)
def test_wheels_hold_every_module(wheels: dict[str, list[str]], name: str, folder: str) -> None:
    """A wheel holds each module of its package and none of another's."""
    modules = {member for member in wheels[name] if member.endswith(".py")}
    package = ROOT / folder
    assert modules == {
        str(PurePosixPath(name, *path.relative_to(package).parts)) for path in package.rglob("*.py")
    }


def test_the_client_depends_on_nothing() -> None:
    """The client's wheel requires no other distribution."""
    assert (distribution("linkd-client").requires or []) == []


def test_layers_name_every_package() -> None:
    """Each package and module of linkd stands in the contract that has imports point down."""
    contracts = read_project(ROOT)["tool"]["importlinter"]["contracts"]
    [layers] = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    named = {name.strip() for layer in layers for name in layer.split("|")}
    present = {
        path.stem
        for path in (ROOT / "linkd").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert present - {"__init__"} - named == set()


def test_the_lock_is_current() -> None:
    """requirements-dev.lock pins every dependency at a version that pyproject.toml admits."""
    project = read_project(ROOT)
    declared = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    pins = locked()
    requirements = [Requirement(line) for line in declared if not line.startswith("linkd-client")]
    unmet = [
        str(requirement)
        for requirement in requirements
        if not requirement.specifier.contains(pins.get(canonicalize_name(requirement.name), "0"))
    ]
    assert unmet == []


def test_the_lock_says_nothing_of_where_it_was_made() -> None:
    """requirements-dev.lock holds pins and hashes: no address, no option, no path."""
    lines = (ROOT / "requirements-dev.lock").read_text().splitlines()
    known = re.compile(
        r"[\w.-]+==[^\s/]+( ; [^/]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?| *#.*|"
    )
    assert [line for line in lines if not known.fullmatch(line) or "://" in line] == []
