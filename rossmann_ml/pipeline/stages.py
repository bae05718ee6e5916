"""Run one stage of ``dvc.yaml`` with the steps of the weekly job, in a warehouse of its own.

Entry point: :func:`run_stage`. A stage never changes the warehouse, the model registry or the
generations of the running product, so an experiment reaches no reader. The stages' warehouse in
the state folder may be deleted at any time: a stage first repeats the earlier stages whose outputs
on disk the warehouse does not hold.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from rossmann_ml.base import files
from rossmann_ml.base.digests import fingerprint, md5_of
from rossmann_ml.base.errors import NoDataError, RefusedError
from rossmann_ml.base.params import load_params
from rossmann_ml.base.progress import Progress, silent
from rossmann_ml.base.settings import Settings
from rossmann_ml.ingest.data_set import data_set_of
from rossmann_ml.pipeline import stage_outputs as outputs
from rossmann_ml.pipeline import steps
from rossmann_ml.pipeline.steps import Run, Step
from rossmann_ml.training.gate import Decision
from rossmann_ml.warehouse.clock import monday_after
from rossmann_ml.warehouse.connection import writer_lock
from rossmann_ml.warehouse.schema import create_tables
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.tables import raw

StageName = Literal["land", "core", "features", "train", "evaluate", "forecast", "export"]
OUTPUTS = Path("data/dvc")
"""Folder of the outputs of all stages, below the checkout."""


def run_stage(live: Settings, name: StageName, *, progress: Progress = silent) -> None:
    """Run a stage, and write its outputs to ``data/dvc``.

    Args:
        live: Settings of the product, of which the memory limit and the parameters are used.
        name: Name of the stage.
        progress: Function that receives a line of text before each step.

    Raises:
        NoDataError: An input is missing.
        RefusedError: An earlier stage does not make the outputs on disk, a check of severity error
            failed, or the gate refused the model.
        BusyError: Another stage is running.
    """
    if name in _OF_FILES:
        _OF_FILES[name](live.home / OUTPUTS)
        return
    stages = _Stages(live, progress)
    with writer_lock(stages.settings):
        for earlier in stages.to_repeat(name):
            stages.repeat(earlier)
        stages.run(name)


@dataclass(frozen=True)
class _Stage:
    """A stage that computes in the warehouse.

    Attributes:
        begin: Function that removes what earlier runs left in the warehouse.
        steps: Steps of the weekly job, in order.
        write: Function that writes the stage's outputs into a folder.
    """

    begin: Callable[[Session], None]
    steps: tuple[Step[Any], ...]
    write: Callable[[Session, Path], None]


class _Stages:
    """The stages that compute in the warehouse, and the record of the outputs it holds.

    Args:
        live: Settings of the product.
        progress: Function that receives a line of text before each step.
    """

    def __init__(self, live: Settings, progress: Progress) -> None:
        self._live = live
        self._progress = progress
        # the file that DVC reads, also if ROSSMANN_PARAMS_FILE names another one
        self._params = load_params(live.home / "params.yaml")
        self._outputs = live.home / OUTPUTS
        self._record = self.settings.state_path / "held.json"

    @cached_property
    def settings(self) -> Settings:
        """Settings with the folders of the stages in place of those of the running product."""
        source = self._live.home / self._params.dvc.source
        if not source.is_dir():
            raise NoDataError(
                f"{source} is not a folder: copy train.csv, store.csv and test.csv there, or name "
                "another folder with dvc.source in params.yaml"
            )
        place = self._live.state_path / "dvc_stages"
        data_set = data_set_of(source, is_bulk=True)
        # weekly files are the retailer's, and are never mixed with a sample
        is_sample = data_set is not None and data_set.is_synthetic
        return self._live.model_copy(
            update={
                "raw_dir": source,
                "incoming_dir": source if is_sample else self._live.incoming_dir,
                "warehouse_dir": place / "warehouse",
                "state_dir": place,
                "mlflow_tracking_uri": "",
                "as_of": None,
                "threads": self._params.dvc.threads,
            }
        )

    def to_repeat(self, name: str) -> list[str]:
        """List the stages before `name`, from the first whose outputs the warehouse lacks."""
        order = list(_IN_WAREHOUSE)
        earlier = order[: order.index(name)]
        held = self._held()
        for number, each in enumerate(earlier):
            if held.get(each) != _digest(self._outputs / each):
                return earlier[number:]
        return []

    def repeat(self, name: str) -> None:
        """Run an earlier stage again in the warehouse, and compare it with the outputs on disk.

        Raises:
            RefusedError: The outputs differ, so that the next stage would compute from others
                than DVC has recorded.
        """
        expected = self._outputs / name
        self._progress(f"the warehouse of the stages does not hold {expected}: repeating {name}")
        made = self._make(name)
        if _digest(made) != _digest(expected):
            raise RefusedError(
                f"{expected} is missing, or is not what the stage {name} makes of the present "
                f"files, parameters and code: run `dvc repro --force {name}`"
            )
        self._note(name, expected)

    def run(self, name: str) -> None:
        """Run a stage, and replace its outputs on disk."""
        made, final = self._make(name), self._outputs / name
        files.remove(final)
        final.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(made, final)
        self._note(name, final)

    def _make(self, name: str) -> Path:
        stage = _IN_WAREHOUSE[name]
        # from here on, the warehouse has no whole results of this stage and of later ones
        order = list(_IN_WAREHOUSE)
        kept = {each: self._held().get(each) for each in order[: order.index(name)]}
        files.write_text_atomically(self._record, json.dumps(kept, indent=2) + "\n")
        session = self._session(is_landed=name != "land")
        run = Run(run_id=f"dvc-{name}", actor="dvc", profile=self._params.dvc.profile)
        made = self.settings.state_path / "made" / name
        files.remove(made)
        made.mkdir(parents=True)
        with session.holding():
            stage.begin(session)
            for step in stage.steps:
                self._progress(step.title)
                result = step(session, run)
                if isinstance(result, Decision) and not result.is_promoted:
                    raise RefusedError(f"the gate refused {result.model_version}: {result.reason}")
            stage.write(session, made)
        return made

    def _session(self, *, is_landed: bool) -> Session:
        """Return a session whose business date is the Monday after the newest landed sales.

        So results do not depend on the day on which a stage runs.
        """
        as_of = None
        if is_landed:
            with Session(self.settings).reading() as connection:
                newest = raw.newest_sales_date(connection)
            as_of = newest and monday_after(newest)
        settings = self.settings.model_copy(update={"as_of": as_of})
        return Session(settings, self._params, progress=self._progress)

    def _held(self) -> dict[str, str | None]:
        """Read the digests of the outputs that the warehouse holds, by stage."""
        if not self._record.exists() or not self.settings.database_path.exists():
            return {}
        held: dict[str, str | None] = json.loads(self._record.read_text(encoding="utf-8"))
        return held

    def _note(self, name: str, folder: Path) -> None:
        held = {**self._held(), name: _digest(folder)}
        files.write_text_atomically(self._record, json.dumps(held, indent=2) + "\n")


def _digest(folder: Path) -> str:
    """Return a fingerprint of the names and bytes of a folder's files; empty without the folder."""
    if not folder.is_dir():
        return ""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return fingerprint([path.relative_to(folder).as_posix(), md5_of(path)] for path in paths)


