"""List the commands of ``rossmann``, and run the one that was called.

Entry point: :func:`run`. A command is a function in another module of this package. An error
derived from :class:`rossmann_ml.base.errors.RossmannError` ends the command with its message and
exit code, without a traceback.
"""

from __future__ import annotations

import os
import sys

from rich.markup import escape

from rossmann_ml.base import process
from rossmann_ml.base.errors import RossmannError
from rossmann_ml.base.storage_faults import storage_refused
from rossmann_ml.base.terminal.console import Console
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
                "next-week": "data.sample:next_week",
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


def run() -> None:
    """Run the command that this process's arguments name.

    Raises:
        SystemExit: The command ended; with the error's exit code after a ``RossmannError``.
    """
    try:
        with storage_refused():
            process.refuse_hidden_modules()
            process.refuse_unusable_text()
            _note_mistyped_variables()
            app()
    except RossmannError as error:
        Console(stderr=True).print(f"[bold red]error:[/] {escape(str(error))}", soft_wrap=True)
        sys.exit(error.exit_code)


def _note_mistyped_variables() -> None:
    if any(name.startswith("ROSSMANN_") for name in os.environ):
        # imported only where it is needed, because it takes as long as all other imports of a help
        from rossmann_ml.base.variables import mistyped_variables  # noqa: PLC0415

        for words in mistyped_variables():
            Console(stderr=True).print(f"[yellow]note:[/] {escape(words)}", soft_wrap=True)
