"""Define the Dagster resources that steps use: settings, parameters, session, training profile.

See :mod:`rossmann_ml.base.settings` for the settings and :mod:`rossmann_ml.warehouse` for sessions.
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
    """Resource with settings and parameters, for code that does not write to the warehouse."""

    values: dict[str, Any] = Field(
        default={}, description="Settings by name; the environment sets all others."
    )

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Create the resource from settings."""
        return cls(values=settings.model_dump(mode="json", exclude=_NOT_SHOWN, exclude_none=True))

    @property
    def settings(self) -> Settings:
        """Settings, loaded again at each access."""
        return load_settings(**self.values)

    @property
    def params(self) -> Params:
        """Parameters in ``params.yaml``, read again at each access."""
        return load_params(self.settings.params_path)


class Writer(dg.ConfigurableResource):
    """Resource with settings, parameters and a session that may write, because it holds the lock.

    All steps run in one process, which holds the writer's lock from the first step that needs it to
    the end of the run. If another process holds the lock, the run waits.
    """

    pipeline: dg.ResourceDependency[Pipeline]
    wait_seconds: float = Field(
        default=5400,
        description="Seconds to wait for another writer: longer than a full training from a "
        "terminal takes, so that Monday's run starts after it.",
    )

    @property
    def settings(self) -> Settings:
        """Settings, loaded again at each access."""
        return self.pipeline.settings

    @property
    def params(self) -> Params:
        """Parameters in ``params.yaml``, read again at each access."""
        return self.pipeline.params

    _session: Session = PrivateAttr()

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Self]:  # noqa: ARG002
        """Yield this resource while holding the writer's lock, until the run ends."""
        patient = self.settings.model_copy(update={"lock_timeout_seconds": self.wait_seconds})
        self._session = Session(patient)
        with self._session.holding():
            yield self

    def session(self, context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> Session:
        """Return the session of the run; it logs progress to the step's log."""
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
    """Build the run that ``rossmann_ml`` steps take from Dagster's run.

    ``profile`` matters only to steps that train; it is the size of the training.
    """
    return Run(run_id=context.run.run_id, actor=f"dagster {context.run.job_name}", profile=profile)
