"""List the commands of ``rossmann``, one module per group of commands.

A command reads its settings, calls the other packages and prints; it computes nothing. An error
derived from :class:`rossmann_ml.base.errors.RossmannError` ends the command with its message and
exit code, without a traceback.
"""

from __future__ import annotations

import sys

from rich.console import Console
from rich.markup import escape

from rossmann_ml.base import process
from rossmann_ml.base.errors import RossmannError
from rossmann_ml.base.storage_faults import storage_refused
from rossmann_ml.cli.lazy import LazyCommand, LazyGroup

app = LazyGroup(
    name="rossmann",
    help="Six-week sales forecasts for every store, every week.",
    no_args_is_help=True,
    commands=[
        LazyCommand(
            "refresh",
            "refresh:refresh",
            "Run the weekly job: land files, build, check, forecast, publish.",
        ),
        LazyCommand(
            "validate",
            "validate:validate",
            "Check the tables of the warehouse and show the results.",
        ),
        LazyCommand(
            "monitor",
            "monitor.command:monitor",
            "Compare forecasts with actual sales, and the newest data with earlier data.",
        ),
        LazyCommand(
            "publish",
            "publish:publish",
            "Publish the current forecasts of the warehouse as a new generation, after an audit.",
        ),
        LazyCommand(
            "generations",
            "publish:generations",
            "List the generations on disk, newest first; * marks the one that readers use.",
        ),
        LazyCommand(
            "train",
            "models:train",
            "Train a challenger (panel, backtest, final fit) and promote it if it passes the gate.",
        ),
        LazyCommand(
            "backtest",
            "models:backtest",
            "Backtest the recipe on past origins, each with a model trained on earlier data only.",
        ),
        LazyCommand(
            "promote",
            "models:promote",
            "Promote a model to champion if it passes the gate, and record the decision.",
        ),
        LazyCommand(
            "tune",
            "tune:tune",
            "Search a model family's hyperparameters on origins before those of the backtest.",
        ),
        LazyCommand(
            "replay",
            "replay:replay",
            "Replay past weeks: each simulated Monday runs the weekly job on data known by then.",
        ),
        LazyCommand(
            "model-card",
            "models:model_card",
            "Print a model's card in Markdown: what it is, how accurate it is, where it is weak.",
        ),
        LazyCommand(
            "doctor",
            "recovery:doctor",
            "Find faults: locks, half-written files, models, generations, disk, clock.",
        ),
        LazyCommand(
            "backup",
            "recovery:backup",
            "Write warehouse, models, published generations and MLflow's registry into one "
            "archive.",
        ),
        LazyCommand(
            "restore",
            "recovery:restore",
            "Restore a backup, after checking that it is complete.",
        ),
        LazyCommand(
            "sql",
            "sql:sql",
            "Query the published forecasts read-only; no other file can be read.",
        ),
        LazyCommand(
            "api",
            "serve:api",
            "Serve the published forecasts over HTTP, with documentation at /docs.",
        ),
        LazyCommand(
            "dashboard",
            "serve:dashboard",
            "Serve the dashboard of the published forecasts.",
        ),
        LazyCommand(
            "up",
            "up:up",
            "Start API, dashboard, MLflow and Dagster on this machine; Ctrl-C stops them.",
        ),
        LazyGroup(
            name="data",
            help="The files the product is fed with.",
            no_args_is_help=True,
            commands=[
                LazyCommand(
                    "sample",
                    "data.sample:sample",
                    "Write synthetic data in the files of the Kaggle competition: an invented "
                    "chain of stores.",
                ),
                LazyCommand(
                    "land",
                    "data.landing:land",
                    "Land weekly drops (sales_YYYY-MM-DD.csv, plan_YYYY-MM-DD.csv) or whole files.",
                ),
                LazyCommand(
                    "status",
                    "data.landing:status",
                    "Show landed rows, quarantined rows and files that are not landed yet.",
                ),
                LazyCommand(
                    "fetch",
                    "data.versions:fetch",
                    "Download the files of the Kaggle competition into data/raw, with your "
                    "own Kaggle account.",
                ),
                LazyCommand(
                    "export",
                    "data.versions:export",
                    "Write the cleaned tables and the feature tables as Parquet files.",
                ),
            ],
        ),
        LazyGroup(
            name="rollback",
            help="Roll back to an earlier model or generation.",
            no_args_is_help=True,
            commands=[
                LazyCommand(
                    "generation",
                    "publish:rollback_generation",
                    "Roll readers back to another generation, until a new one is published.",
                ),
                LazyCommand(
                    "model",
                    "models:rollback_model",
                    "Make the previous champion the champion again; the next refresh "
                    "forecasts with it.",
                ),
            ],
        ),
    ],
)


def main() -> None:
    """Run the command line; the entry point of the console script."""
    process.prepare()
    try:
        with storage_refused():
            app()
    except RossmannError as error:
        Console(stderr=True, highlight=False).print(
            f"[bold red]error:[/] {escape(str(error))}", soft_wrap=True
        )
        sys.exit(error.exit_code)
