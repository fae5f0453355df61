"""Whether an environment may be changed at all, found out before anything is done for it."""

import configparser

from linkd.core.target import Target
from linkd.errors import ExternallyManaged
from linkd.link.workspace import require_writable


def require_permission(target: Target, *, break_system_packages: bool) -> None:
    """Raises ExternallyManaged (PEP 668) and EnvironmentNotWritable."""
    managed = target.interpreter.externally_managed
    if managed is not None and not break_system_packages:
        raise ExternallyManaged(environment=str(target.prefix), message=_message(managed))
    require_writable(target)


def _message(text: str) -> str:
    """The distributor's words; a file that cannot be read still counts as the mark."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error:
        return ""
    return parser.get("externally-managed", "Error", fallback="").strip()
