"""Facts as somebody may meet them, of which the reference makes an example of each error."""

from collections.abc import Mapping
from typing import Any, Final

from linkd import errors
from linkd.errors import LinkdError

COMMON: Final[Mapping[str, Any]] = {
    "algorithm": "sha256",
    "actual": "9f86d081…",
    "distribution": "foo",
    "environment": "/home/u/app/.venv",
    "expected": "2c26b46b…",
    "filename": "foo-1.0-py3-none-any.whl",
    "interpreter": "/usr/bin/python3.12",
    "line": 12,
    "origin": "requirements.txt:12",
    "owner": 1000,
    "path": "requirements.txt",
    "pid": 4242,
    "project": "foo",
    "requirement": "foo==",
    "socket": "/run/user/1000/linkd/linkd.sock",
    "status": 401,
    "subject": "foo==1.0",
    "uid": 1001,
    "url": "https://index.example.org/simple/foo/",
    "wanted_by": "'foo>=2' (requirements.txt:12)",
}
"""By the names of fields, for those that are told nothing of their own."""

_LOCK: Final = {"path": "pylock.toml"}
_PROJECT: Final = {"path": "pyproject.toml"}
_RECORD: Final = "'foo/__init__.py' is not what RECORD's hash says"

OWN: Final[Mapping[type[LinkdError], Mapping[str, Any]]] = {
    errors.InvalidRequest: {
        "reason": "nothing to install was named",
        "remedy": "name requirements, or a file of them with -r",
    },
    errors.InvalidIndexSettings: {
        "source": "--index-url",
        "reason": "'gopher://x' is neither a URL of http, https or file nor a path",
    },
    errors.InvalidRequirement: {
        "reason": "expected end or semicolon (after name and no valid version specifier)",
        "origin": "requirements.txt:12",
    },
    errors.NothingRequired: {"files": ("requirements.txt",)},
    errors.UnhashedRequirement: {
        "requirement": "foo==1.0",
        "reason": "hashes are required, and it has none",
    },
    errors.HashContradiction: {
        "hashes": (
            "sha256 2c26b46b… (requirements.txt:12)",
            "sha256 9f86d081… (requirements.txt:14)",
        ),
    },
    errors.RecoveryFailed: {
        "path": "lib/python3.12/site-packages/foo",
        "reason": "permission denied",
    },
    errors.UnknownFileOption: {"option": "--upgarde"},
    errors.MisplacedOption: {"reason": "--hash belongs behind a requirement"},
    errors.InvalidOptionValue: {"option": "--index-url", "reason": "wants a value"},
    errors.InvalidHash: {"reason": "'12ab' is not a sha256 digest in hexadecimal"},
    errors.UnbalancedQuote: {"reason": "no closing quotation"},
    errors.IncludedFileMissing: {"included": "/home/u/app/base.txt"},
    errors.RecursiveInclude: {
        "included": "/app/a.txt",
        "chain": ("/app/a.txt", "/app/b.txt", "/app/a.txt"),
    },
    errors.MissingVariable: {"variable": "INDEX_TOKEN"},
    errors.InvalidConstraint: {"path": "constraints.txt", "reason": "it must not name extras"},
    errors.LockFileSyntax: {
        **_LOCK,
        "within": "3",
        "reason": "it is not TOML: invalid value",
    },
    errors.LockFileVersion: {
        **_LOCK,
        "within": "lock-version",
        "reason": "pylock version 2.0 is not supported",
    },
    errors.LockFileContent: {
        **_LOCK,
        "within": "packages[3].wheels[0].hashes",
        "reason": "missing required value",
    },
    errors.LockFileUnfit: {
        **_LOCK,
        "reason": "no wheel found matching the provided tags for package 'foo' at packages[3]",
    },
    errors.LockFilesContradict: {
        **_LOCK,
        "reason": "it locks foo to foo-1.0-py3-none-any.whl, another lock file to "
        "foo-2.0-py3-none-any.whl",
    },
    errors.ProjectFileSyntax: {
        **_PROJECT,
        "within": "3",
        "reason": "it is not TOML: unclosed array",
    },
    errors.ProjectFileContent: {
        **_PROJECT,
        "within": "[project.dependencies]",
        "reason": "it is not a list of strings",
    },
    errors.ProjectTableMissing: {**_PROJECT, "reason": "it has no [project] table"},
    errors.DynamicDependencies: {
        **_PROJECT,
        "within": "[project.dynamic]",
        "reason": "its dependencies are dynamic: only building it would tell them",
    },
    errors.UnknownExtra: {
        **_PROJECT,
        "within": "[project.optional-dependencies]",
        "reason": "it has no extra 'tests'",
        "extra": "tests",
        "known": ("docs", "test"),
    },
    errors.UnknownGroup: {
        **_PROJECT,
        "within": "[dependency-groups.lnt]",
        "reason": "group 'lnt': Dependency group 'lnt' not found",
        "group": "lnt",
        "known": ("lint", "test"),
    },
    errors.GroupCycle: {
        **_PROJECT,
        "within": "[dependency-groups.lint]",
        "reason": "group 'lint': Cyclic dependency group include while resolving lint: "
        "lint includes itself",
    },
    errors.ProjectNotFound: {"searched": ("https://index.example.org/simple",)},
    errors.NoCompatibleWheel: {
        "available": ("2.0 for cp312-cp312-win_amd64",),
        "wanted_tags": ("cp312-cp312-manylinux_2_39_x86_64",),
    },
    errors.Unsolvable: {
        "explanation": "these cannot all be had together:\n"
        "'foo<2' (requirements.txt:3)\nbar 1.0 needs foo>=2",
    },
    errors.ResolutionLimit: {"limit": "60 seconds"},
    errors.IndexUnavailable: {"reason": "it does not answer in time"},
    errors.DownloadFailed: {
        "url": "https://files.example.org/foo-1.0-py3-none-any.whl",
        "reason": "the server closed the connection",
    },
    errors.HashMismatch: {"source": "requirements.txt:12"},
    errors.CompilationFailed: {"reason": "it compiles for cpython-311"},
    errors.BrokenWheel: {"reasons": ("there is something hidden before 'foo/__init__.py'",)},
    errors.NotAZip: {"reasons": ("it is not a zip file",)},
    errors.TruncatedWheel: {"reasons": ("it is cut short: the end of the zip file is missing",)},
    errors.InvalidWheelName: {
        "filename": "foo.whl",
        "reasons": ("its file name is none of a wheel",),
    },
    errors.WheelMisnamed: {"reasons": ("its METADATA is of bar 1.0, not its file name's",)},
    errors.NoDistInfo: {"reasons": ("it has no dist-info folder",)},
    errors.SeveralDistInfos: {
        "reasons": ("it has several dist-info folders: bar-1.0.dist-info, foo-1.0.dist-info",)
    },
    errors.DistInfoIncomplete: {"reasons": ("it has no WHEEL",)},
    errors.UnsupportedWheelVersion: {"reasons": ("its Wheel-Version is '2.0', not 1.x",)},
    errors.RecordMissing: {"reasons": ("it has no RECORD",)},
    errors.RecordMismatch: {"reasons": (_RECORD, "'foo/more.py' is not in RECORD")},
    errors.EncryptedWheel: {"reasons": ("'foo/__init__.py' is encrypted or a patch",)},
    errors.UnsafeWheel: {"reasons": ("'foo.bin' inflates more than deflate can do",)},
    errors.PathEscape: {"reasons": ("'../../evil' leaves its folder with '..'",)},
    errors.AbsolutePath: {"reasons": ("'/etc/evil' is absolute",)},
    errors.LinkInWheel: {"reasons": ("'foo/link' is a symbolic link",)},
    errors.DuplicateMember: {"reasons": ("'foo/__init__.py' is there 2 times",)},
    errors.BuildFailed: {
        "step": "build_wheel",
        "backend": "setuptools.build_meta",
        "reason": "it ended with status 1",
        "output": ("error: command 'gcc' failed: No such file or directory",),
        "log": "/home/u/.cache/linkd/v1/logs/foo-1.0.log",
    },
    errors.BuildCycle: {"chain": ("foo==1.0", "bar==2.0", "foo==1.0")},
    errors.SourceUnsafe: {
        "filename": "foo-1.0.tar.gz",
        "reason": "'../evil' leaves its folder",
    },
    errors.VcsFailed: {
        "url": "https://git.example.org/foo",
        "reason": "there is no revision 'v9'",
    },
    errors.NoSpace: {
        "path": "/home/u/.cache/linkd",
        "doing": "unpacking foo-1.0-py3-none-any.whl",
    },
    errors.CacheUnusable: {"path": "/home/u/.cache/linkd", "reason": "read-only file system"},
    errors.WheelDamaged: {"sha256": "9f86d081…", "path": "foo/__init__.py"},
    errors.CacheOccupied: {"path": "/home/u/.cache/linkd"},
    errors.NotAnEnvironment: {"reason": "it has no pyvenv.cfg"},
    errors.InterpreterMissing: {
        "reason": "its interpreter /home/u/app/.venv/bin/python is a dangling link"
    },
    errors.EnvironmentNotWritable: {
        "path": "/home/u/app/.venv/lib/python3.12/site-packages",
        "reason": "permission denied",
    },
    errors.EnvironmentBusy: {"holder": "uv (pid 4243)", "waited_s": 60.0},
    errors.ExternallyManaged: {
        "environment": "/usr",
        "message": "To install Python packages system-wide, try apt install python3-xyz.",
    },
    errors.InterpreterFailed: {"reason": "it ended with status 127"},
    errors.LinkUnavailable: {
        "mode": "hardlink",
        "reason": "cross-device",
        "explanation": "the cache and the environment lie on different file systems",
    },
    errors.CollisionRefused: {"collisions": ("nvidia/__init__.py of nvidia-x, nvidia-y",)},
    errors.PathOccupied: {"path": "lib/python3.12/site-packages/foo.py", "reason": "is a folder"},
    errors.NotInstalled: {"names": ("foo",)},
    errors.NoRecord: {"name": "foo", "path": "foo-1.0.dist-info/RECORD"},
    errors.RecoveryFailed: {
        "path": "lib/python3.12/site-packages/foo",
        "reason": "permission denied",
    },
    errors.GraftFailed: {
        "path": "lib/python3.12/site-packages/foo",
        "reason": "input/output error",
    },
    errors.SocketUnusable: {"reason": "something else is there already"},
    errors.InvalidSettings: {
        "source": "/home/u/.config/linkd/config.toml",
        "reason": "downloads: input should be greater than 0",
    },
}
