"""What-if in a real browser with a trained model: a promotion is added, kept and downloaded."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from playwright.sync_api import expect
from support.browser import require_chromium, visit
from support.refreshed import Refreshed
from support.servers import serving

pytestmark = [pytest.mark.browser, pytest.mark.integration]


def test_a_promotion_is_added_kept_and_downloaded(refreshed: Refreshed, tmp_path: Path) -> None:
    require_chromium()
    log = tmp_path / "log.txt"
    warehouse = refreshed.settings.warehouse_path
    with (
        serving("dashboard", warehouse, ready="/_stcore/health", log=log) as address,
        visit(address) as tab,
    ):
        tab.open("what_if?store=2")
        expect(tab.page.get_by_text("Nothing is changed yet")).to_be_visible()
        tab.page.get_by_role("button", name="Add the change").click()
        expect(tab.page.get_by_text("Uplift per promo day")).to_be_visible()
        expect(
            tab.page.locator(".js-plotly-plot .legendtext", has_text="plan changed")
        ).to_be_visible()
        tab.page.wait_for_url("**changes=promotion_**")
        tab.page.get_by_role("button", name="Keep").click()
        expect(tab.page.get_by_role("heading", name="Kept scenarios")).to_be_visible()
        tab.wait()
        tab.keep("what_if_scenario")
        with tab.page.expect_download() as download:
            tab.page.get_by_role("button", name="Download the plan").click()
        path = tmp_path / "plan.csv"
        download.value.save_as(path)
        with path.open(newline="") as file:
            days = list(csv.DictReader(file))
        assert len(days) == 42
        assert {day["Store"] for day in days} == {"2"}
        promoted = [day["Date"] for day in days if day["Promo"] == "1"]
        first, last = tab.page.url.split("changes=promotion_")[1].split("&")[0].split("_")
        assert {first, last} <= set(promoted)
        # another visitor with the address sees the same
        other = tab.of_someone_else(width=390)
        other.open(tab.page.url.removeprefix(f"{address}/"))
        expect(other.page.get_by_text("Uplift per promo day")).to_be_visible()
        assert not other.sticks_out()
        other.keep("what_if_scenario_narrow")
