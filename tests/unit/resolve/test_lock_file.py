from pathlib import Path
from typing import Any

import pytest

from linkd.core.formats import Formats, parse_names
from linkd.core.source import Source, SourceKind
from linkd.errors import InvalidLockFile
from linkd.resolve.lock_file import is_lock_file, read_lock_file
from linkd.resolve.requirement_file import RequirementFile
from tests.unit.resolve.world import INTERPRETER

ONE, TWO = "1" * 64, "2" * 64
HEAD = 'lock-version = "1.0"\ncreated-by = "test"\n'


def lock(text: str, path: str = "/app/pylock.toml") -> RequirementFile:
    return RequirementFile(path, HEAD + text)


def wheel(name: str, digest: str = ONE, *, tag: str = "py3-none-any") -> str:
    url = f"https://example.org/{name}-1.0-{tag}.whl"
    return f'{{ url = "{url}", size = 3, hashes = {{ sha256 = "{digest}" }} }}'


def package(name: str, *wheels: str, more: str = "") -> str:
    listed = ", ".join(wheels or (wheel(name),))
    return f'[[packages]]\nname = "{name}"\nversion = "1.0"\n{more}\nwheels = [{listed}]\n'


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("/x/pylock.toml", True),
        ("/x/pylock.dev.toml", True),
        ("/x/pylock.a.b.toml", False),
        ("/x/requirements.txt", False),
    ],
)
def test_names(name: str, expected: bool) -> None:
    """A lock file is known by the two names that PEP 751 gives it."""
    assert is_lock_file(name) is expected


def test_pins() -> None:
    """Each package is pinned to its file, with the hash and the size that the lock promises."""
    (first, second) = read_lock_file(lock(package("b") + package("a")), INTERPRETER).pins

    assert [first.name, second.name] == ["a", "b"]
    assert first.file.url == "https://example.org/a-1.0-py3-none-any.whl"
    assert first.file.size == 3
    assert first.required_hashes == {"sha256": frozenset({ONE})}
    assert not first.requested
    assert first.direct_url is None


def test_sdist() -> None:
    """A package without a wheel that fits is pinned to its source distribution."""
    sdist = f'{{ url = "https://example.org/a-1.0.tar.gz", hashes = {{ sha256 = "{TWO}" }} }}'
    text = package("a", wheel("a", tag="cp27-none-win32"), more=f"sdist = {sdist}")

    (pin,) = read_lock_file(lock(text), INTERPRETER).pins

    assert (pin.file.filename, str(pin.version)) == ("a-1.0.tar.gz", "1.0")
    assert pin.required_hashes == {"sha256": frozenset({TWO})}
    assert pin.direct_url is None


def test_best_wheel() -> None:
    """Of several wheels the one that fits the target best is taken."""
    tag = INTERPRETER.tags[0]
    text = package("a", wheel("a"), wheel("a", TWO, tag=tag))

    (pin,) = read_lock_file(lock(text), INTERPRETER).pins

    assert pin.file.sha256 == TWO


def test_markers_extras_and_groups() -> None:
    """Packages are chosen by markers, extras and groups; none given means the default groups."""
    file = lock(
        'extras = ["x"]\ndependency-groups = ["dev"]\ndefault-groups = ["dev"]\n'
        + package("win", more="marker = \"os_name == 'nt'\"")
        + package("extra", more="marker = \"'x' in extras\"")
        + package("dev", more="marker = \"'dev' in dependency_groups\"")
    )

    def names(**chosen: Any) -> list[str]:
        return [pin.name for pin in read_lock_file(file, INTERPRETER, **chosen).pins]

    assert names() == ["dev"]
    assert names(extras=("x",)) == ["dev", "extra"]
    assert names(groups=()) == []


def test_path_is_beside_the_lock_file() -> None:
    """A path is relative to the lock file."""
    text = package(
        "a", f'{{ path = "../wheels/a-1.0-py3-none-any.whl", hashes = {{ sha256 = "{ONE}" }} }}'
    )

    (pin,) = read_lock_file(lock(text), INTERPRETER).pins

    assert pin.file.url == Path("/wheels/a-1.0-py3-none-any.whl").as_uri()


