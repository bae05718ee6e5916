"""Checks of rows are compared with a simple reference that checks one row at a time.

Definitions: "Files and weekly drops" in ``data/README.md``, the attributes of
``rossmann_ml.ingest.formats.FileColumn`` (lowest, highest, codes, may be empty), and the docstring
of ``check_rows``: a bad row has the first reason found. "First" is the order of the columns as the
README lists them, within a column missing, then its form, then its range; then the rules about
several columns.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from rossmann_ml.ingest.checks import check_rows
from rossmann_ml.ingest.formats import FORMATS, Kind

LATEST = date(2015, 6, 17)  # a Wednesday
KNOWN_STORES = (1, 2, 7)
STATES = "BB; BE; BW; BY; HB; HE; HH; MV; NI; NW; RP; SH; SL; SN; ST; TH; HB,NI"

Row = dict[str, str | None]
# the reason against a field that is not empty, or None
FieldCheck = Callable[[str, str], str | None]


def words(text: str) -> list[str]:
    return text.split()


def number(text: str) -> float | None:
    """Return a finite decimal number in plain or scientific notation, or None."""
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def whole(name: str, text: str) -> str | None:
    value = number(text)
    return f"{name} is not a whole number" if value is None or value != int(value) else None


def between(low: int, high: int) -> FieldCheck:
    def check(name: str, text: str) -> str | None:
        is_in = whole(name, text) is None and low <= float(text) <= high
        return whole(name, text) or (None if is_in else f"{name} is outside {low} to {high}")

    return check


def amount(name: str, text: str) -> str | None:
    value = number(text)
    if value is None:
        return f"{name} is not a number"
    if value < 0:
        return f"{name} is negative"
    return f"{name} is above 1,000,000,000" if value > 1_000_000_000 else None


def count(name: str, text: str) -> str | None:
    return whole(name, text) or amount(name, text)


def store(name: str, text: str) -> str | None:
    reason = whole(name, text)
    if reason is None and float(text) < 1:
        reason = f"{name} is below 1"
    return reason or amount(name, text)


def flag(name: str, text: str) -> str | None:
    return None if number(text) in (0, 1) else f"{name} is neither 0 nor 1"


def day(name: str, text: str) -> str | None:
    try:
        found = date(*map(int, re.fullmatch(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", text).groups()))
    except (AttributeError, ValueError):
        # polars reads 0000-01-01 as a date, Python does not
        if not text.startswith("0000-"):
            return f"{name} is not a day written YYYY-MM-DD"
        return f"{name} is outside 1990 to 2100"
    return None if 1990 <= found.year <= 2100 else f"{name} is outside 1990 to 2100"


def code(*codes: str) -> FieldCheck:
    spoken = "; ".join(codes)
    return lambda name, text: None if text in codes else f"{name} is none of {spoken}"


def place(name: str, text: str) -> str | None:
    """Accept the German states alone, because no other text of the tests is a place."""
    known = set(STATES.split("; "))
    if text in known or (text and {part.strip().upper() for part in text.split(",")} <= known):
        return None
    example = "HE (a German state), AT-9 (a country's state), FR or BEL (a country)"
    return f"{name} is no place such as {example}"


def anything(_name: str, _text: str) -> str | None:
    return None


DAYS: dict[str, FieldCheck] = {"Store": store, "DayOfWeek": between(1, 7), "Date": day}
OTHERS: dict[str, FieldCheck] = {
    "Open": flag,
    "Promo": flag,
    "StateHoliday": code("0", "a", "b", "c"),
    "SchoolHoliday": flag,
}
COLUMNS: dict[Kind, dict[str, FieldCheck]] = {
    "sales": {**DAYS, "Sales": amount, "Customers": count, **OTHERS},
    "plan": {**DAYS, **OTHERS},
    "stores": {
        "Store": store,
        "StoreType": anything,
        "Assortment": anything,
        "CompetitionDistance": amount,
        "CompetitionOpenSinceMonth": between(1, 12),
        "CompetitionOpenSinceYear": between(1800, 2100),
        "Promo2": flag,
        "Promo2SinceWeek": between(1, 53),
        "Promo2SinceYear": between(1990, 2100),
        "PromoInterval": anything,
    },
    "store_states": {"Store": store, "State": place},
}
MAY_BE_EMPTY: dict[Kind, set[str]] = {
    "sales": {"Customers"},
    "plan": {"Open"},
    "stores": {
        *("CompetitionDistance", "CompetitionOpenSinceMonth", "CompetitionOpenSinceYear"),
        *("Promo2SinceWeek", "Promo2SinceYear", "PromoInterval"),
    },
    "store_states": set(),
}


def verdict(kind: Kind, row: Row) -> tuple[str, str] | None:
    """Return column and reason for which a row cannot be stored; None when it can."""
    for name, check in COLUMNS[kind].items():
        text = row[name]
        if text is None and name not in MAY_BE_EMPTY[kind]:
            return name, f"{name} is missing"
        reason = None if text is None else check(name, text)
        if reason is not None:
            return name, reason
    return None if kind in ("stores", "store_states") else row_verdict(kind, row)


def row_verdict(kind: Kind, row: Row) -> tuple[str, str] | None:
    """Return the reason from several columns or files, for a row whose fields are all good."""
    if float(row["Store"] or 0) not in KNOWN_STORES:
        return "Store", "Store is not in store.csv"
    found = date.fromisoformat(row["Date"] or "")
    if float(row["DayOfWeek"] or 0) != found.isoweekday():
        return "DayOfWeek", "DayOfWeek contradicts Date"
    if kind == "sales" and found > LATEST:
        return "Date", "Date is in the future"
    if kind == "sales" and float(row["Open"] or 0) == 0 and float(row["Sales"] or 0) > 0:
        return "Sales", "Sales on a closed day"
    return None


USUAL: dict[Kind, Row] = {
    "sales": dict(
        zip(COLUMNS["sales"], words("1 3 2015-06-17 12.75 4 1 0 0 1"), strict=True),
    ),
    "plan": dict(zip(COLUMNS["plan"], words("2 4 2015-06-18 1 0 a 1"), strict=True)),
    "stores": dict(
        zip(COLUMNS["stores"], words("9 a b 1270 9 2008 1 13 2010 Jan,Apr"), strict=True)
    ),
    "store_states": {"Store": "9", "State": "HE"},
}
NUMBERS = [
    *words("0 1 -1 -0 2 +2 7 8 1.0 0.5 1.5 2. .5 1e0 1e3 -1e-3 1000000000 1000000000.5"),
    *words("1000000001 999999999 12 13 53 54 1799 1800 1989 1990 2100 2101 inf nan NaN"),
    *words("-inf infinity 1e400 1_0 0x1 1,5 -- abc true \u0661"),
]
CODES = words("0 a b c d A 00 ab HE HB,NI NI,HB he XX")
WORDS = ["a", "a,b", "0"]
EDGES = {
    "Date": [
        *words("1989-12-31 1990-01-01 2100-12-31 2101-01-01 0000-01-01 2015-06-14 2015-06-17"),
        *words("2015-06-18 2015-6-17 15.06.2015 2015-02-29 2016-02-29 2015-13-01 20150617"),
        *words("x2015-06-17 2015-06-17x 2015-06-00 99999-01-01 \u0662015-06-17"),
    ],
    **dict.fromkeys(("StateHoliday", "State"), CODES),
    **dict.fromkeys(("StoreType", "Assortment", "PromoInterval"), WORDS),
}


@st.composite
def rows_of(draw: st.DrawFn, kind: Kind) -> Row:
    """Draw a usual row with up to three fields replaced and, mostly, the matching weekday."""
    row = dict(USUAL[kind])
    for name in draw(st.lists(st.sampled_from(sorted(row)), max_size=3)):
        row[name] = draw(st.none() | st.sampled_from(EDGES.get(name, NUMBERS)))
    if "Date" in row and draw(st.integers(0, 3)) and day("Date", row["Date"] or "") is None:
        row["DayOfWeek"] = str(date.fromisoformat(row["Date"] or "").isoweekday())
    return row


def checked_rows(kind: Kind, rows: list[Row]) -> tuple[dict[int, tuple[str, str]], pl.DataFrame]:
    fields = pl.DataFrame(
        {
            "line_number": range(2, len(rows) + 2),
            "row_text": [repr(row) for row in rows],
            **{name: [row[name] for row in rows] for name in COLUMNS[kind]},
        },
        schema_overrides=dict.fromkeys(COLUMNS[kind], pl.String),
    )
    has_days = kind in ("sales", "plan")
    good, bad = check_rows(
        fields,
        FORMATS[kind],
        known_stores=pl.Series(KNOWN_STORES, dtype=pl.Int32) if has_days else None,
        latest_sales_date=LATEST,
    )
    assert all(text == repr(rows[line - 2]) for line, *_, text in bad.iter_rows())
    return {line: (name, why) for line, name, why, _ in bad.iter_rows()}, good.drop("row_text")


def stored(kind: Kind, row: Row) -> tuple[object, ...]:
    """Return the typed values of a good row."""

    def typed(name: str, text: str) -> object:
        if name == "Date":
            return date.fromisoformat(text)
        if EDGES.get(name) in (CODES, WORDS):
            return text
        return float(text) if name in ("Sales", "CompetitionDistance") else int(float(text))

    return tuple(None if row[name] is None else typed(name, row[name]) for name in COLUMNS[kind])


def check_against_the_reference(kind: Kind, rows: list[Row]) -> None:
    bad, good = checked_rows(kind, rows)
    expected = {line: verdict(kind, row) for line, row in enumerate(rows, start=2)}
    assert bad == {line: found for line, found in expected.items() if found}
    assert [(line, *values) for line, *values in good.iter_rows()] == [
        (line, *stored(kind, rows[line - 2])) for line, found in expected.items() if not found
    ]


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.lists(rows_of("sales"), min_size=1, max_size=12))
def test_rows_of_sales_are_checked_as_by_the_reference(rows: list[Row]) -> None:
    check_against_the_reference("sales", rows)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.lists(rows_of("plan"), min_size=1, max_size=12))
def test_rows_of_a_plan_are_checked_as_by_the_reference(rows: list[Row]) -> None:
    check_against_the_reference("plan", rows)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.lists(rows_of("stores"), min_size=1, max_size=12))
def test_rows_of_stores_are_checked_as_by_the_reference(rows: list[Row]) -> None:
    check_against_the_reference("stores", rows)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(st.lists(rows_of("store_states"), min_size=1, max_size=12))
def test_states_are_checked_as_by_the_reference(rows: list[Row]) -> None:
    check_against_the_reference("store_states", rows)


def test_every_edge_of_every_column_alone_is_checked_as_by_the_reference() -> None:
    for kind, columns in COLUMNS.items():
        rows = [
            {**USUAL[kind], name: text}
            for name in columns
            for text in (None, *EDGES.get(name, NUMBERS))
        ]
        check_against_the_reference(kind, rows)


def test_of_several_reasons_the_first_column_wins_and_rules_about_a_row_come_last() -> None:
    row: Row = {
        **dict.fromkeys(COLUMNS["sales"], "x"),
        "Store": "3",
        "DayOfWeek": "5",
        "Date": "2015-06-18",
        "Sales": "-1",
    }
    repairs = [
        ("Sales", "Sales is negative", {"Sales": "5"}),
        ("Customers", "Customers is not a whole number", {"Customers": None}),
        ("Open", "Open is neither 0 nor 1", {"Open": "0"}),
        ("Promo", "Promo is neither 0 nor 1", {"Promo": "0"}),
        ("StateHoliday", "StateHoliday is none of 0; a; b; c", {"StateHoliday": "0"}),
        ("SchoolHoliday", "SchoolHoliday is neither 0 nor 1", {"SchoolHoliday": "0"}),
        ("Store", "Store is not in store.csv", {"Store": "7"}),
        ("DayOfWeek", "DayOfWeek contradicts Date", {"DayOfWeek": "4"}),
        ("Date", "Date is in the future", {"Date": "2015-06-17", "DayOfWeek": "3"}),
        ("Sales", "Sales on a closed day", {"Sales": "0.01"}),
        ("Sales", "Sales on a closed day", {"Sales": "0"}),
    ]
    for column, reason, repair in repairs:
        assert checked_rows("sales", [row])[0] == {2: (column, reason)}
        row |= repair
    assert checked_rows("sales", [row])[0] == {}


def test_good_rows_have_the_types_of_the_raw_table() -> None:
    whole_numbers = {"Store", "DayOfWeek", "Customers", "Open", "Promo", "SchoolHoliday"}
    good = checked_rows("sales", [USUAL["sales"]])[1]
    others = {"Date": pl.Date, "Sales": pl.Float64, "StateHoliday": pl.String}
    assert good.dtypes[1:] == [
        pl.Int32 if name in whole_numbers else others[name] for name in COLUMNS["sales"]
    ]


def test_a_negative_zero_is_stored_as_zero() -> None:
    good = checked_rows("sales", [{**USUAL["sales"], "Sales": "-0.0"}])[1]
    assert math.copysign(1, good["sales"][0]) == 1
