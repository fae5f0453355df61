"""Wheels are compared in batches, and one that is refused does not keep the others from it."""

from pathlib import Path

from tests.differential.allowed import ALLOWED
from tests.differential.comparison import Aspect, Difference, Verdict
from tests.differential.installers import Installers
from tests.differential.published import BATCH, compare_published, plan_batches
from tests.support.wheels import Tamper, make_wheel

SCRIPT = {"scripts/tool": "#!/bin/sh\n"}
LAUNCHER = "[console_scripts]\ntool = c:main\n"


def test_batches(tmp_path: Path) -> None:
    """Two wheels that have a path in common, whatever scheme it comes by, or a name are apart."""
    many = [make_wheel(tmp_path, f"many-{number}") for number in range(BATCH)]
    clashing = [
        make_wheel(tmp_path, "a", files={"tests.py": ""}, data=SCRIPT),
        make_wheel(tmp_path, "b", files={}, data={"purelib/tests.py": ""}),
        make_wheel(tmp_path, "c", entry_points=LAUNCHER),
        make_wheel(tmp_path, "c", "2.0", files={}),
    ]
    a, b, first, second = clashing
    assert plan_batches(clashing) == [[a, second], [b, first]]
    assert plan_batches([*many, a]) == [many, [a]]


def test_a_refused_wheel(installers: Installers, tmp_path: Path) -> None:
    """What only some take is told, and everything else is compared all the same."""
    wheels = [make_wheel(tmp_path / "wheels", f"good-{number}") for number in range(3)]
    unlisted = Tamper(unrecorded={"unlisted/more.py": ""})
    wheels.insert(1, make_wheel(tmp_path / "wheels", "unlisted", tamper=unlisted))
    found = list(compare_published(installers, wheels, tmp_path / "work"))
    verdict = Verdict()
    for one in found:
        verdict.judge(one.differences, ALLOWED)
    values = {"linkd": "refused", "pip": "installed", "uv": "installed"}
    assert verdict.unexpected == [
        Difference(aspect=Aspect.OUTCOME, project="unlisted", path="", values=values)
    ]
    assert sum(one.wheels for one in found) == 4
    assert not any((tmp_path / "work").iterdir())
