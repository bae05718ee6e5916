"""Find files that change much of what is landed, so that a person must accept them.

Entry points: :func:`hold_reason`, :func:`missing_stores_note`. A corrected weekly file under its
own name is never held, because this is the documented way to correct it.
"""

from __future__ import annotations

from datetime import date, timedelta

import duckdb
import polars as pl

from rossmann_ml.base.params import Params
from rossmann_ml.base.params.ingest import HoldParams
from rossmann_ml.ingest.admission.days import WEEK
from rossmann_ml.ingest.admission.store_attributes import attribute_reason
from rossmann_ml.ingest.discovery import RawFile
from rossmann_ml.warehouse.connection import one_row, read_frame
from rossmann_ml.warehouse.tables import raw

# So few stores are a correction, no matter how small the chain is.
_MOST_CORRECTED_STORES = 2
_MOST_STORES_NAMED = 10


def hold_reason(
    connection: duckdb.DuckDBPyConnection, raw_file: RawFile, rows: pl.DataFrame, params: Params
) -> str | None:
    """Return why a file must wait for a person, with figures; None if it may land.

    Args:
        connection: Connection to the pipeline's database.
        raw_file: The file.
        rows: Rows of the file that fit, one per key.
        params: Limits, in the section ``ingest.hold``.
    """
    limits = params.ingest.hold
    if raw_file.kind in ("stores", "store_states"):
        attributes = attribute_reason(
            connection, raw_file, rows, params.plausibility.store_attributes
        )
        missing = _missing_stores(connection, rows, params) if raw_file.kind == "stores" else None
        return "; ".join(filter(None, (missing, attributes))) or None
    if raw_file.kind != "sales" or rows.is_empty():
        return None
    newest = raw.newest_sales_date(connection)
    if newest is None:
        return None
    return _gap(raw_file, rows, newest, limits) or _restatement(
        connection, raw_file, rows, newest, limits
    )


def missing_stores_note(
    connection: duckdb.DuckDBPyConnection, raw_file: RawFile, rows: pl.DataFrame, params: Params
) -> tuple[str, ...]:
    """Name the stores with recent sales or a plan that a new list of stores no longer holds."""
    missing, _ = _stores_in_use(connection, rows, params)
    if not missing:
        return ()
    return (f"{_named(missing)} not in {raw_file.path.name}, but with {_IN_USE}; they stay known",)


_IN_USE = "recent sales or a plan"


def _missing_stores(
    connection: duckdb.DuckDBPyConnection, rows: pl.DataFrame, params: Params
) -> str | None:
    missing, in_use = _stores_in_use(connection, rows, params)
    limit = params.ingest.hold.max_missing_stores_share
    if len(missing) < 2 or len(missing) <= limit * in_use:
        return None
    return (
        f"it no longer holds {_named(missing)} of {in_use:,} stores with {_IN_USE} "
        f"({len(missing) / in_use:.1%}; ingest.hold.max_missing_stores_share allows {limit:.1%}). "
        "The stores stay known"
    )


def _stores_in_use(
    connection: duckdb.DuckDBPyConnection, rows: pl.DataFrame, params: Params
) -> tuple[list[int], int]:
    """Return stores with recent sales or a plan that are not in `rows`, and the number of all."""
    newest = raw.newest_sales_date(connection)
    if newest is None:
        return [], 0
    found = connection.execute(
        """
        SELECT store FROM raw.sales WHERE date > $since AND sales > 0
        UNION SELECT store FROM raw.plan WHERE date > $newest
        """,
        {"newest": newest, "since": newest - timedelta(days=params.forecast.active_within_days)},
    ).fetchall()
    in_use = {int(store) for (store,) in found}
    return sorted(in_use - set(rows["store"].to_list())), len(in_use)


def _named(stores: list[int]) -> str:
    """Return a number of stores with the first of them, such as ``2 stores (4, 17)``."""
    more = ", …" if len(stores) > _MOST_STORES_NAMED else ""
    shown = ", ".join(map(str, stores[:_MOST_STORES_NAMED]))
    return f"{len(stores):,} {'store' if len(stores) == 1 else 'stores'} ({shown}{more})"


