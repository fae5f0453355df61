"""RECORD is read and written as PEP 376 and 627 say."""

import base64
import contextlib
import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkd.core.installed import RecordRow
from linkd.core.record import RecordHash, format_record, parse_record, parse_record_hashes

DIGEST = "A" * 42 + "_"

paths = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40
)
digests = st.binary(min_size=32, max_size=32).map(
    lambda raw: base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
)
records = st.lists(
    st.builds(
        RecordRow,
        path=paths,
        sha256=st.none() | digests,
        size=st.none() | st.integers(min_value=0, max_value=2**50),
    ),
    unique_by=lambda row: row.path,
    max_size=8,
).map(tuple)


@given(records)
def test_what_is_written_is_read_back(rows: tuple[RecordRow, ...]) -> None:
    """Any rows survive being written and read: every path, with quotes, commas and line ends too."""
    assert parse_record(format_record(rows)) == rows


@given(records)
def test_what_is_written_is_csv(rows: tuple[RecordRow, ...]) -> None:
    """The standard library's reader finds the same paths in what is written."""
    reader = csv.reader(io.StringIO(format_record(rows), newline=""))
    assert [columns[0] for columns in reader] == [row.path for row in rows]


@given(
    records.filter(lambda rows: not any("\r" in row.path for row in rows)),
    st.booleans(),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_others_write_is_read(rows: tuple[RecordRow, ...], quotes_all: bool, end: str) -> None:
    """What the standard library's writer makes of any rows, however it quotes, is read back."""
    written = io.StringIO(newline="")
    csv.writer(
        written, quoting=csv.QUOTE_ALL if quotes_all else csv.QUOTE_MINIMAL, lineterminator=end
    ).writerows((row.path, f"sha256={row.sha256}" if row.sha256 else "", row.size) for row in rows)
    assert parse_record(written.getvalue()) == rows


@given(st.text(max_size=200))
def test_hostile_text_is_read_or_refused(text: str) -> None:
    """Any text is either read or refused as a wrong value, never anything else."""
    with contextlib.suppress(ValueError):
        rows = parse_record(text)
        assert len({row.path for row in rows}) == len(rows)


def test_rows_are_kept_in_order() -> None:
    """Rows come in the order of the text, each with its hash and size."""
    text = f"b.py,sha256={DIGEST},12\na.py,sha256={DIGEST},0\nx.dist-info/RECORD,,\n"
    assert parse_record(text) == (
        RecordRow(path="b.py", sha256=DIGEST, size=12),
        RecordRow(path="a.py", sha256=DIGEST, size=0),
        RecordRow(path="x.dist-info/RECORD"),
    )


def test_lines_end_with_a_newline_alone() -> None:
    """A written line ends with a newline, whatever `csv` would take."""
    rows = (RecordRow(path="a", sha256=DIGEST, size=1), RecordRow(path="RECORD"))
    assert format_record(rows) == f"a,sha256={DIGEST},1\nRECORD,,\n"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_is_read(end: str) -> None:
    """What was written on another system is read all the same, empty lines too."""
    assert parse_record(f"a,,1{end}{end}b,,2{end}") == (
        RecordRow(path="a", size=1),
        RecordRow(path="b", size=2),
    )


def test_unicode_line_separators_are_no_line_ends() -> None:
    """A path may have the characters at which `str.splitlines` would break it."""
    path = "a\x0b\x0c\x1c\x85\u2028b"
    assert parse_record(f"{path},,\n") == (RecordRow(path=path),)


def test_padding_is_dropped() -> None:
    """A digest that some tool padded is kept without padding."""
    assert parse_record(f"a,sha256={DIGEST}=,1\n")[0].sha256 == DIGEST


def test_another_algorithm_keeps_the_row_without_hash() -> None:
    """A row hashed with another algorithm stays, its hash unknown to the row."""
    assert parse_record("a,sha512=QUJD,3\n") == (RecordRow(path="a", size=3),)


def test_every_algorithm_can_be_checked() -> None:
    """Algorithm and digest of every row can be had, so that sha384 and sha512 are checked too."""
    text = f"a,SHA512=QUJD==,3\nb,sha256={DIGEST},\nRECORD,,\n"
    assert parse_record_hashes(text) == (
        RecordHash("a", "sha512", "QUJD", 3),
        RecordHash("b", "sha256", DIGEST, None),
        RecordHash("RECORD", None, None, None),
    )


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("a,", "2 columns"),
        ("a,,1,", "4 columns"),
        (",,1", "no usable path"),
        ("a\0b,,1", "no usable path"),
        ("a,sha256,1", "algorithm=digest"),
        ("a,sha256=,1", "algorithm=digest"),
        ("a,sha256=QUJD,1", "not the digest of a sha256"),
        (f"a,sha256={'/' * 43},1", "algorithm=digest"),
        ("a,,-1", "for a size"),
        ("a,,1_0", "for a size"),
        ("a,,\u0663", "for a size"),
        ("a,," + "9" * 5000, "for a size"),
        ('"a"b,,1', "comma-separated"),
        ('"a,,1', "comma-separated"),
        ("x" * 200_000 + ",,", "comma-separated"),
    ],
)
def test_a_bad_row_is_refused(row: str, problem: str) -> None:
    """A row that is not three usable columns is refused with the reason."""
    with pytest.raises(ValueError, match=problem):
        parse_record(f"{row}\n")


def test_a_row_that_is_repeated_counts_once() -> None:
    """The same row again, which installers and build tools have written, harms nobody."""
    text = f"a,sha256={DIGEST},1\nRECORD,,\na,sha256={DIGEST}=,1\nRECORD,,\n"
    assert parse_record(text) == (
        RecordRow(path="a", sha256=DIGEST, size=1),
        RecordRow(path="RECORD"),
    )
    assert [row.path for row in parse_record_hashes(text)] == ["a", "RECORD"]


def test_rows_that_contradict_each_other() -> None:
    """Of a wheel they are refused; of what is installed the path alone is known then."""
    with pytest.raises(ValueError, match="line 2 lists 'a' again, and otherwise"):
        parse_record_hashes("a,,1\na,,2\n")
    assert parse_record("a,,1\nb,,\na,,2\n") == (RecordRow(path="a"), RecordRow(path="b"))


def test_all_problems_are_told() -> None:
    """Everything wrong with a record is told at once, with its line."""
    with pytest.raises(ValueError, match=r"line 1 .*; RECORD line 3 .*; RECORD line 3 .*"):
        parse_record("a\nb,,1\nc,md5,x\n")
