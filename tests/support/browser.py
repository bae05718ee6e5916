"""Drive the dashboard in Debian's Chromium, and keep pictures of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

from rossmann_ml.base.settings import PROJECT_DIR

CHROMIUM = Path("/usr/bin/chromium")
SCREENSHOTS = PROJECT_DIR / ".state" / "screenshots"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
_PATIENCE_MILLISECONDS = 90_000
_DONE = """() => document.querySelector('[data-testid=stApp]')
    ?.getAttribute('data-test-script-state') === 'notRunning'
    && !document.querySelector('[data-testid=stSkeleton]')"""


@dataclass
class Visit:
    """Tab of a browser with the dashboard.

    Attributes:
        page: Page of Playwright.
        address: Address of the dashboard.
        fetched_elsewhere: Requested addresses outside of the dashboard.
        faults: Errors of the page's scripts.
    """

    page: Page
    address: str
    fetched_elsewhere: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Open a page of the dashboard and wait until it is drawn."""
        self.page.goto(f"{self.address}/{path}")
        self.wait()

    def wait(self) -> None:
        """Wait until the page is drawn, and check that it has no errors."""
        expect(self.page.locator("h1")).to_be_visible()
        self.page.wait_for_function(_DONE)
        assert self.page.get_by_test_id("stException").count() == 0
        assert self.faults == []
        assert self.fetched_elsewhere == []

    def of_someone_else(self, *, width: int = 1280) -> Visit:
        """Return a tab of another visitor, who shares only the server with this one."""
        browser = self.page.context.browser
        assert browser is not None
        return _tab(browser, self.address, width, "light")

    def keep(self, name: str) -> None:
        """Save a picture of the whole page in ``.state/screenshots``."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        size = self.page.viewport_size
        assert size is not None
        main = self.page.get_by_test_id("stMain")
        height = main.evaluate("main => main.scrollHeight")
        self.page.set_viewport_size({"width": size["width"], "height": max(height, 600)})
        self.page.wait_for_function(_DONE)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")
        self.page.set_viewport_size(size)

    def sticks_out(self) -> bool:
        """Return whether something is wider than the screen."""
        main = self.page.get_by_test_id("stMain")
        return bool(main.evaluate("main => main.scrollWidth > main.clientWidth"))


def require_chromium() -> None:
    """Skip the test without a browser, or fail it in continuous integration."""
    if not CHROMIUM.exists():
        reason = f"{CHROMIUM} is not there: apt-get install chromium fonts-dejavu-core"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


@contextmanager
def visit(address: str, *, width: int = 1280, scheme: str = "light") -> Iterator[Visit]:
    """Open a new browser for the dashboard.

    Args:
        address: Address of the dashboard.
        width: Width of the screen in pixels.
        scheme: Colour scheme of the visitor's system, ``light`` or ``dark``.
    """
    expect.set_options(timeout=_PATIENCE_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        try:
            yield _tab(browser, address, width, scheme)
        finally:
            browser.close()


@contextmanager
def offline_tab() -> Iterator[Page]:
    """Open a tab that reads files only; afterwards, fail if a page asked for anything else."""
    require_chromium()
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        try:
            page = browser.new_context(offline=True).new_page()
            page.on("request", lambda request: asked.append(request.url))
            page.on("pageerror", lambda error: asked.append(str(error)))
            yield page
        finally:
            browser.close()
    assert [each for each in asked if not each.startswith(("file:", "data:", "blob:"))] == []


def _tab(browser: Browser, address: str, width: int, scheme: str) -> Visit:
    own = (address, "data:", "blob:", address.replace("http", "ws"))
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,  # type: ignore[arg-type]
        accept_downloads=True,
    )
    context.set_default_timeout(_PATIENCE_MILLISECONDS)
    seen = Visit(context.new_page(), address)

    def note(request: Request) -> None:
        if not request.url.startswith(own):
            seen.fetched_elsewhere.append(request.url)

    seen.page.on("request", note)
    seen.page.on("pageerror", lambda error: seen.faults.append(str(error)))
    return seen
