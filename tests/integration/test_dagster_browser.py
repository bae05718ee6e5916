"""Dagster as ``make dagster`` starts it: its UI works, pages of other origins command nothing."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Browser, expect, sync_playwright
from support.browser import CHROMIUM, FLAGS, SCREENSHOTS, require_chromium
from support.servers import up

from rossmann_ml.base.settings import load_settings
from rossmann_ml.warehouse.dbt import ensure_manifest

pytestmark = [pytest.mark.browser, pytest.mark.integration]

LAUNCH = (
    'mutation{launchRun(executionParams:{selector:{repositoryName:"__repository__",'
    'repositoryLocationName:"rossmann",jobName:"weekly_refresh"},runConfigData:{},mode:"default"})'
    "{__typename}}"
)
# an image, a form, requests and a websocket: what a page can send without being asked
FOREIGN_PAGE = """<h1>foreign</h1><img src="{query}"><iframe name="answer"></iframe>
<form method="post" action="{query}" target="answer"></form>
<script>
document.forms[0].submit();
const body = JSON.stringify({{query: {launch}}});
for (const type of ["text/plain", "application/graphql"])
  fetch("{address}/graphql",
    {{method: "POST", mode: "no-cors", headers: {{"Content-Type": type}}, body}});
const socket = new WebSocket("{socket}/graphql", "graphql-ws");
socket.onopen = () => document.title = "opened";
socket.onerror = () => document.title = "refused";
</script>"""


@pytest.fixture(scope="module")
def dagster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the UI; the daemon runs too."""
    require_chromium()
    place = tmp_path_factory.mktemp("dagster")
    # parsed before, because two code locations that start at once are slow on a busy machine
    ensure_manifest(load_settings(state_dir=place / "state"))
    with up("dagster", place / "state") as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


def launched_runs(address: str) -> int:
    query = "{runsOrError{... on Runs{results{runId}}}}"
    answer = httpx.post(f"{address}/graphql", json={"query": query}, timeout=60)
    return len(answer.json()["data"]["runsOrError"]["results"])


def test_a_mutation_by_get_from_a_page_of_another_origin_starts_no_run(dagster: str) -> None:
    foreign = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}
    for headers, status in ((foreign, 403), ({}, 405), ({"Host": "evil.example"}, 400)):
        answer = httpx.get(f"{dagster}/graphql", params={"query": LAUNCH}, headers=headers)
        assert answer.status_code == status
    assert launched_runs(dagster) == 0


def test_a_page_of_another_origin_commands_nothing(
    dagster: str, browser: Browser, tmp_path: Path
) -> None:
    page = FOREIGN_PAGE.format(
        address=dagster,
        query=f"{dagster}/graphql?query={quote(LAUNCH)}",
        launch=json.dumps(LAUNCH),
        socket=dagster.replace("http", "ws"),
    )
    (tmp_path / "index.html").write_text(page)
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        tab = browser.new_page()
        statuses: list[int] = []
        tab.on(
            "response", lambda each: statuses.append(each.status) if dagster in each.url else None
        )
        tab.goto(f"http://localhost:{server.server_address[1]}/index.html")
        expect(tab).to_have_title("refused", timeout=30_000)
        tab.wait_for_load_state("networkidle")
        server.shutdown()
    assert len(statuses) >= 3
    assert set(statuses) == {403}
    assert launched_runs(dagster) == 0


def test_groups_of_assets_are_drawn_from_left_to_right_in_the_order_of_the_data(
    dagster: str, browser: Browser
) -> None:
    tab = browser.new_page(viewport={"width": 1600, "height": 700}, device_scale_factor=2)
    tab.goto(f"{dagster}/asset-groups")
    groups = (
        *("ingest", "staging", "core", "features", "model", "forecast"),
        *("marts", "monitoring", "publish"),
    )
    left = []
    for name in groups:
        box = tab.get_by_text(name, exact=True).last  # the first one is in the list of groups
        expect(box).to_be_visible(timeout=120_000)
        left.append((box.bounding_box() or {})["x"])
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    graph = {"x": 545, "y": 250, "width": 1010, "height": 230}
    tab.screenshot(path=SCREENSHOTS / "dagster_groups.png", clip=graph)  # type: ignore[arg-type]
    assert left == sorted(set(left))


def test_the_ui_shows_the_jobs_and_its_websocket_opens(dagster: str, browser: Browser) -> None:
    tab = browser.new_page()
    faults: list[str] = []
    acknowledged: list[str] = []
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.on(
        "response",
        lambda each: faults.append(f"{each.status} {each.url}") if each.status >= 400 else None,
    )
    tab.on(
        "websocket",
        lambda socket: socket.on("framereceived", lambda frame: acknowledged.append(str(frame))),
    )
    tab.goto(f"{dagster}/jobs")
    expect(tab.get_by_text("weekly_refresh", exact=True).first).to_be_visible(timeout=120_000)
    tab.goto(f"{dagster}/locations")
    expect(tab.get_by_text("Loaded").first).to_be_visible(timeout=120_000)
    tab.wait_for_timeout(500)
    assert any("connection_ack" in each for each in acknowledged)
    assert faults == []
