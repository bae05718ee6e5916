"""Examine the files of models: the bundles of the warehouse and those next to the generations.

Entry point: :func:`examine_bundles`. Repairs copy a damaged or missing bundle from one of its other
places; see :mod:`rossmann_ml.training.bundle_copies` for these.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from rossmann_ml.base import files
from rossmann_ml.base.errors import DamagedError, NoDataError, RossmannError
from rossmann_ml.base.settings import Settings
from rossmann_ml.models.bundle_files import bundles_in, require_current, require_whole
from rossmann_ml.recovery.findings import FAULTS, Finding, error, examined, warning
from rossmann_ml.serving.generations import (
    bundle_path,
    current_path,
    model_versions_of,
    reading_even_if_busy,
)
from rossmann_ml.training.bundle_copies import copies, fetch
from rossmann_ml.training.registry_files import registry_path
from rossmann_ml.warehouse import connection as warehouse
from rossmann_ml.warehouse.tables.models import champion, mlflow_run


@dataclass(frozen=True)
class _Need:
    """Reason why the files of a model are needed.

    Attributes:
        subject: Subject of a finding.
        loss: Consequence if the files cannot be used.
        remedy: Advice for a person if no copy is whole.
    """

    subject: str
    loss: str
    remedy: str


_BY_JOB = _Need(
    "champion",
    "the weekly job cannot forecast with it",
    "`rossmann rollback model`, `rossmann restore FILE`, or train: `rossmann refresh --retrain "
    "fast`",
)
_BY_READERS = _Need(
    "bundle",
    "what-if questions fail",
    "`rossmann rollback generation ID`, or `rossmann restore FILE`",
)


def examine_bundles(settings: Settings) -> Iterator[Finding]:
    """Report bundles that are damaged, and needed ones that are missing or of another version.

    The champion's bundle is needed by the weekly job, those of the current generation by readers.
    """
    serving, run_ids = _recorded(settings)
    needed = {} if serving is None else {settings.models_path / serving: _BY_JOB}
    needed |= {bundle_path(settings, name): _BY_READERS for name in _read_by_readers(settings)}
    for folder in sorted({*_on_disk(settings), *needed}):
        need = needed.get(folder)
        found = _examine(settings, folder, need, run_ids.get(folder.name))
        yield from examined(need.subject if need else "bundle", found)


def _on_disk(settings: Settings) -> list[Path]:
    folders = (settings.models_path, settings.published_path / "models")
    return [path for folder in folders for path in bundles_in(folder)]


def _recorded(settings: Settings) -> tuple[str | None, dict[str, str | None]]:
    """Read the champion and MLflow's run of each model on disk; nothing without a warehouse."""
    with (
        suppress(RossmannError, duckdb.Error),  # `examine_warehouse` reports it
        warehouse.open_as_it_is(settings) as connection,
    ):
        serving = champion(connection)
        known = {serving or "", *(path.name for path in _on_disk(settings))}
        return serving, {version: mlflow_run(connection, version) for version in known}
    return None, {}


def _read_by_readers(settings: Settings) -> list[str]:
    """Read the models that the current generation needs; none if it cannot be read."""
    with (
        suppress(RossmannError, duckdb.Error),  # `examine_published` reports it
        reading_even_if_busy(current_path(settings.published_path)) as connection,
    ):
        return model_versions_of(connection)
    return []


def _examine(
    settings: Settings, folder: Path, need: _Need | None, run_id: str | None
) -> Iterator[Finding]:
    """Report the fault of one bundle.

    Args:
        settings: Settings with the other places of its files.
        folder: Folder of the bundle; its name is the model version.
        need: Reason why it is needed; None if nothing depends on it.
        run_id: MLflow run that trained the model; None or empty without one.
    """
    try:
        require_whole(folder, folder.name, advice="")
    except (NoDataError, DamagedError) as fault:
        source = _copy_of(settings, folder, run_id)

        def put_back() -> None:
            if source is None:
                files.move_aside(folder)
            elif fetch(settings, folder, run_id) is None:
                raise NoDataError(f"no copy of {folder.name} is whole")

        action = f"copies them from {source}" if source else "renames the folder to *.damaged"
        remedy = f"rossmann doctor --fix {action}"
        if need is None:
            yield warning("bundle", str(fault), remedy, put_back)
        elif source is None:
            yield error(need.subject, f"{fault}; {need.loss}", need.remedy)
        else:
            yield error(need.subject, f"{fault}; {need.loss}", remedy, put_back)
        return
    try:
        require_current(folder, folder.name, advice="")
    except NoDataError as fault:
        if need is not None:
            yield error(need.subject, f"{fault}; {need.loss}", "rossmann refresh --retrain full")


def _copy_of(settings: Settings, folder: Path, run_id: str | None) -> Path | str | None:
    """Return a whole copy of a bundle; words if MLflow's server may have it; None without one."""
    for copy in copies(settings, folder, run_id):
        with suppress(*FAULTS):
            require_whole(copy, folder.name)
            return copy
    return f"MLflow's run {run_id}" if run_id and registry_path(settings) is None else None
