"""Fields of a file are compared with those of Python's csv module, one line at a time.

Definitions: ``data/README.md`` (UTF-8, comma, quoted or not), the docstring of the module
``rossmann_ml.ingest.reading`` (a line is a row) and of ``RowBlock`` (strings without quotes and
outer blanks, an empty field is missing, the header is line 1).
"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rossmann_ml.base.errors import BadFileError
from rossmann_ml.ingest.formats import STORE_STATES
from rossmann_ml.ingest.reading import open_rows

MIB = 1_048_576
QUOTES = "the quotes of the line do not pair"
Rows = dict[int, tuple[str | None, str | None]]  # store and state, by line
Bad = dict[int, tuple[str, str]]  # text and reason, by line

FIELDS = ("1", "HE", '"HB,NI"', '"2"', "", " 7 ", "\t8", '" 9 "', '""', '"a""b"', '"', 'x"y', "ä")
REST = ("\r", "\x0b", "\u2028")


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Draw a file with a header of two or three columns and lines of up to four odd fields."""
    columns = draw(
        st.permutations(draw(st.sampled_from([["Store", "State"], [*"x", "Store", "State"]])))
    )
    header = ",".join(columns)
    width = len(columns)
    line = st.lists(st.sampled_from(FIELDS), min_size=width, max_size=width) | st.lists(
        st.sampled_from((*FIELDS, *REST)), max_size=4
    )
    lines = [",".join(fields) for fields in draw(st.lists(line, max_size=7))]
    ends = draw(st.sampled_from(["\n", "\r\n"]))
    last = draw(st.sampled_from(["", ends]))
    return (ends.join([header, *lines]) + last).encode()


def by_the_csv_module(data: bytes) -> tuple[Rows, Bad]:
    header, *lines = [line.removesuffix("\r") for line in data.decode().split("\n")]
    names = header.split(",")
    rows: Rows = {}
    bad: Bad = {}
    for number, line in enumerate(lines, start=2):
        if not line.strip():
            continue
        try:
            (found,) = csv.reader([line], strict=True)
        except csv.Error:
            bad[number] = (line, QUOTES)
            continue
        if len(found) != len(names):
            bad[number] = (line, f"the line does not have {len(names)} fields")
            continue
        row = {name: field.strip(' \t"') or None for name, field in zip(names, found, strict=True)}
        rows[number] = (row["Store"], row["State"])
    return rows, bad


def is_cut(data: bytes, rows: Rows, bad: Bad) -> bool:
    """Return whether the last line is incomplete, so that lines after it may be missing too.

    A line with too many fields and a line end is a bad line, not a cut one.
    """
    if not bad or max(bad) < max(rows, default=0):
        return False
    has_too_many = bad[max(bad)][0].count(",") >= data.decode().splitlines()[0].count(",") + 1
    return not (has_too_many and data.endswith(b"\n"))


def read(path: Path, *, block_bytes: int = 10_000) -> tuple[Rows, Bad]:
    rows: Rows = {}
    bad: Bad = {}
    _, blocks = open_rows(path, STORE_STATES, block_bytes=block_bytes)
    for block in blocks:
        for line, _, store, state in block.fields.iter_rows():
            rows[line] = (store, state)
        bad.update({line: (text, why) for line, text, why in block.malformed.iter_rows()})
    return rows, bad


@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(files(), st.sampled_from([1, 7, 30, 10_000]))
def test_lines_are_split_as_the_csv_module_splits_them(
    tmp_path: Path, data: bytes, block_bytes: int
) -> None:
    path = tmp_path / "store_states.csv"
    path.write_bytes(data)
    rows, bad = by_the_csv_module(data)
    if not rows and not bad:
        with pytest.raises(BadFileError, match="line 1: there is a header but no row"):
            read(path, block_bytes=block_bytes)
    elif is_cut(data, rows, bad):
        line = max(bad)
        with pytest.raises(BadFileError) as refused:
            read(path, block_bytes=block_bytes)
        text, reason = bad[line]
        assert f", line {line}: the file is cut off: its last line is {text!r} ({reason}); " in str(
            refused.value
        )
    else:
        assert read(path, block_bytes=block_bytes) == (rows, bad)


