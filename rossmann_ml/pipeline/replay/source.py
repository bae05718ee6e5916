"""The retailer's whole files, and what of them was known on a Monday.

Rows are handed on as they stand in the files, as text: whether a row can be stored is for the
ingest to say, in a replay as in life. Files are not held in memory; a query reads what it needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

import duckdb
import polars as pl

from rossmann_ml.base.digests import sha256_of
from rossmann_ml.base.errors import BadFileError, NoDataError
from rossmann_ml.base.params import Params
from rossmann_ml.ingest.data_set import RETAILER, data_set_of
from rossmann_ml.ingest.formats import FORMATS
from rossmann_ml.warehouse.connection import read_frame

SALES, PLAN = FORMATS["sales"].bulk_name, FORMATS["plan"].bulk_name
STORES, STATES = FORMATS["stores"].bulk_name, FORMATS["store_states"].bulk_name
_WHOLE_WEEK = timedelta(days=7)
# A store that reports nothing for longer was closed for a while; shorter holes are holes in the
# files.
_CLOSED_AFTER_DAYS = 7

# What the plan of six weeks held. The files give it as it came: promotions, holidays and opening
# of days to come stand beside the sales, and after those in the plan's own file.
_PLANNED = """
    CREATE OR REPLACE TEMP TABLE planned AS
    SELECT Store, DayOfWeek, Date, Open, Promo, StateHoliday, SchoolHoliday
    FROM sales WHERE Date::DATE BETWEEN $first AND $last
    UNION ALL
    SELECT Store, DayOfWeek, Date, Open, Promo, StateHoliday, SchoolHoliday
    FROM plan WHERE Date::DATE BETWEEN $first AND $last AND Date::DATE > $newest_sales
"""

# A store in the plan without rows for more than a week around a day is planned closed then: the
# retailer knew of a refurbishment, and the files only lack its rows.
_PLANNED_CLOSED = """
    INSERT INTO planned
    WITH spells AS (
        SELECT
            Store,
            Date::DATE AS last_seen,
            lead(Date::DATE, 1, $newest_sales::DATE + 1) OVER (
                PARTITION BY Store ORDER BY Date::DATE
            ) AS next_seen
        FROM sales
        UNION ALL
        SELECT Store, DATE '1900-01-01', min(Date::DATE) FROM sales GROUP BY Store
    ),
    days AS (
        SELECT
            Date, any_value(DayOfWeek) AS DayOfWeek,
            mode(Promo) AS Promo, mode(SchoolHoliday) AS SchoolHoliday
        FROM planned WHERE Date::DATE <= $newest_sales GROUP BY Date
    )
    SELECT spells.Store, days.DayOfWeek, days.Date, '0', days.Promo, '0', days.SchoolHoliday
    FROM spells
    JOIN days ON days.Date::DATE > last_seen AND days.Date::DATE < next_seen
    WHERE next_seen - last_seen > $closed_after_days
        AND spells.Store IN (SELECT Store FROM planned)
