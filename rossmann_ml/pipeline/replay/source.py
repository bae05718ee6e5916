"""Read the retailer's complete files, and select the plan for a simulated Monday.

Values stay text as in the files, because `rossmann_ml.ingest` decides whether a row can be stored.
Files are queried on disk. See :mod:`~rossmann_ml.pipeline.replay.drops` for writing them.
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
from rossmann_ml.ingest.data_set import RETAILER, data_set_of
from rossmann_ml.ingest.formats import FORMATS
from rossmann_ml.warehouse.connection import read_frame

SALES, PLAN = FORMATS["sales"].bulk_name, FORMATS["plan"].bulk_name
STORES, STATES = FORMATS["stores"].bulk_name, FORMATS["store_states"].bulk_name
HOLIDAYS = FORMATS["holidays"].bulk_name

# The files hold the final plan: promotions, holidays and opening next to the sales, and for later
# days in the plan's own file. A store without rows was in no plan either.
_PLAN = """
    SELECT Store, DayOfWeek, Date, Open, Promo, StateHoliday, SchoolHoliday
    FROM sales WHERE Date::DATE BETWEEN $first AND $last
    UNION ALL
    SELECT Store, DayOfWeek, Date, Open, Promo, StateHoliday, SchoolHoliday
    FROM plan WHERE Date::DATE BETWEEN $first AND $last AND Date::DATE > $newest_sales
    ORDER BY Date DESC, Store::INTEGER
"""


class Source:
    """Folder with the retailer's complete files, from which a replay takes the rows of each week.

    Args:
        folder: Folder of ``train.csv`` and ``store.csv``, optionally of ``test.csv``,
            ``store_states.csv``, ``holidays.csv`` and a sample's marker.

    Raises:
        NoDataError: ``train.csv`` or ``store.csv`` is missing.
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
        """First and last day with rows in ``train.csv``.

        Raises:
            NoDataError: ``train.csv`` has no rows.
        """
        query = "SELECT min(Date::DATE), max(Date::DATE) FROM sales"
        with self.opened() as connection:
            ((first, last),) = connection.execute(query).fetchall()
        if first is None:
            raise NoDataError(f"{self.folder / SALES} holds no rows")
        return first, last

    @property
    def data_set_name(self) -> str:
        """Name of the data set from the folder's marker; ``retailer`` without a marker."""
        data_set = data_set_of(self.folder, is_bulk=True)
        return RETAILER if data_set is None else data_set.name

    def fingerprints(self) -> dict[str, str]:
        """Return the SHA-256 of each file that exists, by file name.

        A replay compares them when it resumes, because the files must not change during a replay.
        """
        paths = [self.folder / name for name in (SALES, PLAN, STORES, STATES, HOLIDAYS)]
        return {path.name: sha256_of(path) for path in paths if path.is_file()}

    def weeks_from(self, first_monday: date) -> int:
        """Return the largest number of weeks that a replay can have; each week runs one Monday.

        ``train.csv`` must begin before the first Monday, and must reach to the day before the
        Monday of the last week.

        Args:
            first_monday: Monday of the first week.

        Raises:
            NoDataError: No week is possible.
        """
        first, last = self.sales_days
        weeks = (last + timedelta(days=1) - first_monday) // timedelta(days=7) + 1
        if first_monday <= first or weeks < 1:
            raise NoDataError(
                f"{self.folder / SALES} has sales from {first} to {last}; a replay cannot begin on "
                f"{first_monday}"
            )
        return weeks

    @contextmanager
    def opened(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the files as the tables ``sales`` and ``plan`` of DuckDB, every column as text.

        ``sales`` is ``train.csv``. ``plan`` is ``test.csv``, or empty if the folder has none.

        Raises:
            BadFileError: A file lacks required columns, or a query in the block cannot convert a
                value of a file, such as a date.
        """
        with duckdb.connect(config={"threads": 1, "memory_limit": "1GB"}) as connection:
            for name in ("sales", "plan"):
                path, wanted = self.folder / FORMATS[name].bulk_name, FORMATS[name].names
                if not path.is_file():  # a retailer without a plan yet
                    columns = ", ".join(f"{column} VARCHAR" for column in wanted)
                    connection.execute(f"CREATE TABLE {name} ({columns})")
                    continue
                rows = connection.read_csv(
                    str(path), header=True, all_varchar=True, delimiter=",", quotechar='"'
                )
                missing = [column for column in wanted if column not in rows.columns]
                if missing:
                    raise BadFileError(
                        f"{path}: no column {', '.join(missing)}; found {', '.join(rows.columns)}"
                    )
                rows.create_view(name)
            try:
                yield connection
            except duckdb.ConversionException as error:
                raise BadFileError(f"{self.folder}: {error}") from error

    def actuals(self, first: date) -> pl.DataFrame:
        """Read the actual sales from a day on, of open days with sales, to score forecasts.

        Args:
            first: First day.

        Returns:
            ``store_id, target_date, sales``, sales in EUR.
        """
        query = """
            SELECT Store::INTEGER AS store_id, Date::DATE AS target_date, Sales::DOUBLE AS sales
            FROM sales
            WHERE Date::DATE >= $first AND Open = '1' AND Sales::DOUBLE > 0
        """
        with self.opened() as connection:
            return read_frame(connection, query, {"first": first})

    def plan(
        self, connection: duckdb.DuckDBPyConnection, monday: date, days: int
    ) -> duckdb.DuckDBPyRelation:
        """Select the plan of the days from a Monday on.

        The files hold only the final plan, so the replay treats it as known on every Monday. A
        store without rows, such as one that is being rebuilt, is not in the plan either; the
        product decides what it means.

        Args:
            connection: Connection from :meth:`opened`.
            monday: First day of the plan.
            days: Number of days in the plan.

        Returns:
            Rows with the columns of a plan file, newest day first, then by store.
        """
        values = {
            "first": monday,
            "last": monday + timedelta(days=days - 1),
            "newest_sales": self.sales_days[1],
        }
        return connection.sql(_PLAN, params=values)
