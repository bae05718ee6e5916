"""The rules: what in the warehouse a person should look at now.

A rule reads and says what it found, with figures. What becomes of it (a row, a message to someone)
is :mod:`rossmann_ml.monitoring.alerts`' matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any

import duckdb

from rossmann_ml.clock import newest_sales_date
from rossmann_ml.errors import NoChampionError
from rossmann_ml.models.blend import BLEND
from rossmann_ml.monitoring.alert_params import AlertParams, Severity
from rossmann_ml.publish.identity import champion_version
from rossmann_ml.warehouse import one_row

_NAMED = 5


@dataclass(frozen=True)
class Finding:
    """Something that a person should look at.

    Attributes:
        rule: The rule that found it.
        subject: What it is about; together with the rule it is one alert.
        message: In words, with what was found and what was expected.
        value: The figure that was judged.
        threshold: The limit that it passed.
        severity: Where it is not the rule's own.
    """

    rule: str
    subject: str
    message: str
    value: float | None = None
    threshold: float | None = None
    severity: Severity | None = None


@dataclass(frozen=True)
class Situation:
    """What the rules look at.

    Attributes:
        connection: The pipeline's database.
        params: The limits.
        today: The product's today.
        run_id: The run that asks.
    """

    connection: duckdb.DuckDBPyConnection
    params: AlertParams
    today: date
    run_id: str

    def rows(self, query: str, names: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        """The rows of a query; none where a table is not built yet."""
        try:
            found: list[tuple[Any, ...]] = self.connection.execute(query, names).fetchall()
        except duckdb.CatalogException:
            return []
        return found


Judgement = list[Finding] | None
"""What a rule found; None where there is nothing yet that it could judge."""


def judge(situation: Situation) -> dict[str, Judgement]:
    """Ask every rule.

    Args:
        situation: What to look at.

    Returns:
        By rule: findings, an empty list where all is well, None where it could not be judged.
    """
    return {name: rule(situation) for name, rule in RULES.items()}


_LIVE = """
    SELECT
        segment_kind, segment, max(days) AS days, sum(store_days) AS store_days,
        sum(mape * store_days) / sum(store_days) AS mape,
        sqrt(sum(rmspe * rmspe * store_days) / sum(store_days)) AS rmspe,
        sum(coverage_80 * store_days) / sum(store_days) AS coverage_80,
        sum(coverage_95 * store_days) / sum(store_days) AS coverage_95
    FROM marts.forecast_accuracy
    WHERE forecast_kind = 'served'
        AND segment_kind IN ('overall', 'store_type', 'state') AND forecast_origin >=
        (SELECT max(last_target_date) FROM marts.forecast_accuracy) - $window_days::INTEGER
    GROUP BY segment_kind, segment
    HAVING max(days) >= $min_days
