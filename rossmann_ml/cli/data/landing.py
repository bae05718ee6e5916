"""Implement ``rossmann data land`` and ``rossmann data status``."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from rossmann_ml.base.settings import default_settings
from rossmann_ml.base.terminal.console import Console
from rossmann_ml.cli.output import show
from rossmann_ml.ingest import land_incoming
from rossmann_ml.ingest.status import LandedKind, data_status
from rossmann_ml.warehouse.session import Session


def land(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Files or folders; the incoming folder if not given."),
    ] = None,
    accept: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Land this file even if it changes much; recorded with your name.",
        ),
    ] = None,
) -> None:
    """Land weekly files (sales_YYYY-MM-DD.csv, plan_YYYY-MM-DD.csv) or whole histories (train.csv).

    Each file lands as a whole or not at all. Landing the same file again changes nothing. A file
    that restates or takes back much of what is landed is held: nothing of it lands, and the exit
    code is 3, until you accept it.
    """
    settings = default_settings()
    report = land_incoming(
        Session(settings, progress=show),
        paths=paths or None,
        accept=accept or (),
        actor=getpass.getuser(),
    )
    for warning in report.all_warnings():
        Console().print(f"[yellow]note:[/] {escape(warning)}", soft_wrap=True)
    if not report.files:
        where = ", ".join(map(str, paths)) if paths else str(settings.incoming_path)
        show(f"{where} has no file to land")
    elif not report.is_changed:
        show("Nothing changed.")


def status() -> None:
    """Show numbers of landed and quarantined rows per kind of file, and files not landed yet."""
    settings = default_settings()
    found = data_status(Session(settings))
    if not found.has_warehouse:
        show(f"There is no warehouse yet: the first landing creates {settings.database_path}.")
    elif found.data_set is None:
        show(f"{settings.database_path} exists, but nothing has been landed into it.")
    else:
        synthetic = "synthetic data, no retailer's figures" if found.data_set.is_synthetic else ""
        show(
            f"Data set {found.data_set.name}{synthetic and f' ({synthetic})'} in "
            f"{settings.database_path}; the business date is {found.today:%A}, {found.today}"
        )
        Console().print(_landed_table(found.landed))
        for kind in found.landed:
            for reason, rows in kind.quarantined.items():
                show(f"quarantined from {kind.kind}: {rows:,} rows: {reason}")
    if found.filling_accuracy:
        shares = ", ".join(f"{name} {share:.1%}" for name, share in found.filling_accuracy.items())
        show(f"gaps of the plan are filled by rule; right on past store-days: {shares}")
    for kind in found.landed:
        more = f", and {kind.files - 5:,} more" if kind.files > 5 else ""
        show(f"{kind.kind.replace('_', ' ')} files: {', '.join(kind.newest_files)}{more}")
    for file in found.withdrawn:
        show(f"not in force: {file.file_name}: {file.because}, on {file.withdrawn_on}")
    for name, folder in (("raw", settings.raw_path), ("incoming", settings.incoming_path)):
        if not folder.is_dir():
            show(f"note: there is no folder of {name} files {folder}")
            continue
        waiting = [file.path.name for file in found.waiting if file.path.parent == folder]
        names = f"{', '.join(waiting)} (not landed yet)"
        show(f"{name} files in {folder}: {names if waiting else 'none to land'}")
    for each in found.left_alone:
        show(f"note: {each.path.with_name(each.name)} is not landed: {each.reason}")


def _landed_table(landed: tuple[LandedKind, ...]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True, padding=(0, 1, 0, 0))
    numbers = ("files", "rows", "restated", "taken\nback", "bad\nrows")
    for name in ("landed", *numbers, "from", "to"):
        is_number = name in numbers
        table.add_column(name, no_wrap=True, justify="right" if is_number else "left")
    for kind in landed:
        table.add_row(
            kind.kind.replace("_", " "),
            f"{kind.files:,}",
            f"{kind.rows:,}",
            f"{kind.versions_restated:,}",
            f"{kind.rows_taken_back:,}",
            f"{sum(kind.quarantined.values()):,}",
            str(kind.first_date or ""),
            str(kind.last_date or ""),
        )
    return table
