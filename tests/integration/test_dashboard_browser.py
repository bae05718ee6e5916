"""The dashboard in a real browser: the chart of the chosen store shows, and nothing is fetched
from elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect, sync_playwright
from support.servers import serving

from rossmann_ml.publish import PublishedGeneration
from rossmann_ml.settings import Settings

pytestmark = pytest.mark.browser

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
_PATIENCE_MILLISECONDS = 90_000
expect.set_options(timeout=_PATIENCE_MILLISECONDS)


@pytest.fixture(scope="module")
def dashboard(
    shared_published: tuple[Settings, PublishedGeneration],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    if not CHROMIUM.exists():
        reason = f"{CHROMIUM} is not there: apt-get install chromium fonts-dejavu-core"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    settings, _ = shared_published
    log = tmp_path_factory.mktemp("dashboard") / "log.txt"
    with serving("dashboard", settings.warehouse_path, ready="/_stcore/health", log=log) as address:
        yield address


@pytest.fixture
def page(request: pytest.FixtureRequest, dashboard: str) -> Iterator[Page]:
    width, scheme = getattr(request, "param", (1280, "light"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        context.set_default_timeout(_PATIENCE_MILLISECONDS)
        yield context.new_page()
        browser.close()


@pytest.mark.parametrize(
    "page",
    [(1280, "light"), (1280, "dark"), (390, "light")],
    ids=["light", "dark", "narrow"],
    indirect=True,
)
def test_the_chart_of_a_chosen_store_shows(page: Page, dashboard: str) -> None:
    fetched_elsewhere: list[str] = []
    faults: list[str] = []

    def note(request: Request) -> None:
        if not request.url.startswith(
            (dashboard, "data:", "blob:", dashboard.replace("http", "ws"))
        ):
            fetched_elsewhere.append(request.url)

    page.on("request", note)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{dashboard}/?store=4")
    chart = page.locator(".js-plotly-plot")
    expect(chart.locator(".scatterlayer .trace").first).to_be_visible()
    for name in ("80% range", "sales", "forecast", "promotion", "public holiday"):
        expect(chart.locator(".legendtext", has_text=name).first).to_be_visible()
    expect(page.get_by_text("40,440 €").first).to_be_visible()
    box = chart.bounding_box()
    assert box is not None
    assert box["height"] > 300
    # nothing sticks out to the side, however narrow the screen
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= page.viewport_size["width"]  # type: ignore[index]
    assert fetched_elsewhere == []
    assert faults == []


def test_choosing_another_store_draws_its_chart(page: Page, dashboard: str) -> None:
    page.goto(f"{dashboard}/?store=4")
    expect(page.get_by_text("40,440 €").first).to_be_visible()
    page.get_by_role("combobox").first.click()
    page.get_by_role("option", name="Store 1 ").click()
    expect(page.get_by_text("35,040 €").first).to_be_visible()
    expect(page.locator(".js-plotly-plot .scatterlayer .trace").first).to_be_visible()
    assert "store=1" in page.url
