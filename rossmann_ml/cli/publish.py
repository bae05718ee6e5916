"""Commands ``rossmann publish``, ``rossmann generations`` and ``rossmann rollback generation``."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from rossmann_ml.base.errors import SettingsError
from rossmann_ml.base.settings import default_settings
from rossmann_ml.base.terminal.console import Console
from rossmann_ml.cli.output import show
from rossmann_ml.pipeline.steps import BUILD_MARTS, Run
from rossmann_ml.pipeline.watched_publish import watch_and_publish
from rossmann_ml.publish.jumps import AcceptedJump
from rossmann_ml.publish.publishing import PublishedGeneration
from rossmann_ml.publish.publishing import rollback_generation as roll_back
from rossmann_ml.publish.retention import damaged_files
from rossmann_ml.serving.generations import GenerationInfo, pointed_path, read_generations
from rossmann_ml.warehouse.session import Session


def publish(
    build: Annotated[
        bool, typer.Option(help="Build the marts from what the warehouse holds first.")
    ] = True,
    accept_jump: Annotated[
        bool,
        typer.Option(
            "--accept-jump", help="Publish totals that moved too far from the published ones."
        ),
    ] = False,
    reason: Annotated[
        str, typer.Option(help="Why the jump is right; recorded with your name.")
    ] = "",
) -> None:
    """Publish the current forecasts of the warehouse as a new generation, after an audit.

    Publishing the same content again changes nothing. A generation whose totals moved further than
    params.yaml allows is held: readers keep the current generation, and the exit code is 3.
    """
    if accept_jump != bool(reason.strip()):
        raise SettingsError(
            '--accept-jump and --reason "..." go together: a jump that passes is on record'
        )
    console = Console(soft_wrap=True)
    session = Session(default_settings())
    run = Run(
        run_id=f"publish-{datetime.now(UTC):%Y%m%dT%H%M%SZ}",
        actor=getpass.getuser(),
        is_publishing=True,
        accepted_jump=AcceptedJump(getpass.getuser(), reason) if accept_jump else None,
    )
    with session.holding():
        if build:
            console.print("building the marts")
            BUILD_MARTS(session, run)
        generation, report = watch_and_publish(session, run)
    _print_published(console, generation)
    for path in damaged_files(session.settings):
        show(f"damaged, moved aside; remove it when it is examined: {path}")
    console.print(f"alerts: {report.summary()}", markup=False)


def _print_published(console: Console, generation: PublishedGeneration) -> None:
    if generation.is_new:
        outcome = "published"
    elif generation.is_current:
        outcome = "unchanged, published before:"
    else:
        outcome = "published before and rolled back from, readers keep the other one:"
    console.print(f"{outcome} generation [bold]{generation.generation_id}[/]")
    rows = generation.tables
    console.print(
        f"origin {generation.info.forecast_origin}, model {generation.info.model_version}, "
        f"{rows['latest_forecasts']:,} store-days of the newest origin, "
        f"{rows['forecasts']:,} of all published origins"
    )
    show(str(generation.path))
    if not generation.is_current:
        console.print(f"to return to it: rossmann rollback generation {generation.generation_id}")


def generations() -> None:
    """List the generations on disk, newest first; * marks the one that readers use.

    Files that cannot be read are listed below the table with the reason. If none can be read, the
    command ends with the exit code of the first reason: 4 if the file is busy.
    """
    settings = default_settings()
    found, unread = read_generations(settings)
    console = Console()
    if unread:
        errors = Console(stderr=True)
        pointed = pointed_path(settings.published_path) if found else None
        for path, error in sorted(unread.items()):
            if not found:
                raise error
            mark = "* " if path == pointed else ""
            errors.print(f"{mark}{path.stem} cannot be read: {error}", soft_wrap=True, markup=False)
    if not found:
        show(f"nothing is published in {settings.published_path} yet")
        return
    table = Table(header_style="bold", box=None)
    for name in ("", "generation", "origin", "published (UTC)", "data", "MB", "model"):
        # ids are copied from here, so they stay whole on the narrowest screen
        table.add_column(name, justify="right" if name == "MB" else "left", no_wrap=name != "model")
    for each in found:
        info: GenerationInfo = each.info
        table.add_row(
            "*" if each.is_current else "",
            info.generation_id,
            str(info.forecast_origin),
            f"{info.published_at:%Y-%m-%d %H:%M}",
            info.data_set_name,
            f"{each.size_bytes / 1e6:,.1f}",
            info.model_version,
        )
    console.print(table)


def rollback_generation(
    generation_id: Annotated[
        str, typer.Argument(metavar="ID", help="Id of the generation, or its beginning.")
    ],
) -> None:
    """Roll readers back to another generation, until a new generation is published."""
    chosen = roll_back(default_settings(), generation_id)
    Console().print(
        f"readers now use generation [bold]{chosen.info.generation_id}[/] "
        f"of origin {chosen.info.forecast_origin}",
        soft_wrap=True,
    )
