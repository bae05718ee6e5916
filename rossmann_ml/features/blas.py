"""Limit BLAS to one thread, so that features are bit-identical in every process.

Threads that share a matrix product sum it in another order. In float32, which the linear forecast
uses, the results differ by one part in ten million, and a recomputed forecast would differ from
the stored one. Environment variables are not enough, because BLAS reads them only when numpy is
first imported. See :mod:`rossmann_ml.base.process` for the number of threads of a process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np  # noqa: F401 - loads the BLAS library that is limited below
from threadpoolctl import ThreadpoolController

Function = TypeVar("Function", bound=Callable[..., object])

one_blas_thread: Callable[[Function], Function] = ThreadpoolController().wrap(
    limits=1, user_api="blas"
)
"""Decorator that lets BLAS compute the matrix products of a function in one thread."""
