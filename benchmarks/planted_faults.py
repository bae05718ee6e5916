"""Print a table of the checks that notice each fault in a Monday's files.

``python -m benchmarks.planted_faults`` writes a sample, replays some weeks, and then replays the
next Monday once unchanged and once with each fault of :mod:`benchmarks.faults`, each in a copy of
the replay's folder. The unchanged Monday shows findings that have another reason.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
from rich.console import Console

from benchmarks.faults import FAULTS, UNTOUCHED, Drop, Fault
from rossmann_ml.base.markdown import markdown_table
from rossmann_ml.base.params import load_params
from rossmann_ml.base.params.training import Profile
from rossmann_ml.base.settings import Settings, load_settings
from rossmann_ml.ingest.sample import write_sample
from rossmann_ml.pipeline.replay import ReplayOptions, ReplayPlace, replay
from rossmann_ml.pipeline.replay.loop import RunWeek
from rossmann_ml.pipeline.replay.week import run_week
from rossmann_ml.pipeline.weekly_job import RefreshRecord
from rossmann_ml.warehouse.connection import connect

FIRST_MONDAY = date(2015, 4, 6)
PLACES = ("ingest", "checks", "drift", "alerts", "job")
"""Kinds of findings: refused files and quarantined rows, checks of Great Expectations and dbt,
drift, alert rules, and a step that stopped the job (continuity stops ``publish``)."""


@dataclass(frozen=True)
class Noticed:
    """Findings on a Monday.

    Attributes:
        fault: Planted fault.
        found: Findings by :data:`PLACES`.
    """

    fault: Fault
    found: dict[str, list[str]]

    def beyond(self, untouched: Noticed) -> dict[str, list[str]]:
        """Return the findings that the unchanged Monday does not have."""
        return {
            place: [each for each in found if each not in untouched.found[place]]
            for place, found in self.found.items()
        }


def play_untouched(
    live: Settings, place: ReplayPlace, *, weeks: int, run: RunWeek = run_week
) -> None:
    """Replay the weeks before the fault."""
    replay(live, load_params(live.params_path), _options(), weeks=weeks, place=place, run=run)


def play_with(
    fault: Fault,
    live: Settings,
    untouched: ReplayPlace,
    *,
    weeks: int,
    run: RunWeek = run_week,
) -> Noticed:
    """Replay one more Monday with a fault, in a copy of a replay, and collect the findings.

    Args:
        fault: Fault to plant.
        live: Settings with the complete files.
        untouched: Replay of ``weeks`` weeks; it is not changed.
        weeks: Number of weeks in that replay.
        run: Argument of :func:`rossmann_ml.pipeline.replay.replay`.
    """
    place = ReplayPlace(untouched.folder.with_name(fault.name))
    shutil.rmtree(place.folder, ignore_errors=True)
    shutil.copytree(untouched.folder, place.folder)

    def planted(
        place: ReplayPlace, live: Settings, monday: date, *, retrain: Profile | None
    ) -> RefreshRecord:
        fault.plant(Drop(place, monday))
        return run(place, live, monday, retrain=retrain)

    params = load_params(live.params_path)
    done = replay(live, params, _options(), weeks=weeks + 1, place=place, run=planted)
    return Noticed(fault, _found(place.settings(live), done[-1].monday, done[-1].refresh))


def _options() -> ReplayOptions:
    # one training in the first week, so that every fault meets the same model
    return ReplayOptions(FIRST_MONDAY, retrain_every_weeks=1000)


_QUESTIONS = {
    "ingest": """
        SELECT kind || ': ' || count(*) || ' rows quarantined, ' || reason
        FROM raw.quarantined_rows JOIN raw.loads USING (load_id, kind)
        WHERE known_on = $monday GROUP BY kind, reason
        UNION ALL
        SELECT 'sales: ' || rows_unchanged || ' rows were known or there twice'
        FROM raw.loads WHERE kind = 'sales' AND known_on = $monday AND rows_unchanged > 0
        UNION ALL
        SELECT kind || ': the file brought nothing new'
        FROM (VALUES ('sales'), ('plan')) AS kinds(kind)
        WHERE kind NOT IN (SELECT kind FROM raw.loads WHERE known_on = $monday)
        ORDER BY 1
    """,
    "checks": """
        SELECT DISTINCT tool || ': ' || check_name || ' (' || table_name || ', ' || severity || ')'
        FROM quality.data_quality_results WHERE NOT is_success AND run_id = $run_id ORDER BY 1
    """,
    "drift": """
        SELECT kind || ' ' || feature || ' ' || round(value, 3) || ' >= ' || threshold
        FROM monitoring.drift_metrics WHERE is_drifted AND run_id = $run_id ORDER BY 1
    """,
    "alerts": """
        SELECT rule || ' (' || subject || ')'
        FROM monitoring.alerts WHERE raised_on = $monday ORDER BY 1
    """,
}


def _found(settings: Settings, monday: date, refresh: RefreshRecord) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    with connect(settings, read_only=True) as connection:
        for place, question in _QUESTIONS.items():
            values = {"monday": monday, "run_id": refresh.run_id}
            asked = {name: value for name, value in values.items() if f"${name}" in question}
            try:
                rows = connection.execute(question, asked).fetchall()
            except duckdb.CatalogException:
                rows = []  # the table does not exist here
            found[place] = [said for (said,) in rows]
    stopped = f"stopped in {refresh.failed_step or 'the beginning'}: {refresh.reason}"
    found["job"] = [stopped] if refresh.exit_code else []
    return found


def table(noticed: Sequence[Noticed]) -> str:
    """Return the table as Markdown; the first of ``noticed`` is the unchanged Monday."""
    untouched = noticed[0]
    rows = []
    for each in noticed:
        found = each.found if each is untouched else each.beyond(untouched)
        said = [_short(found[place]) for place in PLACES]
        count = sum(1 for place in PLACES if found[place])
        rows.append([each.fault.words, *said, str(count)])
    return markdown_table(["what was planted", *PLACES, "noticed by"], rows)


def _short(found: Sequence[str]) -> str:
    shown = [each if len(each) <= 160 else f"{each[:157]}..." for each in found[:3]]
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return "<br>".join(shown).replace("|", "\\|").replace("\n", " ") + more or "-"


def main() -> None:
    """Replay every fault and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, prog="python -m benchmarks.planted_faults"
    )
    parser.add_argument("--stores", type=int, default=100, help="stores in the sample")
    parser.add_argument("--weeks", type=int, default=4, help="weeks before the fault")
    parser.add_argument("--faults", nargs="*", default=[fault.name for fault in FAULTS])
    parser.add_argument("--folder", type=Path, required=True, help="folder of all files")
    asked = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    live = load_settings(
        raw_dir=asked.folder / "raw",
        incoming_dir=asked.folder / "live" / "incoming",
        warehouse_dir=asked.folder / "live" / "warehouse",
        state_dir=asked.folder / "live" / "state",
    )
    if not (asked.folder / "raw" / "train.csv").exists():
        write_sample(asked.folder / "raw", stores=asked.stores, seed=7)
    base = ReplayPlace(asked.folder / "base")
    console.print(f"{asked.weeks} weeks untouched in {base.folder}")
    play_untouched(live, base, weeks=asked.weeks)
    noticed = []
    for fault in (UNTOUCHED, *(fault for fault in FAULTS if fault.name in asked.faults)):
        found = play_with(fault, live, base, weeks=asked.weeks)
        noticed.append(found)
        console.print(f"{fault.name}: {json.dumps(found.found)}", markup=False)
    console.print()
    console.print(table(noticed), markup=False)


if __name__ == "__main__":
    main()
