"""Run pages of the dashboard with Streamlit's test driver on a published generation."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import pytest

from app.dashboard.page import pages
from rossmann_ml.base.settings import PROJECT_DIR, Settings
from rossmann_ml.publish.publishing import PublishedGeneration
from rossmann_ml.serving.changes import digest_path

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

DASHBOARD = PROJECT_DIR / "app" / "dashboard"
PAGES = pages()
Published = tuple[Settings, PublishedGeneration]
OpenPage = Callable[..., "AppTest"]


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch, shared_published: Published) -> OpenPage:
    """Return a function that opens a page of the dashboard with query parameters."""
    # imported here, so that other tests do not wait for Streamlit
    import streamlit as st
    from streamlit.testing.v1 import AppTest

    def open_page(
        name: str = "forecast", *, warehouse_dir: Path | None = None, **address: str
    ) -> AppTest:
        st.cache_data.clear()  # tests change a generation, the product never does
        st.cache_resource.clear()
        warehouse = warehouse_dir or shared_published[0].warehouse_path
        monkeypatch.setenv("ROSSMANN_WAREHOUSE_DIR", str(warehouse))
        page = AppTest.from_file(str(DASHBOARD / "views" / name / "view.py"), default_timeout=60)
        for key, value in address.items():
            page.query_params[key] = value
        page.run()
        assert not page.exception
        return page

    return open_page


def metrics_of(page: AppTest) -> dict[str, str]:
    """Return the numbers in boxes by their labels."""
    return {metric.label: metric.value for metric in page.metric}


def frame_with(page: AppTest, column: str) -> pd.DataFrame:
    """Return the first table that has a column."""
    return next(each.value for each in page.dataframe if column in each.value)


def drawn(figure: Any) -> dict[str, Any]:
    """Return the traces of a chart by name."""
    return {trace["name"]: trace for trace in json.loads(figure.to_json())["data"]}


def words_of(page: AppTest) -> str:
    """Return the text of the page outside of tables and charts."""
    shown = (*page.caption, *page.info, *page.warning, *page.success, *page.markdown)
    return "\n".join(str(each.value) for each in shown)


def plant(published: Published, *statements: str) -> Path:
    """Change the published file, which only tests may do, and return the warehouse's folder."""
    settings, generation = published
    generation.path.chmod(0o644)
    digest_path(generation.path).unlink(missing_ok=True)  # else readers notice the change
    with duckdb.connect(str(generation.path)) as connection:
        for statement in statements:
            connection.execute(statement)
    return settings.warehouse_path
