"""Commands ``rossmann train``, ``backtest``, ``promote``, ``model-card``, ``rollback model``."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import Annotated

import polars as pl
import typer
from rich.table import Table

from rossmann_ml.base.errors import RefusedError
from rossmann_ml.base.settings import default_settings
from rossmann_ml.base.terminal.console import Console
from rossmann_ml.cli.output import narrow_table, show
from rossmann_ml.cli.profiles import ProfileOption
from rossmann_ml.features.panels import build_training_panel
from rossmann_ml.pipeline.retraining import retrain
from rossmann_ml.training import fit as training
from rossmann_ml.training import gate as promotion
from rossmann_ml.training import model_card as card
from rossmann_ml.warehouse.connection import connect
from rossmann_ml.warehouse.session import Session


def train(
    profile: ProfileOption = "fast",
    promote: Annotated[
        bool, typer.Option(help="Promote the trained model if it passes the gate.")
    ] = True,
) -> None:
    """Train a challenger (panel, backtest, final fit) and promote it if it passes the gate.

    After an interruption the same command resumes where it stopped. A model that exists for the
    same data, parameters and code is not trained again. Exit code 2 if the gate refuses the model.
    """
    console = Console(soft_wrap=True)
    done = retrain(
        Session(default_settings(), progress=show),
        profile=profile,
        actor=getpass.getuser() if promote else None,
    )
    model, decision = done.model, done.decision
    console.print()
    console.print(
        f"[bold]{model.model_version}[/] {'trained' if model.is_new else 'was trained before'} "
        f"on {model.training_rows:,} rows in {model.seconds:.0f} s"
    )
    weights = ", ".join(f"{family} {weight:.2f}" for family, weight in model.weights.items())
    console.print(f"  weights   {weights}")
    console.print(
        f"  backtest  RMSPE {model.rmspe_median:.4f}, the median over its origins "
        "(`rossmann backtest` shows each)"
    )
    if decision is None:
        console.print(f"  gate      not run; run `rossmann promote {model.model_version}`")
        return
    _print_decision(console, decision)


def backtest(profile: ProfileOption = "fast") -> None:
    """Backtest the recipe on past origins, each with a model trained on earlier data only.

    Prints a table of metrics. Out-of-fold forecasts are stored, and those stored before are reused.
    """
    session = Session(default_settings(), progress=show)
    build_training_panel(session, profile=profile)
    report = training.run_backtest(session, profile=profile)
    Console().print(score_table(report.scores))


def promote(
    model_version: Annotated[
        str | None, typer.Argument(help="Model version; by default the newest.")
    ] = None,
) -> None:
    """Promote a model to champion if it passes the gate, and record the decision.

    Exit code 2 if the gate refuses the model.
    """
    settings = default_settings()
    decision = promotion.promote(
        Session(settings), model_version=model_version, actor=getpass.getuser()
    )
    _print_decision(Console(), decision)


def model_card(
    model_version: Annotated[
        str | None, typer.Argument(help="Model version; by default the newest.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="File to write instead of printing.")] = None,
) -> None:
    """Print a model's card in Markdown: what it is, how accurate it is, where it is weak."""
    with connect(default_settings(), read_only=True) as connection:
        text = card.model_card(connection, model_version)
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8")


def rollback_model() -> None:
    """Make the previous champion the champion again; the next refresh forecasts with it."""
    decision = promotion.rollback_model(Session(default_settings()), actor=getpass.getuser())
    console = Console()
    console.print(f"{decision.model_version} serves again; it replaces {decision.previous}.")
    console.print("The next `rossmann refresh` scores with it.")


def score_table(scores: pl.DataFrame) -> Table:
    """Build the table of backtest metrics, one row per origin and model or baseline.

    The metrics are RMSPE, MAPE, bias, skill and the coverage of both intervals. The last rows, one
    per model or baseline, are over all origins; their RMSPE is the median over origins.

    Args:
        scores: Metrics returned by :func:`rossmann_ml.evaluation.backtest.score`.
    """
    table = narrow_table(
        "Six weeks from each origin, open days with sales. 80% and 95%: share of days\n"
        "inside the interval, if an earlier origin could calibrate it. RMSPE of all: median\n"
        "over origins.",
        left=("origin", "model"),
        right=("RMSPE", "MAPE", "bias", "skill", "80%", "95%"),
    )
    overall = scores.filter(pl.col("segment_kind") == "overall").sort(
        "forecast_origin", "model", nulls_last=True
    )
    before = None
    for row in overall.iter_rows(named=True):
        origin = str(row["forecast_origin"] or "all")
        if before not in {None, origin}:
            table.add_section()
        table.add_row(
            origin if origin != before else "",
            row["model"],
            f"{row['rmspe_median']:.4f}",
            f"{row['mape']:.1%}",
            f"{row['bias']:+.1%}",
            f"{row['skill']:.0%}",
            *(
                "-" if row[name] is None else f"{row[name]:.1%}"
                for name in ("coverage_80", "coverage_95")
            ),
        )
        before = origin
    return table


def _print_decision(console: Console, decision: promotion.Decision) -> None:
    """Print the gate's decision; end the command with exit code 2 if the model was refused."""
    verdict = "[bold green]serves[/]" if decision.is_promoted else "[bold red]refused[/]"
    console.print(f"{decision.model_version}: {verdict}; {decision.reason}", soft_wrap=True)
    if not decision.is_promoted:
        raise typer.Exit(RefusedError.exit_code)
    console.print("The next `rossmann refresh` scores with it.")
