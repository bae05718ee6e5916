"""Define the steps of the jobs in the order of the data flow; every job is a list of steps.

A step is a function of a session and a run; it passes data to later steps in the warehouse.
Dagster's assets (``assets``) and commands call the same steps. Each step calls a function of
another package, which does the computing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

from rossmann_ml.base.errors import RefusedError
from rossmann_ml.base.params.training import Profile
from rossmann_ml.features.panels import PanelReport, build_training_panel
from rossmann_ml.forecasting.drivers.record import DriversReport, explain_newest_origin
from rossmann_ml.forecasting.score import ForecastReport, build_scoring_panel, score_newest_origin
from rossmann_ml.forecasting.shadow import ShadowReport, score_shadow
from rossmann_ml.ingest import LandingReport, land_incoming, land_raw
from rossmann_ml.monitoring.alerts.watch import AlertReport, watch
from rossmann_ml.monitoring.drift.measure import DriftReport, measure_drift
from rossmann_ml.publish.jumps import AcceptedJump
from rossmann_ml.publish.publishing import PublishedGeneration, publish
from rossmann_ml.quality import SuiteResult, record_dbt_results, run_suites
from rossmann_ml.training.fit import BacktestReport, run_backtest, train_challenger
from rossmann_ml.training.gate import Decision, promote, reconcile_alias
from rossmann_ml.training.model_records import TrainingReport
from rossmann_ml.warehouse.dbt import DbtResult, run_dbt
from rossmann_ml.warehouse.session import Session

Report_co = TypeVar("Report_co", covariant=True)


@dataclass(frozen=True)
class Run:
    """Values that all steps of one run share, apart from the session.

    Attributes:
        run_id: Identifier that is stored with every row of the run.
        actor: Person or program that the gate records with its decision.
        profile: Training profile, one of ``training.profiles``.
        is_publishing: Whether the run publishes at its end; if so, its alert rules resolve the
            alert of an earlier run that failed.
        model_version: Model that the gate judges; None for the newest.
        forecast_origin: Past origin of a backfill; None for other runs.
        accepted_jump: A person's approval to publish totals that moved by more than
            ``publish.continuity`` in ``params.yaml`` allows; None without an approval, so that a
            generation with such totals is held.
    """

    run_id: str
    actor: str
    profile: Profile = "fast"
    is_publishing: bool = False
    model_version: str | None = None
    forecast_origin: date | None = None
    accepted_jump: AcceptedJump | None = None


@dataclass(frozen=True)
class Step(Generic[Report_co]):
    """One step of a job.

    Attributes:
        name: Name of the step in Dagster.
        title: Title on a terminal.
        call: Function that does the work and returns a report.
    """

    name: str
    title: str
    call: Callable[[Session, Run], Report_co]

    def __call__(self, session: Session, run: Run) -> Report_co:
        """Call the step's function and return its report."""
        return self.call(session, run)


def refuse_failed(results: Sequence[SuiteResult]) -> None:
    """Raise if a check of severity error failed, so that the job stops; warnings pass.

    Args:
        results: Results of the checks, one item per suite (a group of checks).

    Raises:
        RefusedError: A check failed; the message names the failed checks.
    """
    failed = [result.summary() for result in results if not result.is_success]
    if failed:
        raise RefusedError("\n".join(failed))


def build_models(session: Session, run: Run, command: Sequence[str]) -> DbtResult:
    """Run a dbt command and store the results of its tests, also after a failure.

    ``DbtResult.failure`` names a failed dbt model or test; the caller decides whether to raise.

    Args:
        session: Session of the job.
        run: Run whose id is stored with the results.
        command: dbt command with its options, such as ``["build", "--selector", "core"]``.
    """
    result = run_dbt(session, command, check=False)
    with session.writing() as connection:
        record_dbt_results(connection, result, run_id=run.run_id)
    return result


def _land(session: Session, _: Run) -> tuple[LandingReport, LandingReport]:
    return land_raw(session), land_incoming(session)


