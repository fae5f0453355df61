import asyncio
import threading
from dataclasses import replace

import msgspec
import pytest
from packaging.direct_url import DirectUrl
from packaging.utils import canonicalize_name

from linkd.core.source import Built
from linkd.core.wheel import DistFile
from linkd.errors import (
    BrokenWheel,
    HashMismatch,
    NoCompatibleWheel,
    ProjectNotFound,
    ResolutionLimit,
    UnhashedRequirement,
    Unsolvable,
)
from linkd.resolve.resolver import Resolver, ResolveRequest
from linkd.resolve.solver import Limits

from .world import INTERPRETER, Options, World, ask, resolve, sha256, versions


@pytest.fixture
def world() -> World:
    return World()


class TestChoice:
    async def test_newest(self, world: World) -> None:
        """Without anything against it the newest release is chosen, and its dependencies."""
        world.add("app", "1.0", "lib>=1")
        world.add("app", "1.10", "lib>=1")
        world.add("app", "1.9", "lib>=1")
        world.add("lib", "2.0")

        assert await versions(world, "app") == {"app": "1.10", "lib": "2.0"}

    async def test_requested(self, world: World) -> None:
        """Only what the request names is marked as requested, and pins are sorted by name."""
        world.add("zoo", "1.0", "app")
        world.add("app", "1.0")

        resolution = await resolve(world, ask("zoo"))

        assert [(pin.name, pin.requested) for pin in resolution.pins] == [
            ("app", False),
            ("zoo", True),
        ]

    async def test_best_tag(self, world: World) -> None:
        """Of a version's wheels the best fitting is taken, then that with the highest build."""
        world.add("app", "1.0")
        world.add("app", "1.0", tags="cp312-cp312-linux_x86_64", build="2")
        world.add("app", "1.0", tags="cp312-cp312-linux_x86_64", build="10")
        world.add("app", "1.0", tags="cp312-cp312-win_amd64", build="99")

        (pin,) = (await resolve(world, ask("app"))).pins

        assert pin.file.filename == "app-1.0-10-cp312-cp312-linux_x86_64.whl"

    async def test_backtracking(self, world: World) -> None:
        """A release whose dependencies clash gives way to an older one."""
        for minor in range(20):
            world.add("app", f"1.{minor}", f"lib=={minor}.0")
            world.add("lib", f"{minor}.0")

        assert await versions(world, "app", "lib<4") == {"app": "1.3", "lib": "3.0"}

    async def test_deep_chain(self, world: World) -> None:
        """A chain of hundreds of distributions is followed to its end."""
        for number in range(400):
            world.add(f"p{number}", "1.0", f"p{number + 1}")
        world.add("p400", "1.0")

        assert len(await versions(world, "p0")) == 401

    async def test_cycle(self, world: World) -> None:
        """Distributions may need each other."""
        world.add("a", "1.0", "b")
        world.add("b", "1.0", "a")

        assert await versions(world, "a") == {"a": "1.0", "b": "1.0"}

    async def test_no_deps(self, world: World) -> None:
        """With no_deps nothing is pinned but what the request names."""
        world.add("app", "1.0", "lib", "more; extra == 'x'", extras=["x"])

        assert await versions(world, "app[x]", options=Options(no_deps=True)) == {"app": "1.0"}

    async def test_nothing_asked(self, world: World) -> None:
        """A request for nothing is answered with nothing."""
        assert await versions(world) == {}


