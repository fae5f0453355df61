"""What is installed: sets of published wheels, pinned, so that figures of two days can be compared."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

CASES: Final = Path(__file__).parents[1] / "cases" / "benchmarks"


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelSet:
    """Requirements and the pins that they were resolved to."""

    name: str
    pins: tuple[str, ...]
    requirements: tuple[str, ...] = ()
    """As a person would write them; none where the set is not resolved."""
    imports: str = ""
    """A statement that imports what the set was installed for."""

    def __str__(self) -> str:
        return f"{self.name} ({len(self.pins)} distributions)"


def _lines(name: str) -> tuple[str, ...]:
    lines = (line.strip() for line in (CASES / name).read_text().splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


MANY: Final = WheelSet(
    name="many",
    pins=_lines("many.txt"),
    requirements=_lines("many.in"),
    imports="import pandas, sklearn, matplotlib.pyplot, django, boto3, sympy",
)
JAX: Final = WheelSet(name="jax", pins=_lines("jax.txt"), requirements=_lines("jax.in"))
FORTY: Final = WheelSet(name="forty", pins=MANY.pins[::4][:40])
"""Large and small ones as they come in the alphabet."""
ONE: Final = WheelSet(
    name="one", pins=tuple(pin for pin in MANY.pins if pin.startswith("requests=="))
)
LARGE: Final = WheelSet(
    name="large", pins=tuple(pin for pin in MANY.pins if pin.startswith("transformers=="))
)
OLD: Final = WheelSet(name="old", pins=_lines("old.txt"))
"""The release before LARGE."""
MORE: Final = WheelSet(name="more", pins=_lines("more.txt"))
"""Small ones that no other set has, each of them a requirement more."""

SETS: Final = {one.name: one for one in (MANY, JAX, FORTY, ONE, LARGE, OLD, MORE)}
