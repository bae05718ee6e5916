"""A recipe: everything that decides what model comes of given data.

Two models of the same recipe differ only in the data they saw; the gate treats a refit of the
champion's recipe otherwise than a changed recipe.
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
    """What a recipe's stored forecasts are kept under: enough to read and blend them again.

    Attributes:
        features_hash: Fingerprint of how features are made.
        members: Fingerprint of each member, by family.
        shrinkage: How the members' weights are found.
    """

    features_hash: str
    members: dict[str, str]
    shrinkage: float

    @property
    def families(self) -> tuple[str, ...]:
        """The members of the blend."""
        return tuple(self.members)

    @property
    def hash(self) -> str:
        """Fingerprint of all of it."""
        return fingerprint(asdict(self))

    def to_json(self) -> str:
        """As text, for ``forecasting.model_versions``."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> RecipeKey:
        """Read what :meth:`to_json` wrote."""
        return cls(**json.loads(text))


@dataclass(frozen=True)
class Recipe:
    """A blend of model families with the parameters it is made by.

    Attributes:
        profile: How much a fit does.
        params: All parameters.
        threads: How many threads a fit may use; sums of floats depend on it.
    """

    profile: Profile
    params: Params
    threads: int

    @property
    def profile_params(self) -> ProfileParams:
        """The profile's numbers."""
        return self.params.training.profiles[self.profile]

    @property
    def families(self) -> tuple[str, ...]:
        """The members of the blend, in the order of ``training.families``."""
        members = self.profile_params.models
        return tuple(family for family in self.params.training.families if family in members)

    @property
    def features(self) -> list[str]:
        """The features the models are given."""
        return feature_names(self.params.features)

    @property
    def features_hash(self) -> str:
        """Fingerprint of how features are made, code included, not of the data."""
        return fingerprint(
            {
                "features": self.params.features.model_dump(),
                "horizon_days": self.params.forecast.horizon_days,
                "code": _features_code(Path(rossmann_ml.features.__file__).parent),
            }
        )

    def member_hash(self, family: str) -> str:
        """Fingerprint of features, panel, parameters and seed of one member."""
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
        """What its stored forecasts are kept under."""
        return RecipeKey(
            self.features_hash,
            {family: self.member_hash(family) for family in self.families},
            self.params.blend.shrinkage,
        )

    @property
    def hash(self) -> str:
        """Fingerprint of all members and of how they are blended, not of the data."""
        return self.key.hash

    def member_parameters(self, family: str) -> dict[str, int | float | str]:
        """All that is set of a member, by name: its library's parameters, size and seed."""
        size = self.profile_params.models[family].model_dump()
        return {
            **self.params.training.families[family],
            **size,
            "seed": self.params.training.seed,
        }

    def fit(self, family: str, panel: pl.DataFrame, *, known_until: date) -> Model:
        """Fit a member on the rows of a training panel whose target day is known by a day."""
        rows = panel.filter(pl.col("target_date") <= known_until)
        size = self.profile_params.models[family]
        settings = FitSettings(
            trees=size.trees,
            learning_rate=size.learning_rate,
            parameters=self.params.training.families[family],
            seed=self.params.training.seed,
            threads=self.threads,
        )
        return model_class(family).fit(rows, self.features, settings)

    def fit_all(self, panel: pl.DataFrame, *, known_until: date) -> dict[str, Model]:
        """Fit every member, by family; see :meth:`fit`."""
        return {
            family: self.fit(family, panel, known_until=known_until) for family in self.families
        }


_NO_FEATURES = ("driver_groups.py", "inputs.py", "panels.py")  # modules that compute no feature


@cache
def _features_code(folder: Path) -> str:
    """Fingerprint of the feature modules' code; comments and docstrings do not count."""
    modules = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.py")}
    return fingerprint(
        {
            name: _code_without_words(path.read_text(encoding="utf-8"))
            for name, path in modules.items()
            if name not in _NO_FEATURES
        }
    )


def _code_without_words(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [each for each in body if not _is_text(each)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
