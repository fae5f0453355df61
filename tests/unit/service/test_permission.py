from dataclasses import replace
from pathlib import Path

import pytest

from linkd.core.target import Target
from linkd.errors import ExternallyManaged
from linkd.service.permission import require_permission
from tests.support.stored import make_target


def managed(folder: Path, text: str) -> Target:
    target = make_target(folder / "environment")
    return replace(target, interpreter=replace(target.interpreter, externally_managed=text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[externally-managed]\nError=Use apt.\n See the docs.\n", "Use apt.\nSee the docs."),
        ("[other]\nx=1\n", ""),
        ("not an ini file", ""),
    ],
)
def test_managed(tmp_path: Path, text: str, message: str) -> None:
    """An externally managed interpreter is refused in its distributor's words, if there are any."""
    with pytest.raises(ExternallyManaged) as caught:
        require_permission(managed(tmp_path, text), break_system_packages=False)

    assert caught.value.message == message


def test_override(tmp_path: Path) -> None:
    """Whoever insists may change it."""
    require_permission(managed(tmp_path, ""), break_system_packages=True)
