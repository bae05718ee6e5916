"""MLflow's UI shows a tuning study with its trials, in the layout for classical models."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright
from support.browser import CHROMIUM, FLAGS, SCREENSHOTS, require_chromium
from support.chain import small_params
from support.core_tables import core_warehouse
from support.servers import up

from rossmann_ml.base.params import Params
from rossmann_ml.training.tracking import page_of
from rossmann_ml.training.tune import tune
from rossmann_ml.warehouse.session import Session

pytestmark = [pytest.mark.browser, pytest.mark.integration]


def test_the_page_of_a_study_leads_to_its_trials_nested_in_it(
    sample_dir: Path, tmp_path: Path
) -> None:
    require_chromium()
    settings = core_warehouse(tmp_path, sample_dir)
    values = small_params().model_dump()
    values["training"]["profiles"]["fast"]["models"]["lightgbm"]["trees"] = 4
    session = Session(settings, Params.model_validate(values))
    report = tune(session, family="lightgbm", profile="fast", trials=4)
    expect.set_options(timeout=90_000)
    with up("mlflow", settings.state_path) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        tab = browser.new_page(viewport={"width": 1500, "height": 640})
        tab.goto(page_of(settings.model_copy(update={"mlflow_url": address}), report.mlflow_run_id))
        expect(tab.get_by_role("heading", name=report.study)).to_be_visible()
        expect(tab.get_by_role("link", name="trial 1", exact=True)).to_be_visible()
        # the layout for language models has evaluations and traces in the place of runs
        tab.get_by_role("link", name="Runs", exact=True).first.click()
        tab.locator("[data-component-id='mlflow.assistant.chat_panel.close']").click()
        expect(tab.get_by_role("link", name=report.study)).to_be_visible()
        assert tab.get_by_role("link", name="trial 1", exact=True).count() == 0
        tab.locator("[data-component-id*='runnamecellrenderer']").first.click()
        for trial in report.trials:
            expect(
                tab.get_by_role("link", name=f"trial {trial.number}", exact=True)
            ).to_be_visible()
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        tab.screenshot(path=SCREENSHOTS / "mlflow_study.png")
        browser.close()
