"""Draw small worlds for panels, and the expected rows of their panels."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

import polars as pl
from hypothesis import strategies as st

from rossmann_ml.base.params import FeatureParams
from rossmann_ml.features.panel import FeatureInputs
from support.plan_reference import PlanDay, StorePlan, plan_frame, store_frame, store_plans

PARAMS = FeatureParams(half_lives_days=[60, 180], residual_windows_days=[7, 28])
FIRST_DAY = date(2015, 10, 5)
HISTORY_DAYS = 90
ORIGIN = FIRST_DAY + timedelta(days=HISTORY_DAYS - 1)
HORIZON_DAYS = 9


@dataclass(frozen=True)
class World:
    """Plans and sales of a few stores; sales go on after the origin.

    Attributes:
        plans: Plan by store.
        sales: Sales by store and day; days without sales data are missing.
        attributes: Row of the store table by store.
    """

    plans: dict[int, StorePlan]
    sales: dict[tuple[int, date], float]
    attributes: dict[int, dict[str, object]]

    def inputs(self) -> FeatureInputs:
        """Build the arrays of the world."""
        history = pl.DataFrame(
            [(store, day, value) for (store, day), value in self.sales.items()],
            schema={"store_id": pl.Int32, "sales_date": pl.Date, "sales": pl.Float64},
            orient="row",
        )
        stores = pl.DataFrame(
            list(self.attributes.values()), schema=store_frame([1]).schema, orient="row"
        )
        return FeatureInputs.from_frames(
            history=history, plan=plan_frame(self.plans), stores=stores
        )

    def targets(
        self, origins: list[date], known_until: date, horizon_days: int
    ) -> list[tuple[date, int, date, int, float]]:
        """Return expected training rows: origin, store, target day, days after origin, sales."""
        return [
            (origin, store, day, (day - origin).days, self.sales[store, day])
            for origin in sorted(origins)
            for store in sorted(self.plans)
            for day in (origin + timedelta(days=ahead) for ahead in range(1, horizon_days + 1))
            if day <= known_until and self.sales.get((store, day), 0.0) > 0
        ]


@st.composite
def worlds(draw: st.DrawFn, stores: int, days_after: int = 30) -> World:
    """Draw a world whose stores open late, close for weeks and run promotions of any length."""
    days = HISTORY_DAYS + days_after
    ids = draw(st.lists(st.integers(1, 99), min_size=stores, max_size=stores, unique=True))
    plans = {store: draw(store_plans(FIRST_DAY, days)) for store in ids}
    plans[ids[0]].rows[FIRST_DAY] = PlanDay(is_open=True)  # the plan covers the days of the sales
    chance = Random(draw(st.integers(0, 999)))
    keys = [(store, FIRST_DAY + timedelta(days=day)) for store in ids for day in range(days)]
    figures = {key: chance.choice([None, 0.0, 1.0, 2.0, 4000.0, 6000.5]) for key in keys}
    sales = {key: value for key, value in figures.items() if value is not None}
    sales[ids[0], FIRST_DAY] = 5000.0  # and the sales begin with it
    table = store_frame(
        ids,
        store_type=[draw(st.sampled_from("ab")) for _ in ids],
        assortment=[draw(st.sampled_from("ac")) for _ in ids],
        state=[draw(st.sampled_from(["BE", "NW", None])) for _ in ids],
        has_promo2=[True] * stores,
        promo2_since=[draw(st.sampled_from([FIRST_DAY, ORIGIN, None])) for _ in ids],
        promo2_months=["Jan,Apr,Jul,Oct"] * stores,
        competition_open_since=[draw(st.sampled_from([ORIGIN, date(2010, 1, 1), None]))] * stores,
    )
    return World(plans, sales, {int(row["store_id"]): row for row in table.iter_rows(named=True)})
