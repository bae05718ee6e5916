"""What of a replay is on disk: its folders, what it was begun with, and which weeks are done.

A week is done when its record is there; the record is written last, so that a week in which the
replay was killed is played again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Self

import filelock

from rossmann_ml.base.errors import BusyError, SettingsError
from rossmann_ml.base.settings import Settings
from rossmann_ml.pipeline.replay.options import ReplayOptions
from rossmann_ml.pipeline.weekly_job import RefreshRecord

_BEGUN = "replay.json"


@dataclass(frozen=True)
class PlayedWeek:
    """One simulated Monday as it went.

    Attributes:
        number: Counted from 0.
        monday: The product's today.
        wall_seconds: From the first file written to the end of the job's process.
        started_at: Wall clock, UTC.
        finished_at: Wall clock, UTC.
        refresh: What the weekly job says of itself.
    """

    number: int
    monday: date
    wall_seconds: float
    started_at: datetime
    finished_at: datetime
    refresh: RefreshRecord = field(default_factory=lambda: RefreshRecord(exit_code=0))

    def to_json(self) -> str:
        """The week as text."""
        return json.dumps(asdict(self), indent=2, default=str) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The week from that text."""
        found = json.loads(text)
        return cls(
            number=found["number"],
            monday=date.fromisoformat(found["monday"]),
            wall_seconds=found["wall_seconds"],
            started_at=datetime.fromisoformat(found["started_at"]),
            finished_at=datetime.fromisoformat(found["finished_at"]),
            refresh=RefreshRecord(**found["refresh"]),
        )


class ReplayPlace:
    """The folder of a replay.

    Args:
        folder: It need not exist; a sample, the live warehouse or anything else must not be in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()

    @property
    def raw_path(self) -> Path:
        """The bulk files of the first Monday."""
        return self.folder / "raw"

    @property
    def incoming_path(self) -> Path:
        """The weekly drops so far."""
        return self.folder / "incoming"

    @property
    def logs_path(self) -> Path:
        """What the weekly job printed, a file a week."""
        return self.folder / "logs"

    @property
    def report_path(self) -> Path:
        """The books: tables and a page."""
        return self.folder / "report"

    def settings(self, live: Settings, *, monday: date | None = None) -> Settings:
        """The settings of the replay's weekly job: its own places, and today at a Monday.

        Args:
            live: What the machine may use, and the parameters, are taken over from it.
            monday: The product's today; None leaves it unset, for what only reads.
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
        """Keep the replay out of the live product's folders.

        Raises:
            SettingsError: The folder is one of them, or holds one.
        """
        own = self.settings(live)
        for name in ("raw_path", "incoming_path", "warehouse_path", "state_path"):
            theirs = getattr(live, name).resolve()
            if theirs in {getattr(own, name), self.folder} or theirs.is_relative_to(self.folder):
                raise SettingsError(
                    f"{self.folder} holds the live product's {theirs}; a replay needs a folder of "
                    "its own"
                )

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let no second replay work in the folder.

        Raises:
            BusyError: Another one does.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(self.folder / "replay.lock", timeout=0)
        try:
            lock.acquire()
        except filelock.Timeout as error:
            raise BusyError(f"another replay is at work in {self.folder}") from error
        try:
            yield
        finally:
            lock.release()

    def is_new(self, options: ReplayOptions, fingerprints: dict[str, str]) -> bool:
        """Whether no replay was begun here; one that was must be the same.

        Raises:
            SettingsError: The folder holds something else, or a replay of other options or files;
                the message names the difference.
        """
        wanted = {"options": _plain(options), "files": fingerprints}
        note = self.folder / _BEGUN
        if not note.exists():
            others = [
                path.name
                for path in self.folder.iterdir()
                if path.name not in {"replay.lock", "raw", "incoming"}
            ]
            if others:
                raise SettingsError(
                    f"{self.folder} holds {', '.join(sorted(others)[:5])} and no replay; name an "
                    "empty folder"
                )
            return True
        begun = json.loads(note.read_text(encoding="utf-8"))
        differences = [
            f"{name} is {begun[part].get(name)} there and {wanted[part].get(name)} here"
            for part in wanted
            for name in sorted(begun[part].keys() | wanted[part].keys())
            if begun[part].get(name) != wanted[part].get(name)
        ]
        if differences:
            raise SettingsError(
                f"{self.folder} holds another replay ({'; '.join(differences)}); name another "
                "folder, or remove this one"
            )
        return False

    def note_begun(self, options: ReplayOptions, fingerprints: dict[str, str]) -> None:
        """Write what the replay is; after the bulk files, which are then whole."""
        self._write(
            self.folder / _BEGUN,
            json.dumps({"options": _plain(options), "files": fingerprints}, indent=2) + "\n",
        )

    def note_done(self, week: PlayedWeek) -> None:
        """Write a week's record."""
        self._write(self._week_path(week.monday), week.to_json())

    def done_weeks(self) -> list[PlayedWeek]:
        """The weeks that are done, in order."""
        paths = sorted((self.folder / "weeks").glob("*.json"))
        return [PlayedWeek.from_json(path.read_text(encoding="utf-8")) for path in paths]

    def _week_path(self, monday: date) -> Path:
        return self.folder / "weeks" / f"{monday}.json"

    @staticmethod
    def _write(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(".half")
        half.write_text(text, encoding="utf-8")
        half.replace(path)


def _plain(options: ReplayOptions) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(asdict(options), default=str))
    return plain
