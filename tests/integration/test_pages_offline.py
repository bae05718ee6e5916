"""Pages for people, opened in a browser without a network: Data Docs, and the architecture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from playwright.sync_api import Page, expect
from support.browser import offline_tab
from support.quality_tables import make_good_tables

from rossmann_ml.base.settings import PROJECT_DIR, load_settings
from rossmann_ml.quality import run_suites
from rossmann_ml.warehouse.session import Session

pytestmark = pytest.mark.browser


@pytest.fixture
def page() -> Iterator[Page]:
    with offline_tab() as tab:
        yield tab


@pytest.mark.parametrize("width", [400, 1600])
def test_the_picture_of_the_architecture_fits_into_any_window(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 500})
    page.goto((PROJECT_DIR / "docs" / "pictures" / "architecture.svg").as_uri())
    for part in page.locator("rect, text").all():
        box = part.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["y"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= 500


def test_data_docs_show_offline_which_runs_there_were_and_what_failed(
    page: Page, tmp_path: Path
) -> None:
    settings = load_settings(warehouse_dir=tmp_path, state_dir=tmp_path / "state")
    with duckdb.connect(str(settings.database_path)) as connection:
        make_good_tables(connection)
        connection.execute("UPDATE raw.stores SET assortment = '<img src=x>' WHERE store = 5")
    run_suites(Session(settings), ["raw_sales", "raw_stores"], run_id="weekly-1")

    page.goto((settings.data_docs_path / "index.html").as_uri())
    rows = page.get_by_role("row", name="weekly-1")
    expect(rows).to_have_count(2)
    expect(rows.filter(has_text="raw.sales")).to_contain_text("Success")
    failed = rows.filter(has_text="Failed")
    expect(failed).to_have_count(1)
    failed.get_by_role("link", name="weekly-1").click()

    expect(page.get_by_role("row", name="✘ assortment")).to_be_visible()
    expect(page.get_by_role("cell", name="<img src=x>", exact=True)).to_be_visible()
    passed = page.get_by_role("row", name="✔ store_type")
    expect(passed.first).to_be_visible()
    page.get_by_label("Failed checks only").check()
    expect(passed).to_have_count(0)
    expect(page.get_by_role("row", name="✘ assortment")).to_be_visible()
