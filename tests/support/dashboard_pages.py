"""Pages of the dashboard, run by Streamlit's own test driver on a published generation."""

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

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

DASHBOARD = PROJECT_DIR / "app" / "dashboard"
PAGES = pages()
Published = tuple[Settings, PublishedGeneration]
OpenPage = Callable[..., "AppTest"]


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch, shared_published: Published) -> OpenPage:
    """Opens a page of the dashboard as an address names it."""
    # here and not above: other tests need not wait for Streamlit
    import streamlit as st
    from streamlit.testing.v1 import AppTest

    def open_page(
        name: str = "forecast", *, warehouse_dir: Path | None = None, **address: str
    ) -> AppTest:
        st.cache_data.clear()  # a test may change a generation, which nothing else ever does
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
    """The page's figures by their names."""
    return {metric.label: metric.value for metric in page.metric}


def frame_with(page: AppTest, column: str) -> pd.DataFrame:
    """The page's table that has a column."""
    return next(each.value for each in page.dataframe if column in each.value)


def drawn(figure: Any) -> dict[str, Any]:
    """What a chart draws, by name."""
    return {trace["name"]: trace for trace in json.loads(figure.to_json())["data"]}


def words_of(page: AppTest) -> str:
    """What the page says outside of tables and charts."""
    shown = (*page.caption, *page.info, *page.warning, *page.success, *page.markdown)
    return "\n".join(str(each.value) for each in shown)


def plant(published: Published, *statements: str) -> Path:
    """Change the published file, as no one may outside of tests; gives the warehouse's folder."""
    settings, generation = published
    generation.path.chmod(0o644)
    with duckdb.connect(str(generation.path)) as connection:
        for statement in statements:
            connection.execute(statement)
    return settings.warehouse_path