class TestMarkersAndExtras:
    async def test_markers(self, world: World) -> None:
        """Requirements whose marker does not hold are left out, the request's own included."""
        world.add("app", "1.0", "lib; python_version < '3'", "posix; os_name == 'posix'")
        world.add("posix", "1.0")

        found = await versions(world, "app", "other; sys_platform == 'win32'")

        assert found == {"app": "1.0", "posix": "1.0"}

    async def test_extras(self, world: World) -> None:
        """An extra adds its dependencies, and none of the others."""
        world.add(
            "app", "1.0", "fast; extra == 'Speed_Up'", "slow; extra == 'y'", extras=["speed-up"]
        )
        world.add("fast", "1.0")

        assert await versions(world, "app[speed.up]") == {"app": "1.0", "fast": "1.0"}

    async def test_extras_in_loops(self, world: World) -> None:
        """Extras that name each other, and themselves, come to an end."""
        world.add(
            "app",
            "1.0",
            "app[b]; extra == 'a'",
            "app[a,c]; extra == 'b'",
            "lib[x]; extra == 'c'",
            extras=["a", "b", "c"],
        )
        world.add("lib", "1.0", "app[a]; extra == 'x'", "deep; extra == 'x'", extras=["x"])
        world.add("deep", "1.0")

        assert await versions(world, "app[a]") == {"app": "1.0", "lib": "1.0", "deep": "1.0"}

    async def test_extra_keeps_version(self, world: World) -> None:
        """An extra and its distribution always have the same version."""
        world.add("app", "1.0", "lib<2; extra == 'x'", extras=["x"])
        world.add("app", "2.0", "lib<1; extra == 'x'", extras=["x"])
        world.add("lib", "1.0")

        assert await versions(world, "app[x]") == {"app": "1.0", "lib": "1.0"}

    async def test_missing_extra(self, world: World) -> None:
        """An extra that there is not is left out with a warning."""
        world.add("app", "1.0")

        resolution = await resolve(world, ask("app[nope]"))

        assert resolution.warnings == ("app 1.0 has no extra 'nope'",)


class TestPrereleases:
    async def test_not_by_default(self, world: World) -> None:
        """A pre-release is not chosen while there is a final release."""
        world.add("app", "1.0")
        world.add("app", "2.0rc1")

        assert await versions(world, "app") == {"app": "1.0"}

    async def test_nothing_else(self, world: World) -> None:
        """Where there are only pre-releases, they are chosen."""
        world.add("app", "2.0rc1")

        assert await versions(world, "app") == {"app": "2.0rc1"}

    async def test_mentioned(self, world: World) -> None:
        """A specifier of the request that mentions a pre-release admits them for its project."""
        world.add("app", "1.0", "lib")
        world.add("app", "2.0rc1", "lib")
        world.add("lib", "1.0")
        world.add("lib", "2.0rc1")

        assert await versions(world, "app>=1.0.dev0") == {"app": "2.0rc1", "lib": "1.0"}

    async def test_option(self, world: World) -> None:
        """--pre admits them everywhere."""
        world.add("app", "1.0", "lib")
        world.add("lib", "1.0")
        world.add("lib", "2.0rc1")

        found = await versions(world, "app", options=Options(prerelease=True))

        assert found == {"app": "1.0", "lib": "2.0rc1"}

    async def test_pinned_by_distribution(self, world: World) -> None:
        """A distribution that pins a pre-release gets it, and nobody else by that."""
        world.add("app", "1.0", "lib==2.0rc1")
        world.add("lib", "1.0")
        world.add("lib", "2.0rc1")
        world.add("lib", "3.0rc1")

        assert await versions(world, "app") == {"app": "1.0", "lib": "2.0rc1"}
        assert await versions(world, "lib") == {"lib": "1.0"}

    async def test_grant_does_not_leak(self, world: World) -> None:
        """A pre-release pinned by a release that is not chosen in the end is not chosen either."""
        world.add("app", "2.0", "lib==2.0rc1", "missing")
        world.add("app", "1.0", "lib")
        world.add("lib", "1.0")
        world.add("lib", "2.0rc1")

        assert await versions(world, "app") == {"app": "1.0", "lib": "1.0"}

    async def test_mentioned_by_distribution(self, world: World) -> None:
        """A distribution that can only be satisfied by a pre-release it mentions gets it."""
        world.add("app", "1.0", "lib>=2.0rc1")
        world.add("lib", "1.0")
        world.add("lib", "2.0rc1")

        assert await versions(world, "app") == {"app": "1.0", "lib": "2.0rc1"}


