"""What is wrong with what readers are served: pointer, generations, models, age, status.

Only looks at published files, and at the warehouse for what is newer than they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import duckdb

from rossmann_ml.base import files
from rossmann_ml.base.errors import PublishError, RossmannError
from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.audit import schema_of
from rossmann_ml.recovery.findings import Finding, Severity
from rossmann_ml.serving.contract import Contract, load_contract
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
from rossmann_ml.serving.status import read_status, status_path
from rossmann_ml.warehouse import connection as warehouse
from rossmann_ml.warehouse.clock import product_today
from rossmann_ml.warehouse.tables import forecasting, raw

# A week and the days that landing the week's sales may take.
STALE_AFTER = timedelta(days=10)
_COLUMNS_SHOWN = 6


def examine_published(settings: Settings) -> Iterator[Finding]:
    """Look at the pointer, at every generation and at what the current one needs."""
    whole = whole_generations(settings)
    damaged = sorted(set(generation_files(settings.published_path)) - {each.path for each in whole})
    try:
        pointed = pointed_path(settings.published_path)
        unusable = ""
    except PublishError as error:
        pointed, unusable = None, str(error)
    current = next((each for each in whole if each.path == pointed), None)
    if damaged:
        yield Finding(
            Severity.ERROR if pointed in damaged else Severity.WARNING,
            "damaged generation",
            f"{', '.join(path.name for path in damaged)} cannot be read as a generation",
            "rossmann doctor --fix sets such files aside as *.damaged",
            lambda: _set_aside(damaged),
        )
    if current is None:
        yield from _no_current(settings, whole, pointed, unusable)
        return
    yield from _schema_drift(current, load_contract())
    yield from _missing_models(settings, current)
    yield from _age(settings, current)


def whole_generations(settings: Settings) -> list[Generation]:
    """The generations whose every value can be read, the newest first."""
    return [each for each in list_generations(settings) if _is_whole(each)]


def _is_whole(generation: Generation) -> bool:
    """Whether the file holds what its name says and every block of it passes its checksum."""
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


def _set_aside(paths: list[Path]) -> str:
    for path in paths:
        path.rename(path.with_name(f"{path.name}.damaged"))
    return f"set aside {', '.join(path.name for path in paths)}"


def _no_current(
    settings: Settings, whole: list[Generation], pointed: Path | None, unusable: str
) -> Iterator[Finding]:
    if not whole:
        is_trouble = bool(pointed or unusable)
        yield Finding(
            Severity.ERROR if is_trouble else Severity.WARNING,
            "pointer",
            unusable or (f"{POINTER_NAME} names {pointed.name}, and no generation is whole"
            if pointed else f"nothing is published in {settings.published_path} yet"),
            "`rossmann publish` makes one from the warehouse, `rossmann restore FILE` brings one "
            "back",
        )  # fmt: skip
        return
    found = unusable or (
        f"{POINTER_NAME} names {pointed.name}, which is not a whole generation"
        if pointed
        else f"there are generations but no {POINTER_NAME}"
    )
    yield Finding(
        Severity.ERROR,
        "pointer",
        found,
        f"rossmann doctor --fix points it to {whole[0].info.generation_id}, the newest whole one",
        lambda: _pointed(settings, whole[0]),
    )


def _pointed(settings: Settings, generation: Generation) -> str:
    move_pointer(settings.published_path, generation.path)
    return f"pointed {POINTER_NAME} to {generation.info.generation_id}"


def _schema_drift(current: Generation, contract: Contract) -> Iterator[Finding]:
    with reading(current.path) as connection:
        found = schema_of(connection)
    drifted = []
    for name in contract.names:
        types = {column: kind for column, kind, _ in found.get(name, [])}
        drifted += [
            f"{name}.{column.name} is {types.get(column.name, 'missing')}, expected {column.type}"
            for column in contract.columns_of(name)
            if types.get(column.name) != column.type
        ]
    if drifted:
        more = len(drifted) - _COLUMNS_SHOWN
        shown = "; ".join(drifted[:_COLUMNS_SHOWN]) + (f"; and {more} more" if more > 0 else "")
        yield Finding(
            Severity.WARNING,
            "schema drift",
            f"the current generation {current.info.generation_id} is not as the contract of this "
            f"code says: {shown}",
            "`rossmann refresh` publishes one that is",
        )


def _missing_models(settings: Settings, current: Generation) -> Iterator[Finding]:
    with reading(current.path) as connection:
        needed = model_versions_of(connection)
    for version in needed:
        published, own = bundle_path(settings, version), settings.models_path / version
        if not published.is_dir():
            repair: Callable[[], str] | None = None
            remedy = "`rossmann rollback generation ID`, or `rossmann restore FILE`"
            if own.is_dir():
                repair = partial(_copied, own, published)
                remedy = "rossmann doctor --fix copies it from the warehouse"
            yield Finding(
                Severity.ERROR,
                "bundle",
                f"the current generation needs the files of model {version}, which are not in "
                f"{published.parent}; what-if questions fail",
                remedy,
                repair,
            )


def _copied(source: Path, target: Path) -> str:
    files.copy_folder_atomically(source, target)
    return f"copied {target.name} to the published models"


def _age(settings: Settings, current: Generation) -> Iterator[Finding]:
    """Compare the current generation with the day and with what the warehouse knows."""
    if not settings.database_path.exists():
        return
    try:
        with warehouse.open_as_it_is(settings) as connection:
            today = product_today(connection, settings)
            newest = forecasting.newest_origin_between(connection)
            data_set = raw.data_set(connection)
    except (RossmannError, duckdb.Error):
        return  # the warehouse has a finding of its own
    info = current.info
    if data_set is not None and data_set[0] != info.data_set_name:
        yield Finding(
            Severity.ERROR,
            "data set",
            f"readers see {info.data_set_name!r}, the warehouse holds {data_set[0]!r}",
            "`rossmann publish` shows them what the warehouse holds",
        )
    elif newest is not None and newest > info.forecast_origin:
        is_held = read_status(settings.published_path).rollback is not None
        yield Finding(
            Severity.NOTE if is_held else Severity.WARNING,
            "stale generation",
            f"readers see the origin {info.forecast_origin}, the warehouse has forecasts of "
            f"{newest}" + ("; a rollback holds them there" if is_held else ""),
            "" if is_held else "`rossmann publish`",
        )
    elif today - info.forecast_origin > STALE_AFTER:
        yield Finding(
            Severity.WARNING,
            "stale generation",
            f"the newest origin is {info.forecast_origin}, today is {today}: expected at most "
            f"{STALE_AFTER.days} days between them",
            f"put the newest sales into {settings.incoming_path} and run `rossmann refresh`",
        )


def examine_status(settings: Settings) -> Iterator[Finding]:
    """Say what ``status.json`` keeps: a failed run, a rollback in force."""
    path = status_path(settings.published_path)
    status = read_status(settings.published_path)
    if path.exists() and status == type(status)():
        yield Finding(
            Severity.WARNING,
            "status",
            f"{path} cannot be read",
            "rossmann doctor --fix removes it; the next run writes it anew",
            lambda: _removed_status(path),
        )
    failed = status.last_failed_run
    if failed is not None and not failed.is_resolved:
        yield Finding(
            Severity.WARNING,
            "failed run",
            f"run {failed.run_id} failed at {failed.at:%Y-%m-%d %H:%M} in {failed.step}: "
            f"{failed.reason[:300]}",
            "mend what it names, then `rossmann refresh`",
        )
    if status.rollback is not None:
        yield Finding(
            Severity.NOTE,
            "rollback",
            f"readers were rolled back to {status.rollback.generation_id} at "
            f"{status.rollback.at:%Y-%m-%d %H:%M}; it holds until something new is published",
        )


def _removed_status(path: Path) -> str:
    files.remove(path)
    return f"removed {path.name}"
