"""Forecast scenarios with the generation's model, which is loaded once for all visitors."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import streamlit as st

from app.dashboard.views.what_if.plan_changes import Change
from rossmann_ml.base.settings import load_settings
from rossmann_ml.serving.what_if import Scenarios
from rossmann_ml.serving.what_if_totals import ScenarioTotals


@st.cache_data(max_entries=50, show_spinner="Forecasting with the changed plan")
def score(
    generation_id: str, store_ids: tuple[int, ...], changes: tuple[Change, ...]
) -> pl.DataFrame:
    """Forecast stores with a changed plan, or return the cached result of the same request.

    Args:
        generation_id: Generation whose model, data and plan are used.
        store_ids: Stores to forecast. All changes apply to each of them.
        changes: Changes of the plan; later changes override earlier ones.

    Returns:
        Forecasts with the columns of :meth:`rossmann_ml.serving.what_if.Scenarios.score`.
    """
    settings = load_settings()
    scenarios = _scenarios(settings.published_path, generation_id, settings.threads)
    return scenarios.score(store_ids, [change.as_plan_change() for change in changes])


def totals(generation_id: str) -> ScenarioTotals:
    """Return what adds up forecasts of this generation's model to totals."""
    settings = load_settings()
    return _scenarios(settings.published_path, generation_id, settings.threads).totals


@st.cache_resource(max_entries=1, show_spinner="Loading the model")
def _scenarios(folder: Path, generation_id: str, threads: int) -> Scenarios:
    return Scenarios.load(folder / f"{generation_id}.duckdb", folder / "models", threads=threads)
