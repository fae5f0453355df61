"""Paths of several distributions, found before anything is touched."""

from packaging.utils import NormalizedName

from linkd.core.receipt import Collision
from linkd.core.target import SchemeKey
from linkd.core.wheel import StoredWheel
from linkd.link.collisions import find_collisions
from linkd.link.footprint import Roots, WheelFootprint
from tests.support.stored import SITE, Environment, Store


def test_find_collisions(store: Store, environment: Environment) -> None:
    """Each path of several is told once, with all owners; the last by name is kept."""
    roots = Roots.of(environment.target)
    footprints = {}
    for name, shared in (("a", "1"), ("b", "1"), ("c", "2"), ("d", "x")):
        files = {f"{name}.py": "", f"space/{name}.py": ""}
        files |= {"space/same.py": "", "space/other.py": shared} if name != "d" else {}
        wheel = store.wheel(name, files=files, entry_points="[console_scripts]\nrun = a:b\n")
        footprints[wheel.manifest.name] = WheelFootprint(wheel.manifest, roots)
    a, b, c, d = footprints
    staying = {b: footprints.pop(b)}

    assert find_collisions(footprints, staying) == (
        # Launchers are made for each environment: it is not known whether they are the same.
        Collision(path="bin/run", distributions=(a, b, c, d), identical=False, kept=d),
        Collision(path=f"{SITE}/space/other.py", distributions=(a, b, c), identical=False, kept=c),
        Collision(path=f"{SITE}/space/same.py", distributions=(a, b, c), identical=True, kept=c),
    )
    assert find_collisions({d: footprints[d]}, {}) == ()
    assert find_collisions({}, {**footprints, **staying}) == ()


def test_the_same_wheels_again(store: Store, environment: Environment) -> None:
    """What is remembered of wheels is that of these wheels, in any number and at any roots."""
    one, other = (store.wheel(name, files={"same.py": name}) for name in ("a", "b"))
    like = store.wheel("b", "2.0", files={"same.py": "a"})
    roots = Roots.of(environment.target)
    found = [
        [collision.identical for collision in find_collisions(_coming(roots, *wheels), {})]
        for wheels in ((one, other), (one, other), (one,), (one, like), (one, other))
    ]
    assert found == [[False], [False], [], [True], [False]]
    elsewhere = Roots({**roots.by_key, SchemeKey.PURELIB: "x/"}, roots.fixed | {"x"}, roots.passing)
    [collision] = find_collisions(_coming(elsewhere, one, other), {})
    assert collision.path == "x/same.py"


def _coming(roots: Roots, *wheels: StoredWheel) -> dict[NormalizedName, WheelFootprint]:
    return {wheel.manifest.name: WheelFootprint(wheel.manifest, roots) for wheel in wheels}
