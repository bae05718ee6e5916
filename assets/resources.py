"""Resources: what steps are given.

Belongs here: handing on settings and parameters, and being the writer. Not here: what the
settings mean, or opening the warehouse; both are the library's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, Self

import dagster as dg
from pydantic import Field, PrivateAttr

from rossmann_ml.base.params import Params, Profile, load_params
from rossmann_ml.base.settings import Settings, load_settings
from rossmann_ml.pipeline.steps import Run
from rossmann_ml.warehouse.session import Session

# May hold a password, so it is not shown in the UI; every process has it from the environment.
_NOT_SHOWN = {"mlflow_tracking_uri"}


class Pipeline(dg.ConfigurableResource):
    """Where files and warehouse are, and the parameters: for what only looks."""

    values: dict[str, Any] = Field(
        default={}, description="Settings by name; what is not named comes from the environment."
    )

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The resource that stands for settings."""
        return cls(values=settings.model_dump(mode="json", exclude=_NOT_SHOWN, exclude_none=True))

    @property
    def settings(self) -> Settings:
        """The settings."""
        return load_settings(**self.values)

    @property
    def params(self) -> Params:
        """The parameters of ``params.yaml``, read now."""
        return load_params(self.settings.params_path)


class Writer(dg.ConfigurableResource):
    """The same for what writes: one run at a time, by the lock that every writing command takes.

    Steps run in one process, which holds the lock from the first step that needs it to the end of
    the run. A run that finds another writer at work waits for it.
    """

    pipeline: dg.ResourceDependency[Pipeline]
    wait_seconds: float = Field(
        default=5400,
        description="How long to wait for another writer before giving up: longer than a training "
        "in full from a terminal takes, so that Monday's run outlasts it.",
    )

    @property
    def settings(self) -> Settings:
        """The settings."""
        return self.pipeline.settings

    @property
    def params(self) -> Params:
        """The parameters of ``params.yaml``, read now."""
        return self.pipeline.params

    _session: Session = PrivateAttr()

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Self]:  # noqa: ARG002
        """Hold the writer's lock for the run."""
        patient = self.settings.model_copy(update={"lock_timeout_seconds": self.wait_seconds})
        self._session = Session(patient)
        with self._session.holding():
            yield self

    def session(self, context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> Session:
        """Return the run's session, with its progress going to the log of a step."""
        return self._session.telling(context.log.info)


class Training(dg.ConfigurableResource):
    """How much a training does; one choice for all steps of a run."""

    profile: Literal["fast", "full"] = Field(
        default="fast", description="One of training.profiles in params.yaml."
    )


def run_of(
    context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext, profile: Profile = "fast"
) -> Run:
    """Return what Dagster's run is for the library's steps."""
    return Run(run_id=context.run.run_id, actor=f"dagster {context.run.job_name}", profile=profile)
