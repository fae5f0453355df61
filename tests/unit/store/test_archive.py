"""Each archive here is refused for one reason; together they are what may come from an index."""

import contextlib
import io
import posixpath
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkd.errors import BrokenWheel, UnsafeWheel
from linkd.store.archive import open_archive
from linkd.store.contents import Contents, read_contents
from tests.support.wheels import Tamper, make_wheel, wheel_file

INFO = "foo-1.0.dist-info"
DATA = "foo-1.0.data"


def read(wheel: Path, filename: str | None = None) -> Contents:
    with open_archive(str(wheel), filename or wheel.name) as archive:
        return read_contents(archive)


def reasons(wheel: Path, error: type[BrokenWheel] | type[UnsafeWheel]) -> tuple[str, ...]:
    with pytest.raises(error) as caught:
        read(wheel)
    assert caught.value.filename == wheel.name
    return caught.value.reasons


def many(count: int) -> dict[str, str]:
    return {f"foo/{index}.py": "" for index in range(count)}


UNSAFE_NAMES = [
    ("../evil", "leaves its folder with '..'"),
    ("foo/../../evil", "leaves its folder with '..'"),
    ("/etc/evil", "is absolute"),
    ("foo\\evil", "has a backslash"),
    ("C:/evil", "begins with a drive letter"),
    ("foo//evil", "has an empty part"),
    ("foo/e\0vil", "has a control character"),
    ("x" * 256, "has a part over 255 bytes"),
]


@pytest.mark.parametrize(("name", "problem"), UNSAFE_NAMES)
def test_unsafe_name(tmp_path: Path, name: str, problem: str) -> None:
    """A member that would leave its folder is refused before anything is read."""
    wheel = make_wheel(tmp_path, "foo", tamper=Tamper(unrecorded={name: ""}))
    assert reasons(wheel, UnsafeWheel) == (f"{name!r} {problem}",)


UNSAFE = [
    (Tamper(symlinks={"foo/link": "/etc/passwd"}), "'foo/link' is a symbolic link"),
    (Tamper(recorded={"foo/p": ""}, modes={"foo/p": 0o010644}), "'foo/p' is not a file"),
    (Tamper(recorded={"foo/d": ""}, modes={"foo/d": 0o060644}), "'foo/d' is not a file"),
    (Tamper(duplicates=["foo/__init__.py"]), "'foo/__init__.py' is there 2 times"),
    (Tamper(recorded={"foo": ""}), "'foo' is both a file and a folder"),
    (Tamper(unrecorded={"foo/__init__.py/": ""}), "'foo/__init__.py' is both a file and a folder"),
    (Tamper(unrecorded={"foo/": "x"}), "'foo/' is a folder with content"),
    (Tamper(absent=["../evil"]), "RECORD lists '../evil', which leaves its folder with '..'"),
    (Tamper(absent=["/etc/evil"]), "RECORD lists '/etc/evil', which is absolute"),
    (Tamper(recorded={f"{DATA}/evil/x": ""}), f"'{DATA}/evil/x' is in no known scheme"),
    (Tamper(recorded={f"{DATA}/x": ""}), f"'{DATA}/x' is in no known scheme"),
    (
        Tamper(recorded={f"{DATA}/scripts/a/b": ""}),
        f"'{DATA}/scripts/a/b' has a path separator",
    ),
    (
        Tamper(recorded={f"{DATA}/scripts/python3": ""}),
        f"'{DATA}/scripts/python3' would take the place of the environment's own file",
    ),
    (
        Tamper(recorded={f"{DATA}/scripts/activate": ""}),
        f"'{DATA}/scripts/activate' would take the place of the environment's own file",
    ),
    (
        Tamper(recorded={f"{DATA}/data/bin/python": ""}),
        f"'{DATA}/data/bin/python' would take the place of the environment's own file",
    ),
    (
        Tamper(recorded={f"{DATA}/data/pyvenv.cfg": ""}),
        f"'{DATA}/data/pyvenv.cfg' would take the place of the environment's own file",
    ),
    *(
        (
            Tamper(recorded={f"{DATA}/data/{name}": ""}),
            f"'{DATA}/data/{name}' would take the place of the environment's own file",
        )
        for name in (".lock", ".gitignore", "CACHEDIR.TAG", "bin/pydoc.bat")
    ),
    *(
        (
            Tamper(recorded={name: ""}),
            f"'{name}' would list another distribution as installed",
        )
        for name in (
            f"{DATA}/purelib/bar-1.dist-info/METADATA",
            f"{DATA}/platlib/bar-1.dist-info/METADATA",
            f"{DATA}/platlib/bar-1.egg-info/PKG-INFO",
            f"{DATA}/platlib/{INFO}/INSTALLER",
            "bar-1.egg-info/PKG-INFO",
            "bar-1.egg-info",
            "bar-1.Dist-Info/METADATA",
            f"{DATA}/data/lib/python3.11/site-packages/bar-1.dist-info/METADATA",
            f"{DATA}/data/lib/python3.11/site-packages/{INFO}/INSTALLER",
            f"{DATA}/data/lib64/pypy3.10/site-packages/bar-1.egg-info",
        )
    ),
    (
        Tamper(recorded={f"{DATA}/platlib/foo/__init__.py": ""}),
        "'foo-1.0.data/platlib/foo/__init__.py' takes another file's place",
    ),
    (
        Tamper(recorded={f"{DATA}/purelib/{INFO}/RECORD": ""}),
        f"'{DATA}/purelib/{INFO}/RECORD' takes another file's place",
    ),
    (
        Tamper(recorded={f"{DATA}/purelib/foo": ""}),
        "'foo' is both a file and a folder of purelib",
    ),
]


