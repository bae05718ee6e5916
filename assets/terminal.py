"""A run as lines on a terminal: what starts, what came of it, how long it took.

Belongs here: listening to a run and printing. Dagster's full log goes to a file beside.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import dagster as dg
from rich.console import Console
from rich.markup import escape
from rich.status import Status

from assets.metadata import SUMMARY
from rossmann_ml.base import errors
from rossmann_ml.base.errors import RossmannError
from rossmann_ml.pipeline.backfill import BACKFILL_ORIGIN
from rossmann_ml.pipeline.steps import WEEKLY_JOB_WITH_TRAINING

_TITLES: dict[str, str] = {
    **{step.name: step.title for step in (*WEEKLY_JOB_WITH_TRAINING, BACKFILL_ORIGIN)},
    "alert_checks": "alerts as checks",
}

# errors come out of a run as text, class names among it
_EXIT_CODES = {
    kind.__name__: kind.exit_code
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, RossmannError)
}


@dataclass
class Story:
    """What happened in the runs of one command.

    Attributes:
        job: The job's name; None when no run began.
        run_id: The run's; None when no run began.
        seconds: Of each step that succeeded, by title, in order.
        failed_step: The title of the step that failed.
        errors: Class name and message from the failure to its cause.
        skipped: Steps that did not run.
    """

    job: str | None = None
    run_id: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    failed_step: str | None = None
    errors: list[tuple[str, str]] = field(default_factory=list)
    skipped: int = 0

    @property
    def reason(self) -> str:
        """What a person is told: the refusal, or what is a bug by its name."""
        if self._is_interrupted:
            return "interrupted"
        refusals = [message for kind, message in self.errors if kind in _EXIT_CODES]
        return refusals[0] if refusals else ": ".join(self.errors[-1])

    @property
    def exit_code(self) -> int:
        """0, the refusal's, 130 after an interrupt, or 1 for a bug."""
        if self._is_interrupted:
            return 130
        codes = [_EXIT_CODES[kind] for kind, _ in self.errors if kind in _EXIT_CODES]
        return codes[0] if codes else int(bool(self.errors))

    @property
    def _is_interrupted(self) -> bool:
        return any(kind == "DagsterExecutionInterruptedError" for kind, _ in self.errors)


class StepLines(logging.Handler):
    """Prints a line when a step starts and one when it ends; notes in between.

    On a screen the first line lives until the second replaces it, and shows what the library
    tells of its progress.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(logging.DEBUG)
        self.story = Story()
        self.steps = 0
        self._console = console
        self._started = 0
        self._step: str | None = None
        self._status: Status | None = None
        self._summaries: dict[str, None] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Take what Dagster logs."""
        meta = getattr(record, "dagster_meta", {})
        event = meta.get("dagster_event")
        if event is not None:
            self._happened(event)
        elif self._step is not None and meta.get("step_key") == self._step:
            self._told(record.levelno, str(meta["orig_message"]))

    def close(self) -> None:
        """Leave the screen as a terminal expects it."""
        if self._status is not None:
            self._status.stop()
            self._status = None
        super().close()

    def _told(self, level: int, message: str) -> None:
        if level >= logging.WARNING:
            self._console.print(f"        [yellow]note:[/] {escape(message)}", soft_wrap=True)
        elif level >= logging.INFO and self._status is not None:
            self._status.update(f"{self._heading()}  [dim]{escape(message)}[/]")

    def _heading(self) -> str:
        title = _TITLES.get(self._step or "", self._step or "")
        return f"{f'{self._started}/{self.steps}':>6}  {title:<20}"

    def _happened(self, event: dg.DagsterEvent) -> None:
        kind = event.event_type
        if kind is dg.DagsterEventType.STEP_START:
            self._step = event.step_key
            self._started += 1
            self._summaries = {}
            if self._console.is_terminal:
                self._status = self._console.status(self._heading())
                self._status.start()
            else:
                self._console.print(f"{self._heading()}  ...", soft_wrap=True)
        elif kind is dg.DagsterEventType.ASSET_MATERIALIZATION:
            self._remember(event.materialization.metadata)
        elif kind is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            self._remember(event.asset_check_evaluation_data.metadata)
        elif kind is dg.DagsterEventType.STEP_SUCCESS:
            self._finished(event.step_success_data.duration_ms / 1000)
        elif kind is dg.DagsterEventType.STEP_FAILURE:
            self.story.failed_step = _TITLES.get(event.step_key or "", event.step_key)
            self.story.skipped = self.steps - self._started
            self.story.errors = _causes(event.step_failure_data.error)
            self._step = None
        elif kind is dg.DagsterEventType.RUN_FAILURE and not self.story.errors:
            self.story.errors = _causes(event.job_failure_data.error)

    def _finished(self, seconds: float) -> None:
        heading, said = self._heading(), "; ".join(self._summaries)
        if self._status is not None:
            self._status.stop()
            self._status = None
        self._console.print(f"{heading}{seconds:6.1f} s  {escape(said)}", soft_wrap=True)
        self.story.seconds[_TITLES.get(self._step or "", str(self._step))] = seconds
        self._step = None

    def _remember(self, metadata: Mapping[str, dg.MetadataValue]) -> None:
        if SUMMARY in metadata:
            self._summaries[str(metadata[SUMMARY].value)] = None


def _causes(error: object) -> list[tuple[str, str]]:
    found = []
    while error is not None:
        name, message = str(error.cls_name), str(error.message)  # type: ignore[attr-defined]
        found.append((name, message.partition(": ")[2].strip() or message.strip()))
        error = error.cause  # type: ignore[attr-defined]
    return found


def run_logger(handlers: list[logging.Handler]) -> dg.LoggerDefinition:
    """A place for a run to log to, with handlers that are already there."""

    def terminal(_: dg.InitLoggerContext) -> logging.Logger:
        logger = logging.Logger("rossmann.refresh", logging.DEBUG)
        for handler in handlers:
            logger.addHandler(handler)
        return logger

    return dg.LoggerDefinition(terminal, description="The terminal and a file of this command.")


@contextlib.contextmanager
def quiet(log_path: Path) -> Iterator[TextIO]:
    """Send what anything prints to a file, and give the terminal to whom it is meant for."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("a", encoding="utf-8") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        try:
            with os.fdopen(os.dup(kept[0]), "w", encoding="utf-8") as terminal:
                yield terminal
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, original in enumerate(kept, start=1):
                os.dup2(original, number)
                os.close(original)
