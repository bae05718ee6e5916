"""Run dbt commands: build their environment and variables, start them, parse their results.

:func:`run_dbt` is the main entry point. The models are in ``dbt_project``;
:func:`rossmann_ml.quality.record_dbt_results` stores test results.
"""

from __future__ import annotations

import glob
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import filelock

from rossmann_ml.base.errors import BusyError, FaultError, RefusedError
from rossmann_ml.base.params import Params
from rossmann_ml.base.process import heed_interrupts
from rossmann_ml.base.settings import Settings
from rossmann_ml.warehouse.connection import require_database
from rossmann_ml.warehouse.session import Session

_FAILED = frozenset({"error", "fail", "runtime error"})
_LINES_OF_OUTPUT = 30


@dataclass(frozen=True)
class DbtNode:
    """dbt's result of one node: a model, a test or a source.

    Attributes:
        unique_id: dbt's identifier, for example ``model.rossmann.fct_daily_sales``.
        status: ``success``, ``pass``, ``warn``, ``fail``, ``error``, ``skipped``, ...
        message: dbt's message; empty when there is none.
        failures: Number of rows that fail a test; None for models, sources, and tests that did not
            run.
        seconds: Execution time.
    """

    unique_id: str
    status: str
    message: str
    failures: int | None
    seconds: float

    @property
    def name(self) -> str:
        """Short name for messages, for example ``model fct_daily_sales``."""
        # test.<project>.<name>.<hash>; unit_test.<project>.<model>.<name>; source.<project>.a.b
        kind, _, *parts = self.unique_id.split(".")
        if kind == "test" and len(parts) > 1:
            parts.pop()
        return f"{kind.replace('_', ' ')} {'.'.join(parts)}"


@dataclass(frozen=True)
class DbtResult:
    """Results of a dbt command.

    Attributes:
        manifest_path: Path of the file ``manifest.json`` that the command wrote.
        nodes: Results of all nodes in dbt's order; empty for commands that run no node.
        failure: Message about all failed nodes; empty if none failed.
    """

    manifest_path: Path
    nodes: tuple[DbtNode, ...]
    failure: str = ""


def dbt_environment(settings: Settings) -> dict[str, str]:
    """Return the variables to add to the environment of a dbt process, by name.

    dbt itself, ``dbt_project/profiles.yml`` and models read them.
    """
    state = settings.state_path.resolve() / "dbt"
    project = str(settings.dbt_project_path.resolve())
    requests = settings.requests_path.resolve()
    return {
        "DBT_PROJECT_DIR": project,
        "DBT_PROFILES_DIR": project,
        "DBT_TARGET_PATH": str(state / "target"),
        "DBT_LOG_PATH": str(state / "logs"),
        "DBT_USE_COLORS": "false",
        # Dagster waits for every test of the models that are built
        "DBT_INDIRECT_SELECTION": "eager",
        # these test the SQL and not the data, so CI runs them and the weekly job does not
        "DBT_EXCLUDE_RESOURCE_TYPES": "unit_test",
        "ROSSMANN_DATABASE": str(settings.database_path.resolve()),
        "ROSSMANN_THREADS": str(settings.threads),
        "ROSSMANN_MEMORY_LIMIT": f"{settings.memory_limit_gb}GB",
        # DuckDB refuses a pattern that matches no file
        "ROSSMANN_REQUEST_FILES": (
            glob.escape(str(requests)) + "/*.jsonl" if any(requests.glob("*.jsonl")) else os.devnull
        ),
        "ROSSMANN_AS_OF": settings.as_of.isoformat() if settings.as_of else "",
    }


_LONGEST_RHYTHM_DAYS, _YEAR_DAYS = 28, 364


