"""Shapes of the errors of totals: bounds and quantiles agree, and quantiles never cross."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, t

from rossmann_ml.models.error_shapes import log_errors, shapes_of
from rossmann_ml.models.quantile_levels import LEVELS

MEASURED = {"80": 1.4, "95": 2.1}


def of_level(errors: np.ndarray, level: float) -> float:
    return float(errors[LEVELS.index(level)])


def test_groups_have_the_quantiles_of_students_distribution() -> None:
    assert log_errors("group 0", MEASURED) == pytest.approx(norm.ppf(LEVELS), rel=1e-9, abs=1e-12)
    assert log_errors("group 20", MEASURED) == pytest.approx(t(5).ppf(LEVELS), rel=1e-9, abs=1e-12)


def test_stores_have_the_measured_widths_and_are_stretched_evenly_between_and_beyond() -> None:
    found = log_errors("store 0", MEASURED)
    assert of_level(found, 0.9) == pytest.approx(1.4, rel=1e-12)
    assert of_level(found, 0.975) == pytest.approx(2.1, rel=1e-12)
    assert of_level(found, 0.7) == pytest.approx(norm.ppf(0.7) * 1.4 / norm.ppf(0.9), rel=1e-12)
    share = (norm.ppf(0.95) - norm.ppf(0.9)) / (norm.ppf(0.975) - norm.ppf(0.9))
    assert of_level(found, 0.95) == pytest.approx(1.4 + share * 0.7, rel=1e-9)
    assert of_level(found, 0.99) == pytest.approx(norm.ppf(0.99) * 2.1 / norm.ppf(0.975), rel=1e-9)


@given(
    kind=st.sampled_from(["group", "store"]),
    freedom=st.floats(0.9, 1e18),
    widths=st.tuples(st.floats(0, 9), st.floats(0, 9)),
)
def test_quantiles_ascend_and_are_symmetric_whatever_was_measured(
    kind: str, freedom: float, widths: tuple[float, float]
) -> None:
    level = "store" if kind == "store" else "chain"
    (shape,) = shapes_of(pl.DataFrame({"level": [level]}), np.array([freedom]))
    assert shape.startswith(f"{kind} ")
    errors = log_errors(shape, dict(zip(("80", "95"), widths, strict=True)))
    assert (np.diff(errors) >= 0).all()
    assert (errors == -errors[::-1]).all()
    assert of_level(errors, 0.5) == 0