def _gap(raw_file: RawFile, rows: pl.DataFrame, newest: date, limits: HoldParams) -> str | None:
    later = rows.filter(pl.col("date") > newest)["date"].min()
    # the name counts too, because its day decides over rows of other files, however old its own are
    for what, day in (("its sales begin on", later), ("its name says", raw_file.day)):
        if isinstance(day, date) and (day - newest).days > limits.max_gap_days:
            return (
                f"{what} {day}, {(day - newest).days} days after the newest landed sales "
                f"of {newest}; ingest.hold.max_gap_days allows {limits.max_gap_days}"
            )
    return None


def _restatement(
    connection: duckdb.DuckDBPyConnection,
    raw_file: RawFile,
    rows: pl.DataFrame,
    newest: date,
    limits: HoldParams,
) -> str | None:
    """Describe sales that another file landed with other values, or that a new edition lacks."""
    changed = _changed_rows(connection, raw_file, rows)
    if changed.is_empty():
        return None
    stores = changed["store"].n_unique()
    edition = _edition_rows(connection, raw_file) if raw_file.is_bulk else rows.height
    share = changed.height / max(edition, 1)
    # the newest days are often corrected
    own_week = (raw_file.day or newest) - WEEK
    whole = (
        changed.filter(pl.col("date") < own_week)
        .group_by("date")
        .agg(share=pl.len() / pl.col("stores").first())
        .filter(pl.col("share") > limits.max_day_share)["date"]
    )
    usual = raw.usual_stores(connection) or 0
    few = max(_MOST_CORRECTED_STORES, limits.max_restated_share * usual)
    if stores <= few or (share <= limits.max_restated_share and whole.is_empty()):
        return None
    gone = changed["after"].null_count()
    kinds = [
        f"restates {changed.height - gone:,}" if changed.height > gone else "",
        f"takes back {gone:,}" if gone else "",
    ]
    days = changed["date"].unique().sort()
    why = (
        f"ingest.hold.max_restated_share allows {limits.max_restated_share:.0%}"
        if share > limits.max_restated_share
        else f"on {len(whole):,} of the days it changes more than {limits.max_day_share:.0%} of "
        "the stores (ingest.hold.max_day_share)"
    )
    return (
        f"it {' and '.join(filter(None, kinds))} landed rows of {stores:,} stores and "
        f"{len(days):,} days ({days[0]} to {days[-1]}), {share:.1%} of {edition:,} rows; "
        f"{why}. Their sales were {changed['before'].sum():,.0f} and would be "
        f"{changed['after'].sum():,.0f}"
    )


def _edition_rows(connection: duckdb.DuckDBPyConnection, raw_file: RawFile) -> int:
    """Return the number of rows in the newest landed edition of a bulk file; 0 if there is none."""
    row = one_row(
        connection,
        "SELECT rows_read FROM raw.loads WHERE kind = ? AND file_name = ? "
        "ORDER BY load_id DESC LIMIT 1",
        [raw_file.kind, raw_file.path.name],
    )
    return 0 if row is None else int(row[0])


def _changed_rows(
    connection: duckdb.DuckDBPyConnection, raw_file: RawFile, rows: pl.DataFrame
) -> pl.DataFrame:
    """List landed sales that the file would change.

    Returns:
        ``store``, ``date``, ``before`` and ``after`` (sales; ``after`` is NULL for a row that is
        taken back) and ``stores``, the number of stores with landed rows of that day.
    """
    offered = ", ".join(f"offered.{name}" for name in raw_file.format.values)
    stored = ", ".join(f"newest.{name}" for name in raw_file.format.values)
    connection.register("offered", rows)
    # a weekly file may correct its own rows; a bulk file is compared with its last edition too
    changed = read_frame(
        connection,
        f"""
        WITH newest AS (
            SELECT sales.*, loads.file_name = $name AS is_own
            FROM raw.sales JOIN raw.loads USING (load_id)
            WHERE $is_bulk OR date IN (SELECT date FROM offered)
            QUALIFY load_id = max(load_id) OVER (PARTITION BY store, date)
        ),
        days AS (SELECT date, count(*) AS stores FROM newest GROUP BY date)
        SELECT store, date, newest.sales AS before, offered.sales AS after, days.stores
        FROM newest JOIN days USING (date) LEFT JOIN offered USING (store, date)
        WHERE CASE
            WHEN offered.store IS NULL THEN $is_bulk AND is_own
            ELSE ($is_bulk OR NOT is_own) AND row({offered}) IS DISTINCT FROM row({stored})
        END
        """,  # noqa: S608 - names of columns
        {"name": raw_file.path.name, "is_bulk": raw_file.is_bulk},
    )
    connection.unregister("offered")
    return changed
