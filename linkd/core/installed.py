"""What an environment holds (recording installed projects)."""

import enum
from dataclasses import dataclass

from packaging.direct_url import DirectUrl
from packaging.utils import NormalizedName
from packaging.version import Version


class Form(enum.Enum):
    """How an installation is recorded: as the standard has it, or as it was done before that."""

    DIST_INFO = "dist-info"
    EGG_INFO = "egg-info"
    """A folder, by setuptools."""
    DISTUTILS = "distutils"
    """A single file, by distutils: it does not say which files belong to it."""
    EGG = "egg"
    """A folder or an archive that holds the whole distribution, by easy_install."""
    EGG_LINK = "egg-link"
    """A file that names the folder of a project's source, by ``setup.py develop``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledDistribution:
    """One distribution that is listed, usually by a dist-info folder."""

    name: NormalizedName
    version: Version
    location: str
    """Absolute path of the folder that holds what lists it."""
    dist_info: str
    """The name of what lists it there: of the dist-info folder, or of an older form."""
    form: Form = Form.DIST_INFO
    installer: str | None = None
    requested: bool = False
    direct_url: DirectUrl | None = None
    metadata: str | None = None
    """Absolute path of the folder with its metadata, where that does not itself list it."""
    claims: tuple[str, ...] | None = ()
    """Of older forms: files, and folders with all that is in them, relative to `location` or
    absolute. None where nothing tells which files are its own."""
    path_entry: str | None = None
    """Of older forms: what its line in the ``easy-install.pth`` beside it names."""
    others: tuple["InstalledDistribution", ...] = ()
    """Further installations of the same name, which others left; they go with this one."""
    is_complete: bool = True
    """Whether it has METADATA: without, it satisfies nothing, and goes for what comes."""

    @property
    def installations(self) -> tuple["InstalledDistribution", ...]:
        """It and the others of its name."""
        return (self, *self.others)

    @property
    def is_whole(self) -> bool:
        """Whether it is what its version should be; what is not is put right by who needs it.

        Of what is installed twice files of both lie there.
        """
        return self.is_complete and not self.others


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRow:
    """One row of RECORD."""

    path: str
    """Relative to the folder that holds dist-info, ``/`` between the parts; may begin with
    ``../`` or be absolute."""
    sha256: str | None = None
    """Urlsafe base64 without padding; None for RECORD itself and for bytecode."""
    size: int | None = None
