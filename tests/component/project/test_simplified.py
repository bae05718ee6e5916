"""The small examples: each does what its README says, is short, and imports no product code."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import duckdb
import pytest
from fastapi.testclient import TestClient
from streamlit.testing.v1 import AppTest

from rossmann_ml.base.settings import PROJECT_DIR

FOLDER = PROJECT_DIR / "simplified"
EXAMPLES = sorted(FOLDER.glob("*/*.py"))
ROOMS = {"rossmann_ml", "assets", "app", "benchmarks", "documentation", "tests", "support"}


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(name).stem, FOLDER / name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # what asks for annotations by name (pydantic, FastAPI) looks here
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_an_example_is_short_explained_and_imports_nothing_of_the_product(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 150
    imported = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(text))
        for name in (
            [each.name for each in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported & ROOMS == set()
    readme = path.with_name("README.md").read_text(encoding="utf-8")
    assert path.name in readme


@pytest.fixture
def pipeline() -> ModuleType:
    return load("01-data-pipeline/pipeline.py")


def test_the_pipeline_quarantines_bad_rows_and_lands_a_file_once(
    pipeline: ModuleType, tmp_path: Path
) -> None:
    said = pipeline.run(tmp_path)
    assert said[0] == "sales_2025-03-29.csv: 298 rows landed, 4 quarantined"
    assert len(said) == 5
    first = (tmp_path / "daily_sales.parquet").read_bytes()
    days = duckdb.sql(f"FROM '{tmp_path / 'daily_sales.parquet'}'").df()
    assert len(days) == 5 * 60
    assert days["sales"].isna().sum() == (~days["is_observed"]).sum() > 0

    assert pipeline.run(tmp_path)[0] == "sales_2025-03-29.csv: known already, nothing to do"
    assert (tmp_path / "daily_sales.parquet").read_bytes() == first


def test_the_pipeline_refuses_a_bad_file_and_passes_nothing_on(
    pipeline: ModuleType, tmp_path: Path
) -> None:
    pipeline.run(tmp_path)
    first = (tmp_path / "daily_sales.parquet").read_bytes()
    bad = tmp_path / "incoming" / "sales_2025-03-30.csv"
    bad.write_text("store,day,sales\n1,2025-03-28,-5\n", encoding="utf-8")
    with pytest.raises(pipeline.RefusedError, match="1 of 1 rows are bad; expected at most 5%"):
        pipeline.run(tmp_path)
    bad.write_text("store,day,sales\n1,2025-09-30,4000\n", encoding="utf-8")
    with pytest.raises(pipeline.RefusedError, match="fewer than one day in ten is missing"):
        pipeline.run(tmp_path)
    assert (tmp_path / "daily_sales.parquet").read_bytes() == first


def test_tracking_promotes_the_best_method_and_the_same_again_stays_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    # MLflow writes its address into the environment, where other tests would find it
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    train = load("02-mlflow-tracking/train.py")
    before = mlflow.get_tracking_uri()
    try:
        said = train.run(tmp_path)
        again = train.run(tmp_path)
        runs = mlflow.search_runs(experiment_names=["simplified"])
    finally:
        mlflow.set_tracking_uri(before)
    assert said[-1] == "weekday_mean_with_season (0.0683) is champion, version 1"
    assert again[:-1] == said[:-1]
    assert "stays out" in again[-1]
    assert len(runs) == 6
    assert runs["metrics.rmspe"].min() == pytest.approx(0.0683, abs=1e-4)


def test_a_method_of_the_backtest_is_not_shown_what_came_after() -> None:
    train = load("02-mlflow-tracking/train.py")
    sales = train.make_sales(stores=3)
    changed = sales.copy()
    changed[:, train.ORIGINS[0] :] *= 2
    seen = []

    def method(known: object, days: int) -> object:
        seen.append(known)
        return train.last_week_again(known, days)

    train.backtest(method, sales)
    train.backtest(method, changed)
    assert (seen[0] == seen[len(train.ORIGINS)]).all()


def test_the_api_follows_a_new_week_and_answers_304_to_what_is_known(tmp_path: Path) -> None:
    api = load("03-fastapi-deployment/api.py")
    api.publish(tmp_path, 1)
    client = TestClient(api.create_app(tmp_path))
    answer = client.get("/stores/1/forecast", params={"days": 7})
    assert answer.json()["forecast_origin"] == "2025-03-30"
    assert len(answer.json()["days"]) == 7
    known = {"If-None-Match": answer.headers["ETag"]}
    assert client.get("/stores/1/forecast", headers=known).status_code == 304

    api.publish(tmp_path, 2)
    assert client.get("/stores/1/forecast", headers=known).json()["generation"] == "week-2.json"
    assert client.get("/health").json() == {"status": "ok", "generation": "week-2.json"}
    unknown = client.get("/stores/99/forecast")
    assert unknown.status_code == 404
    assert "those that do: 1, 2, 3, 4, 5" in unknown.json()["detail"]


def test_the_api_says_that_nothing_is_published(tmp_path: Path) -> None:
    api = load("03-fastapi-deployment/api.py")
    answer = TestClient(api.create_app(tmp_path)).get("/health")
    assert answer.status_code == 503
    assert "nothing is published" in answer.json()["detail"]


def test_the_dashboard_shows_the_store_of_its_address_and_says_how_the_range_held() -> None:
    page = AppTest.from_file(str(FOLDER / "04-streamlit-dashboard" / "dashboard.py"))
    page.query_params["store"] = "3"
    page.run(timeout=60)
    assert not page.exception
    assert page.selectbox[0].value == 3
    assert re.search(r"[\d,]+ € expected in 14 days", page.markdown[0].value)
    page.slider[0].set_value(4).run(timeout=60)
    assert "expected in 28 days" in page.markdown[0].value
    page.query_params["store"] = "77"
    page.run(timeout=60)
    assert "The address asks for store 77" in page.warning[0].value