def _start_empty(session: Session) -> None:
    """Remove the warehouse, because rows of other files would count as landed."""
    database = session.settings.database_path
    for path in (
        database,
        database.with_name(f"{database.name}.wal"),
        session.settings.models_path,
    ):
        files.remove(path)


def _keep(_: Session) -> None:
    """Keep everything, because the steps replace what they made before."""


def _forget_models(session: Session) -> None:
    """Remove models and forecasts, so that no former champion competes with the new model."""
    with session.writing() as connection:
        connection.execute("DROP SCHEMA forecasting CASCADE")
        create_tables(connection)
    files.remove(session.settings.models_path)


_IN_WAREHOUSE = {
    "land": _Stage(_start_empty, (steps.LAND, steps.CHECK_RAW), outputs.write_landed),
    "core": _Stage(_keep, (steps.BUILD_CORE, steps.CHECK_PLAN), outputs.write_core),
    "features": _Stage(
        _keep,
        (steps.TRAINING_PANEL, steps.SCORING_PANEL, steps.CHECK_FEATURES),
        outputs.write_panels,
    ),
    "train": _Stage(_forget_models, (steps.BACKTEST, steps.TRAIN), outputs.write_model),
    "forecast": _Stage(
        _keep, (steps.GATE, steps.FORECAST, steps.CHECK_FORECASTS), outputs.write_forecasts
    ),
}
_OF_FILES: dict[str, Callable[[Path], None]] = {
    "evaluate": outputs.write_evaluation,
    "export": outputs.write_data_version,
}
