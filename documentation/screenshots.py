"""Take the pictures of the tour: ``PYTHONPATH=tests python -m documentation.screenshots``.

They show what is published in ``ROSSMANN_WAREHOUSE_DIR``. The committed pictures are of the
synthetic sample.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from playwright.sync_api import expect
from support.browser import visit
from support.servers import serving

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
"""Address below the dashboard's by name of the picture."""
WIDTH, HEIGHT = 1100, 1000


def take(address: str, folder: Path) -> None:
    """Write a picture of every page of a running dashboard.

    Args:
        address: Address of the dashboard, without a slash at the end.
        folder: Folder of the pictures.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with visit(address, width=WIDTH) as visitor:
        page = visitor.page
        page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
        for name, path in PAGES.items():
            visitor.open(path)
            for chart in page.locator(".js-plotly-plot").all():
                expect(chart.locator(".main-svg").first).to_be_attached()
            if "tab=" in path:
                page.get_by_role("tabpanel").first.scroll_into_view_if_needed()
                page.get_by_role("tablist").first.evaluate("tabs => tabs.scrollIntoView()")
            page.screenshot(path=folder / f"{name}.png")


def main() -> None:
    """Take the pictures of the published generation, if it is of the synthetic sample."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=DOCS / "pictures")
    folder = parser.parse_args().folder
    settings = default_settings()
    with open_generation(current_path(settings.published_path)) as connection:
        ((name, is_synthetic),) = connection.execute(
            "SELECT data_set_name, is_synthetic FROM generation_info"
        ).fetchall()
    if not is_synthetic:
        raise SystemExit(
            f"{settings.published_path} holds {name}; expected the synthetic sample, whose "
            "pictures may be shown"
        )
    with tempfile.TemporaryDirectory() as logs:
        log = Path(logs) / "dashboard.log"
        with serving(
            "dashboard", settings.warehouse_path, ready="/_stcore/health", log=log
        ) as address:
            take(address, folder)


if __name__ == "__main__":
    main()
