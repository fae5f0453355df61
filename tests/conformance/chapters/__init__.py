"""The chapters of the page, in its order."""

from typing import Final

from tests.conformance.behaviour import Chapter
from tests.conformance.chapters.broken import BROKEN
from tests.conformance.chapters.choosing import CHOOSING
from tests.conformance.chapters.constraints import CONSTRAINTS
from tests.conformance.chapters.contents import CONTENTS
from tests.conformance.chapters.direct import DIRECT
from tests.conformance.chapters.exits import EXITS
from tests.conformance.chapters.extras import EXTRAS
from tests.conformance.chapters.hashes import HASHES
from tests.conformance.chapters.requirement_files import REQUIREMENT_FILES
from tests.conformance.chapters.shared import SHARED
from tests.conformance.chapters.sources import SOURCES
from tests.conformance.chapters.syncing import SYNCING
from tests.conformance.chapters.uninstalling import UNINSTALLING
from tests.conformance.chapters.upgrading import UPGRADING

CHAPTERS: Final[tuple[Chapter, ...]] = (
    REQUIREMENT_FILES,
    CONSTRAINTS,
    CHOOSING,
    EXTRAS,
    HASHES,
    DIRECT,
    SOURCES,
    UPGRADING,
    SYNCING,
    CONTENTS,
    SHARED,
    UNINSTALLING,
    BROKEN,
    EXITS,
)
