"""Run queries on the published generation, and cache their results.

The cache key is the generation, the query and its arguments. A cached result never becomes
outdated, because a generation never changes. Queries are in :mod:`app.queries` and in the
``queries`` module of each page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import duckdb
import streamlit as st

from app.published import Reading
from rossmann_ml.base.errors import NoDataError
from rossmann_ml.serving.generations import GenerationInfo

P = ParamSpec("P")
T = TypeVar("T")


class Answers:
    """Runs a page's queries on one generation and caches their results.

    Attributes:
        info: Description of the generation: id, forecast origin, model version, data version.
        reading: The open generation. Each query gets it as its first argument.
    """

    def __init__(self, reading: Reading) -> None:
        self.info: GenerationInfo = reading.info
        self.reading = reading

    def __call__(
        self, query: Callable[Concatenate[Reading, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return the result of a query on the generation, from the cache if the query ran before.

        Args:
            query: Function that reads from the generation. Its first argument is the ``Reading``.
            *args: Further arguments of the query.
            **kwargs: Further named arguments of the query.

        Raises:
            NoDataError: An earlier version of the product published the generation, without a table
                or column that the query reads.
        """
        try:
            answer: T = _answer(
                (self.info.generation_id, self.info.published_at),
                f"{query.__module__}.{query.__qualname__}",
                (args, kwargs),
                _ask=lambda: query(self.reading, *args, **kwargs),
            )
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise NoDataError(
                "an earlier version of the product published these data, without what is shown "
                "here. `rossmann refresh` publishes them again"
            ) from error
        return answer


@st.cache_data(max_entries=2_000, show_spinner=False)
def _answer(
    generation: tuple[object, ...],  # noqa: ARG001 - part of the key
    query: str,  # noqa: ARG001 - part of the key
    values: tuple[object, ...],  # noqa: ARG001 - part of the key
    _ask: Callable[[], Any],
) -> Any:
    return _ask()
