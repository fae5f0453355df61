from collections.abc import Sequence

import pytest
from packaging.direct_url import ArchiveInfo, DirectUrl
from packaging.utils import canonicalize_name
from packaging.version import Version

from linkd.core.installed import InstalledDistribution
from linkd.resolve.requirement import Asked
from linkd.resolve.resolver import ResolveRequest
from linkd.resolve.satisfied import Reading, satisfying

from .world import INTERPRETER, ask

URL = "https://example.org/lib-1.0-py3-none-any.whl"


class Environment:
    """What is installed, with its metadata."""

    def __init__(self) -> None:
        self.installed: dict[str, InstalledDistribution] = {}
        self.raw: dict[str, bytes] = {}

    def add(
        self, name: str, version: str, *requires: str, direct_url: DirectUrl | None = None
    ) -> None:
        self.installed[name] = InstalledDistribution(
            name=canonicalize_name(name),
            version=Version(version),
            location="/site-packages",
            dist_info=f"{name}-{version}.dist-info",
            direct_url=direct_url,
        )
        lines = [f"Name: {name}", f"Version: {version}"]
        lines += [f"Requires-Dist: {each}" for each in requires]
        self.raw[name] = "\n".join(lines).encode()

    def satisfies(
        self,
        asked: Sequence[Asked],
        *,
        constraints: Sequence[Asked] = (),
        no_deps: bool = False,
        upgrade: bool | frozenset[str] = False,
        require_hashes: bool = False,
    ) -> bool:
        request = ResolveRequest(
            requirements=tuple(asked),
            constraints=tuple(constraints),
            no_deps=no_deps,
            upgrade=upgrade
            if isinstance(upgrade, bool)
            else frozenset(map(canonicalize_name, upgrade)),
            require_hashes=require_hashes,
        )
        reading = Reading(
            metadata=lambda present: self.raw[present.name], details=lambda present: present
        )
        installed = {canonicalize_name(name): each for name, each in self.installed.items()}
        return satisfying(request, installed, reading, INTERPRETER) is not None


@pytest.fixture
def environment() -> Environment:
    environment = Environment()
    environment.add("app", "1.0", "lib>=1", "win; os_name == 'nt'", "extra-dep; extra == 'x'")
    environment.add("lib", "1.0", "app")
    return environment


def test_satisfied(environment: Environment) -> None:
    """What is asked and all that it needs at this target is there."""
    assert environment.satisfies(ask("app>=1", "lib", "nope; os_name == 'nt'"))


@pytest.mark.parametrize("text", ["app>1", "nope", "app[x]", f"lib @ {URL}"])
def test_not_satisfied(environment: Environment, text: str) -> None:
    """A wrong version, a missing project, an extra's need or another origin is not."""
    assert not environment.satisfies(ask(text))


def test_dependency_missing(environment: Environment) -> None:
    """What is needed by what is needed counts, unless dependencies are left out."""
    environment.add("lib", "1.0", "deep")

    assert not environment.satisfies(ask("app"))
    assert environment.satisfies(ask("app"), no_deps=True)


def test_dependency_wrong(environment: Environment) -> None:
    """A dependency's version counts."""
    environment.add("lib", "0.9")

    assert not environment.satisfies(ask("app"))


def test_constraints(environment: Environment) -> None:
    """Constraints count for what is wanted, and for nothing else."""
    assert environment.satisfies(ask("app"), constraints=ask("nope==1", "lib<2"))
    assert not environment.satisfies(ask("app"), constraints=ask("lib>1"))


def test_upgrade(environment: Environment) -> None:
    """An upgrade has to ask the index."""
    assert not environment.satisfies(ask("app"), upgrade=True)
    assert not environment.satisfies(ask("app"), upgrade=frozenset({"lib"}))
    assert environment.satisfies(ask("app"), upgrade=frozenset({"other"}))


def test_hashes(environment: Environment) -> None:
    """Required hashes are not proven by what is installed."""
    assert not environment.satisfies(ask("app"), require_hashes=True)


def test_direct_url(environment: Environment) -> None:
    """A URL is satisfied by what was installed from it, from the same bytes."""
    environment.add(
        "lib",
        "1.0",
        direct_url=DirectUrl(url=URL, archive_info=ArchiveInfo(hashes={"sha256": "a" * 64})),
    )
    credentials = URL.replace("://", "://user:secret@")

    assert environment.satisfies(ask(f"lib @ {URL}"))
    assert environment.satisfies(ask(f"lib @ {credentials}"))
    assert environment.satisfies(ask(f"{URL}#sha256={'a' * 64}"))
    assert not environment.satisfies(ask(f"{URL}#sha256={'b' * 64}"))
    assert environment.satisfies(ask("lib"))
