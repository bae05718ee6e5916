"""Implement ``rossmann data fetch``, ``rossmann data export`` and ``rossmann stage``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rossmann_ml.base.settings import default_settings
from rossmann_ml.cli.output import show
from rossmann_ml.ingest.kaggle import FILES, fetch_files
from rossmann_ml.pipeline.stages import StageName, run_stage
from rossmann_ml.publish.exports import export_tables
from rossmann_ml.warehouse.session import Session


def fetch(
    force: Annotated[
        bool, typer.Option(help="Replace files of the same names in data/raw that differ.")
    ] = False,
) -> None:
    """Download the files of the Kaggle competition into data/raw, with your own Kaggle account.

    Credentials are KAGGLE_API_TOKEN, else KAGGLE_USERNAME and KAGGLE_KEY, else
    ~/.kaggle/kaggle.json. Size and MD5 of each file are checked. A correct file in data/raw is not
    downloaded again; if one differs, the command stops, or replaces it with --force.
    """
    settings = default_settings()
    folder = settings.home / "data" / "raw"
    fetched = fetch_files(settings, force=force, progress=show)
    for path in (folder / name for name in FILES):
        how = "fetched" if path in fetched else "was there"
        show(f"  {path}  {path.stat().st_size:>12,} bytes  {how}, size and MD5 as Kaggle's")
    if settings.raw_path != folder:
        show(f"note: ROSSMANN_RAW_DIR is set, so files are read from {settings.raw_path}")
    show("Next: rossmann refresh")


def export(
    out: Annotated[Path | None, typer.Option(help="Folder; data/exports if not given.")] = None,
) -> None:
    """Write the cleaned tables and the feature tables as Parquet files.

    data_version.json lists the landed files that the tables come from. The same tables always give
    files with the same bytes.
    """
    settings = default_settings()
    folder = settings.home / "data" / "exports" if out is None else out
    page = folder.parent / "data_version.json" if out is None else folder / "data_version.json"
    done = export_tables(Session(settings), folder, page)
    show(
        f"Data version {done['data_version']} of {done['data_set']}, origin "
        f"{done['forecast_origin']}, in {folder}"
    )
    for name, table in done["tables"].items():
        show(
            f"  {name:<24} {table['rows']:>12,} rows {table['bytes'] / 1e6:>9,.1f} MB  "
            f"MD5 {table['md5']}"
        )
    unknown = [file["name"] for file in done["landed"] if file["md5"] is None]
    if unknown:
        show(f"note: not where they were landed from, or changed since: {', '.join(unknown)}")


def stage(
    name: Annotated[StageName, typer.Argument(metavar="STAGE", help="Stage of dvc.yaml.")],
) -> None:
    """Run one stage of dvc.yaml: land, core, features, train, evaluate, forecast or export.

    `dvc repro` calls this command. A stage computes in a warehouse of its own, writes its outputs
    to data/dvc, and changes nothing of the running product.
    """
    run_stage(default_settings(), name, progress=show)
