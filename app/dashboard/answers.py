"""Asking a generation once: answers are kept as long as the generation is the current one.

A generation never changes, so an answer is good for its id and the question. Which questions there
are is in :mod:`app.queries` and ``questions``.
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
        self, question: Callable[Concatenate[Reading, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Ask a question of the generation, or repeat the answer that was given before."""
        answer: T = _answer(
            (self.info.generation_id, self.info.published_at),
            f"{question.__module__}.{question.__qualname__}",
            (args, kwargs),
            _ask=lambda: question(self.reading, *args, **kwargs),
        )
        return answer


@st.cache_data(max_entries=2_000, show_spinner=False)
def _answer(
    generation: tuple[object, ...],  # noqa: ARG001 - part of the key
    question: str,  # noqa: ARG001 - part of the key
    values: tuple[object, ...],  # noqa: ARG001 - part of the key
    _ask: Callable[[], Any],
) -> Any:
    return _ask()
