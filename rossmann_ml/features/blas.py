"""Limit BLAS to one thread, so that features are bit-identical in every process.

Threads that share a matrix product sum it in another order. In float32, which the linear forecast
uses, the results differ by one part in ten million, and a recomputed forecast would differ from
the stored one. Environment variables are not enough, because BLAS reads them only when numpy is
first imported. See :mod:`rossmann_ml.base.process` for the number of threads of a process.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import numpy as np  # noqa: F401 - loads the BLAS library that is limited below
from threadpoolctl import ThreadpoolController

P = ParamSpec("P")
T = TypeVar("T")

_LIBRARIES = ThreadpoolController().select(user_api="blas")


def one_blas_thread(function: Callable[P, T]) -> Callable[P, T]:
    """Decorate a function so that BLAS computes its matrix products in one thread."""

    @wraps(function)
    def limited(*args: P.args, **kwargs: P.kwargs) -> T:
        with _LIBRARIES.limit(limits=1):
            return function(*args, **kwargs)

    return limited
