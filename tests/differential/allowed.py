"""The differences between linkd, pip and uv that may be, each with its reason."""

from typing import Final

from tests.differential.comparison import NOBODY, Allowed, Aspect

_INFO: Final = r"[^/]+\.dist-info"

_PUBLISHED: Final = (
    Allowed(
        name="INSTALLER",
        reason="It names the installer.",
        aspects=(Aspect.CONTENT,),
        path=rf"site/{_INFO}/INSTALLER",
        alone=(NOBODY,),
    ),
    Allowed(
        name="RECORD's text",
        reason="Its rows are compared one by one; their order and line ends are each tool's own.",
        aspects=(Aspect.CONTENT,),
        path=rf"site/{_INFO}/RECORD",
        alone=(NOBODY, "linkd", "pip", "uv"),
    ),
    Allowed(
        name="launchers' text",
        reason="Each tool words its launchers itself; what they do is compared by running them.",
        aspects=(Aspect.CONTENT,),
        path=r"bin/[^/]+",
        alone=(NOBODY,),
    ),
    Allowed(
        name="uv's lock",
        reason="uv leaves the file that it locks an environment by.",
        aspects=(Aspect.PRESENCE,),
        path=r"\.lock",
        alone=("uv",),
    ),
    Allowed(
        name="uv_cache.json",
        reason="uv notes what its cache held of a wheel from a folder, and records the note.",
        aspects=(Aspect.PRESENCE, Aspect.RECORD),
        path=rf"(site/)?{_INFO}/uv_cache\.json",
        alone=("uv",),
    ),
    Allowed(
        name="pip's bytecode",
        reason="pip compiles what it installs, unless told otherwise; linkd and uv when told to.",
        aspects=(Aspect.PRESENCE, Aspect.RECORD),
        path=r"(site/)?(.*/)?__pycache__(/[^/]+\.pyc)?",
        alone=("pip",),
    ),
)

_ODD: Final = (
    Allowed(
        name="scripts without an exec bit",
        reason="pip leaves a script that is not executable in the archive as it is; it cannot run.",
        aspects=(Aspect.MODE,),
        path=r"bin/[^/]+",
        alone=("pip",),
        projects=("binaries", "modeless", "options", "schemes", "shebangs", "versioned"),
        oddity=True,
    ),
    Allowed(
        name="running scripts without an exec bit",
        reason="What pip left without it cannot be run.",
        aspects=(Aspect.RUN,),
        path=r"bin/[^/]+",
        alone=("pip",),
        projects=("binaries", "modeless", "options", "schemes", "shebangs", "versioned"),
        oddity=True,
    ),
    Allowed(
        name="options behind a placeholder",
        reason="linkd keeps them, as they are part of what the author wrote; pip and uv drop them.",
        aspects=(Aspect.CONTENT,),
        path=r"bin/she-(options|two)",
        alone=("linkd",),
        oddity=True,
    ),
    Allowed(
        name="wording of a long first line",
        reason="Each tool has its own way of asking /bin/sh where one line cannot say it.",
        aspects=(Aspect.CONTENT,),
        path=r"bin/[^/]+",
        alone=("linkd", "pip", "uv"),
        projects=("double", "launchers", "modeless", "pip", "setuptools", "shebangs"),
        oddity=True,
    ),
    Allowed(
        name="a wheel's own direct_url.json",
        reason="Only an installer knows where a wheel came from (PEP 610): linkd drops it.",
        aspects=(Aspect.PRESENCE, Aspect.RECORD),
        path=rf"(site/)?{_INFO}/direct_url\.json",
        alone=("linkd",),
        projects=("forged",),
        oddity=True,
    ),
    Allowed(
        name="rows of forged files",
        reason="pip and uv replace the wheel's INSTALLER and REQUESTED, and keep their rows too.",
        aspects=(Aspect.RECORD,),
        path=rf"{_INFO}/(INSTALLER|REQUESTED)",
        alone=("linkd", NOBODY),
        projects=("forged",),
        oddity=True,
    ),
    Allowed(
        name="signatures of RECORD",
        reason="They sign the archive's RECORD, not the installed one, whose text differs: linkd "
        "drops them.",
        aspects=(Aspect.PRESENCE,),
        path=rf"site/{_INFO}/RECORD\.(jws|p7s)",
        alone=("linkd",),
        oddity=True,
    ),
    Allowed(
        name="rows of signatures",
        reason="pip records them; uv installs them and leaves them out of RECORD.",
        aspects=(Aspect.RECORD,),
        path=rf"{_INFO}/RECORD\.(jws|p7s)",
        alone=("pip",),
        oddity=True,
    ),
    Allowed(
        name="the row of a script that a launcher replaced",
        reason="pip and uv keep a row for the script's place in the archive, where there is no file.",
        aspects=(Aspect.RECORD,),
        path=r"double-1\.0\.data/scripts/double",
        alone=("linkd",),
        oddity=True,
    ),
    Allowed(
        name="hashes and sizes of RECORD",
        reason="linkd checks the wheel by the hashes that it has, and always writes sha256 "
        "without padding, and the size.",
        aspects=(Aspect.RECORD,),
        path=r".*",
        alone=("linkd",),
        projects=("medium", "padded", "sizeless", "strong"),
        oddity=True,
    ),
    Allowed(
        name="empty folders",
        reason="Folders are no files of a wheel, and RECORD cannot name them; uv makes them.",
        aspects=(Aspect.PRESENCE,),
        path=r"site/void",
        alone=("uv",),
        oddity=True,
    ),
    Allowed(
        name="easy_install's version",
        reason="Wheels of old name it for the Python that built them; pip and linkd put that right "
        "as they do for pip's own launchers, uv for those only.",
        aspects=(Aspect.PRESENCE, Aspect.RECORD),
        path=r"((\.\./){3})?bin/easy_install-[0-9.]+",
        alone=("uv",),
        projects=("setuptools",),
        oddity=True,
    ),
    Allowed(
        name="launchers below quotes",
        reason="pip quotes the interpreter's path for the shell with \", and takes the path's own "
        "quotes and dollars for the shell's: its launchers do not run there.",
        aspects=(Aspect.RUN,),
        path=r"bin/[^/]+",
        alone=("pip",),
        projects=("double", "launchers", "pip"),
        oddity=True,
    ),
    Allowed(
        name="direct_url.json's text",
        reason="linkd and pip write the archive's hash as it should be (PEP 610), pip once more in "
        "the old form; uv writes none.",
        aspects=(Aspect.CONTENT,),
        path=rf"site/{_INFO}/direct_url\.json",
        alone=(NOBODY,),
        projects=("direct",),
        oddity=True,
    ),
)

