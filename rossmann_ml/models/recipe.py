"""Define recipes: a recipe is all settings that, together with the data, determine a model.

Two models with the same recipe differ only in their training data and in the past origins of their
backtests. A challenger with the champion's recipe is promoted by other rules than one with a
changed recipe, see :mod:`rossmann_ml.training.gate`.
"""

from __future__ import annotations

import ast
import json
from dataclasses import asdict, dataclass
from datetime import date
from functools import cache
from pathlib import Path

import polars as pl

import rossmann_ml.features
from rossmann_ml.base.digests import fingerprint
from rossmann_ml.base.params import Params
from rossmann_ml.base.params.training import Profile, ProfileParams
from rossmann_ml.features.panel import feature_names
from rossmann_ml.models.base import FitSettings, Model
from rossmann_ml.models.blend import Blend, equal_weights
from rossmann_ml.models.chain_level import FIXED, ChainLevel
from rossmann_ml.models.families import model_class


@dataclass(frozen=True)
class RecipeKey:
    """Key of a recipe's stored out-of-fold forecasts.

    With the key alone, these forecasts can be read and blended, even if the recipe's code and
    parameters no longer exist.

    Attributes:
        features_hash: Fingerprint of the parameters and the code that compute the features.
        members: Fingerprint of each member by family, see :meth:`Recipe.member_hash`.
        shrinkage: How strongly the members' weights are shrunk towards equal weights, see
            :func:`rossmann_ml.models.blend.fit_weights`.
    """

    features_hash: str
    members: dict[str, str]
    shrinkage: float

    @property
    def families(self) -> tuple[str, ...]:
        """Names of the model families in the blend."""
        return tuple(self.members)

    @property
    def hash(self) -> str:
        """Fingerprint of the key; recipes are the same if their keys have equal fingerprints."""
        return fingerprint(asdict(self))

    def to_json(self) -> str:
        """Convert the key to JSON text, to store it in ``forecasting.model_versions``."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> RecipeKey:
        """Parse JSON text that :meth:`to_json` returned."""
        return cls(**json.loads(text))


@dataclass(frozen=True)
class Recipe:
    """All settings that determine a blend for given data.

    Attributes:
        profile: Training profile, ``fast`` or ``full``. It sets which training rows are used, the
            members, and each member's number of trees and learning rate.
        params: Parameters from ``params.yaml``.
        threads: Number of threads that fit a model. It can change a forecast by rounding, but it is
            not part of the recipe's fingerprints.
    """

    profile: Profile
    params: Params
    threads: int

    @property
    def profile_params(self) -> ProfileParams:
        """Parameters from ``params.yaml`` for the recipe's training profile."""
        return self.params.training.profiles[self.profile]

    @property
    def families(self) -> tuple[str, ...]:
        """Names of the model families in the blend, in the order of ``training.families``."""
        members = self.profile_params.models
        return tuple(family for family in self.params.training.families if family in members)

    @property
    def features(self) -> list[str]:
        """Names of the features that the models use, in column order."""
        return feature_names(self.params.features)

    @property
    def features_hash(self) -> str:
        """Fingerprint of the code that computes features, its parameters, and the horizon.

        It does not depend on data. It is part of :meth:`member_hash`, so that models and
        out-of-fold forecasts are computed again when the features change.
        """
        return fingerprint(
            {
                "features": self.params.features.model_dump(),
                "horizon_days": self.params.forecast.horizon_days,
                "code": _features_code(Path(rossmann_ml.features.__file__).parent),
            }
        )

    def member_hash(self, family: str) -> str:
        """Return a fingerprint of the settings that determine one member for given data.

        It covers the features, the choice of training rows, the member's parameters and the seed.
        Models and forecasts that are stored under the same fingerprint are not computed again for
        the same data.

        Args:
            family: Model family of the member.
        """
        profile = self.profile_params
        return fingerprint(
            {
                "features": self.features_hash,
                "family": family,
                "target": "centred departures, limited to 0.25",
                "chain_level": {**self.params.training.chain_level.model_dump(), **FIXED},
                "parameters": self.params.training.families[family],
                "size": profile.models[family].model_dump(),
                "rows_share": "at a horizon of 42 days",
                "panel": profile.model_dump(
                    include={"origin_step_days", "max_origins", "rows_share"}
                ),
                "min_history_days": self.params.training.min_history_days,
                "seed": self.params.training.seed,
            }
        )

    @property
    def key(self) -> RecipeKey:
        """Key under which the recipe's out-of-fold forecasts are stored."""
        return RecipeKey(
            self.features_hash,
            {family: self.member_hash(family) for family in self.families},
            self.params.blend.shrinkage,
        )

    @property
    def hash(self) -> str:
        """Fingerprint of the recipe: its features, its members and how they are blended.

        It does not depend on data. Two models with equal fingerprints have the same recipe.
        """
        return self.key.hash

    def member_parameters(self, family: str) -> dict[str, int | float | str]:
        """Return a member's parameters by name, including number of trees, learning rate, seed."""
        training, size = self.params.training, self.profile_params.models[family].model_dump()
        return {**training.families[family], **size, "seed": training.seed}

    def fit(self, family: str, panel: pl.DataFrame, *, known_until: date) -> Model:
        """Fit one member on the rows of a training panel.

        Args:
            family: Model family of the member.
            panel: Training panel with all features and ``sales``.
            known_until: Last target day to use; rows with later target days are ignored.
        """
        rows = panel.filter(pl.col("target_date") <= known_until)
        settings = FitSettings(
            **self.profile_params.models[family].model_dump(),
            parameters=self.params.training.families[family],
            seed=self.params.training.seed,
            threads=self.threads,
        )
        return model_class(family).fit(rows, self.features, settings)

    def fit_chain(self, panel: pl.DataFrame, *, known_until: date) -> ChainLevel:
        """Fit the correction of the chain's level on the rows of a training panel.

        Args:
            panel: Training panel with all features and ``sales``.
            known_until: Last target day to use; rows with later target days are ignored.
        """
        rows = panel.filter(pl.col("target_date") <= known_until)
        settings = FitSettings(
            **self.params.training.chain_level.model_dump(),
            seed=self.params.training.seed,
            threads=1,  # with 900 rows, two threads wait for each other 12 times as long
        )
        return ChainLevel.fit(rows, self.features, settings)

    def fit_all(self, panel: pl.DataFrame, *, known_until: date) -> Blend:
        """Fit all members and the correction of the chain's level on a training panel.

        Args:
            panel: Training panel with all features and ``sales``.
            known_until: Last target day to use; rows with later target days are ignored.

        Returns:
            Blend with equal weights.
        """
        members = {
            family: self.fit(family, panel, known_until=known_until) for family in self.families
        }
        chain = self.fit_chain(panel, known_until=known_until)
        return Blend(members, equal_weights(self.families), chain)


_NO_FEATURES = ("driver_groups.py", "inputs.py", "panels.py")  # modules that compute no feature


@cache
def _features_code(folder: Path) -> str:
    """Return a fingerprint of the code that computes features, to see whether it has changed.

    Comments and docstrings do not count, nor do modules that compute no feature.

    Args:
        folder: Folder of the package :mod:`rossmann_ml.features`.
    """
    modules = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.py")}
    code = {}
    for name in modules.keys() - set(_NO_FEATURES):
        tree = ast.parse(modules[name].read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(body := getattr(node, "body", None), list):
                body[:] = [each for each in body if not _is_text(each)]
        code[name] = ast.dump(tree)
    return fingerprint(code)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
