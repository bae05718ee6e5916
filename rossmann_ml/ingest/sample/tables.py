"""Build the rows of the sample's files with the competition's columns, order and quotes.

Quotes are part of the values, because the competition's files quote whole columns. Files are
written in :mod:`~rossmann_ml.ingest.sample.writer`.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from rossmann_ml.ingest.sample.calendar import HOLIDAY_CODES, STATES, ChainCalendar
from rossmann_ml.ingest.sample.sales import make_sales, opening
from rossmann_ml.ingest.sample.stores import ASSORTMENTS, PROMO_INTERVALS, STORE_TYPES, Stores


def header(columns: list[str], *, quoted: bool = True) -> bytes:
    """Return the header line of a file."""
    names = [f'"{name}"' for name in columns] if quoted else columns
    return (",".join(names) + "\n").encode()


def _quoted(values: tuple[str, ...], index: npt.NDArray[np.integer]) -> pl.Series:
    return pl.Series([f'"{value}"' for value in values]).gather(index.astype(np.uint32).ravel())


def _day_columns(
    calendar: ChainCalendar, rows: slice, stores: Stores
) -> tuple[dict[str, pl.Series], dict[str, pl.Series]]:
    """Return the columns shared by sales and plan that come first, and those that come last."""
    count = len(stores)
    ordinals = calendar.ordinals[rows]
    days = pl.Series([date.fromordinal(day).isoformat() for day in ordinals.tolist()])
    each = np.repeat(np.arange(len(ordinals), dtype=np.uint32), count)
    before = {
        "Store": pl.Series(np.tile(np.arange(1, count + 1, dtype=np.int32), len(ordinals))),
        "DayOfWeek": pl.Series(calendar.day_of_week[rows].astype(np.int8)[each]),
        "Date": days.gather(each),
    }
    promo = calendar.is_promo[rows].astype(np.int8)[each]
    school = calendar.is_school_holiday[rows][:, stores.state]
    after = {
        "Promo": pl.Series(promo),
        "StateHoliday": _quoted(HOLIDAY_CODES, calendar.holiday_code[rows][:, stores.state]),
        "SchoolHoliday": _quoted(("0", "1"), school.astype(np.uint32)),
    }
    return before, after


def _newest_first(rows: slice) -> slice:
    """Return the slice of the same rows in reverse order."""
    return slice(rows.stop - 1, rows.start - 1 if rows.start else None, -1)


def sales_rows(calendar: ChainCalendar, rows: slice, stores: Stores, seed: int) -> pl.DataFrame:
    """Return rows of ``train.csv``: newest day first, within a day by store.

    Args:
        calendar: Calendar of the whole sample.
        rows: Rows of the calendar in this block, oldest to newest.
        stores: Stores of the chain.
        seed: Seed of the sample.
    """
    backwards = _newest_first(rows)
    before, after = _day_columns(calendar, backwards, stores)
    block = make_sales(calendar, backwards, stores, seed)
    frame = pl.DataFrame(
        {
            **before,
            "Sales": block.sales.ravel(),
            "Customers": block.customers.ravel(),
            "Open": block.is_open.ravel().astype(np.int8),
            **after,
        }
    )
    return frame if block.is_observed.all() else frame.filter(block.is_observed.ravel())


def plan_rows(
    calendar: ChainCalendar, rows: slice, stores: Stores, *, first_id: int
) -> pl.DataFrame:
    """Return rows of ``test.csv``: newest day first, within a day by store.

    Args:
        calendar: Calendar of the whole sample.
        rows: Rows of the calendar in this block, oldest to newest.
        stores: Stores of the chain.
        first_id: ``Id`` of the first row.
    """
    backwards = _newest_first(rows)
    before, after = _day_columns(calendar, backwards, stores)
    is_open = opening(calendar, backwards, stores).ravel().astype(np.int8)
    ids = np.arange(first_id, first_id + len(is_open), dtype=np.int64)
    return pl.DataFrame({"Id": ids, **before, "Open": is_open, **after})


def store_rows(stores: Stores) -> pl.DataFrame:
    """Return the rows of ``store.csv``; an unknown value is an empty field."""
    has_promo2 = stores.promo2_year > 0
    is_known = stores.competition_since >= 0

    def where(is_given: npt.NDArray[np.bool_], values: npt.NDArray[np.integer]) -> pl.Series:
        masked = pl.DataFrame({"given": is_given, "value": values})
        return masked.select(pl.when("given").then("value")).to_series()

    distance = pl.Series(stores.competition_distance_m).fill_nan(None).cast(pl.Int64)
    return pl.DataFrame(
        {
            "Store": np.arange(1, len(stores) + 1),
            "StoreType": _quoted(STORE_TYPES, stores.store_type),
            "Assortment": _quoted(ASSORTMENTS, stores.assortment),
            "CompetitionDistance": distance,
            "CompetitionOpenSinceMonth": where(is_known, stores.competition_since % 12 + 1),
            "CompetitionOpenSinceYear": where(is_known, stores.competition_since // 12),
            "Promo2": has_promo2.astype(np.int8),
            "Promo2SinceWeek": where(has_promo2, stores.promo2_week),
            "Promo2SinceYear": where(has_promo2, stores.promo2_year),
            "PromoInterval": _quoted(PROMO_INTERVALS, stores.promo_interval),
        }
    )


def state_rows(stores: Stores) -> pl.DataFrame:
    """Return the rows of ``store_states.csv``; only a state with a comma is quoted."""
    names = [f'"{state}"' if "," in state else state for state in STATES]
    return pl.DataFrame(
        {
            "Store": np.arange(1, len(stores) + 1),
            "State": pl.Series(names).gather(stores.state.astype(np.uint32)),
        }
    )
