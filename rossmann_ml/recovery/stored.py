"""Examine the warehouse (schema version, champion, data set) and the machine's clock.

Whether the current generation is out of date is examined too, because that needs the warehouse.
Entry point: :func:`examine_warehouse`. The examination is read-only: it neither migrates nor
creates tables. See :mod:`~rossmann_ml.recovery.served` for the files that readers use.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import duckdb

from rossmann_ml.base.errors import DamagedError, RefusedError, SchemaError
from rossmann_ml.base.settings import Settings
from rossmann_ml.ingest.data_set import data_set_of, landed_data_set, require_same_data_set
from rossmann_ml.recovery.findings import Finding, error, note, warning
from rossmann_ml.serving.generations import list_generations
from rossmann_ml.serving.status import read_status
from rossmann_ml.warehouse import connection as warehouse
from rossmann_ml.warehouse.clock import product_today
from rossmann_ml.warehouse.schema import newest_version, refuse_later_version, schema_version
from rossmann_ml.warehouse.tables import forecasting, raw
from rossmann_ml.warehouse.tables.models import champion
from rossmann_ml.warehouse.whole import require_readable

# One week between origins, and three days for landing the week's sales.
_STALE_AFTER = timedelta(days=10)
# Clocks of two machines differ by seconds; a larger difference means a clock was set back.
_CLOCK_TOLERANCE = timedelta(minutes=5)


def examine_warehouse(settings: Settings) -> Iterator[Finding]:
    """Report faults of the pipeline's database, the data set and the clock.

    A current generation that is out of date is reported too. If the database is missing, has no
    tables, is damaged or has a later schema version than the code, only that is reported. Every
    row is read, because a damaged block is noticed only when it is read. An earlier schema
    version is reported with a repair that migrates the database; the examination then goes on.
    """
    if not settings.database_path.exists():
        yield warning(
            "warehouse",
            f"there is none yet in {settings.warehouse_path}",
            "`rossmann refresh` makes it, `rossmann restore FILE` brings one back",
        )
        return
    with warehouse.open_as_it_is(settings) as connection:
        try:
            require_readable(connection, settings.database_path)
        except DamagedError as damage:
            yield error(
                "warehouse",
                str(damage),
                "`rossmann restore FILE --replace` a backup; published generations do not depend "
                "on it",
            )
            return
        version = schema_version(connection)
        if version is None:
            yield warning(
                "warehouse",
                f"{settings.database_path} holds none of the pipeline's tables",
                "`rossmann refresh` makes them",
            )
            return
        try:
            refuse_later_version(version)
        except SchemaError as refusal:
            yield error("schema version", str(refusal))
            return
        if version < newest_version():
            yield warning(
                "schema version",
                f"the warehouse has schema version {version}, this code writes {newest_version()}",
                "rossmann doctor --fix migrates it; `rossmann refresh` does too",
                lambda: warehouse.connect(settings).close(),
            )
        for examiner in (_champion, _data_set, _age, _clock):
            with suppress(duckdb.CatalogException):  # a table that the migration makes
                yield from examiner(connection, settings)


def _champion(connection: duckdb.DuckDBPyConnection, settings: Settings) -> Iterator[Finding]:
    del settings
    if champion(connection) is None:
        yield warning(
            "champion",
            "no model has been promoted yet",
            "`rossmann refresh` trains one and submits it to the gate",
        )


def _data_set(connection: duckdb.DuckDBPyConnection, settings: Settings) -> Iterator[Finding]:
    landed = landed_data_set(connection)
    for folder, is_bulk in ((settings.raw_path, True), (settings.incoming_path, False)):
        if not folder.is_dir() or (is_bulk and not (folder / "train.csv").exists()):
            continue
        try:
            offered = data_set_of(folder, is_bulk=is_bulk)
            require_same_data_set(offered, landed, folder, settings)
        except RefusedError as refusal:
            yield error("data set", str(refusal))


def _age(connection: duckdb.DuckDBPyConnection, settings: Settings) -> Iterator[Finding]:
    """Report a current generation that is out of date.

    These faults are checked in order, and only the first is reported:

    - The generation was made from another data set than the warehouse holds.
    - The newest origin of the generation is older than that of the warehouse's forecasts.
    - The newest origin of the generation is more than ten days before the business date.
    """
    current = next((each.info for each in list_generations(settings) if each.is_current), None)
    if current is None:
        return
    landed = raw.data_set(connection)
    today = product_today(connection, settings)
    newest = forecasting.newest_origin_between(connection)
    if landed is not None and landed[0] != current.data_set_name:
        yield error(
            "data set",
            f"readers see {current.data_set_name!r}, the warehouse holds {landed[0]!r}",
            "`rossmann publish` shows them what the warehouse holds",
        )
    elif newest is not None and newest > current.forecast_origin:
        is_held = read_status(settings.published_path).rollback is not None
        grade, remedy = (note, "") if is_held else (warning, "`rossmann publish`")
        yield grade(
            "stale generation",
            f"readers see the origin {current.forecast_origin}, the warehouse has {newest}"
            + ("; a rollback holds them there" if is_held else ""),
            remedy,
        )
    elif today - current.forecast_origin > _STALE_AFTER:
        yield warning(
            "stale generation",
            f"the newest origin is {current.forecast_origin}, today is {today}: expected at most "
            f"{_STALE_AFTER.days} days between them",
            f"put the newest sales into {settings.incoming_path} and run `rossmann refresh`",
        )


def _clock(connection: duckdb.DuckDBPyConnection, settings: Settings) -> Iterator[Finding]:
    del settings
    newest = raw.newest_landing(connection)
    now = warehouse.utc_now()
    if newest is not None and newest > now + _CLOCK_TOLERANCE:
        yield error(
            "clock",
            f"it shows {now:%Y-%m-%d %H:%M} UTC, but files were landed at {newest:%Y-%m-%d %H:%M}: "
            "it was set back, or was ahead then",
            "set the machine's clock; what is landed now would count as known too early",
        )
