"""The dashboard's menu, and the messages that every page shows."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from support.dashboard_pages import (
    DASHBOARD,
    PAGES,
    OpenPage,
    Published,
    words_of,
)
from support.small_warehouse import MODEL

from app.dashboard import words
from app.dashboard.words import plain
from rossmann_ml.serving.status import FailedRun, HeldPublish, OpenAlert, write_status


def test_the_menu_lists_every_page_and_opens_the_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ROSSMANN_WAREHOUSE_DIR", str(tmp_path))
    page = AppTest.from_file(str(DASHBOARD / "main.py"), default_timeout=60).run()
    assert page.title[0].value == "Forecast"
    for name, described in PAGES.items():
        page.switch_page(f"views/{name}/view.py").run()
        assert not page.exception
        assert page.title[0].value == described.title


@pytest.mark.parametrize("name", PAGES)
def test_before_the_first_publication_every_page_shows_what_to_do(
    open_page: OpenPage, tmp_path: Path, name: str
) -> None:
    page = open_page(name, warehouse_dir=tmp_path)
    assert "nothing is published" in page.info[0].value
    assert "rossmann refresh" in page.info[0].value


@pytest.mark.parametrize("name", PAGES)
def test_every_page_shows_its_sources_and_the_run_that_failed_since(
    open_page: OpenPage, published_generation: Published, name: str
) -> None:
    settings, generation = published_generation
    failed = FailedRun(run_id="weekly-2", reason="raw_sales: 3 rows are negative", step="checks")
    write_status(settings, last_failed_run=failed)
    page = open_page(name, warehouse_dir=settings.warehouse_path)
    assert r"Reason: raw\_sales\: 3 rows are negative" in page.warning[0].value
    shown = words_of(page)
    assert generation.generation_id in shown
    assert "31 Jul 2015" in shown
    assert MODEL in shown
    assert "The chain is invented" in shown


@pytest.mark.parametrize("name", ["forecast", "monitoring"])
def test_every_page_shows_a_held_publication_once_with_its_reason(
    open_page: OpenPage, published_generation: Published, name: str
) -> None:
    settings, _ = published_generation
    held = HeldPublish(
        generation_id="0123456789ab", forecast_origin=date(2015, 8, 7), run_id="weekly-2",
        reason="state BY moved too far",
    )  # fmt: skip
    failed = FailedRun(run_id="weekly-2", reason=held.reason, step="publish")
    write_status(settings, held_publish=held, last_failed_run=failed)
    page = open_page(name, warehouse_dir=settings.warehouse_path)
    (box,) = [each.value for each in page.error]
    assert "origin 07 Aug 2015) are **held back**" in box
    assert "state BY moved too far" in box
    assert not [each for each in page.warning if "stopped at" in each.value]


def test_a_name_or_link_in_the_status_makes_no_picture_and_no_other_link(
    open_page: OpenPage, published_generation: Published
) -> None:
    settings, _ = published_generation
    alert = OpenAlert(
        alert_id="1", raised_at=datetime(2015, 8, 3, tzinfo=UTC), rule=PLANTED, subject=PLANTED,
        severity=PLANTED, owner=PLANTED, message=PLANTED,
        link=f"http://127.0.0.1:8501/model) {PLANTED}",
    )  # fmt: skip
    failed = FailedRun(run_id="weekly-2", reason=PLANTED, step=PLANTED)
    write_status(settings, last_failed_run=failed, alerts=(alert,))
    page = open_page("monitoring", warehouse_dir=settings.warehouse_path)
    shown, link = words_of(page), words.link("where to look", alert.link)
    assert shown.count(plain(PLANTED)) == 7
    assert link in shown
    assert "other.example" not in shown.replace(plain(PLANTED), "").replace(link, "")


PLANTED = (
    "![x](http://other.example/p) [sign in](https://other.example) www.other.example "
    "a@other.example <b> :material/home: :streamlit:"
)
ADDRESSES = {
    "forecast": ("store", "history"),
    "compare": ("type", "assortment", "state", "stores", "level"),
    "what_if": ("store", "for", "changes"),
    "model": ("segment",),
    "quality": ("run",),
    "monitoring": ("origin", "accuracy_by", "worst_by"),
}


@pytest.mark.parametrize("name", PAGES)
def test_text_from_an_address_is_shown_as_written_and_never_as_a_picture_or_link(
    open_page: OpenPage, name: str
) -> None:
    page = open_page(name, **dict.fromkeys(ADDRESSES[name], PLANTED))
    warnings = [each.value for each in page.warning if "address of this page" in each.value]
    assert len(warnings) == len(ADDRESSES[name])
    assert all(plain(PLANTED) in each for each in warnings)
    assert "other.example" not in words_of(page).replace(plain(PLANTED), "")
