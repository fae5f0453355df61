"""What befalls an environment between two commands."""

import shutil
import subprocess
from dataclasses import dataclass

from tests.conformance.state import Environment


@dataclass(frozen=True, slots=True)
class Write:
    """Somebody writes a file."""

    path: str
    text: str = ""

    def __call__(self, environment: Environment) -> None:
        path = environment.path(self.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # it may be a link to somebody's cache
        path.write_text(self.text.replace("{here}", str(environment.here)))


@dataclass(frozen=True, slots=True)
class Append:
    """Somebody adds to a file."""

    path: str
    text: str

    def __call__(self, environment: Environment) -> None:
        path = environment.path(self.path)
        Write(self.path, path.read_text() + self.text)(environment)


@dataclass(frozen=True, slots=True)
class Link:
    """Somebody makes a symbolic link."""

    path: str
    target: str

    def __call__(self, environment: Environment) -> None:
        environment.path(self.path).symlink_to(self.target)


@dataclass(frozen=True, slots=True)
class Delete:
    """Somebody deletes a file or a folder."""

    path: str

    def __call__(self, environment: Environment) -> None:
        path = environment.path(self.path)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


@dataclass(frozen=True, slots=True)
class Rename:
    """Somebody gives a file or a folder another name."""

    path: str
    name: str

    def __call__(self, environment: Environment) -> None:
        environment.path(self.path).rename(environment.path(self.name))


@dataclass(frozen=True, slots=True)
class Import:
    """Somebody imports a module, and the interpreter leaves bytecode."""

    module: str

    def __call__(self, environment: Environment) -> None:
        python = environment.prefix / "bin" / "python"
        subprocess.run([str(python), "-Ic", f"import {self.module}"], check=True)


@dataclass(frozen=True, slots=True)
class Lost:
    """A wheel is no longer to be had."""

    name: str

    def __call__(self, environment: Environment) -> None:
        (environment.here / "wheels" / self.name).unlink()


@dataclass(frozen=True, slots=True)
class Edited:
    """Somebody changes a file in the working folder."""

    path: str
    text: str

    def __call__(self, environment: Environment) -> None:
        (environment.here / self.path).write_text(self.text)
