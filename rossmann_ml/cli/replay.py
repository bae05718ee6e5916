"""Command ``rossmann replay``."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import polars as pl
import typer
from rich import box
from rich.console import Console
from rich.table import Table

from rossmann_ml.base.params import load_params
from rossmann_ml.base.settings import default_settings
from rossmann_ml.cli.profiles import ProfileOption, profile_of
from rossmann_ml.pipeline import replay as library
from rossmann_ml.pipeline.replay.page import page

HORIZON_WEEKS = ("1", "2", "3", "4", "5", "6", "all")


def replay(
    *,
    first: Annotated[
        datetime,
        typer.Option("--from", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="First Monday."),
    ],
    weeks: Annotated[int, typer.Option(min=1, help="Number of Mondays.")] = 26,
    profile: ProfileOption = "fast",
    retrain_every: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="WEEKS", help="Weeks between challengers; default: params.yaml."
        ),
    ] = None,
    late: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of stores that report a week late.")
    ] = 0.0,
    restated: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of store-days corrected a week later.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Selects the late and the restated rows.")] = 7,
    folder: Annotated[
        Path | None,
        typer.Option(help="Folder of the replay; default: below .state/replay."),
    ] = None,
) -> None:
    """Replay past weeks: each simulated Monday runs the weekly job on data known by then.

    It starts from an empty registry in a separate folder and does not change the live warehouse.
    After an interruption the same command resumes with the unfinished week; with a larger --weeks
    it continues after the last finished week. Exit code 1 if the job of a week stopped.
    """
    console = Console(highlight=False, soft_wrap=True)
    settings = default_settings()
    params = load_params(settings.params_path)
    options = library.ReplayOptions(
        first_monday=first.date(),
        profile=profile_of(profile),
        retrain_every_weeks=retrain_every or params.training.retrain_every_weeks,
        late_share=late,
        restated_share=restated,
        seed=seed,
    )
    place = library.ReplayPlace(
        folder or settings.state_path / "replay" / str(options.first_monday)
    )
    source = library.Source(settings.raw_path)
    console.print(f"Replay in {place.folder}; what each week's job prints is in logs/ there")
    library.replay(
        settings,
        params,
        options,
        weeks=weeks,
        place=place,
        source=source,
        progress=lambda line: console.print(line, markup=False),
    )
    books = library.make_books(settings, options, place, source)
    report = place.report_path / "report.md"
    report.write_text(page(books, options, data_set=source.data_set_name), encoding="utf-8")
    console.print()
    console.print(accuracy_table(books))
    promoted = books.promotions["action"].to_list().count("promoted")
    console.print(
        f"{promoted} of {len(books.promotions)} challengers promoted, alerts: {len(books.alerts)}, "
        f"weeks whose job stopped: {books.stopped}"
    )
    console.print(f"The whole report: {report}")
    if books.stopped:
        raise typer.Exit(1)


def accuracy_table(books: library.Books) -> Table:
    """Build a table of RMSPE by Monday and horizon week, and of bias and coverage by Monday.

    The table fits into a terminal of 80 columns.
    """
    table = Table(
        title="RMSPE by horizon week of the forecasts as first served, then of all six weeks",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    for name in ("Monday", *HORIZON_WEEKS, "bias", "80%", "95%"):
        table.add_column(name, justify="left" if name == "Monday" else "right", no_wrap=True)
    pooled = pl.col("monday").is_null()
    for monday in books.weeks["monday"]:
        _add_row(table, str(monday), books.accuracy.filter(monday=monday))
    table.add_section()
    # one odd store-day can outweigh all others in the pooled RMSPE
    _add_row(table, "median", books.accuracy.filter(pooled), score="rmspe_median")
    _add_row(table, "all", books.accuracy.filter(pooled))
    return table


def _add_row(table: Table, name: str, scores: pl.DataFrame, score: str = "rmspe") -> None:
    by_week = {row["horizon_week"]: row for row in scores.iter_rows(named=True)}
    cells = [_cell(by_week.get(week, {}).get(score), ".3f") for week in HORIZON_WEEKS]
    if score == "rmspe":
        whole = by_week.get("all", {})
        cells += [
            _cell(whole.get(each), form)
            for each, form in (("bias", "+.1%"), ("coverage_80", ".0%"), ("coverage_95", ".0%"))
        ]
    table.add_row(name, *cells)


def _cell(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
