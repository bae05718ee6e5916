"""Write the weekly files that follow a sample, so that a week can pass without a retailer.

Entry point: :func:`write_next_week`.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rossmann_ml.base.errors import RefusedError, SettingsError
from rossmann_ml.base.files import move_into_place, remove, temporary_name
from rossmann_ml.ingest.data_set import MARKER_NAME
from rossmann_ml.ingest.discovery import recognise
from rossmann_ml.ingest.sample.writer import write_sample

_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class NextWeek:
    """Paths of the two written files, and the days that they are about.

    Attributes:
        sales: File with the week's sales, ``sales_YYYY-MM-DD.csv``.
        plan: File with the plan of the days after the week, ``plan_YYYY-MM-DD.csv``.
        last_date: Last date of the week.
        plan_last_date: Last date of the plan.
    """

    sales: Path
    plan: Path
    last_date: date
    plan_last_date: date


def write_next_week(raw_folder: Path, incoming_folder: Path) -> NextWeek:
    """Write the sales of the week after a sample, and the plan of the days after that week.

    The week starts after the sample's last sales, or after the newest weekly file of sales in the
    folder. The figures are those that a longer sample would have; the plan has as many days as the
    sample's.

    Args:
        raw_folder: Folder of the sample.
        incoming_folder: Folder of the weekly files; created if missing.

    Raises:
        RefusedError: The raw folder does not hold a sample.
        SettingsError: The week has not passed yet, or a file cannot be written.
    """
    marker = _marker(raw_folder)
    last_date = max(marker["last_date"], _newest_week(incoming_folder)) + _WEEK
    if last_date > date.today():
        raise SettingsError(
            f"the next week of the sample in {raw_folder} ends on {last_date}, after today "
            f"({date.today()}): sales of the future cannot land"
        )
    plan_days = (marker["plan_last_date"] - marker["last_date"]).days
    sales = incoming_folder / f"sales_{last_date}.csv"
    plan = incoming_folder / f"plan_{last_date}.csv"
    try:
        incoming_folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory() as folder:
            written = write_sample(
                Path(folder),
                stores=marker["stores"],
                seed=marker["seed"],
                first_date=last_date - _WEEK + timedelta(days=1),
                last_date=last_date,
                plan_days=plan_days,
            )
            # sales last, because they decide which week is the next one
            for name, final in {"test.csv": plan, "train.csv": sales}.items():
                temporary = temporary_name(final)
                try:
                    shutil.copyfile(Path(folder, name), temporary)
                    move_into_place(temporary, final)
                finally:
                    remove(temporary)
    except OSError as error:
        raise SettingsError(f"no week could be written to {incoming_folder}: {error}") from error
    return NextWeek(sales, plan, last_date, written.plan_last_date)


def _marker(folder: Path) -> dict[str, Any]:
    """Read the numbers and dates of a sample from its marker.

    Raises:
        RefusedError: The folder has no marker of a sample, or not with these entries.
    """
    try:
        marker = json.loads((folder / MARKER_NAME).read_text(encoding="utf-8"))
        dates = {name: date.fromisoformat(marker[name]) for name in ("last_date", "plan_last_date")}
        return {"stores": int(marker["stores"]), "seed": int(marker["seed"]), **dates}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RefusedError(
            f"{folder} does not hold a sample with its marker {MARKER_NAME} (found {error!r}), so "
            "its next week cannot be made. Make a sample with `rossmann data sample`; a retailer's "
            "next week comes from the retailer"
        ) from error


def _newest_week(folder: Path) -> date:
    """Return the newest day in the names of weekly files of sales; the first date without one."""
    files = map(recognise, folder.iterdir() if folder.is_dir() else ())
    return max(
        (file.day for file in files if file and file.kind == "sales" and file.day),
        default=date.min,
    )
