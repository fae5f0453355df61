"""What build backends are told."""

import pytest

from linkd.core.config_settings import hook_argument, parse_config_settings


def test_what_a_hook_gets() -> None:
    """A key has its value, and a list where it was given several times; nothing told is None."""
    settings = parse_config_settings(["a=1", "b=x=y", "c=", "b=z"])
    assert hook_argument(settings) == {"a": "1", "b": ["x=y", "z"], "c": ""}
    assert hook_argument(()) is None


@pytest.mark.parametrize("text", ["", "a", "=", "=a"])
def test_what_is_no_setting(text: str) -> None:
    """What has no key or no value is refused as it was written."""
    with pytest.raises(ValueError, match="is not KEY=VALUE"):
        parse_config_settings([text])
