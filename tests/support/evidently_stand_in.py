"""Replace the classes of Evidently that the product uses, because importing it takes seconds.

The results have Evidently's form; tests/component/monitoring/test_drift.py compares the figures
with the real library's.
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
    """Names of the columns by kind."""

    def __init__(self, numerical_columns, categorical_columns=(), regression=()) -> None:
        self.numerical, self.categorical = numerical_columns, categorical_columns
        self.regression = regression


class Dataset:
    """A table with the kinds of its columns."""

    def __init__(self, frame: pd.DataFrame, definition: DataDefinition) -> None:
        self.frame, self.definition = frame, definition

    @classmethod
    def from_pandas(cls, frame: pd.DataFrame, data_definition: DataDefinition) -> Dataset:
        """Return a data set of a pandas frame."""
        return cls(frame, data_definition)

    def values(self, column: str, *, is_categorical: bool) -> list:
        """Return the values of a declared column, without missing ones."""
        known = self.definition.categorical if is_categorical else self.definition.numerical
        assert column in known
        return self.frame[column].dropna().to_list()


class ValueDrift:
    """Metric: the distance of one column."""

    def __init__(self, column: str, method: str, threshold: float) -> None:
        self.column, self.method, self.threshold = column, method, threshold

    def results(self, current: Dataset, reference: Dataset) -> list[dict]:
        """Return one result; NaN for equal shares, as rounding may give."""
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
    """Names of the columns of actuals and forecasts."""

    def __init__(self, target: str, prediction: str) -> None:
        self.target, self.prediction = target, prediction


class RegressionPreset:
    """Metric: errors of forecasts."""

    def results(self, current: Dataset, reference: Dataset | None) -> list[dict]:
        """Return mean error, mean absolute percentage error (times 100) and another metric."""
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
    """Metrics to compute on two data sets."""

    def __init__(self, metrics: list, *, include_tests: bool) -> None:
        self.metrics, self.include_tests = metrics, include_tests
        self.found: list[dict] = []

    def run(self, current: Dataset, reference: Dataset | None) -> Report:
        """Compute the metrics."""
        self.found = [row for each in self.metrics for row in each.results(current, reference)]
        return self

    def dict(self) -> dict:
        """Return the results in Evidently's form."""
        return {"metrics": self.found}

    def save_html(self, path: str) -> None:
        """Write a page that names the metrics."""
        Path(path).write_text(f"tests: {self.include_tests}", encoding="utf-8")


def stand_in(patched: pytest.MonkeyPatch) -> None:
    """Replace Evidently by this module for one test."""
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
