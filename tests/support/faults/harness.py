"""Run and kill the weekly job on a small chain, read meanwhile, and compare the results.

:class:`Place` holds a warehouse, :class:`Job` is a run, :func:`watching` starts a reader,
:func:`differences` compares. The faults are in ``tests/faults/soak.py`` and
``tests/integration/test_kill_anywhere.py``.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import psutil

from rossmann_ml.base import files
from rossmann_ml.base.settings import Settings
from rossmann_ml.ingest.sample import write_sample
from rossmann_ml.publish.vintages import vintages_path
from rossmann_ml.recovery import Finding, examine
from rossmann_ml.serving.generations import current_path, open_generation
from rossmann_ml.warehouse import connection as warehouse
from support.code_location import environment_of, place_settings
from support.weekly_drop import write_drop

STORES = 4

# Columns that differ between two equal runs: times, run ids, and numbers of MLflow.
VOLATILE = frozenset(
    {
        *("run_id", "mlflow_run_id", "registry_version", "seconds", "training_seconds"),
        *("started_at", "finished_at", "published_at", "loaded_at", "checked_at", "scored_at"),
        *("quarantined_at", "decided_at", "created_at", "built_at", "reached_at", "replaced_at"),
        # the next run sees the alert of a killed run again
        *("alert_id", "raised_at", "last_seen_at", "due_at", "resolved_at", "times_seen"),
        *("computed_at", "attempted_at"),
    }
)
# Tables to which every run adds its own results, a killed run too.
_BY_RUN = {"data_quality_results": "checked_at"}

_STEP = re.compile(r"^\s*(\d+)/(\d+)  (.{20})\s+(\.\.\.|[\d.]+ s)", re.MULTILINE)

# Processes are forked from one that has the libraries loaded, because loading takes most of a
# small run's time.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["support.faults.preloaded"])


@dataclass(frozen=True)
class Place:
    """A folder with a warehouse and a state folder, and the folder of its raw files."""

    folder: Path
    raw: Path

    @property
    def settings(self) -> Settings:
        """Settings with the paths of this place."""
        return place_settings(self.folder, self.raw)

    @property
    def log_path(self) -> Path:
        """File with the output of the newest job."""
        return self.folder / "job.log"

    def copy_to(self, folder: Path) -> Place:
        """Copy this place to another folder, which is deleted first."""
        shutil.rmtree(folder, ignore_errors=True)
        return self.copy_into(folder)

    def copy_into(self, folder: Path) -> Place:
        """Copy this place into a folder that is missing or empty."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return Place(folder, self.raw)


def make_place(folder: Path, raw: Path) -> Place:
    """Make a small chain with a model and one forecast, in which a week of sales waits."""
    place = Place(folder, raw)
    write_sample(raw, stores=STORES, seed=7)
    place.settings.warehouse_path.mkdir(parents=True)
    done = run_job(place)
    if done != 0:
        raise AssertionError(f"the first run ended with {done}: {place.log_path.read_text()}")
    write_drop(place.settings, days=7)
    return place


# --- running and killing -----------------------------------------------------------------------


def _work(environment: dict[str, str], log: str, prepare: Callable[[], None] | None) -> None:
    os.setsid()
    os.environ.update(environment)
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    if prepare is not None:
        prepare()
    from assets.refresh import main

    code = main([])
    sys.stdout.flush()
    os._exit(code)


class Job:
    """A run of the weekly job in its own process."""

    def __init__(
        self,
        place: Place,
        *,
        prepare: Callable[[], None] | None = None,
        **variables: str,
    ) -> None:
        place.log_path.write_text("")
        self._log = place.log_path
        environment = {**environment_of(place.settings), "PYTHONWARNINGS": "ignore", **variables}
        self._process = _CONTEXT.Process(
            target=_work, args=(environment, str(place.log_path), prepare)
        )
        self._process.start()

    @property
    def is_running(self) -> bool:
        """Whether the process still runs."""
        return self._process.is_alive()

    def steps(self) -> list[tuple[int, str, bool]]:
        """Return number, title and whether it ended, for each step that began, in order."""
        found = _STEP.findall(self._log.read_text(encoding="utf-8"))
        return [(int(number), title.strip(), ended != "...") for number, _, title, ended in found]

    def wait(self) -> int:
        """Wait for the end of the job and return its exit code."""
        self._process.join()
        return int(self._process.exitcode or 0)

    def wait_for(self, step: int | str, *, ended: bool) -> bool:
        """Wait until a step has begun or ended; return False when the job ended before.

        Args:
            step: Number or title of the step; 0 is the start of the job.
            ended: Whether to wait for the end of the step.
        """
        while self.is_running:
            if step == 0 or any(
                step in {number, title} and (has_ended or not ended)
                for number, title, has_ended in self.steps()
            ):
                return True
            time.sleep(0.005)
        return False

    def kill(self) -> bool:
        """Kill the job alone, as the system does when memory runs out.

        Returns:
            False when the job had ended before.

        Raises:
            AssertionError: A process that the job started is still there after a minute.
        """
        group = self._process.pid
        assert group is not None
        was_running = self.is_running
        self._process.kill()
        self._process.join()
        deadline = time.monotonic() + 60
        while left := _session(group):
            assert time.monotonic() < deadline, f"{left} outlived the job"
            time.sleep(0.02)
        return was_running and self._process.exitcode == -signal.SIGKILL