def write(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "store_states.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(path: Path, *, block_bytes: int = 10_000) -> str:
    with pytest.raises(BadFileError) as refused:
        read(path, block_bytes=block_bytes)
    return str(refused.value).removeprefix(str(path))


@pytest.mark.parametrize(
    ("lines", "is_refused"),
    [
        ("1,HE\n2\n", True),
        ("1,HE\n2", True),
        ("1,HE\n2,HE,x", True),
        ("1,HE\n2,HE,x\n", False),
        ("1,HE\n2,HE,x\n\n \n", False),
        ("2\n1,HE\n", False),
        ("2\n1,HE", False),
        ("2\n3\n1,HE", False),
        ("2,HE,x\n", False),
        ("2,HE,x,y\n", False),
        ("2\n1,HE\n3\n", True),
        ("2\n", True),
        ("1,HE\n2\n\n\n\n", True),
    ],
)
@pytest.mark.parametrize("block_bytes", [1, 10_000])
def test_a_last_line_with_too_few_fields_or_no_line_end_is_a_cut_file(
    tmp_path: Path, lines: str, block_bytes: int, *, is_refused: bool
) -> None:
    path = write(tmp_path, f"Store,State\n{lines}")
    if is_refused:
        assert "the file is cut off" in refusal(path, block_bytes=block_bytes)
    else:
        assert len(read(path, block_bytes=block_bytes)[1]) == lines.count("2") + lines.count("3")


def test_a_cut_line_is_shown_with_200_characters(tmp_path: Path) -> None:
    message = refusal(write(tmp_path, "Store,State\n" + "x" * 300))
    assert f"last line is '{'x' * 200}' (the line" in message


@pytest.mark.parametrize("block_bytes", [1, 10_000])
def test_a_byte_order_mark_is_skipped_in_the_first_line_only(
    tmp_path: Path, block_bytes: int
) -> None:
    path = write(tmp_path, "\ufeffStore,State\n1,HE\n\ufeff2,BY\n")
    rows, _ = read(path, block_bytes=block_bytes)
    assert rows == {2: ("1", "HE"), 3: ("\ufeff2", "BY")}


@pytest.mark.parametrize(
    ("start", "spoken"),
    [
        (b"\xff\xfe", "UTF-16 text"),
        (b"\xfe\xff", "UTF-16 text"),
        (b"PK\x03\x04", "a zip archive or an Excel workbook"),
        (b"\x1f\x8b", "a gzip archive"),
    ],
)
def test_files_that_are_not_text_are_recognised_by_their_first_bytes(
    tmp_path: Path, start: bytes, spoken: str
) -> None:
    message = refusal(write(tmp_path, start + b"Store,State\n1,HE\n"))
    assert message == f", line 1: this is {spoken}; expected CSV text in UTF-8"


@pytest.mark.parametrize("block_bytes", [1, 14, 10_000])
@pytest.mark.parametrize("bad", [b"\0", b"\xfc"])
@pytest.mark.parametrize(
    ("before", "line", "byte"),
    [
        (b"", 1, 1),
        (b"St", 1, 3),
        (b"Store,State\n", 2, 1),
        (b"Store,State\n1,HE\n2", 3, 2),
        (b"Store,State\n1,HE\n\n3,\xc3\xa4", 4, 5),
    ],
)
def test_a_byte_that_is_not_text_is_named_with_line_and_position(
    tmp_path: Path, before: bytes, line: int, byte: int, bad: bytes, block_bytes: int
) -> None:
    message = refusal(write(tmp_path, before + bad + b"x\n9,BY\n"), block_bytes=block_bytes)
    spoken = "a NUL byte" if bad == b"\0" else "byte 0xFC is not UTF-8"
    assert message.startswith(f", line {line}, byte {byte} of the line: {spoken}")


def test_a_line_of_a_mebibyte_is_read_and_one_byte_more_is_refused(tmp_path: Path) -> None:
    start = "Store,State\n1,HE\n3,HE\n"
    longest = write(tmp_path, f"{start}{'x' * MIB}\n2,BY\n")
    rows, bad = read(longest, block_bytes=1)
    assert (rows, list(bad)) == ({2: ("1", "HE"), 3: ("3", "HE"), 5: ("2", "BY")}, [4])
    longer = write(tmp_path, f"{start}{'x' * (MIB + 1)}\n2,BY\n")
    assert refusal(longer, block_bytes=1).startswith(
        ", line 4: the line is longer than 1,048,576 bytes; expected rows"
    )
    assert ", line 4: the line is longer" in refusal(longer, block_bytes=len(start) + 1)


@pytest.mark.parametrize("content", ["", "\n", " \n\n", "\ufeff", "\r\n"])
def test_a_file_of_blanks_is_empty(tmp_path: Path, content: str) -> None:
    assert refusal(write(tmp_path, content)) == (
        ": the file is empty; expected a header of Store, State"
    )


def test_a_block_has_the_number_of_bytes_read_up_to_its_end(tmp_path: Path) -> None:
    path = write(tmp_path, "\ufeffStore,State\r\n1,HE\r\n\r\n2,ä\n3,BY")
    _, blocks = open_rows(path, STORE_STATES, block_bytes=1)
    assert [block.bytes_read for block in blocks] == [16, 22, 24, 29, 33]


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store_states.csv"
    assert refusal(path) == ": cannot be read: No such file or directory"
