"""Limit BLAS to one thread, so that features are bit-identical in every process.

BLAS is the library with which numpy multiplies matrices. If several threads share a product, they
add its terms in another order. The linear forecast uses float32, in which such results differ by
one part in ten million, so a recomputed forecast would differ from the stored one. Environment
variables cannot limit BLAS here, because it reads them only when numpy is first imported. See
:mod:`rossmann_ml.base.process` for the number of threads that a process uses.
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
    """Decorate a function so that BLAS (numpy's matrix library) uses one thread while it runs."""

    @wraps(function)
    def limited(*args: P.args, **kwargs: P.kwargs) -> T:
        with _LIBRARIES.limit(limits=1):
            return function(*args, **kwargs)

    return limited
