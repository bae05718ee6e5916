"""Evidently, behind two functions: how far samples are apart, and how good forecasts were.

Belongs here: everything that knows Evidently's classes and the form of its results, which changes
between its versions. It is imported late: that takes seconds.
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
    """How good forecasts were.

    Attributes:
        mape: Mean absolute percentage error, a share.
        mean_error: Mean of forecast minus sales, EUR.
    """

    mape: float
    mean_error: float


def method_of(sample: Sample) -> str:
    """How both sides of a sample are compared, by Evidently's name."""
    return "jensenshannon" if sample.is_categorical else "wasserstein"


def distances(
    samples: Sequence[Sample], thresholds: Sequence[float], report_path: Path | None = None
) -> list[float]:
    """Measure how far both sides of each sample are apart.

    Categories by the Jensen-Shannon distance of their shares (0 to 0.83), numbers by the
    Wasserstein distance in standard deviations of the reference.

    Args:
        samples: What to compare.
        thresholds: The value from which on each has drifted; the report shows it.
        report_path: Where to write Evidently's page, if anywhere; it needs no network.

    Returns:
        One distance a sample.
    """
    if not samples:  # a young warehouse: not worth the seconds of the import
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
        # without it nothing says in the report what drifted
        include_tests=report_path is not None,
    )
    snapshot = report.run(
        *(
            Dataset.from_pandas(_side_by_side(columns), data_definition=definition)
            for columns in (
                {name: each.current for name, each in named.items()},
                {name: each.reference for name, each in named.items()},
            )
        )
    )
    if report_path is not None:
        _save(snapshot, report_path)
    values = [float(metric["value"]) for metric in snapshot.dict()["metrics"]]
    # equal shares can give the root of a tiny negative number
    return [0.0 if math.isnan(value) else value for value in values]


def performance(
    forecast: np.ndarray, actual: np.ndarray, report_path: Path | None = None
) -> Performance:
    """Judge forecasts of store-days by what was sold.

    Args:
        forecast: Shape (store-days,), EUR.
        actual: Shape (store-days,), EUR, more than 0.
        report_path: Where to write Evidently's page, if anywhere; it needs no network.
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


def _side_by_side(columns: Mapping[str, pl.Series]) -> Any:
    """Columns of different lengths in one table; Evidently leaves out what is missing."""
    import pandas as pd  # noqa: PLC0415

    return pd.DataFrame({name: pd.Series(column.to_numpy()) for name, column in columns.items()})


def _save(snapshot: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    snapshot.save_html(str(path))
