"""Fit the members of a recipe, and keep each member on disk until the bundle is saved.

If a training is interrupted, the next one reuses the members that are on disk. See
:mod:`rossmann_ml.training.fit` for building the bundle.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl

from rossmann_ml.base import files
from rossmann_ml.base.progress import Progress, silent
from rossmann_ml.base.settings import Settings
from rossmann_ml.evaluation.fold_tables import data_version_of_origin
from rossmann_ml.features.inputs import OriginInputs
from rossmann_ml.models.base import Model
from rossmann_ml.models.bundle_files import is_whole, name_files
from rossmann_ml.models.families import model_class
from rossmann_ml.models.recipe import Recipe


@contextmanager
def fit_members(
    settings: Settings,
    recipe: Recipe,
    panel: pl.DataFrame,
    inputs: OriginInputs,
    *,
    progress: Progress = silent,
) -> Iterator[tuple[dict[str, Model], dict[str, float]]]:
    """Yield every member of a recipe, fitted now or by an earlier, interrupted training.

    Each member is saved as soon as it is fitted, so that an interruption loses at most one fit. The
    saved members are deleted when the ``with`` block ends without an error, because the caller has
    then saved them in a bundle.

    Args:
        settings: Settings, which name the folder for models and the number of threads.
        recipe: Recipe whose members are fitted.
        panel: Training panel.
        inputs: Data from which the panel was built; members fitted on other data are not reused.
        progress: Function that receives a line for each member.

    Yields:
        Fitted members by family, in the order of the recipe, and the wall time in seconds of each
        fit of this call, by family.
    """
    version = data_version_of_origin(
        inputs.features, inputs.forecast_origin, recipe.params.forecast
    )
    kept = settings.models_path / ".members"
    members: dict[str, Model] = {}
    seconds: dict[str, float] = {}
    for family in recipe.families:
        key = f"{family}-{recipe.member_hash(family)}-{version}"
        folder = next((path for path in kept.glob(f"{key}-*") if is_whole(path, path.name)), None)
        if folder is not None:
            progress(f"{family} was fitted before the training was interrupted")
            members[family] = model_class(family).load(folder, threads=settings.threads)
            continue
        progress(f"final fit of {family} on {len(panel):,} rows up to {inputs.forecast_origin}")
        started = time.perf_counter()
        model = recipe.fit(family, panel, known_until=inputs.forecast_origin)
        seconds[family] = time.perf_counter() - started
        members[family] = model
        half = kept / f"half-{key}"
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(parents=True)
        model.save(half)
        folder = kept / f"{key}-{name_files(half)}"
        files.move_aside(folder)  # a damaged one
        files.move_into_place(half, folder)
    yield members, seconds
    shutil.rmtree(kept, ignore_errors=True)
