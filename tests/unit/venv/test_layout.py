"""What finding an environment's parts says of those that may not be looked at."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from linkd.errors import NotAnEnvironment
from linkd.venv.layout import find_layout

AS_NOBODY = """
import os, sys
from linkd.errors import NotAnEnvironment
from linkd.venv.layout import find_layout
os.chdir(sys.argv[1])  # what is above is not for everybody
if os.geteuid() == 0:  # root may read everything: be somebody else from here on
    os.setuid(65534)
try:
    find_layout(sys.argv[1] + "/env")
except NotAnEnvironment as error:
    print(error.reason)
"""


def _make_environment(folder: Path) -> Path:
    environment = folder / "env"
    (environment / "bin").mkdir(parents=True)
    (environment / "pyvenv.cfg").write_text("home = /nowhere\n")
    return environment


def _reason_for_nobody(folder: Path) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, folder],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout.strip()


@pytest.mark.parametrize("closed", ["closed", "env/bin"])
def test_an_interpreter_that_may_not_be_read(tmp_path: Path, closed: str) -> None:
    """An interpreter behind a folder that is closed is told so, and not that it is gone."""
    environment = _make_environment(tmp_path)
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed" / "python").symlink_to(sys.executable)
    (environment / "bin" / "python").symlink_to(tmp_path / "closed" / "python")
    above = [
        each
        for each in (tmp_path, *tmp_path.parents)
        if each.name.startswith(("pytest-", "popen-"))
    ]
    modes = {folder: folder.stat().st_mode & 0o7777 for folder in (tmp_path, *above)}
    (tmp_path / closed).chmod(0)
    try:
        for folder, mode in modes.items():
            folder.chmod(mode | 0o011)
        reason = _reason_for_nobody(tmp_path)
    finally:
        for folder, mode in modes.items():
            folder.chmod(mode)
        (tmp_path / closed).chmod(0o700)
    assert reason == f"its interpreter {environment}/bin/python cannot be read: permission denied"


def test_an_interpreter_that_is_gone(tmp_path: Path) -> None:
    """A link to nowhere is told to be one."""
    environment = _make_environment(tmp_path)
    (environment / "bin" / "python").symlink_to("nowhere")
    with pytest.raises(NotAnEnvironment, match="is a dangling link"):
        find_layout(str(environment))
