"""Define the resources of steps: settings and parameters, the writer's session, the profile.

See `rossmann_ml.base.settings` for the settings and `rossmann_ml.warehouse` for the session.
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

# Hidden from the UI because it may contain a password; every process reads the environment.
_NOT_SHOWN = {"mlflow_tracking_uri"}


class Pipeline(dg.ConfigurableResource):
    """Settings and parameters, for read-only use."""

    values: dict[str, Any] = Field(
        default={}, description="Settings by name; the environment sets all others."
    )

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the resource for given settings."""
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
    """Settings, parameters and a session for writing, under the writer's lock.

    Steps run in one process, which holds the lock from the first step that needs it to the end of
    the run. A run waits for another writer.
    """

    pipeline: dg.ResourceDependency[Pipeline]
    wait_seconds: float = Field(
        default=5400,
        description="Seconds to wait for another writer: longer than a full training from a "
        "terminal takes, so that Monday's run starts after it.",
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
        """Hold the writer's lock until the run ends."""
        patient = self.settings.model_copy(update={"lock_timeout_seconds": self.wait_seconds})
        self._session = Session(patient)
        with self._session.holding():
            yield self

    def session(self, context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> Session:
        """Return the session of the run; it logs progress to the step's log."""
        return self._session.telling(context.log.info)


class Training(dg.ConfigurableResource):
    """Training profile, the same for all steps of a run."""

    profile: Literal["fast", "full"] = Field(
        default="fast", description="One of training.profiles in params.yaml."
    )


def run_of(
    context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext, profile: Profile = "fast"
) -> Run:
    """Return the library's description of Dagster's run."""
    return Run(run_id=context.run.run_id, actor=f"dagster {context.run.job_name}", profile=profile)
