"""The files of a simulated Monday: what the retailer would have sent by then, and no more.

Before the first Monday everything lands as bulk history. Each later Monday brings the sales of the
week before and the plan of the six weeks to come. A store may report its week a Monday late, and a
day's sales may first be wrong and be put right a Monday later; both are chosen by the seed, the
store and the day alone, so that what a Monday brings does not depend on what comes after it.
"""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from rossmann_ml.base.params import Params
from rossmann_ml.ingest.data_set import MARKER_NAME
from rossmann_ml.pipeline.replay.options import ReplayOptions
from rossmann_ml.pipeline.replay.source import PLAN, SALES, STATES, STORES, Source

_WEEK = timedelta(days=7)
_DAY = timedelta(days=1)
_MOST_WRONG = 0.1  # of a misreported day's sales
_LATE, _WRONG = 1, 2  # streams of random numbers

_ORDER = "ORDER BY Date DESC, Store::INTEGER"

# Rows of the week before come with what was misreported; those of the week before that are what
# was late, and what puts misreported days right.
_WEEKLY_SALES = f"""
    WITH rows AS (
        SELECT
            sales.*,
            sales.Date::DATE >= $monday::DATE - 7 AS is_new,
            late.store_id IS NOT NULL AS is_late,
            wrong.factor
        FROM sales
        LEFT JOIN late
            ON late.store_id = sales.Store::INTEGER
            AND late.week = date_trunc('week', sales.Date::DATE)
        LEFT JOIN wrong
            ON wrong.store_id = sales.Store::INTEGER AND wrong.sales_date = sales.Date::DATE
        WHERE sales.Date::DATE >= $monday::DATE - $days AND sales.Date::DATE < $monday::DATE
    )
    SELECT * EXCLUDE (is_new, is_late, factor) REPLACE (
        CASE WHEN is_new AND factor IS NOT NULL
            THEN CAST(CAST(round(Sales::DOUBLE * factor) AS BIGINT) AS VARCHAR)
            ELSE Sales END AS Sales
    )
    FROM rows
    WHERE CASE WHEN is_new THEN NOT is_late ELSE is_late OR factor IS NOT NULL END
    {_ORDER}
"""  # noqa: S608 - nothing but the order stands in it


def write_bulk(
    source: Source, options: ReplayOptions, params: Params, *, raw: Path, incoming: Path
) -> None:
    """Write the history before the first Monday, the stores and the first plan.

    Args:
        source: The whole files.
        options: The first Monday.
        params: How long a plan is.
        raw: The replay's folder of bulk files.
        incoming: Its folder of weekly drops; a sample's marker is put there too.
    """
    for folder in (raw, incoming):
        folder.mkdir(parents=True, exist_ok=True)
        if (source.folder / MARKER_NAME).is_file():
            shutil.copy(source.folder / MARKER_NAME, folder / MARKER_NAME)
    for name in (STORES, STATES):
        if (source.folder / name).is_file():
            shutil.copyfile(source.folder / name, raw / name)
    with source.opened() as connection:
        query = f"FROM sales WHERE Date::DATE < $monday {_ORDER}"
        _write(connection, raw / SALES, query, {"monday": options.first_monday})
        _write_plan(connection, source, options.first_monday, params, raw / PLAN)


def write_drop(
    source: Source, options: ReplayOptions, params: Params, *, number: int, incoming: Path
) -> None:
    """Write the two files that a Monday after the first brings; the same every time.

    Args:
        source: The whole files.
        options: Seed and shares of late and misreported rows.
        params: How long a plan is.
        number: The week, counted from 0, which is the bulk history's.
        incoming: The replay's folder of weekly drops.
    """
    monday = options.monday(number)
    # the bulk history is as it came true: nothing of it was late or wrong
    weeks = [monday - _WEEK] if number == 1 else [monday - 2 * _WEEK, monday - _WEEK]
    with source.opened() as connection:
        late = pl.concat([_late(source.stores, options, week) for week in weeks])
        days = [week + day * _DAY for week in weeks for day in range(7)]
        wrong = pl.concat([_wrong(source.stores, options, day) for day in days])
        connection.register("late", late)
        connection.register("wrong", wrong)
        values = {"monday": monday, "days": 7 * len(weeks)}
        _write(connection, incoming / f"sales_{monday}.csv", _WEEKLY_SALES, values)
        _write_plan(connection, source, monday, params, incoming / f"plan_{monday}.csv")


def _write_plan(
    connection: duckdb.DuckDBPyConnection, source: Source, monday: date, params: Params, path: Path
) -> None:
    source.make_plan_table(connection, monday, params)
    _write(connection, path, f"FROM planned {_ORDER}", {})


def _write(
    connection: duckdb.DuckDBPyConnection, path: Path, query: str, values: dict[str, object]
) -> None:
    """Write a query's rows as CSV, whole or not at all."""
    half = path.with_suffix(".half")
    relation = connection.sql(query, params=values) if values else connection.sql(query)
    relation.write_csv(str(half), header=True)
    half.replace(path)


def _late(stores: list[int], options: ReplayOptions, week: date) -> pl.DataFrame:
    """Stores that report a week late: ``store_id, week`` (its Monday)."""
    generator = np.random.default_rng([options.seed, _LATE, week.toordinal()])
    is_late = generator.random(len(stores)) < options.late_share
    return pl.DataFrame({"store_id": stores}).filter(is_late).with_columns(week=pl.lit(week))


def _wrong(stores: list[int], options: ReplayOptions, day: date) -> pl.DataFrame:
    """Store-days that are first reported wrong: ``store_id, sales_date, factor``."""
    generator = np.random.default_rng([options.seed, _WRONG, day.toordinal()])
    is_wrong = generator.random(len(stores)) < options.restated_share
    factor = 1 + generator.uniform(-_MOST_WRONG, _MOST_WRONG, len(stores))
    return (
        pl.DataFrame({"store_id": stores, "factor": factor})
        .filter(is_wrong)
        .with_columns(sales_date=pl.lit(day))
    )
