"""Spans, segments, sums and concentrations of totals, compared with loops over store-days."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.small_worlds import forecasts_of, stores_of
from support.total_reference import Total, spans_of, totals_of

from rossmann_ml.models.totals import add_up, exact_sum, spans, with_segments

SUNDAY = date(2015, 3, 1)
SHAPE = [
    "store_days", "forecast", "sales",
    "store_concentration", "week_concentration", "day_concentration",
]  # fmt: skip


@given(
    seed=st.integers(0, 10_000),
    origins=st.integers(1, 3),
    stores=st.integers(1, 5),
    horizon_days=st.sampled_from([1, 6, 7, 8, 14, 16, 28, 31]),
    weekday=st.integers(0, 6),
)
@settings(max_examples=12, deadline=None, derandomize=True)
def test_totals_of_every_level_and_span_are_sums_over_their_store_days(
    seed: int, origins: int, stores: int, horizon_days: int, weekday: int
) -> None:
    known = stores_of(stores)
    rows = forecasts_of(
        seed,
        origins=origins,
        stores=stores,
        horizon_days=horizon_days,
        first=SUNDAY + timedelta(days=weekday),
    )
    found = add_up(rows.sample(fraction=1, shuffle=True, seed=1), known, horizon_days=horizon_days)
    expected = totals_of(rows.to_dicts(), known.to_dicts(), horizon_days)
    assert found.columns == [*Total._fields, *SHAPE]
    assert [Total(*row) for row in found.select(Total._fields).rows()] == sorted(expected)
    for row in found.iter_rows(named=True):
        wanted = expected[Total(*(row[name] for name in Total._fields))]
        # sums of cents are exact except for the last bits
        assert {name: row[name] for name in SHAPE} == pytest.approx(wanted, rel=1e-11)


def spans_found(origin: date, days: range, horizon_days: int) -> list[tuple[date, date, int]]:
    rows = pl.DataFrame(
        {
            "forecast_origin": [origin] * len(days),
            "target_date": [origin + timedelta(days=day) for day in days],
            "horizon_days": list(days),
        }
    )
    return sorted(
        spans(rows, horizon_days=horizon_days)
        .select(
            (pl.col("first_date") - origin).dt.total_days(),
            (pl.col("last_date") - origin).dt.total_days(),
            "horizon_days",
        )
        .rows()
    )


def days_in(*wanted: tuple[int, int]) -> list[tuple[int, int, int]]:
    return sorted((first, last, day) for first, last in wanted for day in range(first, last + 1))


def test_weeks_are_cut_at_both_ends_of_the_horizon() -> None:
    friday = SUNDAY - timedelta(days=2)
    # Saturday and Sunday, a week, Monday and Tuesday; the first 7 days and all 11
    assert spans_found(friday, range(1, 12), 11) == days_in(
        (1, 2), (3, 9), (10, 11), (1, 7), (1, 11)
    )


def test_a_week_that_is_the_first_seven_days_is_there_once() -> None:
    assert spans_found(SUNDAY, range(1, 15), 14) == days_in((1, 7), (8, 14), (1, 14))


def test_a_horizon_of_one_week_is_there_once() -> None:
    assert spans_found(SUNDAY, range(1, 8), 7) == days_in((1, 7))
    assert spans_found(SUNDAY, range(1, 2), 1) == days_in((1, 1))


def test_a_horizon_within_a_week_is_there_once() -> None:
    assert spans_found(SUNDAY + timedelta(days=2), range(1, 4), 3) == days_in((1, 3))


def test_the_first_days_are_7_14_28_and_the_whole_horizon() -> None:
    monday = SUNDAY + timedelta(days=1)
    found = {(first, last) for first, last, _ in spans_found(monday, range(1, 43), 42)}
    assert {last for first, last in found if first == 1} == {6, 7, 14, 28, 42}
    assert found == {
        ((first - monday).days, (last - monday).days) for first, last in spans_of(monday, 42)
    }


def test_a_store_belongs_to_its_type_assortment_state_and_the_chain() -> None:
    rows = pl.DataFrame(
        {"store_id": [2, 9, 3, 2], "state": ["old"] * 4, "forecast": [1.0, 2.0, 3.0, 4.0]},
        schema_overrides={"store_id": pl.Int32},
    )
    found = with_segments(rows, stores_of(3))
    columns = ["store_id", "forecast", "store_type", "assortment", "state", "chain"]
    # a store that is not known is in no total
    assert found.select(columns).rows() == [
        (2, 1.0, "b", "a", "BY", "all"),
        (3, 3.0, "a", "c", "unknown", "all"),
        (2, 4.0, "b", "a", "BY", "all"),
    ]


def test_totals_without_known_sales_have_no_column_of_sales() -> None:
    rows = forecasts_of(1, origins=1, stores=2, horizon_days=3, first=SUNDAY)
    with_sales = add_up(rows, stores_of(2), horizon_days=3)
    assert add_up(rows.drop("sales"), stores_of(2), horizon_days=3).equals(with_sales.drop("sales"))


def test_one_store_on_one_day_has_concentrations_of_one() -> None:
    rows = forecasts_of(1, origins=1, stores=1, horizon_days=1, first=SUNDAY).with_columns(
        forecast=pl.lit(200.0), spread=pl.lit(0.3)
    )
    chain = add_up(rows, stores_of(1), horizon_days=1).filter(pl.col("level") == "chain")
    assert chain.select(SHAPE[3:]).rows() == [(pytest.approx(0.09, rel=1e-12), 1.0, 1.0)]


def test_rounded_squares_give_no_concentration_above_one() -> None:
    # 0.8^2 is 0.64, which is rounded to 1
    rows = forecasts_of(1, origins=1, stores=1, horizon_days=1, first=SUNDAY).with_columns(
        forecast=pl.lit(0.8)
    )
    found = add_up(rows, stores_of(1), horizon_days=1)
    assert found.select("week_concentration", "day_concentration").unique().rows() == [(1.0, 1.0)]


def test_a_store_counts_with_the_largest_spread_of_its_days() -> None:
    day = forecasts_of(1, origins=1, stores=1, horizon_days=1, first=SUNDAY)
    rows = pl.concat([day, day.with_columns(pl.col("target_date") + pl.duration(days=1))])
    rows = rows.with_columns(forecast=pl.lit(100.0), spread=pl.Series([0.2, 0.1]))
    whole = add_up(rows, stores_of(1), horizon_days=2).filter(pl.col("level") == "chain")
    assert whole["store_concentration"].to_list() == pytest.approx([0.04], rel=1e-12)


def added(terms: list[float], **digits: int) -> float:
    (value,) = pl.DataFrame({"term": terms}).select(exact_sum(pl.col("term"), **digits))["term"]
    return float(value)


def test_a_sum_is_rounded_to_four_decimals_term_by_term() -> None:
    assert added([0.12344, 0.12344]) == 0.2468
    assert added([0.12346, 0.12346]) == 0.2470
    assert added([1.00004, -1.0]) == 0.0
    assert added([]) == 0.0


def test_a_sum_of_whole_numbers_is_rounded_to_ones() -> None:
    assert added([0.4, 0.4, 1.6], digits=0) == 2.0
    assert added([14.0, 1.0], digits=0) == 15.0


@given(terms=st.lists(st.integers(-(10**10), 10**10), max_size=30))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_a_sum_of_ten_thousandths_is_exact_in_any_order(terms: list[int]) -> None:
    values = [term / 10**4 for term in terms]
    assert added(values) == added(values[::-1]) == sum(terms) / 10**4
