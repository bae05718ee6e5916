"""The comparison page: ranking, filters, map, totals."""

from __future__ import annotations

import pytest
from support.dashboard_pages import (
    OpenPage,
    Published,
    metrics_of,
    plant,
    words_of,
)
from support.small_warehouse import STORE_WITHOUT_FORECAST


def test_stores_are_ranked_by_the_chosen_measure(open_page: OpenPage) -> None:
    page = open_page("compare")
    assert metrics_of(page)["Stores"] == "6"
    ranking = page.dataframe[0].value
    assert list(ranking["Store"]) == [6, 5, 4, 3, 2, 1]
    assert list(ranking["Rank"]) == [1, 2, 3, 4, 5, 6]
    page = page.selectbox(key="by").select("uncertainty").run()
    assert list(page.dataframe[0].value["Uncertainty"]) == pytest.approx([0.15] * 6)
    words = words_of(page)
    assert "Not included: 1 store without a known state" in words
    assert "An open mark is a partial week" in words


def test_filters_leave_the_stores_that_match_and_are_in_the_address(open_page: OpenPage) -> None:
    page = open_page("compare", state="HE")
    assert sorted(page.dataframe[0].value["Store"]) == [1, 3, 5]
    page = page.multiselect(key="state").set_value(["BY"]).run()
    assert sorted(page.dataframe[0].value["Store"]) == [2, 4]


def test_a_filter_that_matches_nothing_shows_a_message(open_page: OpenPage) -> None:
    page = open_page("compare", state="HE", type="a")
    assert "No store matches these filters" in page.info[0].value


def test_a_filter_that_matches_only_stores_without_forecast_shows_a_message(
    open_page: OpenPage, published_generation: Published
) -> None:
    warehouse = plant(
        published_generation,
        f"UPDATE stores SET state = 'SL' WHERE store_id = {STORE_WITHOUT_FORECAST}",
    )
    page = open_page("compare", warehouse_dir=warehouse, state="SL")
    assert "None of the stores that match has a forecast" in page.info[0].value


def test_an_address_with_an_unknown_state_shows_a_warning(open_page: OpenPage) -> None:
    page = open_page("compare", state="XX")
    assert "state XX, which does not exist here" in page.warning[0].value
    assert metrics_of(page)["Stores"] == "6"


def test_an_address_with_an_unknown_level_shows_a_warning_and_the_whole_chain(
    open_page: OpenPage,
) -> None:
    page = open_page("compare", level="galaxy")
    assert 'level galaxy, which does not exist here. "whole chain"' in page.warning[0].value


def test_without_chosen_stores_the_page_shows_what_to_choose(open_page: OpenPage) -> None:
    page = open_page("compare")
    page = page.multiselect(key="stores").set_value([]).run()
    assert "Choose stores" in words_of(page)


@pytest.mark.parametrize(
    ("bounds", "said"),
    [("sales_forecast * 0.9", "ranges are those of the totals"), ("NULL", "Ranges are not drawn")],
)
def test_totals_have_ranges_if_every_total_has_one(
    open_page: OpenPage, published_generation: Published, bounds: str, said: str
) -> None:
    warehouse = plant(
        published_generation,
        f"UPDATE forecast_totals SET lower_80 = {bounds}, upper_80 = {bounds}",
    )
    page = open_page("compare", warehouse_dir=warehouse, level="store type", type="b")
    assert said in words_of(page)


def test_stores_without_a_known_state_have_no_map(
    open_page: OpenPage, published_generation: Published
) -> None:
    warehouse = plant(published_generation, "UPDATE stores SET state = NULL")
    assert "there is no map" in words_of(open_page("compare", warehouse_dir=warehouse))
