"""Exit codes, dry runs, and environments that are none."""

from typing import Final

from tests.conformance.behaviour import Behaviour, Chapter, install, same, uninstall
from tests.conformance.state import Exit, Has, Says
from tests.differential.oddities import wheel

_A: Final = (wheel("a"),)
_USAGE: Final = (
    "What is wrong with the command line or a file that it names ends with 2, what cannot be done "
    "with 1; pip knows 2 for unknown options only, uv has 1 for what cannot be resolved."
)

EXITS: Final = Chapter(
    title="Exit codes and dry runs",
    words="0 done, 1 refused or failed and the environment as before, 2 wrong usage, 3 no daemon.",
    behaviours=(
        Behaviour(
            claim="nothing to do is success",
            wheels=_A,
            steps=(install("a"), install("a")),
            looks=(Exit(),),
            linkd="a 1.0; exit 0",
        ),
        Behaviour(
            claim="exit code: what cannot be resolved",
            wheels=_A,
            steps=(install("a==7"),),
            looks=(Exit(),),
            linkd="refused; exit 1",
            after=("uv pip_install::no_solution",),
        ),
        Behaviour(
            claim="exit code: an option that is not known",
            wheels=_A,
            steps=(install("--upgarde", "a"),),
            looks=(Exit(), Says("--upgrade")),
            linkd="refused; exit 2; says “--upgrade”",
            why="pip does not say which option may be meant.",
        ),
        Behaviour(
            claim="exit code: nothing is named",
            steps=(install(),),
            looks=(Exit(),),
            linkd="refused; exit 2",
            why="2 is for what is wrong with the command, as with uv; pip knows 2 for options only.",
        ),
        Behaviour(
            claim="exit code: what is no requirement",
            steps=(install("a=="),),
            looks=(Exit(),),
            linkd="refused; exit 2",
            why="2 is for what is wrong with the command, as with uv; pip knows 2 for options only.",
        ),
        Behaviour(
            claim="exit code: a requirement file that is missing",
            steps=(install("-r", "none.txt"),),
            looks=(Exit(),),
            linkd="refused; exit 1",
            why="It could be right tomorrow; to uv it is wrong usage.",
            after=("uv pip_install::missing_requirements_txt",),
        ),
        Behaviour(
            claim="exit code: a wheel that is broken",
            wheels=(wheel("a", data={"unknown/x": ""}),),
            steps=(install("a"),),
            looks=(Exit(),),
            linkd="refused; exit 1",
            why="linkd refuses before it touches anything; the others have removed or installed when they notice.",
        ),
        Behaviour(
            claim="exit code: uninstalling what is not installed",
            steps=(uninstall("ghost"),),
            looks=(Exit(),),
            linkd="refused; exit 1",
            why="A command that did nothing of what it was asked fails; where one of several is there, it goes on.",
        ),
        Behaviour(
            claim="`--dry-run` installs nothing",
            wheels=_A,
            steps=(install("--dry-run", "a"),),
            looks=(Exit(), Has("site/a"), Says("1.0")),
            linkd="nothing; exit 0; no `site/a`; says “1.0”",
            after=("uv pip_install::dry_run_install",),
        ),
        Behaviour(
            claim="`--dry-run` of an upgrade",
            wheels=(*_A, wheel("a", "2.0")),
            steps=(install("a==1.0"), install("--dry-run", "-U", "a")),
            looks=(Says("2.0"),),
            linkd="a 1.0; says “2.0”",
        ),
        Behaviour(
            claim="`--dry-run` of what cannot be resolved fails",
            wheels=_A,
            steps=(install("--dry-run", "a==7"),),
            looks=(Exit(),),
            linkd="refused; exit 1",
        ),
        Behaviour(
            claim="`--link-mode copy`",
            wheels=_A,
            steps=(install(same("--link-mode"), same("copy"), "a"),),
            linkd="a 1.0",
            after=("uv pip_sync::install_copy",),
        ),
        Behaviour(
            claim="`--link-mode hardlink`",
            wheels=_A,
            steps=(install(same("--link-mode"), same("hardlink"), "a"),),
            linkd="a 1.0",
            after=("uv pip_sync::install_hardlink",),
        ),
        Behaviour(
            claim="`--link-mode symlink`",
            wheels=_A,
            steps=(install(same("--link-mode"), same("symlink"), "a"),),
            linkd="a 1.0",
            after=("uv pip_sync::install_symlink",),
        ),
    ),
)
