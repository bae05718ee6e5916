"""Define recipes: all settings that determine a model for given data.

Two models with the same recipe differ only in their training data. The gate has other rules for a
refit of the champion's recipe than for a changed recipe, see :mod:`rossmann_ml.training.gate`.
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
from rossmann_ml.base.params import Params, Profile, ProfileParams
from rossmann_ml.features.panel import feature_names
from rossmann_ml.models.base import FitSettings, Model
from rossmann_ml.models.families import model_class


@dataclass(frozen=True)
class RecipeKey:
    """Key of a recipe's stored out-of-fold forecasts, sufficient to read and blend them.

    Attributes:
        features_hash: Fingerprint of the parameters and code of the features.
        members: Fingerprint of each member by family.
        shrinkage: Shrinkage of the members' weights, see
            :func:`rossmann_ml.models.blend.fit_weights`.
    """

    features_hash: str
    members: dict[str, str]
    shrinkage: float

    @property
    def families(self) -> tuple[str, ...]:
        """Families of the members of the blend."""
        return tuple(self.members)

    @property
    def hash(self) -> str:
        """Fingerprint of all attributes."""
        return fingerprint(asdict(self))

    def to_json(self) -> str:
        """Return the key as JSON text, for ``forecasting.model_versions``."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> RecipeKey:
        """Parse the text of :meth:`to_json`."""
        return cls(**json.loads(text))


@dataclass(frozen=True)
class Recipe:
    """A blend of model families with all parameters of its fit.

    Attributes:
        profile: Training profile, ``fast`` or ``full``, which sets the size of a fit.
        params: Parameters of ``params.yaml``.
        threads: Number of threads of a fit; the rounding of sums depends on it.
    """

    profile: Profile
    params: Params
    threads: int

    @property
    def profile_params(self) -> ProfileParams:
        """Parameters of the profile."""
        return self.params.training.profiles[self.profile]

    @property
    def families(self) -> tuple[str, ...]:
        """Families of the members of the blend, in the order of ``training.families``."""
        members = self.profile_params.models
        return tuple(family for family in self.params.training.families if family in members)

    @property
    def features(self) -> list[str]:
        """Names of the features of the models, in column order."""
        return feature_names(self.params.features)

    @property
    def features_hash(self) -> str:
        """Fingerprint of the parameters and code of the features, without the data."""
        return fingerprint(
            {
                "features": self.params.features.model_dump(),
                "horizon_days": self.params.forecast.horizon_days,
                "code": _features_code(Path(rossmann_ml.features.__file__).parent),
            }
        )

    def member_hash(self, family: str) -> str:
        """Return the fingerprint of one member: features, panel, parameters and seed."""
        profile = self.profile_params
        return fingerprint(
            {
                "features": self.features_hash,
                "family": family,
                "parameters": self.params.training.families[family],
                "size": profile.models[family].model_dump(),
                "panel": profile.model_dump(
                    include={"origin_step_days", "max_origins", "rows_share"}
                ),
                "min_history_days": self.params.training.min_history_days,
                "seed": self.params.training.seed,
            }
        )

    @property
    def key(self) -> RecipeKey:
        """Key of the recipe's stored out-of-fold forecasts."""
        return RecipeKey(
            self.features_hash,
            {family: self.member_hash(family) for family in self.families},
            self.params.blend.shrinkage,
        )

    @property
    def hash(self) -> str:
        """Fingerprint of all members and of their blending, without the data."""
        return self.key.hash

    def member_parameters(self, family: str) -> dict[str, int | float | str]:
        """Return all parameters of a member by name: those of its library, size and seed."""
        training, size = self.params.training, self.profile_params.models[family].model_dump()
        return {**training.families[family], **size, "seed": training.seed}

    def fit(self, family: str, panel: pl.DataFrame, *, known_until: date) -> Model:
        """Fit a member on the rows of a training panel with target days up to ``known_until``."""
        rows = panel.filter(pl.col("target_date") <= known_until)
        settings = FitSettings(
            **self.profile_params.models[family].model_dump(),
            parameters=self.params.training.families[family],
            seed=self.params.training.seed,
            threads=self.threads,
        )
        return model_class(family).fit(rows, self.features, settings)

    def fit_all(self, panel: pl.DataFrame, *, known_until: date) -> dict[str, Model]:
        """Fit every member and return the models by family; see :meth:`fit`."""
        return {
            family: self.fit(family, panel, known_until=known_until) for family in self.families
        }


_NO_FEATURES = ("driver_groups.py", "inputs.py", "panels.py")  # modules that compute no feature


@cache
def _features_code(folder: Path) -> str:
    """Return the fingerprint of the feature modules' code, without comments and docstrings."""
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
