"""Write the files of a simulated Monday: exactly the files that the retailer would have sent.

Entry points: :func:`write_bulk` (the history before the first Monday), :func:`write_drop` (a later
Monday: last week's sales and the plan). A replay can simulate sales that arrive a week late or are
wrong at first. The choice depends on seed, store and day alone, so that no file depends on later
data.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb

from rossmann_ml.base.files import move_into_place, temporary_name
from rossmann_ml.base.params import Params
from rossmann_ml.ingest.data_set import MARKER_NAME
from rossmann_ml.pipeline.replay.options import ReplayOptions
from rossmann_ml.pipeline.replay.source import HOLIDAYS, PLAN, SALES, STATES, STORES, Source

_ORDER = "ORDER BY Date DESC, Store::INTEGER"

# A number in [0, 1) that is the same on every machine and in every version of DuckDB.
_CHANCE = """
    CREATE MACRO chance(kind, store, day) AS
    md5_number_lower(concat_ws(' ', getvariable('seed'), kind, store::INTEGER, day::DATE))
        / 18446744073709551616.0
"""

# Of last week: what is in time, partly up to 10% wrong. Of the week before: what was late, and the
# corrections.
_WEEKLY_SALES = f"""
    WITH rows AS (
        SELECT
            *,
            Date::DATE >= $monday::DATE - 7 AS is_new,
            chance('late', Store, date_trunc('week', Date::DATE)) < $late_share AS is_late,
            chance('wrong', Store, Date) < $restated_share AS is_wrong
        FROM sales
        WHERE Date::DATE >= $monday::DATE - $days AND Date::DATE < $monday::DATE
    )
    SELECT * EXCLUDE (is_new, is_late, is_wrong) REPLACE (
        CASE WHEN is_new AND is_wrong
            THEN round(Sales::DOUBLE * (0.9 + 0.2 * chance('factor', Store, Date)))::BIGINT::VARCHAR
            ELSE Sales END AS Sales
    )
    FROM rows
    WHERE CASE WHEN is_new THEN NOT is_late ELSE is_late OR is_wrong END
    {_ORDER}
"""  # noqa: S608 - only the order is inserted


def write_bulk(
    source: Source, options: ReplayOptions, params: Params, *, raw: Path, incoming: Path
) -> None:
    """Write the files of the first Monday: all earlier sales, the stores and the first plan.

    Args:
        source: The retailer's complete files.
        options: Options of the replay; its first Monday is used.
        params: Parameters; the horizon is the length of the plan.
        raw: Folder of the replay's bulk files.
        incoming: Folder of the replay's weekly files, which are written later. The marker of a
            synthetic sample is copied to both folders.
    """
    for folder in (raw, incoming):
        folder.mkdir(parents=True, exist_ok=True)
        if (source.folder / MARKER_NAME).is_file():
            shutil.copy(source.folder / MARKER_NAME, folder / MARKER_NAME)
    for name in (STORES, STATES, HOLIDAYS):
        if (source.folder / name).is_file():
            shutil.copyfile(source.folder / name, raw / name)
    monday = options.first_monday
    with source.opened() as connection:
        query = f"FROM sales WHERE Date::DATE < $monday {_ORDER}"
        _write(connection.sql(query, params={"monday": monday}), raw / SALES)
        _write(source.plan(connection, monday, params.forecast.horizon_days), raw / PLAN)


def write_drop(
    source: Source, options: ReplayOptions, params: Params, *, number: int, incoming: Path
) -> None:
    """Write the sales and the plan file of one later Monday.

    Repeated calls write equal bytes, because a killed week is run again with the same files.

    Args:
        source: The retailer's complete files.
        options: Options of the replay: seed, share of late rows, share of rows wrong at first.
        params: Parameters; the horizon is the length of the plan.
        number: Number of the week, 1 or more; week 0 is that of the bulk files.
        incoming: Folder of the replay's weekly files.
    """
    monday = options.monday(number)
    values = {
        "monday": monday,
        # the bulk history is complete and right, so the first drop corrects nothing
        "days": 7 if number == 1 else 14,
        "late_share": options.late_share,
        "restated_share": options.restated_share,
    }
    with source.opened() as connection:
        connection.execute("SET VARIABLE seed = $seed", {"seed": options.seed})
        connection.execute(_CHANCE)
        sales = connection.sql(_WEEKLY_SALES, params=values)
        _write(sales, incoming / f"sales_{monday}.csv")
        plan = source.plan(connection, monday, params.forecast.horizon_days)
        _write(plan, incoming / f"plan_{monday}.csv")


def _write(rows: duckdb.DuckDBPyRelation, path: Path) -> None:
    """Write rows as a CSV file, completely or not at all, because a replay may be killed."""
    temporary = temporary_name(path)
    rows.write_csv(str(temporary), header=True)
    move_into_place(temporary, path)
