"""Wheels for tests: small, whole and the same bytes each time, or broken in one chosen way.

make_wheel(tmp_path, "foo")                                  foo-1.0-py3-none-any.whl
make_wheel(tmp_path, "foo", "2.1", requires=["bar>=1"], extras={"all": ["baz"]})
make_wheel(tmp_path, "foo", files={"foo/__init__.py": "", "foo/data.bin": b"..."})
make_wheel(tmp_path, "foo", data={"scripts/run": "#!python\\n", "data/share/x": ""})
make_wheel(tmp_path, "foo", tamper=Tamper(wrong_hash={"foo/__init__.py"}))
"""

import base64
import hashlib
import io
import re
import warnings
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

EPOCH: Final = (2020, 1, 2, 3, 4, 6)
"""The time of every member, read as UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tamper:
    """What shall be wrong with a wheel. Member names are those in the archive."""

    wrong_hash: Collection[str] = ()
    """RECORD gives these members another sha256."""
    wrong_size: Collection[str] = ()
    """RECORD gives these members another size."""
    no_hash: Collection[str] = ()
    """RECORD names these members without a hash."""
    algorithm: str = "sha256"
    """What RECORD's hashes are made with, such as ``md5`` or ``sha512``."""
    unrecorded: Mapping[str, str | bytes] = field(default_factory=dict)
    """Further members, of which RECORD says nothing."""
    recorded: Mapping[str, str | bytes] = field(default_factory=dict)
    """Further members of any name, such as ``../evil``, that RECORD names too."""
    absent: Collection[str] = ()
    """Names in RECORD that are not in the archive."""
    omit: Collection[str] = ()
    """Members left out of the archive and of RECORD, such as the dist-info's WHEEL."""
    symlinks: Mapping[str, str] = field(default_factory=dict)
    """Members that are symbolic links, and what they point at."""
    duplicates: Collection[str] = ()
    """Members that are in the archive twice."""
    modes: Mapping[str, int] = field(default_factory=dict)
    """The whole ``st_mode`` of members, such as ``0o010644`` for a pipe."""
    record: Callable[[str], str] = str
    """What is made of RECORD's text at last."""


def make_wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    *,
    files: Mapping[str, str | bytes] | None = None,
    requires: Sequence[str] = (),
    extras: Mapping[str, Sequence[str]] | None = None,
    entry_points: str = "",
    requires_python: str | None = None,
    tag: str = "py3-none-any",
    build: str = "",
    purelib: bool = True,
    data: Mapping[str, str | bytes] | None = None,
    executables: Collection[str] = (),
    compress: bool | Collection[str] = True,
    stem: str | None = None,
    tamper: Tamper | None = None,
) -> Path:
    """Write a wheel into `folder` (made if missing) and give its path.

    Without `files` there is one module, ``<name>/__init__.py`` with its ``__version__``. The paths
    of `data` are below ``<name>-<version>.data/``. `executables` are members' names; `compress` may
    be those that are. `stem` is what the wheel's own folders are named with in place of the
    normalized name and version; the file's name stays.
    """
    file_stem = f"{escape(name)}-{version.replace('-', '_')}"
    stem = stem or file_stem
    dist_info = f"{stem}.dist-info"
    if files is None:
        files = {f"{escape(name)}/__init__.py": f'__version__ = "{version}"\n'}
    members = {path: _bytes(content) for path, content in files.items()}
    members |= {f"{stem}.data/{path}": _bytes(content) for path, content in (data or {}).items()}
    members[f"{dist_info}/METADATA"] = metadata(
        name, version, requires=requires, extras=extras, requires_python=requires_python
    ).encode()
    members[f"{dist_info}/WHEEL"] = wheel_file(tag, purelib=purelib).encode()
    if entry_points:
        members[f"{dist_info}/entry_points.txt"] = entry_points.encode()
    path = folder / f"{'-'.join(filter(None, (file_stem, build, tag)))}.whl"
    folder.mkdir(parents=True, exist_ok=True)
    writer = _Writer(
        record=f"{dist_info}/RECORD",
        executables=executables,
        compress=compress,
        tamper=tamper or Tamper(),
    )
    path.write_bytes(writer.archive(members))
    return path


