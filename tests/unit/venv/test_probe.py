"""An environment's path becomes a target, and its interpreter runs only where nothing is known."""

import asyncio
import json
import os
import shutil
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from linkd.errors import EnvironmentMissing, InterpreterFailed, NotAnEnvironment
from linkd.venv.interpreter import InterpreterRefused, probe_interpreter
from linkd.venv.layout import find_layout
from linkd.venv.probe import Prober
from tests.unit.venv.environments import (
    Memory,
    ask,
    base_python,
    make_environment,
    real,
    site_packages_of,
)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_environment(tmp_path_factory.mktemp("probe") / "env")


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_environment(tmp_path_factory.mktemp("probe") / "copied", "--copies")


@pytest.fixture(scope="module")
def memory() -> Memory:
    """Shared by the tests of this module: the interpreter is run for the first of them."""
    return Memory()


@pytest.fixture
def prober(memory: Memory) -> Prober:
    return Prober(memory)


class CountingInterpreter:
    """A base installation of its own, whose interpreter notes each run and can be spoilt.

    It is a program that hands over to the running interpreter under its own name, so what it says
    of itself names the program.
    """

    def __init__(self, root: Path) -> None:
        self.path = root / "base" / "bin" / "python3"
        self.log = root / "runs"
        self.path.parent.mkdir(parents=True)
        self.speak = f'"{base_python()}" "$@" | sed "s|{base_python()}|{self.path}|"'
        self.write(self.speak)

    def write(self, body: str) -> None:
        self.path.write_text(f'#!/bin/sh\necho run >> "{self.log}"\n{body}\n')
        self.path.chmod(0o755)

    @property
    def runs(self) -> int:
        return self.log.read_text().count("run") if self.log.exists() else 0

    def make_environment(self, path: Path) -> Path:
        """What venv would make from it, of the running interpreter's version."""
        site_packages = path / os.path.relpath(sysconfig.get_path("purelib"), sys.prefix)
        site_packages.mkdir(parents=True)
        (path / "bin").mkdir()
        (path / "bin" / "python").symlink_to(self.path)
        (path / "pyvenv.cfg").write_text(f"home = {self.path.parent}\n")
        return path


@pytest.fixture
def counting(tmp_path: Path) -> CountingInterpreter:
    return CountingInterpreter(tmp_path)


async def test_the_target_is_what_the_interpreter_says(environment: Path, prober: Prober) -> None:
    """Prefix, paths and version are those that the environment's own interpreter knows."""
    target = await prober.probe(str(environment))
    said = ask(
        environment / "bin" / "python",
        "import json, sys, sysconfig, platform\n"
        "print(json.dumps([sys.prefix, sys.implementation.cache_tag, platform.python_version(),\n"
        "  *(sysconfig.get_path(k) for k in ('purelib', 'platlib', 'scripts', 'data'))]))",
    )
    prefix, cache_tag, version, *paths = json.loads(said)
    interpreter, scheme = target.interpreter, target.scheme
    assert (str(target.prefix), interpreter.cache_tag) == (prefix, cache_tag)
    assert interpreter.version == version
    assert real(scheme.purelib, scheme.platlib, scheme.scripts, scheme.data) == real(*paths)


async def test_headers_go_where_pip_puts_them(environment: Path, prober: Prober) -> None:
    """The parent of the projects' header folders is include/site/pythonX.Y."""
    target = await prober.probe(str(environment))
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    assert target.scheme.headers == environment / "include" / "site" / version


async def test_markers_and_tags_are_packagings(environment: Path, prober: Prober) -> None:
    """Markers and tags are what `packaging` says of the interpreter."""
    target = await prober.probe(str(environment))
    said = ask(
        sys.executable,
        "import json; from packaging.tags import sys_tags; from packaging.markers import "
        "default_environment as e; print(json.dumps([e(), list(map(str, sys_tags()))]))",
    )
    markers, tags = json.loads(said)
    assert (dict(target.interpreter.markers), list(target.interpreter.tags)) == (markers, tags)


async def test_identity_is_that_of_site_packages(environment: Path, prober: Prober) -> None:
    """The target's identity is the device and inode of site-packages."""
    target = await prober.probe(str(environment))
    status = site_packages_of(environment).stat()
    assert target.identity == (status.st_dev, status.st_ino)


