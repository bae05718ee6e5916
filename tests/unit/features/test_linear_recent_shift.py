"""The recent shift of stores compared with its definition.

It is the mean of residuals minus the chain's, with a half-life of 20 days, over the last 200 days,
and a prior of five days of 0; see the docstring of ``recent_shift``.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rossmann_ml.features.linear import recent_shift

# a division by zero is an error even if its result is not used
pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

EXACT = {"rel": 1e-12}


@given(seed=st.integers(0, 2**32 - 1), stores=st.integers(1, 3), days=st.integers(1, 230))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_the_shift_is_a_decayed_mean_with_five_days_of_zero(
    seed: int, stores: int, days: int
) -> None:
    rng = np.random.default_rng(seed)
    observed = rng.random((stores, days)) < 0.7
    residuals = np.where(observed, rng.normal(0, 0.1, (stores, days)), 0.0)
    chain = rng.normal(0, 0.1, days)
    found = recent_shift(residuals, observed, chain)
    assert found.shape == (stores,)
    for store in range(stores):
        total, weight = 0.0, 5.0
        for age in range(min(days, 200)):
            day = days - 1 - age
            if observed[store, day]:
                total += 0.5 ** (age / 20) * (residuals[store, day] - chain[day])
                weight += 0.5 ** (age / 20)
        assert found[store] == pytest.approx(total / weight, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("age", "counts"), [(0, 1.0), (20, 0.5), (199, 0.5**9.95), (200, 0.0)])
def test_a_single_day_counts_by_its_age_and_not_beyond_199_days(age: int, counts: float) -> None:
    observed = np.zeros((1, 300), np.bool_)
    observed[0, -1 - age] = True
    residuals = observed * 0.3
    shift = recent_shift(residuals, observed, np.zeros(300))
    assert shift[0] == pytest.approx(0.3 * counts / (counts + 5), **EXACT)


def test_a_store_without_days_has_no_shift() -> None:
    nothing = np.zeros((1, 30))
    assert recent_shift(nothing, nothing.astype(np.bool_), np.ones(30)).tolist() == [0.0]
