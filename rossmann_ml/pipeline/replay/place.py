"""Manage the folder of a replay: its subfolders, options, and the records of finished weeks.

A week is finished when its record exists. The record is written last, so a week that was killed
has none and is run again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import filelock
from pydantic import TypeAdapter

from rossmann_ml.base.errors import BusyError, SettingsError
from rossmann_ml.base.files import write_text_atomically
from rossmann_ml.base.settings import Settings
from rossmann_ml.pipeline.replay.options import ReplayOptions
from rossmann_ml.pipeline.weekly_job import RefreshRecord


@dataclass(frozen=True)
class PlayedWeek:
    """Record of one finished week of a replay: when its job ran, and how the job ended.

    Attributes:
        number: Number of the week, from 0.
        monday: Simulated Monday, the business date of the week's job.
        wall_seconds: Seconds from the start of writing the week's files to the end of the job; in
            week 0 without the time for its bulk files.
        started_at: Real time at which the replay began the week, UTC.
        finished_at: Real time at which the job had ended, UTC.
        refresh: Outcome of the weekly job.
    """

    number: int
    monday: date
    wall_seconds: float
    started_at: datetime
    finished_at: datetime
    refresh: RefreshRecord


_WEEK = TypeAdapter(PlayedWeek)
_OPTIONS = TypeAdapter(ReplayOptions)


class ReplayPlace:
    """Folder of a replay: its paths, its lock, and the records of finished weeks.

    Args:
        folder: Path of the folder, which need not exist yet. An existing folder is either empty or
            already holds this replay; :meth:`is_new` checks it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.raw_path = self.folder / "raw"
        self.incoming_path = self.folder / "incoming"
        self.logs_path = self.folder / "logs"
        self.report_path = self.folder / "report"

    def settings(self, live: Settings, *, monday: date | None = None) -> Settings:
        """Return the live settings with the folders of the replay in place of the live ones.

        Args:
            live: Settings of the live product; threads, memory and parameters are kept.
            monday: Business date of the weekly job; None if no job is run with the settings.
        """
        return live.model_copy(
            update={
                "raw_dir": self.raw_path,
                "incoming_dir": self.incoming_path,
                "warehouse_dir": self.folder / "warehouse",
                "state_dir": self.folder / "state",
                "params_file": live.params_path.resolve(),
                "as_of": monday,
                "mlflow_tracking_uri": "",
            }
        )

    def refuse_live(self, live: Settings) -> None:
        """Raise if the replay's folder is a data folder of the live product, or contains one.

        The folder may be inside one of them, such as below the live state folder.

        Raises:
            SettingsError: The folder is, or contains, the live product's folder of bulk files,
                weekly drops, warehouse or state.
        """
        for path in (live.raw_path, live.incoming_path, live.warehouse_path, live.state_path):
            if path.resolve().is_relative_to(self.folder):
                raise SettingsError(
                    f"{self.folder} holds the live product's {path}; name another folder for the "
                    "replay"
                )

    @contextmanager
    def held(self) -> Iterator[None]:
        """Lock the folder for a block, so that no second replay runs in it.

        Raises:
            BusyError: Another replay holds the lock.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with filelock.FileLock(self.folder / "replay.lock", timeout=0):
                yield
        except filelock.Timeout as error:
            raise BusyError(f"another replay is at work in {self.folder}") from error

    def is_new(self, options: ReplayOptions, fingerprints: dict[str, str]) -> bool:
        """Return whether the folder is free for a new replay; False if it already holds this one.

        Args:
            options: Options of the replay.
            fingerprints: SHA-256 of the source files by name.

        Raises:
            SettingsError: The folder holds other files, or a replay with other options or source
                files; the message names the differences.
        """
        if not self._begun_path.exists():
            # hidden files are left by a writer that was killed
            names = {path.name for path in self.folder.glob("[!.]*")}
            others = sorted(names - {"replay.lock", "raw", "incoming"})
            if others:
                raise SettingsError(
                    f"{self.folder} holds {', '.join(others[:5])} and no replay; name an empty "
                    "folder"
                )
            return True
        wanted = _identity(options, fingerprints)
        begun = json.loads(self._begun_path.read_text(encoding="utf-8"))
        differences = [
            f"{name} is {begun.get(name)} there and {wanted.get(name)} here"
            for name in sorted(begun.keys() | wanted.keys())
            if begun.get(name) != wanted.get(name)
        ]
        if differences:
            raise SettingsError(
                f"{self.folder} holds another replay ({'; '.join(differences)}); name another "
                "folder, or remove this one"
            )
        return False

    def note_begun(self, options: ReplayOptions, fingerprints: dict[str, str]) -> None:
        """Record the options of the replay and the SHA-256 of its source files.

        Call it after the bulk files were written. A folder without this record counts as new, so a
        replay that is killed while it writes the bulk files begins again.
        """
        identity = json.dumps(_identity(options, fingerprints), indent=2)
        write_text_atomically(self._begun_path, f"{identity}\n")

    def note_done(self, week: PlayedWeek) -> None:
        """Write a week's record, which marks the week as finished."""
        text = _WEEK.dump_json(week, indent=2).decode() + "\n"
        write_text_atomically(self.folder / "weeks" / f"{week.monday}.json", text)

    def done_weeks(self) -> list[PlayedWeek]:
        """Return the records of the finished weeks, in order."""
        paths = sorted((self.folder / "weeks").glob("*.json"))
        return [_WEEK.validate_json(path.read_bytes()) for path in paths]

    @property
    def _begun_path(self) -> Path:
        return self.folder / "replay.json"


def _identity(options: ReplayOptions, fingerprints: dict[str, str]) -> dict[str, object]:
    return {**_OPTIONS.dump_python(options, mode="json"), **fingerprints}
