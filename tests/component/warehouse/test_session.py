"""The session that steps share: one lock and one connection, released for other processes.

Definition: the docstring of :mod:`rossmann_ml.warehouse.session`.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from rossmann_ml.base.errors import NoDataError, SettingsError
from rossmann_ml.base.settings import Settings, load_settings
from rossmann_ml.warehouse.connection import lock_owner
from rossmann_ml.warehouse.session import Session


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(warehouse_dir=tmp_path)


def is_closed(connection: duckdb.DuckDBPyConnection) -> bool:
    try:
        connection.execute("SELECT 1")
    except duckdb.ConnectionException:
        return True
    return False


def test_a_step_alone_takes_the_lock_and_closes_the_database_after_it(settings: Settings) -> None:
    with Session(settings).writing() as connection:
        assert lock_owner(settings) is not None
        assert connection.execute("SELECT count(*) FROM raw.loads").fetchall() == [(0,)]
    assert is_closed(connection)
    assert lock_owner(settings) is None


def test_steps_of_a_job_share_one_connection_until_the_job_ends(settings: Settings) -> None:
    session = Session(settings)
    with session.holding():
        assert not settings.database_path.exists()  # a job that fails early leaves no database
        with session.writing() as first:
            pass
        with session.writing() as second, session.reading() as third:
            assert first is second is third
        assert not is_closed(first)
    assert is_closed(first)
    assert lock_owner(settings) is None


def test_another_process_may_write_while_the_session_is_released(settings: Settings) -> None:
    session = Session(settings)
    with session.writing() as before:
        with session.released():
            assert is_closed(before)
            # DuckDB refuses this while another kind of connection is open in this process
            duckdb.connect(str(settings.database_path), read_only=True).close()
            assert lock_owner(settings) is not None
        with session.writing() as after:
            after.execute("CREATE TABLE meta.seen (number INTEGER)")
    with session.reading() as connection:
        assert connection.execute("SELECT count(*) FROM meta.seen").fetchall() == [(0,)]


def test_a_failed_step_leaves_neither_lock_nor_connection(settings: Settings) -> None:
    with pytest.raises(ZeroDivisionError), Session(settings).writing() as connection:
        _ = 1 / 0
    assert is_closed(connection)
    assert lock_owner(settings) is None


def test_reading_alone_is_read_only_and_makes_no_database(settings: Settings) -> None:
    session = Session(settings)
    with pytest.raises(NoDataError, match="rossmann refresh"), session.reading():
        pass
    with session.writing():
        pass
    with session.reading() as connection, pytest.raises(duckdb.InvalidInputException):
        connection.execute("CREATE TABLE meta.seen (number INTEGER)")


def test_parameters_are_read_at_their_first_use(tmp_path: Path) -> None:
    session = Session(load_settings(warehouse_dir=tmp_path, params_file=tmp_path / "none.yaml"))
    with session.writing():
        pass
    with pytest.raises(SettingsError, match="none"):
        _ = session.params