@pytest.mark.parametrize(("tamper", "reason"), UNSAFE)
def test_unsafe(tmp_path: Path, tamper: Tamper, reason: str) -> None:
    """What would write where it must not is refused with the one reason."""
    assert reasons(make_wheel(tmp_path, "foo", tamper=tamper), UnsafeWheel) == (reason,)


BROKEN = [
    (Tamper(unrecorded={"foo/x": ""}), "'foo/x' is not in RECORD"),
    (Tamper(absent=["foo/y"]), "RECORD lists 'foo/y', which is not there"),
    (Tamper(no_hash=["foo/__init__.py"]), "'foo/__init__.py' has no hash in RECORD"),
    (Tamper(wrong_size=["foo/__init__.py"]), "'foo/__init__.py' has 20 bytes, 21 in RECORD"),
    (Tamper(omit=[f"{INFO}/RECORD"]), "it has no RECORD"),
    (Tamper(omit=[f"{INFO}/WHEEL"]), "it has no WHEEL"),
    (Tamper(omit=[f"{INFO}/METADATA"]), "it has no METADATA"),
    (
        Tamper(recorded={"bar-2.0.dist-info/METADATA": ""}),
        f"it has several dist-info folders: bar-2.0.dist-info, {INFO}",
    ),
    (
        Tamper(recorded={f"{INFO}/WHEEL": wheel_file("py3-none-any", wheel_version="2.0")}),
        "its Wheel-Version is '2.0', not 1.x",
    ),
    (
        Tamper(recorded={f"{INFO}/METADATA": "Metadata-Version: 2.1\nName: bar\nVersion: 1.0\n"}),
        "its METADATA is of bar 1.0, not its file name's",
    ),
    (
        Tamper(recorded={f"{INFO}/METADATA": "Metadata-Version: 2.1\nName: foo\nVersion: 1.1\n"}),
        "its METADATA is of foo 1.1, not its file name's",
    ),
    (
        Tamper(recorded={f"{INFO}/entry_points.txt": "[console_scripts]\na/b=a:b\n"}),
        "its entry_points.txt: the script name 'a/b' has a path separator",
    ),
    (
        Tamper(unrecorded={f"{INFO}/RECORD": "foo/__init__.py\n"}),
        "its RECORD cannot be read: RECORD line 1 has 1 columns instead of 3",
    ),
]


