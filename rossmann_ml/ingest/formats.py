"""Declare the columns of each kind of file and the values that can be stored.

Entry point: ``FORMATS``. Headers are checked in :mod:`~rossmann_ml.ingest.header`, values in
:mod:`~rossmann_ml.ingest.checks`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

Kind = Literal["sales", "plan", "stores", "store_states", "holidays"]
Content = Literal["whole", "number", "flag", "day", "code", "place", "text"]

# The one bound of years: dates outside are typing errors, not history or plans.
FIRST_YEAR = 1990
LAST_YEAR = 2100
FIRST_DAY = date(FIRST_YEAR, 1, 1)
LAST_DAY = date(LAST_YEAR, 12, 31)
# Optional column of files with amounts or stores, which must have one value.
CURRENCY = "Currency"
# Larger numbers are errors; all smaller ones fit the raw tables' INTEGER columns.
ABSURD = 1e9


@dataclass(frozen=True)
class FileColumn:
    """One column that a file must have.

    Attributes:
        name: Column name in the header.
        target: Column name in the raw table.
        content: Type of the values: ``whole`` and ``number`` are numbers, ``flag`` is 0 or 1,
            ``day`` a date, ``code`` one of `codes`, ``place`` a place of
            :mod:`~rossmann_ml.ingest.public_holidays`, ``text`` any text.
        lowest: Smallest number that can be stored.
        highest: Largest number that can be stored.
        codes: Allowed values of a column of codes; empty for other columns.
        may_be_empty: Whether an empty field is stored as NULL; otherwise the row is quarantined.
    """

    name: str
    target: str
    content: Content
    lowest: float = 0
    highest: float = ABSURD
    codes: tuple[str, ...] = ()
    may_be_empty: bool = False


@dataclass(frozen=True)
class FileFormat:
    """One kind of file and the raw table of its rows.

    Attributes:
        kind: Name of the kind, as in the column ``kind`` of ``raw.loads``.
        table: Raw table of the rows.
        bulk_name: Name of the bulk file, which holds the whole history or the list of stores.
        columns: Required columns, in any order.
        key: Columns of the raw table that together identify one row of a file.
        optional: Names of columns that a file may have; they are not stored. Only ``CURRENCY`` is
            read: :mod:`~rossmann_ml.ingest.admission.currency` checks it.
    """

    kind: Kind
    table: str
    bulk_name: str
    columns: tuple[FileColumn, ...]
    key: tuple[str, ...]
    optional: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Column names that a header must have."""
        return tuple(column.name for column in self.columns)

    @property
    def values(self) -> tuple[str, ...]:
        """Columns of the raw table that are not in its key; versions of a row differ in them."""
        return tuple(each.target for each in self.columns if each.target not in self.key)

    def read_from(self, names: Iterable[str]) -> list[str]:
        """Return the columns to read from a file whose header has `names`."""
        checked = {CURRENCY} & {*self.optional} & {*names}
        return [*self.names, *checked]

    def unknown(self, names: Iterable[str]) -> list[str]:
        """Return those of a header's `names` that are neither required nor optional columns."""
        return [name for name in names if name not in (*self.names, *self.optional)]

    @property
    def has_dates(self) -> bool:
        """Whether each row has a date, as in files of sales, plan and holidays."""
        return "date" in self.key

    @property
    def has_store_days(self) -> bool:
        """Whether each row is one store on one day, as in files of sales and plan."""
        return self.has_dates and "store" in self.key


_STORE = FileColumn("Store", "store", "whole", lowest=1)
_DAY_OF_WEEK = FileColumn("DayOfWeek", "day_of_week", "whole", lowest=1, highest=7)
_DATE = FileColumn("Date", "date", "day")
_PROMO = FileColumn("Promo", "promo", "flag")
_STATE_HOLIDAY = FileColumn("StateHoliday", "state_holiday", "code", codes=("0", "a", "b", "c"))
_SCHOOL_HOLIDAY = FileColumn("SchoolHoliday", "school_holiday", "flag")

SALES = FileFormat(
    kind="sales",
    table="raw.sales",
    bulk_name="train.csv",
    columns=(
        _STORE,
        _DAY_OF_WEEK,
        _DATE,
        FileColumn("Sales", "sales", "number"),
        FileColumn("Customers", "customers", "whole", may_be_empty=True),
        FileColumn("Open", "open", "flag"),
        _PROMO,
        _STATE_HOLIDAY,
        _SCHOOL_HOLIDAY,
    ),
    key=("store", "date"),
    optional=(CURRENCY,),
)

PLAN = FileFormat(
    kind="plan",
    table="raw.plan",
    bulk_name="test.csv",
    columns=(
        _STORE,
        _DAY_OF_WEEK,
        _DATE,
        # 11 rows of Kaggle's file leave Open empty: allowed in a plan, not in sales
        FileColumn("Open", "open", "flag", may_be_empty=True),
        _PROMO,
        _STATE_HOLIDAY,
        _SCHOOL_HOLIDAY,
    ),
    key=("store", "date"),
    optional=("Id",),
)


def _optional_whole(name: str, target: str, lowest: int, highest: int) -> FileColumn:
    return FileColumn(name, target, "whole", lowest=lowest, highest=highest, may_be_empty=True)


STORES = FileFormat(
    kind="stores",
    table="raw.stores",
    bulk_name="store.csv",
    columns=(
        _STORE,
        FileColumn("StoreType", "store_type", "text"),
        FileColumn("Assortment", "assortment", "text"),
        FileColumn("CompetitionDistance", "competition_distance", "number", may_be_empty=True),
        _optional_whole("CompetitionOpenSinceMonth", "competition_open_since_month", 1, 12),
        # the oldest in Kaggle's file is 1900
        _optional_whole("CompetitionOpenSinceYear", "competition_open_since_year", 1800, LAST_YEAR),
        FileColumn("Promo2", "promo2", "flag"),
        _optional_whole("Promo2SinceWeek", "promo2_since_week", 1, 53),
        _optional_whole("Promo2SinceYear", "promo2_since_year", FIRST_YEAR, LAST_YEAR),
        FileColumn("PromoInterval", "promo_interval", "text", may_be_empty=True),
    ),
    key=("store",),
    optional=(CURRENCY,),
)

STORE_STATES = FileFormat(
    kind="store_states",
    table="raw.store_states",
    bulk_name="store_states.csv",
    columns=(
        _STORE,
        # a place; HB,NI where participants of the competition could not tell two states apart
        FileColumn("State", "state", "place"),
    ),
    key=("store",),
)

HOLIDAYS = FileFormat(
    kind="holidays",
    table="raw.holidays",
    bulk_name="holidays.csv",
    columns=(
        _DATE,
        FileColumn("State", "state", "place"),
        # an empty field leaves the decision to the holidays package or to the rules
        replace(_STATE_HOLIDAY, may_be_empty=True),
        replace(_SCHOOL_HOLIDAY, may_be_empty=True),
    ),
    key=("date", "state"),
    optional=("Name",),
)

# in landing order, because a row of sales with an unknown store is quarantined
FORMATS: dict[Kind, FileFormat] = {
    file_format.kind: file_format for file_format in (STORES, SALES, PLAN, STORE_STATES, HOLIDAYS)
}
