"""Hashes of requirement files, URLs and indexes."""

from typing import Final

from tests.conformance.behaviour import REINSTALL, Behaviour, Chapter, install
from tests.conformance.state import Has, Says
from tests.differential.oddities import wheel
from tests.support.sources import Project

_WHEELS: Final = (wheel("a"), wheel("needs", requires=["a"]))
_A: Final = "a-1.0-py3-none-any.whl"
_NEEDS: Final = "needs-1.0-py3-none-any.whl"
_WRONG: Final = "0" * 64
_READ: Final = install("-r", "requirements.txt")

HASHES: Final = Chapter(
    title="Hashes",
    words="A hash that is given is checked; one hash given means that all are wanted, as with pip.",
    behaviours=(
        Behaviour(
            claim="the right hash",
            wheels=_WHEELS,
            files={"requirements.txt": f"a==1.0 --hash=sha256:{{sha256:{_A}}}\n"},
            steps=(_READ,),
            linkd="a 1.0",
        ),
        Behaviour(
            claim="a wrong hash",
            wheels=_WHEELS,
            files={"requirements.txt": f"a==1.0 --hash=sha256:{_WRONG}\n"},
            steps=(_READ,),
            linkd="refused",
            after=("uv pip_sync::require_hashes_wrong_digest",),
        ),
        Behaviour(
            claim="a wrong hash is told with the right one",
            wheels=_WHEELS,
            files={"requirements.txt": f"a==1.0 --hash=sha256:{_WRONG}\n"},
            steps=(install("--require-hashes", "-r", "requirements.txt"),),
            looks=(Says(_WRONG),),
            linkd="refused; says “0000000000000000000000000000000000000000000000000000000000000000”",
        ),
        Behaviour(
            claim="one of several hashes is right",
            wheels=_WHEELS,
            files={
                "requirements.txt": f"a==1.0 --hash=sha256:{_WRONG} \\\n"
                f"  --hash=sha256:{{sha256:{_A}}}\n"
            },
            steps=(_READ,),
            linkd="a 1.0",
            after=("uv pip_sync::require_hashes_wheel_no_binary",),
        ),
        Behaviour(
            claim="`--require-hashes` and a requirement without one",
            wheels=_WHEELS,
            files={"requirements.txt": "a==1.0\n"},
            steps=(install("--require-hashes", "-r", "requirements.txt"),),
            linkd="refused",
            after=("uv pip_sync::require_hashes_missing_hash",),
        ),
        Behaviour(
            claim="one hash means that each requirement needs one",
            wheels=(*_WHEELS, wheel("b")),
            files={"requirements.txt": f"a==1.0 --hash=sha256:{{sha256:{_A}}}\nb==1.0\n"},
            steps=(_READ,),
            linkd="refused",
            why="As pip does; uv asks for `--require-hashes`.",
        ),
        Behaviour(
            claim="one hash means that a dependency needs one",
            wheels=_WHEELS,
            files={"requirements.txt": f"needs==1.0 --hash=sha256:{{sha256:{_NEEDS}}}\n"},
            steps=(_READ,),
            linkd="refused",
            why="As pip does; uv asks for `--require-hashes`.",
        ),
        Behaviour(
            claim="`--no-deps` with a hash of the one that is asked for",
            wheels=_WHEELS,
            files={"requirements.txt": f"needs==1.0 --hash=sha256:{{sha256:{_NEEDS}}}\n"},
            steps=(install("--no-deps", "-r", "requirements.txt"),),
            linkd="needs 1.0",
        ),
        Behaviour(
            claim="a hash of what is not pinned with `==`",
            wheels=_WHEELS,
            files={"requirements.txt": f"a>=1 --hash=sha256:{{sha256:{_A}}}\n"},
            steps=(_READ,),
            linkd="refused",
            why="What has a hash must be pinned, as pip documents it; pip itself asks only for the hash.",
            after=("uv pip_sync::require_hashes_invalid_operator",),
        ),
        Behaviour(
            claim="`--require-hashes` and a range that has a hash",
            wheels=_WHEELS,
            files={"requirements.txt": f"a>=1 --hash=sha256:{{sha256:{_A}}}\n"},
            steps=(install("--require-hashes", "-r", "requirements.txt"),),
            linkd="refused",
            why="What has a hash must be pinned, as pip documents it; pip itself asks only for the hash.",
            after=("uv pip_sync::require_hashes_invalid_operator",),
        ),
        Behaviour(
            claim="a repeated requirement, once with a hash and once without",
            wheels=_WHEELS,
            files={"requirements.txt": f"a==1.0 --hash=sha256:{{sha256:{_A}}}\na\n"},
            steps=(install("--require-hashes", "-r", "requirements.txt"),),
            linkd="a 1.0",
            why="One hash is enough to know the file; uv wants it each time.",
            after=("uv pip_sync::require_hashes_repeated_dependency",),
        ),
        Behaviour(
            claim="a hash in a constraint",
            wheels=_WHEELS,
            files={
                "requirements.txt": "a==1.0\n",
                "limits.txt": f"a==1.0 --hash=sha256:{{sha256:{_A}}}\n",
            },
            steps=(install("--require-hashes", "-r", "requirements.txt", "-c", "limits.txt"),),
            linkd="a 1.0",
            after=("uv pip_install::require_hashes_constraint",),
        ),
        Behaviour(
            claim="a wrong hash in a constraint",
            wheels=_WHEELS,
            files={
                "requirements.txt": "a==1.0\n",
                "limits.txt": f"a==1.0 --hash=sha256:{_WRONG}\n",
            },
            steps=(install("-r", "requirements.txt", "-c", "limits.txt"),),
            linkd="refused",
            after=("uv pip_install::require_hashes_constraint",),
        ),
        Behaviour(
            claim="a wrong hash of what is installed already",
            wheels=_WHEELS,
            files={"requirements.txt": f"a==1.0 --hash=sha256:{_WRONG}\n"},
            steps=(install("a"), _READ),
            linkd="a 1.0",
            after=("uv pip_sync::require_hashes_wheel_url",),
        ),
        Behaviour(
            claim="a right hash behind a wheel's URL",
            wheels=_WHEELS,
            steps=(install(f"a @ file://{{wheels}}/{_A}#sha256={{sha256:{_A}}}"),),
            linkd="a 1.0",
            after=("uv pip_sync::require_hashes_url",),
        ),
        Behaviour(
            claim="a wrong hash behind a wheel's URL",
            wheels=_WHEELS,
            steps=(install(f"a @ file://{{wheels}}/{_A}#sha256={_WRONG}"),),
            linkd="refused",
            after=("uv pip_sync::require_hashes_url_invalid",),
        ),
        Behaviour(
            claim="`--require-hashes` and a hash behind a wheel's URL",
            wheels=_WHEELS,
            files={"requirements.txt": f"a @ file://{{wheels}}/{_A}#sha256={{sha256:{_A}}}\n"},
            steps=(install("--require-hashes", "-r", "requirements.txt"),),
            linkd="a 1.0",
            after=("uv pip_sync::require_hashes_url",),
        ),
        Behaviour(
            claim="`--require-hashes` and a wheel's path without a hash",
            wheels=_WHEELS,
            files={"requirements.txt": f"a @ file://{{wheels}}/{_A}\n"},
            steps=(install("--require-hashes", "-r", "requirements.txt"),),
            linkd="refused",
            after=("uv pip_sync::require_hashes_wheel_path",),
        ),
        Behaviour(
            claim="an index that announces a wrong hash",
            wheels=_WHEELS,
            index={"wrong_hashes": {_A}},
            steps=(install("a"),),
            linkd="refused",
            after=("uv pip_sync::require_hashes_registry_invalid_hash",),
        ),
        Behaviour(
            claim="an index that announces no hash",
            wheels=_WHEELS,
            index={"hashes": False},
            steps=(install("a"),),
            linkd="a 1.0",
            after=("uv pip_sync::require_hashes_registry_no_hash",),
        ),
        Behaviour(
            claim="a hash of a kind that is too weak",
            wheels=_WHEELS,
            files={"requirements.txt": "a==1.0 --hash=md5:d41d8cd98f00b204e9800998ecf8427e\n"},
            steps=(_READ,),
            linkd="refused",
        ),
        Behaviour(
            claim="a digest that is said to be another algorithm's",
            wheels=_WHEELS,
            files={"requirements.txt": f"a==1.0 --hash=sha512:{{sha256:{_A}}}\n"},
            steps=(install("--require-hashes", "-r", "requirements.txt"),),
            linkd="refused",
            after=("uv pip_sync::require_hashes_wrong_algorithm",),
        ),
        Behaviour(
            claim="a hash of a wheel's path",
            wheels=_WHEELS,
            files={"requirements.txt": f"./wheels/{_A} --hash=sha256:{{sha256:{_A}}}\n"},
            steps=(install("--require-hashes", "-r", "requirements.txt"),),
            linkd="a 1.0",
            after=("uv pip_sync::require_hashes_unnamed",),
        ),
        Behaviour(
            claim="a wrong hash of a wheel's path",
            wheels=_WHEELS,
            files={"requirements.txt": f"./wheels/{_A} --hash=sha256:{_WRONG}\n"},
            steps=(install("--require-hashes", "-r", "requirements.txt"),),
            linkd="refused",
            after=("uv pip_sync::require_hashes_wheel_path_mismatch",),
        ),
        Behaviour(
            claim="`--require-hashes` and an editable project",
            projects={"app": Project(name="app")},
            files={"requirements.txt": "-e ./app\n"},
            steps=(install("--require-hashes", "-r", "requirements.txt"),),
            linkd="refused",
            after=("uv pip_sync::require_hashes_editable",),
        ),
        Behaviour(
            claim="`--require-hashes` and a source tree",
            projects={"app": Project(name="app")},
            files={"requirements.txt": f"app @ file://{{here}}/app --hash=sha256:{_WRONG}\n"},
            steps=(install("--require-hashes", "-r", "requirements.txt"),),
            linkd="refused",
            after=("uv pip_sync::require_hashes_source_tree",),
        ),
        Behaviour(
            claim="a hash of the wheel, and `--no-binary`",
            wheels=_WHEELS,
            sdists=(Project(name="a"),),
            files={"requirements.txt": f"a==1.0 --hash=sha256:{{sha256:{_A}}}\n"},
            steps=(install("--no-binary", ":all:", "-r", "requirements.txt"),),
            linkd="refused",
            after=("uv pip_sync::require_hashes_wheel_no_binary",),
        ),
        Behaviour(
            claim="a hash of the source distribution, where there is a wheel, too",
            wheels=_WHEELS,
            sdists=(Project(name="a"),),
            files={"requirements.txt": "a==1.0 --hash=sha256:{sha256:a-1.0.tar.gz}\n"},
            steps=(install("--require-hashes", "-r", "requirements.txt"),),
            looks=(Has("site/a.py"),),
            linkd="refused; no `site/a.py`",
            after=("uv pip_sync::require_hashes_source_only_binary",),
        ),
        Behaviour(
            claim="a wrong hash when it is installed again",
            wheels=_WHEELS,
            files={"requirements.txt": f"a==1.0 --hash=sha256:{_WRONG}\n"},
            steps=(install("a"), install(REINSTALL, "-r", "requirements.txt")),
            linkd="refused",
            after=("uv pip_sync::require_hashes_re_download",),
        ),
    ),
)
