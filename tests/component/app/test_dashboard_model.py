"""The model page: accuracy, ranges, versions, decisions, challenger."""

from __future__ import annotations

import pytest
from support.api import client_of
from support.dashboard_pages import (
    OpenPage,
    Published,
    frame_with,
    metrics_of,
    plant,
    words_of,
)
from support.small_warehouse import MODEL
from support.stand_in_bundle import stand_in_for_all


def test_the_champion_is_shown_with_its_references(open_page: OpenPage) -> None:
    page = open_page("model")
    assert metrics_of(page) == {
        "Champion": "blend",
        "RMSPE in the backtest": "11.5%",
        "WAPE": "8.1%",
        "Skill": "54%",
        "Bias": "+0.4%",
    }
    methods = list(page.dataframe[0].value["Method"])
    assert methods == ["blend (champion)", "store weekday promo median", "seasonal naive"]
    assert "better than seasonal naive" in words_of(page)
    assert page.dataframe[0].value.iloc[0][["WAPE", "Origins"]].to_list() == [0.115 * 0.7, 2]


def test_the_error_is_divided_into_parts_with_a_sentence_on_each(
    open_page: OpenPage, published_generation: Published
) -> None:
    parts = frame_with(open_page("model"), "Part")
    assert list(parts.columns) == [
        "Part", "Ordinary weeks (2 origins)", "Linear forecast (2 origins)", "Meaning",
    ]  # fmt: skip
    assert list(parts["Part"])[:2] == ["chain, whole horizon", "chain, by day"]
    assert list(parts["Ordinary weeks (2 origins)"]) == [0.01, 0.04, 0.03, 0.025, 0.005, 0.08]
    warehouse = plant(
        published_generation,
        "INSERT INTO backtest_error_parts SELECT * REPLACE ('christmas' AS season, 0.1 AS "
        "log_error, 1 AS origins) FROM backtest_error_parts WHERE forecast_origin IS NULL",
    )
    parts = frame_with(open_page("model", warehouse_dir=warehouse), "Part")
    assert list(parts["With Christmas (1 origin)"]) == [0.1] * 6


def test_coverage_is_shown_by_segment_with_bounds_and_scores(open_page: OpenPage) -> None:
    ranges = open_page("model", part="Ranges", range_segment="promo")
    shown = frame_with(ranges, "Interval score 80%")
    assert list(shown["Segment"]) == ["all", "false", "true"]
    assert list(shown["80%, bounds"]) == ["78.0% to 84.0%"] * 3
    assert list(shown["95%, bounds"]) == ["—"] * 3
    assert list(shown["Origins"]) == [2, 2, 2]


def test_every_scored_method_is_listed_with_the_champion(
    open_page: OpenPage, published_generation: Published
) -> None:
    warehouse = plant(
        published_generation,
        "INSERT INTO backtest_scores SELECT * REPLACE ('catboost' AS model, 0.10 AS rmspe_median) "
        "FROM backtest_scores WHERE model = 'seasonal_naive'",
    )
    page = open_page("model", warehouse_dir=warehouse)
    assert list(page.dataframe[0].value["Method"])[:2] == ["blend (champion)", "catboost"]


@pytest.mark.parametrize(
    ("tab", "said"),
    [
        ("Ranges", "calibrated on errors of earlier origins"),
        ("Features", "The 12 features"),
        ("Champion and challenger", "no challenger"),
    ],
)
def test_each_part_of_the_page_has_a_tab(open_page: OpenPage, tab: str, said: str) -> None:
    assert said in words_of(open_page("model", part=tab))


