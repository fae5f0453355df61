"""The commands, and the one request that each becomes."""

from __future__ import annotations

from linkd_client import options, surroundings
from linkd_client.arguments import Command, Option
from linkd_client.errors import UsageError
from linkd_client.wire import Request, query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from linkd_client.arguments import Arguments
    from linkd_client.wire import Json

_MOST_COPIES = 64


_NAME_MARKS = dict.fromkeys(map(ord, "-_."))


def _install(arguments: Arguments) -> Request:
    files = arguments.all("--requirement")
    if not (arguments.words or files or "--editable" in arguments or "--group" in arguments):
        raise UsageError("install needs a requirement, -r FILE or -e DIR", arguments.command)
    body = _wanted(arguments, arguments.words, files, _place(arguments))
    return Request("POST", "/v1/install", body)


def _warm(arguments: Arguments) -> Request:
    files = arguments.all("--requirement")
    if not (arguments.words or files):
        raise UsageError("warm needs a requirement or -r FILE", arguments.command)
    place = {"environment": surroundings.find_either(arguments.one("--python"))}
    body = _wanted(arguments, arguments.words, files, place)
    copies = arguments.one("--copies")
    if copies is not None:
        if not (copies.isdecimal() and 1 <= int(copies) <= _MOST_COPIES):
            reason = f"--copies is a number from 1 to {_MOST_COPIES}, not {copies!r}"
            raise UsageError(reason, arguments.command)
        body["copies"] = int(copies)
    return Request("POST", "/v1/warm", body)


def _sync(arguments: Arguments) -> Request:
    if not (arguments.words or "--group" in arguments):
        raise UsageError("sync needs a requirement file or a lock file", arguments.command)
    body = _wanted(arguments, (), arguments.words, _place(arguments))
    return Request("POST", "/v1/sync", body)


def _wanted(
    arguments: Arguments,
    requirements: Sequence[str],
    files: Sequence[str],
    place: Mapping[str, str],
) -> dict[str, Json]:
    constraints = arguments.all("--constraint")
    directory = surroundings.working_directory()
    body: dict[str, Json] = {**place, "directory": directory}
    if requirements:
        body["requirements"] = list(requirements)
    if files or constraints:
        from linkd_client.requirement_files import read_requirement_files  # noqa: PLC0415

        body.update(read_requirement_files(files, constraints, directory))
    bounds = arguments.all("--build-constraints")
    if bounds:
        from linkd_client.requirement_files import read_requirement_files  # noqa: PLC0415

        read = read_requirement_files((), bounds, directory)
        body["build_constraint_files"] = [file for files in read.values() for file in files]
    body.update(_groups(arguments, files, directory))
    body.update(_members(arguments))
    _refuse_both(arguments, "--compile-bytecode", "--no-compile-bytecode")
    for option, wish in (("--compile-bytecode", "on"), ("--no-compile-bytecode", "off")):
        if option in arguments:
            body["bytecode"] = wish
    surroundings.add_index_settings(body)
    return body


def _groups(arguments: Arguments, files: Sequence[str], directory: str) -> dict[str, Json]:
    """Dependency groups of the files that are named, and of projects besides, as pip has them."""
    of_files: list[str] = []
    of_projects: dict[str, list[str]] = {}
    any_named = any(file.endswith(".toml") for file in files)
    for value in arguments.all("--group"):
        path, colon, name = value.rpartition(":")
        if colon and path.rpartition("/")[2] != "pyproject.toml":
            reason = f"--group {value}: what stands before the colon is no pyproject.toml"
            raise UsageError(reason, arguments.command)
        if colon or not any_named:
            of_projects.setdefault(path or "pyproject.toml", []).append(name)
        else:
            of_files.append(name)
    members: dict[str, Json] = {"groups": of_files} if of_files else {}
    if of_projects:
        from linkd_client.requirement_files import read_group_files  # noqa: PLC0415

        members["dependency_groups"] = read_group_files(of_projects, directory)
    return members


def _uninstall(arguments: Arguments) -> Request:
    files = arguments.all("--requirement")
    if not (arguments.words or files):
        reason = "uninstall needs the name of a distribution, or -r FILE"
        raise UsageError(reason, arguments.command)
    body: dict[str, Json] = dict(_place(arguments))
    names = list(arguments.words)
    if files or not all(map(_is_name, names)):
        from linkd_client.requirement_files import read_requirement_files  # noqa: PLC0415

        directory = surroundings.working_directory()
        body.update({"directory": directory, "requirements": names})
        body.update(read_requirement_files(files, (), directory))
    else:
        body["names"] = names
    body.update(_members(arguments))
    return Request("POST", "/v1/uninstall", body)


def _is_name(word: str) -> bool:
    """Whether it is nothing but a distribution's name."""
    return not word.endswith(".whl") and word.translate(_NAME_MARKS).isalnum()


