"""The generation's model, loaded once for all visitors, and what it has scored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import polars as pl
import streamlit as st

from app.dashboard.views.what_if.plan_changes import Change
from rossmann_ml.base.settings import load_settings
from rossmann_ml.serving.generations import GenerationInfo
from rossmann_ml.serving.what_if import Scenarios


class Score(Protocol):
    """What the page asks: forecasts of stores over a changed plan."""

    def __call__(self, store_ids: Sequence[int], changes: Sequence[Change]) -> pl.DataFrame:
        """Score; the columns are those of :meth:`rossmann_ml.serving.what_if.Scenarios.score`."""
        ...


def score_of(info: GenerationInfo) -> Score:
    """How the model of a generation scores."""
    settings = load_settings()
    folder = settings.published_path

    def score(store_ids: Sequence[int], changes: Sequence[Change]) -> pl.DataFrame:
        return _scored(
            (info.generation_id, folder), tuple(store_ids), tuple(changes), settings.threads
        )

    return score


@st.cache_resource(max_entries=1, show_spinner="Loading the model")
def _scenarios(generation: tuple[str, Path], threads: int) -> Scenarios:
    generation_id, folder = generation
    return Scenarios.load(folder / f"{generation_id}.duckdb", folder / "models", threads=threads)


@st.cache_data(max_entries=50, show_spinner="Forecasting over the changed plan")
def _scored(
    generation: tuple[str, Path],
    store_ids: tuple[int, ...],
    changes: tuple[Change, ...],
    threads: int,
) -> pl.DataFrame:
    scenarios = _scenarios(generation, threads)
    return scenarios.score(store_ids, [change.as_plan_change() for change in changes])