@pytest.mark.parametrize(("tamper", "reason"), BROKEN)
def test_broken(tmp_path: Path, tamper: Tamper, reason: str) -> None:
    """What contradicts itself is refused with the one reason."""
    assert reasons(make_wheel(tmp_path, "foo", tamper=tamper), BrokenWheel) == (reason,)


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha224"])
def test_weak_hash(tmp_path: Path, algorithm: str) -> None:
    """RECORD's hashes are of sha256 or better."""
    wheel = make_wheel(tmp_path, "foo", files={"foo.py": ""}, tamper=Tamper(algorithm=algorithm))
    assert f"'foo.py' has only a {algorithm} hash in RECORD" in reasons(wheel, BrokenWheel)


def test_no_dist_info(tmp_path: Path) -> None:
    """An archive without dist-info is no wheel."""
    names = [f"{INFO}/{name}" for name in ("METADATA", "WHEEL", "RECORD")]
    wheel = make_wheel(tmp_path, "foo", tamper=Tamper(omit=names))
    assert reasons(wheel, BrokenWheel) == ("it has no dist-info folder",)


def test_other_file_name(tmp_path: Path) -> None:
    """The file name's project and version are those inside."""
    wheel = make_wheel(tmp_path, "foo")
    other = wheel.rename(tmp_path / "bar-1.0-py3-none-any.whl")
    assert reasons(other, BrokenWheel) == (
        "its dist-info is of foo 1.0, not its file name's",
        "its METADATA is of foo 1.0, not its file name's",
    )


def test_no_wheel_name(tmp_path: Path) -> None:
    """A file name that is none of a wheel is told of."""
    wheel = make_wheel(tmp_path, "foo").rename(tmp_path / "foo.whl")
    assert reasons(wheel, BrokenWheel) == ("its file name is none of a wheel",)


def test_all_problems(tmp_path: Path) -> None:
    """Everything found is told at once, the unsafe things first."""
    tamper = Tamper(unrecorded={"foo/x": ""}, absent=["../evil", "foo/y"])
    assert reasons(make_wheel(tmp_path, "foo", tamper=tamper), UnsafeWheel) == (
        "RECORD lists '../evil', which leaves its folder with '..'",
        "'foo/x' is not in RECORD",
        "RECORD lists 'foo/y', which is not there",
    )


def test_many_problems(tmp_path: Path) -> None:
    """A message stays short however much is wrong."""
    found = reasons(make_wheel(tmp_path, "foo", tamper=Tamper(unrecorded=many(50))), BrokenWheel)
    assert (len(found), found[-1]) == (21, "and 30 more")


# Archives whose bytes were changed

Edit = Callable[[bytearray], bytes | bytearray | None]

LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


def edited(folder: Path, edit: Edit, **options: bool) -> Path:
    """A wheel of one file, `foo/__init__.py` first, with its bytes changed."""
    wheel = make_wheel(folder, "foo", compress=options.get("compress", True))
    content = bytearray(wheel.read_bytes())
    changed = edit(content)
    wheel.write_bytes(content if changed is None else changed)
    return wheel


def put(signature: bytes, offset: int, shape: str, value: int) -> Edit:
    """Write a number at an offset behind the first header of a kind."""

    def edit(content: bytearray) -> None:
        struct.pack_into(f"<{shape}", content, content.index(signature) + offset, value)

    return edit


def put_both(local: int, central: int, shape: str, value: int) -> Edit:
    def edit(content: bytearray) -> None:
        put(LOCAL, local, shape, value)(content)
        put(CENTRAL, central, shape, value)(content)

    return edit


FIRST = "'foo/__init__.py'"

