"""``python -m assets.refresh``: the weekly job from a terminal; its run appears in Dagster's UI.

``rossmann refresh`` starts this, so that the library need not know Dagster.
"""

from __future__ import annotations

from rossmann_ml.base import process

process.prepare()  # before Dagster is imported

import argparse  # noqa: E402
import logging  # noqa: E402
import resource  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
import uuid  # noqa: E402
from datetime import date  # noqa: E402
from pathlib import Path  # noqa: E402

import dagster as dg  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.markup import escape  # noqa: E402

from assets.definitions import build_definitions  # noqa: E402
from assets.forecasts import list_origins  # noqa: E402
from assets.home import open_instance  # noqa: E402
from assets.summary import print_alerts, print_summary  # noqa: E402
from assets.terminal import StepLines, Story, quiet, run_logger  # noqa: E402
from rossmann_ml.base.errors import NoDataError, RossmannError  # noqa: E402
from rossmann_ml.base.settings import Settings, load_settings  # noqa: E402
from rossmann_ml.base.storage_faults import storage_refused  # noqa: E402
from rossmann_ml.pipeline.weekly_job import RefreshRecord  # noqa: E402
from rossmann_ml.publish.summary import summarise  # noqa: E402
from rossmann_ml.serving.status import read_status  # noqa: E402
from rossmann_ml.training.gate import has_champion  # noqa: E402
from rossmann_ml.warehouse.connection import writer_lock  # noqa: E402
from rossmann_ml.warehouse.session import Session  # noqa: E402

# How Dagster's UI knows which code location a run belongs to.
_CODE_LOCATION = {".dagster/repository": "__repository__@rossmann"}
_STARTED_HERE = {"started_by": "rossmann refresh"}
_OWN_AND_STARTED = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def main(arguments: list[str] | None = None) -> int:
    """Run the job that the arguments ask for, and tell about it.

    Returns:
        0, or the exit code of the refusal that ended the run.
    """
    parser = argparse.ArgumentParser(prog="rossmann refresh")
    parser.add_argument("--retrain", choices=["fast", "full"])
    parser.add_argument("--origin", type=date.fromisoformat)
    # of the command, which became this process
    parser.add_argument("--started-at", type=float, default=time.time(), help=argparse.SUPPRESS)
    parser.add_argument("--record", type=Path, help="a file to write what happened to, as JSON")
    asked = parser.parse_args(arguments)
    console = Console(highlight=False)
    stories: list[Story] = []
    try:
        with storage_refused():
            exit_code = _refresh(console, asked.retrain, asked.origin, asked.started_at, stories)
        reason = stories[-1].reason if stories[-1].errors else None
    except RossmannError as error:
        Console(stderr=True, highlight=False).print(
            f"[bold red]error:[/] {escape(str(error))}", soft_wrap=True
        )
        exit_code, reason = error.exit_code, str(error)
    if asked.record:
        _record(stories, exit_code, reason).write(asked.record)
    return exit_code


def _refresh(
    console: Console,
    retrain: str | None,
    origin: date | None,
    started_at: float,
    stories: list[Story],
) -> int:
    """Run the jobs one after another; ``stories`` receives what happened in each."""
    settings = load_settings()
    before = _published_id(settings)
    with writer_lock(settings), open_instance(settings) as instance:
        close_lost_runs(instance)
        if origin is not None:
            _require_origin(instance, settings, origin)
            jobs = [("backfill_forecasts", origin), ("publish_forecasts", None)]
        elif retrain or not has_champion(Session(settings)):
            jobs = [("weekly_refresh_with_training", None)]
        else:
            jobs = [("weekly_refresh", None)]
        for name, partition in jobs:
            story = run_job(
                console,
                settings,
                instance,
                name,
                profile=retrain or "fast",
                partition_key=None if partition is None else str(partition),
            )
            stories.append(story)
            if story.errors:
                return story.exit_code
    seconds = {title: each for story in stories for title, each in story.seconds.items()}
    summary = summarise(settings)
    print_summary(
        console,
        summary,
        is_new=summary.info.generation_id != before,
        seconds=seconds,
        total_seconds=time.time() - started_at,
        peak_gigabytes=_peak_gigabytes(),
    )
    print_alerts(console, read_status(settings.published_path))
    return 0


