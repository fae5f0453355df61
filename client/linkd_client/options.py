"""The options of the commands, as pip and uv spell them."""

from __future__ import annotations

from linkd_client.arguments import Option

COMMON = (
    Option("--socket", "the daemon's socket [LINKD_SOCKET]", metavar="PATH"),
    Option("--json", "print the daemon's answer as JSON"),
    Option("-q/--quiet", "print less", repeatable=True),
    Option("-v/--verbose", "print more", repeatable=True),
    Option("--no-progress", "draw no progress line"),
    Option("--no-autostart", "do not start a daemon if none is running"),
    Option("-h/--help", "print this and end"),
    Option("-V/--version", "print the version and end"),
)

PYTHON = Option(
    "-p/--python",
    "the environment, or its interpreter [VIRTUAL_ENV, else ./.venv]",
    metavar="PATH",
)
TARGET = Option(
    "-t/--target",
    "use this folder, modules right in it, instead of the environment",
    metavar="DIR",
)
PREFIX = Option(
    "--prefix",
    "use this folder, laid out like an environment, instead of the environment",
    metavar="DIR",
)
BREAK = Option(
    "--break-system-packages",
    "change a Python that the system manages, too",
    member="break_system_packages",
)
DRY_RUN = Option("--dry-run", "only say what would be done", member="dry_run")

REQUIREMENT = Option(
    "-r/--requirement",
    "install what a requirement file, pylock.toml or pyproject.toml names ('-' is standard input)",
    metavar="FILE",
    repeatable=True,
)
UNWANTED = Option(
    "-r/--requirement",
    "remove what a requirement file or pyproject.toml names ('-' is standard input)",
    metavar="FILE",
    repeatable=True,
)
ALLOW_EMPTY = Option(
    "--allow-empty-requirements",
    "remove everything if the files name nothing",
    member="allow_empty_requirements",
)
EDITABLE = Option(
    "-e/--editable",
    "install the project of this folder so that its changes count at once",
    member="editable",
    metavar="DIR",
    repeatable=True,
)
INDEXES = (
    Option(
        "-i/--index-url",
        "the index [PIP_INDEX_URL]",
        member="index_url",
        metavar="URL",
    ),
    Option(
        "--extra-index-url",
        "a further index [PIP_EXTRA_INDEX_URL]",
        member="extra_index_urls",
        metavar="URL",
        repeatable=True,
    ),
    Option(
        "-f/--find-links",
        "a folder or page of wheels [PIP_FIND_LINKS]",
        member="find_links",
        metavar="PATH|URL",
        repeatable=True,
    ),
    Option("--no-index", "use no index, only --find-links [PIP_NO_INDEX]", member="no_index"),
)
PRE = Option("--pre", "take pre-releases too", member="prerelease")
PROJECT_FILES = (
    Option("-c/--constraint", "take versions as this file allows", metavar="FILE", repeatable=True),
    Option(
        "--extra",
        "with this extra of the pyproject.toml or lock file",
        member="extras",
        metavar="NAME",
        repeatable=True,
    ),
    Option(
        "--group",
        "this dependency group: of the pyproject.toml or lock file that is named, or of "
        "./pyproject.toml, or of PATH",
        metavar="[PATH:]NAME",
        repeatable=True,
    ),
)
BUILDS = (
    Option(
        "--no-binary",
        "build this one of its source; or :all:, :none:",
        member="no_binary",
        metavar="NAME",
        repeatable=True,
    ),
    Option(
        "--only-binary",
        "build nothing of this one; or :all:, :none:",
        member="only_binary",
        metavar="NAME",
        repeatable=True,
    ),
    Option(
        "--no-build-isolation",
        "build with what the environment has installed",
        member="no_build_isolation",
    ),
    Option(
        "-b/--build-constraint/--build-constraints",
        "build with versions as this file allows",
        metavar="FILE",
        repeatable=True,
    ),
    Option(
        "-C/--config-setting/--config-settings",
        "what the backends of builds are told",
        member="config_settings",
        metavar="KEY=VALUE",
        repeatable=True,
    ),
    Option("--no-deps", "leave dependencies out", member="no_deps"),
)
HASHES = Option("--require-hashes", "refuse what has no hash to check", member="require_hashes")
SYNC_OPTIONS = (
    *PROJECT_FILES,
    PYTHON,
    TARGET,
    PREFIX,
    *INDEXES,
    *BUILDS,
    Option("-U/--upgrade", "take the newest versions that fit", member="upgrade"),
    Option(
        "-P/--upgrade-package",
        "take the newest version of this one",
        member="upgrade_packages",
        metavar="NAME",
        repeatable=True,
    ),
    Option("--reinstall", "install again what is there already", member="reinstall"),
    Option(
        "--reinstall-package",
        "install this one again",
        member="reinstall_packages",
        metavar="NAME",
        repeatable=True,
    ),
    PRE,
    HASHES,
    DRY_RUN,
    Option(
        "--link-mode",
        "how files come from the cache",
        member="link_mode",
        metavar="MODE",
        choices=("auto", "hardlink", "reflink", "copy", "symlink"),
    ),
    Option("--require-link", "fail rather than copy", member="require_link"),
    Option("--compile-bytecode", "compile all modules, and wait for it"),
    Option("--no-compile-bytecode", "compile nothing, and take nothing that is compiled already"),
    Option(
        "--collisions",
        "what to do if distributions have different files of one name",
        member="collisions",
        metavar="HOW",
        choices=("report", "error"),
    ),
    BREAK,
    Option("--create", "make the environment if it is missing", member="create"),
)

WARM_OPTIONS = (
    Option(
        "-r/--requirement",
        "stage what a requirement file, pylock.toml or pyproject.toml names",
        metavar="FILE",
        repeatable=True,
    ),
    *PROJECT_FILES,
    Option(
        "-p/--python",
        "the environment, or the interpreter of those to come "
        "[VIRTUAL_ENV, else ./.venv, else python3]",
        metavar="PATH",
    ),
    Option("--copies", "for how many environments to have it ready [1]", metavar="N"),
    *INDEXES,
    *BUILDS,
    PRE,
    HASHES,
)

LIST_OPTIONS = (
    PYTHON,
    TARGET,
    PREFIX,
    Option(
        "--format",
        "how to print it",
        metavar="FORMAT",
        choices=("columns", "freeze", "json"),
    ),
    Option("-e/--editable", "only editable installs"),
    Option("--exclude-editable", "all but editable installs"),
    Option("-o/--outdated", "only what has a newer version, and which", member="outdated"),
    *INDEXES,
    PRE,
)
