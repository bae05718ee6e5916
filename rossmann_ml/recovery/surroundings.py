"""Examine parameters, folders, free disk space and MLflow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import duckdb

from rossmann_ml.base.errors import RossmannError, SettingsError, TrackingError
from rossmann_ml.base.params import load_params
from rossmann_ml.base.settings import Settings
from rossmann_ml.recovery.archive import existing_folder, free_bytes, registry_path
from rossmann_ml.recovery.findings import Finding, error, warning
from rossmann_ml.training import gate as promotion
from rossmann_ml.training import tracking
from rossmann_ml.warehouse import connection as warehouse
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.tables.models import champion_record

# A refresh writes a generation, dbt keeps old tables until new ones are built, and Dagster keeps
# events.
_ALWAYS_NEEDED_BYTES = 500_000_000


def examine_parameters(settings: Settings) -> Iterator[Finding]:
    """Report a parameter file that cannot be used."""
    try:
        load_params(settings.params_path)
    except SettingsError as refusal:
        yield error("parameters", str(refusal), f"repair {settings.params_path}")


def examine_folders(settings: Settings) -> Iterator[Finding]:
    """Report folders without write permission, and disks with too little room."""
    for folder in (settings.warehouse_path, settings.published_path, settings.state_path):
        if not is_writable(folder):
            yield error(
                "folder",
                f"{folder} cannot be written to by this user",
                "grant this user write permission, or name another folder",
            )
    database = settings.database_path
    size = database.stat().st_size if database.exists() else 0
    needed = _ALWAYS_NEEDED_BYTES + size
    for folder in (settings.warehouse_path, settings.state_path):
        free = free_bytes(folder)
        if free < needed:
            grade = error if free < needed / 2 else warning
            yield grade(
                "disk space",
                f"{free / 1e9:,.1f} GB are left for {folder}; a refresh may need "
                f"{needed / 1e9:,.1f} GB",
                "make room; `publish.generations_kept` in params.yaml limits what is kept",
            )


def is_writable(folder: Path) -> bool:
    """Return whether this user can create files in a folder, or can create the folder."""
    return os.access(existing_folder(folder), os.W_OK | os.X_OK)


def examine_registry(settings: Settings) -> Iterator[Finding]:
    """Report if MLflow does not answer, or if its alias differs from the champion."""
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
    try:
        found = tracking.alias_version(settings)
    except TrackingError as refusal:
        yield warning(
            "MLflow",
            f"it does not answer: {str(refusal)[:300]}",
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
    """Return the registry's version number of the champion; None if it is unknown."""
    if not settings.database_path.exists():
        return None
    try:
        with warehouse.open_as_it_is(settings) as connection:
            serving = champion_record(connection)
    except (RossmannError, duckdb.Error):  # `examine_warehouse` reports it
        return None
    return None if serving is None else serving.registry_version or None
