"""Random numbers that depend on what they are for, never on how many were drawn before.

A stream is named by a purpose and, where it matters, a day. Within a stream the numbers belong to
stores 1, 2, 3, … in this order, so store 5 is the same store in a chain of 10 and of 100,000, and a
day's noise is the same whatever the first day is and however the work is cut into blocks.
"""

from __future__ import annotations

from zlib import crc32

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def stream(seed: int, purpose: str, day: int = 0) -> np.random.Generator:
    """Return the generator of one purpose.

    Args:
        seed: The seed of the whole sample.
        purpose: What the numbers are for; another word gives independent numbers.
        day: The day as a proleptic ordinal, where a purpose has numbers for every day.
    """
    key = np.random.SeedSequence([seed, crc32(purpose.encode()), day])
    return np.random.Generator(np.random.PCG64(key))


# Square roots of different primes: any two of these walks fill the square evenly, so that two
# purposes do not move together.
_STEPS = {
    "store type": 5**0.5,
    "state": 2**0.5,
    "refurbishment": 3**0.5,
    "promo2": 7**0.5,
    "sunday": 11**0.5,
    "competition": 13**0.5,
}


def spread(seed: int, purpose: str, stores: int) -> Floats:
    """Return one number in [0, 1) per store, spread so evenly that shares hold in small samples.

    Store k gets the fractional part of ``start + k * step`` with an irrational step.

    Args:
        seed: The seed of the whole sample; it sets the start.
        purpose: One of the purposes that have a step.
        stores: How many stores.
    """
    start = stream(seed, purpose).random()
    walk = (start + _STEPS[purpose] * np.arange(1, stores + 1)) % 1.0
    return np.asarray(walk, dtype=np.float64)


def day_normals(seed: int, purpose: str, days: npt.NDArray[np.int64], count: int) -> Floats:
    """Return standard normal numbers of shape (days, count), one stream per day.

    Args:
        seed: The seed of the whole sample.
        purpose: What the numbers are for.
        days: Proleptic ordinals of the days.
        count: Numbers per day: one per store, or per state, or one.
    """
    return np.array([stream(seed, purpose, day).standard_normal(count) for day in days.tolist()])


def day_uniforms(seed: int, purpose: str, days: npt.NDArray[np.int64], count: int) -> Floats:
    """Return numbers in [0, 1) of shape (days, count), one stream per day."""
    return np.array([stream(seed, purpose, day).random(count) for day in days.tolist()])
