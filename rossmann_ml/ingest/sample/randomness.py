"""Draw random numbers that depend on seed, purpose and date, not on the numbers drawn before.

Entry point: :func:`stream`, whose numbers are used for stores 1, 2, 3, … in this order. Store 5 is
therefore the same in a chain of 10 and of 100,000 stores, and a day's noise does not depend on the
sample's first date.
"""

from __future__ import annotations

from zlib import crc32

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def stream(seed: int, purpose: str, day: int = 0) -> np.random.Generator:
    """Return a random generator for one purpose and, if given, one date.

    Args:
        seed: Seed of the sample.
        purpose: What the numbers are for, such as ``noise``; another text gives independent
            numbers.
        day: Date as a number, see :meth:`datetime.date.toordinal`; 0 for a purpose without dates.
    """
    key = np.random.SeedSequence([seed, crc32(purpose.encode()), day])
    return np.random.Generator(np.random.PCG64(key))


# Square roots of different primes: any two of these walks fill the unit square evenly, so that
# two purposes are not correlated.
_STEPS = {
    "store type": 5**0.5,
    "state": 2**0.5,
    "refurbishment": 3**0.5,
    "promo2": 7**0.5,
    "sunday": 11**0.5,
    "competition": 13**0.5,
}


def spread(seed: int, purpose: str, stores: int) -> Floats:
    """Return evenly spread numbers in [0, 1), one per store.

    With random numbers, a share of stores, such as those of one type, could be far off in a small
    sample. Store k has the fractional part of ``start + k * step`` with an irrational step.

    Args:
        seed: Seed of the sample; it determines the start.
        purpose: Key of ``_STEPS``.
        stores: Number of stores.
    """
    start = stream(seed, purpose).random()
    walk = (start + _STEPS[purpose] * np.arange(1, stores + 1)) % 1.0
    return np.asarray(walk, dtype=np.float64)


def day_normals(seed: int, purpose: str, days: npt.NDArray[np.int64], count: int) -> Floats:
    """Return standard normal numbers of shape (days, count), one stream per day.

    Args:
        seed: Seed of the sample.
        purpose: What the numbers are for.
        days: Dates as numbers, see :meth:`datetime.date.toordinal`.
        count: Number of draws per day: the number of stores or states, or 1.
    """
    return np.array([stream(seed, purpose, day).standard_normal(count) for day in days.tolist()])


def day_uniforms(seed: int, purpose: str, days: npt.NDArray[np.int64], count: int) -> Floats:
    """Return uniform random numbers in [0, 1); arguments and shape as in :func:`day_normals`."""
    return np.array([stream(seed, purpose, day).random(count) for day in days.tolist()])