async def test_a_link_names_the_same_environment(
    environment: Path, prober: Prober, tmp_path: Path
) -> None:
    """Through a link the prefix is as asked, the identity the same."""
    link = tmp_path / "link"
    link.symlink_to(environment)
    through, direct = await prober.probe(str(link)), await prober.probe(str(environment))
    assert through.prefix == link
    assert through.identity == direct.identity


@pytest.mark.parametrize("name", ["python", "python3"])
async def test_an_interpreter_names_its_environment(
    environment: Path, prober: Prober, name: str
) -> None:
    """The interpreter in an environment means that environment."""
    by_interpreter = await prober.probe(str(environment / "bin" / name))
    assert by_interpreter == await prober.probe(str(environment))


async def test_a_link_to_an_interpreter_names_its_environment(
    environment: Path, prober: Prober, tmp_path: Path
) -> None:
    """A link from elsewhere to an environment's interpreter means that environment."""
    link = tmp_path / "py"
    link.symlink_to(environment / "bin" / "python")
    assert (await prober.probe(str(link))).prefix == environment


async def test_needless_parts_of_a_path_do_not_matter(environment: Path, prober: Prober) -> None:
    """Slashes, dots and parent folders in a path name the same prefix."""
    paths = [f"{environment}/", f"{environment}/./", f"{environment}/lib/..", f"/{environment}"]
    targets = [await prober.probe(path) for path in paths]
    assert real(*(target.prefix for target in targets)) == real(environment) * len(paths)
    assert {len(target.prefix.parts) for target in targets} == {len(environment.parts)}


async def test_a_copied_interpreter_leads_to_its_base(copied: Path, prober: Prober) -> None:
    """An environment made with copies has the base that its configuration names."""
    target = await prober.probe(str(copied))
    assert not (copied / "bin" / "python").is_symlink()
    assert target.interpreter.executable == base_python()
    assert target.prefix == copied


async def test_one_path_where_lib64_is_lib(environment: Path, prober: Prober) -> None:
    """Where purelib and platlib are one folder they are one path."""
    target = await prober.probe(str(environment))
    purelib, platlib = target.scheme.purelib, target.scheme.platlib
    assert (purelib == platlib) is (real(purelib) == real(platlib))


async def test_a_fresh_environment_runs_nothing(
    counting: CountingInterpreter, tmp_path: Path
) -> None:
    """Of any number of environments of one base only the first runs its interpreter."""
    prober = Prober(Memory())
    for i in range(5):
        await prober.probe(str(counting.make_environment(tmp_path / f"env{i}")))
    assert counting.runs == 1


async def test_another_daemon_remembers(counting: CountingInterpreter, tmp_path: Path) -> None:
    """What was learnt is remembered beyond the prober's life, to the same target."""
    memory = Memory()
    environment = str(counting.make_environment(tmp_path / "env"))
    first = await Prober(memory).probe(environment)
    second = await Prober(memory).probe(environment)
    assert (second, counting.runs) == (first, 1)


async def test_a_replaced_interpreter_is_learnt_anew(
    counting: CountingInterpreter, tmp_path: Path
) -> None:
    """An upgrade of the base in place is noticed by its inode or its time."""
    prober = Prober(Memory())
    environment = str(counting.make_environment(tmp_path / "env"))
    await prober.probe(environment)
    os.utime(counting.path, ns=(1, 1))
    await prober.probe(environment)
    replacement = counting.path.with_name("new")
    shutil.copy2(counting.path, replacement)
    replacement.rename(counting.path)
    await prober.probe(environment)
    assert counting.runs == 3


async def test_concurrent_probes_share_one_run(
    counting: CountingInterpreter, tmp_path: Path
) -> None:
    """Probes of one base at the same time wait for one run."""
    prober = Prober(Memory())
    paths = [str(counting.make_environment(tmp_path / f"env{i}")) for i in range(8)]
    await asyncio.gather(*map(prober.probe, paths))
    assert counting.runs == 1


async def test_who_gives_up_stops_no_other(counting: CountingInterpreter, tmp_path: Path) -> None:
    """A probe that is cancelled leaves the shared run to the others."""
    prober = Prober(Memory())
    one, other = (
        asyncio.create_task(prober.probe(str(counting.make_environment(tmp_path / name))))
        for name in ("one", "other")
    )
    await asyncio.sleep(0)
    one.cancel()
    assert (await other).prefix == tmp_path / "other"
    assert (one.cancelled(), counting.runs) == (True, 1)


