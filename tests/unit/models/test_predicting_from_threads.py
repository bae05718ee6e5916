"""Several threads of the API can call one model at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from rossmann_ml.models.base import FitSettings, Model
from rossmann_ml.models.families import family_names, model_class

FEATURES = ["is_promo", "day_of_week", "state", "base_log_sales"]
CALLERS = 4


def panel(rows: int, seed: int) -> pl.DataFrame:
    draw = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "forecast_origin": [date(2015, 6, 19)] * rows,
            "target_date": [date(2015, 6, 20)] * rows,
            "is_promo": draw.integers(0, 2, rows).astype(np.float32),
            "day_of_week": draw.integers(1, 8, rows).astype(np.float32),
            "state": draw.choice(["BE", "HE", "NW"], rows),
            "base_log_sales": draw.normal(8.5, 0.3, rows).astype(np.float32),
            "sales": np.exp(draw.normal(8.5, 0.3, rows)),
        }
    )


@pytest.fixture(scope="module", params=family_names())
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Model]:
    """Load the same model several times, so that each one makes its first prediction."""
    folder: Path = tmp_path_factory.mktemp(request.param)
    family = model_class(request.param)
    settings = FitSettings(trees=100, learning_rate=0.3, parameters={}, seed=1, threads=1)
    family.fit(panel(400, seed=1), FEATURES, settings).save(folder)
    return [family.load(folder, threads=2) for _ in range(5)]


def test_threads_that_call_one_model_at_once_get_the_predictions_of_one_alone(
    loaded: list[Model],
) -> None:
    asked = [panel(42, seed) for seed in range(CALLERS)]
    alone = [loaded[0].predict_departures(rows) for rows in asked]
    with ThreadPoolExecutor(CALLERS) as callers:
        for model in loaded[1:]:
            answers = callers.map(model.predict_departures, asked * 20)
            for answer, expected in zip(answers, alone * 20, strict=True):
                np.testing.assert_array_equal(answer, expected)
