"""Set up the folder, inside the state folder, in which Dagster records its runs.

The environment variable ``ROSSMANN_DAGSTER_FILE`` can name a configuration file to use instead of
``dagster.yaml``. Containers use one that records runs in PostgreSQL.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any

import dagster as dg
import filelock
import yaml

from rossmann_ml.base.settings import Settings
from rossmann_ml.base.strict import read_yaml

_PLACE = ".state/dagster"


def prepare_dagster_home(settings: Settings) -> Path:
    """Create Dagster's folder with a copy of ``dagster.yaml``, and set DAGSTER_HOME to the folder.

    Paths in the original are relative to the checkout. In the copy they are absolute, because a
    process may have any working directory.

    Returns:
        Path of Dagster's folder.
    """
    home = (settings.state_path / "dagster").resolve()
    home.mkdir(parents=True, exist_ok=True)
    found = read_yaml(settings.home / settings.dagster_file)
    text = yaml.safe_dump(_with_place(found, str(home)), allow_unicode=True, sort_keys=False)
    wanted = f"# Copied from {settings.dagster_file.name}; edit that file.\n{text}"
    copy = home / "dagster.yaml"
    if not copy.exists() or copy.read_text("utf-8", errors="replace") != wanted:
        # several containers may do this at once on a shared volume
        part = copy.with_name(f".dagster.yaml.{uuid.uuid4().hex}")
        part.write_text(wanted, encoding="utf-8")
        part.replace(copy)
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def _with_place(value: Any, home: str) -> Any:
    """Return settings with absolute paths; a path may have characters that YAML would misread."""
    if isinstance(value, dict):
        return {name: _with_place(each, home) for name, each in value.items()}
    if isinstance(value, list):
        return [_with_place(each, home) for each in value]
    return value.replace(_PLACE, home) if isinstance(value, str) else value


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """Open Dagster's instance, the record of runs that its UI shows.

    Use the result in a ``with`` block, which closes it.
    """
    home = prepare_dagster_home(settings)
    # two processes that create the tables at once disturb each other: UI and daemon start together
    with filelock.FileLock(home / "opening.lock"):
        return dg.DagsterInstance.from_config(str(home))