def dbt_variables(
    params: Params, forecast_origin: date | None = None, known_by: date | None = None
) -> dict[str, Any]:
    """Return values for the variables of ``dbt_project.yml``, by name.

    dbt parses the whole project again when a value changes. The weekly job therefore passes
    neither `forecast_origin` nor `known_by`, which change every week.

    Args:
        params: Parameters whose sections ``forecast``, ``plan_filling`` and ``plausibility`` are
            passed to dbt.
        forecast_origin: Forecast origin for which the plan is built; None for the newest day with
            sales of enough stores (``origin_min_coverage``).
        known_by: Rows that became known after this day are not used; None for no limit.
    """
    forecast, filling = params.forecast, params.plan_filling.model_dump()
    # a rhythm of up to four weeks has a multiple of at most four weeks more than the plan's length
    longest = forecast.horizon_days + forecast.plan_lookahead_days + _LONGEST_RHYTHM_DAYS
    filling["promo_lags_days"] = [
        lag for lag in filling["promo_lags_days"] if lag <= longest or lag >= _YEAR_DAYS
    ]
    partial_day = params.plausibility.partial_day.model_dump(mode="json")
    return {
        **{f"partial_day_{name}": value for name, value in partial_day.items()},
        "horizon_days": forecast.horizon_days,
        "plan_lookahead_days": forecast.plan_lookahead_days,
        "origin_min_coverage": forecast.origin_min_coverage,
        "active_within_days": forecast.active_within_days,
        "closed_after_days": forecast.closed_after_days,
        "plan_min_coverage": forecast.plan_min_coverage,
        **{f"filling_{name}": value for name, value in filling.items()},
        "forecast_origin": forecast_origin.isoformat() if forecast_origin else "",
        "known_by": (known_by or date.max).isoformat(),
    }


def run_dbt(
    session: Session,
    command: Sequence[str],
    *,
    variables: Mapping[str, Any] | None = None,
    check: bool = True,
) -> DbtResult:
    """Run a dbt command and wait for it.

    The session's connection is closed first, because DuckDB admits one writing process.

    Args:
        session: Session of the job.
        command: Command with its options, such as ``["build", "--selector", "core"]``.
        variables: Result of :func:`dbt_variables`; None for that of the session's parameters,
            without `forecast_origin` and `known_by`.
        check: Whether to raise an error if a model or a test of error severity failed. If False,
            the message is returned as `DbtResult.failure`, so that the caller can store the
            results before it raises.

    Raises:
        NoDataError: There is no warehouse yet, and the command is not ``parse``.
        BusyError: Another process has the database open.
        FaultError: dbt failed although no model and no test did, for example because the project
            does not parse or dbt was killed.
        RefusedError: A model or a test of error severity failed, and `check` is true; the message
            has the name and dbt's message of each.
    """
    settings = session.settings
    if command[0] != "parse":
        require_database(settings)
    environment = dbt_environment(settings)
    target = Path(environment["DBT_TARGET_PATH"])
    results_path = target / "run_results.json"
    # results of an earlier command must not be read as those of this one
    results_path.unlink(missing_ok=True)
    chosen = dbt_variables(session.params) if variables is None else dict(variables)
    with session.released():
        done = start_dbt(
            [*command, "--vars", json.dumps(chosen, sort_keys=True)],
            environment={**os.environ, **environment},
            folder=settings.dbt_project_path,
        )
    result = DbtResult(target / "manifest.json", read_nodes(results_path))
    if done.returncode == 0:
        return result
    if "Could not set lock on file" in done.stdout:
        raise BusyError(
            f"dbt could not open {settings.database_path}: another process has it open. "
            "Wait for it, or stop it"
        )
    failure = _failure_message(command, result.nodes, done, environment["DBT_LOG_PATH"])
    if not any(node.status in _FAILED for node in result.nodes):
        raise FaultError(failure)
    if check:
        raise RefusedError(failure)
    return replace(result, failure=failure)


