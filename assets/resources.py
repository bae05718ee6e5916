"""Define the Dagster resources that steps use: settings, parameters, session, training profile.

See :mod:`rossmann_ml.base.settings` for the settings and :mod:`rossmann_ml.warehouse` for sessions.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, Self

import dagster as dg
from pydantic import Field, PrivateAttr

from rossmann_ml.base.params import Params, load_params
from rossmann_ml.base.params.training import Profile
from rossmann_ml.base.settings import Settings, load_settings
from rossmann_ml.pipeline.steps import Run
from rossmann_ml.warehouse.session import Session

# Hidden from the UI because they may contain a password; every process reads the environment.
_NOT_SHOWN = {"mlflow_tracking_uri", "mlflow_url"}


class Pipeline(dg.ConfigurableResource):
    """Resource with settings and parameters, for schedules, sensors and hooks.

    Steps use :class:`Writer`, which may also write to the warehouse.
    """

    values: dict[str, Any] = Field(
        default={}, description="Settings by name; the environment sets all others."
    )

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Create the resource, so that the processes of a run use these settings.

        MLflow's addresses are left out, because they may contain a password and Dagster's UI shows
        the values; every process reads the addresses from its environment.
        """
        return cls(values=settings.model_dump(mode="json", exclude=_NOT_SHOWN, exclude_none=True))

    @property
    def settings(self) -> Settings:
        """Settings; those that are not in ``values`` are read from the environment."""
        return load_settings(**self.values)

    @property
    def params(self) -> Params:
        """Parameters, read from ``params.yaml`` at each access, so that changes need no restart."""
        return load_params(self.settings.params_path)


class Writer(dg.ConfigurableResource):
    """Resource with settings, parameters and a session that may write to the warehouse.

    All steps of a run execute in one process. The run acquires the writer's lock before its first
    step and holds it to the end. If another process holds the lock, the run waits.
    """

    pipeline: dg.ResourceDependency[Pipeline]
    wait_seconds: float = Field(
        default=5400,
        description="Seconds to wait for another writer: longer than a full training from a "
        "terminal takes, so that Monday's run starts after it.",
    )

    @property
    def settings(self) -> Settings:
        """Settings of the resource ``pipeline``."""
        return self.pipeline.settings

    @property
    def params(self) -> Params:
        """Parameters, read from ``params.yaml`` at each access, so that changes need no restart."""
        return self.pipeline.params

    _session: Session = PrivateAttr()

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Self]:  # noqa: ARG002
        """Acquire the writer's lock, yield this resource, and release the lock after the run."""
        patient = self.settings.model_copy(update={"lock_timeout_seconds": self.wait_seconds})
        self._session = Session(patient)
        with self._session.holding():
            yield self

    def session(self, context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> Session:
        """Return the session of the run, set to report progress in the log of the current step.

        ``context`` is Dagster's context of that step.
        """
        self._session.progress = context.log.info
        return self._session


class Training(dg.ConfigurableResource):
    """Resource with the training profile, which all steps in a run share."""

    profile: Literal["fast", "full"] = Field(
        default="fast", description="One of training.profiles in params.yaml."
    )


def run_of(
    context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext, profile: Profile = "fast"
) -> Run:
    """Build the :class:`Run` that every step in ``rossmann_ml`` takes as argument.

    Args:
        context: Dagster's context of the asset or check, with the id of the run and its job.
        profile: Training profile; only steps that train read it.
    """
    return Run(run_id=context.run.run_id, actor=f"dagster {context.run.job_name}", profile=profile)
