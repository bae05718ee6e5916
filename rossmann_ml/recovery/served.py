"""Examine the files that readers use: generations, pointer, published models, ``status.json``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import duckdb

from rossmann_ml.base.errors import PublishError, RossmannError
from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.audit import schema_of
from rossmann_ml.recovery.findings import Finding, error, examine_model_files, note, warning
from rossmann_ml.serving.contract import load_contract
from rossmann_ml.serving.generations import (
    POINTER_NAME,
    Generation,
    bundle_path,
    generation_files,
    list_generations,
    model_versions_of,
    move_pointer,
    pointed_path,
    reading,
)
from rossmann_ml.serving.status import Status, read_status, status_path
from rossmann_ml.warehouse import connection as warehouse
from rossmann_ml.warehouse.clock import product_today
from rossmann_ml.warehouse.tables import forecasting, raw

# One week between origins, and three days for landing the week's sales.
STALE_AFTER = timedelta(days=10)
_COLUMNS_SHOWN = 6


def examine_published(settings: Settings) -> Iterator[Finding]:
    """Report damaged generations, an unusable pointer, and faults of the current generation."""
    whole = [each for each in list_generations(settings) if _is_whole(each)]
    damaged = sorted(set(generation_files(settings.published_path)) - {each.path for each in whole})
    pointed, unusable = None, ""
    try:
        pointed = pointed_path(settings.published_path)
    except PublishError as refusal:
        unusable = str(refusal)
    if damaged:
        grade = error if pointed in damaged else warning
        yield grade(
            "damaged generation",
            f"{', '.join(path.name for path in damaged)} cannot be read as a generation",
            "rossmann doctor --fix renames such files to *.damaged",
            lambda: [path.rename(f"{path}.damaged") for path in damaged],
        )
    current = next((each for each in whole if each.path == pointed), None)
    if current is None:
        yield _no_current(settings, whole, pointed, unusable)
    else:
        yield from _schema_drift(current)
        yield from _missing_models(settings, current)
        yield from _age(settings, current)


def _is_whole(generation: Generation) -> bool:
    """Return whether the file has the id in its name, and DuckDB can read every block of it."""
    if generation.info.generation_id != generation.path.stem:
        return False
    try:
        with reading(generation.path) as connection:
            for name in schema_of(connection):
                quoted = name.replace('"', '""')
                query = f'SELECT bit_xor(hash(t)) FROM "{quoted}" AS t'  # noqa: S608 - quoted
                connection.execute(query).fetchall()
    except duckdb.Error:
        return False
    return True


def _no_current(
    settings: Settings, whole: list[Generation], pointed: Path | None, unusable: str
) -> Finding:
    if pointed:
        unusable = f"{POINTER_NAME} names {pointed.name}, which is not a whole generation"
    if not whole:
        grade = error if unusable else warning
        return grade(
            "pointer",
            unusable or f"nothing is published in {settings.published_path} yet",
            "`rossmann publish` makes one from the warehouse, `rossmann restore FILE` brings one "
            "back",
        )
    newest = whole[0].info.generation_id
    return error(
        "pointer",
        unusable or f"there are generations but no {POINTER_NAME}",
        f"rossmann doctor --fix points it to {newest}, the newest whole one",
        partial(move_pointer, settings.published_path, whole[0].path),
    )


def _schema_drift(current: Generation) -> Iterator[Finding]:
    with reading(current.path) as connection:
        tables = schema_of(connection)
    found = {(table, name): kind for table in tables for name, kind, _ in tables[table]}
    contract = load_contract()
    drifted = [
        f"{table}.{column.name} is {found.get((table, column.name), 'missing')}, expected "
        f"{column.type}"
        for table in contract.names
        for column in contract.columns_of(table)
        if found.get((table, column.name)) != column.type
    ]
    if drifted:
        more = len(drifted) - _COLUMNS_SHOWN
        shown = "; ".join(drifted[:_COLUMNS_SHOWN]) + (f"; and {more} more" if more > 0 else "")
        yield warning(
            "schema drift",
            f"the current generation {current.info.generation_id} differs from this code's "
            f"contract: {shown}",
            "`rossmann refresh` publishes one that fits",
        )


def _missing_models(settings: Settings, current: Generation) -> Iterator[Finding]:
    with reading(current.path) as connection:
        needed = model_versions_of(connection)
    for version in needed:
        folder = bundle_path(settings, version)
        yield from examine_model_files(
            "bundle",
            folder,
            settings.models_path / version,
            found=f"the current generation needs the files of model {version}, which are not in "
            f"{folder.parent}; what-if questions fail",
            remedy="`rossmann rollback generation ID`, or `rossmann restore FILE`",
        )


def _age(settings: Settings, current: Generation) -> Iterator[Finding]:
    """Compare the current generation with the business date and with the warehouse."""
    if not settings.database_path.exists():
        return
    try:
        with warehouse.open_as_it_is(settings) as connection:
            today = product_today(connection, settings)
            newest = forecasting.newest_origin_between(connection)
            data_set = raw.data_set(connection)
    except (RossmannError, duckdb.Error):
        return  # `examine_warehouse` reports it
    info = current.info
    if data_set is not None and data_set[0] != info.data_set_name:
        yield error(
            "data set",
            f"readers see {info.data_set_name!r}, the warehouse holds {data_set[0]!r}",
            "`rossmann publish` shows them what the warehouse holds",
        )
    elif newest is not None and newest > info.forecast_origin:
        is_held = read_status(settings.published_path).rollback is not None
        grade, remedy = (note, "") if is_held else (warning, "`rossmann publish`")
        yield grade(
            "stale generation",
            f"readers see the origin {info.forecast_origin}, the warehouse has {newest}"
            + ("; a rollback holds them there" if is_held else ""),
            remedy,
        )
    elif today - info.forecast_origin > STALE_AFTER:
        yield warning(
            "stale generation",
            f"the newest origin is {info.forecast_origin}, today is {today}: expected at most "
            f"{STALE_AFTER.days} days between them",
            f"put the newest sales into {settings.incoming_path} and run `rossmann refresh`",
        )


def examine_status(settings: Settings) -> Iterator[Finding]:
    """Report an unreadable ``status.json``, and the failed run and rollback recorded in it."""
    path = status_path(settings.published_path)
    status = read_status(settings.published_path)
    if path.exists() and status == Status():
        yield warning(
            "status",
            f"{path} cannot be read",
            "rossmann doctor --fix removes it; the next run writes it again",
            path.unlink,
        )
    failed = status.last_failed_run
    if failed is not None and not failed.is_resolved:
        yield warning(
            "failed run",
            f"run {failed.run_id} failed at {failed.at:%Y-%m-%d %H:%M} in {failed.step}: "
            f"{failed.reason[:300]}",
            "repair what it names, then `rossmann refresh`",
        )
    if status.rollback is not None:
        yield note(
            "rollback",
            f"readers were rolled back to {status.rollback.generation_id} at "
            f"{status.rollback.at:%Y-%m-%d %H:%M}; it holds until something new is published",
        )
