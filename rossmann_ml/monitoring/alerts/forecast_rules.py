"""Alert rules on forecasts and on the champion.

Input and result of a rule are defined in :mod:`rossmann_ml.monitoring.alerts.findings`.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby

from rossmann_ml.models.blend import BLEND
from rossmann_ml.monitoring.alerts.findings import AlertFinding, Judgement, Situation, some
from rossmann_ml.warehouse.tables import forecasting, models, raw

# longer than any rebuilding of a store: a year has every season
_CLOSED_FOR_GOOD_DAYS = 365


def judge_accuracy(situation: Situation) -> Judgement:
    """Find segments whose MAPE is too large compared with the champion's backtest.

    The MAPE over the served vintages of the last ``window_days`` (see
    :meth:`Situation.live_accuracy`) is divided by the MAPE of the backtest, the median over its
    origins. For all stores the ratio may be up to
    ``max_mape_ratio``, for one store type or state up to ``max_segment_mape_ratio``.

    Returns:
        One finding per segment above its limit; None without a champion, or if no segment has both
        actuals and a backtest.
    """
    rule = situation.params.accuracy
    serving = models.champion(situation.connection)
    if serving is None:
        return None
    expected_by_segment = models.backtest_medians(situation.connection, serving, BLEND)
    rows = [
        (*row[:5], expected_by_segment[row[:2]])
        for row in situation.live_accuracy(rule.window_days, rule.min_days)
        if expected_by_segment.get(row[:2], 0) > 0
    ]
    if not rows:
        return None
    found = []
    for kind, segment, store_days, mape, rmspe, expected in rows:
        limit = rule.max_mape_ratio if kind == "overall" else rule.max_segment_mape_ratio
        if mape / expected > limit:
            found.append(
                AlertFinding(
                    "accuracy",
                    _segment(kind, segment),
                    f"MAPE {mape:.1%} over {store_days:,} store-days with actuals (RMSPE "
                    f"{rmspe:.1%}): {mape / expected:.2f} times the backtest's {expected:.1%}, "
                    f"expected at most {limit:g} times",
                    mape / expected,
                    limit,
                )
            )
    return found


def judge_coverage(situation: Situation) -> Judgement:
    """Find intervals (80%, 95%) whose coverage is outside the limits in ``params.yaml``.

    The coverage is that of all stores in the served vintages of the last ``window_days`` (see
    :meth:`Situation.live_accuracy`).

    Returns:
        One finding per interval outside its limits; None if no vintage of the window has
        ``min_days`` days with actuals.
    """
    rule = situation.params.coverage
    rows = situation.live_accuracy(rule.window_days, rule.min_days)
    overall = [row for row in rows if row[0] == "overall"]
    if not overall:
        return None
    ((_, _, store_days, _, _, *coverages),) = overall
    found = []
    limits = {"80% interval": rule.coverage_80, "95% interval": rule.coverage_95}
    for (interval, (low, high)), coverage in zip(limits.items(), coverages, strict=True):
        if not low <= coverage <= high:
            found.append(
                AlertFinding(
                    "coverage",
                    interval,
                    f"{coverage:.1%} of {store_days:,} store-days were inside the {interval}, "
                    f"expected {low:.1%} to {high:.1%}",
                    coverage,
                    low if coverage < low else high,
                )
            )
    return found


def judge_drift(situation: Situation) -> Judgement:
    """Find drift in the rows of the newest origin in ``monitoring.drift_metrics``.

    Kinds of drift measures are ``plan``, ``features``, ``sales``, ``forecasts`` and ``performance``
    (the forecast errors of the newest week).

    Returns:
        One finding per kind with a measure that has drifted; None before the first measurement.
    """
    rows = situation.connection.execute(
        """
        WITH newest AS (
            SELECT * FROM monitoring.drift_metrics
            WHERE forecast_origin = (SELECT max(forecast_origin) FROM monitoring.drift_metrics)
        )
        SELECT kind, feature, method, value, threshold, detail, is_drifted FROM newest
        WHERE run_id = $run_id
            OR NOT EXISTS (SELECT 1 FROM newest WHERE run_id = $run_id)
        ORDER BY kind, abs(value / nullif(threshold, 0)) DESC NULLS LAST, feature, method
        """,
        {"run_id": situation.run_id},
    ).fetchall()
    if not rows:
        return None
    found = []
    for kind, of_kind in groupby(rows, key=lambda row: row[0]):
        measured = list(dict.fromkeys(row[1:] for row in of_kind))
        drifted = [row for row in measured if row[-1]]
        if not drifted:
            continue
        shown = [
            f"{feature} ({method} {value:.3g}, limit {limit:.3g}{f': {detail}' if detail else ''})"
            for feature, method, value, limit, detail, _ in drifted
        ]
        _, _, value, threshold, *_ = drifted[0]
        found.append(
            AlertFinding(
                "drift",
                str(kind),
                f"{len(drifted)} of {len(measured)} measures of {kind} have drifted: {some(shown)}",
                value,
                threshold,
            )
        )
    return found


def judge_stores_not_forecast(situation: Situation) -> Judgement:
    """Find too large a share of stores without a forecast in the newest weekly run.

    Stores without sales for a year count as permanently closed and are ignored.

    Returns:
        One finding, or an empty list if the share is allowed; None before the first weekly run.
    """
    run = forecasting.newest_weekly_run(situation.connection)
    if run is None:
        return None
    origin, forecast = run.forecast_origin, run.stores
    gone = raw.stores_without_sales_since(
        situation.connection, origin - timedelta(days=_CLOSED_FOR_GOOD_DAYS)
    )
    reasons = [
        (store, why)
        for store, why in forecasting.stores_not_forecast(situation.connection, origin)
        if store not in gone
    ]
    missing = len(reasons)
    share = missing / max(forecast + missing, 1)
    limit = situation.params.stores_not_forecast.max_share
    if share <= limit:
        return []
    message = (
        f"{missing} of {forecast + missing} stores ({share:.1%}) have no forecast from {origin}; "
        f"expected at most {limit:.1%}: {some([f'{store} ({why})' for store, why in reasons])}"
    )
    return [AlertFinding("stores_not_forecast", "stores", message, share, limit)]


def judge_champion_old(situation: Situation) -> Judgement:
    """Find a champion whose training data ended more than ``max_age_days`` ago.

    Returns:
        One finding, or an empty list if the data is new enough; None without a champion.
    """
    champion = models.champion(situation.connection)
    if champion is None:
        return None
    trained_through = models.trained_through(situation.connection, champion)
    if trained_through is None:
        return None
    age = situation.today - trained_through
    limit = situation.params.champion_old.max_age_days
    if age <= timedelta(days=limit):
        return []
    message = (
        f"{champion} was trained on sales up to {trained_through}, {age.days} days before "
        f"{situation.today}; expected at most {limit}"
    )
    return [AlertFinding("champion_old", "champion", message, age.days, limit)]


def _segment(kind: str, segment: str) -> str:
    return "all stores" if kind == "overall" else f"{kind.replace('_', ' ')} {segment}"
