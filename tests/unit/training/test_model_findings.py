"""Sentences from scores: limits of a weakness, and the text.

The limits are those that the comments of ``rossmann_ml.training.model_findings`` name: an RMSPE of
more than 1.1 times the whole's, a bias of more than 2%, a coverage outside 75% to 85%; between
groups 1.21 times and 4 points.
"""

from __future__ import annotations

import math
from datetime import date

import polars as pl
import pytest

from rossmann_ml.training.model_findings import fairness, pooled, weaknesses

EARLY, LATE = date(2014, 9, 12), date(2015, 5, 8)
SCHEMA = {
    "forecast_origin": pl.Date, "rmspe_median": pl.Float64, "coverage_80": pl.Float64,
}  # fmt: skip
LAST = "Single days with an event"


def row(kind: str = "overall", segment: str = "all", **values: object) -> dict:
    standard = {
        "model": "blend", "forecast_origin": None, "segment_kind": kind, "segment": segment,
        "rmspe": 0.5, "rmspe_median": 0.5, "bias": 0.0, "coverage_80": 0.8,
    }  # fmt: skip
    return {**standard, **values}


def at(origin: date, rmspe: float, **values: object) -> dict:
    return row(forecast_origin=origin, rmspe=rmspe, rmspe_median=rmspe, **values)


def frame(*rows: dict) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema_overrides=SCHEMA)


def said(*rows: dict) -> list[str]:
    """Return the sentences on a model with overall RMSPE 0.5 at two origins, and some segments."""
    base = [row(), at(EARLY, 0.5), at(LATE, 0.5)]
    return weaknesses(frame(*base, *rows))


def above(value: float) -> float:
    return math.nextafter(value, math.inf)


def below(value: float) -> float:
    return math.nextafter(value, -math.inf)


def test_pooled_scores_are_those_of_one_model_over_all_origins() -> None:
    scores = frame(row(), at(EARLY, 0.4), row(model="linear", bias=0.5))
    assert pooled(scores)["bias"].to_list() == [0.0]
    assert pooled(scores, "linear")["bias"].to_list() == [0.5]


def test_a_model_without_weak_segments_gets_a_sentence_that_says_so() -> None:
    sentences = said(row("state", "BY"))
    assert sentences[0] == "No segment's RMSPE is more than 10% above the whole's."
    assert len(sentences) == 4  # and the worst origin, Christmas, single days
    assert sentences[-1].startswith(LAST)


@pytest.mark.parametrize(("rmspe", "is_named"), [(0.55, False), (above(0.55), True)])
def test_a_segment_is_weak_from_more_than_a_tenth_above_the_whole(
    rmspe: float, is_named: bool
) -> None:
    sentence = said(row("promo", "promo", rmspe_median=rmspe))[0]
    named = "promotion “promo”: RMSPE 0.5500, 10% above the whole's 0.5000."
    assert (sentence == named) == is_named


def test_the_worst_segments_come_first_by_their_median_over_origins() -> None:
    sentences = said(
        row("weekday", "7", rmspe_median=0.6),
        row("weekday", "6", rmspe_median=0.6),
        row("state", "BY", rmspe_median=0.8, rmspe=0.1),
        row("holiday", "near a holiday", rmspe_median=0.6),
        row("horizon_week", "6", rmspe_median=0.6),
        row("store_type", "b", rmspe_median=0.4, rmspe=9.0),
        row("total_chain_week", "all", rmspe_median=3.0),
        row("state", "HE", rmspe_median=3.0, model="linear"),
    )
    assert sentences[:5] == [
        "state “BY”: RMSPE 0.8000, 60% above the whole's 0.5000.",
        "holiday “near a holiday”: RMSPE 0.6000, 20% above the whole's 0.5000.",
        "horizon week “6”: RMSPE 0.6000, 20% above the whole's 0.5000.",
        "weekday “6”: RMSPE 0.6000, 20% above the whole's 0.5000.",
        "weekday “7”: RMSPE 0.6000, 20% above the whole's 0.5000.",
    ]
    assert sentences[5].startswith("The worst of 2 origins")


