"""Print the steps of a Dagster run as lines on a terminal.

:func:`run_logger` passes Dagster's events to :class:`StepLines`, which prints them during the run.
:func:`quiet` keeps all other output off the terminal.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

import dagster as dg
from rich.markup import escape

from assets.metadata import SUMMARY
from rossmann_ml.base.terminal.console import Console
from rossmann_ml.pipeline.backfill import BACKFILL_ORIGIN
from rossmann_ml.pipeline.steps import WEEKLY_JOB_WITH_TRAINING

_TITLES: dict[str, str] = {
    **{step.name: step.title for step in (*WEEKLY_JOB_WITH_TRAINING, BACKFILL_ORIGIN)},
    "alert_checks": "alerts as checks",
}


def title_of(step_key: str) -> str:
    """Return a step's title for the terminal, or its name in Dagster if it has no title."""
    return _TITLES.get(step_key, step_key)


class StepLines(logging.Handler):
    """Log handler that prints a line when a step starts, when it warns, and when it has succeeded.

    On an interactive terminal, a spinner with the newest progress message is shown instead of the
    line at the start.

    Attributes:
        steps: Number of steps in the job; the caller sets it before the run.
        started: Number of steps that have started.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(logging.DEBUG)
        self.steps = 0
        self.started = 0
        self._console = console
        self._heading = ""
        self._summaries: dict[str, None] = {}
        self._spinner = console.status("")

    def emit(self, record: logging.LogRecord) -> None:
        """Print a Dagster event, or a message that a step logged; ignore other records."""
        meta = getattr(record, "dagster_meta", {})
        event = meta.get("dagster_event")
        if event is not None:
            self._show_event(event)
        elif meta.get("step_key"):
            self._show_message(record.levelno, escape(str(meta["orig_message"])))

    def close(self) -> None:
        """Remove the spinner, which is still shown if a step did not succeed."""
        self._spinner.stop()
        super().close()

    def _show_event(self, event: dg.DagsterEvent) -> None:
        kind = event.event_type
        if kind is dg.DagsterEventType.STEP_START:
            self._start(title_of(str(event.step_key)))
        elif kind is dg.DagsterEventType.ASSET_MATERIALIZATION:
            self._remember(event.materialization.metadata)
        elif kind is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            self._remember(event.asset_check_evaluation_data.metadata)
        elif kind is dg.DagsterEventType.STEP_SUCCESS:
            self._spinner.stop()
            seconds = event.step_success_data.duration_ms / 1000
            summary = escape("; ".join(self._summaries))
            self._console.print(f"{self._heading}{seconds:6.1f} s  {summary}", soft_wrap=True)

    def _start(self, title: str) -> None:
        self.started += 1
        self._summaries = {}
        self._heading = f"{f'{self.started}/{self.steps}':>6}  {title:<20}"
        if self._console.is_terminal:
            self._spinner.update(self._heading)
            self._spinner.start()
        else:
            self._console.print(f"{self._heading}  ...", soft_wrap=True)

    def _show_message(self, level: int, message: str) -> None:
        if level >= logging.WARNING:
            self._console.print(f"        [yellow]note:[/] {message}", soft_wrap=True)
        elif level >= logging.INFO:
            line = self._console.render_str(f"{self._heading}  [dim]{message}[/]")
            self._spinner.update(line)

    def _remember(self, metadata: Mapping[str, dg.MetadataValue]) -> None:
        if SUMMARY in metadata:
            self._summaries[str(metadata[SUMMARY].value)] = None


def run_logger(*handlers: logging.Handler) -> dg.LoggerDefinition:
    """Build a Dagster logger that passes the events and messages logged in a run to handlers."""

    def build(_: dg.InitLoggerContext) -> logging.Logger:
        logger = logging.Logger("rossmann.refresh", logging.DEBUG)
        for handler in handlers:
            logger.addHandler(handler)
        return logger

    return dg.LoggerDefinition(build, description="The terminal and the log of this command.")


@contextlib.contextmanager
def quiet(log_path: Path) -> Iterator[TextIO]:
    """Redirect the output of this process and its children to a log file inside a ``with`` block.

    Yields:
        The standard output from before, so that the caller can still print to the terminal.
    """
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with (
        log_path.open("a", encoding="utf-8") as log,
        os.fdopen(os.dup(1), "w", encoding="utf-8") as terminal,
        os.fdopen(os.dup(2), "w", encoding="utf-8") as errors,
    ):
        _point_output_to(log, log)
        try:
            yield terminal
        finally:
            _point_output_to(terminal, errors)


def _point_output_to(output: TextIO, errors: TextIO) -> None:
    for stream, number, target in ((sys.stdout, 1, output), (sys.stderr, 2, errors)):
        stream.flush()
        os.dup2(target.fileno(), number)