class TestYanked:
    async def test_passed_over(self, world: World) -> None:
        """A yanked release is passed over."""
        world.add("app", "1.0")
        world.add("app", "2.0", yanked="broken")

        assert await versions(world, "app>=1") == {"app": "1.0"}

    async def test_pinned(self, world: World) -> None:
        """An exact pin admits a yanked release, with a warning."""
        world.add("app", "1.0")
        world.add("app", "2.0", yanked="broken")

        resolution = await resolve(world, ask("app==2.0"))

        assert [str(pin.version) for pin in resolution.pins] == ["2.0"]
        assert resolution.warnings == ("app 2.0 is yanked: broken",)

    async def test_pinned_by_distribution(self, world: World) -> None:
        """So does the pin of a distribution."""
        world.add("app", "1.0", "lib==2.0")
        world.add("lib", "1.0")
        world.add("lib", "2.0", yanked=True)

        assert await versions(world, "app") == {"app": "1.0", "lib": "2.0"}

    async def test_nothing_else(self, world: World) -> None:
        """A range admits no yanked release, though there is nothing else; the reason is told."""
        world.add("app", "2.0", yanked="broken")

        with pytest.raises(Unsolvable) as caught:
            await versions(world, "app>=1")

        assert "app 2.0 is yanked (broken)" in caught.value.explanation


class TestConstraints:
    async def test_only_if_wanted(self, world: World) -> None:
        """A constraint narrows what is wanted otherwise and brings nothing by itself."""
        world.add("app", "1.0", "lib")
        world.add("lib", "1.0")
        world.add("lib", "2.0")
        options = Options(constraints=ask("lib<2", "other==1"))

        assert await versions(world, "app", options=options) == {"app": "1.0", "lib": "1.0"}

    async def test_url(self, world: World) -> None:
        """A constraint may name a URL, which is then the only candidate."""
        world.add("app", "1.0", "lib")
        world.add("lib", "2.0")
        wheel = world.add("lib", "1.5", listed=False)
        options = Options(constraints=ask(f"lib @ {wheel.url}"))

        resolution = await resolve(world, ask("app"), options)

        assert wheel.url == resolution.pins[1].file.url
        assert resolution.pins[1].direct_url is not None

    async def test_named_in_conflict(self, world: World) -> None:
        """A constraint that makes a set unsolvable is named with its origin."""
        world.add("app", "1.0", "lib>=2")
        world.add("lib", "1.0")
        world.add("lib", "2.0")
        options = Options(constraints=ask("lib<2", origin="constraints.txt:3"))

        with pytest.raises(Unsolvable) as caught:
            await versions(world, "app", options=options)

        assert "constraint 'lib<2' (constraints.txt:3)" in caught.value.explanation
        assert "app 1.0 needs lib>=2" in caught.value.explanation


