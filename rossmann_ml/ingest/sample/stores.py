"""Generate the stores of the sample: columns of ``store.csv`` and the traits behind their sales.

Entry point: :func:`make_stores`. See :mod:`rossmann_ml.ingest.sample.sales` for their daily sales.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from rossmann_ml.ingest.sample.calendar import STATE_SHARES
from rossmann_ml.ingest.sample.randomness import Floats, spread, stream

STORE_TYPES = ("a", "b", "c", "d")
ASSORTMENTS = ("a", "b", "c")
PROMO_INTERVALS = ("", "Jan,Apr,Jul,Oct", "Feb,May,Aug,Nov", "Mar,Jun,Sept,Dec")

REFURBISHMENT_FIRST = date(2014, 7, 1)
REFURBISHMENT_LAST = date(2014, 12, 31)
REFURBISHED_SHARE = 0.16

_TYPE_SHARES = (0.54, 0.04, 0.13, 0.29)
# by store type (rows) and assortment (columns)
_ASSORTMENT_SHARES = np.array(
    [[0.63, 0.00, 0.37], [0.40, 0.53, 0.07], [0.52, 0.00, 0.48], [0.37, 0.00, 0.63]]
)
_TYPE_LEVEL = np.log([6200.0, 8600.0, 6300.0, 6300.0])
_ASSORTMENT_LEVEL = np.array([0.0, 0.05, 0.08])
_PROMO_STRENGTH = np.array([1.0, 0.5, 1.0, 1.0])
_SPEND_PER_CUSTOMER = np.array([8.4, 5.0, 8.2, 10.8])
# competitors open from January 2000 to June 2015
_COMPETITION_FIRST_YEAR = 2000
_COMPETITION_MONTHS = 12 * 15 + 6

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Stores:
    """Stores 1, 2, 3, … of a chain; every attribute has shape (stores,).

    Attributes:
        store_type: Index into ``STORE_TYPES``.
        assortment: Index into ``ASSORTMENTS``.
        state: Index into :data:`rossmann_ml.ingest.sample.calendar.STATES`.
        competition_distance_m: Distance to the nearest competitor in metres; NaN when unknown.
        competition_since: Month in which the competitor opened, as the number of months after
            January of year 0; -1 if unknown.
        promo2_week: ISO week in which the store joined Promo2; 0 for never.
        promo2_year: ISO year of that week; 0 for never.
        promo_interval: Index into ``PROMO_INTERVALS``.
        opens_sundays: Whether the store opens on Sundays.
        opens_holidays: Whether the store opens on public holidays.
        is_refurbished: Whether the store has no rows in the months of refurbishment.
        closed_first: First day on which the store is closed for weeks, as a number, see
            :meth:`datetime.date.toordinal`; 0 for none.
        closed_last: Last day of this closure, as such a number; -1 for none.
        level: Log of typical sales per day in EUR.
        trend: Change of the log level per year.
        swing: Amplitude of a slow swing of the log level.
        swing_days: Period of the swing in days.
        swing_phase: Phase of the swing in radians.
        promo_strength: Factor on the chain's promotion effect.
        season_strength: Factor on the chain's season, Christmas included.
        school_effect: Log effect of school holidays.
        promo2_effect: Log effect in a month in which Promo2 restarts.
        competition_effect: Log effect of the competitor from four months after its opening; 0 if
            `competition_since` is unknown.
        spend: Typical sales per customer in EUR.
        noise: Standard deviation of the daily log noise.
    """

    store_type: Integers
    assortment: Integers
    state: Integers
    competition_distance_m: Floats
    competition_since: Integers
    promo2_week: Integers
    promo2_year: Integers
    promo_interval: Integers
    opens_sundays: Flags
    opens_holidays: Flags
    is_refurbished: Flags
    closed_first: Integers
    closed_last: Integers
    level: Floats
    trend: Floats
    swing: Floats
    swing_days: Floats
    swing_phase: Floats
    promo_strength: Floats
    season_strength: Floats
    school_effect: Floats
    promo2_effect: Floats
    competition_effect: Floats
    spend: Floats
    noise: Floats

    def __len__(self) -> int:
        return len(self.level)


def _pick(shares: tuple[float, ...], numbers: Floats) -> Integers:
    """Return an index into `shares` for each of the `numbers`, which are in [0, 1).

    The first ``shares[0]`` of the interval gives index 0, the next ``shares[1]`` index 1, and so
    on. The shares are scaled to the sum 1.
    """
    edges = np.cumsum(shares)[:-1] / sum(shares)
    return np.searchsorted(edges, numbers, side="right").astype(np.int64)


def make_stores(seed: int, stores: int) -> Stores:
    """Generate a number of stores from a seed; store k is the same for every number of stores."""

    def uniform(purpose: str) -> Floats:
        return stream(seed, purpose).random(stores)

    def normal(purpose: str) -> Floats:
        return stream(seed, purpose).standard_normal(stores)

    store_type = _pick(_TYPE_SHARES, spread(seed, "store type", stores))
    below = np.cumsum(_ASSORTMENT_SHARES, axis=1)[store_type, :2]
    assortment = (uniform("assortment")[:, None] >= below).sum(axis=1).astype(np.int64)

    # type b means shops at stations: the only type that usually opens on Sundays
    is_station = store_type == STORE_TYPES.index("b")
    opens_sundays = is_station | (spread(seed, "sunday", stores) < 0.015)
    opens_holidays = opens_sundays & (uniform("opens holidays") < 0.6)

    distance = np.maximum(20.0, np.round(np.exp(7.6 + 1.4 * normal("distance")), -1))
    distance = np.where(uniform("distance known") < 0.003, np.nan, np.minimum(distance, 80_000.0))
    opening = (12 * _COMPETITION_FIRST_YEAR) + np.floor(
        # more competitors open in late than in early years
        np.sqrt(uniform("competition opening")) * _COMPETITION_MONTHS
    )
    opening = np.where(uniform("ancient competition") < 0.004, 12 * 1961.0 + 6, opening)
    is_known = spread(seed, "competition", stores) >= 0.32
    is_known &= ~np.isnan(distance)
    impact = 0.10 * np.exp(-np.nan_to_num(distance) / 4000) * (0.5 + uniform("competition effect"))

    has_promo2 = spread(seed, "promo2", stores) < 0.51
    interval = 1 + _pick((0.59, 0.23, 0.18), uniform("promo interval"))

    has_spell = uniform("closed spell") < 0.12
    spell_first = date(2013, 3, 1).toordinal() + np.floor(uniform("spell start") * 780)
    spell_last = spell_first + 7 + np.floor(uniform("spell length") * 30)

    level = _TYPE_LEVEL[store_type] + _ASSORTMENT_LEVEL[assortment] + 0.28 * normal("level")
    return Stores(
        store_type=store_type,
        assortment=assortment,
        state=_pick(STATE_SHARES, spread(seed, "state", stores)),
        competition_distance_m=distance,
        competition_since=np.where(is_known, opening, -1).astype(np.int64),
        promo2_week=np.where(has_promo2, 1 + np.floor(50 * uniform("promo2 week")), 0).astype(
            np.int64
        ),
        promo2_year=np.where(has_promo2, 2009 + np.floor(6 * uniform("promo2 year")), 0).astype(
            np.int64
        ),
        promo_interval=np.where(has_promo2, interval, 0),
        opens_sundays=opens_sundays,
        opens_holidays=opens_holidays,
        is_refurbished=spread(seed, "refurbishment", stores) < REFURBISHED_SHARE,
        closed_first=np.where(has_spell, spell_first, 0).astype(np.int64),
        closed_last=np.where(has_spell, spell_last, -1).astype(np.int64),
        level=level,
        trend=0.03 + 0.05 * normal("trend"),
        swing=0.06 * np.abs(normal("swing")),
        swing_days=200 + 500 * uniform("swing days"),
        swing_phase=2 * np.pi * uniform("swing phase"),
        promo_strength=_PROMO_STRENGTH[store_type]
        * np.maximum(0.3, 1 + 0.22 * normal("promo strength")),
        season_strength=np.maximum(0.3, 1 + 0.25 * normal("season strength")),
        school_effect=0.03 + 0.03 * normal("school effect"),
        promo2_effect=0.03 * (0.5 + uniform("promo2 effect")),
        competition_effect=np.where(is_known, -impact, 0.0),
        spend=_SPEND_PER_CUSTOMER[store_type] * np.exp(0.12 * normal("spend")),
        noise=0.08 * np.exp(0.15 * normal("noise")),
    )
