"""Where a TOML file stops being one; Python 3.14 tells it in members, before it in words only."""

import re
import tomllib

_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


def toml_line(error: tomllib.TOMLDecodeError, text: str) -> str:
    """The number of the line; the last where the end comes too early."""
    match = _PLACE.search(str(error))
    line = match[1] if match else None
    return line or str(len(text.splitlines()) or 1)


def toml_reason(error: tomllib.TOMLDecodeError) -> str:
    """What is wrong there."""
    reason = _PLACE.sub("", str(error))
    return f"it is not TOML: {reason[:1].lower()}{reason[1:]}"
