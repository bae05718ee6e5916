"""``rossmann doctor``, ``backup`` and ``restore``: when something is wrong, and before it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from rossmann_ml.base.settings import default_settings
from rossmann_ml.recovery import Finding, back_up, examine, repair
from rossmann_ml.recovery import restore as bring_back

_COLOURS = {"error": "bold red", "warning": "yellow", "note": "dim"}


def doctor(
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend what can be mended without losing anything.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print findings as JSON.")] = False,
) -> None:
    """Find out what is wrong: locks, half-written files, models, generations, disk, clock.

    Exit code 1 while there is an error or a warning, 0 when there are notes at most.
    """
    settings = default_settings()
    done = repair(settings) if fix else []
    findings = examine(settings)
    if as_json:
        found = {"mended": done, "findings": [each.as_json() for each in findings]}
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        _tell(done, findings)
    if any(finding.is_trouble for finding in findings):
        raise typer.Exit(1)


def _tell(done: list[str], findings: list[Finding]) -> None:
    console = Console(highlight=False)
    for line in done:
        console.print(f"[green]mended:[/] {escape(line)}", soft_wrap=True)
    for finding in findings:
        name = finding.severity.value
        console.print(
            f"[{_COLOURS[name]}]{name}[/] [bold]{finding.subject}[/]: {escape(finding.found)}",
            soft_wrap=True,
        )
        if finding.remedy:
            console.print(f"    {escape(finding.remedy)}", soft_wrap=True)
    if not any(finding.is_trouble for finding in findings):
        console.print("Nothing is wrong.")


def backup(
    file: Annotated[Path, typer.Argument(help="The archive to write, for example backup.tar.")],
) -> None:
    """Write warehouse, models, published generations and MLflow's registry into one archive.

    All of one moment: no other writer works meanwhile; readers go on.
    """
    done = back_up(default_settings(), file)
    console = Console(highlight=False)
    console.print(
        f"wrote {done.path}: {len(done.manifest.members):,} files, {done.size_bytes / 1e6:,.1f} MB",
        soft_wrap=True,
    )
    console.print(
        f"champion {done.manifest.champion or 'none'}, generation "
        f"{done.manifest.generation_id or 'none'}, schema version {done.manifest.schema_version}",
        soft_wrap=True,
    )
    if not done.manifest.has_registry:
        console.print(
            "[yellow]note:[/] MLflow's registry is not in it: it is kept by a server, or there is "
            "none yet",
            soft_wrap=True,
        )


def restore(
    file: Annotated[Path, typer.Argument(help="An archive that `rossmann backup` wrote.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Let what is there already go, once all is in place.")
    ] = False,
) -> None:
    """Bring a backup back. It is checked whole before anything is touched."""
    settings = default_settings()
    manifest = bring_back(settings, file, replace=replace)
    Console(highlight=False).print(
        f"restored the backup of {manifest.made_at:%Y-%m-%d %H:%M} UTC into "
        f"{settings.warehouse_path}: data set {manifest.data_set}, champion "
        f"{manifest.champion or 'none'}, generation {manifest.generation_id or 'none'}",
        soft_wrap=True,
    )
