"""What is wrong with the warehouse: its form, its champion, its data set, its clock.

Looks without migrating or creating anything. What readers are served is
:mod:`~rossmann_ml.recovery.served`'s matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial

import duckdb

from rossmann_ml.base import files
from rossmann_ml.base.errors import BadFileError, SchemaError
from rossmann_ml.base.settings import Settings
from rossmann_ml.ingest.data_set import data_set_of, landed_data_set
from rossmann_ml.recovery.findings import Finding, Severity
from rossmann_ml.serving.generations import bundle_path
from rossmann_ml.warehouse import connection as warehouse
from rossmann_ml.warehouse.schema import newest_version, refuse_later_version, schema_version
from rossmann_ml.warehouse.tables import raw
from rossmann_ml.warehouse.tables.models import champion

# What dbt calls a table that is not finished, or that a finished one is about to replace.
_UNFINISHED = ("__dbt_tmp", "__dbt_backup")
# Clocks of two machines differ by seconds; more than this is a clock that was set back.
_CLOCK_TOLERANCE = timedelta(minutes=5)


def examine_warehouse(settings: Settings) -> Iterator[Finding]:
    """Look into the pipeline's database, if there is one and nobody writes to it."""
    if not settings.database_path.exists():
        yield Finding(
            Severity.WARNING,
            "warehouse",
            f"there is none yet in {settings.warehouse_path}",
            "`rossmann refresh` makes it, `rossmann restore FILE` brings one back",
        )
        return
    with warehouse.open_as_it_is(settings) as connection:
        version = schema_version(connection)
        if version is None:
            yield Finding(
                Severity.WARNING,
                "warehouse",
                f"{settings.database_path} holds none of the pipeline's tables",
                "`rossmann refresh` makes them",
            )
            return
        try:
            refuse_later_version(version)
        except SchemaError as error:
            yield Finding(Severity.ERROR, "schema version", str(error))
            return
        if version < newest_version():
            yield Finding(
                Severity.WARNING,
                "schema version",
                f"the warehouse has schema version {version}, this code writes {newest_version()}",
                "rossmann doctor --fix migrates it; `rossmann refresh` does too",
                lambda: _migrated(settings),
            )
        for look in (_unfinished_tables, _champion, _data_set, _clock):
            try:
                yield from look(connection, settings)
            except duckdb.CatalogException:  # a table that the migration makes
                continue


def _migrated(settings: Settings) -> str:
    with warehouse.connect(settings):
        return f"migrated the warehouse to schema version {newest_version()}"


def _unfinished_tables(
    connection: duckdb.DuckDBPyConnection, settings: Settings
) -> Iterator[Finding]:
    found = [
        (schema, name, kind)
        for schema, name, kind in connection.execute(
            """
            SELECT schema_name, table_name, 'TABLE' FROM duckdb_tables()
            UNION ALL SELECT schema_name, view_name, 'VIEW' FROM duckdb_views() WHERE NOT internal
            ORDER BY ALL
            """
        ).fetchall()
        if name.endswith(_UNFINISHED)
    ]
    if found:
        yield Finding(
            Severity.WARNING,
            "unfinished tables",
            "left by a dbt that died: " + ", ".join(f"{each[0]}.{each[1]}" for each in found),
            "rossmann doctor --fix drops them; the tables themselves are whole",
            lambda: _dropped(settings, found),
        )


def _dropped(settings: Settings, tables: list[tuple[str, str, str]]) -> str:
    with warehouse.connect(settings) as connection:
        for schema, name, kind in tables:
            quoted = name.replace('"', '""')
            connection.execute(f'DROP {kind} IF EXISTS "{schema}"."{quoted}"')
    return "dropped " + ", ".join(f"{schema}.{name}" for schema, name, _ in tables)


def _champion(connection: duckdb.DuckDBPyConnection, settings: Settings) -> Iterator[Finding]:
    version = champion(connection)
    if version is None:
        yield Finding(
            Severity.WARNING,
            "champion",
            "no model has been promoted yet",
            "`rossmann refresh` trains one and asks the gate",
        )
        return
    own, published = settings.models_path / version, bundle_path(settings, version)
    if own.is_dir():
        return
    repair: Callable[[], str] | None = None
    remedy = "`rossmann rollback model`, `rossmann restore FILE`, or train: `rossmann refresh "
    remedy += "--retrain fast`"
    if published.is_dir():
        repair = partial(_copied, settings, version)
        remedy = "rossmann doctor --fix copies it from the published ones"
    yield Finding(
        Severity.ERROR,
        "champion",
        f"the files of the champion {version} are not in {settings.models_path}",
        remedy,
        repair,
    )


def _copied(settings: Settings, version: str) -> str:
    files.copy_folder_atomically(bundle_path(settings, version), settings.models_path / version)
    return f"copied {version} from the published models"


def _data_set(connection: duckdb.DuckDBPyConnection, settings: Settings) -> Iterator[Finding]:
    landed = landed_data_set(connection)
    if landed is None:
        return
    for folder, is_bulk in ((settings.raw_path, True), (settings.incoming_path, False)):
        if not folder.is_dir() or (is_bulk and not (folder / "train.csv").exists()):
            continue
        try:
            offered = data_set_of(folder, is_bulk=is_bulk)
        except BadFileError as error:
            yield Finding(Severity.ERROR, "data set", str(error))
            continue
        if offered is not None and offered.name != landed.name:
            yield Finding(
                Severity.ERROR,
                "data set",
                f"the warehouse holds {landed.name!r}, {folder} holds {offered.name!r}; they are "
                "never mixed",
                "name another folder with ROSSMANN_RAW_DIR, or another warehouse with "
                "ROSSMANN_WAREHOUSE_DIR",
            )


def _clock(connection: duckdb.DuckDBPyConnection, settings: Settings) -> Iterator[Finding]:
    del settings
    newest = raw.newest_landing(connection)
    now = warehouse.utc_now()
    if newest is not None and newest > now + _CLOCK_TOLERANCE:
        yield Finding(
            Severity.ERROR,
            "clock",
            f"it says {now:%Y-%m-%d %H:%M} UTC, but files were landed at {newest:%Y-%m-%d %H:%M}: "
            "it was set back, or was ahead then",
            "set the machine's clock; what is landed now would count as known too early",
        )
