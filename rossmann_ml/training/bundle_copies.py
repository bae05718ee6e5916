"""Load a bundle of the warehouse, and put it back from a copy if it is damaged or missing.

Copies are next to the published generations and among the artifacts of the MLflow run. Entry
points: :func:`load_bundle` for the steps of the weekly job, :func:`fetch` for ``rossmann doctor``.
Readers of published generations load the published copy; see :mod:`rossmann_ml.serving.what_if`.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

import duckdb

from rossmann_ml.base.errors import DamagedError, NoDataError, TrackingError
from rossmann_ml.base.settings import Settings
from rossmann_ml.models.bundle import Bundle
from rossmann_ml.models.bundle_files import is_whole, put_back
from rossmann_ml.serving.generations import bundle_path
from rossmann_ml.training import tracking
from rossmann_ml.training.registry_files import artifacts_path, registry_path
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.tables import models


def load_bundle(
    session: Session, connection: duckdb.DuckDBPyConnection, model_version: str
) -> Bundle:
    """Load a model of the warehouse; if its files are damaged or missing, fetch them first.

    Args:
        session: Session of the job, which holds the writer's lock.
        connection: Connection to the pipeline's database.
        model_version: Version of the model.

    Raises:
        NoDataError: The files are missing, and there is no copy. Or another version of the product
            trained the model.
        DamagedError: The files are damaged, and no copy is whole.
        ForbiddenError: This user may not read a file.
    """
    settings = session.settings
    folder = settings.models_path / model_version
    try:
        return Bundle.load(settings.models_path, model_version, threads=settings.threads)
    except (NoDataError, DamagedError) as fault:
        if is_whole(folder, model_version):
            raise  # of another version: its copies are too
        run_id = models.mlflow_run(connection, model_version)
        copy = fetch(settings, folder, run_id)
        if copy is None:
            raise
        session.progress(f"{fault}. They were fetched from {copy}")
    return Bundle.load(settings.models_path, model_version, threads=settings.threads)


def fetch(settings: Settings, folder: Path, run_id: str | None) -> Path | None:
    """Replace a bundle's folder by its first whole copy.

    Args:
        settings: Settings with both folders of bundles and MLflow's address.
        folder: Folder to replace; its name is the model version. The caller holds the writer's
            lock.
        run_id: MLflow run that trained the model; None or empty without one.

    Returns:
        The copy that was used; None if none is whole, then nothing is changed.

    Raises:
        OSError: A file cannot be written.
    """
    copy = put_back(folder, copies(settings, folder, run_id))
    if copy is None and run_id and registry_path(settings) is None:
        with tempfile.TemporaryDirectory() as scratch, suppress(TrackingError):
            downloaded = tracking.download_bundle(settings, run_id, Path(scratch))
            copy = put_back(folder, [downloaded])
    return copy


def copies(settings: Settings, folder: Path, run_id: str | None) -> list[Path]:
    """List the folders on disk in which the files of a bundle may be, too; they need not exist.

    Args:
        settings: Settings with both folders of bundles and of MLflow's artifacts.
        folder: Folder of the bundle; its name is the model version.
        run_id: MLflow run that trained the model; None or empty without one.
    """
    found = [settings.models_path / folder.name, bundle_path(settings, folder.name)]
    if run_id and registry_path(settings) is not None:
        found.append(artifacts_path(settings) / run_id / "artifacts" / "bundle")
    return [each for each in found if each != folder]
