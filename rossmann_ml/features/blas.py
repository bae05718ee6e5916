"""Limit BLAS to one thread, so that features are bit-identical in every process.

BLAS is the library with which numpy multiplies matrices. The order in which it adds the terms of a
product depends on its number of threads. The linear forecast uses float32, in which sums in
different orders differ by about one part in ten million, so a recomputed forecast would differ from
the stored one. Environment variables cannot limit BLAS here, because it reads them only when numpy
is first imported. :data:`one_blas_thread` limits it while a function runs. See
:mod:`rossmann_ml.base.process` for the number of threads that a process uses.
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
"""Decorator with which BLAS (numpy's matrix library) uses one thread while a function runs."""
