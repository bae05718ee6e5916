"""``rossmann data``: the files the product is fed with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(help="The files the product is fed with.", no_args_is_help=True)


@app.command()
def sample(
    stores: Annotated[int, typer.Option(help="Number of stores.")] = 200,
    seed: Annotated[int, typer.Option(help="Another seed makes another chain.")] = 7,
    out: Annotated[Path | None, typer.Option(help="Folder; data/sample if not given.")] = None,
    days: Annotated[int | None, typer.Option(help="Days of sales; 900 if not given.")] = None,
) -> None:
    """Make synthetic data in the files of the Kaggle competition: an invented chain of stores."""
    # here and not above, so that `rossmann --help` does not wait for polars
    from rossmann_ml.cli.data.sample import make_sample  # noqa: PLC0415

    make_sample(Console(highlight=False), stores=stores, seed=seed, out=out, days=days)


@app.command()
def land(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Files or folders; the incoming folder if not given."),
    ] = None,
) -> None:
    """Land weekly drops (sales_YYYY-MM-DD.csv, plan_YYYY-MM-DD.csv) or whole files.

    Each file lands whole or not at all, and landing it again changes nothing.
    """
    from rossmann_ml.cli.data.landing import land_files  # noqa: PLC0415

    land_files(Console(highlight=False), paths or [])


@app.command()
def status() -> None:
    """Show what is landed, what was set aside and which files wait."""
    from rossmann_ml.cli.data.landing import show_status  # noqa: PLC0415

    show_status(Console(highlight=False))


@app.command()
def fetch(
    force: Annotated[
        bool, typer.Option(help="Replace files of the same names in data/raw that differ.")
    ] = False,
) -> None:
    """Get the files of the Kaggle competition into data/raw, with your own Kaggle account.

    Takes KAGGLE_USERNAME and KAGGLE_KEY, KAGGLE_API_TOKEN, or ~/.kaggle/kaggle.json. Size and MD5
    are checked; a file that is there already is not fetched again.
    """
    from rossmann_ml.cli.data.versions import fetch_from_kaggle  # noqa: PLC0415

    fetch_from_kaggle(Console(highlight=False), force=force)


@app.command()
def export(
    out: Annotated[Path | None, typer.Option(help="Folder; data/exports if not given.")] = None,
) -> None:
    """Write the cleaned tables and the feature tables as Parquet files.

    Beside them data_version.json says which landed files they come from. The same tables give the
    same bytes.
    """
    from rossmann_ml.cli.data.versions import export_to_parquet  # noqa: PLC0415

    export_to_parquet(Console(highlight=False), out)
