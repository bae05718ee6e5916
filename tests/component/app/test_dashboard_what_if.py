"""The what-if page, run by Streamlit's test driver with a rule in place of the model."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from support.dashboard_pages import DASHBOARD, Published, metrics_of, words_of
from support.small_warehouse import STORE_WITHOUT_FORECAST
from support.stand_in_bundle import stand_in_for_all

from app.dashboard.views.what_if import scoring
from app.dashboard.views.what_if.plan_changes import Change
from app.dashboard.words import plain
from app.published import PublishedReader
from rossmann_ml.base.settings import Settings
from rossmann_ml.serving.generations import GenerationInfo

PAGE = DASHBOARD / "views" / "what_if" / "view.py"
PROMOTION = "promotion_2015-08-10_2015-08-11"


class Rule:
    """Scoring by rule: a new promotion adds 1,000 EUR to a day, a closing sets it to 0."""

    def __init__(self, settings: Settings) -> None:
        self.asked: list[tuple[int, ...]] = []
        self._reader = PublishedReader(settings.published_path)

    def __call__(
        self, info: GenerationInfo, store_ids: Sequence[int], changes: Sequence[Change]
    ) -> pl.DataFrame:
        self.asked.append(tuple(store_ids))
        with self._reader.reading() as reading:
            frame = reading.frame(
                "SELECT f.*, p.is_promo, p.state_holiday, p.is_school_holiday "
                "FROM latest_forecasts AS f JOIN store_plan AS p "
                "ON p.store_id = f.store_id AND p.plan_date = f.target_date "
                "WHERE f.store_id IN (SELECT unnest($stores)) ORDER BY f.store_id, target_date",
                {"stores": list(store_ids)},
            )
        frame = frame.with_columns(stored_forecast="sales_forecast", is_changed=pl.lit(False))
        for change in changes:
            inside = pl.col("target_date").is_between(change.first_date, change.last_date)
            if change.kind == "promotion":
                gains = inside & pl.col("is_open") & ~pl.col("is_promo")
                frame = frame.with_columns(
                    sales_forecast=pl.col("sales_forecast") + 1000 * gains.cast(pl.Float64),
                    is_changed=pl.col("is_changed") | gains,
                    is_promo=pl.col("is_promo") | inside,
                )
            if change.kind == "closed":
                frame = frame.with_columns(
                    sales_forecast=pl.when(inside).then(0.0).otherwise("sales_forecast"),
                    is_open=pl.col("is_open") & ~inside,
                    is_changed=pl.col("is_changed") | inside,
                )
        return frame


@pytest.fixture
def rule(monkeypatch: pytest.MonkeyPatch, shared_published: Published) -> Rule:
    settings, _ = shared_published
    stand_in_for_all(monkeypatch, unbiased_factor=1.5)
    rule = Rule(settings)
    monkeypatch.setattr(scoring, "score", rule)
    monkeypatch.setenv("ROSSMANN_WAREHOUSE_DIR", str(settings.warehouse_path))
    st.cache_data.clear()
    return rule


def open_page(**address: str) -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=60)
    for key, value in address.items():
        page.query_params[key] = value
    return checked(page.run())


def checked(page: AppTest) -> AppTest:
    assert not page.exception
    return page


def press(page: AppTest, label: str) -> AppTest:
    (button,) = [each for each in page.button if each.label == label]
    return checked(button.click().run())


def test_before_a_change_the_page_shows_what_to_do_and_scores_nothing(rule: Rule) -> None:
    page = open_page()
    assert "Nothing is changed yet" in words_of(page)
    assert rule.asked == []


def test_a_change_is_added_scored_and_put_into_the_address(rule: Rule) -> None:
    page = open_page(store="3")
    # the first whole week after the origin: Monday to Saturday, 3 to 8 August, has a promotion
    page = press(page, "Add the change")
    assert page.query_params["changes"] in (
        "promotion_2015-08-03_2015-08-08",
        ["promotion_2015-08-03_2015-08-08"],
    )
    assert set(rule.asked) == {(3,)}
    # only Saturday had no promotion
    assert metrics_of(page)["Difference"] == "+1,500 €"
    assert metrics_of(page)["Uplift per promo day"] == "+1,500 €"
    assert "1. run a promotion from Mon 03 Aug to Sat 08 Aug" in [
        each.value for each in page.markdown
    ]


def test_an_address_shows_the_same_scenario_to_someone_else(rule: Rule) -> None:
    page = open_page(store="1", changes=PROMOTION)
    assert metrics_of(page)["Difference"] == "+3,000 €"
    assert metrics_of(page)["Uplift per promo day"] == "+1,500 €"
    assert "The 80% range in the chart belongs to the changed plan" in words_of(page)
    assert [metric.delta.startswith("80% range ") for metric in page.metric[:2]] == [True, True]


def test_a_change_can_be_removed(rule: Rule) -> None:
    page = open_page(changes=f"{PROMOTION}~closed_2015-08-12_2015-08-12")
    assert metrics_of(page)["Uplift per promo day"] == "—"  # more than promotions changed
    remove = [each for each in page.button if each.label == "Remove"]
    page = checked(remove[1].click().run())
    assert page.query_params["changes"] in (PROMOTION, [PROMOTION])
    page = press(page, "Remove")
    assert "changes" not in page.query_params
    assert "Nothing is changed yet" in words_of(page)


def test_a_change_that_cannot_be_made_causes_a_warning(rule: Rule) -> None:
    page = open_page(changes=f"{PROMOTION}~promotion_2016-01-01_2016-01-02")
    assert f"cannot be made: {plain('promotion_2016-01-01_2016-01-02')}" in page.warning[0].value
    assert metrics_of(page)["Difference"] == "+3,000 €"


def test_a_change_without_effect_has_no_arrow(rule: Rule) -> None:
    page = open_page(store="1", changes="closed_2015-08-09_2015-08-09")  # a Sunday
    (difference,) = [each for each in page.metric if each.label == "Difference"]
    assert (difference.value, difference.delta) == ("0 €", "0.0%")
    assert difference.proto.color == difference.proto.GRAY


def test_a_group_is_scored_together_and_only_a_whole_segment_has_a_range(rule: Rule) -> None:
    group = {"for": "a group of stores", "changes": PROMOTION}
    page = open_page(**group, state="HE")
    assert rule.asked[-1] == (1, 3, 5)
    assert metrics_of(page)["Difference"] == "+9,000 €"
    assert metrics_of(page)["Uplift per promo day"] == "+1,500 €"
    words = words_of(page)
    assert "3 stores: state HE" in words
    assert "ranges of stores do not add up" in words
    assert page.metric[0].delta.startswith("80% range ")
    part = open_page(**group, state="HE", assortment="b")
    assert rule.asked[-1] == (1,) or part.metric[0].delta == "no range for these stores"


def test_an_empty_group_and_a_store_without_forecast_show_a_message(rule: Rule) -> None:
    nobody = open_page(**{"for": "a group of stores", "state": "HE", "type": "a"})
    assert "No store with a forecast matches" in words_of(nobody)
    without = open_page(store=str(STORE_WITHOUT_FORECAST), changes=PROMOTION)
    assert "no plan and no sales in the last 28 days" in words_of(without)
    assert rule.asked == []


def test_scenarios_are_kept_for_comparison_until_they_are_cleared(rule: Rule) -> None:
    page = open_page(changes=PROMOTION)
    page = press(page, "Keep")
    page = checked(page.selectbox(key="store").select("4").run())
    page.text_input[0].set_value("store four")
    page = press(page, "Keep")
    kept = page.dataframe[0].value
    assert list(kept["Scenario"]) == ["scenario 1", "store four"]
    assert list(kept["Stores"]) == ["store 1", "store 4"]
    assert list(kept["Difference"]) == [3000.0, 3000.0]
    assert len(page.get("plotly_chart")) == 2
    page = press(page, "Clear the kept scenarios")
    assert len(page.get("plotly_chart")) == 1


def test_the_model_is_loaded_once_and_scores_the_changed_plan(
    stand_in: dict, shared_published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, generation = shared_published
    monkeypatch.setenv("ROSSMANN_WAREHOUSE_DIR", str(settings.warehouse_path))
    st.cache_data.clear()
    st.cache_resource.clear()
    day = generation.info.forecast_origin
    closed = Change("closed", day.replace(month=8, day=4), day.replace(month=8, day=4))
    scored = scoring.score(generation.generation_id, (1,), (closed,))
    changed = scored.filter("is_changed")
    assert list(changed["target_date"]) == [closed.first_date]
    assert list(changed["sales_forecast"]) == [0.0]
    assert scoring.score(generation.generation_id, (1,), (closed,)).equals(scored)
    (bundle,) = stand_in.values()
    assert len(bundle.panels) == 1
