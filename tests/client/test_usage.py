"""A command line is understood whole, or refused with a reason and a hint."""

import pytest

from tests.client.conftest import Client

COMMANDS = {
    "install": ["a"],
    "warm": ["a"],
    "uninstall": ["a"],
    "list": [],
    "venv": ["a"],
    "status": [],
    "shutdown": [],
}
INSTALL_ONLY = [
    "--reinstall",
    "-U",
    "--no-deps",
    "--create",
    "--require-hashes",
    "--link-mode=copy",
]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("option", ["--nonsense", "--nonsense=1", "-Z", "-qZ", "--no-prog"])
def test_an_unknown_option_is_refused(client: Client, command: str, option: str) -> None:
    """No command takes an option that it does not know, nor an abbreviation."""
    result = client(command, *COMMANDS[command], option)
    reason, usage = result.stderr.decode().splitlines()
    assert result.returncode == 2
    assert reason.startswith("linkd: unknown option '-")
    assert f" of {command}" in reason
    assert usage.startswith(f"usage: linkd-client {command} ")


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (command, option)
        for command in sorted(COMMANDS.keys() - {"install"})
        for option in INSTALL_ONLY
        if command != "warm" or option not in {"--no-deps", "--require-hashes"}
    ],
)
def test_an_option_of_another_command_is_refused(client: Client, command: str, option: str) -> None:
    """An option that means nothing to the command is not ignored."""
    result = client(command, *COMMANDS[command], option)
    assert result.returncode == 2
    assert b"unknown option" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "a command is missing"),
        (["instal", "a"], "unknown command 'instal'; did you mean 'install'?"),
        (
            ["install", "--upgrad"],
            "unknown option '--upgrad' of install; did you mean '--upgrade'?",
        ),
        (["--pre", "install", "a"], "unknown option '--pre'"),
        (["install"], "install needs a requirement, -r FILE or -e DIR"),
        (["install", "-c", "c.txt"], "install needs a requirement, -r FILE or -e DIR"),
        (["install", ""], "an argument is empty"),
        (["install", "a", "-p", ""], "the value of -p is empty"),
        (["install", "a", "--python="], "the value of --python is empty"),
        (["install", "a", "-p"], "-p needs a value"),
        (["install", "a", "-p", "--pre"], "-p needs a value, but '--pre' follows it"),
        (["install", "a", "-p", "x", "-p", "y"], "-p was given twice: 'x' and 'y'"),
        (["install", "a", "--pre=yes"], "--pre takes no value, but was given 'yes'"),
        (
            ["install", "a", "--link-mode", "hardlnk"],
            (
                "--link-mode is one of auto, hardlink, reflink, copy, symlink, not 'hardlnk'; "
                "did you mean 'hardlink'?"
            ),
        ),
        (
            ["install", "a", "--collisions=ignore"],
            "--collisions is one of report, error, not 'ignore'",
        ),
        (["uninstall"], "uninstall needs the name of a distribution, or -r FILE"),
        (
            ["install", "--group", "other.toml:dev"],
            "--group other.toml:dev: what stands before the colon is no pyproject.toml",
        ),
        (["list", "a"], "list takes no arguments, but was given 'a'"),
        (["list", "--json", "--format", "freeze"], "--json and --format freeze exclude each other"),
        (
            ["list", "--outdated", "--format", "freeze"],
            "--format freeze cannot tell of newer versions",
        ),
        (
            ["list", "-e", "--exclude-editable"],
            "--editable and --exclude-editable exclude each other",
        ),
        *(
            (["list", *words], f"{words[0]} says where newer versions are: it goes with --outdated")
            for words in (
                ["--index-url", "u"],
                ["--extra-index-url", "u"],
                ["--find-links", "u"],
                ["--no-index"],
                ["--pre"],
            )
        ),
        *(
            ([*words, "--target", "a", "--prefix", "b"], "--target and --prefix exclude each other")
            for words in (["install", "a"], ["sync", "a"], ["uninstall", "a"], ["list"])
        ),
        (["install", "a", "--create", "-t", "b"], "--target and --create exclude each other"),
        (["sync", "a", "--create", "--prefix=b"], "--prefix and --create exclude each other"),
        (["list", "--format", "yaml"], "--format is one of columns, freeze, json, not 'yaml'"),
        (["warm"], "warm needs a requirement or -r FILE"),
        (["warm", "-c", "c.txt"], "warm needs a requirement or -r FILE"),
        *(
            (["warm", "a", "--copies", n], f"--copies is a number from 1 to 64, not '{n}'")
            for n in ("0", "65", "x", "1.5", "99999999999999999999")
        ),
        (["venv"], "venv needs the one folder to make"),
        (["venv", "a", "b"], "venv needs the one folder to make"),
        (["status", "a"], "status takes no arguments, but was given 'a'"),
        (["shutdown", "now"], "shutdown takes no arguments, but was given 'now'"),
    ],
)
def test_wrong_usage_has_a_reason(client: Client, arguments: list[str], reason: str) -> None:
    """Wrong usage ends with code 2, one line that says why and one that says how."""
    result = client(*arguments)
    first, second = result.stderr.decode().splitlines()
    assert (result.returncode, result.stdout) == (2, b"")
    assert first == f"linkd: {reason}"
    assert second.startswith("usage: linkd-client ")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_command_has_help(client: Client, command: str, option: str) -> None:
    """Help needs no daemon and no further arguments, and names the options."""
    result = client(command, option)
    assert (result.returncode, result.stderr) == (0, b"")
    text = result.stdout.decode()
    assert text.startswith(f"usage: linkd-client {command} [OPTION...]")
    assert "--no-autostart" in text
    assert all(len(line) <= 100 for line in text.splitlines())


def test_the_overview_names_every_command(client: Client) -> None:
    """Help without a command tells which commands there are."""
    text = client("--help").stdout.decode()
    assert [name for name in COMMANDS if f"\n  {name} " in text] == list(COMMANDS)


@pytest.mark.parametrize("arguments", [["--version"], ["-V"], ["list", "--version"]])
def test_the_version_is_told(client: Client, arguments: list[str]) -> None:
    """The version is told with and without a command."""
    result = client(*arguments)
    name, version = result.stdout.decode().split()
    assert (result.returncode, name) == (0, "linkd-client")
    assert version[0].isdigit()
