"""Alert rules on input data (sales, plan, quality checks) and on a weekly job that did not run.

Input and result of a rule are defined in :mod:`rossmann_ml.monitoring.alerts.findings`.
"""

from __future__ import annotations

from itertools import groupby

from rossmann_ml.monitoring.alerts.findings import AlertFinding, Judgement, Situation, some
from rossmann_ml.warehouse.tables import forecasting, quality, raw


def judge_stale_data(situation: Situation) -> Judgement:
    """Find old sales, a plan that ends too early, many assumed plan days, files that do not land.

    A plan day is assumed if no plan file contains it, so that rules (dbt model
    ``core.assumed_plan``) fill it.

    Returns:
        One finding per problem; None if there are no sales yet.
    """
    newest = raw.newest_sales_date(situation.connection)
    if newest is None:
        return None
    rule, today = situation.params.stale_data, situation.today
    found = []
    age = (today - newest).days
    if age > rule.max_sales_age_days:
        found.append(
            AlertFinding(
                "stale_data",
                "sales",
                f"the newest sales are of {newest}, {age} days before {today}; expected at most "
                f"{rule.max_sales_age_days}",
                age,
                rule.max_sales_age_days,
            )
        )
    last = raw.last_plan_date(situation.connection)
    ahead = (last - today).days if last else 0
    if ahead < rule.min_plan_days_ahead:
        found.append(
            AlertFinding(
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
    run = forecasting.newest_weekly_run(situation.connection, min_store_days=1)
    if run is not None:
        share = run.assumed_store_days / run.store_days
        if share > rule.max_assumed_share:
            found.append(
                AlertFinding(
                    "stale_data",
                    "assumed plan",
                    f"{run.assumed_store_days:,} of {run.store_days:,} store-days forecast from "
                    f"{run.forecast_origin} ({share:.1%}) have a plan filled by rule; expected at "
                    f"most {rule.max_assumed_share:.1%}",
                    share,
                    rule.max_assumed_share,
                )
            )
    if situation.left_alone:
        found.append(
            AlertFinding(
                "stale_data",
                "incoming files",
                f"{len(situation.left_alone)} of the files in the incoming folder "
                f"{'is' if len(situation.left_alone) == 1 else 'are'} not landed: "
                f"{some(situation.left_alone)}",
                len(situation.left_alone),
                0,
            )
        )
    return found


def judge_failed_checks(situation: Situation) -> Judgement:
    """Find failed data quality checks in the newest run of each suite (a group of checks).

    Returns:
        One finding per suite with failures, critical if a check of severity error failed; None
        before the first checks.
    """
    rows = quality.newest_results(situation.connection)
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
            AlertFinding(
                "failed_checks",
                str(suite),
                f"{len(failed)} of {len(results)} checks of {suite} failed: {some(shown, '; ')}",
                len(failed),
                0,
                "critical" if is_error else None,
            )
        )
    return found


def judge_refresh_late(situation: Situation) -> Judgement:
    """Find a newest forecast origin that is more than ``max_origin_age_days`` old.

    Either the weekly job did not run, or it found no newer sales.

    Returns:
        One finding, or an empty list if the origin is new enough; None before the first forecast.
    """
    origin = forecasting.newest_origin_between(situation.connection)
    if origin is None:
        return None
    age, limit = (situation.today - origin).days, situation.params.refresh_late.max_origin_age_days
    if age <= limit:
        return []
    message = (
        f"the newest forecasts are from {origin}, {age} days before {situation.today}; expected "
        f"at most {limit}: the weekly job did not run, or found no newer sales"
    )
    return [AlertFinding("refresh_late", "forecasts", message, age, limit)]
