"""Read a CSV file block by block into text fields with line numbers.

Entry point: :func:`open_rows`, which raises an error for files that are empty, cut off or not
UTF-8. :mod:`~rossmann_ml.ingest.checks` checks the fields. One line is one row, because no file of
the retailer has a line end within quotes.
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import polars as pl

from rossmann_ml.base.errors import BadFileError
from rossmann_ml.ingest.formats import FileFormat
from rossmann_ml.ingest.header import read_header

# DuckDB's read_csv(store_rejects = true) is no replacement: after an unpaired quote it loses the
# good lines that follow, mixed line ends fail the whole file, and it reads 1.5 as whole number 2.

# Bytes of a file in memory at a time, which a file of line ends fills with as many lines; no result
# depends on it.
BLOCK_BYTES = 4 * 1024 * 1024
# Bytes that are read after a block to find the line's end; a longer line is not a row.
LONGEST_LINE_BYTES = 1024 * 1024
_MARK_UTF8 = b"\xef\xbb\xbf"
_SIGNATURES = {
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\x1f\x8b": "a gzip archive",
}


class _Text(NamedTuple):
    """Lines of a block, the number of its first line, and the bytes up to its end and in all."""

    first_line: int
    lines: list[str]
    bytes_read: int
    bytes_in_file: int


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
        bytes_in_file: Size of the file in bytes when it was opened.
    """

    fields: pl.DataFrame
    malformed: pl.DataFrame
    bytes_read: int
    bytes_in_file: int


def open_rows(
    path: Path,
    file_format: FileFormat,
    *,
    max_rows: int | None = None,
    digest: hashlib._Hash | None = None,
    block_bytes: int = BLOCK_BYTES,
) -> tuple[list[str], Iterator[RowBlock]]:
    """Check the header of a file and return an iterator over its rows.

    Args:
        path: Path of the file.
        file_format: Expected columns, from the file's name.
        max_rows: Largest number of lines after the header; None for any number.
        digest: Hash that receives all bytes of the file by the end of the iterator, so that the
            rows are known to be those of the bytes that the hash identifies.
        block_bytes: Number of bytes in memory at a time.

    Returns:
        The column names in the file's order, and an iterator over blocks of rows. The iterator
        raises :class:`BadFileError` if a later block cannot be read, or if the file has no rows,
        too many lines or is cut off.

    Raises:
        BadFileError: The file is empty, its first block is not UTF-8, or its header does not have
            the format's columns.
    """
    blocks = _text_blocks(path, block_bytes, max_rows, digest)
    first = next(blocks, _Text(1, [], 0, 0))
    lines = first.lines
    if not any(line.strip() for line in lines):
        raise BadFileError(
            f"{path}: the file is empty; expected a header of {', '.join(file_format.names)}"
        )
    names = read_header(path, lines[0].removesuffix("\r"), file_format)
    texts = chain([first._replace(first_line=2, lines=lines[1:])], blocks)
    return names, _row_blocks(path, file_format, names, texts)


def _row_blocks(
    path: Path, file_format: FileFormat, names: list[str], texts: Iterable[_Text]
) -> Iterator[RowBlock]:
    newest: RowBlock | None = None  # a block with rows, because the last may hold blank lines only
    has_final_newline = False
    for text in texts:
        fields, malformed = _split_lines(text.first_line, text.lines, file_format, names)
        block = RowBlock(fields, malformed, text.bytes_read, text.bytes_in_file)
        if fields.height + malformed.height:
            newest = block
        has_final_newline = not text.lines or text.lines[-1] == ""
        yield block
    if newest is None:
        raise BadFileError(f"{path}, line 1: there is a header but no row; expected at least one")
    _check_end(path, newest, names, has_final_newline=has_final_newline)


def _text_blocks(
    path: Path, block_bytes: int, max_rows: int | None, digest: hashlib._Hash | None
) -> Iterator[_Text]:
    """Read a file block by block, so that a large file does not fill the memory.

    Yields:
        A block's lines, none of them split between two blocks, followed by an empty text, except if
        the file ends without a line end.
    """
    first_line = 1
    bytes_read = 0
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            while data := stream.read(block_bytes):
                data += stream.readline(LONGEST_LINE_BYTES)
                bytes_read += len(data)
                if digest is not None:
                    digest.update(data)
                next_line = first_line + data.count(b"\n")
                if max_rows is not None and next_line - 2 > max_rows:
                    raise BadFileError(
                        f"{path}: more than {max_rows:,} lines after the header, the limit that "
                        "ingest.max_rows in params.yaml sets; nothing of the file was landed"
                    )
                if bytes_read < size and not data.endswith(b"\n"):
                    raise BadFileError(
                        f"{path}, line {next_line}: the line is longer than "
                        f"{LONGEST_LINE_BYTES:,} bytes; expected rows of comma-separated text"
                    )
                if first_line == 1:
                    data = _without_mark(path, data)
                lines = _decode(path, data, first_line).split("\n")
                yield _Text(first_line, lines, bytes_read, size)
                first_line = next_line
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
    """Split lines that have quotes, or a wrong number of fields, with the csv module.

    Returns:
        Fields by name of the lines that have one for each name, and the other lines with a reason.
    """
    wrong_number = f"the line does not have {len(names)} fields"
    wrong_quotes = "the quotes of the line do not pair"
    found: list[list[str]] = []
    reasons: list[str | None] = []  # few different texts, so that many bad lines need no memory
    for text in lines["row_text"]:
        try:
            # without quotes the number of fields is known to be wrong
            fields = next(csv.reader([text], strict=True), []) if '"' in text else []
        except csv.Error:
            reasons.append(wrong_quotes)
            continue
        if len(fields) == len(names):
            found.append(fields)
        reasons.append(None if len(fields) == len(names) else wrong_number)
    judged = lines.with_columns(reason=pl.Series(reasons, dtype=pl.String))
    split = pl.DataFrame(found, schema=dict.fromkeys(names, pl.String), orient="row")
    good = judged.filter(pl.col("reason").is_null()).select(lines.columns)
    return (
        good.hstack(split.select(file_format.read_from(names))),
        judged.filter(pl.col("reason").is_not_null()),
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