DISPUTES: Final = (
    Allowed(
        name="what RECORD does not vouch for",
        reason="An installer must refuse a file that is not mentioned in RECORD or not with its "
        "right hash (binary distribution format); pip and uv look at neither.",
        aspects=(Aspect.OUTCOME,),
        path=r"",
        alone=("linkd",),
        projects=("absent", "bad-hash", "bad-size", "no-hash", "unlisted", "weak"),
        oddity=True,
    ),
    Allowed(
        name="links and repeated members",
        reason="Neither is in the format, and each reader makes something else of it; pip and uv "
        "install one of the two members, and the link as a file.",
        aspects=(Aspect.OUTCOME,),
        path=r"",
        alone=("linkd",),
        projects=("linked", "repeated"),
        oddity=True,
    ),
    Allowed(
        name="blank lines in RECORD",
        reason="To a reader of comma-separated values they are no rows; pip fails on them.",
        aspects=(Aspect.OUTCOME,),
        path=r"",
        alone=("pip",),
        projects=("blanklines",),
        oddity=True,
    ),
    Allowed(
        name="blanks around the colon of an entry point",
        reason="Readers must accept them (entry points specification); pip does not.",
        aspects=(Aspect.OUTCOME,),
        path=r"",
        alone=("pip",),
        projects=("colon-blanks",),
        oddity=True,
    ),
    Allowed(
        name="a script named python",
        reason="pip lets a wheel replace the environment's interpreter.",
        aspects=(Aspect.OUTCOME,),
        path=r"",
        alone=("pip",),
        projects=("reserved",),
        oddity=True,
    ),
    Allowed(
        name="names that leave the tree",
        reason="uv installs such a wheel without the file.",
        aspects=(Aspect.OUTCOME,),
        path=r"",
        alone=("uv",),
        projects=("escaping",),
        oddity=True,
    ),
    Allowed(
        name="dist-info of another project",
        reason="Name and version of the file, of dist-info and of METADATA must be the same; uv "
        "does not compare the names.",
        aspects=(Aspect.OUTCOME,),
        path=r"",
        alone=("uv",),
        projects=("other-name",),
        oddity=True,
    ),
    Allowed(
        name="dist-info of another version",
        reason="As above; pip and uv install the version that the file's name does not tell.",
        aspects=(Aspect.OUTCOME,),
        path=r"",
        alone=("linkd",),
        projects=("other-version",),
        oddity=True,
    ),
)
"""What wheels may be taken by some and refused by others."""

ALLOWED: Final = _PUBLISHED + _ODD
"""What trees and scripts may differ in."""
