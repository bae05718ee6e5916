"""Read a CSV file block by block into text fields with line numbers.

Entry points: :func:`open_rows`, :func:`read_lines`. Files that are empty, cut off or not UTF-8
raise here; :mod:`~rossmann_ml.ingest.checks` checks the fields. One line is one row, because no
file of the product has a line end within quotes.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import polars as pl

from rossmann_ml.base.errors import BadFileError
from rossmann_ml.ingest.formats import FileFormat
from rossmann_ml.ingest.header import Header, read_header

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


@dataclass(frozen=True)
class RowBlock:
    """Consecutive rows of a file.

    Attributes:
        fields: ``line_number``, ``row_text`` and the format's columns by the header's names, as
            strings without quotes and outer blanks; an empty field is NULL.
        malformed: ``line_number``, ``row_text``, ``reason`` of lines that are not a row.
        bytes_read: Number of bytes from the start of the file to the end of this block.
    """

    fields: pl.DataFrame
    malformed: pl.DataFrame
    bytes_read: int


@dataclass(frozen=True)
class _TextBlock:
    first_line: int
    lines: list[str]
    is_last: bool
    has_final_newline: bool
    bytes_read: int


def open_rows(
    path: Path, file_format: FileFormat, *, block_bytes: int = BLOCK_BYTES
) -> tuple[Header, Iterator[RowBlock]]:
    """Check the header of a file and return an iterator over its rows.

    Args:
        path: Path of the file.
        file_format: Expected columns, from the file's name.
        block_bytes: Number of bytes in memory at a time.

    Returns:
        The header, and an iterator that raises :class:`BadFileError` when a later block cannot be
        read or the file has no rows.

    Raises:
        BadFileError: The file is empty, not UTF-8, cut off, or its header is not the format's.
    """
    blocks = _text_blocks(path, block_bytes)
    first = next(blocks, None)
    if first is None or not any(line.strip() for line in first.lines):
        raise BadFileError(
            f"{path}: the file is empty; expected a header of {', '.join(file_format.names)}"
        )
    header = read_header(path, first.lines[0].removesuffix("\r"), file_format)
    rest = replace(first, first_line=2, lines=first.lines[1:])
    return header, _row_blocks(path, file_format, header, rest, blocks)


def _row_blocks(
    path: Path,
    file_format: FileFormat,
    header: Header,
    first: _TextBlock,
    others: Iterator[_TextBlock],
) -> Iterator[RowBlock]:
    newest: RowBlock | None = None  # a block with rows, because the last may hold blank lines only
    for text in chain([first], others):
        block = _split_lines(text, file_format, header)
        if block.fields.height + block.malformed.height:
            newest = block
        if text.is_last and newest is not None:
            _check_end(path, text, newest, header)
        yield block
    if newest is None:
        raise BadFileError(f"{path}, line 1: there is a header but no row; expected at least one")


def _text_blocks(path: Path, block_bytes: int) -> Iterator[_TextBlock]:
    line_number = 1
    bytes_read = 0
    try:
        with path.open("rb") as stream:
            size = path.stat().st_size
            while data := stream.read(block_bytes):
                data += stream.readline(LONGEST_LINE_BYTES)
                bytes_read += len(data)
                is_last = bytes_read >= size
                if not is_last and not data.endswith(b"\n"):
                    at = line_number + data.count(b"\n")
                    raise BadFileError(
                        f"{path}, line {at}: the line is longer than {LONGEST_LINE_BYTES:,} bytes; "
                        "expected rows of comma-separated text"
                    )
                if line_number == 1:
                    data = _without_mark(path, data)
                lines = _decode(path, data, line_number).split("\n")
                has_final_newline = lines[-1] == ""
                if has_final_newline:
                    lines.pop()
                yield _TextBlock(line_number, lines, is_last, has_final_newline, bytes_read)
                line_number += len(lines)
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


def _split_lines(text: _TextBlock, file_format: FileFormat, header: Header) -> RowBlock:
    width = len(header.names)
    lines = pl.DataFrame({"row_text": pl.Series(text.lines, dtype=pl.String)}).select(
        line_number=pl.int_range(pl.len(), dtype=pl.Int64) + text.first_line,
        row_text=pl.col("row_text").str.strip_suffix("\r"),
    )
    lines = lines.filter(pl.col("row_text").str.strip_chars() != "")
    # polars splits a line whose fields are bare, or quoted without comma and quote inside; only
    # the other lines need the csv module, which takes several times as long
    field = '(?:"[^",]*"|[^",]*)'
    is_usual = lines["row_text"].str.contains(f"^{field}(?:,{field}){{{width - 1}}}$")
    usual = lines.filter(is_usual)
    parts = usual["row_text"].str.split_exact(",", width - 1).struct.rename_fields(header.names)
    usual = usual.hstack(parts.struct.unnest().select(file_format.names))
    other, malformed = _split_carefully(lines.filter(~is_usual), file_format, header)
    fields = pl.concat([usual, other]).with_columns(
        pl.col(file_format.names).str.strip_chars('" \t').replace("", None)
    )
    return RowBlock(fields, malformed, text.bytes_read)


def _split_carefully(
    lines: pl.DataFrame, file_format: FileFormat, header: Header
) -> tuple[pl.DataFrame, pl.DataFrame]:
    columns: dict[str, list[str]] = {name: [] for name in file_format.names}
    positions = [(name, header.names.index(name)) for name in file_format.names]
    is_row: list[bool] = []
    reasons: list[str] = []
    for line in lines["row_text"]:
        try:
            found = next(csv.reader([line], strict=True), [])
            reason = f"the line does not have {len(header.names)} fields"
        except csv.Error:
            found, reason = [], "the quotes of the line do not pair"
        is_row.append(len(found) == len(header.names))
        if is_row[-1]:
            for name, position in positions:
                columns[name].append(found[position])
        else:
            reasons.append(reason)
    kept = pl.Series(is_row, dtype=pl.Boolean)
    rows = lines.filter(kept).hstack(
        [pl.Series(name, found, dtype=pl.String) for name, found in columns.items()]
    )
    malformed = lines.filter(~kept).with_columns(pl.Series("reason", reasons, dtype=pl.String))
    return rows, malformed


def _check_end(path: Path, text: _TextBlock, block: RowBlock, header: Header) -> None:
    """Raise when the last line is incomplete, because lines after it may be missing too."""
    last_row = block.fields["line_number"].max()
    if block.malformed.is_empty():
        return
    line_number, row_text, reason = block.malformed.row(-1)
    has_later_row = isinstance(last_row, int) and last_row > line_number
    has_too_many = row_text.count(",") >= len(header.names)
    if has_later_row or (has_too_many and text.has_final_newline):
        return
    raise BadFileError(
        f"{path}, line {line_number}: the file is cut off: its last line is {row_text[:200]!r} "
        f"({reason}); expected {', '.join(header.names)}"
    )


def read_lines(path: Path, line_numbers: Iterable[int]) -> dict[int, str]:
    """Return the text of some lines of a file by line number; the header is line 1."""
    wanted = set(line_numbers)
    found: dict[int, str] = {}
    for text in _text_blocks(path, BLOCK_BYTES) if wanted else ():
        last = text.first_line + len(text.lines)
        found.update(
            (number, text.lines[number - text.first_line].removesuffix("\r"))
            for number in wanted
            if text.first_line <= number < last
        )
    return found
