"""Changes of totals and the limit at which they are jumps: ``Move`` and ``Continuity``.

Definition: the docstrings of both classes. A total that was 0 before has changed by 1.
"""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rossmann_ml.publish.continuity import Continuity, Move


def continuity(*totals: Move, stores: tuple[Move, ...] = ()) -> Continuity:
    """Return a comparison with these totals."""
    return Continuity(
        previous_generation_id="0123456789ab",
        previous_origin=date(2015, 6, 19),
        forecast_origin=date(2015, 6, 26),
        days=35,
        totals=totals,
        stores=stores,
    )


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [(200.0, 250.0, 0.25), (200.0, 150.0, -0.25), (200.0, 200.0, 0.0), (200.0, 0.0, -1.0),
     (0.5, 0.75, 0.5), (-5.0, 5.0, 1.0), (0.0, 5.0, 1.0), (0.0, 0.5, 1.0), (0.0, 0.0, 0.0),
     (0.0, -5.0, 0.0)],
)  # fmt: skip
def test_a_change_is_a_share_of_what_was_before(before: float, after: float, change: float) -> None:
    assert Move("chain", before, after).change == change


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.integers(1, 10**9), st.sampled_from([(0.10, 10), (0.15, 15), (0.25, 25)]))
def test_a_change_of_exactly_the_limit_passes_and_a_cent_more_does_not(
    hundreds: int, limit: tuple[float, int]
) -> None:
    share, percent = limit
    before = 100 * hundreds
    for sign in (1, -1):
        at_limit = before + sign * percent * hundreds
        assert not Move("chain", before, at_limit, share).is_jump
        assert Move("chain", before, at_limit + sign * 0.01, share).is_jump


def test_sales_after_zero_are_a_jump_and_zero_after_zero_is_none() -> None:
    assert Move("state HE", 0.0, 1.0, 0.15).is_jump
    assert not Move("state HE", 0.0, 0.0, 0.15).is_jump
    assert not Move("state HE", 0.0, 1.0, 1.0).is_jump


def test_a_total_without_a_limit_is_never_a_jump() -> None:
    assert not Move("store 1", 1.0, 1000.0).is_jump


def test_jumps_are_listed_largest_first() -> None:
    near, far = Move("a", 100.0, 130.0, 0.1), Move("b", 100.0, 40.0, 0.1)
    quiet = Move("c", 100.0, 109.0, 0.1)
    assert continuity(near, quiet, far).jumps == (far, near)
    assert continuity(quiet).jumps == ()


def test_the_largest_move_is_that_which_used_most_of_its_limit() -> None:
    week, state = Move("week", 100.0, 108.0, 0.10), Move("state", 100.0, 111.0, 0.15)
    lost = Move("week", 100.0, 91.0, 0.10)
    assert continuity(state, week).largest == week  # 80% of its limit against 73%
    assert continuity(state, week, lost).largest == lost  # 90%
    # without a limit: 1
    assert continuity(Move("a", 100.0, 150.0), Move("b", 100.0, 110.0, 0.25)).largest == Move(
        "a", 100.0, 150.0
    )
    assert continuity(Move("a", 100.0, 150.0), Move("b", 100.0, 115.0, 0.25)).largest == Move(
        "b", 100.0, 115.0, 0.25
    )
    assert continuity().largest is None


def test_a_move_as_text_has_its_figures_and_its_limit() -> None:
    move = Move("chain, week of 2015-06-22", 1234567.0, 1111110.0, 0.10)
    told = "chain, week of 2015-06-22 1,234,567 to 1,111,110 EUR (-10.0%, expected at most 10%)"
    assert str(move) == told
    assert str(Move("store 1", 1000.0, 1005.0)) == "store 1 1,000 to 1,005 EUR (+0.5%)"


def test_the_description_names_jumps_and_stores_with_their_figures() -> None:
    jump = Move("state HE", 100.0, 130.0, 0.15)
    quiet = Move("state BY", 100.0, 101.0, 0.15)
    stores = (Move("store 4", 50.0, 75.0), Move("store 2", 50.0, 55.0))
    assert continuity(quiet, jump, stores=stores).describe() == (
        "totals of origin 2015-06-26 moved too far from those that readers have (origin "
        "2015-06-19, generation 0123456789ab) over the same 35 days: state HE 100 to 130 EUR "
        "(+30.0%, expected at most 15%). Stores that moved most: store 4 50 to 75 EUR (+50.0%); "
        "store 2 50 to 55 EUR (+10.0%)"
    )
