"""List the commands of ``rossmann``, one module per group of commands.

A command reads its settings, calls the other packages and prints; it computes nothing. An error
derived from :class:`rossmann_ml.base.errors.RossmannError` ends the command with its message and
exit code, without a traceback.
"""

from __future__ import annotations

import sys

from rich.markup import escape

from rossmann_ml.base import process
from rossmann_ml.base.errors import RossmannError
from rossmann_ml.base.signals import ended_by_signals
from rossmann_ml.base.storage_faults import storage_refused
from rossmann_ml.base.terminal.console import Console
from rossmann_ml.base.terminal.streams import prepare_streams
from rossmann_ml.cli.lazy import LazyGroup

app = LazyGroup(
    "rossmann",
    "Six-week sales forecasts for every store, every week.",
    {
        "refresh": "refresh:refresh",
        "validate": "validate:validate",
        "monitor": "monitor:monitor",
        "publish": "publish:publish",
        "generations": "publish:generations",
        "train": "models:train",
        "backtest": "models:backtest",
        "promote": "models:promote",
        "tune": "tune:tune",
        "replay": "replay:replay",
        "model-card": "models:model_card",
        "doctor": "recovery:doctor",
        "backup": "recovery:backup",
        "restore": "recovery:restore",
        "sql": "sql:sql",
        "stage": "data.versions:stage",
        "api": "serve:api",
        "dashboard": "serve:dashboard",
        "up": "up:up",
        "data": LazyGroup(
            "data",
            "The files the product is fed with.",
            {
                "sample": "data.sample:sample",
                "land": "data.landing:land",
                "withdraw": "data.withdrawal:withdraw",
                "status": "data.landing:status",
                "fetch": "data.versions:fetch",
                "export": "data.versions:export",
            },
        ),
        "rollback": LazyGroup(
            "rollback",
            "Roll back to an earlier model or generation.",
            {
                "generation": "publish:rollback_generation",
                "model": "models:rollback_model",
            },
        ),
    },
)


def main() -> None:
    """Run the command ``rossmann``, whose console script calls this function.

    A ``RossmannError`` is printed as a message, and the process ends with its exit code. A signal
    ends it with 128 plus the signal's number.
    """
    process.require_utf8()
    prepare_streams()
    process.prepare()
    try:
        with ended_by_signals(), storage_refused():
            process.refuse_hidden_modules()
            process.refuse_undecodable()
            app()
    except RossmannError as error:
        Console(stderr=True).print(f"[bold red]error:[/] {escape(str(error))}", soft_wrap=True)
        sys.exit(error.exit_code)
