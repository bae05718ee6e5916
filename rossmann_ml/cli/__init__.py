"""The command ``rossmann``: one module per group of subcommands, joined here.

A command reads its settings, calls the library and prints; it computes nothing. A refusal
(:class:`rossmann_ml.base.errors.RossmannError`) ends with its message and exit code, never a
traceback.
"""

from __future__ import annotations

import sys

import typer
from rich.console import Console
from rich.markup import escape

from rossmann_ml.base import process
from rossmann_ml.base.errors import RossmannError
from rossmann_ml.base.storage_faults import storage_refused

app = typer.Typer(
    name="rossmann",
    help="Six-week sales forecasts for every store, every week.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def register() -> None:
    """Join the commands; once, since it imports what each of them needs."""
    # here and not above, so that `rossmann --help` does not wait for what a command imports
    from rossmann_ml.cli import models, publish, recovery, refresh, serve, up  # noqa: PLC0415
    from rossmann_ml.cli.data.group import app as data  # noqa: PLC0415
    from rossmann_ml.cli.monitor.command import monitor  # noqa: PLC0415
    from rossmann_ml.cli.replay import replay  # noqa: PLC0415
    from rossmann_ml.cli.sql import command as sql  # noqa: PLC0415
    from rossmann_ml.cli.tune import tune  # noqa: PLC0415
    from rossmann_ml.cli.validate.command import validate  # noqa: PLC0415

    app.command()(refresh.refresh)
    app.add_typer(data, name="data")
    app.command()(validate)
    app.command()(monitor)
    app.command()(publish.publish)
    app.command()(publish.generations)
    app.command()(models.train)
    app.command()(models.backtest)
    app.command()(models.promote)
    app.command()(tune)
    app.command()(replay)
    app.command()(models.model_card)
    publish.rollback.command("model")(models.rollback_model)
    app.add_typer(publish.rollback, name="rollback")
    app.command()(recovery.doctor)
    app.command()(recovery.backup)
    app.command()(recovery.restore)
    app.command()(sql.sql)
    app.command()(serve.api)
    app.command()(serve.dashboard)
    app.command()(up.up)


def main() -> None:
    """Run the command line; the entry point of the console script."""
    process.prepare()
    register()
    try:
        with storage_refused():
            app()
    except RossmannError as error:
        Console(stderr=True, highlight=False).print(
            f"[bold red]refused:[/] {escape(str(error))}", soft_wrap=True
        )
        sys.exit(error.exit_code)
