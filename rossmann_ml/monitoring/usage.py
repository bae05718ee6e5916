"""Usage: what was asked of the API, read from the files that it leaves into the warehouse.

Files are read from where the last reading ended, and that place is kept in the same transaction as
the rows: however often this runs or is interrupted, each line is read once. What the rows say is
worked out by dbt (``api_usage``); what the lines are is :mod:`rossmann_ml.serving.request_records`.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import duckdb
import polars as pl
from pydantic import Field, TypeAdapter, ValidationError

from rossmann_ml.base.progress import Progress
from rossmann_ml.serving.request_records import DroppedRecord, RequestRecord, requests_path
from rossmann_ml.warehouse.connection import (
    append_frame,
    one_row,
    transaction,
    utc_now,
)
from rossmann_ml.warehouse.session import Session

_FILE_NAME = re.compile(r"\d{4}-\d{2}-\d{2}\.jsonl")
_BLOCK_BYTES = 8_000_000
_TEXT_KEPT = 500
_Line = Annotated[RequestRecord | DroppedRecord, Field(discriminator="kind")]
_LINE: TypeAdapter[RequestRecord | DroppedRecord] = TypeAdapter(_Line)

_Types = dict[str, pl.DataType | type[pl.DataType]]
_PLACE: _Types = {"file_name": pl.String, "byte_offset": pl.Int64}
_REQUESTS: _Types = {
    **_PLACE,
    "request_id": pl.String,
    "answered_at": pl.Datetime("us"),
    "method": pl.String,
    "path": pl.String,
    "status": pl.Int32,
    "milliseconds": pl.Float64,
    "stores": pl.Int32,
    "store_ids": pl.List(pl.Int32),
    "is_what_if": pl.Boolean,
    "generation_id": pl.String,
    "key_name": pl.String,
}
_UNRECORDED: _Types = {**_PLACE, "counted_at": pl.Datetime("us"), "requests": pl.Int64}
_REJECTED: _Types = {
    **_PLACE,
    "reason": pl.String,
    "line_text": pl.String,
    "rejected_at": pl.Datetime("us"),
}


@dataclass
class UsageReport:
    """What a reading of the request files gave.

    Attributes:
        files: Files with something new.
        requests: Requests read.
        unrecorded_requests: Requests that the API says it did not record.
        rejected_lines: Lines that are no records, set aside with the reason.
        deleted_files: Names of old files, read to their end and deleted.
        refused_files: Why a file was not read or not deleted, by name.
        seconds: Time it took.
    """

    files: int = 0
    requests: int = 0
    unrecorded_requests: int = 0
    rejected_lines: int = 0
    deleted_files: list[str] = field(default_factory=list)
    refused_files: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


def ingest_requests(session: Session, *, today: date | None = None) -> UsageReport:
    """Read what the API has recorded since the last time into ``monitoring.api_requests``.

    A last line without its end is left for the next time. A line that is not a record goes to
    ``monitoring.rejected_request_lines``. A file whose day is ``request_files_kept_days`` ago is
    deleted once it is read to its end; nothing is written to it any more by then. A file that
    cannot be read, or became shorter, is named in the report and left alone.

    Args:
        session: Session of the job; its progress is told the files.
        today: The day, UTC, that the age of files counts from; the wall clock's if not given.
    """
    started, settings = time.perf_counter(), session.settings
    report = UsageReport()
    today = today or datetime.now(UTC).date()
    oldest_kept = today - timedelta(days=settings.request_files_kept_days)
    paths = [path for path in requests_path(settings).glob("*") if _FILE_NAME.fullmatch(path.name)]
    with session.writing() as connection:
        for path in sorted(paths):
            try:
                _read_file(connection, path, report, session.progress)
                if path.stem < oldest_kept.isoformat():
                    _delete_file(connection, path, report)
            except OSError as error:
                report.refused_files[path.name] = str(error)
    report.seconds = time.perf_counter() - started
    return report


def _read_file(
    connection: duckdb.DuckDBPyConnection, path: Path, report: UsageReport, progress: Progress
) -> None:
    known = _bytes_read(connection, path.name)
    size = path.stat().st_size
    if size < known:
        report.refused_files[path.name] = (
            f"holds {size:,} bytes, {known:,} were read before: the API only appends, so nothing "
            "more is read from it"
        )
        return
    if size == known:
        return
    progress(f"{path.name}, {size - known:,} bytes")
    report.files += 1
    offset = known
    for lines in _lines(path, known):
        rows = _Rows(path.name, utc_now())
        for line in lines:
            rows.add(offset, line)
            offset += len(line) + 1
        with transaction(connection):
            rows.store(connection)
            connection.execute(
                "INSERT OR REPLACE INTO monitoring.request_files VALUES (?, ?, ?, false)",
                [path.name, offset, rows.read_at],
            )
        report.requests += len(rows.requests)
        report.unrecorded_requests += sum(row["requests"] for row in rows.unrecorded)
        report.rejected_lines += len(rows.rejected)


def _bytes_read(connection: duckdb.DuckDBPyConnection, file_name: str) -> int:
    row = one_row(
        connection,
        "SELECT bytes_read FROM monitoring.request_files WHERE file_name = ?",
        [file_name],
    )
    return 0 if row is None else int(row[0])


def _lines(path: Path, offset: int) -> Iterator[list[bytes]]:
    """The whole lines from a place on, many at a time; an unfinished last one is left out."""
    rest = b""
    with path.open("rb") as file:
        file.seek(offset)
        while block := file.read(_BLOCK_BYTES):
            *lines, rest = (rest + block).split(b"\n")
            if lines:
                yield lines


def _delete_file(connection: duckdb.DuckDBPyConnection, path: Path, report: UsageReport) -> None:
    if path.stat().st_size != _bytes_read(connection, path.name):
        report.refused_files.setdefault(
            path.name, "is old and ends within a line, so it is kept: the API was killed writing it"
        )
        return
    path.unlink()
    connection.execute(
        "UPDATE monitoring.request_files SET is_deleted = true WHERE file_name = ?", [path.name]
    )
    report.deleted_files.append(path.name)


class _Rows:
    """The rows that lines of a file become."""

    def __init__(self, file_name: str, read_at: datetime) -> None:
        self.read_at = read_at
        self.requests: list[dict[str, Any]] = []
        self.unrecorded: list[dict[str, Any]] = []
        self.rejected: list[dict[str, Any]] = []
        self._file_name = file_name

    def add(self, offset: int, line: bytes) -> None:
        place = {"file_name": self._file_name, "byte_offset": offset}
        try:
            record = _LINE.validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            where = ".".join(map(str, first["loc"][1:]))
            self.rejected.append(
                {
                    **place,
                    "reason": f"{where}: {first['msg']}" if where else first["msg"],
                    "line_text": line[:_TEXT_KEPT].decode(errors="replace"),
                    "rejected_at": self.read_at,
                }
            )
            return
        if isinstance(record, DroppedRecord):
            counted_at = _in_utc(record.at)
            self.unrecorded.append({**place, "counted_at": counted_at, "requests": record.requests})
            return
        fields = record.model_dump(exclude={"kind", "at", "store_id", "what_if"})
        self.requests.append(
            {
                **place,
                **fields,
                "answered_at": _in_utc(record.at),
                "store_ids": _stores_named(record),
                "is_what_if": record.what_if is not None,
            }
        )

    def store(self, connection: duckdb.DuckDBPyConnection) -> None:
        for table, rows, schema in (
            ("monitoring.api_requests", self.requests, _REQUESTS),
            ("monitoring.unrecorded_requests", self.unrecorded, _UNRECORDED),
            ("monitoring.rejected_request_lines", self.rejected, _REJECTED),
        ):
            if rows:
                append_frame(connection, table, pl.DataFrame(rows, schema=schema))


def _in_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _stores_named(record: RequestRecord) -> list[int]:
    named = {record.store_id} if record.store_id is not None else set()
    if record.what_if is not None:
        named |= set(record.what_if.store_ids or ())
    return sorted(named)
