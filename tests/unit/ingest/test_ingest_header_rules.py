"""The first line of a file must be the header that its name implies.

Definitions: "columns in any order, quoted or not" and the table of columns in ``data/README.md``;
the docstring of ``read_header``: another delimiter, a missing, misspelt or repeated column, and the
header of another kind of file raise.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rossmann_ml.base.errors import BadFileError
from rossmann_ml.ingest.formats import FORMATS, Kind
from rossmann_ml.ingest.header import read_header

COLUMNS: dict[Kind, str] = {
    "sales": "Store,DayOfWeek,Date,Sales,Customers,Open,Promo,StateHoliday,SchoolHoliday",
    "plan": "Store,DayOfWeek,Date,Open,Promo,StateHoliday,SchoolHoliday",
    "stores": (
        "Store,StoreType,Assortment,CompetitionDistance,CompetitionOpenSinceMonth,"
        "CompetitionOpenSinceYear,Promo2,Promo2SinceWeek,Promo2SinceYear,PromoInterval"
    ),
    "store_states": "Store,State",
}
FILES = {
    "sales": "sales (like train.csv)",
    "plan": "plan (like test.csv)",
    "stores": "stores (like store.csv)",
    "store_states": "store states (like store_states.csv)",
}


def read(kind: Kind, line: str) -> list[str]:
    return read_header(Path("given.csv"), line, FORMATS[kind])


def refusal(kind: Kind, line: str) -> str:
    with pytest.raises(BadFileError) as refused:
        read(kind, line)
    message = str(refused.value)
    assert message.startswith("given.csv, line 1: ")
    return message.removeprefix("given.csv, line 1: ")


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.data())
def test_columns_are_read_in_any_order_quoted_or_not_among_unknown_ones(
    draw: st.DataObject,
) -> None:
    kind = draw.draw(st.sampled_from(sorted(COLUMNS)))
    unknown = draw.draw(st.lists(st.sampled_from(["Rain", "x", "Id"]), max_size=3, unique=True))
    names = draw.draw(st.permutations([*COLUMNS[kind].split(","), *unknown]))
    written = [draw.draw(st.sampled_from(["{}", '"{}"', " {} ", "\t{}"])) for _ in names]
    line = ",".join(form.format(name) for form, name in zip(written, names, strict=True))

    expected_unknown = [
        name for name in names if name in unknown and not (kind == "plan" and name == "Id")
    ]
    assert read(kind, line) == names
    assert FORMATS[kind].unknown(names) == expected_unknown


@pytest.mark.parametrize("kind", COLUMNS)
def test_every_column_is_needed_once(kind: Kind) -> None:
    names = COLUMNS[kind].split(",")
    for name in names:
        others = ",".join(other for other in names if other != name)
        assert refusal(kind, f"{others},Z").startswith(f"column {name!r} is missing. Found ")
        assert refusal(kind, f"{COLUMNS[kind]},{name}").startswith(
            f"column {name} is there more than once; found {', '.join(names)}, {name}, "
        )


def test_all_missing_columns_are_named_in_the_order_of_the_format() -> None:
    assert refusal("plan", "Date,Store,Open,StateHoliday,SchoolHoliday") == (
        "column 'DayOfWeek' is missing; column 'Promo' is missing. "
        "Found Date, Store, Open, StateHoliday, SchoolHoliday; "
        "expected Store, DayOfWeek, Date, Open, Promo, StateHoliday, SchoolHoliday"
    )


@pytest.mark.parametrize(
    ("spelt", "hint"),
    [
        ("STATE", " (is 'STATE' meant?)"),
        ("Stete", " (is 'Stete' meant?)"),
        ("Stxxe", " (is 'Stxxe' meant?)"),  # three of five letters: 2*3/10 = 0.6 alike
        ("Sxxxe", ""),
        ("Bundesland", ""),
    ],
)
def test_a_name_with_a_similarity_of_at_least_0_6_is_suggested(spelt: str, hint: str) -> None:
    assert refusal("store_states", f"Store,{spelt}").startswith(
        f"column 'State' is missing{hint}. Found Store, {spelt}"
    )


def test_of_several_similar_names_the_nearest_is_suggested() -> None:
    assert refusal("store_states", "Store,Stat,State_").startswith(
        "column 'State' is missing (is 'State_' meant?). Found Store, Stat, State_"
    )


def test_names_of_known_columns_are_not_suggested() -> None:
    assert refusal("stores", COLUMNS["stores"].replace("Promo2SinceYear,", "")).startswith(
        "column 'Promo2SinceYear' is missing. Found"
    )


def test_an_empty_line_has_no_columns() -> None:
    assert refusal("store_states", "") == (
        "column 'Store' is missing; column 'State' is missing. Found nothing; expected Store, State"
    )


@pytest.mark.parametrize(
    ("delimiter", "spoken"), [(";", "a semicolon"), ("\t", "a tab"), ("|", "a vertical bar")]
)
def test_another_delimiter_is_named_when_it_separates_two_known_columns(
    delimiter: str, spoken: str
) -> None:
    line = COLUMNS["sales"].replace(",", delimiter)
    expected = f"columns are separated by {spoken} ({delimiter!r}); expected a comma"
    assert refusal("sales", line) == expected
    assert refusal("store_states", f'"State"{delimiter} Store {delimiter}x') == expected
    assert "column 'State' is missing" in refusal("store_states", f"Store{delimiter}Other")
    assert read("store_states", f"Store,State,a{delimiter}b")[2:] == [f"a{delimiter}b"]


@pytest.mark.parametrize("name_says", COLUMNS)
@pytest.mark.parametrize("holds", COLUMNS)
def test_the_header_of_one_kind_is_refused_under_the_name_of_another(
    name_says: Kind, holds: Kind
) -> None:
    if name_says == holds:
        assert read(name_says, COLUMNS[holds]) == COLUMNS[holds].split(",")
        return
    found = ", ".join(sorted(COLUMNS[holds].split(",")))
    assert refusal(name_says, COLUMNS[holds]) == (
        f"these are the columns of {FILES[holds]}, but the file's name says {FILES[name_says]}; "
        f"found {found}, expected {COLUMNS[name_says].replace(',', ', ')}"
    )


def test_the_kind_with_the_most_columns_in_the_header_is_the_kind() -> None:
    assert read("sales", f"{COLUMNS['sales']},State")[-1] == "State"
    assert read("plan", f"{COLUMNS['plan']},Sales")[-1] == "Sales"
    assert "the columns of stores" in refusal("store_states", f"{COLUMNS['stores']},State")
    # all columns of a plan and one more of sales: sales without one column
    assert refusal("sales", f"{COLUMNS['plan']},Sales").startswith("column 'Customers' is missing")


def test_200_columns_are_read_and_201_are_refused() -> None:
    unknown = [f"x{number}" for number in range(198)]
    assert read("store_states", ",".join(["Store", "State", *unknown]))[2:] == unknown
    assert refusal("store_states", ",".join(["Store", "State", *unknown, "y"])) == (
        "201 columns; expected Store, State"
    )


def test_lines_that_end_with_a_carriage_return_alone_are_refused() -> None:
    assert refusal("store_states", "Store,State\r1,HE\r").startswith(
        "lines end with a carriage return alone"
    )


def test_quotes_that_do_not_pair_are_refused() -> None:
    assert refusal("store_states", 'Store,"State').startswith("the header cannot be read: ")
    assert refusal("store_states", '"Store"x,State').startswith("the header cannot be read: ")
