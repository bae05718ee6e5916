"""Run the weekly job from a terminal; ``rossmann refresh`` starts ``python -m assets``.

:func:`main` chooses the jobs, and :func:`run_job` runs one job. Each run appears in Dagster's UI.
See :mod:`assets.terminal` for the lines printed per step, and :mod:`assets.summary` for the final
message.
"""

from __future__ import annotations

import argparse
import logging
import resource
import time
import uuid
from dataclasses import replace
from datetime import date
from pathlib import Path

import dagster as dg
from rich.markup import escape

from assets.definitions import build_definitions
from assets.forecasts import list_origins
from assets.home import open_instance
from assets.jobs import cause_of, words_of
from assets.summary import print_alerts, print_summary
from assets.terminal import StepLines, quiet, run_logger, title_of
from rossmann_ml.base.errors import NoDataError, RossmannError
from rossmann_ml.base.settings import Settings, load_settings
from rossmann_ml.base.signals import ended_by_signals
from rossmann_ml.base.storage_faults import storage_refused
from rossmann_ml.base.terminal.console import Console
from rossmann_ml.pipeline.weekly_job import RefreshRecord
from rossmann_ml.publish.summary import summarise
from rossmann_ml.serving.generations import pointed_path
from rossmann_ml.serving.status import read_status
from rossmann_ml.training.gate import profile_due
from rossmann_ml.warehouse.connection import writer_lock
from rossmann_ml.warehouse.session import Session

