"""Forecast scenarios with the generation's model, which is loaded once for all visitors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import streamlit as st

from app.dashboard.views.what_if.plan_changes import Change
from rossmann_ml.base.settings import load_settings
from rossmann_ml.serving.generations import GenerationInfo
from rossmann_ml.serving.what_if import Scenarios


def score(
    info: GenerationInfo, store_ids: Sequence[int], changes: Sequence[Change]
) -> pl.DataFrame:
    """Forecast stores with a changed plan.

    Returns:
        Forecasts with the columns of :meth:`rossmann_ml.serving.what_if.Scenarios.score`.
    """
    settings = load_settings()
    return _scored(
        (info.generation_id, settings.published_path),
        tuple(store_ids),
        tuple(changes),
        settings.threads,
    )


@st.cache_resource(max_entries=1, show_spinner="Loading the model")
def _scenarios(generation: tuple[str, Path], threads: int) -> Scenarios:
    generation_id, folder = generation
    return Scenarios.load(folder / f"{generation_id}.duckdb", folder / "models", threads=threads)


@st.cache_data(max_entries=50, show_spinner="Forecasting with the changed plan")
def _scored(
    generation: tuple[str, Path],
    store_ids: tuple[int, ...],
    changes: tuple[Change, ...],
    threads: int,
) -> pl.DataFrame:
    scenarios = _scenarios(generation, threads)
    return scenarios.score(store_ids, [change.as_plan_change() for change in changes])