def _list(arguments: Arguments) -> Request:
    _refuse_words(arguments)
    form = arguments.one("--format")
    if arguments.wants_json and form:
        raise UsageError(f"--json and --format {form} exclude each other", arguments.command)
    outdated = "--outdated" in arguments
    if outdated and form == "freeze":
        raise UsageError("--format freeze cannot tell of newer versions", arguments.command)
    parameters: dict[str, Json] = dict(_place(arguments))
    if not arguments.wants_json:
        parameters["format"] = form or "columns"
    if "--editable" in arguments or "--exclude-editable" in arguments:
        _refuse_both(arguments, "--editable", "--exclude-editable")
        parameters["editable"] = "--editable" in arguments
    parameters.update(_members(arguments))
    if outdated:
        surroundings.add_index_settings(parameters)
    else:
        _refuse_searching(arguments)
    return Request("GET", "/v1/distributions" + query(parameters))


def _refuse_searching(arguments: Arguments) -> None:
    for option in (*options.INDEXES, options.PRE):
        if option.key in arguments:
            reason = f"{option.key} says where newer versions are: it goes with --outdated"
            raise UsageError(reason, arguments.command)


def _venv(arguments: Arguments) -> Request:
    if len(arguments.words) != 1:
        raise UsageError("venv needs the one folder to make", arguments.command)
    body: dict[str, Json] = {
        "path": surroundings.absolute(arguments.words[0]),
        "python": surroundings.find_interpreter(arguments.one("--python")),
    }
    body.update(_members(arguments))
    return Request("POST", "/v1/venv", body)


def _status(arguments: Arguments) -> Request:
    _refuse_words(arguments)
    parameters = {"wait_idle": "true"} if "--wait-idle" in arguments else {}
    return Request("GET", "/v1/status" + query(parameters))


def _shutdown(arguments: Arguments) -> Request:
    _refuse_words(arguments)
    return Request("POST", "/v1/shutdown", {})


def _place(arguments: Arguments) -> dict[str, str]:
    """What the command is about: an environment, or a folder for its interpreter."""
    _refuse_both(arguments, "--target", "--prefix")
    python = arguments.one("--python")
    option = "--target" if "--target" in arguments else "--prefix"
    folder = arguments.one(option)
    if folder is None:
        create = "--create" in arguments
        return {"environment": surroundings.find_environment(python, create=create)}
    _refuse_both(arguments, option, "--create")
    return {
        "environment": surroundings.find_either(python),
        option[2:]: surroundings.absolute(folder),
    }


def _refuse_both(arguments: Arguments, one: str, other: str) -> None:
    if one in arguments and other in arguments:
        raise UsageError(f"{one} and {other} exclude each other", arguments.command)


def _members(arguments: Arguments) -> dict[str, Json]:
    """The given options that go into the request as they stand, in the table's order."""
    assert arguments.command is not None
    return {
        option.member: option.json(arguments.all(option.key))
        for option in arguments.command.options
        if option.member and option.key in arguments
    }


def _refuse_words(arguments: Arguments) -> None:
    if arguments.words:
        assert arguments.command is not None
        reason = f"{arguments.command.name} takes no arguments, but was given"
        raise UsageError(f"{reason} {arguments.words[0]!r}", arguments.command)


COMMANDS = {
    command.name: command
    for command in (
        Command(
            "install",
            "[REQUIREMENT...]",
            "Install into an environment what is missing.",
            (options.REQUIREMENT, options.EDITABLE, *options.SYNC_OPTIONS),
            _install,
        ),
        Command(
            "sync",
            "FILE...",
            "Make an environment hold just what requirement files or a lock file name.",
            (options.ALLOW_EMPTY, *options.SYNC_OPTIONS),
            _sync,
        ),
        Command(
            "uninstall",
            "[NAME...]",
            "Remove distributions from an environment.",
            (
                options.UNWANTED,
                options.PYTHON,
                options.TARGET,
                options.PREFIX,
                options.DRY_RUN,
                options.BREAK,
            ),
            _uninstall,
        ),
        Command(
            "list",
            "",
            "Show what is installed in an environment.",
            options.LIST_OPTIONS,
            _list,
        ),
        Command(
            "warm",
            "[REQUIREMENT...]",
            "Fetch, unpack and stage ahead what an install will want.",
            options.WARM_OPTIONS,
            _warm,
        ),
        Command(
            "venv",
            "DIR",
            "Create an environment.",
            (
                Option(
                    "-p/--python",
                    "the interpreter it is made for: a path, a command or a version "
                    "[python3 on PATH]",
                    metavar="PYTHON",
                ),
                Option(
                    "--prompt", "its name in the shell's prompt", member="prompt", metavar="TEXT"
                ),
            ),
            _venv,
        ),
        Command(
            "status",
            "",
            "Show what the daemon does and has.",
            (Option("--wait-idle", "return when all background work is done"),),
            _status,
        ),
        Command(
            "shutdown",
            "",
            "Stop the daemon when its work is done.",
            (),
            _shutdown,
            starts_daemon=False,
        ),
    )
}