class TestUrls:
    async def test_only_candidate(self, world: World) -> None:
        """A URL is the only candidate of its project: no index is asked for it."""
        world.add("lib", "9.0")
        wheel = world.add("lib", "1.0", listed=False)
        world.add("app", "1.0", "lib>=1")

        resolution = await resolve(world, ask("app", f"lib @ {wheel.url}"))

        assert wheel.url == resolution.pins[1].file.url
        assert "lib" not in world.asked

    async def test_direct_url(self, world: World) -> None:
        """The recorded URL has the hashes that are known, and no credentials."""
        wheel = world.add("lib", "1.0", listed=False)
        digest = sha256(wheel.filename)
        url = wheel.url.replace("://", "://user:secret@")
        world.contents[url] = world.contents[wheel.url]

        (pin,) = (await resolve(world, ask(f"lib @ {url}#sha256={digest}"))).pins

        assert pin.direct_url is not None
        assert pin.direct_url.archive_info is not None
        assert wheel.url == pin.direct_url.url
        assert {"sha256": digest} == pin.direct_url.archive_info.hashes
        assert {"sha256": frozenset({digest})} == pin.required_hashes
        assert url == pin.file.url

    async def test_transitive(self, world: World) -> None:
        """A distribution may name the URL of what it needs, against what the index has."""
        wheel = world.add("lib", "1.0", listed=False)
        world.add("lib", "2.0")
        world.add("other", "1.0", "lib>=1")
        world.add("app", "1.0", f"lib @ {wheel.url}")

        resolution = await resolve(world, ask("other", "app"))

        assert {pin.name: str(pin.version) for pin in resolution.pins} == {
            "app": "1.0",
            "lib": "1.0",
            "other": "1.0",
        }
        assert wheel.url == resolution.pins[1].file.url

    async def test_two_urls(self, world: World) -> None:
        """Two URLs for one project clash, and both are named."""
        one = world.add("lib", "1.0", listed=False)
        two = world.add("lib", "2.0", listed=False)
        asked = (
            *ask(f"lib @ {one.url}", origin="a.txt:1"),
            *ask(f"lib @ {two.url}", origin="b.txt:2"),
        )

        with pytest.raises(Unsolvable) as caught:
            await resolve(world, asked)

        assert f"'lib @ {one.url}' (a.txt:1)" in caught.value.explanation
        assert f"'lib @ {two.url}' (b.txt:2)" in caught.value.explanation

    async def test_version_control(self, world: World) -> None:
        """A distribution that needs a repository of another kind cannot be had, and it says why."""
        world.add("app", "1.0", "lib @ hg+https://hg.example.org/lib")

        with pytest.raises(Unsolvable) as caught:
            await versions(world, "app")

        assert "hg repositories are not supported" in caught.value.explanation

    async def test_repository(self, world: World) -> None:
        """A distribution that needs a repository gets the wheel that was built of it."""
        wheel = world.add("lib", "3.0", listed=False)
        world.add("lib", "1.0")
        world.add("app", "1.0", "lib @ git+https://git.example.org/lib@main")
        world.builds["https://git.example.org/lib"] = Built(
            name=canonicalize_name("lib"), wheel=wheel, direct_url=DirectUrl(url="")
        )

        assert await versions(world, "app") == {"app": "1.0", "lib": "3.0"}

    async def test_unfit(self, world: World) -> None:
        """A URL of a wheel for another platform is refused as such."""
        wheel = world.add("lib", "1.0", tags="cp312-cp312-win_amd64", listed=False)

        with pytest.raises(NoCompatibleWheel) as caught:
            await versions(world, f"lib @ {wheel.url}")

        assert caught.value.available == ("cp312-cp312-win_amd64",)


