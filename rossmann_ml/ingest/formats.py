"""What the columns of each kind of file are, and which values can be stored.

Only declarations: how a header is judged is in :mod:`~rossmann_ml.ingest.header`, how the values
are judged in :mod:`~rossmann_ml.ingest.checks`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rossmann_ml.ingest.german_holidays import GERMAN_STATES

Kind = Literal["sales", "plan", "stores", "store_states"]
Content = Literal["whole", "number", "flag", "day", "code", "text"]

# Days outside these years are slips of the pen, not history or plans.
FIRST_YEAR = 1990
LAST_YEAR = 2100
# No number of the retailer's is larger; all of them fit the raw tables' INTEGER columns.
ABSURD = 1e9


@dataclass(frozen=True)
class FileColumn:
    """One column that a file must have.

    Attributes:
        name: As the header spells it.
        target: The column of the raw table.
        content: What its values are: whole numbers, numbers, 0 or 1, days, codes or text.
        lowest: Smallest number that can be stored.
        highest: Largest number that can be stored.
        codes: The values a code may have.
        may_be_empty: Whether an empty field is stored as NULL.
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
    """One kind of file and the table its rows go to.

    Attributes:
        kind: Its name in ``raw.loads``.
        table: The raw table.
        bulk_name: What the file of the whole history is called.
        columns: The columns that must be there, in any order.
        optional: Columns that may be there and are not stored.
        key: The raw table's columns that name one row of a file.
    """

    kind: Kind
    table: str
    bulk_name: str
    columns: tuple[FileColumn, ...]
    key: tuple[str, ...]
    optional: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The columns a header must name."""
        return tuple(column.name for column in self.columns)

    @property
    def targets(self) -> tuple[str, ...]:
        """The raw table's columns that come from the file."""
        return tuple(column.target for column in self.columns)

    @property
    def values(self) -> tuple[str, ...]:
        """The raw table's columns that may differ between two versions of a row."""
        return tuple(target for target in self.targets if target not in self.key)

    @property
    def has_dates(self) -> bool:
        """Whether a row belongs to a day."""
        return "date" in self.key


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
)

PLAN = FileFormat(
    kind="plan",
    table="raw.plan",
    bulk_name="test.csv",
    columns=(
        _STORE,
        _DAY_OF_WEEK,
        _DATE,
        # empty in 11 rows of Kaggle's file: a plan may leave it open, a record of sales may not
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
        # Kaggle's reach back to 1900
        _optional_whole("CompetitionOpenSinceYear", "competition_open_since_year", 1800, LAST_YEAR),
        FileColumn("Promo2", "promo2", "flag"),
        _optional_whole("Promo2SinceWeek", "promo2_since_week", 1, 53),
        _optional_whole("Promo2SinceYear", "promo2_since_year", FIRST_YEAR, LAST_YEAR),
        FileColumn("PromoInterval", "promo_interval", "text", may_be_empty=True),
    ),
    key=("store",),
)

STORE_STATES = FileFormat(
    kind="store_states",
    table="raw.store_states",
    bulk_name="store_states.csv",
    columns=(
        _STORE,
        # the two states that competition participants could not tell apart stand together
        FileColumn("State", "state", "code", codes=(*GERMAN_STATES, "HB,NI")),
    ),
    key=("store",),
)

# in the order of landing: a sales row is refused when its store is not known
FORMATS: dict[Kind, FileFormat] = {
    file_format.kind: file_format for file_format in (STORES, SALES, PLAN, STORE_STATES)
}
