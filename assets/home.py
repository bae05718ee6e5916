"""Where Dagster keeps its runs: below the state folder, set up as ``dagster.yaml`` says.

Another file may say it (``ROSSMANN_DAGSTER_FILE``): in containers runs are kept in PostgreSQL.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import dagster as dg

from rossmann_ml.base.settings import Settings

_PLACE = ".state/dagster"


def prepare_dagster_home(settings: Settings) -> Path:
    """Make the folder that DAGSTER_HOME has to name, with the checkout's ``dagster.yaml`` in it.

    The file's places count from the checkout; in the copy they are absolute, so that a process
    may stand anywhere. DAGSTER_HOME is set for this process and those it starts.

    Returns:
        The folder.
    """
    home = (settings.state_path / "dagster").resolve()
    home.mkdir(parents=True, exist_ok=True)
    text = settings.dagster_path.read_text(encoding="utf-8")
    text = f"# Made from {settings.dagster_file}; edit that one.\n{text}"
    copy = home / "dagster.yaml"
    wanted = text.replace(_PLACE, str(home))
    if not copy.exists() or copy.read_text(encoding="utf-8") != wanted:
        # several containers may do this at once, on a volume that they share
        part = copy.with_name(f".dagster.yaml.{uuid.uuid4().hex}")
        part.write_text(wanted, encoding="utf-8")
        part.replace(copy)
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """Open Dagster's record of runs, the one that its UI shows, as a context manager."""
    return dg.DagsterInstance.from_config(str(prepare_dagster_home(settings)))
