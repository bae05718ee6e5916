"""A decorated function runs BLAS in one thread and restores the former limit afterwards."""

from __future__ import annotations

import pytest
from threadpoolctl import ThreadpoolController, threadpool_limits

from rossmann_ml.features.blas import one_blas_thread


def blas_threads() -> list[int]:
    """Return the thread limit of numpy's BLAS; others, such as scipy's, compute no features."""
    libraries = ThreadpoolController().select(user_api="blas").info()
    return [each["num_threads"] for each in libraries if "numpy" in each["filepath"]]


@one_blas_thread
def threads_within(*numbers: int, failing: bool = False) -> tuple[list[int], tuple[int, ...]]:
    """Return the thread limit inside a decorated function."""
    if failing:
        raise ArithmeticError
    return blas_threads(), numbers


def test_a_function_has_one_thread_and_the_limit_is_restored() -> None:
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        assert before == [2] * len(before) != []
        assert threads_within(3, 4) == ([1] * len(before), (3, 4))
        assert blas_threads() == before


def test_the_limit_is_restored_after_an_error() -> None:
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        with pytest.raises(ArithmeticError):
            threads_within(failing=True)
        assert blas_threads() == before


def test_a_function_keeps_its_name_and_docstring() -> None:
    assert threads_within.__name__ == "threads_within"
    assert threads_within.__doc__ == "Return the thread limit inside a decorated function."
