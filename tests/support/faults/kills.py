"""One round of kills: the job dies at random moments, and the next run must make it good."""

from __future__ import annotations

import random
import time
from dataclasses import asdict, dataclass, field

from support.faults.harness import Job, Place, as_lines, differences, leftovers, trouble, watching

START = 0  # before the first step: loading, the lock, Dagster's record


@dataclass
class Kill:
    """One kill.

    Attributes:
        step: In which step, 0 before the first.
        title: Its name.
        seconds: How long after it began.
    """

    step: int
    title: str
    seconds: float


@dataclass
class Round:
    """What became of a place whose job was killed, perhaps several times, and then run to its end.

    Attributes:
        kills: The kills that hit a running job.
        exit_code: Of the run after them.
        differences: Tables that are not as after an undisturbed run.
        leftovers: Locks and half-written files that stayed.
        trouble: What the doctor finds wrong afterwards.
        reads: How often a reader asked meanwhile.
        reader_faults: What was wrong with its answers.
        generations: The generations it was answered from.
        seconds: Wall time.
    """

    kills: list[Kill] = field(default_factory=list)
    exit_code: int = -1
    differences: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)
    reads: int = 0
    reader_faults: list[str] = field(default_factory=list)
    generations: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def is_survived(self) -> bool:
        """Whether nothing was lost and nobody noticed."""
        faults = (self.differences, self.leftovers, self.trouble, self.reader_faults)
        return self.exit_code == 0 and not any(faults)

    def as_json(self) -> dict[str, object]:
        """As plain values."""
        return {"kind": "kills", "is_survived": self.is_survived, **asdict(self)}


def kill_at(place: Place, step: int | str, *, seconds: float, ended: bool = False) -> Kill | None:
    """Run the job and kill it so long after a step began, or when it ended.

    Args:
        place: The place; it is changed.
        step: The step's number or title.
        seconds: How long after.
        ended: Whether the step must have ended.

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


def one_round(
    place: Place,
    expected: dict[str, str],
    durations: dict[int, float],
    *,
    kills: int,
    seed: str,
) -> Round:
    """Kill the job a number of times, each in a step and at a moment drawn at random.

    Args:
        place: The place; it is changed.
        expected: What an undisturbed run leaves.
        durations: Seconds of every step of an undisturbed run, 0 for what is before them.
        kills: How often.
        seed: The same seed draws the same moments.
    """
    draw = random.Random(seed)
    done = Round()
    started = time.monotonic()
    with watching(place) as watch:
        for _ in range(kills):
            step = draw.choice(sorted(durations))
            kill = kill_at(place, step, seconds=draw.uniform(0, durations[step]))
            if kill is not None:
                done.kills.append(kill)
        done.exit_code = Job(place).wait()
    judge(done, place, expected)
    done.reads, done.generations, done.reader_faults = (
        watch.reads, watch.generations, watch.faults[:5]
    )  # fmt: skip
    done.seconds = time.monotonic() - started
    return done


def judge(done: Round, place: Place, expected: dict[str, str]) -> None:
    """Hold what is left against what an undisturbed run leaves."""
    done.differences = differences(place, expected)
    done.leftovers = leftovers(place)
    done.trouble = as_lines(trouble(place))
