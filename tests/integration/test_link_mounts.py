"""Whole requests on file systems with peculiarities, in a mount namespace of the test's own."""

import os
import subprocess
import sys
from pathlib import Path

ON_OVERLAY = """
import subprocess, sys
from pathlib import Path
from linkd.link.rename import KernelRename, PortableRename
from tests.support.stored import Environment, Store, make_target

base = Path(sys.argv[1])
for name in ("lower", "upper", "top"):
    (base / name).mkdir()
files = {f"foo/{name}.py": name for name in ("a", "inner/b", "inner/c")}
for number in range(3):
    image = base / "lower" / str(number)
    environment = Environment(Store(base / "lower"), make_target(image))
    environment.change(environment.store.wheel("foo", "1.0", files=files))
    environment.store.close()

def mount(*arguments):
    subprocess.run(["mount", "-t", *map(str, arguments)], check=True)

mount("tmpfs", "tmpfs", base / "upper")
for name in ("upper", "work"):
    (base / "upper" / name).mkdir()
layers = f"lowerdir={base}/lower,upperdir={base}/upper/upper,workdir={base}/upper/work"
mount("overlay", "overlay", "-o", layers, base / "top")

def look(number):
    prefix = base / "top" / str(number)
    facts = (prefix / make.relative_to(base / "new")).stat()
    return prefix, (facts.st_dev, facts.st_ino)

(base / "new").mkdir()
pattern = make_target(base / "new")
make = pattern.site_packages
"""


REQUESTS = """
import dataclasses
from linkd.core.target import Scheme, SchemeKey

def target_of(number):
    prefix, identity = look(number)
    scheme = {key.value: prefix / pattern.scheme[key].relative_to(base / "new") for key in SchemeKey}
    return dataclasses.replace(pattern, prefix=prefix, identity=identity, scheme=Scheme(**scheme))

store = Store(base / "top")
newer = store.wheel("foo", "2.0", files={"foo/a.py": "2", "foo/inner/d.py": "2"})
blocked = store.wheel("way", files={"zzz/x.py": ""})

environment = Environment(store, target_of(0))
(environment.site / "zzz").write_text("in the way")
before = environment.files()
try:
    environment.change(newer, blocked)
except Exception as error:
    print(type(error).__name__, environment.files() == before)
environment.change(newer)
(environment.site / "zzz").unlink()
print("upgraded", environment.problems())

environment = Environment(store, target_of(1))
environment.change(remove=["foo"])
print("removed", sorted(environment.files()) == sorted([
    "bin/", str(environment.site.relative_to(environment.target.prefix)) + "/"]))

store.workspaces.rename = PortableRename()
environment = Environment(store, target_of(2))
environment.change(newer)
print("portable", environment.problems())
store.close()
print(store.leftovers())
"""


def test_an_environment_of_an_image(tmp_path: Path) -> None:
    """What an image has installed, in a lower layer of overlayfs, is upgraded, removed and undone.

    Folders of a lower layer cannot be renamed: they go file by file.
    """
    answer = subprocess.run(
        ["unshare", "--mount", sys.executable, "-c", ON_OVERLAY + REQUESTS, str(tmp_path)],
        capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )  # fmt: skip

    if "permi" in answer.stderr.lower():
        print("mounting is not allowed here: nothing was shown")
        return
    assert answer.stderr == ""
    assert answer.stdout.splitlines() == [
        "PathOccupied True",
        "upgraded []",
        "removed True",
        "portable []",
        "[]",
    ]
