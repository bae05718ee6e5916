"""One thread for BLAS, so that features are the same bits wherever they are made.

A product of matrices that is shared among threads is summed in another order. In float32, which
the linear forecast uses, that is one part in ten million, and a forecast scored again in another
process would not be the stored one. The environment cannot be relied on: whoever imported numpy
first has decided. Not here: how many threads a process may use (:mod:`rossmann_ml.base.process`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import numpy as np  # noqa: F401 - loads the library that is looked for below
from threadpoolctl import ThreadpoolController

P = ParamSpec("P")
T = TypeVar("T")

_LIBRARIES = ThreadpoolController().select(user_api="blas")


def one_blas_thread(function: Callable[P, T]) -> Callable[P, T]:
    """Let a function's products of matrices be made by one thread."""

    @wraps(function)
    def limited(*args: P.args, **kwargs: P.kwargs) -> T:
        with _LIBRARIES.limit(limits=1):
            return function(*args, **kwargs)

    return limited
