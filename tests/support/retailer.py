"""Write the files of a retailer with three stores, and land them into a warehouse."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from rossmann_ml.base.params import load_params
from rossmann_ml.base.settings import PROJECT_DIR, load_settings
from rossmann_ml.ingest import LandingReport, land_incoming, land_raw
from rossmann_ml.warehouse.connection import connect
from rossmann_ml.warehouse.session import Session

FIRST_DAY = date(2015, 6, 1)  # a Monday
LAST_DAY = date(2015, 6, 12)  # the Friday of the week after
STORES = (1, 2, 3)

STORE_HEADER = (
    "Store,StoreType,Assortment,CompetitionDistance,CompetitionOpenSinceMonth,"
    "CompetitionOpenSinceYear,Promo2,Promo2SinceWeek,Promo2SinceYear,PromoInterval"
)
SALES_HEADER = "Store,DayOfWeek,Date,Sales,Customers,Open,Promo,StateHoliday,SchoolHoliday"
PLAN_HEADER = "Id,Store,DayOfWeek,Date,Open,Promo,StateHoliday,SchoolHoliday"

STORE_LINES = (
    '1,c,a,1270,9,2008,0,,,""',
    '2,a,a,570,11,2007,1,13,2010,"Jan,Apr,Jul,Oct"',
    '3,b,c,,,,1,14,2011,"Mar,Jun,Sept,Dec"',
)

ROWS = ("sales", "plan", "stores", "store_states", "holidays")
"""Tables of the rows in force; those of replaced or withdrawn files are in ``former_`` ones."""

TABLES = ("loads", *ROWS, *(f"former_{name}" for name in ROWS), "quarantined_rows", "data_set")

Contents = dict[str, list[tuple[Any, ...]]]


def days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def sales_line(store: int, day: date, sales: float | None = None, **changes: object) -> str:
    """Return a plausible row of sales, with some of its fields replaced."""
    is_open = day.isoweekday() < 7
    usual = 4000 + 100 * store + day.day if is_open else 0
    row: dict[str, object] = {
        "Store": store,
        "DayOfWeek": day.isoweekday(),
        "Date": day,
        "Sales": usual if sales is None else sales,
        "Customers": 400 if is_open else 0,
        "Open": int(is_open),
        "Promo": 0,
        "StateHoliday": "0",
        "SchoolHoliday": 0,
    }
    return ",".join(str(value) for value in {**row, **changes}.values())


def plan_line(number: int, store: int, day: date, **changes: object) -> str:
    row: dict[str, object] = {
        "Id": number,
        "Store": store,
        "DayOfWeek": day.isoweekday(),
        "Date": day,
        "Open": int(day.isoweekday() < 7),
        "Promo": 1,
        "StateHoliday": "0",
        "SchoolHoliday": 0,
    }
    return ",".join(str(value) for value in {**row, **changes}.values())


def sales_lines(first: date = FIRST_DAY, last: date = LAST_DAY) -> list[str]:
    return [sales_line(store, day) for day in reversed(days(first, last)) for store in STORES]


def plan_lines(first: date = date(2015, 6, 13), last: date = date(2015, 7, 24)) -> list[str]:
    rows = [(store, day) for day in reversed(days(first, last)) for store in STORES]
    return [plan_line(number, store, day) for number, (store, day) in enumerate(rows, start=1)]


def text(header: str, lines: Iterable[str]) -> str:
    return "\n".join([header, *lines]) + "\n"


def lost_rows(before: Contents, after: Contents) -> set[tuple[Any, ...]]:
    """Return the landed and the quarantined rows that are no longer there, in force or not."""

    def rows(contents: Contents, table: str) -> set[tuple[Any, ...]]:
        return {*contents[table], *contents.get(f"former_{table}", [])}

    tables = (*ROWS, "quarantined_rows")
    return {row for table in tables for row in rows(before, table) - rows(after, table)}


class Retailer:
    """Folders of files and the warehouse into which they are landed."""

    def __init__(self, base: Path, *, as_of: date | None = None) -> None:
        self.base = base
        self.raw = base / "raw"
        self.incoming = base / "incoming"
        for folder in (self.raw, self.incoming):
            folder.mkdir(parents=True, exist_ok=True)
        self.settings = load_settings(
            home=PROJECT_DIR,
            raw_dir=self.raw,
            incoming_dir=self.incoming,
            warehouse_dir=base / "warehouse",
            state_dir=base / "state",
            as_of=as_of,
            threads=2,
        )
        self.params = load_params(PROJECT_DIR / "params.yaml")

    def copy_to(self, base: Path) -> Retailer:
        """Copy files and warehouse to another folder."""
        shutil.copytree(self.base, base, dirs_exist_ok=True)
        return Retailer(base)

    def allow_bad_rows(self, share: float) -> None:
        ingest = self.params.ingest.model_copy(update={"max_quarantined_share": share})
        self.params = self.params.model_copy(update={"ingest": ingest})

    def write(self, name: str, content: str | bytes) -> Path:
        folder = self.incoming if name.startswith(("sales_", "plan_")) else self.raw
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(data)
        return folder / name

    def write_bulk(self) -> None:
        self.write("store.csv", text(STORE_HEADER, STORE_LINES))
        self.write("train.csv", text(SALES_HEADER, sales_lines()))
        self.write("test.csv", text(PLAN_HEADER, plan_lines()))

    def land_raw(self) -> LandingReport:
        return land_raw(Session(self.settings, self.params))

    def land_incoming(self, *paths: Path, accept: Sequence[Path] = ()) -> LandingReport:
        session = Session(self.settings, self.params)
        return land_incoming(session, paths=paths or None, accept=accept, actor="planner")

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        with connect(self.settings, read_only=True) as connection:
            return connection.execute(sql, list(parameters)).fetchall()

    def contents(self) -> Contents:
        """Return every row of every raw table."""
        with connect(self.settings, read_only=True) as connection:
            return {
                table: connection.execute(f"FROM raw.{table} ORDER BY ALL").fetchall()
                for table in (*TABLES, "public_holidays")
            }