class TestConflicts:
    async def test_both_origins(self, world: World) -> None:
        """A clash of two requirements names both, each with where it came from."""
        world.add("lib", "1.0")
        world.add("lib", "2.0")
        asked = (*ask("lib<2", origin="a.txt:1"), *ask("lib>=2", origin="b.txt:7"))

        with pytest.raises(Unsolvable) as caught:
            await resolve(world, asked)

        assert caught.value.explanation.splitlines() == [
            "these cannot all be had together:",
            "  'lib<2' (a.txt:1)",
            "  'lib>=2' (b.txt:7)",
        ]

    async def test_through_distributions(self, world: World) -> None:
        """A clash of distributions' needs names them and the requirements that brought them."""
        world.add("one", "1.0", "lib<2")
        world.add("two", "1.0", "lib>=2")
        world.add("lib", "1.0")
        world.add("lib", "2.0")

        with pytest.raises(Unsolvable) as caught:
            await versions(world, "one", "two")

        assert {
            "these cannot all be had together:",
            "  'one' (command line)",
            "  'two' (command line)",
            "  one 1.0 needs lib<2",
            "  two 1.0 needs lib>=2",
        } == set(caught.value.explanation.splitlines())

    async def test_varying_needs(self, world: World) -> None:
        """Needs that vary over a project's releases are told in one line."""
        for number in range(20):
            world.add("app", f"1.{number}", f"lib=={number}.0")
            world.add("lib", f"{number}.0")
        world.add("lib", "30.0")

        with pytest.raises(Unsolvable) as caught:
            await versions(world, "app", "lib>=30")

        assert caught.value.explanation.splitlines() == [
            "these cannot all be had together:",
            "  'app' (command line)",
            "  'lib>=30' (command line)",
            "  app (every version) needs lib==19.0, lib==18.0, lib==17.0, …",
        ]

    async def test_url_against_version(self, world: World) -> None:
        """A distribution's URL that clashes with a requirement by version is named as it is."""
        wheel = world.add("lib", "1.0", listed=False)
        world.add("lib", "2.0")
        world.add("app", "1.0", f"lib @ {wheel.url}")

        with pytest.raises(Unsolvable) as caught:
            await versions(world, "app", "lib>=2")

        assert caught.value.explanation.splitlines() == [
            "these cannot all be had together:",
            "  'app' (command line)",
            "  'lib>=2' (command line)",
            f"  app 1.0 needs lib @ {wheel.url}",
        ]

    async def test_no_such_version(self, world: World) -> None:
        """A version that there is not is told with those that there are."""
        world.add("lib", "1.0")
        world.add("lib", "2.0")

        with pytest.raises(Unsolvable) as caught:
            await versions(world, "lib>=9")

        assert caught.value.explanation.splitlines() == [
            "no version of lib satisfies 'lib>=9' (command line)",
            "there is lib 2.0, 1.0",
        ]

    async def test_prerelease_hint(self, world: World) -> None:
        """Where a pre-release would do that nothing admits, the option is named."""
        world.add("app", "1.0", "lib")
        world.add("lib", "1.0", "core<2")
        world.add("lib", "2.0rc1")
        world.add("core", "2.0")

        with pytest.raises(Unsolvable) as caught:
            await versions(world, "app", "core")

        assert "lib 2.0rc1 is a pre-release: --pre admits it" in caught.value.explanation

    async def test_python_hint(self, world: World) -> None:
        """Where a release wants another Python, that is told in a clash."""
        world.add("app", "1.0", "lib>=2")
        world.add("other", "1.0", "lib")
        world.add("lib", "1.0")
        world.add("lib", "2.0", requires_python=">=3.13")

        with pytest.raises(NoCompatibleWheel) as caught:
            await versions(world, "app", "other")

        assert caught.value.available == ("2.0 for Python >=3.13",)
        assert caught.value.wanted_by == "app 1.0 ('lib>=2')"

    async def test_missing_project(self, world: World) -> None:
        """A project that no source has is named with who wants it."""
        with pytest.raises(ProjectNotFound) as caught:
            await resolve(world, ask("nope>=1", origin="requirements.txt:3"))

        assert caught.value.project == "nope"
        assert caught.value.wanted_by == "'nope>=1' (requirements.txt:3)"
        assert caught.value.searched == ("https://index.example.org/simple",)

    async def test_missing_dependency(self, world: World) -> None:
        """A dependency that no source has is named with the distribution that needs it."""
        world.add("app", "1.0", "nope>=1")

        with pytest.raises(ProjectNotFound) as caught:
            await versions(world, "app")

        assert caught.value.wanted_by == "app 1.0 ('nope>=1')"

    async def test_no_wheel(self, world: World) -> None:
        """A project without a wheel that fits is told with what there is and what is wanted."""
        world.add("lib", "1.0", tags="cp310-cp310-win_amd64")
        world.add_source("lib", "2.0")

        with pytest.raises(NoCompatibleWheel) as caught:
            await versions(world, "lib", options=Options(only_binary=(":all:",)))

        assert caught.value.available == ("2.0 only as source", "1.0 for cp310-cp310-win_amd64")
        assert INTERPRETER.tags[:3] == caught.value.wanted_tags

    async def test_limit(self, world: World) -> None:
        """A solve that takes too many steps ends with the limit."""
        world.add("app", "1.0", "lib")
        world.add("lib", "1.0")
        resolver = Resolver(Limits(iterations=1))

        with pytest.raises(ResolutionLimit):
            await resolver.resolve(ResolveRequest(requirements=ask("app")), INTERPRETER, world)


