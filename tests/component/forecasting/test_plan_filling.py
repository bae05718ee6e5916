"""Days without a plan are filled by the store's own rhythm, its groups', and the chain's."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from dateutil.easter import easter
from support.filled_chain import ORIGIN, Shop, days, fill, filled, wrong

MONDAY = date(2013, 1, 7)
HORIZON = days(ORIGIN + timedelta(days=1), ORIGIN + timedelta(days=63))


def every_weeks(weeks: int, offset: int = 0):
    """Return promotions from Monday to Friday of every so many weeks."""
    return lambda day: day.isoweekday() < 6 and (day - MONDAY).days // 7 % weeks == offset


def thursday_to_saturday(day: date) -> bool:
    return day.isoweekday() in (4, 5, 6)


def by_chance(seed: int):
    drawn = np.random.default_rng(seed).random(2000) < 0.2
    return lambda day: bool(drawn[(day - MONDAY).days // 7])


def test_three_groups_keep_their_own_rhythms_and_one_without_a_rhythm_has_none() -> None:
    shops = {
        number: Shop(promo=promo, kind=kind)
        for kind, promo, first in (
            ("a", thursday_to_saturday, 1),
            ("b", every_weeks(2), 4),
            ("c", every_weeks(4, offset=3), 7),
        )
        for number in range(first, first + 3)
    }
    chance = {10 + seed: Shop(promo=by_chance(seed), kind="d") for seed in range(3)}
    connection = fill(shops | chance)
    assert wrong(connection, shops, "is_promo") == 0
    rules = connection.execute(
        "SELECT DISTINCT is_promo, promo_rule FROM filled_plan WHERE store_id = 11"
    ).fetchall()
    assert (False, "usual: store") in rules


def test_a_rhythm_of_a_store_is_its_own_among_stores_of_its_kind() -> None:
    shops = {number: Shop(promo=every_weeks(2, offset=number % 2)) for number in range(1, 7)}
    assert wrong(fill(shops), shops, "is_promo") == 0


def with_plan(planned: int, stores: int = 10) -> dict[int, Shop]:
    """Return a chain without promotions in which some stores have a plan full of them."""
    shops = {number: Shop(promo=every_weeks(2), state="HE") for number in range(1, stores + 1)}
    for number in range(1, planned + 1):
        shops[number] = replace(shops[number], planned=HORIZON, planned_promo=lambda _: True)
    return shops


@pytest.mark.parametrize(("planned", "days_changed"), [(1, False), (2, False), (6, True)])
def test_a_plan_of_a_few_stores_does_not_speak_for_the_others(
    planned: int, *, days_changed: bool
) -> None:
    shops = with_plan(planned)
    connection = fill(shops)
    others = {10: shops[10]}
    assert (wrong(connection, others, "is_promo") > 0) is days_changed
    rules = {row["promo_rule"] for row in filled(connection, 10).values()}
    assert rules == ({"others: state, type, assortment"} if days_changed else {"rhythm: store"})


def test_a_store_with_less_than_eight_weeks_follows_stores_of_its_kind() -> None:
    shops = {number: Shop(promo=every_weeks(2)) for number in range(1, 5)}
    shops |= {number: Shop(promo=thursday_to_saturday, kind="b") for number in range(5, 9)}
    shops[9] = Shop(promo=thursday_to_saturday, kind="b", first=ORIGIN - timedelta(days=20))
    shops[10] = Shop(promo=every_weeks(2), first=ORIGIN + timedelta(days=5))
    connection = fill(shops)
    assert wrong(connection, {9: shops[9], 10: shops[10]}, "is_promo") == 0
    assert {row["promo_rule"] for row in filled(connection, 9).values()} == {
        "rhythm: state, type, assortment"
    }


def test_a_chain_of_a_few_days_has_no_rhythm_and_no_promotion() -> None:
    shops = {1: Shop(promo=thursday_to_saturday, first=ORIGIN - timedelta(days=10))}
    rows = filled(fill(shops), 1).values()
    assert {(row["is_promo"], row["promo_rule"]) for row in rows} == {(False, "default")}


def test_stores_that_open_on_sundays_stay_open_and_others_closed() -> None:
    shops = {1: Shop(opens=lambda _: True), 2: Shop(), 3: Shop(opens=lambda day: day.day % 7 < 6)}
    connection = fill(shops)
    assert wrong(connection, {number: shops[number] for number in (1, 2)}, "is_open") == 0


def test_weeks_of_a_rebuilding_do_not_close_a_store_that_trades_again() -> None:
    reopened = ORIGIN - timedelta(days=4)
    shops = {number: Shop() for number in (1, 2, 3)}
    shops[4] = Shop(
        opens=lambda day: day.isoweekday() < 7 and not "2015-01" < str(day) < str(reopened)
    )
    assert wrong(fill(shops), shops, "is_open") == 0


def test_a_store_that_is_closed_for_two_weeks_stays_closed_until_its_plan_opens_it() -> None:
    def closed_in_june(day: date) -> bool:
        return day.isoweekday() < 7 and day < date(2015, 6, 1)

    shops = {1: Shop(opens=closed_in_june), 2: Shop(), 3: Shop()}
    rows = filled(fill(shops), 1)
    assert not any(row["is_open"] for row in rows.values())
    opening = days(date(2015, 7, 1), date(2015, 7, 10))
    shops[1] = Shop(
        opens=lambda day: closed_in_june(day) or (day.isoweekday() < 7 and day >= opening[0]),
        planned=opening,
    )
    rows = filled(fill(shops), 1)
    assert [day.isoweekday() for day, row in rows.items() if not row["is_open"]] == [7] * 9


CHRISTMAS = date(2014, 12, 5)


def catholic(day: date) -> str:
    """Return the code of holidays of a country that no file names."""
    from_easter = (day - easter(day.year)).days
    if from_easter in (-2, 0, 1):
        return "b"
    fixed = {(1, 1), (1, 6), (5, 1), (8, 20), (11, 1), (12, 24), (12, 25), (12, 26)}
    if from_easter in (49, 50) or (day.month, day.day) in fixed:
        return "a"
    return "0"


@pytest.mark.parametrize("origin", [CHRISTMAS, date(2015, 3, 13), date(2015, 4, 24)])
def test_holidays_of_an_unknown_place_are_those_of_the_stores_own_past(origin: date) -> None:
    """Easter was on 20 April 2014 and is on 5 April 2015."""
    shops = {number: Shop(holiday=catholic) for number in (1, 2, 3)}
    shops[4] = Shop(holiday=catholic, opens=lambda _: True, opens_on_holidays=True, kind="b")
    connection = fill(shops, origin=origin)
    assert wrong(connection, shops, "is_open") == 0
    assert wrong(connection, shops, "state_holiday") == 0


def test_closings_that_the_retailer_does_not_mark_come_back_if_the_chain_closed() -> None:
    def opens(day: date) -> bool:
        return day.isoweekday() < 7 and (day.month, day.day) not in {(12, 25), (12, 26), (1, 1)}

    shops = {number: Shop(opens=opens, first=date(2013, 11, 1)) for number in (1, 2, 3)}
    shops[4] = Shop(opens=lambda day: opens(day) and day != date(2013, 12, 30))
    connection = fill(shops, origin=CHRISTMAS)
    assert wrong(connection, shops, "is_open") == 0
    assert filled(connection, 4)[date(2014, 12, 30)]["is_open"]


def test_holidays_on_a_weekday_of_a_month_come_back_on_it() -> None:
    """Such as the last Monday in May, of which the chain saw two."""

    def holiday(day: date) -> str:
        return "a" if (day.month, day.isoweekday()) == (5, 1) and day.day > 24 else "0"

    shops = {number: Shop(holiday=holiday, first=date(2013, 4, 1)) for number in (1, 2, 3)}
    connection = fill(shops, origin=date(2015, 4, 24))
    assert wrong(connection, shops, "is_open") == 0
    assert filled(connection, 1)[date(2015, 5, 25)]["holiday_rule"] == "own past"


def test_a_new_store_of_an_unknown_place_has_the_holidays_of_its_group() -> None:
    shops = {number: Shop(holiday=catholic) for number in range(1, 5)}
    shops[5] = Shop(holiday=catholic, first=date(2014, 11, 20))
    connection = fill(shops, origin=CHRISTMAS)
    assert wrong(connection, shops, "is_open") == 0
    assert filled(connection, 5)[date(2014, 12, 25)]["holiday_rule"] == "past of its group"


def test_the_holidays_of_a_known_place_come_from_the_provider() -> None:
    def holiday(day: date) -> str:
        return "a" if day == date(2015, 7, 14) else "0"

    shops = {1: Shop(state="FR", holiday=holiday), 2: Shop(state="HB,NI"), 3: Shop()}
    connection = fill(shops, public=[("FR", date(2015, 7, 14), "a")])
    assert wrong(connection, shops, "is_open") == 0
    assert wrong(connection, shops, "state_holiday") == 0


def test_the_retailers_own_holidays_add_to_and_remove_from_those_of_the_place() -> None:
    added, removed, school = date(2015, 7, 15), date(2015, 7, 14), date(2015, 7, 16)

    def holiday(day: date) -> str:
        in_past = day < ORIGIN and (day.month, day.day) == (removed.month, removed.day)
        return "a" if day == added or in_past else "0"

    shops = {number: Shop(state="FR", holiday=holiday) for number in (1, 2, 3)}
    own = [("FR", added, "a", None), ("FR", removed, "0", None), ("FR", school, None, True)]
    connection = fill(shops, public=[("FR", removed, "a")], own=own)
    assert wrong(connection, shops, "is_open") == wrong(connection, shops, "state_holiday") == 0
    rows = filled(connection, 1)
    assert [day for day, row in rows.items() if row["is_school_holiday"]] == [school]
    assert rows[school]["school_rule"] == rows[added]["holiday_rule"] == "file"


def test_the_rules_are_scored_on_past_origins_whose_plan_is_hidden() -> None:
    shops = {number: Shop(promo=every_weeks(2)) for number in (1, 2, 3)}
    connection = fill(shops)
    scores = connection.execute(
        "SELECT plan_column, sum(store_days), sum(store_days_right), min(first_origin), "
        "max(last_origin) FROM plan_filling_accuracy GROUP BY plan_column ORDER BY plan_column"
    ).fetchall()
    rows = 3 * 6 * 42
    assert scores == [
        (column, rows, rows, ORIGIN - timedelta(days=336), ORIGIN - timedelta(days=56))
        for column in ("is_open", "is_promo", "is_school_holiday", "state_holiday")
    ]


def test_a_rhythm_that_ends_costs_the_score_of_its_rule() -> None:
    ended = ORIGIN - timedelta(days=56)
    shops = {
        number: Shop(promo=lambda day: every_weeks(2)(day) and day <= ended) for number in (1, 2, 3)
    }
    ((days_right, rows),) = (
        fill(shops)
        .execute(
            "SELECT sum(store_days_right), sum(store_days) FROM plan_filling_accuracy "
            "WHERE plan_column = 'is_promo'"
        )
        .fetchall()
    )
    assert rows - days_right == 3 * 15  # three promotion weeks of the newest past origin
