"""The dashboard in a real browser: every page draws, light, dark and narrow, and requests nothing
from elsewhere; a store is chosen with the mouse and by keyboard, and its days are downloaded."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import polars as pl
import pytest
from playwright.sync_api import expect
from support.browser import Visit, require_chromium, visit
from support.servers import serving

from rossmann_ml.base.settings import Settings, load_settings
from rossmann_ml.publish.publishing import PublishedGeneration

pytestmark = pytest.mark.browser

PAGES = {
    "forecast": "?store=4",
    "forecast_changes": "?store=4&tab=What+changed",
    "compare": "compare?level=store+type",
    "what_if": "what_if",
    "model": "model",
    "model_ranges": "model?part=Ranges",
    "quality": "quality",
    "monitoring": "monitoring",
}


@pytest.fixture(scope="module")
def dashboard(
    shared_published: tuple[Settings, PublishedGeneration],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    require_chromium()
    settings, _ = shared_published
    folder = tmp_path_factory.mktemp("dashboard")
    place = load_settings(state_dir=folder).data_docs_path
    place.mkdir(parents=True)
    (place / "index.html").write_text("<h1>Runs of suites</h1>", encoding="utf-8")
    (folder / "secret.html").write_text("not for readers", encoding="utf-8")
    (place / "link.html").symlink_to(folder / "secret.html")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROSSMANN_STATE_DIR", str(folder))
        with serving(
            "dashboard",
            settings.warehouse_path,
            ready="/_stcore/health",
            log=folder / "log.txt",
        ) as address:
            yield address


@pytest.fixture
def tab(dashboard: str) -> Iterator[Visit]:
    with visit(dashboard) as tab:
        yield tab


@pytest.mark.parametrize(
    ("width", "scheme"),
    [(1280, "light"), (1280, "dark"), (390, "light")],
    ids=["light", "dark", "narrow"],
)
def test_every_page_draws_and_nothing_sticks_out(
    dashboard: str, request: pytest.FixtureRequest, width: int, scheme: str
) -> None:
    look = request.node.callspec.id
    with visit(dashboard, width=width, scheme=scheme) as tab:
        for name, path in PAGES.items():
            tab.open(path)
            for chart in tab.page.locator(".js-plotly-plot").all():
                expect(chart.locator(".main-svg").first).to_be_visible()
                box = chart.bounding_box()
                assert box is not None
                assert box["height"] > 90
                assert box["x"] >= 0
                assert box["x"] + box["width"] <= width
            assert not tab.sticks_out()
            tab.keep(f"{name}_{look}")


def test_the_legend_of_a_store_names_all_parts_of_the_chart(tab: Visit) -> None:
    tab.open("?store=4")
    chart = tab.page.locator(".js-plotly-plot").first
    for name in ("80% range", "95% range", "sales", "forecast", "promotion", "public holiday"):
        expect(chart.locator(".legendtext", has_text=name).first).to_be_visible()


def test_choosing_a_store_shows_it_and_can_be_shared(tab: Visit, dashboard: str) -> None:
    tab.open("?days=7")
    expect(tab.page.get_by_text("35,741 €").first).to_be_visible()
    tab.page.get_by_role("combobox").first.click()
    tab.page.get_by_role("option", name="4", exact=True).click()
    expect(tab.page.get_by_text("41,249 €").first).to_be_visible()
    tab.page.wait_for_url("**store=4**")
    shared = tab.page.url
    other = tab.of_someone_else()
    other.open(shared.removeprefix(f"{dashboard}/"))
    expect(other.page.get_by_text("41,249 €").first).to_be_visible()


def test_a_store_is_chosen_by_keyboard_alone(tab: Visit) -> None:
    tab.open("?days=7")
    store = tab.page.get_by_role("combobox").first
    for _ in range(30):
        tab.page.keyboard.press("Tab")
        if store.evaluate("each => each === document.activeElement"):
            break
    expect(store).to_be_focused()
    tab.page.keyboard.type("4")
    tab.page.keyboard.press("Enter")
    expect(tab.page.get_by_text("41,249 €").first).to_be_visible()
    tab.page.wait_for_url("**store=4**")


def test_the_pages_are_reached_from_each_other_and_by_address(tab: Visit) -> None:
    # the first page that a new server shows may be any page
    tab.open("monitoring")
    expect(tab.page.get_by_role("heading", name="Monitoring")).to_be_visible()
    tab.page.get_by_role("link", name="Compare").click()
    expect(tab.page.get_by_role("heading", name="Compare")).to_be_visible()
    tab.wait()
    tab.page.wait_for_url("**/compare**")


def test_the_days_of_a_store_are_downloaded(tab: Visit, tmp_path: Path) -> None:
    tab.open("?store=4")
    with tab.page.expect_download() as download:
        tab.page.get_by_role("button", name="Download the days as CSV").click()
    path = tmp_path / "days.csv"
    download.value.save_as(path)
    assert download.value.suggested_filename == "forecast_store_4_2015-07-31.csv"
    with path.open(newline="") as file:
        days = list(csv.DictReader(file))
    assert len(days) == 42
    assert {day["store_id"] for day in days} == {"4"}
    assert sum(float(day["sales_forecast"]) for day in days[:7]) == pytest.approx(40_440)
    assert 0 < float(days[0]["p2_5"]) < float(days[0]["p10"]) < float(days[0]["p97_5"])


def test_all_stores_are_downloaded_as_parquet_with_the_columns_of_the_csv(
    tab: Visit, tmp_path: Path
) -> None:
    tab.open("?store=4")
    saved = {}
    for name in ("Download the days as CSV", "Download all stores as Parquet"):
        with tab.page.expect_download() as download:
            tab.page.get_by_role("button", name=name).click()
        saved[name] = tmp_path / download.value.suggested_filename
        download.value.save_as(saved[name])
    one, every = saved.values()
    assert every.name == "forecast_all_stores_2015-07-31.parquet"
    rows = pl.read_parquet(every)
    assert rows.columns == pl.read_csv(one).columns
    assert rows["store_id"].n_unique() > 1
    assert rows.schema["target_date"] == pl.Date
    assert rows.filter(pl.col("store_id") == 4).height == 42


def test_an_address_of_no_store_shows_a_warning(tab: Visit) -> None:
    tab.open("?store=4711")
    expect(tab.page.get_by_text("The address of this page has store 4711")).to_be_visible()
    tab.keep("unknown_store")


def test_text_from_an_address_becomes_no_picture_and_no_link(tab: Visit) -> None:
    planted = "![x](http://other.example/pixel) [sign in](http://other.example) www.other.example"
    for path in (f"compare?state={quote(planted)}", f"what_if?changes={quote(planted)}"):
        tab.open(path)  # which fails if something is fetched from elsewhere
        warning = tab.page.get_by_test_id("stAlert").first
        expect(warning).to_contain_text("![x](http:")
        assert warning.locator("img, a").count() == 0


def test_the_page_on_quality_links_to_the_pages_of_great_expectations(tab: Visit) -> None:
    tab.open("quality")
    with tab.page.expect_popup() as opened:
        tab.page.get_by_role("link", name="Pages of Great Expectations").click()
    expect(opened.value.get_by_role("heading", name="Runs of suites")).to_be_visible()


def test_the_first_page_has_an_address_of_its_own(tab: Visit) -> None:
    tab.open("forecast?store=4&days=7")
    expect(tab.page.get_by_text("41,249 €").first).to_be_visible()


def test_data_docs_are_read_only_and_of_their_folder_and_host_names_only(dashboard: str) -> None:
    pages = f"{dashboard}/data_docs/"
    assert httpx.get(f"{pages}index.html").status_code == 200
    assert httpx.get(f"{pages}index.html", headers={"Host": "evil.example"}).status_code == 400
    assert httpx.get(f"{pages}%2e%2e/%2e%2e/secret.html").status_code in {400, 404}
    assert httpx.get(f"{pages}link.html").status_code == 404
    assert httpx.put(f"{pages}index.html", content=b"x").status_code == 405


def test_figures_are_sent_under_known_host_names_only(dashboard: str) -> None:
    place = urlsplit(dashboard)

    def status(host: str) -> int:
        asked = HTTPConnection(place.hostname or "", place.port, timeout=30)
        asked.putrequest("GET", "/_stcore/stream", skip_host=True)
        upgrade = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
            "Sec-WebSocket-Protocol": "streamlit",
        }
        for name, value in {"Host": host, "Origin": f"http://{host}", **upgrade}.items():
            asked.putheader(name, value)
        asked.endheaders()
        try:
            return asked.getresponse().status
        finally:
            asked.close()

    assert status(f"localhost:{place.port}") == 101
    assert status(f"evil.example:{place.port}") == 403
