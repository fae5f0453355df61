"""Translates what the file system says into the store's errors."""

import contextlib
from collections.abc import Iterator

from linkd.errors import CacheUnusable, NoSpace, is_no_space, reason_of


@contextlib.contextmanager
def translated(path: str, doing: str) -> Iterator[None]:
    """Raise NoSpace or CacheUnusable for an OSError; `doing` is as `NoSpace.doing`."""
    try:
        yield
    except OSError as error:
        if is_no_space(error):
            raise NoSpace(path=path, doing=doing) from error
        place = f"{error.filename}: " if error.filename else ""
        raise CacheUnusable(path=path, reason=f"{place}{reason_of(error)}, {doing}") from error
