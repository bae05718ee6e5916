"""A folder of the dashboard's views is a page."""

from __future__ import annotations

from app.dashboard.page import pages
from rossmann_ml.base.settings import PROJECT_DIR

DASHBOARD = PROJECT_DIR / "app" / "dashboard"


def test_every_folder_with_a_view_is_a_page_and_every_page_has_a_view() -> None:
    assert sorted(pages()) == sorted(path.parent.name for path in DASHBOARD.glob("views/*/view.py"))
    folders = {path.name for path in (DASHBOARD / "views").iterdir() if path.is_dir()}
    assert folders - {"__pycache__"} == set(pages())


def test_no_two_pages_have_one_title_or_one_place() -> None:
    found = pages().values()
    assert len({page.title for page in found}) == len(found)
    assert len({page.place for page in found}) == len(found)


def test_the_menu_begins_with_the_forecast() -> None:
    assert next(iter(pages())) == "forecast"


def test_no_folder_next_to_the_start_script_is_read_by_streamlit_as_pages() -> None:
    assert not (DASHBOARD / "pages").exists()