class TestMetadata:
    async def test_requires_python(self, world: World) -> None:
        """Requires-Python counts, whether the page or only the wheel's own metadata has it."""
        world.add("app", "3.0", requires_python=">=3.13")
        world.add("app", "2.0", metadata_python=">=3.13")
        world.add("app", "1.0", metadata_python=">=3.8")

        assert await versions(world, "app") == {"app": "1.0"}

    async def test_invalid_requirement(self, world: World) -> None:
        """A release with an unreadable Requires-Dist is passed over, and the reason is known."""
        world.add("app", "2.0", "not a requirement !!")
        world.add("app", "1.0")

        assert await versions(world, "app") == {"app": "1.0"}
        with pytest.raises(Unsolvable) as caught:
            await versions(world, "app==2.0")
        assert "invalid Requires-Dist" in caught.value.explanation

    async def test_broken_wheel(self, world: World) -> None:
        """A release whose wheel is broken is passed over."""
        broken = world.add("app", "2.0")
        world.add("app", "1.0")
        world.contents[broken.url] = BrokenWheel(filename=broken.filename, reasons=("cut off",))

        assert await versions(world, "app") == {"app": "1.0"}

    async def test_broken_wheel_asked_for(self, world: World) -> None:
        """A wheel that the request names by its URL and that is broken is told to be broken."""
        file = world.add("app", "2.0", listed=False)
        broken = BrokenWheel(filename=file.filename, reasons=("not a zip", "cut off"))
        world.contents[file.url] = broken

        with pytest.raises(BrokenWheel) as caught:
            await versions(world, f"app @ {file.url}")

        assert broken.reasons == caught.value.reasons

    async def test_broken_wheel_asked_for_after_another_did(self, world: World) -> None:
        """What is remembered of a broken wheel does not hide that it is broken."""
        file = world.add("app", "2.0")
        world.add("app", "1.0")
        world.contents[file.url] = BrokenWheel(filename=file.filename, reasons=("cut off",))
        resolver = Resolver()

        await resolver.resolve(ResolveRequest(requirements=ask("app")), INTERPRETER, world)
        asked = ask(f"app @ {file.url}#sha256={file.sha256}")
        with pytest.raises(BrokenWheel, match="cut off"):
            await resolver.resolve(ResolveRequest(requirements=asked), INTERPRETER, world)

    async def test_broken_wheel_that_a_distribution_names(self, world: World) -> None:
        """A broken wheel at a URL that only a distribution names gives way to an older release."""
        file = world.add("lib", "1.0", listed=False)
        world.contents[file.url] = BrokenWheel(filename=file.filename, reasons=("cut off",))
        world.add("app", "2.0", f"lib @ {file.url}")
        world.add("app", "1.0")

        assert await versions(world, "app") == {"app": "1.0"}

    async def test_other_version(self, world: World) -> None:
        """A wheel whose metadata names another version is passed over."""
        wrong = world.add("app", "2.0")
        right = world.add("app", "1.0")
        world.contents[wrong.url] = world.contents[right.url]

        assert await versions(world, "app") == {"app": "1.0"}


