"""Run each query once a generation: its result is cached as long as the generation is current.

A generation never changes, so a result is good for its id and the query. Queries are in
:mod:`app.queries` and in ``queries`` of each page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import streamlit as st

from app.published import Reading
from rossmann_ml.serving.generations import GenerationInfo

P = ParamSpec("P")
T = TypeVar("T")


class Answers:
    """What a page asks of one generation.

    Attributes:
        info: What the generation is.
        reading: For what cannot be kept as an answer, such as a loaded model.
    """

    def __init__(self, reading: Reading) -> None:
        self.info: GenerationInfo = reading.info
        self.reading = reading

    def __call__(
        self, query: Callable[Concatenate[Reading, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a query on the generation, or return the result that is cached."""
        answer: T = _answer(
            (self.info.generation_id, self.info.published_at),
            f"{query.__module__}.{query.__qualname__}",
            (args, kwargs),
            _ask=lambda: query(self.reading, *args, **kwargs),
        )
        return answer


@st.cache_data(max_entries=2_000, show_spinner=False)
def _answer(
    generation: tuple[object, ...],  # noqa: ARG001 - part of the key
    query: str,  # noqa: ARG001 - part of the key
    values: tuple[object, ...],  # noqa: ARG001 - part of the key
    _ask: Callable[[], Any],
) -> Any:
    return _ask()