def run_job(
    console: Console,
    settings: Settings,
    instance: dg.DagsterInstance,
    name: str,
    *,
    profile: str,
    partition_key: str | None = None,
) -> Story:
    """Run a job in this process, printing a line for each step.

    Args:
        console: Where lines go.
        settings: Where files and warehouse are.
        instance: Where the run is recorded.
        name: The job.
        profile: How much a training does, if the job trains.
        partition_key: The partition, if the job has them.

    Returns:
        What happened; it has errors when the run failed, which are printed already.
    """
    run_id = str(uuid.uuid4())
    log_path = settings.state_path / "logs" / f"refresh-{run_id}.log"
    training = f" ({profile})" if "training" in name else ""
    console.print(f"Job {name}{training}, run {run_id}", soft_wrap=True)
    with quiet(log_path) as terminal:
        lines = StepLines(
            Console(file=terminal, highlight=False, force_terminal=console.is_terminal)
        )
        log = logging.FileHandler(log_path, encoding="utf-8")
        log.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        definitions = build_definitions(
            settings=settings, loggers={"terminal": run_logger([lines, log])}
        )
        job = definitions.resolve_job_def(name)
        lines.steps = len(job.graph.node_dict)
        lines.story.job, lines.story.run_id = name, run_id
        job.execute_in_process(
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
    if lines.story.errors:
        _print_failure(lines.story, settings, log_path)
    return lines.story


def close_lost_runs(instance: dg.DagsterInstance) -> list[str]:
    """Tell Dagster of runs whose process died, which it would show as running for ever.

    Only the holder of the writer's lock may ask: whatever was started by this command and is not
    finished is dead then.

    Returns:
        The ids of those runs.
    """
    lost = instance.get_runs(
        dg.RunsFilter(
            statuses=[dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED],
            tags=_STARTED_HERE,
        )
    )
    for run in lost:
        instance.report_run_failed(run, "The process died before the run was finished.")
    return [run.run_id for run in lost]


def _print_failure(story: Story, settings: Settings, log_path: Path) -> None:
    console = Console(stderr=True, highlight=False)
    step = f" in the step “{story.failed_step}”" if story.failed_step else ""
    console.print(f"[bold red]stopped{step}:[/] {escape(story.reason)}", soft_wrap=True)
    kept = "; what was published last stays" if _published_id(settings) else ""
    console.print(f"{story.skipped} steps after it did not run{kept}.", soft_wrap=True)
    console.print(f"The whole log: {log_path}", soft_wrap=True)


def _require_origin(instance: dg.DagsterInstance, settings: Settings, origin: date) -> None:
    possible = list_origins(instance, Session(settings))
    if str(origin) in possible:
        return
    if not possible:
        raise NoDataError("there is too little history to backfill any origin")
    near = sorted(possible, key=lambda each: abs(date.fromisoformat(each) - origin))[:2]
    raise NoDataError(
        f"{origin} is none of the {len(possible)} origins that can be backfilled, which lie a week "
        f"apart from {possible[-1]} to {possible[0]}; near it: {', '.join(sorted(near))}"
    )


def _published_id(settings: Settings) -> str | None:
    try:
        return summarise(settings).info.generation_id
    except RossmannError:
        return None


def _record(stories: list[Story], exit_code: int, reason: str | None) -> RefreshRecord:
    usages = [resource.getrusage(kind) for kind in _OWN_AND_STARTED]
    last = stories[-1] if stories else Story()
    return RefreshRecord(
        exit_code=exit_code,
        job=last.job,
        run_id=last.run_id,
        failed_step=last.failed_step,
        reason=reason,
        step_seconds={title: each for story in stories for title, each in story.seconds.items()},
        cpu_seconds=sum(usage.ru_utime + usage.ru_stime for usage in usages),
        peak_gigabytes=_peak_gigabytes(),
    )


def _peak_gigabytes() -> float:
    """Peak memory of this process or of the largest it started, whichever is more."""
    return max(resource.getrusage(kind).ru_maxrss for kind in _OWN_AND_STARTED) / 1e6


if __name__ == "__main__":
    sys.exit(main())
