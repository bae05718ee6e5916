"""Draw small worlds of landed sales and plans, and put the plan of their horizon together.

See the descriptions in dbt_project/models/core (``assumed_plan``, ``horizon_plan``) for the rules;
numbers are literal here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import numpy as np

ORIGIN = date(2015, 6, 19)
HORIZON_DAYS, LOOKAHEAD_DAYS, ACTIVE_WITHIN_DAYS = 5, 2, 28
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
    active = {at for at in active if sold_recently(world, at)}
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


def is_forecast(world: World, store: int) -> bool:
    """Return whether a store is planned within the horizon, or sold in 28 days up to the origin."""
    last = ORIGIN + timedelta(days=HORIZON_DAYS)
    planned = any(key[0] == store and ORIGIN < key[1] <= last for key in world.known_plan)
    return planned or sold_recently(world, store)


def sold_recently(world: World, store: int) -> bool:
    """Return whether a store sold in 28 days up to the origin."""
    return any(
        key[0] == store
        and ORIGIN - timedelta(days=ACTIVE_WITHIN_DAYS) < key[1] <= ORIGIN
        and row["is_open"]
        and row["sales"] > 0
        for key, row in world.known_sales.items()
    )


def planned_row(world: World, store: int, day: date, rule: Row) -> tuple[Row, str]:
    """Return the plan of a store-day and its source; `rule` is its row of ``assumed_plan``."""
    sold, later = world.sales.get((store, day)), world.plan.get((store, day))
    then = world.known_plan.get((store, day))
    if then is not None:
        row, source = then, "planned"
    elif sold is not None:
        row, source = sold[-1], "actual"
    elif later is not None:
        row, source = later[-1], "planned"
    else:
        row, source = rule, "assumed"
    if row["is_open"] is None:
        return {**{name: row[name] for name in rule}, "is_open": rule["is_open"]}, "assumed"
    return {name: row[name] for name in rule}, source
