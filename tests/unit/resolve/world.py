"""A world of projects in memory: what the resolver's tests resolve against."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from linkd.core.formats import Formats, parse_names
from linkd.core.source import Built, Source
from linkd.core.target import Interpreter, SchemeKey
from linkd.core.wheel import DistFile, ProjectPage
from linkd.resolve.requirement import Asked, parse_requirement
from linkd.resolve.resolver import Resolution, Resolver, ResolveRequest

INTERPRETER = Interpreter(
    executable="/usr/bin/python3.12",
    implementation="cpython",
    version="3.12.1",
    cache_tag="cpython-312",
    markers={
        "implementation_name": "cpython",
        "implementation_version": "3.12.1",
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_release": "6.0",
        "platform_system": "Linux",
        "platform_version": "#1",
        "platform_python_implementation": "CPython",
        "python_full_version": "3.12.1",
        "python_version": "3.12",
        "sys_platform": "linux",
    },
    tags=("cp312-cp312-linux_x86_64", "cp312-abi3-linux_x86_64", "py3-none-any"),
    scheme={SchemeKey.PURELIB: "lib/python3.12/site-packages"},
)


def sha256(filename: str) -> str:
    """The made-up digest of a file."""
    return hashlib.sha256(filename.encode()).hexdigest()


@dataclass
class World:
    """The listings of a test: pages and metadata in memory; counts what is asked of it."""

    files: dict[NormalizedName, list[DistFile]] = field(default_factory=dict)
    contents: dict[str, bytes | Exception] = field(default_factory=dict)
    delay: float = 0.0
    """Seconds that an answer takes."""
    hashed: bool = True
    failing: set[str] = field(default_factory=set)
    """Projects whose page raises RuntimeError."""
    builds: dict[str, Built] = field(default_factory=dict)
    """By the URL of a source."""
    asked: list[str] = field(default_factory=list)
    _pages: dict[NormalizedName, ProjectPage] = field(default_factory=dict)

    def add(
        self,
        name: str,
        version: str,
        *requires: str,
        extras: Sequence[str] = (),
        tags: str = "py3-none-any",
        build: str = "",
        yanked: bool | str = False,
        requires_python: str | None = None,
        metadata_python: str | None = None,
        listed: bool = True,
    ) -> DistFile:
        """A wheel; unlisted ones are there by their URL only."""
        stem = canonicalize_name(name).replace("-", "_")
        middle = f"{version}-{build}" if build else version
        filename = f"{stem}-{middle}-{tags}.whl"
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        lines += [f"Requires-Dist: {each}" for each in requires]
        lines += [f"Provides-Extra: {each}" for each in extras]
        if metadata_python is not None:
            lines.append(f"Requires-Python: {metadata_python}")
        raw = "\n".join(lines).encode() + b"\n\nA description\n"
        file = DistFile(
            filename=filename,
            url=f"https://files.example.org/{filename}",
            hashes={"sha256": sha256(filename)} if self.hashed else {},
            requires_python=requires_python,
            yanked=yanked,
        )
        self.contents[file.url] = raw
        if listed:
            self.files.setdefault(canonicalize_name(name), []).append(file)
        return file

    def add_source(self, name: str, version: str, *requires: str) -> None:
        filename = f"{name}-{version}.tar.gz"
        file = DistFile(filename=filename, url=f"https://files.example.org/{filename}")
        lines = ["Metadata-Version: 2.2", f"Name: {name}", f"Version: {version}"]
        lines += [f"Requires-Dist: {each}" for each in requires]
        self.contents[file.url] = "\n".join([*lines, ""]).encode()
        self.files.setdefault(canonicalize_name(name), []).append(file)

    async def built(
        self,
        source: Source,
        hashes: Mapping[str, frozenset[str]],
        name: NormalizedName | None,
        /,
    ) -> Built:
        """What `builds` has for its URL."""
        del hashes, name
        self.asked.append(source.url)
        return self.builds[source.url]

    async def project(self, name: NormalizedName, /) -> ProjectPage:
        self.asked.append(name)
        if self.delay:
            await asyncio.sleep(self.delay)
        if name in self.failing:
            raise RuntimeError(name)
        page = self._pages.get(name)
        if page is None:
            page = self._pages[name] = ProjectPage(
                name=name,
                files=tuple(self.files.get(name, ())),
                searched=("https://index.example.org/simple",),
            )
        return page

    async def metadata(
        self, file: DistFile, required: Mapping[str, frozenset[str]] | None = None, /
    ) -> bytes:
        del required
        self.asked.append(file.filename)
        if self.delay:
            await asyncio.sleep(self.delay)
        content = self.contents[file.url.partition("#")[0]]
        if isinstance(content, Exception):
            raise content
        return content


def ask(*texts: str, origin: str = "command line") -> tuple[Asked, ...]:
    return tuple(parse_requirement(text, origin=origin, directory="/") for text in texts)


@dataclass(frozen=True)
class Options:
    """The rest of a request."""

    constraints: tuple[Asked, ...] = ()
    no_deps: bool = False
    prerelease: bool = False
    upgrade: bool | frozenset[NormalizedName] = False
    require_hashes: bool = False
    no_binary: Sequence[str] = ()
    only_binary: Sequence[str] = ()
    installed: Mapping[str, str] = field(default_factory=dict)


async def resolve(
    world: World, asked: Sequence[Asked], options: Options | None = None
) -> Resolution:
    options = options or Options()
    request = ResolveRequest(
        requirements=tuple(asked),
        constraints=options.constraints,
        no_deps=options.no_deps,
        prerelease=options.prerelease,
        upgrade=options.upgrade,
        require_hashes=options.require_hashes,
        formats=Formats(
            no_binary=parse_names(options.no_binary), only_binary=parse_names(options.only_binary)
        ),
        preferred={
            canonicalize_name(name): Version(version) for name, version in options.installed.items()
        },
    )
    resolver = Resolver()
    try:
        return await resolver.resolve(request, INTERPRETER, world)
    finally:
        resolver.close()


async def versions(world: World, *texts: str, options: Options | None = None) -> dict[str, str]:
    """What comes of requirements: versions by name."""
    resolution = await resolve(world, ask(*texts), options)
    return {pin.name: str(pin.version) for pin in resolution.pins}
