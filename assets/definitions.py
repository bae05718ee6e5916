"""Assemble all assets, checks, jobs, schedules, sensors and resources into Dagster's code location.

Dagster loads it through :func:`defs`, which ``workspace.yaml`` names. Tests and
``rossmann refresh`` call :func:`build_definitions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from assets.alerts import alert_checks, alerts
from assets.checks import build_expectation_checks
from assets.dbt import build_dbt_assets
from assets.drivers import forecast_drivers
from assets.features import scoring_panel, training_panel
from assets.forecasts import backfilled_forecasts, forecasts
from assets.jobs import JOBS
from assets.landing import landing
from assets.models import challenger, champion, out_of_fold
from assets.monitoring import drift_metrics
from assets.publishing import published_generation
from assets.resources import Pipeline, Training, Writer
from assets.schedules import SCHEDULES
from assets.sensors import SENSORS
from assets.shadow import shadow_forecasts
from rossmann_ml.base.settings import Settings, load_settings


def build_definitions(
    *,
    settings: Settings | None = None,
    resource_overrides: Mapping[str, Any] | None = None,
    loggers: Mapping[str, dg.LoggerDefinition] | None = None,
) -> dg.Definitions:
    """Build Dagster's code location, which contains everything that Dagster can run.

    Args:
        settings: Paths of files and warehouse; None reads them from the environment.
        resource_overrides: Resources by name that replace the default ones.
        loggers: Additional loggers for runs, by name.

    Raises:
        FaultError: dbt cannot parse its project.
        SettingsError: A setting or parameter cannot be used.
    """
    settings = settings or load_settings()
    pipeline = Pipeline.of(settings)
    return dg.Definitions(
        assets=[
            landing,
            *build_dbt_assets(settings),
            training_panel,
            out_of_fold,
            challenger,
            champion,
            scoring_panel,
            forecasts,
            forecast_drivers,
            shadow_forecasts,
            backfilled_forecasts,
            drift_metrics,
            alerts,
            published_generation,
        ],
        asset_checks=[*build_expectation_checks(), alert_checks],
        jobs=JOBS,
        schedules=SCHEDULES,
        sensors=SENSORS,
        resources={
            "pipeline": pipeline,
            "writer": Writer(pipeline=pipeline),
            "training": Training(),
            **(resource_overrides or {}),
        },
        loggers=loggers,
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Build the code location when Dagster loads it; ``workspace.yaml`` names this function."""
    return build_definitions()
