"""Draw small worlds of landed sales and plans, and put the plan of their horizon together.

See the descriptions in dbt_project/models/core (``assumed_plan``, ``horizon_plan``) for the rules;
numbers are literal here.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import numpy as np

ORIGIN = date(2015, 6, 19)
HORIZON_DAYS, LOOKAHEAD_DAYS, ACTIVE_WITHIN_DAYS = 5, 2, 28
CLOSED_AFTER_DAYS, PLAN_MIN_COVERAGE = 2, 0.5
DAY = timedelta(days=1)
Row = dict[str, Any]
Key = tuple[int, date]


def majority(flags: Iterable[bool]) -> bool:
    """Return whether more than half of the flags are true."""
    known = list(flags)
    return 2 * sum(known) > len(known)


@dataclass
class World:
    """Landed rows: all versions, in the order of their loads.

    Attributes:
        stores: State and type by store.
        holidays: Holidays as ``(state, day, code)``.
        sales: Versions of each sales row: ``known_on`` and the columns.
        plan: Versions of each plan row: ``known_on`` and the columns.
        known_by: Last day on which a version may have become known.
    """

    stores: dict[int, tuple[str | None, str]]
    holidays: list[tuple[str, date, str]] = field(default_factory=list)
    sales: dict[Key, list[Row]] = field(default_factory=dict)
    plan: dict[Key, list[Row]] = field(default_factory=dict)
    known_by: date = date(9999, 12, 31)

    def _known(self, table: dict[Key, list[Row]]) -> dict[Key, Row]:
        """Return the newest version of each row that was landed by ``known_by``."""
        found = {}
        for key, versions in table.items():
            landed = [version for version in versions if version["known_on"] <= self.known_by]
            if landed:
                found[key] = landed[-1]
        return found

    @cached_property
    def known_sales(self) -> dict[Key, Row]:
        """Return the sales rows as they were known."""
        return self._known(self.sales)

    @cached_property
    def known_plan(self) -> dict[Key, Row]:
        """Return the plan rows as they were known."""
        return self._known(self.plan)


def random_world(seed: int) -> World:
    """Draw four to six stores with about a third of their days, some restated or replanned."""
    chance = np.random.default_rng(seed)
    states = ["HE", "BY", "BY", None, "HB,NI", "SN"]
    world = World(
        {
            store: (states[int(chance.integers(6))], "ab"[int(chance.integers(2))])
            for store in range(1, int(chance.integers(5, 8)))
        },
        known_by=ORIGIN + timedelta(days=int(chance.integers(0, 6))),
    )
    kinds = chance.random(len(world.stores))  # some stores open on most days, some at random

    def row(store: int, day: date, known_on: date) -> Row:
        holiday = str(chance.choice(["a", "b", "c"])) if chance.random() < 0.1 else "0"
        is_open = chance.random() < (0.9 if kinds[store - 1] > 0.3 else 0.4)
        return {
            "is_open": bool(is_open),
            "sales": float(is_open and chance.random() < 0.9) * 100,
            "is_promo": bool(chance.random() < 0.5),
            "state_holiday": holiday,
            "is_school_holiday": bool(chance.random() < 0.5),
            "known_on": known_on,
        }

    for store in world.stores:
        if chance.random() < 0.8:  # else it is new
            _add_sales(world, store, chance, row)
        if chance.random() < 0.6:
            _add_plan(world, store, chance, row)
    for state in ("DE", "HE", "BY", "HB", "NI", "SN"):
        for number in range(1, HORIZON_DAYS + LOOKAHEAD_DAYS + 1):
            if chance.random() < 0.15:
                day = ORIGIN + timedelta(days=number)
                world.holidays.append((state, day, str(chance.choice(["a", "b", "c"]))))
    return world


def _add_sales(
    world: World, store: int, chance: np.random.Generator, row: Callable[..., Row]
) -> None:
    for first, last, share in ((-372, -350, 0.5), (-349, -57, 0.03), (-57, 0, 0.3), (1, 4, 0.3)):
        for number in range(first, last + 1):
            if chance.random() < share:
                day = ORIGIN + timedelta(days=number)
                world.sales[store, day] = [row(store, day, day)]
                if chance.random() < 0.15:
                    later = ORIGIN + timedelta(days=int(chance.integers(0, 8)))
                    world.sales[store, day].append(row(store, day, later))


def _add_plan(
    world: World, store: int, chance: np.random.Generator, row: Callable[..., Row]
) -> None:
    for number in range(1, int(chance.integers(2, 10))):
        if chance.random() < 0.6:
            day = ORIGIN + timedelta(days=number)
            delays = np.sort(chance.integers(-7, 7, 2))[: int(chance.integers(1, 3))]
            world.plan[store, day] = []
            for delay in delays:
                version = row(store, day, ORIGIN + timedelta(days=int(delay)))
                version["is_open"] = None if chance.random() < 0.2 else version["is_open"]
                world.plan[store, day].append(version)


def school_rule(world: World, store: int, day: date) -> bool:
    """Return school holidays from the state's plans, else 364 days earlier: state, store, chain."""
    state = world.stores[store][0]

    def of_state(rows: dict[Key, Row], at: date) -> list[bool]:
        return [
            row["is_school_holiday"]
            for key, row in rows.items()
            if key[1] == at and state is not None and world.stores[key[0]][0] == state
        ]

    active = {at for at in world.stores if state and world.stores[at][0] == state}
    active = {at for at in active if last_sold_on(world, at)}
    planned = [
        row["is_school_holiday"]
        for key, row in world.known_plan.items()
        if key[1] == day and key[0] in active
    ]
    if planned and 2 * len(planned) >= len(active):
        return majority(planned)
    sold, earlier = world.known_sales, day - timedelta(days=364)
    if of_state(sold, earlier):
        return majority(of_state(sold, earlier))
    if (store, earlier) in sold:
        return bool(sold[store, earlier]["is_school_holiday"])
    return majority(row["is_school_holiday"] for key, row in sold.items() if key[1] == earlier)


