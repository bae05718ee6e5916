"""Commands ``rossmann doctor``, ``rossmann backup`` and ``rossmann restore``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from rossmann_ml.base.settings import default_settings
from rossmann_ml.base.terminal.console import Console
from rossmann_ml.recovery import Finding, back_up, examine, repair
from rossmann_ml.recovery import restore as restore_backup

_COLOURS = {"error": "bold red", "warning": "yellow", "note": "dim"}


def doctor(
    fix: Annotated[
        bool, typer.Option("--fix", help="Repair what can be repaired without losing data.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print findings as JSON.")] = False,
) -> None:
    """Find faults of the installation, such as a damaged generation or a disk that is nearly full.

    The command examines params.yaml, write permissions, disk space, the writer's lock, half-written
    files, the warehouse, model files, generations, status.json, MLflow and the clock. Exit code 1
    if an error or a warning is found (with --fix: remains), else 0.
    """
    settings = default_settings()
    done = repair(settings) if fix else []
    findings = examine(settings)
    if as_json:
        found = {"repaired": done, "findings": [each.as_json() for each in findings]}
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        _print(done, findings)
    if any(finding.is_trouble for finding in findings):
        raise typer.Exit(1)


def _print(done: list[str], findings: list[Finding]) -> None:
    console = Console(soft_wrap=True)
    for line in done:
        console.print(f"[green]repaired:[/] {escape(line)}")
    for finding in findings:
        name = finding.severity.value
        console.print(
            f"[{_COLOURS[name]}]{name}[/] [bold]{finding.subject}[/]: {escape(finding.found)}"
        )
        if finding.remedy:
            console.print(f"    {escape(finding.remedy)}")
    if not any(finding.is_trouble for finding in findings):
        console.print("Nothing is wrong.")


def backup(
    file: Annotated[Path, typer.Argument(help="The archive to write, for example backup.tar.")],
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Restore it into a temporary folder next to it, and check that first."
        ),
    ] = False,
) -> None:
    """Write warehouse, models, published generations and MLflow's registry into one archive.

    All parts are from the same moment, because commands that write have to wait. Readers are not
    affected. All files are read and checked first; if one is damaged, missing or cannot be read,
    no archive is written.
    """
    manifest = back_up(default_settings(), file, verify=verify)
    console = Console(soft_wrap=True)
    size = file.stat().st_size / 1e6
    console.print(f"wrote {file}: {len(manifest.members):,} files, {size:,.1f} MB", markup=False)
    console.print(
        f"champion {manifest.champion or 'none'}, generation {manifest.generation_id or 'none'}, "
        f"schema version {manifest.schema_version}"
    )
    if verify:
        console.print("it was restored into a temporary folder, and everything in it could be read")
    if not manifest.has_registry:
        console.print(
            "[yellow]note:[/] MLflow's registry is not in it: it is kept by a server, or there is "
            "none yet"
        )


def restore(
    file: Annotated[Path, typer.Argument(help="An archive that `rossmann backup` wrote.")],
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Replace existing files once the backup is unpacked."),
    ] = False,
) -> None:
    """Restore warehouse, models, generations and MLflow's registry from a backup.

    A registry that is not in the backup stays as it is. Nothing is replaced before the whole backup
    is unpacked and checked. Without --replace, the command stops if one of the four exists already.
    """
    settings = default_settings()
    manifest = restore_backup(settings, file, replace=replace)
    Console().print(
        f"restored the backup of {manifest.made_at:%Y-%m-%d %H:%M} UTC into "
        f"{settings.warehouse_path}: data set {manifest.data_set}, champion "
        f"{manifest.champion or 'none'}, generation {manifest.generation_id or 'none'}",
        soft_wrap=True,
        markup=False,
    )