def test_ranges_of_totals_are_scored_separately_from_those_of_days(
    open_page: OpenPage, published_generation: Published
) -> None:
    warehouse = plant(
        published_generation,
        "INSERT INTO backtest_scores SELECT * EXCLUDE (kind) REPLACE "
        "('total_' || kind AS segment_kind, 0.7 AS coverage_80) FROM backtest_scores, "
        "(VALUES ('store_type_week'), ('chain_horizon'), ('chain_horizon_sum')) AS kinds(kind) "
        "WHERE model = 'blend' AND segment_kind = 'overall'",
    )
    page = open_page("model", warehouse_dir=warehouse, part="Ranges")
    totals = frame_with(page, "Total of")
    assert list(totals["Total of"]) == ["chain, whole horizon", "store type, calendar week"]
    assert list(totals["Inside 80%"]) == [0.7, 0.7]
    assert list(totals["Origins"]) == [2, 2]
    assert open_page("model", warehouse_dir=warehouse, segment="total chain horizon").warning


def test_scores_of_an_earlier_version_are_named_and_null_in_the_api(
    open_page: OpenPage, published_generation: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped = ("wape", "origins", "bias_lower", "pinball")
    changes = (f"ALTER TABLE backtest_scores DROP COLUMN {name}" for name in dropped)
    warehouse = plant(published_generation, *changes)
    words = words_of(open_page("model", warehouse_dir=warehouse))
    assert "an earlier version of the product published these data" in words
    stand_in_for_all(monkeypatch)
    with client_of(published_generation[0]) as client:
        (first, *_) = client.get("/model_info").json()["backtest"]
    assert [first[name] for name in dropped] == [None] * len(dropped)
    assert first["rmspe"] > 0


def test_versions_and_decisions_are_listed(open_page: OpenPage) -> None:
    page = open_page("model", part="Versions")
    assert list(page.dataframe[0].value["Model"]) == [MODEL]
    assert list(page.dataframe[1].value["Decision"]) == ["promoted"]
    assert list(page.dataframe[1].value["Figures"]) == ["rmspe 0.115"]


def test_a_challenger_is_compared_with_the_champion(
    open_page: OpenPage, published_generation: Published
) -> None:
    warehouse = plant(
        published_generation,
        "INSERT INTO model_versions SELECT * REPLACE ('challenger-1' AS model_version) "
        "FROM model_versions",
        "INSERT INTO backtest_scores SELECT * REPLACE ('challenger-1' AS model_version, "
        "rmspe_median - 0.01 AS rmspe_median, store_days + 1 AS store_days) FROM backtest_scores",
    )
    page = open_page("model", part="Champion and challenger", warehouse_dir=warehouse)
    assert page.selectbox(key="challenger").value == "challenger-1"
    assert list(page.dataframe[0].value["Difference"]) == pytest.approx([-0.01] * 3)
    assert "scored on different days" in words_of(page)


def test_a_challenger_without_a_backtest_shows_a_message(
    open_page: OpenPage, published_generation: Published
) -> None:
    warehouse = plant(
        published_generation,
        "INSERT INTO model_versions SELECT * REPLACE ('challenger-1' AS model_version) "
        "FROM model_versions",
    )
    page = open_page("model", part="Champion and challenger", warehouse_dir=warehouse)
    assert "has no backtest to compare" in words_of(page)


@pytest.mark.parametrize(
    ("statement", "tab", "said"),
    [
        ("DELETE FROM model_versions", "Accuracy", "no details of model"),
        ("DELETE FROM backtest_scores", "Accuracy", "no backtest of this champion"),
        (
            "DELETE FROM backtest_scores WHERE segment_kind != 'overall'",
            "Accuracy",
            "no scores by segment",
        ),
        ("UPDATE backtest_scores SET coverage_80 = NULL", "Ranges", "no calibrated ranges"),
        ("DELETE FROM feature_importance", "Features", "no feature importance"),
        ("DELETE FROM promotions", "Versions", "no decision about a model"),
    ],
)
def test_missing_data_about_the_model_are_named(
    open_page: OpenPage, published_generation: Published, statement: str, tab: str, said: str
) -> None:
    warehouse = plant(published_generation, statement)
    assert said in words_of(open_page("model", part=tab, warehouse_dir=warehouse))
