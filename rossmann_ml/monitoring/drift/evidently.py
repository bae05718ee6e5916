"""Compute distances between samples and the performance of forecasts with Evidently.

Entry points: :func:`distances`, :func:`performance`. This is the only module that uses Evidently,
because its classes and results change between versions. Evidently is imported late, because the
import takes seconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from rossmann_ml.monitoring.drift.windows import Sample


@dataclass(frozen=True)
class Performance:
    """Errors of forecasts against actual sales.

    Attributes:
        mape: Mean absolute percentage error, as a share.
        mean_error: Mean of forecast minus sales, EUR.
    """

    mape: float
    mean_error: float


def method_of(sample: Sample) -> str:
    """Return the name in Evidently of the distance that suits a sample."""
    return "jensenshannon" if sample.is_categorical else "wasserstein"


def distances(
    samples: Sequence[Sample], thresholds: Sequence[float], report_path: Path | None = None
) -> list[float]:
    """Compute the distance between current and reference values of each sample.

    The distance is Jensen-Shannon (0 to 0.83) for shares of categories, and Wasserstein in
    standard deviations of the reference for numbers.

    Args:
        samples: Samples to compare.
        thresholds: Smallest distance that counts as drift, one per sample; Evidently's page shows
            it.
        report_path: Path of Evidently's HTML page, which needs no network; None for no page.

    Returns:
        One distance per sample.
    """
    if not samples:  # saves the import in a new warehouse
        return []
    from evidently import DataDefinition, Dataset, Report  # noqa: PLC0415
    from evidently.metrics import ValueDrift  # noqa: PLC0415

    named = {f"{each.kind}: {each.feature.replace('_', ' ')}": each for each in samples}
    definition = DataDefinition(
        numerical_columns=[name for name, each in named.items() if not each.is_categorical],
        categorical_columns=[name for name, each in named.items() if each.is_categorical],
    )
    report = Report(
        [
            ValueDrift(column=name, method=method_of(sample), threshold=threshold)
            for (name, sample), threshold in zip(named.items(), thresholds, strict=True)
        ],
        # without tests the page does not show what drifted
        include_tests=report_path is not None,
    )
    snapshot = report.run(
        *(
            Dataset.from_pandas(_one_table(columns), data_definition=definition)
            for columns in (
                {name: each.current for name, each in named.items()},
                {name: each.reference for name, each in named.items()},
            )
        )
    )
    if report_path is not None:
        _save(snapshot, report_path)
    values = [float(metric["value"]) for metric in snapshot.dict()["metrics"]]
    # rounding can make the distance of equal shares the root of a tiny negative number
    return [0.0 if math.isnan(value) else value for value in values]


def performance(
    forecast: np.ndarray, actual: np.ndarray, report_path: Path | None = None
) -> Performance:
    """Compute errors of forecasts against actual sales.

    Args:
        forecast: Forecast sales in EUR, shape (store-days,).
        actual: Actual sales in EUR, above 0, shape (store-days,).
        report_path: Path of Evidently's HTML page, which needs no network; None for no page.
    """
    import pandas as pd  # noqa: PLC0415
    from evidently import DataDefinition, Dataset, Regression, Report  # noqa: PLC0415
    from evidently.presets import RegressionPreset  # noqa: PLC0415

    data = Dataset.from_pandas(
        pd.DataFrame({"sales": actual, "forecast": forecast}),
        data_definition=DataDefinition(
            numerical_columns=["sales", "forecast"],
            regression=[Regression(target="sales", prediction="forecast")],
        ),
    )
    snapshot = Report([RegressionPreset()], include_tests=False).run(data, None)
    if report_path is not None:
        _save(snapshot, report_path)
    values = {
        str(metric["metric_name"]).partition("(")[0]: metric["value"]
        for metric in snapshot.dict()["metrics"]
    }
    return Performance(
        mape=float(values["MAPE"]["mean"]) / 100,
        mean_error=float(values["MeanError"]["mean"]),
    )


def _one_table(columns: Mapping[str, pl.Series]) -> Any:
    """Combine columns of different lengths into a pandas frame; Evidently ignores NaN cells."""
    import pandas as pd  # noqa: PLC0415

    return pd.DataFrame({name: pd.Series(column.to_numpy()) for name, column in columns.items()})


def _save(snapshot: Any, path: Path) -> None:
    """Write Evidently's HTML page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    snapshot.save_html(str(path))
