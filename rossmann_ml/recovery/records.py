"""Examine the databases in which MLflow and Dagster record models and runs.

Entry points: :func:`examine_registry` for MLflow, :func:`examine_dagster` for Dagster. Forecasts
depend on neither.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import duckdb

from rossmann_ml.base import files
from rossmann_ml.base.errors import DamagedError, RossmannError, TrackingError
from rossmann_ml.base.settings import Settings
from rossmann_ml.base.storage_faults import busy_error, fault_of, holders
from rossmann_ml.recovery.findings import Finding, error, examined, warning
from rossmann_ml.training import gate as promotion
from rossmann_ml.training import tracking
from rossmann_ml.training.registry_files import (
    adopt_artifacts,
    former_artifacts_path,
    registry_path,
)
from rossmann_ml.warehouse import connection as warehouse
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.tables.models import champion_record


def examine_registry(settings: Settings) -> Iterator[Finding]:
    """Report faults of MLflow: no response, no database, or the wrong model as ``champion``.

    The alias ``champion`` in MLflow must be on the champion recorded in the warehouse. If the alias
    is on another model, the repair moves it.
    """
    expected = _champion_in_registry(settings)
    local = registry_path(settings)
    if local is not None and not local.exists():
        if expected is not None:
            yield warning(
                "MLflow",
                f"{local} is not there, though the champion was registered in it",
                "`rossmann restore FILE` brings it back; forecasts do not depend on it",
            )
        return
    damage = None if local is None else _damage_of(local)
    if damage is not None:
        yield error(
            "MLflow",
            damage,
            "`rossmann restore FILE --replace` brings it back. Without a backup move it away: the "
            "next training makes a new one; forecasts do not depend on it",
        )
        return
    former = former_artifacts_path(settings, tracking.EXPERIMENT)
    if former is not None:
        yield warning(
            "MLflow",
            f"{local} names files in {former}: this folder was moved or copied",
            f"rossmann doctor --fix makes it name {settings.state_path}; a training does too",
            partial(adopt_artifacts, settings, tracking.EXPERIMENT),
        )
        return
    try:
        found = tracking.alias_version(settings)
    except TrackingError as refusal:
        yield warning(
            "MLflow",
            f"it cannot be used: {str(refusal)[:300]}",
            "start the server or correct MLFLOW_TRACKING_URI; a refresh without training works "
            "without it",
        )
        return
    if expected is not None and found != expected:
        yield warning(
            "alias",
            f"MLflow's alias champion is on version {found or 'none'}, the warehouse's champion "
            f"is version {expected}",
            "rossmann doctor --fix sets it",
            partial(_set_alias, settings, expected),
        )


def _set_alias(settings: Settings, version: str) -> None:
    # reconciling also records that the alias was set
    if not promotion.reconcile_alias(Session(settings)):
        tracking.set_champion(settings, version)


def _champion_in_registry(settings: Settings) -> str | None:
    """Return the version number that MLflow's registry gave the champion.

    The number is read from the warehouse, to compare it with MLflow's alias ``champion``. It is
    None if the warehouse cannot be read or has no champion, or the champion is not registered.
    """
    with (
        suppress(RossmannError, duckdb.Error),  # `examine_warehouse` reports it
        warehouse.open_as_it_is(settings) as connection,
    ):
        serving = champion_record(connection)
        return None if serving is None else serving.registry_version or None
    return None


def examine_dagster(settings: Settings) -> Iterator[Finding]:
    """Report damaged databases of Dagster below the state folder, without which no job starts.

    A server with PostgreSQL has none. The repair moves them aside, because Dagster makes new ones
    and no command reads the history in them.
    """
    for path in sorted((settings.state_path / "dagster").rglob("*.db")):
        yield from examined("Dagster", _examine_runs(path))


def _examine_runs(path: Path) -> Iterator[Finding]:
    damage = _damage_of(path)
    if damage is not None:
        yield error(
            "Dagster",
            f"{damage}; no job can start",
            "rossmann doctor --fix renames it to *.damaged, once no process has it open; Dagster "
            "makes a new one, whose UI does not show the runs before",
            partial(_move_database_aside, path),
        )


def _damage_of(path: Path) -> str | None:
    """Return why SQLite cannot read a database whole; None if it can.

    Raises:
        BusyError: Another process has locked it.
        ForbiddenError: This user may not read it.
    """
    if path.exists() and not path.is_file():
        return f"{path} is no plain file"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as found:
            ((said,),) = found.execute("PRAGMA integrity_check(1)").fetchall()
    except sqlite3.Error as error:
        fault = fault_of(error, path)
        if not isinstance(fault, DamagedError):
            raise fault or error from error
        said = str(error)
    return None if said == "ok" else f"{path} is damaged: {said}"


def _move_database_aside(path: Path) -> None:
    if holders(path):
        raise busy_error(path)
    for suffix in ("", "-wal", "-shm", "-journal"):
        files.move_aside(path.with_name(f"{path.name}{suffix}"))
