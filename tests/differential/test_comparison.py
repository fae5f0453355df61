"""The comparison sees what it is there to see."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.differential.comparison import NOBODY, Allowed, Aspect, Difference, Verdict, compare
from tests.differential.trees import read_entries, read_tree
from tests.support.wheels import digest

ROW = f"foo.py,sha256={digest(b'x = 1')},5\n"
RECORD = f"{ROW}../../../bin/foo,,\nfoo-1.0.dist-info/RECORD,,\n"


def make_environment(prefix: Path) -> Path:
    """As any installer would leave it."""
    site = prefix / "lib" / "python3.99" / "site-packages"
    dist_info = site / "foo-1.0.dist-info"
    dist_info.mkdir(parents=True)
    (prefix / "bin").mkdir()
    (site / "foo.py").write_text("x = 1")
    script = prefix / "bin" / "foo"
    script.write_text(f"#!{prefix}/bin/python\n")
    script.chmod(0o755)
    (dist_info / "RECORD").write_text(RECORD)
    return site


def differences(folder: Path, change: Callable[[Path], object]) -> list[tuple[str, str, str]]:
    """Aspect, path and who stands alone, when uv's environment is changed."""
    for tool in ("linkd", "pip", "uv"):
        site = make_environment(folder / tool)
    change(site)
    trees = {tool: read_tree(folder / tool, {}) for tool in ("linkd", "pip", "uv")}
    return [(one.aspect, one.path, one.alone) for one in compare(trees)]


def write_record(site: Path, text: str) -> None:
    (site / "foo-1.0.dist-info" / "RECORD").write_text(text)


def replace_by_link(site: Path) -> None:
    (site / "foo.py").unlink()
    (site / "foo.py").symlink_to("/x")


def test_what_is_the_same(tmp_path: Path) -> None:
    """An environment's own path in a script is no difference."""
    assert differences(tmp_path, lambda _: None) == []


@pytest.mark.parametrize(
    ("change", "aspect", "path"),
    [
        (lambda site: (site / "foo.py").write_text("x = 2"), "content", "site/foo.py"),
        (lambda site: (site / "foo.py").chmod(0o600), "mode", "site/foo.py"),
        (lambda site: (site / "foo.py").unlink(), "presence", "site/foo.py"),
        (lambda site: (site / "more").mkdir(), "presence", "site/more"),
        (
            replace_by_link,
            "presence",
            "site/foo.py",
        ),
        (lambda site: write_record(site, RECORD.replace(ROW, "")), "record", "foo.py"),
        (lambda site: write_record(site, RECORD + ROW), "record", "foo.py"),
        (lambda site: write_record(site, RECORD.replace(",5", ",6")), "record", "foo.py"),
        (lambda site: write_record(site, RECORD.replace(",5", ",")), "record", "foo.py"),
        (lambda site: write_record(site, RECORD.replace("=", "=x")), "record", "foo.py"),
        (lambda site: write_record(site, RECORD + "gone.py,,\n"), "record", "gone.py"),
    ],
)
def test_what_is_not(
    change: Callable[[Path], object], aspect: str, path: str, tmp_path: Path
) -> None:
    """Whatever one tool does otherwise is found, and that it is the one."""
    assert (aspect, path, "uv") in differences(tmp_path, change)


def test_what_was_there_before(tmp_path: Path) -> None:
    """What was in an environment and stayed as it was is nobody's doing; what changed is."""
    site = make_environment(tmp_path)
    before = read_entries(tmp_path)
    (site / "foo.py").write_text("x = 2")
    assert list(read_tree(tmp_path, before).entries) == ["site/foo.py"]


def test_three_opinions() -> None:
    """Where no two agree nobody stands alone."""
    values = {"linkd": "1", "pip": "2", "uv": "3"}
    assert Difference(aspect=Aspect.MODE, project="", path="x", values=values).alone == NOBODY


def test_what_is_allowed() -> None:
    """A rule covers its aspect, its path, its projects and its tools only; unused it is stale."""
    values = {"linkd": "1", "pip": "2", "uv": "2"}
    seen = Difference(aspect=Aspect.MODE, project="foo", path="bin/x", values=values)
    rule = Allowed(name="r", reason="", aspects=(Aspect.MODE,), path="bin/.", alone=("linkd",))
    others = (
        Allowed(name="a", reason="", aspects=(Aspect.RUN,), path="bin/.", alone=("linkd",)),
        Allowed(name="b", reason="", aspects=(Aspect.MODE,), path="bin", alone=("linkd",)),
        Allowed(name="c", reason="", aspects=(Aspect.MODE,), path="bin/.", alone=("pip",)),
        Allowed(
            name="d",
            reason="",
            aspects=(Aspect.MODE,),
            path="bin/.",
            alone=("linkd",),
            projects=("bar",),
        ),
    )
    strict, lenient = Verdict(), Verdict()
    strict.judge([seen], others)
    lenient.judge([seen], (*others, rule))
    assert (strict.unexpected, lenient.unexpected) == ([seen], [])
    assert lenient.stale((*others, rule)) == ["a", "b", "c", "d"]
