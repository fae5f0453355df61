"""What a person tells build backends: ``config_settings`` of the hooks (PEP 517)."""

from collections.abc import Iterable
from typing import TypeAlias

ConfigSettings: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]
"""The values of each key, in their order."""


def parse_config_settings(texts: Iterable[str]) -> ConfigSettings:
    """From ``key=value``, each. Raises ValueError with the reason."""
    settings: dict[str, tuple[str, ...]] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not (key and equals):
            reason = f"{text!r} is not KEY=VALUE"
            raise ValueError(reason)
        settings[key] = (*settings.get(key, ()), value)
    return tuple(settings.items())


def hook_argument(settings: ConfigSettings) -> dict[str, str | list[str]] | None:
    """As a hook gets them: a key that was given several times has a list, as with pip and uv."""
    if not settings:
        return None
    return {key: values[0] if len(values) == 1 else list(values) for key, values in settings}
