"""The final fits of a recipe's members, each kept on disk until the bundle is made of them.

An interrupted training goes on with the member it had not fitted yet. What becomes of the members
is :mod:`rossmann_ml.training.fit`'s matter.
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
    """Fitted members.

    Attributes:
        members: By family, in the recipe's order.
        seconds: Wall time of each fit that was done now.
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
    """Fit every member on a panel, or read what an interrupted training left of them.

    Args:
        settings: Where models lie.
        recipe: The members.
        panel: The training panel.
        inputs: What the panel was made of: members fitted on other data are not taken.
        progress: Told each fit.

    Yields:
        The members; when the block has succeeded, their own files go.
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
