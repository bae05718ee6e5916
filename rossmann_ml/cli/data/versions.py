"""What ``rossmann data fetch`` and ``rossmann data export`` show."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from rossmann_ml.base.settings import default_settings
from rossmann_ml.ingest.kaggle import FetchedFile, fetch_files
from rossmann_ml.publish.exports import Export, export_tables
from rossmann_ml.warehouse.session import Session


def fetch_from_kaggle(console: Console, *, force: bool) -> list[FetchedFile]:
    """Fetch the competition's files and tell what became of each.

    Raises:
        RossmannError: As :func:`rossmann_ml.ingest.kaggle.fetch_files`.
    """

    def tell(line: str) -> None:
        console.print(line, markup=False, soft_wrap=True)

    settings = default_settings()
    files = fetch_files(settings, force=force, progress=tell)
    for file in files:
        how = "was there" if file.was_there else "fetched"
        tell(f"  {file.path}  {file.size:>12,} bytes  {how}, size and MD5 as Kaggle's")
    if settings.raw_path != settings.home / "data" / "raw":
        tell(f"note: ROSSMANN_RAW_DIR is set, so files are read from {settings.raw_path}")
    console.print("Next: [bold]rossmann refresh[/]")
    return files


def export_to_parquet(console: Console, out: Path | None) -> Export:
    """Export the tables and tell what was written.

    Raises:
        RossmannError: As :func:`rossmann_ml.publish.exports.export_tables`.
    """
    settings = default_settings()
    folder = settings.home / "data" / "exports" if out is None else out
    page = folder.parent / "data_version.json" if out is None else folder / "data_version.json"
    export = export_tables(Session(settings), folder, page)
    console.print(
        f"Data version {export.data_version} of {export.data_set}, origin "
        f"{export.forecast_origin}, in {folder}",
        markup=False,
        soft_wrap=True,
    )
    for name, table in export.tables.items():
        console.print(
            f"  {name:<24} {table.rows:>12,} rows {table.bytes / 1e6:>9,.1f} MB  MD5 {table.md5}",
            markup=False,
            soft_wrap=True,
        )
    unknown = [file.name for file in export.landed if file.md5 is None]
    if unknown:
        console.print(
            f"note: not where they were landed from, or changed since: {', '.join(unknown)}",
            markup=False,
            soft_wrap=True,
        )
    return export
