"""Command ``rossmann tune``: search hyperparameters."""

from __future__ import annotations

from typing import Annotated

import typer
import yaml

from rossmann_ml.base.settings import default_settings
from rossmann_ml.base.terminal.console import Console
from rossmann_ml.cli.output import narrow_table, show
from rossmann_ml.cli.profiles import ProfileOption
from rossmann_ml.training import tune as tuning
from rossmann_ml.training.tracking import page_of
from rossmann_ml.warehouse.session import Session


def tune(
    family: Annotated[str, typer.Option(help="Model family of the profile, such as lightgbm.")],
    profile: ProfileOption = "fast",
    trials: Annotated[
        int, typer.Option(min=1, help="Number of trials, those of earlier calls included.")
    ] = 30,
    minutes: Annotated[
        float | None, typer.Option(min=0, help="Minutes after which no further trial starts.")
    ] = None,
) -> None:
    """Search a model family's hyperparameters on origins before those of the backtest.

    The search ranges are in params.yaml. The command prints the lines to put there and does not
    change the file. Called again, it continues the same search. In MLflow the search is a run with
    a nested run for each trial; the best one has the tag best.
    """
    session = Session(default_settings(), progress=show)
    report = tuning.tune(
        session,
        family=family,
        profile=profile,
        trials=trials,
        minutes=minutes,
    )
    today, best = report.today, report.best
    show(
        f"{report.family}, profile {report.profile}: {len(report.trials)} trials, "
        f"{report.tried_now} of them now"
    )
    table = narrow_table(
        None,
        left=("",),
        right=(f"today (trial {today.number})", f"best (trial {best.number})"),
    )
    table.add_row(
        f"RMSPE, mean of {len(report.origins.tuned_on)} origins",
        f"{today.rmspe:.4f}",
        f"{best.rmspe:.4f}",
    )
    for name, value in today.values.items():
        table.add_row(name, str(value), str(best.values[name]))
    Console().print(table)
    show(f"In MLflow (rossmann up mlflow): {page_of(session.settings, report.mlflow_run_id)}")
    if best == today:
        show("No better parameters were found; use more --trials to continue.")
        return
    show("To use the best parameters, put these lines into params.yaml:\n")
    show(yaml.safe_dump({"training": report.params_to_set()}, sort_keys=False))
    show("Then run `rossmann train`; the gate compares the new model with the champion.")
