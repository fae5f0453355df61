"""Wheels that are not what the format says."""

from typing import Final

from tests.conformance.behaviour import Behaviour, Chapter, install
from tests.conformance.state import Has, Says
from tests.differential.oddities import dist_info, wheel
from tests.support.wheels import Tamper, metadata

_INFO: Final = "a-1.0.dist-info"
_INIT: Final = "a/__init__.py"
_RECORD: Final = (
    "An installer must refuse a file that RECORD does not vouch for (binary distribution format); "
    "pip and uv do not look."
)
_SHARED: Final = (
    "linkd unpacks a wheel once for everybody, and so takes none that is read two ways."
)

BROKEN: Final = Chapter(
    title="Broken wheels",
    words="A wheel is checked whole before it is shared, and refused with everything that is wrong.",
    behaviours=(
        Behaviour(
            claim="a wrong hash in RECORD",
            wheels=(wheel("a", tamper=Tamper(wrong_hash={_INIT})),),
            steps=(install("a"),),
            linkd="refused",
            why=_RECORD,
        ),
        Behaviour(
            claim="a wrong size in RECORD",
            wheels=(wheel("a", tamper=Tamper(wrong_size={_INIT})),),
            steps=(install("a"),),
            linkd="refused",
            why=_RECORD,
        ),
        Behaviour(
            claim="a file without a hash in RECORD",
            wheels=(wheel("a", tamper=Tamper(no_hash={_INIT})),),
            steps=(install("a"),),
            linkd="refused",
            why=_RECORD,
        ),
        Behaviour(
            claim="a file that RECORD does not name",
            wheels=(wheel("a", tamper=Tamper(unrecorded={"a/more.py": ""})),),
            steps=(install("a"),),
            linkd="refused",
            why=_RECORD,
        ),
        Behaviour(
            claim="a file in RECORD that is not there",
            wheels=(wheel("a", tamper=Tamper(absent={"a/gone.py"})),),
            steps=(install("a"),),
            linkd="refused",
            why=_RECORD,
        ),
        Behaviour(
            claim="hashes of a kind that is too weak",
            wheels=(wheel("a", tamper=Tamper(algorithm="md5")),),
            steps=(install("a"),),
            linkd="refused",
            why=_RECORD,
        ),
        Behaviour(
            claim="no RECORD",
            wheels=(wheel("a", tamper=Tamper(omit={f"{_INFO}/RECORD"})),),
            steps=(install("a"),),
            linkd="refused",
            why="linkd refuses before it touches anything; the others have removed or installed when they notice.",
        ),
        Behaviour(
            claim="no WHEEL",
            wheels=(wheel("a", tamper=Tamper(omit={f"{_INFO}/WHEEL"})),),
            steps=(install("a"),),
            linkd="refused",
        ),
        Behaviour(
            claim="no METADATA",
            wheels=(wheel("a", tamper=Tamper(omit={f"{_INFO}/METADATA"})),),
            steps=(install("a"),),
            linkd="refused",
        ),
        Behaviour(
            claim="METADATA that is no text",
            wheels=(
                wheel(
                    "a",
                    tamper=Tamper(
                        omit={f"{_INFO}/METADATA"}, recorded={f"{_INFO}/METADATA": b"\xff"}
                    ),
                ),
            ),
            steps=(install("a"),),
            linkd="refused",
            after=(
                "pip test_install_wheel.py::test_wheel_install_fails_with_badly_encoded_metadata",
            ),
        ),
        Behaviour(
            claim="METADATA of another project",
            wheels=(
                wheel(
                    "a",
                    tamper=Tamper(
                        omit={f"{_INFO}/METADATA"},
                        recorded={f"{_INFO}/METADATA": metadata("b", "1.0")},
                    ),
                ),
            ),
            steps=(install("a"),),
            linkd="refused",
        ),
        Behaviour(
            claim="METADATA of another version",
            wheels=(
                wheel(
                    "a",
                    tamper=Tamper(
                        omit={f"{_INFO}/METADATA"},
                        recorded={f"{_INFO}/METADATA": metadata("a", "2.0")},
                    ),
                ),
            ),
            steps=(install("a"),),
            linkd="refused",
        ),
        Behaviour(
            claim="dist-info of another project",
            wheels=(wheel("a", stem="other-1.0"),),
            steps=(install("a"),),
            linkd="refused",
            after=("pip test_install_wheel.py::test_wheel_install_fails_with_unrelated_dist_info",),
        ),
        Behaviour(
            claim="two dist-info folders",
            wheels=(wheel("a", files={"b-2.0.dist-info/METADATA": metadata("b", "2.0")}),),
            steps=(install("a"),),
            linkd="refused",
            after=("pip test_install_wheel.py::test_wheel_install_fails_with_extra_dist_info",),
        ),
        Behaviour(
            claim="a version of the format that is too new",
            wheels=(
                wheel(
                    "a",
                    tamper=Tamper(
                        omit={f"{_INFO}/WHEEL"},
                        recorded={
                            f"{_INFO}/WHEEL": "Wheel-Version: 2.0\nRoot-Is-Purelib: true\n"
                            "Tag: py3-none-any\n"
                        },
                    ),
                ),
            ),
            steps=(install("a"),),
            linkd="refused",
        ),
        Behaviour(
            claim="a member that leads out of the environment",
            wheels=(wheel("a", tamper=Tamper(recorded={"../../../../escaped.py": ""})),),
            steps=(install("a"),),
            looks=(Has("../escaped.py"),),
            linkd="refused; no `../escaped.py`",
            why="Such a wheel was not made by accident: linkd takes nothing of it, uv the rest, and pip stops half-way.",
        ),
        Behaviour(
            claim="a member of an absolute path",
            wheels=(wheel("a", tamper=Tamper(recorded={"/escaped-by-a-wheel.py": ""})),),
            steps=(install("a"),),
            linkd="refused",
            why="Such a wheel was not made by accident: linkd takes nothing of it, uv the rest, and pip stops half-way.",
        ),
        Behaviour(
            claim="data that leads out of the environment",
            wheels=(wheel("a", data={"data/../../../escaped.py": ""}),),
            steps=(install("a"),),
            looks=(Has("../escaped.py"),),
            linkd="refused; no `../escaped.py`",
            why="Such a wheel was not made by accident: linkd takes nothing of it, uv the rest, and pip stops half-way.",
        ),
        Behaviour(
            claim="a member that is a symbolic link",
            wheels=(wheel("a", tamper=Tamper(symlinks={"a/link.py": "/etc/hostname"})),),
            steps=(install("a"),),
            linkd="refused",
            why=_SHARED,
        ),
        Behaviour(
            claim="a member that is there twice",
            wheels=(wheel("a", tamper=Tamper(duplicates={_INIT})),),
            steps=(install("a"),),
            linkd="refused",
            why=_SHARED,
        ),
        Behaviour(
            claim="an archive that ends too early",
            files={"wheels/a-1.0-py3-none-any.whl": "PK\x03\x04 cut"},
            steps=(install("a"),),
            linkd="refused",
            after=("uv pip_sync::incompatible_wheel",),
        ),
        Behaviour(
            claim="an empty file",
            files={"wheels/a-1.0-py3-none-any.whl": ""},
            steps=(install("a"),),
            linkd="refused",
            after=("uv pip_sync::incompatible_wheel",),
        ),
        Behaviour(
            claim="one broken wheel of two leaves both out",
            wheels=(wheel("a", requires=["b"]), wheel("b", data={"unknown/x": ""})),
            steps=(install("a"),),
            linkd="refused",
            why="linkd refuses before it touches anything; the others have removed or installed when they notice.",
        ),
        Behaviour(
            claim="a dependency in METADATA that is no requirement",
            wheels=(wheel("a", requires=["b =="]), wheel("b")),
            steps=(install("a"),),
            linkd="refused",
            after=("pip test_invalid_versions_and_specifiers.py",),
        ),
        Behaviour(
            claim="an older version is taken where the newest has such a dependency",
            wheels=(wheel("a"), wheel("a", "2.0", requires=["b =="]), wheel("b")),
            steps=(install("a"),),
            linkd="a 1.0",
        ),
        Behaviour(
            claim="a file in dist-info that only an installer may write",
            wheels=(dist_info("a", {"INSTALLER": "forged\n", "REQUESTED": ""}),),
            steps=(install("a"),),
            looks=(Says("forged"),),
            linkd="a 1.0; does not say “forged”",
        ),
    ),
)
