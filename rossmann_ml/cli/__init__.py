"""The command ``rossmann``: one module per group of subcommands, joined here.

A command reads its settings, calls the library and prints; it computes nothing. A refusal
(:class:`rossmann_ml.base.errors.RossmannError`) ends with its message and exit code, never a
traceback.
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
            "Check the tables of the warehouse, and show what was found.",
        ),
        LazyCommand(
            "monitor",
            "monitor.command:monitor",
            "Compare forecasts with actual sales, and the newest data with earlier data.",
        ),
        LazyCommand(
            "publish",
            "publish:publish",
            "Publish what the warehouse holds now as a new generation, after its audit.",
        ),
        LazyCommand(
            "generations",
            "publish:generations",
            "List the generations on disk, the newest first; * is the one readers use.",
        ),
        LazyCommand(
            "train",
            "models:train",
            "Train a challenger: panel, backtest, final fit; by default the gate judges it.",
        ),
        LazyCommand(
            "backtest",
            "models:backtest",
            "Judge a recipe on past origins, each by a model that saw nothing of what came after.",
        ),
        LazyCommand(
            "promote",
            "models:promote",
            "Let a model serve if the gate agrees; the decision and its figures are recorded.",
        ),
        LazyCommand(
            "tune",
            "tune:tune",
            "Search a model family's hyperparameters on origins before those that are reported.",
        ),
        LazyCommand(
            "replay",
            "replay:replay",
            "Play the past: each simulated Monday runs the weekly job on what was known by then.",
        ),
        LazyCommand(
            "model-card",
            "models:model_card",
            "Say in Markdown what a model is, how good it is, and where it is weak.",
        ),
        LazyCommand(
            "doctor",
            "recovery:doctor",
            "Find out what is wrong: locks, half-written files, models, generations, disk, clock.",
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
            "Bring a backup back. It is checked whole before anything is touched.",
        ),
        LazyCommand(
            "sql",
            "sql:sql",
            "Query the published forecasts. Nothing can be written, and no other file read.",
        ),
        LazyCommand(
            "api",
            "serve:api",
            "Serve the published forecasts over HTTP; its documentation is under /docs.",
        ),
        LazyCommand(
            "dashboard",
            "serve:dashboard",
            "Serve the dashboard of the published forecasts.",
        ),
        LazyCommand(
            "up",
            "up:up",
            "Start everything on this machine: API, dashboard, MLflow and Dagster; Ctrl-C stops "
            "it.",
        ),
        LazyGroup(
            name="data",
            help="The files the product is fed with.",
            no_args_is_help=True,
            commands=[
                LazyCommand(
                    "sample",
                    "data.sample:sample",
                    "Make synthetic data in the files of the Kaggle competition: an invented chain "
                    "of stores.",
                ),
                LazyCommand(
                    "land",
                    "data.landing:land",
                    "Land weekly drops (sales_YYYY-MM-DD.csv, plan_YYYY-MM-DD.csv) or whole files.",
                ),
                LazyCommand(
                    "status",
                    "data.landing:status",
                    "Show what is landed, what was set aside and which files wait.",
                ),
                LazyCommand(
                    "fetch",
                    "data.versions:fetch",
                    "Get the files of the Kaggle competition into data/raw, with your own Kaggle "
                    "account.",
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
            help="Go back to what was before.",
            no_args_is_help=True,
            commands=[
                LazyCommand(
                    "generation",
                    "publish:rollback_generation",
                    "Let readers use another generation, until one is published that is not there "
                    "yet.",
                ),
                LazyCommand(
                    "model",
                    "models:rollback_model",
                    "Bring back the former champion; the next refresh scores with it.",
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
