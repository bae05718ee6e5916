"""Faults other than a kill: what the job says, what is lost, and what readers notice."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta

from rossmann_ml.recovery import examine, repair
from rossmann_ml.serving.generations import POINTER_NAME, current_path
from rossmann_ml.warehouse import connection as warehouse
from support.faults.harness import (
    Job,
    Place,
    as_lines,
    differences,
    leftovers,
    run_job,
    trouble,
    watching,
)

_NOBODY = 65534


@dataclass
class Outcome:
    """What became of one fault.

    Attributes:
        fault: What was done.
        told: What the job or the doctor said, or what was done about it.
        lost: What was lost in the end; empty is the aim.
        reads: How often a reader asked meanwhile.
        reader_faults: What was wrong with its answers.
    """

    fault: str
    told: str = ""
    lost: list[str] = field(default_factory=list)
    reads: int = 0
    reader_faults: list[str] = field(default_factory=list)

    @property
    def is_survived(self) -> bool:
        """Whether nothing was lost and nobody noticed."""
        return not self.lost and not self.reader_faults

    def as_json(self) -> dict[str, object]:
        """As plain values."""
        return {"kind": "fault", "is_survived": self.is_survived, **asdict(self)}


class NotHereError(Exception):
    """This machine does not let the fault be made."""


@contextmanager
def _watched(place: Place, outcome: Outcome) -> Iterator[None]:
    with watching(place) as watch:
        yield
    outcome.reads, outcome.reader_faults = watch.reads, watch.faults[:5]


def _last_words(place: Place) -> str:
    """What the job said of its end: the refusal, or the step it stopped in."""
    lines = place.log_path.read_text(encoding="utf-8").splitlines()
    said = [line for line in lines if line.startswith(("error:", "stopped"))]
    is_raw = any(line.startswith("Traceback") for line in lines)
    return ("a traceback; " if is_raw else "") + (said[-1] if said else "nothing")


def _expect(outcome: Outcome, code: int, *, refused: bool) -> None:
    if (code != 0) != refused:
        outcome.lost.append(f"exit code {code}: {outcome.told}")
    if "traceback" in outcome.told:
        outcome.lost.append("a traceback in place of a message")


def _run_to_the_end(place: Place, expected: dict[str, str], outcome: Outcome) -> None:
    """The fault is over: the next run must leave what an undisturbed one does."""
    code = run_job(place)
    if code != 0:
        outcome.lost.append(f"the next run ended with {code}: {_last_words(place)}")
        return
    outcome.lost += differences(place, expected) + leftovers(place) + as_lines(trouble(place))


def two_at_once(place: Place, expected: dict[str, str]) -> Outcome:
    """A second refresh while one is at work."""
    outcome = Outcome("two refreshes at once")
    with _watched(place, outcome):
        first = Job(place)
        first.wait_for(1, ended=False)
        # of the same warehouse, with a log of its own
        second = Place(place.folder / "second", place.raw)
        second.folder.mkdir()
        code = _second_job(place, second).wait()
        outcome.told = _last_words(second)
        _expect(outcome, code, refused=True)
        first_code = first.wait()
    if first_code != 0:
        outcome.lost.append(f"the first ended with {first_code}")
    outcome.lost += differences(place, expected) + leftovers(place) + as_lines(trouble(place))
    return outcome


def _second_job(place: Place, log: Place) -> Job:
    settings = place.settings
    return Job(
        log,
        ROSSMANN_RAW_DIR=str(settings.raw_dir),
        ROSSMANN_INCOMING_DIR=str(settings.incoming_dir),
        ROSSMANN_WAREHOUSE_DIR=str(settings.warehouse_dir),
        ROSSMANN_STATE_DIR=str(settings.state_dir),
        ROSSMANN_PARAMS_FILE=str(settings.params_file),
        ROSSMANN_LOCK_TIMEOUT_SECONDS="0.5",
    )


def _small_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))


def files_too_large(place: Place, expected: dict[str, str]) -> Outcome:
    """No file may grow beyond a size, which is how a quota shows itself."""
    outcome = Outcome("files limited to 3 MB, as by a quota")
    with _watched(place, outcome):
        code = Job(place, prepare=_small_files).wait()
        outcome.told = _last_words(place)
        _expect(outcome, code, refused=True)
        _run_to_the_end(place, expected, outcome)
    return outcome


def disk_full(place: Place, expected: dict[str, str]) -> Outcome:
    """The disk of warehouse and state runs full, and then has room again."""
    outcome = Outcome("disk full")
    if os.geteuid() != 0:
        raise NotHereError("only root can mount a small disk")
    size = sum(path.stat().st_size for path in place.folder.rglob("*") if path.is_file())
    moved = place.folder.rename(place.folder.with_name(f"{place.folder.name}-moved"))
    place.folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size + 2_500_000}", "tmpfs", str(place.folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        if mounted.returncode != 0:
            raise NotHereError(f"no small disk can be mounted: {mounted.stderr.strip()}")
        Place(moved, place.raw).copy_into(place.folder)
        with _watched(place, outcome):
            code = run_job(place)
            outcome.told = _last_words(place)
            _expect(outcome, code, refused=True)
            subprocess.run(["mount", "-o", "remount,size=2g", str(place.folder)], check=True)
            _run_to_the_end(place, expected, outcome)
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", "-l", str(place.folder)], check=False)
    return outcome


def _nobody() -> None:
    os.setgroups([])
    os.setgid(_NOBODY)
    os.setuid(_NOBODY)


def read_only_folder(place: Place, expected: dict[str, str]) -> Outcome:
    """The warehouse's folder may not be written to."""
    outcome = Outcome("warehouse folder read-only")
    prepare: Callable[[], None] | None = None
    settings = place.settings
    if os.geteuid() == 0:
        prepare = _nobody  # root may write everywhere
        for folder in place.folder.parents:
            if folder.stat().st_mode & 0o005 != 0o005:
                raise NotHereError(f"{folder} is closed to other users")
        for path in (settings.state_path, *settings.state_path.rglob("*")):
            os.chown(path, _NOBODY, _NOBODY)
    modes = {path: path.stat().st_mode for path in settings.warehouse_path.rglob("*")}
    modes[settings.warehouse_path] = settings.warehouse_path.stat().st_mode
    place.log_path.write_text("")
    place.log_path.chmod(0o666)
    try:
        for path, mode in modes.items():
            path.chmod(mode & ~0o222)
        with _watched(place, outcome):
            code = Job(place, prepare=prepare).wait()
            outcome.told = _last_words(place)
            _expect(outcome, code, refused=True)
    finally:
        for path, mode in modes.items():
            path.chmod(mode)
    _run_to_the_end(place, expected, outcome)
    return outcome


