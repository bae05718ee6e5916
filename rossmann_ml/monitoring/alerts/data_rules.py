"""Alert rules on input data (sales, plan, quality checks) and on a weekly job that did not run.

Input and result of a rule are defined in :mod:`rossmann_ml.monitoring.alerts.findings`.
"""

from __future__ import annotations

from datetime import date
from itertools import groupby

from rossmann_ml.monitoring.alerts.findings import AlertFinding, Judgement, Situation, some
from rossmann_ml.monitoring.alerts.plan_rules import stores_outside_the_plan
from rossmann_ml.quality.suite_files import load_suite
from rossmann_ml.warehouse.tables import forecasting, quality, raw

_INPUT_SUITE = "newest_sales"


def judge_stale_data(situation: Situation) -> Judgement:
    """Find old sales, faults of the plan, and files that do not land.

    The newest sales and the end of the plan are compared with the business date. A plan day is
    assumed if no plan file contains it, so that rules (dbt model ``core.assumed_plan``) fill it;
    assumed days are counted in the newest weekly run with forecasts. See
    :class:`rossmann_ml.base.params.alerts.StaleDataRule` for the limits.

    Returns:
        One finding per problem, or an empty list; None if there are no sales yet.
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
    last = raw.plan_end(situation.connection, newest, rule.min_plan_coverage)
    ahead = (last - today).days if last else 0
    if ahead < rule.min_plan_days_ahead:
        found.append(
            AlertFinding(
                "stale_data",
                "plan",
                _plan_ends(situation, last, ahead),
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
    return found + stores_outside_the_plan(situation)


def _plan_ends(situation: Situation, last: date | None, ahead: int) -> str:
    rule, share = (
        situation.params.stale_data,
        f"{situation.params.stale_data.min_plan_coverage:.0%}",
    )
    if last:
        return (
            f"the plan ends on {last}, {ahead} days after {situation.today}; expected at least "
            f"{rule.min_plan_days_ahead} days. It ends on the last day that {share} of the stores "
            "have a plan of"
        )
    if raw.has_plan(situation.connection):
        return f"no day has a plan of {share} of the stores that sold in the last 28 days"
    return "no plan was ever landed"


def judge_input_data(situation: Situation) -> Judgement:
    """Find what the newest run of the suite ``newest_sales`` found: days, stores and files by name.

    Returns:
        One finding per failed check; None before the first run of the suite.
    """
    rows = [row for row in quality.newest_results(situation.connection) if row[0] == _INPUT_SUITE]
    if not rows:
        return None
    notes = {each.columns: each.notes for each in load_suite(_INPUT_SUITE).expectations}
    return [
        AlertFinding(
            "input_data",
            str(column).replace("_", " "),
            f"{observed}. {notes.get((str(column),), '')}".strip(),
        )
        for _, _, is_success, _, column, _, observed, _ in rows
        if not is_success
    ]


def judge_failed_checks(situation: Situation) -> Judgement:
    """Find failed checks in the newest run of each suite but that of :func:`judge_input_data`.

    Returns:
        One finding per suite with failures, critical if a check of severity error failed; None
        before the first checks.
    """
    rows = [row for row in quality.newest_results(situation.connection) if row[0] != _INPUT_SUITE]
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
    """Report the newest forecast origin if it is more than ``max_origin_age_days`` days old.

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