async def test_a_wrapper_is_asked_each_time(counting: CountingInterpreter, tmp_path: Path) -> None:
    """What another program says of itself is not remembered of the one that started it."""
    counting.write(f'exec "{base_python()}" "$@"')
    memory = Memory()
    prober = Prober(memory)
    environment = str(counting.make_environment(tmp_path / "env"))
    await prober.probe(environment)
    await prober.probe(environment)
    assert (counting.runs, len(memory)) == (2, 0)


async def test_a_spoilt_memory_is_no_obstacle(environment: Path) -> None:
    """What the memory holds and cannot be read is learnt anew."""

    class Spoilt(Memory):
        def interpreter(self, _key: str, /) -> bytes | None:
            return b"\xc1 spoilt"

    spoilt = Spoilt()
    target = await Prober(spoilt).probe(str(environment))
    assert target.interpreter.executable == base_python()
    assert len(spoilt) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("echo broken >&2; exit 3", "status 3 and said 'broken'"),
        ("echo hello", "cannot be understood"),
        ("echo '{}'", "Python"),
        ('echo \'{"facts": {"prefix": 1}}\'', "cannot be understood"),
        ('echo \'{"unsupported": "3.8.1"}\'', "it is Python 3.8.1; Python 3.9 and newer"),
        ("head -c 3000000 /dev/zero", "more than 1 MiB"),
        ("kill -9 $$", "status -9"),
    ],
)
async def test_an_interpreter_that_fails_is_told(
    counting: CountingInterpreter, tmp_path: Path, body: str, reason: str
) -> None:
    """An interpreter that does not tell its facts is named with the reason."""
    counting.write(body)
    environment = str(counting.make_environment(tmp_path / "env"))
    with pytest.raises(InterpreterFailed) as caught:
        await Prober(Memory()).probe(environment)
    assert reason in caught.value.reason
    assert (caught.value.environment, caught.value.interpreter) == (environment, str(counting.path))


async def test_a_failure_is_not_remembered(counting: CountingInterpreter, tmp_path: Path) -> None:
    """An interpreter that failed once is asked again."""
    prober = Prober(Memory())
    environment = str(counting.make_environment(tmp_path / "env"))
    counting.write("exit 1")
    with pytest.raises(InterpreterFailed):
        await prober.probe(environment)
    counting.write(f'exec "{base_python()}" "$@"')
    assert (await prober.probe(environment)).prefix == tmp_path / "env"


async def test_what_is_no_program_is_refused(tmp_path: Path) -> None:
    """A file that the system cannot execute is refused with its reason."""
    program = tmp_path / "python"
    program.write_bytes(b"\x7fELF broken")
    program.chmod(0o755)
    with pytest.raises(InterpreterRefused, match="cannot be run"):
        await probe_interpreter(str(program))