class TestPreferred:
    async def test_kept(self, world: World) -> None:
        """What is installed is kept where it satisfies, asked for or not."""
        for name in ("app", "lib"):
            world.add(name, "1.0", *(["lib"] if name == "app" else []))
            world.add(name, "2.0", *(["lib"] if name == "app" else []))
        installed = {"app": "1.0", "lib": "1.0"}

        kept = await versions(world, "app", options=Options(installed=installed))
        one = await versions(
            world,
            "app",
            options=Options(installed=installed, upgrade=frozenset(pin.name for pin in ask("app"))),
        )
        every = await versions(world, "app", options=Options(installed=installed, upgrade=True))

        assert kept == {"app": "1.0", "lib": "1.0"}
        assert one == {"app": "2.0", "lib": "1.0"}
        assert every == {"app": "2.0", "lib": "2.0"}

    async def test_replaced(self, world: World) -> None:
        """What is installed and does not satisfy gives way."""
        world.add("app", "1.0")
        world.add("app", "2.0")

        found = await versions(world, "app>1", options=Options(installed={"app": "1.0"}))

        assert found == {"app": "2.0"}

    async def test_yanked(self, world: World) -> None:
        """What is installed stays, though it has been yanked or is a pre-release."""
        world.add("app", "1.0")
        world.add("app", "2.0rc1", yanked=True)

        found = await versions(world, "app", options=Options(installed={"app": "2.0rc1"}))

        assert found == {"app": "2.0rc1"}


class TestHashes:
    @staticmethod
    def hashed(text: str, file: DistFile) -> ResolveRequest:
        (asked,) = ask(text)
        wanted = {"sha256": frozenset({sha256(file.filename)})}
        return ResolveRequest(requirements=(replace(asked, hashes=wanted),), require_hashes=True)

    async def test_admits_one_file(self, world: World) -> None:
        """Of a version's files only those with a wanted hash are candidates."""
        world.add("app", "1.0", tags="cp312-cp312-linux_x86_64")
        wanted = world.add("app", "1.0")

        request = self.hashed("app==1.0", wanted)
        (pin,) = (await Resolver().resolve(request, INTERPRETER, world)).pins

        assert wanted.filename == pin.file.filename
        assert request.requirements[0].hashes == pin.required_hashes

    async def test_other_hash(self, world: World) -> None:
        """Where the pinned version is there but no file has a wanted hash, both hashes are told."""
        file = world.add("app", "1.0")
        world.add("app", "2.0")
        other = world.add("other", "1.0")

        with pytest.raises(HashMismatch) as caught:
            await Resolver().resolve(self.hashed("app==1.0", other), INTERPRETER, world)

        error = caught.value
        assert error.filename == file.filename
        assert (error.algorithm, error.source) == ("sha256", "command line")
        assert (error.expected, error.actual) == (sha256(other.filename), file.sha256)

    async def test_other_hash_of_several(self, world: World) -> None:
        """Where several versions would do and none has a wanted hash, it is said in words."""
        world.add("app", "1.0")
        world.add("app", "1.1")
        request = replace(self.hashed("app", world.add("other", "1.0")), require_hashes=False)

        with pytest.raises(Unsolvable) as caught:
            await Resolver().resolve(request, INTERPRETER, world)

        assert "app 1.1 has none of the required hashes" in caught.value.explanation

    async def test_unpinned(self, world: World) -> None:
        """Required hashes want exact pins and a hash for each."""
        wheel = world.add("app", "1.0")

        with pytest.raises(UnhashedRequirement, match="pinned with =="):
            await Resolver().resolve(self.hashed("app>=1", wheel), INTERPRETER, world)
        with pytest.raises(UnhashedRequirement, match="it has none"):
            await resolve(world, ask("app==1.0"), Options(require_hashes=True))

    async def test_dependency(self, world: World) -> None:
        """Required hashes hold for dependencies, too."""
        wheel = world.add("app", "1.0", "lib")
        world.add("lib", "1.0")

        with pytest.raises(Unsolvable, match=r"lib==1\.0"):
            await Resolver().resolve(self.hashed("app==1.0", wheel), INTERPRETER, world)


