"""Command ``rossmann replay``: run past weeks again, and print the accuracy of each Monday."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import polars as pl
import typer
from rich.table import Table

from rossmann_ml.base.params import load_params
from rossmann_ml.base.settings import default_settings
from rossmann_ml.base.terminal.console import Console
from rossmann_ml.cli.output import narrow_table, show
from rossmann_ml.cli.profiles import ProfileOption
from rossmann_ml.pipeline import replay as library
from rossmann_ml.pipeline.replay.page import page


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
        float,
        typer.Option(
            min=0, max=1, metavar="SHARE", help="Share of stores that report a week late."
        ),
    ] = 0.0,
    restated: Annotated[
        float,
        typer.Option(
            min=0, max=1, metavar="SHARE", help="Share of store-days corrected a week later."
        ),
    ] = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="Selects the late and the restated rows.")] = 7,
    folder: Annotated[
        Path | None,
        typer.Option(help="Folder of the replay; default: below .state/replay."),
    ] = None,
) -> None:
    """Replay past weeks: each simulated Monday runs the weekly job on data known by then.

    The replay has its own folder, starts without a model, and does not change the live warehouse.
    After an interruption the same command resumes with the unfinished week. With a larger --weeks,
    it continues after the last finished week. Exit code 1 if the weekly job failed in any week.
    """
    console = Console(soft_wrap=True)
    settings = default_settings()
    params = load_params(settings.params_path)
    options = library.ReplayOptions(
        first_monday=first.date(),
        profile=profile,
        retrain_every_weeks=retrain_every or params.training.retrain_every_weeks,
        late_share=late,
        restated_share=restated,
        seed=seed,
    )
    place = library.ReplayPlace(
        folder or settings.state_path / "replay" / str(options.first_monday)
    )
    source = library.Source(settings.raw_path)
    show(f"Replay in {place.folder}; what each week's job prints is in logs/ there")
    library.replay(
        settings,
        params,
        options,
        weeks=weeks,
        place=place,
        source=source,
        progress=show,
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
    show(f"The whole report: {report}")
    if books.stopped:
        raise typer.Exit(1)


def accuracy_table(books: library.Books) -> Table:
    """Build a table with one row per Monday: RMSPE by horizon week, bias and interval coverage.

    Coverage is that of the 80% and of the 95% interval. Below are two rows for all Mondays:
    ``median`` has the median of the Mondays' RMSPE, ``all`` the scores over all store-days.

    Args:
        books: Result tables of the replay; ``weeks`` (the Mondays) and ``accuracy`` are used.
    """
    weeks = books.accuracy["horizon_week"].unique(maintain_order=True).to_list() or ["all"]
    weeks.sort(key=lambda week: (week == "all", len(week), week))
    table = narrow_table(
        "RMSPE by horizon week of the forecasts as first served, then of the whole horizon",
        left=("Monday",),
        right=(*weeks, "bias", "80%", "95%"),
    )

    def add_row(name: str, monday: date | None, score: str = "rmspe", **formats: str) -> None:
        rows = books.accuracy.filter(pl.col("monday").eq_missing(monday)).to_dicts()
        by_week = {row["horizon_week"]: row for row in rows}
        cells = [(by_week.get(week, {}).get(score), ".3f") for week in weeks]
        cells += [(by_week.get("all", {}).get(each), form) for each, form in formats.items()]
        table.add_row(
            name, *("-" if value is None else format(value, form) for value, form in cells)
        )

    shares = {"bias": "+.1%", "coverage_80": ".0%", "coverage_95": ".0%"}
    for monday in books.weeks["monday"]:
        add_row(str(monday), monday, **shares)
    table.add_section()
    # one odd store-day can outweigh all others in the pooled RMSPE
    add_row("median", None, score="rmspe_median")
    add_row("all", None, **shares)
    return table
