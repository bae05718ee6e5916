"""A recipe: everything that decides what model comes of given data.

Two models of the same recipe differ only in the data they saw; the gate treats a refit of the
champion's recipe otherwise than a changed recipe.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from rossmann_ml.features.panel import feature_names
from rossmann_ml.models.base import Model
from rossmann_ml.models.families import model_class
from rossmann_ml.params import Params, Profile, ProfileParams
from rossmann_ml.versions import fingerprint


@dataclass(frozen=True)
class Recipe:
    """A model family with the parameters it is made by.

    Attributes:
        family: Name of the model family.
        profile: How much a fit does.
        params: All parameters.
        threads: How many threads a fit may use; sums of floats depend on it.
    """

    family: str
    profile: Profile
    params: Params
    threads: int

    @property
    def profile_params(self) -> ProfileParams:
        """The profile's numbers."""
        return self.params.training.profiles[self.profile]

    @property
    def features(self) -> list[str]:
        """The features the model is given."""
        return feature_names(self.params.features)

    @property
    def hash(self) -> str:
        """Fingerprint of features, family and parameters, not of the data."""
        return fingerprint(
            {
                "family": self.family,
                "profile": self.profile_params.model_dump(),
                "training": self.params.training.model_dump(exclude={"profiles"}),
                "features": self.features,
                "horizon_days": self.params.forecast.horizon_days,
            }
        )

    def fit(self, panel: pl.DataFrame, *, known_until: date) -> Model:
        """Fit on the rows of a training panel whose target day is on or before a day."""
        rows = panel.filter(pl.col("target_date") <= known_until)
        return model_class(self.family).fit(
            rows,
            self.features,
            profile=self.profile_params,
            params=self.params.training,
            threads=self.threads,
        )
