"""A disk that is full or closed is told in words; a bug stays a bug."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy

from rossmann_ml.base.errors import FaultError, SettingsError
from rossmann_ml.base.storage_faults import storage_refused


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


def test_a_record_of_runs_that_cannot_grow_is_told_as_such(tmp_path: Path) -> None:
    with (
        pytest.raises(FaultError, match=r"record of runs .* cannot be written: .*full; make"),
        storage_refused(),
    ):
        _fill(tmp_path / "runs.db")


def test_what_another_error_came_of_counts_too() -> None:
    def write() -> None:
        try:
            Path("/dev/full").write_text("no disk takes this")
        except OSError as error:
            raise RuntimeError("the log was not kept") from error

    with pytest.raises(FaultError, match="No space left"), storage_refused():
        write()


def test_a_refusal_that_came_of_such_an_error_keeps_its_own_words_and_exit_code() -> None:
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
def test_any_other_error_passes_as_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as passed, storage_refused():
        raise error
    assert passed.value is error
