"""Errors of files and disks become messages that tell the cause; other errors pass unchanged."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
import sqlalchemy

from rossmann_ml.base.errors import (
    BusyError,
    DamagedError,
    FaultError,
    ForbiddenError,
    NoDataError,
    RossmannError,
    SettingsError,
)
from rossmann_ml.base.storage_faults import fault_of, storage_refused


def test_a_full_disk_is_named_with_what_to_do() -> None:
    with (
        pytest.raises(FaultError, match=r"No space left on device; make room .*run it again"),
        storage_refused(),
    ):
        Path("/dev/full").write_text("no disk takes this")


def test_a_file_that_may_not_be_written_is_named() -> None:
    with (
        pytest.raises(FaultError, match=r"^/warehouse/writer\.lock cannot be read or written: "),
        storage_refused(),
    ):
        raise PermissionError(errno.EACCES, "no", "/warehouse/writer.lock")


def _fill(path: Path) -> None:
    engine = sqlalchemy.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("PRAGMA max_page_count = 3"))
        connection.execute(sqlalchemy.text("CREATE TABLE runs (log TEXT)"))
        connection.execute(
            sqlalchemy.text("INSERT INTO runs VALUES (:log)"), {"log": "x" * 100_000}
        )


def test_a_record_of_runs_that_cannot_grow_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(FaultError, match=r"record of runs .* cannot be written: .*full; make"),
        storage_refused(),
    ):
        _fill(tmp_path / "runs.db")


def test_the_cause_of_another_error_counts_too() -> None:
    def write() -> None:
        try:
            Path("/dev/full").write_text("no disk takes this")
        except OSError as error:
            raise RuntimeError("the log was not kept") from error

    with pytest.raises(FaultError, match="No space left"), storage_refused():
        write()


@pytest.mark.parametrize(
    ("raised", "expected"),
    [(OSError(errno.ENOSPC, "no", "/models/trees.txt"), FaultError), (ValueError("a bug"), None)],
    ids=["a full disk", "a bug"],
)
def test_what_fails_while_damage_is_repaired_is_not_called_damage(
    raised: Exception, expected: type[RossmannError] | None
) -> None:
    def repair() -> None:
        try:
            raise DamagedError("the model is damaged")  # noqa: TRY301 - as a reader raises it
        except DamagedError:
            raise raised  # noqa: B904 - as an error in the repair does

    with pytest.raises(expected or type(raised)) as passed, storage_refused():
        repair()
    assert type(passed.value) is (expected or type(raised))


def test_a_refusal_with_such_a_cause_keeps_its_message_and_exit_code() -> None:
    def read() -> None:
        try:
            raise PermissionError(errno.EACCES, "no", "/params.yaml")
        except OSError as error:
            raise SettingsError("/params.yaml cannot be read") from error

    with pytest.raises(SettingsError, match="params"), storage_refused():
        read()


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "no such file", "/params.yaml"),
        sqlite3.IntegrityError("twice"),
        ValueError("a bug"),
        SettingsError("refused for another reason"),
    ],
)
def test_any_other_error_passes_unchanged(error: Exception) -> None:
    with pytest.raises(type(error)) as passed, storage_refused():
        raise error
    assert passed.value is error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (PermissionError(errno.EACCES, "no"), ForbiddenError),
        (OSError(errno.EROFS, "no"), ForbiddenError),
        (OSError(errno.EBUSY, "no"), BusyError),
        (OSError(errno.ENOSPC, "no"), FaultError),
        (OSError(errno.EMFILE, "no"), FaultError),
        (FileExistsError(errno.EEXIST, "a file where a folder is made"), FaultError),
        (FileNotFoundError(errno.ENOENT, "no"), NoDataError),
        (OSError(errno.ENAMETOOLONG, "no"), FaultError),
        (duckdb.IOException('Could not set lock on file "f": held in x (PID 1)'), BusyError),
        (duckdb.IOException('IO Error: Cannot open file "f": Permission denied'), ForbiddenError),
        (
            duckdb.IOException("IO Error: The file is not a valid DuckDB database file!"),
            DamagedError,
        ),
        (duckdb.IOException("IO Error: Could not read enough bytes from file"), DamagedError),
        (duckdb.Error("Corrupt database file: computed checksum"), DamagedError),
        (duckdb.IOException("IO Error: Too many open files"), FaultError),
        (duckdb.IOException("IO Error: a database file with version number 99"), FaultError),
    ],
)
def test_what_keeps_a_file_from_being_used_is_told_apart(
    error: Exception, expected: type[RossmannError], tmp_path: Path
) -> None:
    found = fault_of(error, tmp_path / "file")
    assert type(found) is expected
    assert str(tmp_path / "file") in str(found)


def test_sqlite_databases_are_busy_damaged_or_forbidden_too(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with closing(sqlite3.connect(path)) as one, closing(sqlite3.connect(path, timeout=0)) as other:
        one.execute("CREATE TABLE runs (log TEXT)")
        one.execute("BEGIN EXCLUSIVE")
        with pytest.raises(BusyError), storage_refused():
            other.execute("INSERT INTO runs VALUES ('x')")
    path.write_bytes(b"rubbish" * 1000)
    with closing(sqlite3.connect(path)) as one, pytest.raises(DamagedError), storage_refused():
        one.execute("SELECT * FROM runs")


def test_a_bug_in_sql_is_not_called_a_damaged_file() -> None:
    with (
        duckdb.connect() as connection,
        pytest.raises(duckdb.CatalogException),
        storage_refused(),
    ):
        connection.execute("SELECT * FROM no_such_table")
