"""Functions that compute features run BLAS in one thread, so that features are bit-identical.

See the docstring of ``rossmann_ml.features.blas`` for the reason. The arguments in these tests
record the thread limit of BLAS when a function reads them, while the limit outside is higher.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from datetime import date

import numpy as np
import pytest
from support import frozen_world
from threadpoolctl import threadpool_info, threadpool_limits

from rossmann_ml.features.blas import one_blas_thread
from rossmann_ml.features.grid import SalesGrid
from rossmann_ml.features.history import expectations, history_features
from rossmann_ml.features.linear import LinearForecast, LinearSums, linear_forecasts, running_sums
from rossmann_ml.features.linear_design import LinearDesign
from rossmann_ml.features.residuals import as_of_origin

INPUTS = frozen_world.inputs()
PARAMS = frozen_world.PARAMS
ORIGIN = date(2013, 1, 20)
seen: list[int] = []


def blas_threads() -> int:
    """Return the thread limit of numpy's BLAS, the only library whose limit functions change."""
    return min(each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas")


class WatchedSales(SalesGrid):
    def until(self, day: date) -> SalesGrid:
        seen.append(blas_threads())
        return super().until(day)


class WatchedDesign(LinearDesign):
    def __getattribute__(self, name: str):
        if name == "day_columns":
            seen.append(blas_threads())
        return super().__getattribute__(name)


class WatchedSums(LinearSums):
    def __getattribute__(self, name: str):
        if name == "chain":
            seen.append(blas_threads())
        return super().__getattribute__(name)


def watched(kind: type, of: object):
    return kind(*(getattr(of, field.name) for field in fields(of)))


@pytest.fixture
def more_threads_allowed() -> Iterator[None]:
    with threadpool_limits(2, user_api="blas"):
        if blas_threads() < 2:
            pytest.skip("this machine's BLAS has one thread only")
        seen.clear()
        yield


def linear() -> LinearForecast:
    (forecast,) = linear_forecasts(INPUTS.sales, INPUTS.plan, INPUTS.stores, [ORIGIN])
    return forecast


def make_features() -> None:
    history_features(
        watched(WatchedSales, INPUTS.sales), INPUTS.plan, INPUTS.stores, linear(),
        horizon_days=3, params=PARAMS,
    )  # fmt: skip


def look_back() -> None:
    sales = watched(WatchedSales, INPUTS.sales)
    as_of_origin(sales, INPUTS.plan, INPUTS.stores, linear(), PARAMS)


def expect() -> None:
    forecast = linear()
    known = as_of_origin(INPUTS.sales, INPUTS.plan, INPUTS.stores, forecast, PARAMS)

    class WatchedForecast(LinearForecast):
        def chain_shape(self, first: int, last: int) -> np.ndarray:
            seen.append(blas_threads())
            return super().chain_shape(first, last)

    expectations(watched(WatchedForecast, forecast), known, INPUTS.plan, horizon_days=3)


def sum_up() -> LinearSums:
    design = watched(WatchedDesign, LinearDesign.from_plan(INPUTS.plan))
    (sums,) = running_sums(INPUTS.sales, design, [ORIGIN])
    return sums


def fit() -> None:
    design = LinearDesign.from_plan(INPUTS.plan)
    (sums,) = running_sums(INPUTS.sales, design, [ORIGIN])
    LinearForecast.fit(watched(WatchedSums, sums), design, INPUTS.stores.groups())


def combine() -> None:
    design = watched(WatchedDesign, LinearDesign.from_plan(INPUTS.plan))
    design.combine(np.zeros((1, design.columns), np.float32), 0, 3)


@pytest.mark.parametrize(
    "work", [make_features, look_back, expect, sum_up, fit, combine], ids=lambda each: each.__name__
)
def test_matrix_products_run_in_one_thread_when_more_are_allowed(
    work: Callable[[], object], more_threads_allowed: None
) -> None:
    work()
    assert seen
    assert set(seen) == {1}
    assert blas_threads() == 2, "the limit ends with the work"


def test_a_limited_function_keeps_its_result_name_and_docstring(more_threads_allowed: None) -> None:
    @one_blas_thread
    def threads(more: int, *, much_more: int) -> int:
        """Count."""
        return blas_threads() + more + much_more

    assert threads(10, much_more=100) == 111
    assert threads.__name__ == "threads"
    assert threads.__doc__ == "Count."
