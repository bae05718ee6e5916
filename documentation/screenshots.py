"""Pictures of the dashboard for the tour: ``python -m documentation.screenshots``.

Belongs here: which pages, how large, and taking them with Debian's Chromium. They show what is
published in ``ROSSMANN_WAREHOUSE_DIR``; what is committed is made from the synthetic sample.
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from documentation.links import DOCS
from rossmann_ml.base.settings import default_settings
from rossmann_ml.serving.generations import current_path, open_generation

PAGES = {
    "forecast": "?store=1",
    "drivers": "?store=1&tab=Drivers",
    "compare": "compare?level=store+type",
    "what_if": "what_if",
    "model": "model",
    "quality": "quality",
    "monitoring": "monitoring",
}
"""Each picture's name and the address it shows."""
WIDTH, HEIGHT = 1100, 1000
_CHROMIUM = Path("/usr/bin/chromium")
_PATIENCE_SECONDS = 180
_DONE = """() => document.querySelector('[data-testid=stApp]')
    ?.getAttribute('data-test-script-state') === 'notRunning'
    && !document.querySelector('[data-testid=stSkeleton]')"""


def take(address: str, folder: Path) -> list[Path]:
    """Take every picture of a dashboard that runs.

    Args:
        address: Where it is, without a slash at the end.
        folder: Where the pictures go.

    Returns:
        The files, in the order of ``PAGES``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=1000 * _PATIENCE_SECONDS)
    paths = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(_CHROMIUM), args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.set_default_timeout(1000 * _PATIENCE_SECONDS)
        for name, path in PAGES.items():
            page.goto(f"{address}/{path}")
            _wait(page)
            if "tab=" in path:
                page.get_by_role("tabpanel").first.scroll_into_view_if_needed()
                page.get_by_role("tablist").first.evaluate("tabs => tabs.scrollIntoView()")
            paths.append(folder / f"{name}.png")
            page.screenshot(path=paths[-1])
        browser.close()
    return paths


def _wait(page: Page) -> None:
    expect(page.locator("h1")).to_be_visible()
    page.wait_for_function(_DONE)
    for chart in page.locator(".js-plotly-plot").all():
        expect(chart.locator(".main-svg").first).to_be_attached()


@contextmanager
def dashboard() -> Iterator[str]:
    """Run the dashboard on a free port; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    rossmann = Path(sys.executable).with_name("rossmann")
    process = subprocess.Popen(
        [str(rossmann), "dashboard", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(10 * _PATIENCE_SECONDS):
            try:
                with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5):
                    break
            except (urllib.error.URLError, TimeoutError):
                if process.poll() is not None:
                    raise SystemExit("the dashboard ended; run `rossmann dashboard`") from None
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Take the pictures of what is published, if it is the synthetic sample."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=DOCS / "pictures")
    folder = parser.parse_args().folder
    published = default_settings().published_path
    with open_generation(current_path(published)) as connection:
        (row,) = connection.execute(
            "SELECT data_set_name, is_synthetic FROM generation_info"
        ).fetchall()
    name, is_synthetic = row
    if not is_synthetic:
        raise SystemExit(
            f"{published} holds {name}; expected the synthetic sample, whose pictures may be shown"
        )
    with dashboard() as address:
        for path in take(address, folder):
            print(path)


if __name__ == "__main__":
    main()
