"""Time an undisturbed weekly job, and kill one at a chosen moment."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from support.faults.harness import Job, Place, contents

START = 0  # number of the time before the first step: loading, the lock, Dagster's record


@dataclass(frozen=True)
class Kill:
    """One kill that hit a running job.

    Attributes:
        step: Number of the last step that began; 0 before the first.
        title: Title of that step.
        seconds: Seconds that were waited before the kill.
    """

    step: int
    title: str
    seconds: float


def kill_at(place: Place, step: int | str, *, seconds: float, ended: bool = False) -> Kill | None:
    """Run the job and kill it some seconds after a step began or ended.

    Args:
        place: Place of the job; it is changed.
        step: Number or title of the step.
        seconds: Seconds to wait after that.
        ended: Whether to wait for the end of the step instead of its start.

    Returns:
        The kill; None when the job had ended before.
    """
    job = Job(place)
    if not job.wait_for(step, ended=ended):
        job.wait()
        return None
    time.sleep(seconds)
    hit = job.kill()
    steps = job.steps()
    number, title, _ = steps[-1] if steps else (START, "start", False)
    return Kill(number, title, seconds) if hit else None


@dataclass(frozen=True)
class Undisturbed:
    """A place in which a week of sales waits, and the result of an undisturbed weekly job.

    Attributes:
        base: The place before the job.
        contents: Hash of every table after the job.
        durations: Seconds of each step by number; 0 for the time before the first step.
    """

    base: Place
    contents: dict[str, str]
    durations: dict[int, float]


def run_undisturbed(base: Place, folder: Path) -> Undisturbed:
    """Run the job on a copy of a place in ``folder``, and time its steps."""
    place = base.copy_to(folder)
    job = Job(place)
    began = {START: time.monotonic()}
    while job.is_running:
        for number, _, _ in job.steps():
            began.setdefault(number, time.monotonic())
        time.sleep(0.005)
    assert job.wait() == 0, place.log_path.read_text()
    ends = [*list(began.values())[1:], time.monotonic()]
    durations = {step: end - start for (step, start), end in zip(began.items(), ends, strict=True)}
    return Undisturbed(base, contents(place), durations)