@pytest.mark.parametrize(
    ("bias", "is_named"),
    [(0.02, False), (above(0.02), True), (-0.02, False), (below(-0.02), True)],
)
def test_a_bias_is_named_from_more_than_2_percent_on(bias: float, is_named: bool) -> None:
    sentences = said(row("store_type", "d", bias=bias))
    found = [each for each in sentences if each.startswith("Sums of daily forecasts are off")]
    assert [each.rsplit(": ", 1)[1] for each in found] == (
        [f"store type “d” {bias:+.1%}."] if is_named else []
    )


def test_the_largest_biases_come_first() -> None:
    found = said(
        row("weekday", "2", bias=0.03),
        row("weekday", "1", bias=-0.03),
        row("state", "BY", bias=0.03),
        row("promo", "promo", bias=-0.05),
    )[1]
    assert found.endswith("promotion “promo” -5.0%, state “BY” +3.0%, weekday “1” -3.0%, "
                          "weekday “2” +3.0%.")  # fmt: skip


@pytest.mark.parametrize(
    ("coverage", "is_named"),
    [(0.75, False), (below(0.75), True), (0.85, False), (above(0.85), True), (None, False)],
)
def test_a_coverage_is_named_outside_75_to_85_percent(
    coverage: float | None, is_named: bool
) -> None:
    sentences = said(row("store_type", "d", coverage_80=coverage))
    found = [each for each in sentences if each.startswith("The 80% interval holds clearly")]
    assert len(found) == is_named
    if found:
        assert found[0].endswith(f"in: store type “d” {coverage:.1%}.")


def test_the_lowest_coverage_comes_first() -> None:
    found = said(
        row("weekday", "2", coverage_80=0.9),
        row("weekday", "1", coverage_80=0.7),
        row("state", "BY", coverage_80=0.7),
        row("promo", "promo", coverage_80=0.6),
    )[1]
    assert found.endswith(
        "in: promotion “promo” 60.0%, state “BY” 70.0%, weekday “1” 70.0%, weekday “2” 90.0%."
    )


def of_origins(*rows: dict) -> list[str]:
    return weaknesses(frame(row(), *rows))


def test_the_worst_origin_is_named_with_its_bias_and_the_median_of_all() -> None:
    found = of_origins(
        at(LATE, 0.3),
        at(EARLY, 0.9, bias=0.031),
        at(date(2015, 3, 1), 0.4),
        at(LATE, 2.0, model="linear"),
        row("state", "BY", forecast_origin=LATE, rmspe=5.0),
    )
    assert found[1] == (
        "The worst of 3 origins was 2014-09-12 with RMSPE 0.9000 and bias +3.1%; the median is "
        "0.4000."
    )


def test_of_equally_bad_origins_the_newest_is_named() -> None:
    assert "was 2015-05-08 with" in of_origins(at(LATE, 0.5), at(EARLY, 0.5))[1]


def test_a_single_origin_is_called_too_few() -> None:
    assert of_origins(at(LATE, 0.5))[1].startswith("One past origin alone was judged")
    assert of_origins()[1].startswith("One past origin alone was judged")


def test_origins_at_which_a_reference_was_better_are_named() -> None:
    found = of_origins(
        at(EARLY, 0.5),
        at(LATE, 0.5),
        at(EARLY, 0.45, model="store_weekday_promo_median"),
        at(LATE, 0.5, model="seasonal_naive"),
        at(EARLY, below(0.5), model="seasonal_naive"),
        at(EARLY, 0.1, model="linear"),
    )
    assert found[2:4] == [
        "At 2014-09-12 the reference seasonal_naive was better: 0.5000 against 0.5000.",
        "At 2014-09-12 the reference store_weekday_promo_median was better: 0.4500 against 0.5000.",
    ]
    assert found[4].startswith("No origin of the backtest looks ahead over Christmas")