def _built(selector: str) -> Callable[[Session, Run], DbtResult]:
    def build(session: Session, run: Run) -> DbtResult:
        result = build_models(session, run, ["build", "--selector", selector])
        if result.failure:
            raise RefusedError(result.failure)
        return result

    return build


def _checked(*suites: str) -> Callable[[Session, Run], list[SuiteResult]]:
    def check(session: Session, run: Run) -> list[SuiteResult]:
        results = run_suites(session, suites, run_id=run.run_id)
        refuse_failed(results)
        return results

    return check


def _judge(session: Session, run: Run) -> Decision:
    # MLflow may have missed an earlier decision: set its alias first
    reconcile_alias(session)
    return promote(session, model_version=run.model_version, actor=run.actor)


LAND: Step[tuple[LandingReport, LandingReport]] = Step("landing", "land files", _land)
CHECK_RAW = Step("raw_expectations", "check raw tables", _checked("raw_sales", "raw_stores"))
BUILD_CORE = Step("core", "dbt: staging, core", _built("core"))
CHECK_PLAN = Step("plan_expectations", "check sales, plan", _checked("newest_sales", "plan"))
TRAINING_PANEL: Step[PanelReport] = Step(
    "features__training_panel",
    "training panel",
    lambda session, run: build_training_panel(session, profile=run.profile),
)
BACKTEST: Step[BacktestReport] = Step(
    "forecasting__out_of_fold",
    "backtest",
    lambda session, run: run_backtest(session, profile=run.profile),
)
TRAIN: Step[TrainingReport] = Step(
    "forecasting__model_versions",
    "train a challenger",
    lambda session, run: train_challenger(session, profile=run.profile),
)
GATE: Step[Decision] = Step("forecasting__promotions", "gate", _judge)
SCORING_PANEL: Step[PanelReport] = Step(
    "features__scoring_panel", "scoring panel", lambda session, _: build_scoring_panel(session)
)
CHECK_FEATURES = Step("feature_expectations", "check features", _checked("features"))
FORECAST: Step[ForecastReport] = Step(
    "forecasts",
    "forecast",
    lambda session, run: score_newest_origin(session, run_id=run.run_id),
)
EXPLAIN: Step[DriversReport] = Step(
    "forecasting__forecast_drivers",
    "explain",
    lambda session, _: explain_newest_origin(session),
)
SHADOW: Step[ShadowReport] = Step(
    "forecasting__shadow_forecasts",
    "forecast in shadow",
    lambda session, _: score_shadow(session),
)
CHECK_FORECASTS = Step("forecast_expectations", "check forecasts", _checked("forecasts"))
BUILD_MARTS = Step("marts", "dbt: marts", _built("marts"))
DRIFT: Step[DriftReport] = Step(
    "monitoring__drift_metrics",
    "drift",
    lambda session, run: measure_drift(session, run_id=run.run_id),
)
ALERT_RULES: Step[AlertReport] = Step(
    "monitoring__alerts",
    "alerts",
    lambda session, run: watch(session, run_id=run.run_id, is_publishing=run.is_publishing),
)
PUBLISH: Step[PublishedGeneration] = Step(
    "published__generation",
    "publish",
    lambda session, run: publish(session, run_id=run.run_id, accepted_jump=run.accepted_jump),
)

TO_CORE = (LAND, CHECK_RAW, BUILD_CORE, CHECK_PLAN)
TRAINING = (TRAINING_PANEL, BACKTEST, TRAIN, GATE)
FORECASTING = (SCORING_PANEL, CHECK_FEATURES, FORECAST, CHECK_FORECASTS, EXPLAIN, SHADOW)
PUBLISHING = (BUILD_MARTS, ALERT_RULES, PUBLISH)

WEEKLY_JOB = (*TO_CORE, *FORECASTING, BUILD_MARTS, DRIFT, ALERT_RULES, PUBLISH)
"""The weekly job; the replay runs it for every Monday of the past."""
WEEKLY_JOB_WITH_TRAINING = (*TO_CORE, *TRAINING, *WEEKLY_JOB[len(TO_CORE) :])
"""The same steps with a new challenger before the forecasts; also the first run."""