# Dagster's UI finds the code location of a run by this tag.
_CODE_LOCATION = {".dagster/repository": "__repository__@rossmann"}
_STARTED_HERE = {"started_by": "rossmann refresh"}
_SELF_AND_CHILDREN = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run the jobs that the command-line arguments ask for, and print their outcome.

    Args:
        arguments: Arguments after the program's name; None means those of this process.

    Returns:
        Exit code: 0 after success, 1 after an unexpected error, otherwise the exit code of the
        ``RossmannError`` that ended the run.

    Raises:
        SystemExit: A signal ended the run, or came too late for that; 128 plus its number.
    """
    parser = argparse.ArgumentParser(prog="rossmann refresh")
    parser.add_argument("--retrain", choices=["fast", "full"])
    parser.add_argument("--origin", type=date.fromisoformat)
    parser.add_argument("--record", type=Path, help="JSON file to write the outcome to")
    given = parser.parse_args(arguments)
    with ended_by_signals() as ending:
        try:
            with storage_refused():
                record = _refresh(given.retrain, given.origin)
        except RossmannError as error:
            _print_error(f"[bold red]error:[/] {escape(str(error))}")
            record = RefreshRecord(error.exit_code, reason=str(error))
        except KeyboardInterrupt:  # before the first step, or after the last
            record = RefreshRecord(_INTERRUPTED)
        if ending.number:
            record = replace(record, exit_code=ending.exit_code, reason=ending.reason)
        if given.record:
            usages = [resource.getrusage(kind) for kind in _SELF_AND_CHILDREN]
            cpu_seconds = sum(usage.ru_utime + usage.ru_stime for usage in usages)
            record = replace(record, cpu_seconds=cpu_seconds, peak_gigabytes=_peak_gigabytes())
            record.write(given.record)
    return record.exit_code


def _refresh(retrain: str | None, origin: date | None) -> RefreshRecord:
    """Run the weekly job, or backfill a past origin and publish it; then print a summary.

    The second case runs two jobs, ``backfill_forecasts`` and ``publish_forecasts``. If a job fails,
    no later job runs and no summary is printed.

    Args:
        retrain: Training profile, ``fast`` or ``full``; None trains only if there is no champion,
            or none for so long a horizon. Ignored if ``origin`` is given.
        origin: Past origin from which to backfill forecasts; None runs the weekly job.

    Returns:
        Outcome of the last job that ran.
    """
    started = time.monotonic()
    console = Console()
    settings = load_settings()
    before = _published_id(settings)
    with writer_lock(settings), open_instance(settings) as instance:
        close_lost_runs(instance)
        if origin is not None:
            _require_origin(instance, settings, origin)
            jobs = ["backfill_forecasts", "publish_forecasts"]
        elif retrain := retrain or profile_due(Session(settings)):
            jobs = ["weekly_refresh_with_training"]
        else:
            jobs = ["weekly_refresh"]
        for name in jobs:
            record = run_job(
                console,
                settings,
                instance,
                name,
                profile=retrain or "fast",
                partition_key=str(origin) if name == "backfill_forecasts" else None,
            )
            if record.exit_code:
                return record
    summary = summarise(settings)
    console.print(
        f"Finished in {time.monotonic() - started:.1f} s, peak memory {_peak_gigabytes():.2f} GB\n"
    )
    print_summary(console, summary, is_new=summary.info.generation_id != before)
    print_alerts(console, read_status(settings.published_path))
    return record


def run_job(
    console: Console,
    settings: Settings,
    instance: dg.DagsterInstance,
    name: str,
    *,
    profile: str,
    partition_key: str | None = None,
) -> RefreshRecord:
    """Run a job in this process; print a line for each step, and the failure if there is one.

    Args:
        console: Terminal to print to.
        settings: Paths of files and warehouse.
        instance: Dagster instance that records the run.
        name: Name of the job.
        profile: Training profile, ``fast`` or ``full``; a job that does not train ignores it.
        partition_key: Partition (a forecast origin) to run; None if the job has no partitions.

    Returns:
        Outcome of the run; ``cpu_seconds`` and ``peak_gigabytes`` are None, because :func:`main`
        measures them for the whole process.
    """
    run_id = str(uuid.uuid4())
    log_path = settings.state_path / "logs" / f"refresh-{run_id}.log"
    training = f" ({profile})" if "training" in name else ""
    console.print(f"Job {name}{training}, run {run_id}", soft_wrap=True)
    errors: list[BaseException] = []

    @dg.failure_hook
    def keep_error(context: dg.HookContext) -> None:
        errors.append(cause_of(context))

    with quiet(log_path) as terminal:
        lines = StepLines(Console(file=terminal, force_terminal=console.is_terminal))
        log = logging.FileHandler(log_path, encoding="utf-8")
        log.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger = run_logger(lines, log)
        definitions = build_definitions(settings=settings, loggers={"terminal": logger})
        job = definitions.resolve_job_def(name).with_hooks({keep_error})
        lines.steps = len(job.graph.node_dict)
        result = job.execute_in_process(
            run_id=run_id,
            instance=instance,
            partition_key=partition_key,
            raise_on_error=False,
            tags={**_CODE_LOCATION, **_STARTED_HERE},
            run_config={
                "loggers": {"terminal": {}},
                "resources": {"training": {"config": {"profile": profile}}},
            },
        )
        lines.close()
        log.close()
    exit_code, reason = _exit_code_and_reason(result, errors)
    events = result.all_events
    failed = [title_of(str(event.step_key)) for event in events if event.is_step_failure]
    if exit_code:
        step = f" in the step “{failed[0]}”" if failed else ""
        _print_error(f"[bold red]stopped{step}:[/] {escape(str(reason))}")
        kept = "; what was published last stays" if _published_id(settings) else ""
        _print_error(f"{lines.steps - lines.started} steps after it did not run{kept}.")
        _print_error(f"The whole log: {log_path}")
    return RefreshRecord(
        exit_code=exit_code,
        job=name,
        run_id=run_id,
        failed_step=failed[0] if failed else None,
        reason=reason,
        step_seconds={
            title_of(str(event.step_key)): event.step_success_data.duration_ms / 1000
            for event in events
            if event.is_step_success
        },
    )


def _exit_code_and_reason(
    result: dg.ExecuteInProcessResult, errors: list[BaseException]
) -> tuple[int, str | None]:
    """Return the exit code of a run, and the message of the error that ended it.

    Args:
        result: Result of the run.
        errors: Errors of the steps that failed, first failure first; empty if the run succeeded,
            was interrupted, or ended with an error before the first step.

    Returns:
        0 and None if the run succeeded; 130 and "interrupted" after an interrupt; after a failed
        step, the exit code of the first error (1 if it has none) and its message; 1 and the
        message of the error before the first step.
    """
    if result.success:
        return 0, None
    if errors:
        return getattr(errors[0], "exit_code", 1), words_of(errors[0])
    # no step failed: an interrupt, or an error before the first step
    error = result.get_run_failure_event().job_failure_data.error
    if error is None or "Interrupt" in str(error.cls_name):
        return _INTERRUPTED, "interrupted"
    while error.cause:
        error = error.cause
    return 1, error.message.strip()


def close_lost_runs(instance: dg.DagsterInstance) -> None:
    """Mark unfinished runs of ``rossmann refresh`` as failed if their process died.

    Dagster would otherwise show them as running for ever. Its own run monitoring cannot find them,
    because it needs Dagster's daemon and does not see runs inside a command.

    The caller must hold the writer's lock. A run of ``rossmann refresh`` holds the lock until it
    ends, so every other run that is unfinished is then dead.
    """
    lost = instance.get_runs(
        dg.RunsFilter(
            statuses=[dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED],
            tags=_STARTED_HERE,
        )
    )
    for run in lost:
        instance.report_run_failed(run, "The process died before the run was finished.")


def _require_origin(instance: dg.DagsterInstance, settings: Settings, origin: date) -> None:
    possible = list_origins(instance, Session(settings))
    if str(origin) in possible:
        return
    if not possible:
        raise NoDataError("there is too little history to backfill any origin")
    near = sorted(possible, key=lambda each: abs(date.fromisoformat(each) - origin))[:2]
    raise NoDataError(
        f"{origin} is none of the {len(possible)} origins that can be backfilled, which are a week "
        f"apart from {possible[-1]} to {possible[0]}; near it: {', '.join(sorted(near))}"
    )


def _print_error(text: str) -> None:
    Console(stderr=True).print(text, soft_wrap=True)


def _published_id(settings: Settings) -> str | None:
    try:
        current = pointed_path(settings.published_path)
    except RossmannError:
        return None
    return None if current is None else current.stem


def _peak_gigabytes() -> float:
    """Return the peak memory in GB of this process or of its largest child, whichever is more."""
    return max(resource.getrusage(kind).ru_maxrss for kind in _SELF_AND_CHILDREN) / 1e6
