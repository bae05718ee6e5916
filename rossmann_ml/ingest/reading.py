"""Read a CSV file block by block into text fields with line numbers.

Entry point: :func:`open_rows`, which raises an error for files that are empty, cut off or not
UTF-8. :mod:`~rossmann_ml.ingest.checks` checks the fields. One line is one row, because no file of
the retailer has a line end within quotes.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import polars as pl

from rossmann_ml.base.errors import BadFileError
from rossmann_ml.ingest.formats import FileFormat
from rossmann_ml.ingest.header import read_header

# DuckDB's read_csv(store_rejects = true) is no replacement: after an unpaired quote it loses the
# good lines that follow, mixed line ends fail the whole file, and it reads 1.5 as whole number 2.

# Bytes of a file in memory at a time; no result depends on it.
BLOCK_BYTES = 16 * 1024 * 1024
# Bytes that are read after a block to find the line's end; a longer line is not a row.
LONGEST_LINE_BYTES = 1024 * 1024
_MARK_UTF8 = b"\xef\xbb\xbf"
_SIGNATURES = {
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\x1f\x8b": "a gzip archive",
}

# number of the first line, lines, number of bytes read from the start of the file
_Text = tuple[int, list[str], int]


@dataclass(frozen=True)
class RowBlock:
    """Consecutive rows of a file.

    Attributes:
        fields: ``line_number``, ``row_text`` (the whole line) and the format's columns, and the
            currency if the file has it, under their names in the header, as strings without quotes
            and outer blanks; NULL for empty fields.
        malformed: ``line_number``, ``row_text``, ``reason`` of lines whose number of fields or
            whose quotes are wrong.
        bytes_read: Number of bytes from the start of the file to the end of this block.
    """

    fields: pl.DataFrame
    malformed: pl.DataFrame
    bytes_read: int


def open_rows(
    path: Path, file_format: FileFormat, *, block_bytes: int = BLOCK_BYTES
) -> tuple[list[str], Iterator[RowBlock]]:
    """Check the header of a file and return an iterator over its rows.

    Args:
        path: Path of the file.
        file_format: Expected columns, from the file's name.
        block_bytes: Number of bytes in memory at a time.

    Returns:
        The column names in the file's order, and an iterator over blocks of rows. The iterator
        raises :class:`BadFileError` if a later block cannot be read, or if the file has no rows or
        is cut off.

    Raises:
        BadFileError: The file is empty, its first block is not UTF-8, or its header does not have
            the format's columns.
    """
    blocks = _text_blocks(path, block_bytes)
    _, lines, bytes_read = next(blocks, (1, [], 0))
    if not any(line.strip() for line in lines):
        raise BadFileError(
            f"{path}: the file is empty; expected a header of {', '.join(file_format.names)}"
        )
    names = read_header(path, lines[0].removesuffix("\r"), file_format)
    texts = chain([(2, lines[1:], bytes_read)], blocks)
    return names, _row_blocks(path, file_format, names, texts)


def _row_blocks(
    path: Path, file_format: FileFormat, names: list[str], texts: Iterable[_Text]
) -> Iterator[RowBlock]:
    newest: RowBlock | None = None  # a block with rows, because the last may hold blank lines only
    has_final_newline = False
    for first_line, lines, bytes_read in texts:
        fields, malformed = _split_lines(first_line, lines, file_format, names)
        block = RowBlock(fields, malformed, bytes_read)
        if fields.height + malformed.height:
            newest = block
        has_final_newline = not lines or lines[-1] == ""
        yield block
    if newest is None:
        raise BadFileError(f"{path}, line 1: there is a header but no row; expected at least one")
    _check_end(path, newest, names, has_final_newline=has_final_newline)


def _text_blocks(path: Path, block_bytes: int) -> Iterator[_Text]:
    """Read a file block by block, so that a large file does not fill the memory.

    Yields:
        Number of the block's first line; the block's lines, none of them split between two blocks,
        followed by an empty text, except if the file ends without a line end; number of bytes from
        the start of the file to the end of the block.
    """
    first_line = 1
    bytes_read = 0
    try:
        with path.open("rb") as stream:
            size = path.stat().st_size
            while data := stream.read(block_bytes):
                data += stream.readline(LONGEST_LINE_BYTES)
                bytes_read += len(data)
                if bytes_read < size and not data.endswith(b"\n"):
                    at = first_line + data.count(b"\n")
                    raise BadFileError(
                        f"{path}, line {at}: the line is longer than {LONGEST_LINE_BYTES:,} bytes; "
                        "expected rows of comma-separated text"
                    )
                if first_line == 1:
                    data = _without_mark(path, data)
                yield first_line, _decode(path, data, first_line).split("\n"), bytes_read
                first_line += data.count(b"\n")
    except OSError as error:
        raise BadFileError(f"{path}: cannot be read: {error.strerror}") from error


def _without_mark(path: Path, data: bytes) -> bytes:
    for signature, described in _SIGNATURES.items():
        if data.startswith(signature):
            raise BadFileError(f"{path}, line 1: this is {described}; expected CSV text in UTF-8")
    return data.removeprefix(_MARK_UTF8)


def _decode(path: Path, data: bytes, first_line: int) -> str:
    nul = data.find(b"\0")
    if nul >= 0:
        raise BadFileError(
            f"{_place(path, data, nul, first_line)}: a NUL byte; expected CSV text in UTF-8 "
            "(a file with NUL bytes is damaged, or UTF-16)"
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadFileError(
            f"{_place(path, data, error.start, first_line)}: byte 0x{data[error.start]:02X} is not "
            "UTF-8 (the file looks like Latin-1 or Windows-1252); expected UTF-8"
        ) from error


def _place(path: Path, data: bytes, offset: int, first_line: int) -> str:
    line = first_line + data.count(b"\n", 0, offset)
    column = offset - (data.rfind(b"\n", 0, offset) + 1) + 1
    return f"{path}, line {line}, byte {column} of the line"


def _split_lines(
    first_line: int, lines: list[str], file_format: FileFormat, names: list[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    text = pl.DataFrame({"row_text": lines}, schema={"row_text": pl.String}).select(
        line_number=pl.int_range(pl.len(), dtype=pl.Int64) + first_line,
        row_text=pl.col("row_text").str.strip_suffix("\r"),
    )
    text = text.filter(pl.col("row_text").str.strip_chars() != "")
    # polars splits a line whose fields are bare, or quoted without comma and quote inside; only
    # the other lines need the csv module, which takes several times as long
    field = '(?:"[^",]*"|[^",]*)'
    is_usual = text["row_text"].str.contains(f"^{field}(?:,{field}){{{len(names) - 1}}}$")
    usual = text.filter(is_usual)
    parts = usual["row_text"].str.split_exact(",", len(names) - 1).struct.rename_fields(names)
    kept = file_format.read_from(names)
    usual = usual.hstack(parts.struct.unnest().select(kept))
    other, malformed = _split_carefully(text.filter(~is_usual), file_format, names)
    fields = pl.concat([usual, other]).with_columns(
        pl.col(kept).str.strip_chars('" \t').replace("", None)
    )
    return fields, malformed


def _split_carefully(
    lines: pl.DataFrame, file_format: FileFormat, names: list[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    rows: list[dict[str, object]] = []
    malformed: list[dict[str, object]] = []
    for line in lines.iter_rows(named=True):
        reason = f"the line does not have {len(names)} fields"
        try:
            found = next(csv.reader([line["row_text"]], strict=True), [])
        except csv.Error:
            found, reason = [], "the quotes of the line do not pair"
        if len(found) == len(names):
            rows.append(line | dict(zip(names, found, strict=True)))
        else:
            malformed.append(line | {"reason": reason})
    text = dict.fromkeys(file_format.read_from(names), pl.String)
    return (
        pl.DataFrame(rows, schema={**lines.schema, **text}),
        pl.DataFrame(malformed, schema={**lines.schema, "reason": pl.String}),
    )


def _check_end(path: Path, block: RowBlock, names: list[str], *, has_final_newline: bool) -> None:
    """Raise BadFileError if the last line is malformed, because the file may be cut off there.

    Such a file is refused as a whole, because further lines may be missing.

    Args:
        path: Path of the file, for the message.
        block: Last block with rows.
        names: Column names in the header, as many as a line has fields.
        has_final_newline: Whether the file ends with a line end. If so, a last line with too many
            fields is not an error here, because it is complete.
    """
    if block.malformed.is_empty():
        return
    line_number, row_text, reason = block.malformed.row(-1)
    has_later_row = (block.fields["line_number"] > line_number).any()
    has_too_many = row_text.count(",") >= len(names)
    if has_later_row or (has_too_many and has_final_newline):
        return
    raise BadFileError(
        f"{path}, line {line_number}: the file is cut off: its last line is {row_text[:200]!r} "
        f"({reason}); expected {', '.join(names)}"
    )
