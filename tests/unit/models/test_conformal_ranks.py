"""The rank of the conformal quantile compared with exact fractions.

It is the ceil((n + 1) level)-th smallest score, see the docstring of ``conformal_quantile``.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.calibration_reference import conformal_score

from rossmann_ml.models.calibration import INTERVAL_LEVELS, conformal_quantile


def test_the_levels_are_80_and_95_percent() -> None:
    assert INTERVAL_LEVELS == (80, 95)


@given(
    scores=st.lists(st.floats(0, 10), max_size=60),
    percent=st.sampled_from([50, 80, 90, 95, 99]),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_the_bound_is_the_score_of_the_exact_rank(scores: list[float], percent: int) -> None:
    assert conformal_quantile(np.array(scores), percent / 100) == conformal_score(scores, percent)


@pytest.mark.parametrize("percent", [80, 95])
def test_the_rank_is_exact_for_every_number_of_scores_up_to_two_thousand(percent: int) -> None:
    for number in range(1, 2001):
        ranks = np.arange(1.0, number + 1)  # the score is its own rank
        assert conformal_quantile(ranks, percent / 100) == conformal_score(ranks, percent), number


@pytest.mark.parametrize(
    ("number", "percent", "rank"),
    [
        (20, 80, 17),  # ceil(16.8)
        (19, 80, 16),  # 16 exactly: the level is reached without rounding up
        (9, 80, 8),
        (10, 80, 9),  # ceil(8.8)
        (4, 80, 4),  # 4 exactly: the fewest scores that are enough for 80%
        (3, 80, 3),  # ceil(3.2) is more than there are: the largest
        (19, 95, 19),  # 19 exactly: the fewest scores that are enough for 95%
        (18, 95, 18),  # ceil(18.05) is more than there are: the largest
        (39, 95, 38),
        (1, 80, 1),
        (1, 95, 1),
    ],
)
def test_the_bound_is_the_score_of_this_rank(number: int, percent: int, rank: int) -> None:
    scores = np.random.default_rng(number).permutation(np.arange(1.0, number + 1))
    assert conformal_quantile(scores, percent / 100) == rank


def test_without_scores_the_bound_is_zero() -> None:
    assert conformal_quantile(np.zeros(0), 0.8) == 0.0


def test_equal_scores_count_one_by_one() -> None:
    # the 8th of 9: five are 1, four are 2
    assert conformal_quantile(np.array([2.0, 1, 2, 1, 2, 1, 2, 1, 1]), 0.8) == 2.0
    # the 5th of 9
    assert conformal_quantile(np.array([2.0, 1, 2, 1, 2, 1, 2, 1, 1]), 0.5) == 1.0


def test_a_new_score_lies_below_the_bound_in_at_least_the_share_of_its_places() -> None:
    # scores are exchangeable, so the new one has every rank among the n + 1 with equal probability
    for number in range(4, 60):
        everything = np.arange(1.0, number + 2)
        inside = sum(
            new <= conformal_quantile(everything[everything != new], 0.8) for new in everything
        )
        assert 0.8 <= inside / (number + 1) < 0.8 + 1 / (number + 1)
