"""What the requests that resolve have in common: where wheels come from, and a lock file's word."""

from linkd.build.circumstances import Circumstances
from linkd.core.progress import Reporter
from linkd.core.target import Target
from linkd.service.asked import Asked
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
        config_settings=asked.config_settings,
        constraints=tuple((file.path, file.text) for file in request.build_constraint_files),
        require_hashes=asked.resolving.require_hashes,
        within=request.building,
    )
    return building(indexes.snapshot(asked.index), circumstances, reporter)
