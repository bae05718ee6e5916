"""What the product uses of Evidently, in loops: importing Evidently itself takes seconds.

The form of its results is Evidently's; tests/unit/test_drift.py holds the figures against it.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from support.drift_distances import jensen_shannon, wasserstein


class DataDefinition:
    """Which column is what."""

    def __init__(self, numerical_columns, categorical_columns=(), regression=()) -> None:
        self.numerical, self.categorical = numerical_columns, categorical_columns
        self.regression = regression


class Dataset:
    """A table with its definition."""

    def __init__(self, frame: pd.DataFrame, definition: DataDefinition) -> None:
        self.frame, self.definition = frame, definition

    @classmethod
    def from_pandas(cls, frame: pd.DataFrame, data_definition: DataDefinition) -> Dataset:
        """Take a table as it is."""
        return cls(frame, data_definition)

    def values(self, column: str, *, is_categorical: bool) -> list:
        """A column that was said to be of its kind, without what is missing."""
        known = self.definition.categorical if is_categorical else self.definition.numerical
        assert column in known
        return self.frame[column].dropna().to_list()


class ValueDrift:
    """The distance of one column."""

    def __init__(self, column: str, method: str, threshold: float) -> None:
        self.column, self.method, self.threshold = column, method, threshold

    def results(self, current: Dataset, reference: Dataset) -> list[dict]:
        """One result; equal shares give what is no number, as rounding may."""
        is_categorical = self.method == "jensenshannon"
        now, then = (
            each.values(self.column, is_categorical=is_categorical) for each in (current, reference)
        )
        value = jensen_shannon(now, then) if is_categorical else wasserstein(now, then)
        if is_categorical and value == 0:
            value = math.nan
        name = f"ValueDrift(column={self.column},threshold={self.threshold})"
        return [{"metric_name": name, "value": value}]


class Regression:
    """Which column is forecast by which."""

    def __init__(self, target: str, prediction: str) -> None:
        self.target, self.prediction = target, prediction


class RegressionPreset:
    """Errors of forecasts."""

    def results(self, current: Dataset, reference: Dataset | None) -> list[dict]:
        """Mean error and mean absolute percentage error among others; percentages are times 100."""
        assert reference is None
        (columns,) = current.definition.regression
        actual = current.values(columns.target, is_categorical=False)
        forecast = current.values(columns.prediction, is_categorical=False)
        errors = [guess - sold for guess, sold in zip(forecast, actual, strict=True)]
        shares = [abs(error) / sold for error, sold in zip(errors, actual, strict=True)]
        count = len(actual)
        return [
            {"metric_name": "MeanError(error_plot=True)", "value": {"mean": sum(errors) / count}},
            {
                "metric_name": "MAPE(error_distr=False)",
                "value": {"mean": 100 * sum(shares) / count},
            },
            {"metric_name": "RMSE(error_plot=False)", "value": -1.0},
        ]


class Report:
    """Metrics to be run on two data sets."""

    def __init__(self, metrics: list, *, include_tests: bool) -> None:
        self.metrics, self.include_tests = metrics, include_tests
        self.found: list[dict] = []

    def run(self, current: Dataset, reference: Dataset | None) -> Report:
        """Work the metrics out."""
        self.found = [row for each in self.metrics for row in each.results(current, reference)]
        return self

    def dict(self) -> dict:
        """The results in the form of Evidently's."""
        return {"metrics": self.found}

    def save_html(self, path: str) -> None:
        """Write a page that says what was asked for."""
        Path(path).write_text(f"tests: {self.include_tests}", encoding="utf-8")


def stand_in(patched: pytest.MonkeyPatch) -> None:
    """Put this in Evidently's place for one test."""
    modules = {
        "evidently": (DataDefinition, Dataset, Regression, Report),
        "evidently.metrics": (ValueDrift,),
        "evidently.presets": (RegressionPreset,),
    }
    for name, classes in modules.items():
        module = ModuleType(name)
        for each in classes:
            setattr(module, each.__name__, each)
        patched.setitem(sys.modules, name, module)
