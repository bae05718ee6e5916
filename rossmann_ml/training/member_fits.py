"""Fit the members of a recipe, and keep each member on disk until the bundle is saved.

If a training is interrupted, the next one reuses the members that are on disk. See
:mod:`rossmann_ml.training.fit` for building the bundle.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import polars as pl

from rossmann_ml.base.progress import Progress, silent
from rossmann_ml.base.settings import Settings
from rossmann_ml.evaluation.folds import data_version_of_origin
from rossmann_ml.features.inputs import OriginInputs
from rossmann_ml.models.base import Model
from rossmann_ml.models.families import model_class
from rossmann_ml.models.recipe import Recipe


@dataclass(frozen=True)
class MemberFits:
    """Fitted members of a recipe.

    Attributes:
        members: Fitted members by family, in the order of the recipe.
        seconds: Wall time of each fit in seconds, by family; reused members are not included.
    """

    members: dict[str, Model] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


@contextmanager
def fit_members(
    settings: Settings,
    recipe: Recipe,
    panel: pl.DataFrame,
    inputs: OriginInputs,
    *,
    progress: Progress = silent,
) -> Iterator[MemberFits]:
    """Fit all members of a recipe, except those that an interrupted training has already fitted.

    Args:
        settings: Settings, which name the folder for models and the number of threads.
        recipe: Recipe whose members are fitted.
        panel: Training panel.
        inputs: Data from which the panel was built; members fitted on other data are not reused.
        progress: Function that receives a line for each member.

    Yields:
        All members. Their files are deleted when the ``with`` block ends without an error.
    """
    version = data_version_of_origin(
        inputs.features, inputs.forecast_origin, recipe.params.forecast
    )
    kept = settings.models_path / ".members"
    fits = MemberFits()
    for family in recipe.families:
        folder = kept / f"{family}-{recipe.member_hash(family)}-{version}"
        if folder.exists():
            progress(f"{family} was fitted before the training was interrupted")
            fits.members[family] = model_class(family).load(folder, threads=settings.threads)
            continue
        progress(f"final fit of {family} on {len(panel):,} rows up to {inputs.forecast_origin}")
        started = time.perf_counter()
        model = recipe.fit(family, panel, known_until=inputs.forecast_origin)
        fits.seconds[family] = time.perf_counter() - started
        fits.members[family] = model
        half = folder.with_name(f"{folder.name}.half")
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(parents=True)
        model.save(half)
        half.rename(folder)
    yield fits
    shutil.rmtree(kept, ignore_errors=True)
