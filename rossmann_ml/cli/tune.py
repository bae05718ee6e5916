"""Define the command ``rossmann tune``."""

from __future__ import annotations

from typing import Annotated

import typer
import yaml
from rich import box
from rich.console import Console
from rich.table import Table

from rossmann_ml.base.settings import default_settings
from rossmann_ml.cli.profiles import ProfileOption, profile_of
from rossmann_ml.training import tune as tuning
from rossmann_ml.warehouse.session import Session


def tune(
    family: Annotated[str, typer.Option(help="A member of the profile, for example lightgbm.")],
    profile: ProfileOption = "fast",
    trials: Annotated[
        int, typer.Option(min=1, help="Trials in all, including those of earlier calls.")
    ] = 30,
    minutes: Annotated[
        float | None, typer.Option(min=0, help="Minutes after which no new trial starts.")
    ] = None,
) -> None:
    """Search a model family's hyperparameters on origins before those that are reported.

    The ranges are in params.yaml. The command prints the lines to put there and leaves the file
    unchanged. The same command continues an earlier search. Every trial is a run in MLflow.
    """
    console = Console(highlight=False)
    settings = default_settings()
    report = tuning.tune(
        Session(settings, progress=lambda line: console.print(line, markup=False, soft_wrap=True)),
        family=family,
        profile=profile_of(profile),
        trials=trials,
        minutes=minutes,
    )
    _print(console, report)


def _print(console: Console, report: tuning.TuningReport) -> None:
    today, best = report.today, report.best
    table = Table(
        title=f"{report.family}, profile {report.profile}: {len(report.trials)} trials, "
        f"{report.tried_now} of them now",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("", no_wrap=True)
    table.add_column("today", justify="right", no_wrap=True)
    table.add_column(f"best (trial {best.number})", justify="right", no_wrap=True)
    table.add_row(
        f"RMSPE, mean of {len(report.origins.tuned_on)} origins",
        f"{today.rmspe:.4f}",
        f"{best.rmspe:.4f}",
    )
    for name, value in today.values.items():
        table.add_row(name, str(value), str(best.values[name]))
    console.print(table)
    if best == today:
        console.print("Nothing better than today's parameters was found; more --trials go on.")
        return
    console.print("To use the best ones, put these lines into params.yaml:\n")
    lines = yaml.safe_dump({"training": report.params_to_set()}, sort_keys=False)
    console.print(lines, markup=False, soft_wrap=True)
    console.print(
        "Then `rossmann train` trains with them, and the gate compares with the champion.",
        soft_wrap=True,
    )
