"""Validate the section ``dvc`` of ``params.yaml``, the inputs of ``dvc repro``.

Only ``dvc.yaml`` and :mod:`rossmann_ml.pipeline.stages` read it; the weekly job does not.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rossmann_ml.base.params.training import Profile
from rossmann_ml.base.strict import StrictModel


class DvcParams(StrictModel):
    """Parameters of the stages in ``dvc.yaml``.

    Attributes:
        source: Folder of the bulk files, relative to the checkout.
        sample_stores: Number of stores of the sample that the stage ``sample`` writes.
        sample_seed: Seed of that sample.
        profile: Training profile of the model.
        threads: Number of threads of each library, in place of ``ROSSMANN_THREADS``, because a
            model fitted with another number of threads has other bytes.
    """

    source: str
    sample_stores: Annotated[int, Field(ge=1)]
    sample_seed: int
    profile: Profile
    threads: Annotated[int, Field(ge=1, le=1024)]
