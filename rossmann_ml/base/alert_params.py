"""What alert rules and retraining by rule are told: part of ``params.yaml``.

The rules themselves are in :mod:`rossmann_ml.monitoring.alerts.rules`.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from rossmann_ml.base.strict import StrictModel

Severity = Literal["info", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
"""From what may wait to what may not."""

_Share = Annotated[float, Field(ge=0, le=1)]
_Days = Annotated[int, Field(ge=1)]
_Factor = Annotated[float, Field(gt=1)]


class RuleParams(StrictModel):
    """What every rule has.

    Attributes:
        severity: How urgent an alert of the rule is.
        owner: Who answers for it.
        cooldown_days: So long the same alert is not sent again, in the product's days.
        look_at: The dashboard's page that shows more.
    """

    severity: Severity
    owner: Annotated[str, Field(min_length=1)]
    cooldown_days: _Days
    look_at: Annotated[str, Field(pattern=r"^[a-z_]+$")]


class AccuracyRule(RuleParams):
    """Forecasts that came true are worse than the backtest promised.

    Attributes:
        window_days: Vintages of so many days before the newest sales are judged together.
        min_days: Before so many days came true nothing is said.
        max_mape_ratio: Live MAPE over the backtest's, of all forecasts.
        max_segment_mape_ratio: The same of one store type or state.
    """

    window_days: _Days
    min_days: _Days
    max_mape_ratio: _Factor
    max_segment_mape_ratio: _Factor


class CoverageRule(RuleParams):
    """Too few or too many days lie inside the intervals.

    Attributes:
        window_days: As of the accuracy rule.
        min_days: As of the accuracy rule.
        coverage_80: The least and the most that is fine.
        coverage_95: The same of the 95% interval.
    """

    window_days: _Days
    min_days: _Days
    coverage_80: tuple[_Share, _Share]
    coverage_95: tuple[_Share, _Share]

    @model_validator(mode="after")
    def _ends_are_in_order(self) -> Self:
        for name in ("coverage_80", "coverage_95"):
            low, high = getattr(self, name)
            if not low < high:
                raise ValueError(f"{name} {[low, high]}: expected the smaller value first")
        return self


class StaleDataRule(RuleParams):
    """Files did not arrive.

    Attributes:
        max_sales_age_days: The newest sales are at most so many days old.
        min_plan_days_ahead: The plan reaches at least so many days ahead of today.
        max_assumed_share: Of the newest forecasts' days, so many may have a plan filled by rule.
    """

    max_sales_age_days: _Days
    min_plan_days_ahead: _Days
    max_assumed_share: _Share


class RefreshLateRule(RuleParams):
    """The weekly job did not run: the newest origin is older than so many days."""

    max_origin_age_days: _Days


class StoresNotForecastRule(RuleParams):
    """More than this share of the stores got no forecast at the newest origin."""

    max_share: _Share


class ChampionOldRule(RuleParams):
    """The champion was trained on sales that end more than so many days ago."""

    max_age_days: _Days


class AlertParams(StrictModel):
    """The rules.

    Attributes:
        send_from: Alerts of this severity and above go out by webhook and e-mail.
    """

    send_from: Severity
    accuracy: AccuracyRule
    coverage: CoverageRule
    drift: RuleParams
    stale_data: StaleDataRule
    failed_checks: RuleParams
    refresh_late: RefreshLateRule
    stores_not_forecast: StoresNotForecastRule
    champion_old: ChampionOldRule
    failed_run: RuleParams

    def of(self, rule: str) -> RuleParams:
        """The parameters of a rule, by its name."""
        found: RuleParams = getattr(self, rule)
        return found


class RetrainingParams(StrictModel):
    """When alerts ask for a training between the scheduled ones.

    Attributes:
        rules: Open alerts of these rules do, from severity warning on.
        min_weeks: Not before so many weeks of sales came in that no training has seen.
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