"""


class Source:
    """A folder with the retailer's whole files.

    Args:
        folder: Holds ``train.csv`` and ``store.csv``, perhaps ``test.csv`` and
            ``store_states.csv``, and for a sample its marker.

    Raises:
        NoDataError: There is no ``train.csv`` or no ``store.csv``.
        BadFileError: A file lacks columns or has days that are none.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        missing = [name for name in (SALES, STORES) if not (folder / name).is_file()]
        if missing:
            raise NoDataError(
                f"{folder} holds no {' and no '.join(missing)}; a replay plays the retailer's "
                "whole files: set ROSSMANN_RAW_DIR to their folder"
            )

    @cached_property
    def sales_days(self) -> tuple[date, date]:
        """First and last day with rows of sales."""
        with self.opened() as connection:
            try:
                rows = connection.execute(
                    "SELECT min(Date::DATE), max(Date::DATE) FROM sales"
                ).fetchall()
            except duckdb.ConversionException as error:
                raise BadFileError(f"{self.folder / SALES}: {error}") from error
        ((first, last),) = rows
        if first is None:
            raise NoDataError(f"{self.folder / SALES} holds no rows")
        return first, last

    @cached_property
    def stores(self) -> list[int]:
        """The stores of ``store.csv``, sorted."""
        with self.opened() as connection:
            rows = connection.execute(
                f"SELECT DISTINCT Store::INTEGER FROM {_read(self.folder / STORES)} ORDER BY 1"  # noqa: S608 - a path as a literal
            ).fetchall()
        return [store for (store,) in rows]

    @property
    def data_set_name(self) -> str:
        """The data set's name, as its folder says."""
        data_set = data_set_of(self.folder, is_bulk=True)
        return RETAILER if data_set is None else data_set.name

    def fingerprints(self) -> dict[str, str]:
        """SHA-256 of each file by name: a replay goes on only with the files it began with."""
        return {
            name: sha256_of(self.folder / name)
            for name in (SALES, PLAN, STORES, STATES)
            if (self.folder / name).is_file()
        }

    def weeks_from(self, first_monday: date) -> int:
        """How many Mondays there are whose week before is wholly in the files.

        Raises:
            NoDataError: There is no such Monday.
        """
        first, last = self.sales_days
        weeks = (last + timedelta(days=1) - first_monday) // _WHOLE_WEEK + 1
        if first_monday <= first or weeks < 1:
            raise NoDataError(
                f"{self.folder / SALES} has sales from {first} to {last}; a replay cannot begin on "
                f"{first_monday}"
            )
        return weeks

    @contextmanager
    def opened(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the files as the views ``sales`` and ``plan``, every column as text.

        Raises:
            BadFileError: A file lacks columns that are needed.
        """
        with duckdb.connect(config={"threads": 1, "memory_limit": "1GB"}) as connection:
            for name, path in (("sales", self.folder / SALES), ("plan", self.folder / PLAN)):
                wanted = FORMATS["sales" if name == "sales" else "plan"].names
                if not path.is_file():  # a retailer without a plan yet
                    columns = ", ".join(f"'' AS {column}" for column in wanted)
                    connection.execute(f"CREATE VIEW {name} AS SELECT {columns} WHERE false")
                    continue
                connection.execute(f"CREATE VIEW {name} AS FROM {_read(path)}")
                found = [row[0] for row in connection.execute(f"DESCRIBE {name}").fetchall()]
                lacking = [column for column in wanted if column not in found]
                if lacking:
                    raise BadFileError(
                        f"{path}: no column {', '.join(lacking)}; found {', '.join(found)}"
                    )
            yield connection

    def actuals(self, first: date) -> pl.DataFrame:
        """What came true on the days on which forecasts are judged: open, with sales.

        Args:
            first: Days before it are left out.

        Returns:
            ``store_id, target_date, sales``.
        """
        query = """
            SELECT Store::INTEGER AS store_id, Date::DATE AS target_date, Sales::DOUBLE AS sales
            FROM sales
            WHERE Date::DATE >= $first AND Open = '1' AND Sales::DOUBLE > 0
        """
        with self.opened() as connection:
            return read_frame(connection, query, {"first": first})

    def make_plan_table(
        self, connection: duckdb.DuckDBPyConnection, monday: date, params: Params
    ) -> None:
        """Fill the table ``planned`` with the plan that the retailer had on a Monday.

        Args:
            connection: From :meth:`opened`.
            monday: Its first day.
            params: How many days a plan has: the horizon.
        """
        values = {
            "first": monday,
            "last": monday + timedelta(days=params.forecast.horizon_days - 1),
            "newest_sales": self.sales_days[1],
        }
        connection.execute(_PLANNED, values)
        del values["first"], values["last"]
        connection.execute(_PLANNED_CLOSED, {**values, "closed_after_days": _CLOSED_AFTER_DAYS})


def _read(path: Path) -> str:
    # a literal, since a view takes no parameters
    literal = str(path).replace("'", "''")
    return f"read_csv('{literal}', all_varchar = true, header = true, delim = ',', quote = '\"')"
