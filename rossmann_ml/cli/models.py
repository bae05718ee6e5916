"""Commands ``rossmann train``, ``backtest``, ``promote``, ``model-card``, ``rollback model``."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import polars as pl
import typer
from rich import box
from rich.console import Console
from rich.table import Table

from rossmann_ml.base.errors import RefusedError
from rossmann_ml.base.params import load_params
from rossmann_ml.base.settings import default_settings
from rossmann_ml.cli.profiles import ProfileOption, profile_of
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
    console = Console(highlight=False)
    settings = default_settings()
    done = retrain(
        Session(settings, progress=lambda line: console.print(line, markup=False, soft_wrap=True)),
        profile=profile_of(profile),
        actor=getpass.getuser() if promote else None,
    )
    model = done.model
    console.print()
    console.print(
        f"[bold]{model.model_version}[/] {'trained' if model.is_new else 'was trained before'} "
        f"on {model.training_rows:,} rows in {model.seconds:.0f} s",
        soft_wrap=True,
    )
    weights = ", ".join(f"{family} {weight:.2f}" for family, weight in model.weights.items())
    console.print(f"  weights   {weights}", soft_wrap=True)
    console.print(
        f"  backtest  RMSPE {model.rmspe_median:.4f}, the median over its origins "
        "(`rossmann backtest` shows each)",
        soft_wrap=True,
    )
    if done.decision is None:
        console.print(f"  gate      not run; run `rossmann promote {model.model_version}`")
        return
    _print_decision(console, done.decision)


def backtest(profile: ProfileOption = "fast") -> None:
    """Backtest the recipe on past origins, each with a model trained on earlier data only."""
    console = Console()
    settings = default_settings()
    params = load_params(settings.params_path)
    chosen = profile_of(profile)
    build_training_panel(Session(settings, params, progress=console.print), profile=chosen)
    report = training.run_backtest(
        Session(settings, params, progress=console.print), profile=chosen
    )
    console.print(score_table(report.scores))


def promote(
    model_version: Annotated[
        str | None, typer.Argument(help="Model version; by default the newest.")
    ] = None,
) -> None:
    """Promote a model to champion if it passes the gate, and record the decision."""
    settings = default_settings()
    decision = promotion.promote(
        Session(settings), model_version=model_version, actor=getpass.getuser()
    )
    _print_decision(Console(highlight=False), decision)


def model_card(
    model_version: Annotated[
        str | None, typer.Argument(help="Model version; by default the newest.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="File to write instead of printing.")] = None,
) -> None:
    """Print a model's card in Markdown: what it is, how accurate it is, where it is weak."""
    with connect(default_settings(), read_only=True) as connection:
        text = card.model_card(card.read_card_source(connection, model_version))
    if output is None:
        typer.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")


def rollback_model() -> None:
    """Make the previous champion the champion again; the next refresh forecasts with it."""
    decision = promotion.rollback_model(Session(default_settings()), actor=getpass.getuser())
    console = Console(highlight=False)
    console.print(f"{decision.model_version} serves again; it replaces {decision.previous}.")
    console.print("The next `rossmann refresh` scores with it.")


def score_table(scores: pl.DataFrame) -> Table:
    """Build the table of backtest metrics, one row per origin and model, including baselines.

    Args:
        scores: Metrics returned by :func:`rossmann_ml.evaluation.backtest.score`.
    """
    # narrow enough for a terminal of 80 columns
    table = Table(
        title="Six weeks from each origin, open days with sales. 80% and 95%: share of days\n"
        "inside the interval, if an earlier origin could calibrate it. RMSPE of all: median\n"
        "over origins.",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=0,
        pad_edge=False,
        show_edge=False,
    )
    table.add_column("origin", no_wrap=True)
    table.add_column("model", no_wrap=True)
    for name in ("RMSPE", "MAPE", "bias", "skill", "80%", "95%"):
        table.add_column(name, justify="right", no_wrap=True)
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
    """Print the gate's decision; a refusal ends the command with exit code 2."""
    verdict = "[bold green]serves[/]" if decision.is_promoted else "[bold red]refused[/]"
    console.print(f"{decision.model_version}: {verdict}; {decision.reason}", soft_wrap=True)
    if not decision.is_promoted:
        raise typer.Exit(RefusedError.exit_code)
    console.print("The next `rossmann refresh` scores with it.")
