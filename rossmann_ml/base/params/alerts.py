"""Validate the sections ``monitoring.alerts`` and ``monitoring.retraining`` of ``params.yaml``.

Entry points: :class:`AlertParams`, :class:`RetrainingParams`. The rules that use these limits are
in :mod:`rossmann_ml.monitoring.alerts`.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from rossmann_ml.base.strict import Days, Share, StrictModel

Severity = Literal["info", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
"""Severities, least urgent first."""


_Factor = Annotated[float, Field(gt=1)]


class RuleParams(StrictModel):
    """Parameters that all alert rules have.

    Attributes:
        severity: Severity of the rule's alerts.
        owner: Team that is responsible for the rule's alerts.
        cooldown_days: Number of days after which an alert that is still open is sent again.
        look_at: Name of the dashboard page that shows details.
    """

    severity: Severity
    owner: Annotated[str, Field(min_length=1)]
    cooldown_days: Days
    look_at: Annotated[str, Field(pattern=r"^[a-z_]+$")]


class AccuracyRule(RuleParams):
    """Limits of the rule `accuracy`: forecasts are worse against actuals than in the backtest.

    Attributes:
        window_days: Largest number of days from a vintage's forecast origin to the newest day with
            actuals; older vintages are ignored.
        min_days: Number of days with actuals that at least one vintage in this window needs in a
            segment; until then the segment is not judged.
        max_mape_ratio: Largest allowed ratio of the MAPE over all vintages in the window to the
            champion's backtest MAPE (the median over its origins), both for all stores.
        max_segment_mape_ratio: The same for a single store type or state.
    """

    window_days: Days
    min_days: Days
    max_mape_ratio: _Factor
    max_segment_mape_ratio: _Factor


class CoverageRule(RuleParams):
    """Limits of the rule `coverage`: too few or too many actuals are inside the intervals.

    Attributes:
        window_days: Largest number of days from a vintage's forecast origin to the newest day with
            actuals; older vintages are ignored.
        min_days: Number of days with actuals that at least one vintage in this window needs; until
            then the rule is not evaluated.
        coverage_80: Smallest and largest allowed coverage of the 80% interval, as shares.
        coverage_95: Smallest and largest allowed coverage of the 95% interval, as shares.
    """

    window_days: Days
    min_days: Days
    coverage_80: tuple[Share, Share]
    coverage_95: tuple[Share, Share]

    @model_validator(mode="after")
    def _ends_are_in_order(self) -> Self:
        for name in ("coverage_80", "coverage_95"):
            low, high = getattr(self, name)
            if not low < high:
                raise ValueError(f"{name} {[low, high]}: expected the smaller value first")
        return self


class StaleDataRule(RuleParams):
    """Limits of the rule `stale_data`: weekly files did not arrive.

    Attributes:
        max_sales_age_days: Largest allowed number of days from the newest sales to the business
            date.
        min_plan_days_ahead: Smallest allowed number of days from the business date to the last day
            of the plan.
        min_plan_coverage: Share of the stores that must have a plan of the day on which it ends.
        max_assumed_share: Largest allowed share of store-days with an assumed plan in the forecasts
            of the newest weekly job.
    """

    max_sales_age_days: Days
    min_plan_days_ahead: Days
    min_plan_coverage: Share
    max_assumed_share: Share


class RefreshLateRule(RuleParams):
    """Limit of the rule `refresh_late`: the weekly job did not run, or found no newer sales.

    Attributes:
        max_origin_age_days: Largest allowed age of the newest forecast origin, in days.
    """

    max_origin_age_days: Days


class StoresNotForecastRule(RuleParams):
    """Limit of the rule `stores_not_forecast`: too many stores got no forecast.

    Attributes:
        max_share: Largest allowed share of stores without a forecast in the newest weekly job.
            Stores without sales in the year up to the origin are not counted.
    """

    max_share: Share


class ChampionOldRule(RuleParams):
    """Limit of the rule `champion_old`: the champion's training data is old.

    Attributes:
        max_age_days: Largest allowed age of the training data's last day, in days.
    """

    max_age_days: Days


class AlertParams(StrictModel):
    """Parameters of all alert rules, one field per rule.

    Attributes:
        send_from: Lowest severity whose alerts are sent.
    """

    send_from: Severity
    accuracy: AccuracyRule
    coverage: CoverageRule
    drift: RuleParams
    input_data: RuleParams
    stale_data: StaleDataRule
    failed_checks: RuleParams
    refresh_late: RefreshLateRule
    stores_not_forecast: StoresNotForecastRule
    champion_old: ChampionOldRule
    failed_run: RuleParams

    def of(self, rule: str) -> RuleParams:
        """Return the parameters of the rule with this name, for example ``accuracy``."""
        found: RuleParams = getattr(self, rule)
        return found


class RetrainingParams(StrictModel):
    """Conditions under which open alerts start a training between the scheduled ones.

    Attributes:
        rules: Names of the rules whose alerts start a training, if they are open, of severity
            warning or critical, and newer than the newest training.
        min_weeks: Smallest number of weeks of new sales, from the last day of the newest model's
            training data to the newest forecast origin; with fewer no alert starts a training.
    """

    rules: Annotated[list[str], Field(min_length=1)]
    min_weeks: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def _rules_are_known(self) -> Self:
        known = [name for name in AlertParams.model_fields if name != "send_from"]
        unknown = sorted(set(self.rules) - set(known))
        if unknown:
            raise ValueError(f"rules {', '.join(unknown)}: expected some of {', '.join(known)}")
        return self