"""


def _judge_accuracy(situation: Situation) -> Judgement:
    rule = situation.params.accuracy
    rows = situation.rows(
        f"""
        WITH live AS ({_LIVE}), promised AS (
            SELECT segment_kind, segment, median(mape) AS mape
            FROM forecasting.backtest_scores
            WHERE model_version = $champion AND model = $blend AND forecast_origin IS NOT NULL
            GROUP BY segment_kind, segment
        )
        SELECT segment_kind, segment, store_days, live.mape, live.rmspe, promised.mape
        FROM live JOIN promised USING (segment_kind, segment)
        WHERE promised.mape > 0
        ORDER BY segment_kind, segment
        """,  # noqa: S608 - the constant above
        {
            "window_days": rule.window_days,
            "min_days": rule.min_days,
            "champion": _champion(situation),
            "blend": BLEND,
        },
    )
    if not rows:
        return None
    found = []
    for kind, segment, store_days, mape, rmspe, promised in rows:
        limit = rule.max_mape_ratio if kind == "overall" else rule.max_segment_mape_ratio
        if mape / promised > limit:
            found.append(
                Finding(
                    "accuracy",
                    _segment(kind, segment),
                    f"MAPE {mape:.1%} over {store_days:,} store-days that came true (RMSPE "
                    f"{rmspe:.1%}): {mape / promised:.2f} times the backtest's {promised:.1%}, "
                    f"expected at most {limit:g} times",
                    mape / promised,
                    limit,
                )
            )
    return found


def _judge_coverage(situation: Situation) -> Judgement:
    rule = situation.params.coverage
    rows = situation.rows(
        f"""
        WITH live AS ({_LIVE})
        SELECT store_days, coverage_80, coverage_95 FROM live WHERE segment_kind = 'overall'
        """,  # noqa: S608 - the constant above
        {"window_days": rule.window_days, "min_days": rule.min_days},
    )
    if not rows:
        return None
    ((store_days, *coverages),) = rows
    found = []
    limits = {"80% interval": rule.coverage_80, "95% interval": rule.coverage_95}
    for (interval, (low, high)), coverage in zip(limits.items(), coverages, strict=True):
        if not low <= coverage <= high:
            found.append(
                Finding(
                    "coverage",
                    interval,
                    f"{coverage:.1%} of {store_days:,} store-days lay inside the {interval}, "
                    f"expected {low:.1%} to {high:.1%}",
                    coverage,
                    low if coverage < low else high,
                )
            )
    return found


def _judge_drift(situation: Situation) -> Judgement:
    rows = situation.rows(
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
    )
    if not rows:
        return None
    found = []
    for kind, of_kind in groupby(rows, key=lambda row: row[0]):
        measured = list(dict.fromkeys(row[1:] for row in of_kind))
        drifted = [row for row in measured if row[-1]]
        if not drifted:
            continue
        shown = [
            f"{feature} ({method} {_figure(value)}, limit {_figure(limit)}"
            f"{f': {detail}' if detail else ''})"
            for feature, method, value, limit, detail, _ in drifted
        ]
        _, _, value, threshold, *_ = drifted[0]
        found.append(
            Finding(
                "drift",
                str(kind),
                f"{len(drifted)} of {len(measured)} measures of {kind} have drifted: "
                f"{_some(shown)}",
                value,
                threshold,
            )
        )
    return found


def _judge_stale_data(situation: Situation) -> Judgement:
    newest = newest_sales_date(situation.connection)
    if newest is None:
        return None
    rule, today = situation.params.stale_data, situation.today
    found = []
    age = (today - newest).days
    if age > rule.max_sales_age_days:
        found.append(
            Finding(
                "stale_data",
                "sales",
                f"the newest sales are of {newest}, {age} days before {today}; expected at most "
                f"{rule.max_sales_age_days}",
                age,
                rule.max_sales_age_days,
            )
        )
    ((last,),) = situation.connection.execute("SELECT max(date) FROM raw.plan").fetchall()
    ahead = (last - today).days if last else 0
    if ahead < rule.min_plan_days_ahead:
        found.append(
            Finding(
                "stale_data",
                "plan",
                f"the plan ends on {last}, {ahead} days after {today}; expected at least "
                f"{rule.min_plan_days_ahead} days"
                if last
                else "no plan was ever landed",
                ahead,
                rule.min_plan_days_ahead,
            )
        )
    for share, assumed, all_days, origin in situation.rows(
        """
        SELECT assumed_store_days / store_days, assumed_store_days, store_days, forecast_origin
        FROM forecasting.forecast_runs WHERE run_kind = 'weekly' AND store_days > 0
        ORDER BY forecast_origin DESC, started_at DESC LIMIT 1
        """
    ):
        if share > rule.max_assumed_share:
            found.append(
                Finding(
                    "stale_data",
                    "assumed plan",
                    f"{assumed:,} of {all_days:,} store-days forecast from {origin} ({share:.1%}) "
                    f"have a plan filled by rule; expected at most {rule.max_assumed_share:.1%}",
                    share,
                    rule.max_assumed_share,
                )
            )
    return found


def _judge_failed_checks(situation: Situation) -> Judgement:
    rows = situation.rows(
        """
        WITH newest AS (
            SELECT suite, max_by(run_id, checked_at) AS run_id
            FROM quality.data_quality_results GROUP BY suite
        )
        SELECT suite, severity, is_success, table_name, column_name, check_name, observed, expected
        FROM quality.data_quality_results SEMI JOIN newest USING (suite, run_id)
        ORDER BY suite, severity, table_name, check_name
        """
    )
    if not rows:
        return None
    found = []
    for suite, of_suite in groupby(rows, key=lambda row: row[0]):
        results = list(of_suite)
        failed = [row for row in results if not row[2]]
        if not failed:
            continue
        shown = [
            f"{table}{f'.{column}' if column else ''} {check}: found {observed}, expected "
            f"{expected}"
            for _, _, _, table, column, check, observed, expected in failed
        ]
        is_error = any(severity == "error" for _, severity, *_ in failed)
        found.append(
            Finding(
                "failed_checks",
                str(suite),
                f"{len(failed)} of {len(results)} checks of {suite} failed: {_some(shown, '; ')}",
                len(failed),
                0,
                "critical" if is_error else None,
            )
        )
    return found


def _judge_refresh_late(situation: Situation) -> Judgement:
    row = one_row(situation.connection, "SELECT max(forecast_origin) FROM forecasting.forecasts")
    origin = row[0] if row else None
    if origin is None:
        return None
    age, limit = (situation.today - origin).days, situation.params.refresh_late.max_origin_age_days
    if age <= limit:
        return []
    message = (
        f"the newest forecasts are from {origin}, {age} days before {situation.today}; expected "
        f"at most {limit}: the weekly job did not run, or found no newer sales"
    )
    return [Finding("refresh_late", "forecasts", message, age, limit)]


def _judge_stores_not_forecast(situation: Situation) -> Judgement:
    rows = situation.rows(
        """
        SELECT forecast_origin, stores, stores_not_forecast FROM forecasting.forecast_runs
        WHERE run_kind = 'weekly'
        ORDER BY forecast_origin DESC, started_at DESC LIMIT 1
        """
    )
    if not rows:
        return None
    ((origin, forecast, missing),) = rows
    share, limit = missing / (forecast + missing), situation.params.stores_not_forecast.max_share
    if share <= limit:
        return []
    reasons = situation.rows(
        """
        SELECT store_id, reason FROM forecasting.stores_not_forecast
        WHERE forecast_origin = $origin ORDER BY store_id
        """,
        {"origin": origin},
    )
    message = (
        f"{missing} of {forecast + missing} stores ({share:.1%}) have no forecast from {origin}; "
        f"expected at most {limit:.1%}: {_some([f'{store} ({why})' for store, why in reasons])}"
    )
    return [Finding("stores_not_forecast", "stores", message, share, limit)]


def _judge_champion_old(situation: Situation) -> Judgement:
    rows = situation.rows(
        """
        SELECT model_version, trained_through FROM forecasting.model_versions
        WHERE model_version = $champion
        """,
        {"champion": _champion(situation)},
    )
    if not rows:
        return None
    ((champion, trained_through),) = rows
    age = situation.today - trained_through
    limit = situation.params.champion_old.max_age_days
    if age <= timedelta(days=limit):
        return []
    message = (
        f"{champion} was trained on sales up to {trained_through}, {age.days} days before "
        f"{situation.today}; expected at most {limit}"
    )
    return [Finding("champion_old", "champion", message, age.days, limit)]


RULES: dict[str, Callable[[Situation], Judgement]] = {
    "accuracy": _judge_accuracy,
    "coverage": _judge_coverage,
    "drift": _judge_drift,
    "stale_data": _judge_stale_data,
    "failed_checks": _judge_failed_checks,
    "refresh_late": _judge_refresh_late,
    "stores_not_forecast": _judge_stores_not_forecast,
    "champion_old": _judge_champion_old,
}
"""Every rule that looks at the warehouse; ``failed_run`` is told by the run that fails."""


def _champion(situation: Situation) -> str | None:
    try:
        return champion_version(situation.connection)
    except NoChampionError:
        return None


def _segment(kind: str, segment: str) -> str:
    return "all stores" if kind == "overall" else f"{kind.replace('_', ' ')} {segment}"


def _figure(value: float | None) -> str:
    return "none" if value is None else f"{value:.3g}"


def _some(items: Sequence[str], separator: str = ", ") -> str:
    """The first few, and how many more there are."""
    more = len(items) - _NAMED
    return separator.join(items[:_NAMED]) + (f"{separator}and {more} more" if more > 0 else "")
