"""Locate the files of a local MLflow registry, and adapt its paths when its folder has moved.

Entry points: :func:`registry_path`, :func:`artifacts_path`, :func:`adopt_artifacts`. MLflow stores
the absolute path of the artifacts folder in its database, so a copied or moved project would write
into the folder of the original. A registry that a tracking server keeps has no files here.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from rossmann_ml.base.settings import Settings

_PREFIX = "sqlite:///"
# The columns in which MLflow's database names files by their absolute path.
_PATH_COLUMNS = {
    "experiments": ("artifact_location",),
    "runs": ("artifact_uri",),
    "model_versions": ("source", "storage_location"),
    "logged_models": ("artifact_location",),
}


def registry_path(settings: Settings) -> Path | None:
    """Return the path of MLflow's database; None if a tracking server keeps it."""
    address = settings.tracking_uri
    return Path(address.removeprefix(_PREFIX)) if address.startswith(_PREFIX) else None


def artifacts_path(settings: Settings) -> Path:
    """Return the folder of MLflow's artifacts."""
    return settings.state_path / "mlflow" / "artifacts"


def former_artifacts_path(settings: Settings, experiment: str) -> Path | None:
    """Return the artifacts folder that the database names if it is not the one of this place.

    Args:
        settings: Settings with the state folder.
        experiment: Name of the experiment that the product created.

    Returns:
        The folder in the database; None if it is that of the settings, if there is no database or
        no experiment yet, or if the artifacts are on a server.
    """
    registry = registry_path(settings)
    if registry is None or not registry.exists():
        return None
    with closing(sqlite3.connect(f"{registry.absolute().as_uri()}?mode=ro", uri=True)) as found:
        columns = {row[1] for row in found.execute("PRAGMA table_info(experiments)")}
        if not {"name", "artifact_location"} <= columns:  # MLflow has not filled it yet
            return None
        row = found.execute(
            "SELECT artifact_location FROM experiments WHERE name = ?", [experiment]
        ).fetchone()
    if row is None or not str(row[0]).startswith("/"):
        return None
    # the same folder may have two names, for example by a link
    is_ours = Path(row[0]).resolve() == artifacts_path(settings).resolve()
    return None if is_ours else Path(row[0])


def adopt_artifacts(settings: Settings, experiment: str) -> None:
    """Make the database name the artifacts folder of this place, if it names another one.

    Raises:
        sqlite3.Error: The database cannot be read or written.
    """
    former, registry = former_artifacts_path(settings, experiment), registry_path(settings)
    if former is not None and registry is not None:
        move_paths(registry, str(former), str(artifacts_path(settings).absolute()))


def move_paths(registry: Path, before: str, after: str) -> None:
    """Replace the artifacts folder in all paths of a registry's database.

    Args:
        registry: MLflow's database.
        before: Folder with which the paths begin.
        after: Folder with which they begin afterwards.
    """
    with closing(sqlite3.connect(registry)) as connection, connection:
        for table, columns in _PATH_COLUMNS.items():
            known = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            for column in known.intersection(columns):
                connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # noqa: S608 - names above
                    f"WHERE substr({column}, 1, ?) = ?",
                    [after, len(before) + 1, len(before), before],
                )