def _session(leader: int) -> list[str]:
    """Return the processes of a session that still run."""
    found = []
    for process in psutil.process_iter(["pid", "name", "status"]):
        try:
            if process.info["status"] != psutil.STATUS_ZOMBIE and os.getsid(process.pid) == leader:
                found.append(f"{process.pid} {process.info['name']}")
        except (ProcessLookupError, psutil.Error):
            continue
    return found


def run_job(place: Place, **variables: str) -> int:
    """Run the job to its end and return its exit code."""
    return Job(place, **variables).wait()


# --- a reader meanwhile ---------------------------------------------------------


@dataclass
class Watch:
    """Record of a reader.

    Attributes:
        reads: Number of queries.
        generations: Ids of the generations that answered, in order.
        faults: Errors and mixed answers.
    """

    reads: int = 0
    generations: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


_WHOLE = """
    SELECT count(*), count(DISTINCT store_id), count(*) FILTER (sales_forecast IS NULL),
        (SELECT count(*) FROM forecast_totals), bit_xor(hash(latest_forecasts))
    FROM latest_forecasts
"""


def _read(published: str, told: Any, stop: Any) -> None:
    from app.published import PublishedReader

    reader = PublishedReader(Path(published), check_every_seconds=0.01)
    watch, known = Watch(), {}
    while not stop.wait(0.25):
        watch.reads += 1
        try:
            with reader.reading() as reading:
                generation = reading.info.generation_id
                answer = reading.frame(_WHOLE).rows()
            # a second connection, as of a program that has just been started
            with open_generation(current_path(Path(published))) as connection:
                connection.execute("SELECT count(*) FROM forecasts").fetchall()
        except Exception as error:
            watch.faults.append(repr(error))
            continue
        if generation not in known:
            known[generation] = answer
            watch.generations.append(generation)
        rows, stores, empty = answer[0][:3]
        if answer != known[generation] or (rows, empty) != (stores * 42, 0) or not stores:
            watch.faults.append(f"{generation} answered {answer}, before {known[generation]}")
    told.send((watch.reads, watch.generations, watch.faults))


@contextmanager
def watching(place: Place) -> Iterator[Watch]:
    """Query the published generation in another process until the block ends."""
    stop = _CONTEXT.Event()
    receiving, sending = _CONTEXT.Pipe(duplex=False)
    process = _CONTEXT.Process(
        target=_read, args=(str(place.settings.published_path), sending, stop)
    )
    process.start()
    sending.close()
    watch = Watch()
    try:
        yield watch
    finally:
        stop.set()
        try:
            watch.reads, watch.generations, watch.faults = receiving.recv()
        except EOFError:
            watch.faults.append("the reader died")
        process.join()


# --- comparing ------------------------------------------------------------------------------


def contents(place: Place) -> dict[str, str]:
    """Return row count and hash of every table in the warehouse and the current generation."""
    settings = place.settings
    found: dict[str, str] = {}
    with warehouse.open_as_it_is(settings) as connection:
        found |= _tables(connection, "warehouse")
    current = current_path(settings.published_path)
    with open_generation(current) as connection:
        found |= _tables(connection, "published")
    found["published generation"] = current.stem
    return found


def _tables(connection: duckdb.DuckDBPyConnection, where: str) -> dict[str, str]:
    tables: dict[tuple[str, str], list[str]] = {}
    for schema, table, column in connection.execute(
        "SELECT schema_name, table_name, column_name FROM duckdb_columns() WHERE NOT internal "
        "ORDER BY ALL"
    ).fetchall():
        tables.setdefault((schema, table), []).append(column)
    found = {}
    for (schema, table), columns in tables.items():
        names = ", ".join(f'"{name}"' for name in columns if name not in VOLATILE) or "1"
        query = f'SELECT {names} FROM "{schema}"."{table}"'
        if table in _BY_RUN:
            newest = f'SELECT max_by(run_id, {_BY_RUN[table]}) FROM "{schema}"."{table}"'
            query += f" WHERE run_id = ({newest})"
        ((rows, digest),) = connection.execute(
            f"SELECT count(*), coalesce(sum(hash(t)), 0) FROM ({query}) AS t"
        ).fetchall()
        found[f"{where} {schema}.{table}"] = f"{rows} rows, {digest}"
    return found


def differences(place: Place, expected: dict[str, str]) -> list[str]:
    """Return a line for each table that differs from the expected contents."""
    found = contents(place)
    return [
        f"{name}: {found.get(name)}, expected {expected.get(name)}"
        for name in sorted(found.keys() | expected.keys())
        if found.get(name) != expected.get(name)
    ]


def leftovers(place: Place) -> list[str]:
    """Return the locks and half-written files that no process uses."""
    settings = place.settings
    published = settings.published_path
    folders = (settings.models_path, published, published / "models", vintages_path(settings))
    left = [path for folder in folders for path in files.leftover_paths(folder)]
    left += [*settings.warehouse_path.glob("*.owner"), *settings.warehouse_path.glob("*.wal")]
    left += [path for path in (settings.restore_path,) if path.exists()]
    holder = warehouse.lock_owner(settings)
    return [str(path.relative_to(place.folder)) for path in left] + ([holder] if holder else [])


def trouble(place: Place) -> list[Finding]:
    """Return the errors and warnings of the doctor."""
    return [finding for finding in examine(place.settings) if finding.is_trouble]


def as_lines(findings: list[Finding]) -> list[str]:
    """Return one line for each finding."""
    return [f"{each.severity} {each.subject}: {each.found}" for each in findings]