def escape(name: str) -> str:
    """A project's name as it stands in file names (binary distribution format)."""
    return re.sub(r"[-_.]+", "_", name).lower()


def metadata(
    name: str,
    version: str,
    *,
    requires: Sequence[str] = (),
    extras: Mapping[str, Sequence[str]] | None = None,
    requires_python: str | None = None,
) -> str:
    """The text of METADATA."""
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    if requires_python is not None:
        lines.append(f"Requires-Python: {requires_python}")
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    for extra, requirements in (extras or {}).items():
        lines.append(f"Provides-Extra: {extra}")
        for requirement in requirements:
            base, _, marker = requirement.partition(";")
            condition = f'({marker.strip()}) and extra == "{extra}"' if marker else ""
            lines.append(f"Requires-Dist: {base.strip()}; " + (condition or f'extra == "{extra}"'))
    return "\n".join([*lines, ""])


def wheel_file(tag: str, *, purelib: bool = True, wheel_version: str = "1.0") -> str:
    """The text of WHEEL."""
    pythons, abis, platforms = (part.split(".") for part in tag.split("-"))
    tags = [f"{one}-{abi}-{plat}" for one in pythons for abi in abis for plat in platforms]
    lines = [
        f"Wheel-Version: {wheel_version}",
        "Generator: linkd-tests",
        f"Root-Is-Purelib: {str(purelib).lower()}",
        *(f"Tag: {tag}" for tag in tags),
    ]
    return "\n".join([*lines, ""])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Writer:
    record: str
    executables: Collection[str]
    compress: bool | Collection[str]
    tamper: Tamper

    def archive(self, members: Mapping[str, bytes]) -> bytes:
        """The archive's bytes: the members in their order, RECORD last."""
        tamper = self.tamper
        whole = {name: content for name, content in members.items() if name not in tamper.omit}
        whole |= {name: _bytes(content) for name, content in tamper.recorded.items()}
        whole |= {name: target.encode() for name, target in tamper.symlinks.items()}
        rows = [self._row(name, content) for name, content in whole.items()]
        rows += [f"{_quoted(name)},sha256={digest(b'')},0" for name in tamper.absent]
        rows.append(f"{_quoted(self.record)},,")
        whole |= {name: _bytes(content) for name, content in tamper.unrecorded.items()}
        if self.record not in tamper.omit and self.record not in whole:
            whole[self.record] = tamper.record("\n".join([*rows, ""])).encode()
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive, warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Duplicate name")
            for name, content in self._repeated(whole):
                archive.writestr(self._info(name), content)
        return buffer.getvalue()

    def _repeated(self, members: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
        for name, content in members.items():
            yield name, content
            if name in self.tamper.duplicates:
                yield name, content

    def _row(self, name: str, content: bytes) -> str:
        tamper = self.tamper
        size = len(content) + (name in tamper.wrong_size)
        if name in tamper.no_hash:
            return f"{_quoted(name)},,{size}"
        hashed = content + b"tampered" if name in tamper.wrong_hash else content
        return f"{_quoted(name)},{tamper.algorithm}={digest(hashed, tamper.algorithm)},{size}"

    def _info(self, name: str) -> zipfile.ZipInfo:
        info = zipfile.ZipInfo("placeholder", EPOCH)
        info.filename = info.orig_filename = name  # ZipInfo itself would mend hostile names
        info.create_system = 3
        mode = 0o100755 if name in self.executables else 0o100644
        if name.endswith("/"):
            mode = 0o040755
        if name in self.tamper.symlinks:
            mode = 0o120777
        info.external_attr = self.tamper.modes.get(name, mode) << 16
        compressed = self.compress if isinstance(self.compress, bool) else name in self.compress
        info.compress_type = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
        return info


def digest(content: bytes, algorithm: str = "sha256") -> str:
    """A hash as RECORD writes it: urlsafe base64 without padding."""
    raw = hashlib.new(algorithm, content, usedforsecurity=False).digest()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _quoted(name: str) -> str:
    if not set(name) & {",", '"', "\n", "\r"}:
        return name
    return '"' + name.replace('"', '""') + '"'


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content
