"""``rossmann replay``: playing the past."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from rossmann_ml.base.params import load_params
from rossmann_ml.base.settings import default_settings
from rossmann_ml.cli.profiles import ProfileOption, profile_of
from rossmann_ml.pipeline import replay as library
from rossmann_ml.pipeline.replay.page import page


def replay(
    *,
    first: Annotated[
        datetime,
        typer.Option(
            "--from", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="The first Monday."
        ),
    ],
    weeks: Annotated[int, typer.Option(min=1, help="How many Mondays.")] = 26,
    profile: ProfileOption = "fast",
    retrain_every: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="WEEKS", help="Weeks between challengers; params.yaml's if not given."
        ),
    ] = None,
    late: Annotated[
        float, typer.Option(metavar="SHARE", help="Stores that report a week late.")
    ] = 0.0,
    restated: Annotated[
        float, typer.Option(metavar="SHARE", help="Store-days put right a week later.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Chooses the late and the restated rows.")] = 7,
    folder: Annotated[
        Path | None,
        typer.Option(help="Where everything of the replay lies; below .state/replay if not given."),
    ] = None,
) -> None:
    """Play the past: each simulated Monday runs the weekly job on what was known by then.

    It starts from an empty registry in a folder of its own and leaves the live warehouse alone.
    Interrupted, the same command goes on with the week that was not finished; with more --weeks it
    goes on from the last. Exit code 1 if the job of a week stopped.
    """
    console = Console(highlight=False)
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
        progress=lambda line: console.print(line, markup=False, soft_wrap=True),
    )
    books = library.make_books(settings, options, place, source)
    report = place.report_path / "report.md"
    report.write_text(page(books, options, data_set=source.data_set_name), encoding="utf-8")
    console.print()
    console.print(accuracy_table(books))
    promoted = books.promotions["action"].to_list().count("promoted")
    console.print(
        f"{promoted} of {len(books.promotions)} challengers promoted, alerts: {len(books.alerts)}, "
        f"weeks whose job stopped: {books.stopped}",
        soft_wrap=True,
    )
    console.print(f"The whole report: {report}", soft_wrap=True)
    if books.stopped:
        raise typer.Exit(1)


def accuracy_table(books: library.Books) -> Table:
    """RMSPE by Monday and horizon week, with bias and coverage of the whole horizon.

    Narrow enough for a terminal of 80 columns.
    """
    horizon = [str(week) for week in range(1, 7)]
    table = Table(
        title="RMSPE by horizon week of the forecasts as first served, then of all six weeks",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    table.add_column("Monday", no_wrap=True)
    for name in (*horizon, "all", "bias", "80%", "95%"):
        table.add_column(name, justify="right", no_wrap=True)
    by_week = {
        (row["monday"], row["horizon_week"]): row for row in books.accuracy.iter_rows(named=True)
    }
    for monday in [*books.weeks["monday"], None]:
        scores = [by_week.get((monday, week)) for week in (*horizon, "all")]
        whole = scores[-1]
        if monday is None:  # one odd store-day can outweigh all others in what is pooled
            table.add_section()
            table.add_row(
                "median",
                *("-" if each is None else f"{each['rmspe_median']:.3f}" for each in scores),
            )
        table.add_row(
            "all" if monday is None else str(monday),
            *("-" if each is None else f"{each['rmspe']:.3f}" for each in scores),
            "-" if whole is None else f"{whole['bias']:+.1%}",
            *(
                "-" if whole is None or whole[name] is None else f"{whole[name]:.0%}"
                for name in ("coverage_80", "coverage_95")
            ),
        )
    return table
