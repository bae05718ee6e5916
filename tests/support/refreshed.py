"""A place with a warehouse that the whole weekly chain has filled."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rossmann_ml.base.settings import Settings
from rossmann_ml.warehouse.connection import connect
from support.code_location import environment_of
from support.unmeasured import UNMEASURED

if TYPE_CHECKING:
    import dagster as dg


@dataclass(frozen=True)
class Refreshed:
    """A place with a warehouse, its published generation and Dagster's record of the runs."""

    folder: Path
    settings: Settings

    @property
    def environment(self) -> dict[str, str]:
        return environment_of(self.settings)

    @property
    def current(self) -> str:
        """The file that readers open."""
        return (self.settings.published_path / "CURRENT").read_text(encoding="utf-8").strip()

    def rows(self, query: str) -> list[tuple]:
        with connect(self.settings, read_only=True) as connection:
            return connection.execute(query).fetchall()

    def execute(self, *statements: str) -> None:
        with connect(self.settings) as connection:
            for statement in statements:
                connection.execute(statement)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``rossmann`` with some arguments as a process."""
        return subprocess.run(
            [str(Path(sys.executable).with_name("rossmann")), *arguments],
            env={**os.environ, **self.environment, **UNMEASURED},
            capture_output=True,
            text=True,
            check=False,
        )

    def run(self, job: str, **options: object) -> tuple[dg.ExecuteInProcessResult, list[str]]:
        """Run a job; what came of it, and the steps that did not succeed."""
        # here and not above: other tests need not wait for Dagster
        from assets.definitions import build_definitions
        from assets.home import open_instance

        definition = build_definitions(settings=self.settings).resolve_job_def(job)
        with pytest.MonkeyPatch.context() as patched, open_instance(self.settings) as instance:
            patched.setenv("DAGSTER_HOME", str(self.settings.state_path / "dagster"))
            result = definition.execute_in_process(
                instance=instance,
                raise_on_error=False,
                **options,  # type: ignore[arg-type]
            )
            done = {event.step_key for event in result.all_events if event.is_step_success}
            return result, sorted(set(definition.graph.node_dict) - done)