class TestReading:
    async def test_slow_sources(self, world: World) -> None:
        """The answer is the same where every answer takes its time, and is asked for once."""
        world.delay = 0.001
        for minor in range(10):
            world.add("app", f"1.{minor}", f"lib=={minor}.0")
            world.add("lib", f"{minor}.0")

        assert await versions(world, "app", "lib<4") == {"app": "1.3", "lib": "3.0"}
        assert len(set(world.asked)) == len(world.asked)

    async def test_failures_ahead(self, world: World) -> None:
        """What fails while reading ahead does not matter unless it is needed."""
        world.add("app", "1.0", "lib<2")
        world.add("lib", "1.0")
        world.add("lib", "2.0", "broken")
        world.failing.add("broken")

        assert await versions(world, "app", "lib") == {"app": "1.0", "lib": "1.0"}
        assert "broken" in world.asked
        with pytest.raises(RuntimeError, match="broken"):
            await versions(world, "lib")

    async def test_nothing_left_behind(self, world: World) -> None:
        """When the answer is there no task of it is left."""
        world.delay = 0.001
        world.add("app", "2.0", "slow", "lib>9")
        world.add("app", "1.0")
        world.add("lib", "1.0")
        before = asyncio.all_tasks()

        await versions(world, "app==1.0", "lib")

        assert before == asyncio.all_tasks()

    async def test_cancelled(self, world: World) -> None:
        """A resolve that is cancelled leaves neither tasks nor a thread at work."""
        world.delay = 60
        world.add("app", "1.0")
        before = asyncio.all_tasks()
        threads = set(threading.enumerate())
        resolver = Resolver()
        work = asyncio.ensure_future(
            resolver.resolve(ResolveRequest(requirements=ask("app")), INTERPRETER, world)
        )
        await asyncio.sleep(0.05)

        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

        assert before == asyncio.all_tasks()
        resolver.close()
        own = [
            thread
            for thread in set(threading.enumerate()) - threads
            if thread.name.startswith("resolve")
        ]
        for thread in own:
            thread.join(timeout=10)
        assert not [thread for thread in own if thread.is_alive()]

    async def test_warm(self, world: World) -> None:
        """What was read for one request is not read again for the next while pages stay."""
        world.add("app", "1.0", "lib")
        world.add("lib", "1.0")
        resolver = Resolver()
        request = ResolveRequest(requirements=ask("app"))
        first = await resolver.resolve(request, INTERPRETER, world)
        world.asked.clear()

        second = await resolver.resolve(request, INTERPRETER, world)

        assert first == second
        assert sorted(world.asked) == ["app", "lib"]
        resolver.close()

    async def test_claimed_hash(self, world: World) -> None:
        """A file elsewhere that claims a known hash does not take over what is remembered."""
        file = world.add("app", "1.0", "lib")
        world.add("lib", "1.0")
        other = World()
        false = other.add("app", "1.0", listed=False)
        copy = msgspec.structs.replace(false, url="https://evil.example.org/" + false.filename)
        other.contents[copy.url] = other.contents[false.url]
        other.files[canonicalize_name("app")] = [copy]
        resolver = Resolver()
        request = ResolveRequest(requirements=ask("app"))

        first = await resolver.resolve(request, INTERPRETER, other)
        second = await resolver.resolve(request, INTERPRETER, world)

        assert copy.sha256 == file.sha256
        assert (len(first.pins), len(second.pins)) == (1, 2)
        resolver.close()

    async def test_large_pages(self, world: World) -> None:
        """Pages with very many files are worked through beside the loop."""
        for number in range(500):
            world.add("app", f"{number}.0", f"lib=={number}.0")
            world.add("lib", f"{number}.0")

        assert await versions(world, "app", "lib<3") == {"app": "2.0", "lib": "2.0"}

    async def test_concurrent(self, world: World) -> None:
        """Many requests at once on one resolver get their own answers."""
        for number in range(30):
            world.add("lib", f"{number}.0")
        world.delay = 0.001
        resolver = Resolver()
        answers = await asyncio.gather(
            *(
                resolver.resolve(
                    ResolveRequest(requirements=ask(f"lib<={number}")), INTERPRETER, world
                )
                for number in range(30)
            )
        )

        assert [f"{number}.0" for number in range(30)] == [
            str(answer.pins[0].version) for answer in answers
        ]
        resolver.close()
