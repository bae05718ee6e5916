"""Replace trained models by a simple rule, for tests of the steps around scoring."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from rossmann_ml.base.params import load_params
from rossmann_ml.base.settings import PROJECT_DIR
from rossmann_ml.features.panel import STORE_FEATURES
from rossmann_ml.models.bundle import Bundle
from rossmann_ml.models.categories import Categories
from rossmann_ml.models.total_calibration import TotalCalibration
from support.rule_bundle import TOTALS

BOUNDS = {"lower_95": 0.7, "lower_80": 0.85, "upper_80": 1.15, "upper_95": 1.35}


@dataclass
class StandInBundle:
    """A bundle with a rule instead of trees, which keeps the panels that it scored."""

    model_version: str
    unbiased_factor: float = 1.02
    panels: list[pl.DataFrame] = field(default_factory=list)

    @property
    def total_calibration(self) -> TotalCalibration:
        # wide, because an interval contains the plain sum and could end exactly there
        return replace(TOTALS, log_bias=math.log(self.unbiased_factor), chain=[0.3, 0.3, 0.3])

    @property
    def metadata(self) -> SimpleNamespace:
        params = load_params(PROJECT_DIR / "params.yaml").features
        return SimpleNamespace(feature_params=params.model_dump())

    @property
    def model(self) -> SimpleNamespace:
        known = {name: [] for name in STORE_FEATURES}
        return SimpleNamespace(categories=Categories(known))

    def forecast(self, panel: pl.DataFrame, means: pl.DataFrame | None = None) -> pl.DataFrame:
        self.panels.append(panel)
        log_sales = panel["base_log_sales"].cast(pl.Float64).to_numpy()
        near = panel["days_until_promo"].to_numpy() + 0.1 * panel["promo_days_last_week"].to_numpy()
        sales = np.where(panel["is_open"], np.exp(log_sales + 0.001 * near), 0.0)
        keys = panel.select("forecast_origin", "store_id", "target_date", "horizon_days", "is_open")
        bounds = {name: sales * share for name, share in BOUNDS.items()}
        medians = {"sales_median": sales * 1.02, "error_scale": np.where(sales > 0, 0.05, 0.0)}
        return keys.with_columns(sales_forecast=sales, **bounds, **medians, mean_departure=0.0)


def stand_in_for_all(
    monkeypatch: pytest.MonkeyPatch, *, unbiased_factor: float = 1.02
) -> dict[str, StandInBundle]:
    """Load a stand-in for every model, and return the loaded ones by version."""
    loaded: dict[str, StandInBundle] = {}

    def load(models_folder: Path, model_version: str, *, threads: int) -> StandInBundle:
        return loaded.setdefault(model_version, StandInBundle(model_version, unbiased_factor))

    monkeypatch.setattr(Bundle, "load", load)
    return loaded


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> dict[str, StandInBundle]:
    """Return the stand-ins that the test loads, by version."""
    return stand_in_for_all(monkeypatch)
