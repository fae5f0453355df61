"""Makes metadata and wheels of a project's folder: an environment for its backend, then the hooks."""

import os
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final, TypeVar

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from linkd.build.backend import BuildSystem, read_build_system
from linkd.build.circumstances import Circumstances, Provision, Provisioning
from linkd.build.frontend import Frontend
from linkd.build.process import Log, in_thread
from linkd.build.waiting import Task
from linkd.core.progress import Phase, Progress, Reporter
from linkd.errors import BuildFailed

R = TypeVar("R")

_UNNAMEABLE: Final = re.compile(r"[^A-Za-z0-9._+=-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One project to be built."""

    task: Task
    project: str
    """Absolute path of its folder."""
    room: str
    """A folder of this job's own; what is left in it is removed afterwards."""
    log: Log
    """Open as long as the job."""
    circumstances: Circumstances
    editable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Runs the backends; as many at once as the executor has threads."""

    provision: Provisioning
    executor: Executor
    timeout: float
    """Seconds for one hook."""

    async def metadata(self, job: Job, reporter: Reporter) -> bytes | str:
        """METADATA, or the path of the wheel where the backend makes none without it.

        Raises BuildError, and what making the environment raises.
        """
        system, python = await self._prepare(job, reporter)
        folder = _folder(job, "metadata")
        content = await self._call(job, system, python, lambda front: front.metadata(folder))
        return await self._wheel(job, system, python) if content is None else content

    async def wheel(self, job: Job, reporter: Reporter) -> str:
        """The path of the wheel, in the job's room. Raises as `metadata`."""
        system, python = await self._prepare(job, reporter)
        return await self._wheel(job, system, python)

    async def _prepare(self, job: Job, reporter: Reporter) -> tuple[BuildSystem, str]:
        """The environment with all that the build needs; gives its interpreter."""
        reporter.report(Progress(Phase.BUILD, job.task.subject))
        system = read_build_system(job.project, job.task.subject)
        if not job.circumstances.isolated:
            return system, job.circumstances.python
        environment = os.path.join(job.room, "environment")
        order = Provision(
            folder=environment,
            requirements=system.requires,
            subject=job.task.subject,
            circumstances=job.circumstances.inside(job.task),
        )
        await self.provision(order, reporter)
        python = os.path.join(environment, "bin", "python")
        more = await self._call(
            job, system, python, lambda front: front.requires(editable=job.editable)
        )
        further = tuple(text for text in more if text not in system.requires)
        if further:
            order = Provision(
                folder=environment,
                requirements=(*system.requires, *further),
                subject=job.task.subject,
                circumstances=order.circumstances,
            )
            await self.provision(order, reporter)
        reporter.report(Progress(Phase.BUILD, job.task.subject))
        return system, python

    async def _wheel(self, job: Job, system: BuildSystem, python: str) -> str:
        folder = _folder(job, "wheel")
        path = await self._call(
            job, system, python, lambda front: front.wheel(folder, editable=job.editable)
        )
        _check_tags(job, os.path.basename(path))
        return path

    async def _call(
        self, job: Job, system: BuildSystem, python: str, call: Callable[[Frontend], R]
    ) -> R:
        def run(stop: threading.Event) -> R:
            return call(
                Frontend(
                    subject=job.task.subject,
                    project=job.project,
                    system=system,
                    python=python,
                    log=job.log,
                    timeout=self.timeout,
                    stop=stop,
                    config_settings=job.circumstances.config_settings,
                )
            )

        return await in_thread(self.executor, run)


def log_name(subject: str) -> str:
    """A file's name that sorts by time."""
    words = _UNNAMEABLE.sub("-", os.path.basename(subject.rstrip("/"))).strip("-.")[:80]
    return f"{time.time_ns():020}-{words or 'build'}.log"


def _folder(job: Job, name: str) -> str:
    path = os.path.join(job.room, name)
    os.mkdir(path)
    return path


def _check_tags(job: Job, filename: str) -> None:
    try:
        _, _, _, tags = parse_wheel_filename(filename)
    except InvalidWheelFilename as error:
        raise BuildFailed(subject=job.task.subject, step="build_wheel", reason=str(error)) from error
    if not {str(tag) for tag in tags} & set(job.circumstances.interpreter.tags):
        reason = f"it made {filename}, which does not fit the environment"
        raise BuildFailed(subject=job.task.subject, step="build_wheel", reason=reason)