BYTES = [
    (lambda _: b"not a zip file", "it is not a zip file"),
    (lambda _: b"", "it is not a zip file"),
    (lambda content: content[:-30], "it is cut short: the end of the zip file is missing"),
    (lambda content: content + b"more", "there is something behind the zip file's end"),
    (lambda content: b"#!" + content, "the zip directory is not where the file's end says"),
    (put(END, 4, "H", 1), "it is one of several volumes"),
    (put(CENTRAL, 0, "L", 0), "the zip directory has no entry at its byte 0"),
    (put(CENTRAL, 28, "H", 60000), "the zip directory is cut short"),
    (put_both(8, 10, "H", 12), f"{FIRST} is compressed with method 12, not stored or deflated"),
    (put_both(6, 8, "H", 1), f"{FIRST} is encrypted or a patch"),
    (put(LOCAL, 8, "H", 0), f"{FIRST} is packed otherwise in its own header"),
    (put(LOCAL, 14, "L", 1), f"{FIRST} has another size or checksum in its own header"),
    (put(LOCAL, 22, "L", 1), f"{FIRST} has another size or checksum in its own header"),
    (put(LOCAL, 30, "B", 0x67), f"{FIRST} is named b'goo/__init__.py' in its own header"),
    (put(LOCAL, 0, "L", 0), f"{FIRST} has no header of its own"),
    (put_both(6, 8, "H", 8), f"{FIRST} has another size or checksum in its descriptor"),
]


@pytest.mark.parametrize(("edit", "reason"), BYTES)
def test_edited_bytes(tmp_path: Path, edit: Edit, reason: str) -> None:
    """A zip file that two readers could read in two ways is refused."""
    assert reasons(edited(tmp_path, edit), BrokenWheel)[0] == reason


def test_end_says_another_count(tmp_path: Path) -> None:
    """The number of members is the one declared."""

    def edit(content: bytearray) -> None:
        struct.pack_into("<2H", content, content.index(END) + 8, 9, 9)

    assert reasons(edited(tmp_path, edit), BrokenWheel) == (
        "the zip directory has 4 entries and says it has 9",
    )


def test_overlap(tmp_path: Path) -> None:
    """Two members never share bytes: that is how archives are made that unpack without end."""

    def edit(content: bytearray) -> None:
        second = content.index(CENTRAL, content.index(CENTRAL) + 4)
        struct.pack_into("<L", content, second + 42, 0)

    found = reasons(edited(tmp_path, edit), UnsafeWheel)
    assert found[0] == f"'{INFO}/METADATA' overlaps what comes before it"


def test_offset_outside(tmp_path: Path) -> None:
    """A member that is said to lie outside of the file is refused."""
    found = reasons(edited(tmp_path, put(CENTRAL, 42, "L", 0xFFFFFFF0)), UnsafeWheel)
    assert f"{FIRST} overlaps what comes before it" in found


def test_hidden_bytes(tmp_path: Path) -> None:
    """Between the members there is nothing that another reader could find."""

    def edit(content: bytearray) -> bytes:
        first = content.index(CENTRAL)
        struct.pack_into("<L", content, content.index(END) + 16, first + 4)
        return bytes(content[:first] + b"more" + content[first:])

    assert reasons(edited(tmp_path, edit), BrokenWheel) == (
        "there is something hidden before the zip directory",
    )


def test_ratio(tmp_path: Path) -> None:
    """No member inflates more than deflate can do."""
    wheel = edited(tmp_path, put_both(22, 24, "L", 1 << 30))
    assert reasons(wheel, UnsafeWheel) == (f"{FIRST} inflates more than deflate can do",)


def test_two_sizes(tmp_path: Path) -> None:
    """A stored member has one size."""
    wheel = edited(tmp_path, put_both(22, 24, "L", 7), compress=False)
    assert reasons(wheel, BrokenWheel) == (f"{FIRST} is stored and has two sizes",)


