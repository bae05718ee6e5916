"""The features of the frozen world equal a stored snapshot.

The reference tests check that features are right; this test detects any change. After an intended
change, write the snapshot again with this command and describe its effect in the commit:

    PYTHONPATH=.:tests .venv/bin/python tests/unit/features/test_frozen_features.py
"""

from __future__ import annotations

import json
import math
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from support import frozen_world

from rossmann_ml.features.panel import feature_names, scoring_panel

pytestmark = pytest.mark.frozen

SNAPSHOT = Path(__file__).with_name("frozen_features.json")
# the whole history, and half a year of it
ORIGINS = (frozen_world.ORIGIN, date(2013, 7, 5))
# texts, whose codes depend on the model
CATEGORIES = {"store_type", "assortment", "state"}
NAMES = [name for name in feature_names(frozen_world.PARAMS) if name not in CATEGORIES]
# (store, days after the origin) of the values in the snapshot
PLACES = ((1, 1), (5, 16), (7, 29), (9, 42), (12, 20))


def digits(value: float) -> float | None:
    """Round to six significant digits; None if unknown."""
    return None if math.isnan(value) else float(f"{value:.6g}")


def described(panel: pl.DataFrame, name: str) -> dict[str, object]:
    """Return the snapshot of a feature."""
    values = panel[name].cast(pl.Float64).to_numpy()
    known = values[~np.isnan(values)]
    keys = list(zip(panel["store_id"], panel["horizon_days"], strict=True))
    return {
        "mean": digits(known.mean() if len(known) else math.nan),
        "deviation": digits(known.std() if len(known) else math.nan),
        "nan": int(np.isnan(values).sum()),
        "values": [digits(float(values[keys.index(place)])) for place in PLACES],
    }


@cache
def panel_of(origin: date) -> pl.DataFrame:
    return scoring_panel(
        frozen_world.inputs(),
        forecast_origin=origin,
        horizon_days=frozen_world.HORIZON_DAYS,
        params=frozen_world.PARAMS,
    )


@cache
def snapshot() -> dict[str, dict[str, dict[str, object]]]:
    return json.loads(SNAPSHOT.read_text(encoding="utf-8"))


def near(value: object) -> object:
    """Match six digits, with a difference of 1 in the last, because processors add differently."""
    return value if value is None else pytest.approx(value, rel=1.01e-5, abs=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_feature_of_the_frozen_world_equals_its_snapshot(name: str) -> None:
    for origin in ORIGINS:
        found, kept = described(panel_of(origin), name), snapshot()[str(origin)][name]
        assert found["nan"] == kept["nan"]
        assert found["mean"] == near(kept["mean"])
        assert found["deviation"] == near(kept["deviation"])
        assert found["values"] == [near(value) for value in kept["values"]]


def test_the_snapshot_contains_all_features_and_no_others() -> None:
    for origin in ORIGINS:
        assert list(snapshot()[str(origin)]) == NAMES


def write() -> None:
    """Write the snapshot of the current features, one line per feature."""
    parts = []
    for origin in ORIGINS:
        panel = panel_of(origin)
        lines = [f'  "{name}": {json.dumps(described(panel, name))}' for name in NAMES]
        parts.append(f' "{origin}": {{\n' + ",\n".join(lines) + "\n }")
    SNAPSHOT.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    write()
