"""What builds depend on besides their sources."""

from dataclasses import replace

from linkd.build.circumstances import Circumstances
from linkd.fetch.settings import IndexSettings
from tests.unit.resolve.world import INTERPRETER


def test_what_is_built_differs() -> None:
    """A wheel that was built with other settings or other bounds is another one."""
    plain = Circumstances(interpreter=INTERPRETER, python="/python", index=IndexSettings())
    settings = replace(plain, config_settings=(("a", ("1",)),))
    more = replace(plain, config_settings=(("a", ("1", "2")),))
    bounds = replace(plain, constraints=(("/build.txt", "a==1"),))
    keys = [each.key for each in (plain, settings, more, bounds)]
    assert len(set(keys)) == len(keys)
    assert plain.told == ()
