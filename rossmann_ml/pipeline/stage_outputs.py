"""Write the outputs of the stages of ``dvc.yaml`` as files: tables, model, metrics.

Equal inputs give files with equal bytes, because neither times nor names of runs are written. So
DVC stores them once, and recognises that a stage has changed nothing. See
:mod:`rossmann_ml.pipeline.stages` for running the stages.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from rossmann_ml.base.digests import md5_of
from rossmann_ml.base.errors import NoDataError
from rossmann_ml.evaluation.backtest import served
from rossmann_ml.evaluation.backtest_summary import summarise
from rossmann_ml.evaluation.folds import read_folds
from rossmann_ml.features.inputs import read_newest_inputs
from rossmann_ml.models.recipe import Recipe
from rossmann_ml.publish.exports import landed_files, write_parquet
from rossmann_ml.warehouse.connection import count_rows
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.tables import models, raw
from rossmann_ml.warehouse.versions import data_version

# tables that later stages read
CORE_TABLES = (
    "core.dim_store",
    "core.fct_daily_sales",
    "core.forecast_origin",
    "core.horizon_plan",
    "core.plan_versions",
    "core.sales_versions",
    "core.store_plan",
)
PANELS = ("features.scoring_panel", "features.training_panel")


def write_landed(session: Session, folder: Path) -> None:
    """Write ``landed.json``: data version, data set, landed files with hashes, rows by table."""
    with session.writing() as connection:
        data_set = raw.data_set(connection)
        page = {
            "data_version": data_version(connection),
            "data_set": None if data_set is None else data_set[0],
            "files": landed_files(connection, session.settings),
            "rows": count_rows(connection, raw.KEYS),
        }
    _write_json(folder / "landed.json", page)


def write_core(session: Session, folder: Path) -> None:
    """Write the cleaned tables that features and forecasts read, one Parquet file per table."""
    _write_tables(session, CORE_TABLES, folder)


def write_panels(session: Session, folder: Path) -> None:
    """Write the training panel and the scoring panel, one Parquet file each."""
    _write_tables(session, PANELS, folder)


def write_model(session: Session, folder: Path) -> None:
    """Copy the newest model to ``model``, and write its out-of-fold forecasts as Parquet."""
    settings, params = session.settings, session.params
    recipe = Recipe(params.dvc.profile, params, settings.threads)
    with session.writing() as connection:
        version = str(models.recorded(connection, None)["model_version"])
        inputs = read_newest_inputs(connection, params)
        folds = read_folds(connection, inputs, params, recipe.key)
    shutil.copytree(settings.models_path / version, folder / "model" / version)
    served(folds.rows, recipe.key).write_parquet(folder / "out_of_fold.parquet")


def write_forecasts(session: Session, folder: Path) -> None:
    """Write the forecasts of the newest origin as Parquet, without the id of their run."""
    with session.writing() as connection:
        connection.execute("SET threads = 1")
        rows = connection.table("forecasting.forecasts").project("* EXCLUDE (run_id)")
        write_parquet(rows.order("ALL"), folder / "forecasts.parquet")


def write_evaluation(outputs: Path) -> None:
    """Write ``metrics.json`` and ``by_origin.csv`` from the out-of-fold forecasts.

    Args:
        outputs: Folder of the outputs of all stages.

    Raises:
        NoDataError: The stage ``train`` has no output.
    """
    source = outputs / "train" / "out_of_fold.parquet"
    if not source.is_file():
        raise NoDataError(f"{source} is missing: run `dvc repro evaluate`")
    metrics, by_origin = summarise(pl.read_parquet(source))
    _write_json(outputs / "metrics.json", metrics)
    by_origin.write_csv(outputs / "by_origin.csv")


def write_data_version(outputs: Path) -> None:
    """Write ``data_version.json``, which links the landed files to the tables made from them.

    Args:
        outputs: Folder of the outputs of all stages.

    Raises:
        NoDataError: An earlier stage has no output.
    """
    landed, forecasts = outputs / "land" / "landed.json", outputs / "forecast" / "forecasts.parquet"
    for source in (landed, forecasts):
        if not source.is_file():
            raise NoDataError(f"{source} is missing: run `dvc repro export`")
    newest = pl.scan_parquet(forecasts).select("forecast_origin", "model_version").head(1).collect()
    origin, model = newest.row(0)
    page: dict[str, Any] = {
        **json.loads(landed.read_text(encoding="utf-8")),
        "forecast_origin": str(origin),
        "model_version": model,
        "tables": {
            path.relative_to(outputs).as_posix(): {
                "rows": pl.scan_parquet(path).select(pl.len()).collect().item(),
                "md5": md5_of(path),
            }
            for path in sorted(outputs.rglob("*.parquet"))
        },
    }
    _write_json(outputs / "data_version.json", page)


def _write_tables(session: Session, tables: Sequence[str], folder: Path) -> None:
    with session.writing() as connection:
        connection.execute("SET threads = 1")
        for name in tables:
            path = folder / f"{name.partition('.')[2]}.parquet"
            write_parquet(connection.table(name).order("ALL"), path)


def _write_json(path: Path, page: dict[str, Any]) -> None:
    path.write_text(json.dumps(page, indent=2) + "\n", encoding="utf-8")