def lost_mlflow(place: Place, expected: dict[str, str]) -> Outcome:
    """MLflow's server does not answer: forecasts do not need it."""
    outcome = Outcome("MLflow's server lost")
    with _watched(place, outcome):
        code = run_job(place, MLFLOW_TRACKING_URI="http://127.0.0.1:9")
        outcome.told = "the job does without it; the doctor warns: " + "; ".join(
            finding.found[:120]
            for finding in examine(
                place.settings.model_copy(update={"mlflow_tracking_uri": "http://127.0.0.1:9"})
            )
            if finding.subject == "MLflow"
        )
        _expect(outcome, code, refused=False)
    outcome.lost += differences(place, expected) + leftovers(place)
    return outcome


def damaged_generation(place: Place, expected: dict[str, str]) -> Outcome:
    """The current generation's file is damaged; `doctor --fix`, then the next run."""
    outcome = Outcome("current generation's file damaged")
    _run_to_the_end(place, expected, outcome)
    current = current_path(place.settings.published_path)
    current.chmod(0o644)
    with current.open("r+b") as stream:
        stream.seek(4096)
        stream.write(os.urandom(current.stat().st_size // 2))
    outcome.told = "; ".join(repair(place.settings))
    with _watched(place, outcome):  # from the generation before, until the job has made it anew
        _run_to_the_end(place, expected, outcome)
    return outcome


def truncated_pointer(place: Place, expected: dict[str, str]) -> Outcome:
    """The pointer is cut; a reader that is open reads on, and the next run writes it anew."""
    outcome = Outcome("pointer truncated")
    (place.settings.published_path / POINTER_NAME).write_text("0123")
    outcome.told = "; ".join(repair(place.settings))
    with _watched(place, outcome):
        _run_to_the_end(place, expected, outcome)
    return outcome


def clock_set_back(place: Place, expected: dict[str, str]) -> Outcome:
    """Files were landed by a clock that was a year ahead of today's."""
    outcome = Outcome("clock set back by a year")
    settings = place.settings
    ahead = warehouse.utc_now() + timedelta(days=365)
    with warehouse.connect(settings) as connection:
        ((before,),) = connection.execute("SELECT max(loaded_at) FROM raw.loads").fetchall()
        connection.execute("UPDATE raw.loads SET loaded_at = ?", [ahead])
    with _watched(place, outcome):
        code = run_job(place)
        outcome.told = "; ".join(
            finding.found for finding in examine(settings) if finding.subject == "clock"
        )
        _expect(outcome, code, refused=False)
    if not outcome.told:
        outcome.lost.append("the doctor did not notice")
    with warehouse.connect(settings) as connection:
        connection.execute(
            "UPDATE raw.loads SET loaded_at = ? WHERE loaded_at = ?", [before, ahead]
        )
    outcome.lost += differences(place, expected) + leftovers(place)
    return outcome


SCENARIOS: dict[str, Callable[[Place, dict[str, str]], Outcome]] = {
    function.__name__: function
    for function in (
        two_at_once,
        files_too_large,
        disk_full,
        read_only_folder,
        lost_mlflow,
        damaged_generation,
        truncated_pointer,
        clock_set_back,
    )
}