def test_what_is_wanted_built() -> None:
    """--no-binary takes the source distribution where there is one, and refuses a mere wheel."""
    formats = Formats(no_binary=parse_names(("a",)))
    sdist = f'{{ url = "https://example.org/a-1.0.tar.gz", hashes = {{ sha256 = "{TWO}" }} }}'
    both = lock(package("a", more=f"sdist = {sdist}"))
    (pin,) = read_lock_file(both, INTERPRETER, formats=formats).pins
    assert pin.file.filename == "a-1.0.tar.gz"
    with pytest.raises(InvalidLockFile, match="locked to a wheel only"):
        read_lock_file(lock(package("a")), INTERPRETER, formats=formats)


def vcs(text: str) -> str:
    return f'[[packages]]\nname = "a"\n[packages.vcs]\n{text}'


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (
            vcs(
                'type = "git"\nurl = "https://example.org/a.git"\nrequested-revision = "main"\n'
                'commit-id = "c0ffee"\nsubdirectory = "sub/dir"\n'
            ),
            Source(
                kind=SourceKind.GIT,
                url="https://example.org/a.git",
                revision="c0ffee",
                subdirectory="sub/dir",
            ),
        ),
        (
            vcs('type = "git"\npath = "../b c"\ncommit-id = "c0ffee"\n'),
            Source(kind=SourceKind.GIT, url="file:///b%20c", revision="c0ffee"),
        ),
        (
            '[[packages]]\nname = "a"\n[packages.directory]\npath = "/usr"\neditable = true\n',
            Source(kind=SourceKind.TREE, url="file:///usr", editable=True),
        ),
        (
            (
                '[[packages]]\nname = "a"\n[packages.archive]\nsubdirectory = "x"\n'
                f'path = "a.tar.gz"\nhashes = {{ sha256 = "{ONE}" }}\n'
            ),
            Source(kind=SourceKind.ARCHIVE, url="file:///app/a.tar.gz", subdirectory="x"),
        ),
    ],
)
def test_what_has_to_be_built(text: str, source: Source) -> None:
    """Folders, repositories and archives of sources are told apart from wheels, and are no pins."""
    locked = read_lock_file(lock(text), INTERPRETER)
    (found,) = locked.sources

    assert (locked.pins, found.asked.source) == ((), source)
    assert found.asked.origin == "/app/pylock.toml packages[0]"


def test_archive_is_a_direct_url() -> None:
    """A wheel that the lock names as an archive is recorded as installed from its URL."""
    text = (
        '[[packages]]\nname = "a"\n[packages.archive]\n'
        f'url = "https://example.org/a-1.0-py3-none-any.whl"\nhashes = {{ sha256 = "{ONE}" }}\n'
    )

    (pin,) = read_lock_file(lock(text), INTERPRETER).pins

    assert pin.direct_url is not None
    assert pin.direct_url.url == "https://example.org/a-1.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[[packages]]\nversion = 1\n", "packages[0]"),
        ("nope = \n", "pylock.toml:3: "),
        (package("a", more='requires-python = ">=99"'), "99"),
        (package("a", wheel("a", tag="cp27-none-win32")), "a"),
        (package("a") + package("a"), "multiple packages"),
        (package("b", wheel("a")).replace('version = "1.0"', 'version = "2.0"'), "b"),
        (
            '[[packages]]\nname = "a"\n[packages.directory]\npath = "none"\n',
            "a is file:///app/none: there is no such folder",
        ),
        (
            (
                '[[packages]]\nname = "a"\n[packages.archive]\n'
                f'url = "https://u:secret@example.org/a.txt"\nhashes = {{ sha256 = "{ONE}" }}\n'
            ),
            "a is https://example.org/a.txt: it cannot be built",
        ),
        (
            vcs('type = "hg"\nurl = "https://example.org/a"\ncommit-id = "12"\n'),
            "a is in a repository of hg, not of git",
        ),
        (
            vcs('type = "git"\nurl = "ext::sh -c x"\ncommit-id = "12"\n'),
            "a: ",
        ),
        (
            vcs('type = "git"\nurl = "https://example.org/a"\ncommit-id = "--upload-pack=x"\n'),
            "'--upload-pack=x' is not a revision",
        ),
    ],
)
def test_refused(text: str, reason: str) -> None:
    """What is malformed, contradicts itself or does not fit is refused with the place in it."""
    with pytest.raises(InvalidLockFile) as caught:
        read_lock_file(lock(text), INTERPRETER)

    assert caught.value.path == "/app/pylock.toml"
    assert reason in caught.value.detail
    assert "secret" not in caught.value.detail
