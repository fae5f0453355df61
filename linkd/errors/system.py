"""What the operating system says of a call that failed."""

import errno
import os


def reason_of(error: OSError) -> str:
    """The system's words for an OSError, without its number and path."""
    text = error.strerror or (os.strerror(error.errno) if error.errno else str(error))
    return text.lower()


def is_no_space(error: OSError) -> bool:
    """Whether the file system, or the user's quota on it, is full, or a file as large as may be."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
