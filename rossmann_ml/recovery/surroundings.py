"""What the product stands on: parameters, folders, room on the disk, MLflow."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from rossmann_ml.base.errors import RossmannError, SettingsError, TrackingError
from rossmann_ml.base.params import load_params
from rossmann_ml.base.settings import Settings
from rossmann_ml.recovery.archive import free_bytes, registry_path
from rossmann_ml.recovery.files import is_writable
from rossmann_ml.recovery.findings import Finding, Severity
from rossmann_ml.training import gate as promotion
from rossmann_ml.training import tracking
from rossmann_ml.warehouse import connection as warehouse
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.tables.models import champion_record

# A refresh writes a generation, dbt rebuilds tables beside the old ones, and Dagster keeps events.
_ALWAYS_NEEDED_BYTES = 500_000_000


def examine_parameters(settings: Settings) -> Iterator[Finding]:
    """See that the parameter file can be used."""
    try:
        load_params(settings.params_path)
    except SettingsError as error:
        yield Finding(Severity.ERROR, "parameters", str(error), f"mend {settings.params_path}")


def examine_folders(settings: Settings) -> Iterator[Finding]:
    """See that the folders can be written to and their disks have room."""
    for folder in (settings.warehouse_path, settings.published_path, settings.state_path):
        if not is_writable(folder):
            yield Finding(
                Severity.ERROR,
                "folder",
                f"{folder} cannot be written to by this user",
                "give the right to write, or name another folder",
            )
    database = settings.database_path
    size = database.stat().st_size if database.exists() else 0
    needed = _ALWAYS_NEEDED_BYTES + size
    for folder in (settings.warehouse_path, settings.state_path):
        free = free_bytes(folder)
        if free < needed:
            yield Finding(
                Severity.ERROR if free < needed / 2 else Severity.WARNING,
                "disk space",
                f"{free / 1e9:,.1f} GB are left for {folder}; a refresh may need "
                f"{needed / 1e9:,.1f} GB",
                "make room; `publish.generations_kept` in params.yaml says how many stay",
            )


def examine_registry(settings: Settings) -> Iterator[Finding]:
    """See that MLflow answers, and that its alias names the warehouse's champion."""
    expected = _champion_in_registry(settings)
    local = registry_path(settings)
    if local is not None and not local.exists():
        if expected is not None:
            yield Finding(
                Severity.WARNING,
                "MLflow",
                f"{local} is not there, though the champion was registered in it",
                "`rossmann restore FILE` brings it back; forecasts do not depend on it",
            )
        return
    try:
        found = tracking.alias_version(settings)
    except TrackingError as error:
        yield Finding(
            Severity.WARNING,
            "MLflow",
            f"it does not answer: {str(error)[:300]}",
            "start the server or mend MLFLOW_TRACKING_URI; a refresh without training does "
            "without it",
        )
        return
    if expected is not None and found != expected:
        yield Finding(
            Severity.WARNING,
            "alias",
            f"MLflow's alias champion is on version {found or 'none'}, the warehouse's champion "
            f"is version {expected}",
            "rossmann doctor --fix sets it",
            lambda: _alias_set(settings, expected),
        )


def _alias_set(settings: Settings, version: str) -> str:
    # which also notes that it was told
    if not promotion.reconcile_alias(Session(settings)):
        tracking.set_champion(settings, version)
    return f"set MLflow's alias champion to version {version}"


def _champion_in_registry(settings: Settings) -> str | None:
    """The registry's number of the warehouse's champion; None where that cannot be said."""
    if not settings.database_path.exists():
        return None
    try:
        with warehouse.open_as_it_is(settings) as connection:
            serving = champion_record(connection)
    except (RossmannError, duckdb.Error):  # the warehouse has a finding of its own
        return None
    return None if serving is None else serving.registry_version or None