def test_streamed_archive(tmp_path: Path) -> None:
    """Members whose sizes follow them, as streaming writers make them, are taken."""
    wheel = make_wheel(tmp_path, "foo")
    stream = _Unseekable()
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(stream, "w") as target:
        for info in source.infolist():
            target.writestr(info, source.read(info))
    wheel.write_bytes(stream.getvalue())
    assert read(wheel).name == "foo"


class _Unseekable(io.BytesIO):
    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise io.UnsupportedOperation

    def tell(self) -> int:
        raise io.UnsupportedOperation


def test_zip64(tmp_path: Path) -> None:
    """Members with the sizes of large files are taken."""
    wheel = make_wheel(tmp_path, "foo")
    buffer = io.BytesIO()
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(buffer, "w") as target:
        for info in source.infolist():
            with target.open(info.filename, "w", force_zip64=True) as member:
                member.write(source.read(info))
    wheel.write_bytes(buffer.getvalue())
    assert read(wheel).name == "foo"


def test_zip64_directory(tmp_path: Path) -> None:
    """A directory of more than 65,535 members is read."""
    wheel = make_wheel(tmp_path, "foo", files=many(65_600), compress=False)
    assert len(read(wheel).files) == 65_602


def test_folder_members(tmp_path: Path) -> None:
    """Members that are folders are not files of the wheel."""
    wheel = make_wheel(tmp_path, "foo", tamper=Tamper(unrecorded={"foo/": "", "empty/": ""}))
    assert [file.destination for file in read(wheel).files] == [
        f"{INFO}/METADATA",
        f"{INFO}/WHEEL",
        "foo/__init__.py",
    ]


@given(place=st.floats(0, 1, exclude_max=True), value=st.binary(min_size=1, max_size=8))
def test_damage_is_told(
    tmp_path_factory: pytest.TempPathFactory, place: float, value: bytes
) -> None:
    """Whatever bytes of an archive are damaged, it reads or is refused as a wheel."""
    wheel = make_wheel(tmp_path_factory.mktemp("damaged"), "foo")
    content = bytearray(wheel.read_bytes())
    at = int(place * len(content))
    content[at : at + len(value)] = value
    wheel.write_bytes(content)
    with contextlib.suppress(BrokenWheel, UnsafeWheel):
        assert read(wheel).name == "foo"


def test_metadata_below_a_package(tmp_path: Path) -> None:
    """Metadata that lists nothing, such as that of what a package bundles, is taken."""
    bundled = {
        "foo/_vendor/bar-1.dist-info/METADATA": "",
        f"{DATA}/data/share/foo/bar-1.dist-info/METADATA": "",
    }
    wheel = make_wheel(tmp_path, "foo", tamper=Tamper(recorded=bundled))

    assert bundled.keys() <= {file.member.name for file in read(wheel).files}


places = st.sampled_from(
    ["", f"{DATA}/scripts/", f"{DATA}/data/", f"{DATA}/headers/", f"{DATA}/purelib/", f"{DATA}/"]
)
tricks = st.lists(
    st.sampled_from(
        ["..", ".", "", "/", "\\", "C:", "\0", "a", "bin", "python", "foo", "é", "x.dist-info"]
    ),
    max_size=5,
)


@given(places, st.one_of(tricks.map("/".join), tricks.map("".join)))
def test_any_member_is_refused_or_stays_below(
    tmp_path_factory: pytest.TempPathFactory, place: str, trick: str
) -> None:
    """Whatever a member is called, it is refused, or goes below its scheme under a name of its own."""
    folder = tmp_path_factory.getbasetemp() / "members"
    wheel = make_wheel(folder, "foo", tamper=Tamper(recorded={f"{place}{trick}": "x"}))
    try:
        contents = read(wheel)
    except (BrokenWheel, UnsafeWheel):
        return
    for file in contents.files:
        joined = posixpath.normpath(f"/env/{file.scheme}/{file.destination}")
        assert joined == f"/env/{file.scheme}/{file.destination}"
        assert (file.scheme, file.destination) not in {
            ("scripts", "python"),
            ("data", "bin/python"),
        }
