"""Measure drift at the newest origin, and store it in ``monitoring.drift_metrics``.

Entry point: :func:`measure_drift`, which also writes Evidently's pages. Values to compare come from
:mod:`rossmann_ml.monitoring.drift.windows`, distances are computed in
:mod:`rossmann_ml.monitoring.drift.evidently`.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl

from rossmann_ml.base.params.drift import DriftKind, DriftParams
from rossmann_ml.base.settings import Settings
from rossmann_ml.features.inputs import newest_origin
from rossmann_ml.monitoring.drift import evidently as drift_evidently
from rossmann_ml.monitoring.drift.data import DriftData, read_drift_data
from rossmann_ml.monitoring.drift.stores import (
    reopened_stores,
    store_deviations,
    stores_off_level,
)
from rossmann_ml.monitoring.drift.windows import Sample
from rossmann_ml.serving.report_files import report_path, reports_folder
from rossmann_ml.warehouse.connection import append_frame, transaction, utc_now
from rossmann_ml.warehouse.session import Session

# the message names this many stores off their level, and counts the others
_MOST_STORES_NAMED = 10


@dataclass(frozen=True)
class DriftMetric:
    """One drift measure: a row of ``monitoring.drift_metrics`` without run, origin and time.

    Attributes:
        kind: Kind of data: plan, features, sales, forecasts, or performance (errors of the newest
            week's forecasts).
        feature: Name of the measure, a key of
            :data:`~rossmann_ml.base.params.drift.DRIFT_FEATURES`.
        method: Method of the measure, such as ``jensenshannon``, ``wasserstein`` or ``share``.
        value: Measured value.
        threshold: Smallest value that counts as drift.
        current_from: First day of the new data.
        current_to: Last day of the new data.
        detail: Explanation in words, such as the largest change.
        reference_from: First day of the earlier data; None for a measure that needs none.
        reference_to: Last day of the earlier data; None for a measure that needs none.
    """

    kind: DriftKind
    feature: str
    method: str
    value: float
    threshold: float
    current_from: date
    current_to: date
    detail: str
    reference_from: date | None = None
    reference_to: date | None = None

    @property
    def is_drifted(self) -> bool:
        """Whether the value has reached its threshold."""
        return self.value >= self.threshold


@dataclass(frozen=True)
class DriftReport:
    """Drift measures of one origin.

    Attributes:
        forecast_origin: Forecast origin of the measures.
        metrics: All measures, in the order of the kinds in ``params.yaml``.
        pages: Paths of Evidently's pages, by name: ``drift`` if there are samples to compare, and
            ``performance`` (forecast errors) if there are actuals.
        seconds: Duration of the measurement in seconds.
    """

    forecast_origin: date
    metrics: list[DriftMetric]
    pages: dict[str, Path]
    seconds: float

    @property
    def drifted(self) -> list[DriftMetric]:
        """Measures that have reached their thresholds."""
        return [metric for metric in self.metrics if metric.is_drifted]


def measure_drift(session: Session, *, run_id: str) -> DriftReport:
    """Measure drift at the newest origin; store the rows and write Evidently's pages.

    Existing rows of the origin are replaced. Those of later origins are deleted, because a file
    that was withdrawn had moved the origin ahead. Pages of earlier runs are removed, except those
    of the newest runs, whose number is ``monitoring.drift.reports_kept`` in ``params.yaml``.

    Args:
        session: Session of the job; its ``progress`` receives the steps.
        run_id: Id of the run, stored with the rows and part of the pages' paths.

    Raises:
        NoDataError: There is no origin with a plan yet.
    """
    started = time.perf_counter()
    settings, drift = session.settings, session.params.monitoring.drift
    with session.writing() as connection:
        origin = newest_origin(connection)
        session.progress(f"reading the data to compare at {origin}")
        horizon_days = session.params.forecast.horizon_days
        data = read_drift_data(connection, origin=origin, horizon_days=horizon_days)
        session.progress("comparing with the year before")
        pages = {"drift": report_path(settings, run_id, "drift")} if data.samples else {}
        metrics = compare_samples(data.samples, drift, pages.get("drift"))
        metrics += [_assumed_plan(data, drift), *_stores(data, drift)]
        if len(data.actuals):
            pages["performance"] = report_path(settings, run_id, "performance")
            metrics += _performance(data, drift, pages["performance"])
        metrics.sort(key=lambda each: list(drift.thresholds).index(each.kind))
        rows = as_rows(metrics, run_id=run_id, forecast_origin=origin, computed_at=utc_now())
        with transaction(connection):
            connection.execute(
                "DELETE FROM monitoring.drift_metrics WHERE forecast_origin >= ?", [origin]
            )
            append_frame(connection, "monitoring.drift_metrics", rows)
        _remove_old_reports(settings, kept=drift.reports_kept)
    return DriftReport(origin, metrics, pages, time.perf_counter() - started)


def compare_samples(
    samples: Sequence[Sample], params: DriftParams, page: Path | None = None
) -> list[DriftMetric]:
    """Compute one drift measure per sample: the distance of its current from its reference values.

    Args:
        samples: Samples to compare.
        params: Parameters with a threshold for each sample.
        page: Path of Evidently's page; None for no page.
    """
    thresholds = [params.thresholds[sample.kind][sample.feature] for sample in samples]
    values = drift_evidently.distances(samples, thresholds, page)
    return [
        DriftMetric(
            kind=sample.kind,
            feature=sample.feature,
            method=drift_evidently.method_of(sample),
            value=value,
            threshold=threshold,
            reference_from=sample.reference_window.first,
            reference_to=sample.reference_window.last,
            current_from=sample.current_window.first,
            current_to=sample.current_window.last,
            detail=sample.summary(),
        )
        for sample, value, threshold in zip(samples, values, thresholds, strict=True)
    ]


def as_rows(
    metrics: Sequence[DriftMetric], *, run_id: str, forecast_origin: date, computed_at: datetime
) -> pl.DataFrame:
    """Return the measures as rows of ``monitoring.drift_metrics``; add run, origin and time."""
    rows = pl.DataFrame([asdict(each) | {"is_drifted": each.is_drifted} for each in metrics])
    return rows.with_columns(
        run_id=pl.lit(run_id),
        forecast_origin=pl.lit(forecast_origin),
        computed_at=pl.lit(computed_at),
    )


def _assumed_plan(data: DriftData, params: DriftParams) -> DriftMetric:
    """Return the measure ``assumed_plan``: share of the horizon's store-days in no plan file.

    dbt fills these days by rule. A large share means that the newest plan file is too old.
    """
    return DriftMetric(
        kind="plan",
        feature="assumed_plan",
        method="share",
        value=data.assumed_share,
        threshold=params.thresholds["plan"]["assumed_plan"],
        current_from=data.horizon.first,
        current_to=data.horizon.last,
        detail=f"{data.assumed_share:.1%} of the plan filled by rule",
    )


def _stores(data: DriftData, params: DriftParams) -> list[DriftMetric]:
    """Return the measure ``stores_off_level``, alone in a list.

    Its value is the number of stores whose sales in the newest week differ from their own past
    weeks by at least ``min_z`` robust standard deviations and by at least the share ``min_change``.
    Stores that have just reopened are left out. The list is empty if no store can be measured,
    because the newest week has too many holidays or every store has too few past weeks.
    """
    last_day = data.newest_week.last
    reopened = reopened_stores(data.sales, last_day=last_day)
    steady = data.sales.filter(~pl.col("store_id").is_in(reopened))
    deviations = store_deviations(steady, last_day=last_day)
    if deviations.is_empty():  # a week of holidays, or too little history
        return []
    off = stores_off_level(deviations, params.stores)
    named = ", ".join(
        f"store {store} ({change:+.0%})"
        for store, change in off.head(_MOST_STORES_NAMED).select("store_id", "change").iter_rows()
    )
    more = len(off) - _MOST_STORES_NAMED
    return [
        DriftMetric(
            kind="sales",
            feature="stores_off_level",
            method="robust_z",
            value=float(len(off)),
            threshold=params.thresholds["sales"]["stores_off_level"],
            current_from=data.newest_week.first,
            current_to=data.newest_week.last,
            detail=(named + (f" and {more} more" if more > 0 else "")) or "no store",
        )
    ]


def _performance(data: DriftData, params: DriftParams, page: Path) -> list[DriftMetric]:
    """Return two measures of the newest week's forecasts, and write Evidently's page of errors.

    Args:
        data: Data with actuals, at least one row.
        params: Parameters with the thresholds of both measures.
        page: Path of Evidently's page.

    Returns:
        The measures ``mape`` and ``bias``, in this order; ``bias`` without its sign.
    """
    actual = data.actuals["sales"].to_numpy()
    forecast = data.actuals["sales_forecast"].to_numpy()
    mape, mean_error = drift_evidently.performance(forecast, actual, page)
    bias = mean_error / float(actual.mean())
    return [
        DriftMetric(
            kind="performance",
            feature=feature,
            method=feature,
            value=value,
            threshold=params.thresholds["performance"][feature],
            current_from=data.newest_week.first,
            current_to=data.newest_week.last,
            detail=f"forecast at {data.vintage}, {detail}",
        )
        for feature, value, detail in (
            ("mape", mape, f"{len(actual):,} store-days"),
            ("bias", abs(bias), f"{bias:+.1%}"),
        )
    ]


def _remove_old_reports(settings: Settings, *, kept: int) -> None:
    """Remove the report folders of earlier runs, so that the state folder does not grow.

    A folder without ``drift.html`` is neither counted nor removed. The age of a folder is that of
    its ``drift.html``.

    Args:
        settings: Settings with the path of the state folder.
        kept: Number of newest folders that stay, 1 or more.
    """
    pages = reports_folder(settings).glob("*/drift.html")
    for page in sorted(pages, key=lambda page: page.stat().st_mtime_ns)[:-kept]:
        shutil.rmtree(page.parent)
