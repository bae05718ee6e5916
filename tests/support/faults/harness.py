"""The weekly job on a small chain, killed where one likes, and what is left of it.

Belongs here: a place to work in, running and killing the job, a reader that looks all the while,
and comparing what two places hold. Which faults are tried is in the tests and in ``soak.py``.
"""

from __future__ import annotations

import json
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

# What may differ between two runs that did the same: when and by which run, and MLflow's numbers.
VOLATILE = frozenset(
    {
        *("run_id", "mlflow_run_id", "registry_version", "seconds", "training_seconds"),
        *("started_at", "finished_at", "published_at", "loaded_at", "checked_at", "scored_at"),
        *("quarantined_at", "decided_at", "created_at", "built_at", "reached_at", "replaced_at"),
        # an alert that a killed run had raised is seen again by the next
        *("alert_id", "raised_at", "last_seen_at", "due_at", "resolved_at", "times_seen"),
        *("computed_at", "attempted_at"),
    }
)
# Every run leaves its own results there; those of the runs that were killed stay too.
_BY_RUN = {"data_quality_results": "checked_at"}

_STEP = re.compile(r"^\s*(\d+)/(\d+)  (.{20})\s+(\.\.\.|[\d.]+ s)", re.MULTILINE)

# Processes are forked from one that has the libraries loaded and has done nothing with them: most
# of a small run's time would go into loading them.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["support.faults.preloaded"])


@dataclass(frozen=True)
class Place:
    """A folder with a warehouse and a state of its own, and the raw files it is fed with."""

    folder: Path
    raw: Path

    @property
    def settings(self) -> Settings:
        """Where everything is."""
        return place_settings(self.folder, self.raw)

    @property
    def log_path(self) -> Path:
        """What the job printed."""
        return self.folder / "job.log"

    def copy_to(self, folder: Path) -> Place:
        """The same as it is now, in another folder; what is there goes."""
        shutil.rmtree(folder, ignore_errors=True)
        return self.copy_into(folder)

    def copy_into(self, folder: Path) -> Place:
        """The same in a folder that may be there and is empty."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return Place(folder, self.raw)


def make_place(folder: Path, raw: Path) -> Place:
    """A chain that was forecast once by a model of its own, with a week of sales that waits."""
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
    """The weekly job in a process of its own."""

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
        """Whether it has not ended."""
        return self._process.is_alive()

    def steps(self) -> list[tuple[int, str, bool]]:
        """Number, title and whether it ended, of every step that began, in their order."""
        found = _STEP.findall(self._log.read_text(encoding="utf-8"))
        return [(int(number), title.strip(), ended != "...") for number, _, title, ended in found]

    def wait(self) -> int:
        """Wait until it ends, and give its exit code."""
        self._process.join()
        return int(self._process.exitcode or 0)

    def wait_for(self, step: int | str, *, ended: bool) -> bool:
        """Wait until a step has begun or ended; False when the job ended before.

        Args:
            step: Its number or its title; 0 is the start.
            ended: Whether it must have ended.
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
        """Kill the job alone, as the system does when memory runs out; False when it had ended.

        Raises:
            AssertionError: Something that it started lives on.
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
    """The processes of a session that are not over."""
    found = []
    for process in psutil.process_iter(["pid", "name", "status"]):
        try:
            if process.info["status"] != psutil.STATUS_ZOMBIE and os.getsid(process.pid) == leader:
                found.append(f"{process.pid} {process.info['name']}")
        except (ProcessLookupError, psutil.Error):
            continue
    return found


def run_job(place: Place, **variables: str) -> int:
    """Run the job to its end, and give its exit code."""
    return Job(place, **variables).wait()


# --- a reader that looks all the while ---------------------------------------------------------


@dataclass
class Watch:
    """What a reader saw.

    Attributes:
        reads: How often it asked.
        generations: The generations it was answered from.
        faults: What was wrong, in words; empty is the aim.
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
                answer = reading.cursor.execute(_WHOLE).fetchall()
            # and as a program that has just been started
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
    reader.close()
    told.send((watch.reads, watch.generations, watch.faults))


@contextmanager
def watching(place: Place) -> Iterator[Watch]:
    """Let a reader look at the published generation until the block ends."""
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


# --- what is left ------------------------------------------------------------------------------


def contents(place: Place) -> dict[str, str]:
    """Number of rows and a hash of every table, warehouse and current generation."""
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
    """The tables that are not as expected."""
    found = contents(place)
    return [
        f"{name}: {found.get(name)}, expected {expected.get(name)}"
        for name in sorted(found.keys() | expected.keys())
        if found.get(name) != expected.get(name)
    ]


def leftovers(place: Place) -> list[str]:
    """Locks, notes and half-written files that nobody needs any more."""
    settings = place.settings
    published = settings.published_path
    folders = (settings.models_path, published, published / "models", vintages_path(settings))
    left = [path for folder in folders for path in files.leftover_paths(folder)]
    left += [*settings.warehouse_path.glob("*.owner"), *settings.warehouse_path.glob("*.wal")]
    left += [path for path in (settings.restore_path,) if path.exists()]
    holder = warehouse.lock_owner(settings)
    return [str(path.relative_to(place.folder)) for path in left] + ([holder] if holder else [])


def trouble(place: Place) -> list[Finding]:
    """What the doctor finds wrong."""
    return [finding for finding in examine(place.settings) if finding.is_trouble]


def as_lines(findings: list[Finding]) -> list[str]:
    """Findings as text."""
    return [f"{each.severity} {each.subject}: {each.found}" for each in findings]


def save_json(path: Path, value: object) -> None:
    """Keep a result."""
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")
