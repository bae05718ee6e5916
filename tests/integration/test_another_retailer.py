"""Another retailer's files, by the guide: other columns and numbers, another currency, promotions
every week, no customers, 30 stores; from its export to a published generation."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import polars as pl
import pytest
import yaml
from support.chain import small_params
from support.unmeasured import UNMEASURED

from rossmann_ml.base.settings import PROJECT_DIR

pytestmark = pytest.mark.integration

EXAMPLE = PROJECT_DIR / "simplified" / "another-retailer"


def run(*words: str | Path, **settings: str | Path) -> str:
    environment = {f"ROSSMANN_{name.upper()}": str(value) for name, value in settings.items()}
    done = subprocess.run(
        [str(word) for word in words],
        cwd=PROJECT_DIR,
        env={**os.environ, **environment, **UNMEASURED},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{words}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("another")
    run(sys.executable, EXAMPLE / "make_export.py", folder / "export")
    run(sys.executable, EXAMPLE / "convert.py", folder / "export", folder / "raw")
    return folder / "raw"


def test_the_converter_keeps_closed_days_and_what_is_not_known(raw: Path) -> None:
    codes = {"StateHoliday": pl.String}
    sales = pl.read_csv(raw / "train.csv", try_parse_dates=True, schema_overrides=codes)
    assert sales["Store"].n_unique() == 30
    assert sales["Customers"].is_null().all()
    assert (sales.filter(pl.col("Open") == 0)["Sales"] == 0).all()
    assert (sales.filter(pl.col("Open") == 1)["Sales"] > 0).all()
    promo_days = sales.filter(pl.col("Promo") == 1)["DayOfWeek"].unique().sort().to_list()
    assert promo_days == [4, 5, 6]
    plan = pl.read_csv(raw / "test.csv", try_parse_dates=True, schema_overrides=codes)
    assert plan["Date"].min() > sales["Date"].max()
    assert (plan["Date"].max() - sales["Date"].max()).days == 63


def test_another_retailer_is_forecast_and_published(raw: Path, tmp_path: Path) -> None:
    params = small_params().model_dump()
    fast = params["training"]["profiles"]["fast"]
    fast["models"] = {"lightgbm": fast["models"]["lightgbm"]}
    fast["backtest_origins_back_days"] = [42, 126]
    (tmp_path / "incoming").mkdir()
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    said = run(
        Path(sys.executable).with_name("rossmann"),
        "refresh",
        raw_dir=raw,
        incoming_dir=tmp_path / "incoming",
        warehouse_dir=tmp_path / "warehouse",
        state_dir=tmp_path / "state",
        params_file=tmp_path / "params.yaml",
        as_of="2025-06-23",
        threads="1",
    )
    assert "30 stores, 42 days" in said
    published = tmp_path / "warehouse" / "published"
    current = published / (published / "CURRENT").read_text(encoding="utf-8").strip()
    with duckdb.connect(str(current), read_only=True) as connection:
        (forecast,) = connection.execute(
            "SELECT count(DISTINCT store_id), count(DISTINCT target_date) FROM latest_forecasts"
        ).fetchall()
        errors = dict(
            connection.execute(
                "SELECT model, avg(rmspe) FROM backtest_scores WHERE segment_kind = 'overall' "
                "AND forecast_origin IS NOT NULL GROUP BY ALL"
            ).fetchall()
        )
    assert forecast == (30, 42)
    # the export's own noise is 7%
    assert errors["blend"] < errors["store_weekday_promo_median"] < errors["seasonal_naive"]
    assert errors["blend"] < 0.085