@pytest.mark.parametrize(
    ("origin", "week", "is_over_christmas"),
    [
        (date(2014, 11, 12), "6", True),  # 42 days after it is Christmas Eve
        (date(2014, 11, 11), "6", False),
        (date(2014, 12, 23), "6", True),
        (date(2014, 12, 24), "6", False),
        (date(2014, 12, 10), "2", True),
        (date(2014, 12, 9), "2", False),
    ],
)
def test_an_origin_looks_over_christmas_if_its_horizon_holds_christmas_eve(
    origin: date, week: str, is_over_christmas: bool
) -> None:
    sentence = of_origins(
        at(LATE, 0.3), at(origin, 0.4), row("horizon_week", "1"), row("horizon_week", week)
    )[-2]
    assert sentence == (
        f"Over Christmas RMSPE was 0.4000 from {origin}, compared with a median of 0.3500 over all "
        "origins."
        if is_over_christmas
        else "No origin of the backtest looks ahead over Christmas: how good forecasts of the "
        "last weeks of the year are was not measured here, and they are the hardest of the year."
    )


@pytest.mark.parametrize(("week", "is_over_christmas"), [("52", True), ("51", False)])
def test_a_horizon_of_a_year_may_hold_the_next_years_christmas(
    week: str, is_over_christmas: bool
) -> None:
    after = at(date(2014, 12, 28), 0.4)  # 361 days before
    sentence = of_origins(after, row("horizon_week", week))[-2]
    assert sentence.startswith("Over Christmas") == is_over_christmas


@pytest.mark.parametrize(("day", "is_over_christmas"), [(17, True), (16, False)])
def test_without_scores_by_week_the_horizon_counts_as_one_week(
    day: int, is_over_christmas: bool
) -> None:
    sentence = of_origins(at(date(2014, 12, day), 0.4))[-2]
    assert sentence.startswith("Over Christmas") == is_over_christmas


def groups(kind: str, *rows: tuple[str, float, float]) -> list[dict]:
    return [row(kind, name, rmspe_median=rmspe, rmspe=7.0, bias=bias) for name, rmspe, bias in rows]


def paragraphs(*rows: dict) -> list[str]:
    return fairness(frame(row(), at(LATE, 0.5), *rows)).split("\n\n")


def test_groups_are_compared_by_best_and_worst_and_by_bias() -> None:
    types, states, last = paragraphs(
        *groups("store_type", ("a", 0.5, 0.01), ("b", 0.4, -0.01), ("d", 0.44, 0.0)),
        *groups("state", ("BY", 0.5, 0.0), ("HE", 0.75, 0.0)),
    )
    assert types == (
        "By store type, RMSPE is between 0.4000 (b) and 0.5000 (a), 1.25 times as much; bias "
        "between -1.0% (b) and +1.0% (a). That is uneven: plans made by these forecasts serve a "
        "worse, so give it more slack."
    )
    assert states.startswith("By state, RMSPE is between 0.5000 (BY) and 0.7500 (HE), 1.50 ")
    assert last.startswith("States are an attribute of stores")


@pytest.mark.parametrize(
    ("rmspe", "low", "high", "is_uneven"),
    [
        (1.21, 0.0, 0.0, False),
        (1.2101, 0.0, 0.0, True),
        (1.0, -0.02, 0.02, False),
        (1.0, -0.02, above(0.02), True),
        (1.0, below(-0.02), 0.02, True),
        (1.0, 0.03, 0.03, False),
    ],
)
def test_groups_are_uneven_from_more_than_1_21_times_or_4_points_on(
    rmspe: float, low: float, high: float, is_uneven: bool
) -> None:
    first = paragraphs(*groups("store_type", ("a", 1.0, low), ("b", rmspe, high)))[0]
    assert first.endswith("give it more slack.") == is_uneven
    assert first.endswith("No group is served clearly worse than another.") != is_uneven


def test_of_equal_groups_the_first_by_name_is_the_best_and_the_last_the_worst() -> None:
    first = paragraphs(*groups("store_type", ("c", 0.5, 0.0), ("a", 0.5, 0.0), ("b", 0.5, 0.0)))[0]
    assert "0.5000 (a) and 0.5000 (c)" in first
    assert "+0.0% (a) and +0.0% (c)" in first


def test_one_group_is_called_too_few() -> None:
    assert paragraphs(*groups("store_type", ("a", 0.5, 0.0)))[:2] == [
        "There is no more than one store type to compare.",
        "There is no more than one state to compare.",
    ]
