"""What pip and uv did when they were last measured, and with which versions (``peers.json``)."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec

from tests.conformance.behaviour import Behaviour, Tool
from tests.conformance.trials import Trials

PEERS: Final = (Tool.PIP, Tool.UV)
RECORDED: Final = Path(__file__).parents[1] / "cases" / "conformance" / "peers.json"
_AT_ONCE: Final = 2


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What the peers did at one behaviour."""

    scenario: str
    """The fingerprint of what they were given."""
    pip: str
    uv: str


class Peers(msgspec.Struct, frozen=True, kw_only=True):
    """All that was measured."""

    versions: dict[str, str]
    outcomes: dict[str, Measured]
    """By the behaviour's claim."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One behaviour with the outcomes of all three."""

    behaviour: Behaviour
    outcomes: Mapping[Tool, str]


def read_peers() -> Peers:
    return msgspec.json.decode(RECORDED.read_bytes(), type=Peers)


def write_peers(peers: Peers) -> None:
    RECORDED.parent.mkdir(parents=True, exist_ok=True)
    RECORDED.write_bytes(msgspec.json.format(msgspec.json.encode(peers), indent=1) + b"\n")


def measure(
    behaviours: Sequence[Behaviour], known: Mapping[str, Measured], trials: Trials
) -> Peers:
    """Run pip and uv on every behaviour but those that are known in this form."""
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        outcomes = threads.map(lambda one: _measured(one, known.get(one.claim), trials), behaviours)
        return Peers(
            versions={tool: version(tool) for tool in PEERS},
            outcomes=dict(zip([one.claim for one in behaviours], outcomes, strict=True)),
        )


def _measured(behaviour: Behaviour, known: Measured | None, trials: Trials) -> Measured:
    scenario = behaviour.fingerprint
    if known is not None and known.scenario == scenario:
        return known
    print(behaviour.claim, flush=True)
    pip, uv = (trials.outcome(tool, behaviour) for tool in PEERS)
    return Measured(scenario=scenario, pip=pip, uv=uv)


def row(behaviour: Behaviour, peers: Peers) -> Row:
    """A behaviour's row; raises KeyError where it was not measured."""
    measured = peers.outcomes[behaviour.claim]
    outcomes = {Tool.LINKD: behaviour.linkd, Tool.PIP: measured.pip, Tool.UV: measured.uv}
    return Row(behaviour=behaviour, outcomes=outcomes)
