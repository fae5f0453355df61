"""Calls the hooks of a build backend, each in a process of its own (PEP 517, PEP 660)."""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pyproject_hooks import (
    BackendUnavailable,
    BuildBackendHookCaller,
    HookMissing,
    UnsupportedOperation,
)

from linkd.build.backend import STEP, BuildSystem
from linkd.build.process import Log, Program, clean_environment, run_program
from linkd.core.config_settings import ConfigSettings, hook_argument
from linkd.errors import BuildFailed, NoSpace, is_no_space, reason_of

R = TypeVar("R")

class _Failed(Exception):
    """The hook's process ended with another status than 0."""

    def __init__(self, status: int) -> None:
        super().__init__(f"ended with status {status}")
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontend:
    """One project, its backend and the interpreter that runs it. The methods block."""

    subject: str
    project: str
    """Absolute path of the folder that has the pyproject.toml or setup.py."""
    system: BuildSystem
    python: str
    """The interpreter of the environment that has the build requirements."""
    log: Log
    timeout: float
    """Seconds for one hook."""
    stop: threading.Event
    config_settings: ConfigSettings = ()

    def requires(self, *, editable: bool) -> tuple[str, ...]:
        """What the build needs beyond ``build-system.requires``. Raises BuildFailed."""
        if editable:
            found = self._call(
                "get_requires_for_build_editable",
                lambda caller: caller.get_requires_for_build_editable(self._told),
            )
        else:
            found = self._call(
                "get_requires_for_build_wheel",
                lambda caller: caller.get_requires_for_build_wheel(self._told),
            )
        return tuple(map(str, found))

    def metadata(self, folder: str) -> bytes | None:
        """METADATA from the hook that makes it alone; None where the backend has no such hook."""
        hook = "prepare_metadata_for_build_wheel"
        try:
            name = self._call(
                hook,
                lambda caller: caller.prepare_metadata_for_build_wheel(
                    folder, self._told, _allow_fallback=False
                ),
            )
        except HookMissing:
            return None
        try:
            with open(os.path.join(folder, os.path.basename(name), "METADATA"), "rb") as file:
                return file.read()
        except OSError as error:
            raise self._failure(hook, f"it left no METADATA: {reason_of(error)}") from error

    def wheel(self, folder: str, *, editable: bool) -> str:
        """Build the wheel; gives its path. Raises BuildFailed."""
        hook = "build_editable" if editable else "build_wheel"
        build: Callable[[BuildBackendHookCaller], str] = (
            (lambda caller: caller.build_editable(folder, self._told))
            if editable
            else (lambda caller: caller.build_wheel(folder, self._told))
        )
        try:
            name = self._call(hook, build)
        except HookMissing as error:
            reason = "the backend cannot make editable installs (PEP 660)"
            raise self._failure(hook, reason) from error
        path = os.path.join(folder, os.path.basename(name))
        if not name.endswith(".whl") or not os.path.isfile(path):
            raise self._failure(hook, f"it answers {name!r}, and there is no such wheel")
        return path

    @property
    def _told(self) -> dict[str, str | list[str]] | None:
        return hook_argument(self.config_settings)

    def _call(self, hook: str, call: Callable[[BuildBackendHookCaller], R]) -> R:
        """Raises BuildFailed, NoSpace, HookMissing, and Stopped."""
        try:
            caller = BuildBackendHookCaller(
                self.project,
                self.system.backend,
                backend_path=self.system.backend_path or None,
                runner=self._run,
                python_executable=self.python,
            )
        except ValueError as error:
            reason = f"build-system.backend-path: {error}"
            raise BuildFailed(subject=self.subject, step=STEP, reason=reason) from error
        self.log.write(f"--- {hook} of {self.system.backend}\n".encode())
        try:
            return call(caller)
        except _Failed as error:
            raise self._failure(hook, str(error)) from error
        except TimeoutError as error:
            raise self._failure(hook, f"it took longer than {self.timeout:g} seconds") from error
        except BackendUnavailable as error:
            self.log.write(error.traceback.encode())
            raise self._failure(hook, "the backend cannot be imported") from error
        except UnsupportedOperation as error:
            self.log.write(error.traceback.encode())
            raise self._failure(hook, "the backend refuses to") from error
        except OSError as error:
            if is_no_space(error):
                raise NoSpace(path=self.project, doing=f"building {self.subject}") from error
            raise self._failure(hook, f"it cannot be run: {reason_of(error)}") from error
        except (ValueError, KeyError) as error:
            raise self._failure(hook, f"its answer cannot be read: {error}") from error

    def _run(
        self,
        cmd: Sequence[str],
        cwd: str | None = None,
        extra_environ: Mapping[str, str] | None = None,
    ) -> None:
        scripts = os.path.dirname(self.python)
        env = clean_environment(PYTHONNOUSERSITE="1", PYTHONIOENCODING="utf-8")
        env["PATH"] = os.pathsep.join((scripts, env["PATH"]))
        program = Program(
            command=cmd,
            cwd=cwd or self.project,
            env={**env, **(extra_environ or {})},
            timeout=self.timeout,
        )
        status = run_program(program, self.log, self.stop)
        if status:
            raise _Failed(status)

    def _failure(self, hook: str, reason: str) -> BuildFailed:
        return BuildFailed(
            subject=self.subject,
            step=hook,
            reason=reason,
            backend=self.system.backend,
            output=self.log.last_lines(),
            log=self.log.path,
        )