def start_dbt(
    arguments: Sequence[str], *, environment: Mapping[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run dbt's command line in a separate process and wait for it.

    If dbt ran in this process, it would keep the database open after its command. Another process
    costs two seconds of imports per command. When the wait is interrupted or this process is
    killed, dbt is killed too.

    Args:
        arguments: Command and options, without ``dbt``.
        environment: Complete environment of the process.
        folder: Working directory of the process.

    Returns:
        The finished process. A negative ``returncode`` is the number of the signal that killed
        dbt; ``stdout`` has both its output and its errors.
    """
    heed_interrupts()
    launcher = ["-P", "-m", "rossmann_ml.warehouse.dbt_launcher", str(os.getpid())]
    return subprocess.run(  # noqa: S603 - our interpreter, without a shell
        [sys.executable, *launcher, *arguments],
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )


def ensure_manifest(settings: Settings) -> Path:
    """Return the path of dbt's manifest, from which Dagster builds its assets; build it if needed.

    The manifest is built if it is missing, half written, or older than a file of the project.

    Args:
        settings: Paths of the project, the parameters and the state folder.

    Returns:
        Path of ``manifest.json``.

    Raises:
        FaultError: The project does not parse.
        SettingsError: The parameter file cannot be used.
    """
    manifest = Path(dbt_environment(settings)["DBT_TARGET_PATH"]) / "manifest.json"
    # a folder's time changes when a file in it is added or removed
    changed = [
        path.stat().st_mtime
        for path in (settings.dbt_project_path, *settings.dbt_project_path.rglob("*"))
        if path.is_dir() or path.suffix in {".sql", ".yml"}
    ]
    manifest.parent.mkdir(parents=True, exist_ok=True)
    # UI and daemon of Dagster load the assets at once; the second finds what the first has built
    with filelock.FileLock(manifest.with_suffix(".lock")):
        if _read_whole(manifest) is None or manifest.stat().st_mtime <= max(changed):
            # with the weekly job's variables, so that the job need not parse the project again
            run_dbt(Session(settings), ["parse"])
    return manifest


def _read_whole(path: Path) -> Any:
    """Return a JSON file's decoded content; None if the file is missing or half written."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def read_nodes(results_path: Path) -> tuple[DbtNode, ...]:
    """Read the results of a dbt command's nodes from dbt's file ``run_results.json``.

    The result is empty if the file is missing or half written, for example by a killed dbt.
    """
    found = _read_whole(results_path)
    if found is None:
        return ()
    return tuple(
        DbtNode(
            unique_id=str(result["unique_id"]),
            status=str(result["status"]),
            message=str(result.get("message") or ""),
            failures=result.get("failures"),
            seconds=float(result.get("execution_time") or 0.0),
        )
        for result in found["results"]
    )


def _failure_message(
    command: Sequence[str],
    nodes: Sequence[DbtNode],
    done: subprocess.CompletedProcess[str],
    log_path: str,
) -> str:
    """Return a message about a dbt command that failed, with each failed node and dbt's message.

    If no node failed, the message has the last lines of dbt's output.

    Args:
        command: dbt command with its options.
        nodes: Results of all nodes.
        done: The finished dbt process.
        log_path: Folder of dbt's log, named in the message.
    """
    words = f"dbt {' '.join(command)}"
    failed = [node for node in nodes if node.status in _FAILED]
    if not failed:
        lines = [line for line in done.stdout.splitlines() if line.strip()][-_LINES_OF_OUTPUT:]
        if done.returncode < 0:  # for example when memory runs out
            lines.append(f"it was ended by the signal {signal.Signals(-done.returncode).name}")
        return "\n".join([f"{words} failed:", *lines])
    skipped = sum(node.status == "skipped" for node in nodes)
    found = [f"- {node.name}: {' '.join(node.message.split()) or node.status}" for node in failed]
    first = f"{words}: {len(failed)} of {len(nodes)} failed, {skipped} skipped after them"
    return "\n".join([first, *found, f"The SQL and its log are in {log_path}"])