async def test_the_environments_variables_do_not_reach_it(
    environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interpreter is run isolated: no variable of the user's changes its facts."""
    (tmp_path / "packaging.py").write_text("raise SystemExit('not this one')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONHOME", str(tmp_path))
    target = await Prober(Memory()).probe(str(environment))
    assert target.interpreter.executable == base_python()


async def test_nothing_there(tmp_path: Path, prober: Prober) -> None:
    """A path with nothing at it is a missing environment."""
    (tmp_path / "file").touch()
    for path in (tmp_path / "none", tmp_path / "file" / "env", tmp_path / "no" / "bin" / "python"):
        with pytest.raises(EnvironmentMissing):
            await prober.probe(str(path))


def make_skeleton(path: Path, *, home: str = "/nowhere/bin") -> Path:
    (path / "bin").mkdir(parents=True)
    (path / "pyvenv.cfg").write_text(f"home = {home}\nversion = 3.11.0\n")
    return path


def make_empty(path: Path) -> None:
    path.mkdir()


def make_file(path: Path) -> None:
    path.write_text("x")


def make_dangling_folder(path: Path) -> None:
    path.symlink_to("nowhere")


def make_without_interpreter(path: Path) -> None:
    make_skeleton(path)


def make_with_dangling_interpreter(path: Path) -> None:
    (make_skeleton(path) / "bin" / "python").symlink_to("/nowhere/bin/python3")


def make_with_looping_interpreter(path: Path) -> None:
    (make_skeleton(path) / "bin" / "python").symlink_to("python")


def make_copied_from_nowhere(path: Path) -> None:
    shutil.copy("/bin/sh", make_skeleton(path) / "bin" / "python")


def make_copied_from_itself(path: Path) -> None:
    shutil.copy("/bin/sh", make_skeleton(path, home=str(path / "bin")) / "bin" / "python")


def make_without_site_packages(path: Path) -> None:
    (make_skeleton(path) / "bin" / "python").symlink_to(base_python())


def make_without_configuration(path: Path) -> None:
    (path / "bin").mkdir(parents=True)
    (path / "bin" / "python").symlink_to(base_python())


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (make_empty, "it has no pyvenv.cfg"),
        (make_file, "neither a folder nor an interpreter"),
        (make_dangling_folder, "a link to nowhere, which is gone"),
        (make_without_interpreter, "it has no interpreter bin/python"),
        (make_with_dangling_interpreter, "is a dangling link"),
        (make_with_looping_interpreter, "is a dangling link"),
        (make_copied_from_nowhere, "made from is gone from /nowhere/bin"),
        (make_copied_from_itself, "made from is gone from"),
        (make_without_site_packages, "site-packages: No such file or directory"),
        (make_without_configuration, "it has no pyvenv.cfg, and its interpreter belongs to"),
    ],
)
async def test_what_is_no_environment_is_refused(
    tmp_path: Path, prober: Prober, make: Callable[[Path], None], reason: str
) -> None:
    """Something else, or an environment with a part missing, is refused with the reason."""
    make(tmp_path / "env")
    with pytest.raises(NotAnEnvironment) as caught:
        await prober.probe(str(tmp_path / "env"))
    assert reason in caught.value.reason


@pytest.mark.parametrize("path", ["relative/env", "", "/tmp/a\0b", "/tmp/\udcff"])
async def test_a_path_that_is_none_is_refused(prober: Prober, path: str) -> None:
    """A path that is not absolute, or that no script could name, is refused; its text can be shown."""
    with pytest.raises(NotAnEnvironment) as caught:
        await prober.probe(path)
    assert str(caught.value).encode()


def test_a_hostile_configuration_is_read(tmp_path: Path) -> None:
    """Whatever stands in pyvenv.cfg, finding the parts ends with an answer."""
    environment = make_skeleton(tmp_path / "env")
    (environment / "bin" / "python").symlink_to(base_python())
    (environment / "pyvenv.cfg").write_bytes(b"home\n= x\n\xff\xfe = \0\n" + b"a=" * 100_000)
    layout = find_layout(str(environment))
    assert (layout.prefix, layout.base) == (str(environment), base_python())


async def test_a_base_interpreter_is_an_environment_too(prober: Prober) -> None:
    """A base interpreter, named by its path, means its own default scheme."""
    code = "import sys, sysconfig; print(sys.prefix, sysconfig.get_path('purelib'), sep='\\n')"
    prefix, purelib = ask(base_python(), code, "-I").splitlines()
    target = await prober.probe(base_python())
    assert (str(target.prefix), str(target.scheme.purelib)) == (prefix, purelib)


async def test_a_base_installation_is_named_by_its_folder(prober: Prober) -> None:
    """A base installation's own folder means the same as its interpreter."""
    by_interpreter = await prober.probe(base_python())
    by_folder = await prober.probe(str(by_interpreter.prefix))
    assert (by_folder.scheme, by_folder.identity) == (
        by_interpreter.scheme,
        by_interpreter.identity,
    )


async def test_external_management_is_the_bases_alone(
    counting: CountingInterpreter, tmp_path: Path
) -> None:
    """EXTERNALLY-MANAGED counts for the interpreter itself, not for its environments."""
    said = '"externally_managed": '
    counting.write(f"{counting.speak} | sed 's|{said}null|{said}\"by the system\"|'")
    environment = counting.make_environment(tmp_path / "env")
    prober = Prober(Memory())
    of_base = await prober.probe(str(counting.path))
    of_environment = await prober.probe(str(environment))
    assert of_base.interpreter.externally_managed is not None
    assert of_environment.interpreter.externally_managed is None
    assert counting.runs == 1
