"""What the requests that resolve have in common: where wheels come from, and a lock file's word."""

from packaging.utils import NormalizedName

from linkd.build.circumstances import Circumstances
from linkd.core.progress import Reporter
from linkd.core.target import Target
from linkd.core.wheel import Pin
from linkd.errors import LockFilesContradict
from linkd.resolve.lock_file import read_lock_file
from linkd.service.asked import Asked, Files
from linkd.service.ports import Building, Indexing, Supplying
from linkd.service.request import InstallRequest


def open_supply(
    indexes: Indexing,
    building: Building,
    asked: Asked,
    target: Target,
    *,
    request: InstallRequest,
    reporter: Reporter,
) -> Supplying:
    """Everything that one request may install."""
    circumstances = Circumstances(
        interpreter=target.interpreter,
        python=str(target.python),
        index=asked.index,
        formats=asked.resolving.formats,
        isolated=request.build_isolation,
        require_hashes=asked.resolving.require_hashes,
        within=request.building,
    )
    return building(indexes.snapshot(asked.index), circumstances, reporter)


def locked_pins(locks: Files, target: Target, request: InstallRequest) -> tuple[Pin, ...]:
    """What the lock files name, together. Raises InvalidLockFile, also if two contradict."""
    pins: dict[NormalizedName, Pin] = {}
    for lock in locks:
        for pin in read_lock_file(
            lock, target.interpreter, extras=request.extras, groups=request.groups
        ):
            other = pins.setdefault(pin.name, pin)
            if other.file != pin.file:
                raise LockFilesContradict(
                    path=lock.path,
                    reason=f"it locks {pin.name} to {pin.file.filename}, "
                    f"another lock file to {other.file.filename}",
                )
    return tuple(pins[name] for name in sorted(pins))
