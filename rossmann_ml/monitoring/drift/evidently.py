"""Compute drift distances (see :func:`distances`) and forecast errors with Evidently.

Entry points: :func:`distances`, :func:`performance`. This is the only module that uses Evidently,
because its classes and results change between versions. The functions import Evidently themselves,
because the import takes seconds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rossmann_ml.monitoring.drift.windows import Sample


def method_of(sample: Sample) -> str:
    """Return Evidently's name of the distance: Jensen-Shannon for categories, else Wasserstein."""
    return "jensenshannon" if sample.is_categorical else "wasserstein"


def distances(
    samples: Sequence[Sample], thresholds: Sequence[float], report_path: Path | None = None
) -> list[float]:
    """Compute the distance between current and reference values of each sample.

    For categories it is the Jensen-Shannon distance of their shares: 0 for equal shares, 0.83 for
    no common category. For numbers it is the Wasserstein distance, in standard deviations of the
    reference.

    Args:
        samples: Samples to compare.
        thresholds: Smallest distance that counts as drift, one per sample. They mark drift on
            Evidently's page and do not change the result.
        report_path: Path of Evidently's HTML page, which needs no network; None for no page.

    Returns:
        One distance per sample.
    """
    if not samples:  # saves the import in a new warehouse
        return []
    import pandas as pd  # noqa: PLC0415
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
    # one table of columns of different lengths: Evidently ignores the cells that are missing
    current, reference = (
        pd.DataFrame({name: pd.Series(values.to_numpy()) for name, values in side.items()})
        for side in (
            {name: each.current for name, each in named.items()},
            {name: each.reference for name, each in named.items()},
        )
    )
    snapshot = report.run(
        Dataset.from_pandas(current, data_definition=definition),
        Dataset.from_pandas(reference, data_definition=definition),
    )
    if report_path is not None:
        _save(snapshot, report_path)
    values = [float(metric["value"]) for metric in snapshot.dict()["metrics"]]
    # rounding can make the distance of equal shares the root of a tiny negative number
    return [0.0 if math.isnan(value) else value for value in values]


def performance(
    forecast: np.ndarray, actual: np.ndarray, report_path: Path | None = None
) -> tuple[float, float]:
    """Compute errors of forecasts against actual sales.

    Args:
        forecast: Forecast sales in EUR, shape (store-days,).
        actual: Actual sales in EUR, above 0, shape (store-days,).
        report_path: Path of Evidently's HTML page, which needs no network; None for no page.

    Returns:
        Mean absolute percentage error as a share, and mean of forecast minus sales in EUR.
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
    return float(values["MAPE"]["mean"]) / 100, float(values["MeanError"]["mean"])


def _save(snapshot: Any, path: Path) -> None:
    """Write a result of Evidently as an HTML page; create its folder if necessary."""
    path.parent.mkdir(parents=True, exist_ok=True)
    snapshot.save_html(str(path))