def known_rows(world: World, store: int) -> dict[date, tuple[Row, str, int, bool]]:
    """Return what is known of a store's days: row, source, first load, and whether it was known."""
    found = {}
    for back in range(1 - ACTIVE_WITHIN_DAYS, HORIZON_DAYS + LOOKAHEAD_DAYS + 1):
        day = ORIGIN + timedelta(days=back)
        sold, later = world.sales.get((store, day)), world.plan.get((store, day))
        then = world.known_plan.get((store, day))
        if then is not None:
            found[day] = then, "planned", 0, True
        elif day > ORIGIN and sold is not None:
            found[day] = sold[-1], "actual", len(sold) - 1, False
        elif day > ORIGIN and later is not None:
            found[day] = later[-1], "planned", 0, False
    return found


def last_sold_on(world: World, store: int) -> date | None:
    """Return the last day with sales within 28 days up to the origin."""
    days = [
        day
        for (of, day), row in world.known_sales.items()
        if of == store and row["is_open"] and row["sales"] > 0
        if ORIGIN - timedelta(days=ACTIVE_WITHIN_DAYS) < day <= ORIGIN
    ]
    return max(days, default=None)


def planned_days(world: World, load: float = math.inf) -> set[date]:
    """Return the days for which most selling stores had a row when a load had landed."""
    selling = [store for store in world.stores if last_sold_on(world, store)]
    counts: Counter[date] = Counter()
    for store in selling:
        counts.update(day for day, row in known_rows(world, store).items() if row[2] <= load)
    return {day for day, count in counts.items() if count >= PLAN_MIN_COVERAGE * len(selling)}


def is_selling(world: World, store: int, day: date) -> bool:
    """Return whether the rules may open a store on a day after the origin."""
    known, sold_on = known_rows(world, store), last_sold_on(world, store)
    opens = [each for each, (row, _, _, then) in known.items() if then and row["is_open"]]
    opens_on = min((each for each in opens if each > ORIGIN), default=date.max)
    if sold_on is None and day < opens_on:
        return False
    if day in known:
        return True
    open_days = [each for each, (row, *_) in known.items() if row["is_open"] is not False]
    later = [each for each in known if each > day]
    covered, long = planned_days(world), timedelta(days=CLOSED_AFTER_DAYS)
    if later:
        before = max([each for each in open_days if ORIGIN < each < day] + [sold_on or date.min])
        return day not in covered or min(later) - before - DAY <= long
    if not known:
        return True
    end = max(known)
    reached = max(planned_days(world, known[end][2]), default=date.min)
    went_on = reached > end and max(covered) - end > long and (sold_on is None or sold_on <= end)
    last_open = max([*open_days, *([sold_on] if sold_on else [])], default=None)
    rests = end > ORIGIN and last_open is not None and end - last_open > long
    return not (went_on or rests)


def is_forecast(world: World, store: int) -> bool:
    """Return whether a store sold in 28 days up to the origin, or sells within the horizon."""
    days = [ORIGIN + timedelta(days=number + 1) for number in range(HORIZON_DAYS)]
    return last_sold_on(world, store) is not None or any(
        is_selling(world, store, day) for day in days
    )


def planned_row(world: World, store: int, day: date, rule: Row) -> tuple[Row, str]:
    """Return the plan of a store-day and its source; `rule` is its row of ``assumed_plan``."""
    row, source, *_ = known_rows(world, store).get(day, (rule | {"is_open": None}, ""))
    if row["is_open"] is None:
        selling = is_selling(world, store, day)
        source = "assumed" if selling else "not_selling"
        row = row | {"is_open": rule["is_open"] and selling}
    return {name: row[name] for name in rule}, source
