"""Choosing: which version and which wheel of it."""

from typing import Final

from tests.conformance.behaviour import Behaviour, Chapter, install
from tests.conformance.state import Has, Holds, Says
from tests.differential.oddities import wheel
from tests.support.sources import Project

_NEVER: Final = ">=4"
_PRE: Final = (wheel("a"), wheel("a", "2.0b1"), wheel("needs", requires=["a>=2.0b1"]))

CHOOSING: Final = Chapter(
    title="Choosing a version and a wheel",
    words="The newest version that fits, and the most specific wheel of it.",
    behaviours=(
        Behaviour(
            claim="the newest version",
            wheels=(wheel("a", "1.9"), wheel("a", "1.10"), wheel("a", "1.2")),
            steps=(install("a"),),
            linkd="a 1.10",
        ),
        Behaviour(
            claim="a pre-release is passed over",
            wheels=_PRE,
            steps=(install("a"),),
            linkd="a 1.0",
            after=("uv pip_install_scenarios::package_only_prereleases_in_range",),
        ),
        Behaviour(
            claim="a pre-release is taken where there is nothing else",
            wheels=(wheel("a", "1.0a1"),),
            steps=(install("a"),),
            linkd="a 1.0a1",
            after=("uv pip_install_scenarios::package_only_prereleases",),
        ),
        Behaviour(
            claim="no final version is in the range",
            wheels=(wheel("a"), wheel("a", "2.0rc1")),
            steps=(install("a>1.0"),),
            linkd="a 2.0rc1",
            after=("uv pip_install_scenarios::package_only_prereleases_in_range",),
        ),
        Behaviour(
            claim="`--pre` takes pre-releases",
            wheels=_PRE,
            steps=(install("--pre", "a"),),
            linkd="a 2.0b1",
        ),
        Behaviour(
            claim="a specifier that names a pre-release admits it",
            wheels=_PRE,
            steps=(install("a>=2.0b1"),),
            linkd="a 2.0b1",
        ),
        Behaviour(
            claim="a dependency's specifier that names a pre-release admits it",
            wheels=_PRE,
            steps=(install("needs"),),
            linkd="a 2.0b1, needs 1.0",
            after=("uv pip_install_scenarios::transitive_package_only_prereleases",),
        ),
        Behaviour(
            claim="a local version is newer than the same without",
            wheels=(wheel("a"), wheel("a", "1.0+cpu")),
            steps=(install("a==1.0"),),
            linkd="a 1.0+cpu",
            after=("uv pip_install_scenarios::local_simple",),
        ),
        Behaviour(
            claim="`===` compares text",
            wheels=(wheel("a"), wheel("a", "1.0.0.post1")),
            steps=(install("a===1.0"),),
            linkd="a 1.0",
        ),
        Behaviour(
            claim="an epoch counts first",
            wheels=(wheel("a", "2026.1"), wheel("a", "1!1.0")),
            steps=(install("a"),),
            linkd="a 1!1.0",
        ),
        Behaviour(
            claim="a post-release is no match of `>` its release",
            wheels=(wheel("a"), wheel("a", "1.0.post1")),
            steps=(install("a>1.0"),),
            linkd="refused",
        ),
        Behaviour(
            claim="a version for another Python is passed over",
            wheels=(wheel("a"), wheel("a", "2.0", requires_python=_NEVER)),
            steps=(install("a"),),
            linkd="a 1.0",
        ),
        Behaviour(
            claim="a wheel for another Python is refused where only it was named",
            wheels=(wheel("a", requires_python=_NEVER),),
            steps=(install("a"),),
            linkd="refused",
        ),
        Behaviour(
            claim="a wheel for another platform is passed over, for an older version",
            wheels=(wheel("a"), wheel("a", "2.0", tag="cp27-none-win32")),
            steps=(install("a"),),
            linkd="a 1.0",
            after=("uv pip_install_scenarios::no_wheels_with_matching_platform",),
        ),
        Behaviour(
            claim="only wheels for other platforms",
            wheels=(wheel("a", tag="cp27-none-win32"),),
            steps=(install("a"),),
            linkd="refused",
            after=("uv pip_sync::incompatible_platform_direct_url",),
        ),
        Behaviour(
            claim="of several wheels the most specific",
            wheels=(
                wheel("a", files={"a.txt": "any"}),
                wheel("a", files={"a.txt": "linux"}, tag="py3-none-linux_x86_64"),
            ),
            steps=(install("a"),),
            looks=(Holds("site/a.txt"),),
            linkd="a 1.0; `site/a.txt` has `linux`",
        ),
        Behaviour(
            claim="of builds of a version the highest",
            wheels=(
                wheel("a", files={"a.txt": "first"}, build="1"),
                wheel("a", files={"a.txt": "tenth"}, build="10"),
                wheel("a", files={"a.txt": "second"}, build="2"),
            ),
            steps=(install("a"),),
            looks=(Holds("site/a.txt"),),
            linkd="a 1.0; `site/a.txt` has `tenth`",
        ),
        Behaviour(
            claim="a yanked version is passed over",
            wheels=(wheel("a"), wheel("a", "2.0")),
            index={"yanked": {"a-2.0-py3-none-any.whl": "broken"}},
            steps=(install("a"),),
            linkd="a 1.0",
            after=("uv pip_install_scenarios::package_only_yanked_in_range",),
        ),
        Behaviour(
            claim="a yanked version is taken where `==` names it",
            wheels=(wheel("a"), wheel("a", "2.0")),
            index={"yanked": {"a-2.0-py3-none-any.whl": "broken"}},
            steps=(install("a==2.0"),),
            looks=(Says("yanked"),),
            linkd="a 2.0; says “yanked”",
            after=("uv pip_sync::warn_on_yanked",),
        ),
        Behaviour(
            claim="only yanked versions are in the range",
            wheels=(wheel("a"), wheel("a", "2.0")),
            index={"yanked": {"a-2.0-py3-none-any.whl": "broken"}},
            steps=(install("a>1"),),
            linkd="refused",
            after=("uv pip_install_scenarios::package_only_yanked_in_range",),
        ),
        Behaviour(
            claim="a project that nobody has",
            wheels=(wheel("a"),),
            index={},
            steps=(install("ghost"),),
            looks=(Says("ghost"),),
            linkd="refused; says “ghost”",
            after=("uv pip_install::no_solution",),
        ),
        Behaviour(
            claim="a dependency that nobody has leaves all out",
            wheels=(wheel("a", requires=["ghost"]),),
            steps=(install("a"),),
            linkd="refused",
        ),
        Behaviour(
            claim="an older version is taken where the newest cannot be",
            wheels=(
                wheel("a", requires=["b<2"]),
                wheel("a", "2.0", requires=["b>=3"]),
                wheel("b"),
                wheel("b", "2.0"),
            ),
            steps=(install("a", "b"),),
            linkd="a 1.0, b 1.0",
        ),
        Behaviour(
            claim="requirements that clash through dependencies",
            wheels=(
                wheel("a", requires=["c<2"]),
                wheel("b", requires=["c>=2"]),
                wheel("c"),
                wheel("c", "2.0"),
            ),
            steps=(install("a", "b"),),
            linkd="refused",
            after=("uv pip_install::no_solution",),
        ),
        Behaviour(
            claim="projects that need each other",
            wheels=(wheel("a", requires=["b"]), wheel("b", requires=["a"])),
            steps=(install("a"),),
            linkd="a 1.0, b 1.0",
        ),
        Behaviour(
            claim="`--no-deps` leaves dependencies out",
            wheels=(wheel("a", requires=["b"]), wheel("b")),
            steps=(install("--no-deps", "a"),),
            linkd="a 1.0",
            after=("pip test_install_wheel.py::test_install_from_wheel_no_deps",),
        ),
        Behaviour(
            claim="names are compared as PEP 503 has them",
            wheels=(wheel("Some.Name"),),
            steps=(install("some_NAME"),),
            linkd="some-name 1.0",
        ),
        Behaviour(
            claim="a local `--find-links` and an index count together",
            wheels=(wheel("a"),),
            index={},
            files={"more/README": ""},
            steps=(install("-f", "{here}/wheels", "a"),),
            linkd="a 1.0",
            after=("uv pip_sync::find_links",),
        ),
        Behaviour(
            claim="`--no-index` without a place to look",
            steps=(install("--no-index", "a", found=False),),
            linkd="refused",
            after=("uv pip_sync::install_no_index",),
        ),
        Behaviour(
            claim="a page of links instead of an index",
            wheels=(wheel("a"),),
            index={},
            steps=(install("--no-index", "-f", "{links}", "a", found=False),),
            linkd="a 1.0",
        ),
        Behaviour(
            claim="a folder of links that is not there",
            wheels=(wheel("a"),),
            steps=(install("-f", "none", "a"),),
            linkd="refused",
            why="As with uv; pip goes on without a word of it.",
        ),
        Behaviour(
            claim="what is not a wheel's name is passed over",
            wheels=(wheel("a"),),
            files={
                "wheels/a-2.0-py3.whl": "",
                "wheels/notes.txt": "",
                "wheels/a-x.y-py3-none-any.whl": "",
            },
            steps=(install("a"),),
            linkd="a 1.0",
            after=("pip test_index_invalid_wheels.py",),
        ),
        Behaviour(
            claim="`PIP_INDEX_URL` is heard",
            wheels=(wheel("a"),),
            index={},
            steps=(
                install("a", found=False, env={"PIP_INDEX_URL": "{url}", "UV_INDEX_URL": "{url}"}),
            ),
            linkd="a 1.0",
        ),
        Behaviour(
            claim="`--only-binary :all:` takes wheels",
            wheels=(wheel("a"),),
            steps=(install("--only-binary", ":all:", "a"),),
            linkd="a 1.0",
            after=("uv pip_install::only_binary_requirements_txt",),
        ),
        Behaviour(
            claim="`--no-binary` refuses the wheel where there is no source",
            wheels=(wheel("a"),),
            steps=(install("--no-binary", "a", "a"),),
            linkd="refused",
            after=("uv pip_install::install_no_binary",),
        ),
        Behaviour(
            claim="an index that is a folder of pages",
            wheels=(wheel("a"),),
            files={
                "simple/a/index.html": '<a href="../../wheels/a-1.0-py3-none-any.whl">'
                "a-1.0-py3-none-any.whl</a>"
            },
            steps=(install("-i", "file://{here}/simple", "a", found=False),),
            linkd="a 1.0",
            after=("uv pip_install::local_index_absolute",),
        ),
        Behaviour(
            claim="`--only-binary :all:` and `--no-binary` of one",
            wheels=(wheel("a"), wheel("b")),
            sdists=(Project(name="a"),),
            steps=(install("--only-binary", ":all:", "--no-binary", "a", "a", "b"),),
            looks=(Has("site/a"),),
            linkd="a 1.0, b 1.0; no `site/a`",
            after=("uv pip_install::install_no_binary_overrides_only_binary_all",),
        ),
        Behaviour(
            claim="several names behind `--no-binary`, with commas",
            wheels=(wheel("a"), wheel("b")),
            sdists=(Project(name="a"), Project(name="b")),
            steps=(install("--no-binary=a,b", "a", "b"),),
            looks=(Has("site/a"), Has("site/b")),
            linkd="a 1.0, b 1.0; no `site/a`; no `site/b`",
            after=("uv pip_install::install_no_binary_comma_separated",),
        ),
    ),
)
