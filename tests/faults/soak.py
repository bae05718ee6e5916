"""``make soak``: kill the weekly job hundreds of times, in rounds that go on where they stopped.

    PYTHONPATH=tests python tests/faults/soak.py run --kills 200
    PYTHONPATH=tests python tests/faults/soak.py report

``run`` appends a line a round to the results; ``report`` writes ``docs/reliability.md`` from them.
Two soaks beside each other, each with a folder and a seed of its own, use two cores; ``report``
takes both folders. ``tests/faults/kept`` holds what the soaks that are reported found, and is one
more folder to name.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from pathlib import Path

import filelock
from report import write_report
from support.faults.harness import Job, Place, contents, make_place, save_json
from support.faults.kills import START, one_round
from support.faults.scenarios import SCENARIOS, NotHereError

from rossmann_ml.base.settings import PROJECT_DIR

DOCUMENT = PROJECT_DIR / "docs" / "reliability.md"
RESULTS = "results.jsonl"


def main(arguments: list[str] | None = None) -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="make soak")
    parser.add_argument("command", choices=["run", "report"])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--kills-in-a-round", type=int, default=8)
    parser.add_argument("--seed", default="", help="draws other moments than another seed")
    parser.add_argument("--kills-only", action="store_true", help="leave the other faults out")
    parser.add_argument("--folder", type=Path, nargs="+", default=[PROJECT_DIR / ".state" / "soak"])
    asked = parser.parse_args(arguments)
    if asked.command == "run":
        for folder in asked.folder:
            folder.mkdir(parents=True, exist_ok=True)
            try:
                # two would kill each other's jobs, and find differences that are none
                with filelock.FileLock(folder / "soak.lock", timeout=0):
                    run(folder, asked)
            except filelock.Timeout:
                sys.exit(f"another soak is at work in {folder}; name another --folder")
    results = [result for folder in asked.folder for result in read_results(folder)]
    if asked.command == "report":
        write_report(results, DOCUMENT)
    return 0 if all(result["is_survived"] for result in results) else 1


def read_results(folder: Path) -> list[dict]:
    """What was tried until now."""
    path = folder / RESULTS
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def run(folder: Path, asked: argparse.Namespace) -> None:
    """Go on until so many kills have hit and the other faults were all tried."""
    prepared(folder)
    done = read_results(folder)
    hit = sum(len(result.get("kills", ())) for result in done)
    tried = {result["name"] for result in done if result["kind"] == "fault"}
    waiting = [] if asked.kills_only else [name for name in SCENARIOS if name not in tried]
    number = sum(result["kind"] == "kills" for result in done)
    while waiting or hit < asked.kills:
        if hit < asked.kills:
            name = f"round {number} {asked.seed}".strip()
            hit += round_of_kills(folder, name, asked.kills_in_a_round)
            number += 1
            say(f"{hit} of {asked.kills} kills")
        if waiting:
            try_fault(folder, waiting.pop(0))


def round_of_kills(folder: Path, name: str, kills: int) -> int:
    """Kill the job some times in a fresh place, and give how many kills hit."""
    base, expected, durations = prepared(folder)
    place = base.copy_to(folder / "work")
    outcome = one_round(place, expected, durations, kills=kills, seed=name)
    append(folder, {"name": name, **outcome.as_json()})
    if not outcome.is_survived:  # kept for whoever looks into it
        shutil.copytree(place.folder, folder / f"failed {name}", dirs_exist_ok=True)
    return len(outcome.kills)


def try_fault(folder: Path, name: str) -> None:
    """Try another fault in a fresh place, where this machine lets it be made."""
    base, expected, _ = prepared(folder)
    try:
        outcome = SCENARIOS[name](base.copy_to(folder / "work"), expected)
    except NotHereError as error:
        say(f"{name}: not tried here: {error}")
        return
    outcome.told = outcome.told.replace(f"{folder / 'work'}/", "")  # where that is tells nobody
    append(folder, {"name": name, **outcome.as_json()})


def prepared(folder: Path) -> tuple[Place, dict[str, str], dict[int, float]]:
    """The place that every round begins with, what an undisturbed run leaves, and its steps."""
    base, kept = Place(folder / "base", folder / "raw"), folder / "undisturbed.json"
    if not kept.exists():
        if not base.settings.incoming_path.exists():  # what is made last is there
            say("making the place: a small chain, forecast once")
            shutil.rmtree(base.folder, ignore_errors=True)
            make_place(base.folder, base.raw)
        say("running the job undisturbed")
        place = base.copy_to(folder / "work")
        durations = run_timed(place)
        save_json(kept, {"contents": contents(place), "durations": durations})
    told = json.loads(kept.read_text(encoding="utf-8"))
    return base, told["contents"], {int(step): s for step, s in told["durations"].items()}


def run_timed(place: Place) -> dict[int, float]:
    """Run the job to its end and time its steps, 0 being what comes before them."""
    job = Job(place)
    began = {START: time.monotonic()}
    while job.is_running:
        for number, _, _ in job.steps():
            began.setdefault(number, time.monotonic())
        time.sleep(0.005)
    if job.wait() != 0:
        raise RuntimeError(f"the undisturbed run failed: {place.log_path.read_text()}")
    ends = [*list(began.values())[1:], time.monotonic()]
    return {step: end - start for (step, start), end in zip(began.items(), ends, strict=True)}


def append(folder: Path, result: dict) -> None:
    """Keep one result; a soak that is stopped goes on after it."""
    with (folder / RESULTS).open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(result) + "\n")
    verdict = "survived" if result["is_survived"] else "NOT SURVIVED"
    say(f"{result['name']}: {verdict} {'' if result['is_survived'] else json.dumps(result)}")


def say(line: str) -> None:
    """Print a line with the time."""
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
