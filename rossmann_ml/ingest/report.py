"""What a landing did, for people and for the orchestrator's metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from rossmann_ml.ingest.formats import Kind


@dataclass(frozen=True)
class FileLanding:
    """What became of one file.

    Attributes:
        file_name: Its name without the folder.
        kind: What it holds.
        is_bulk: A whole history, not a weekly drop.
        load_id: Its row in ``raw.loads``; None when it changed nothing.
        was_landed_before: The same bytes were landed earlier; nothing was read.
        rows_read: Rows in the file.
        rows_landed: Rows stored: new ones and restated ones.
        rows_restated: Rows stored that differ from an earlier version.
        rows_unchanged: Rows that say what was known, or stand in the file twice alike.
        quarantined: Rows set aside, by reason.
        first_date: Oldest day among the rows that can be stored.
        last_date: Newest such day.
        warnings: What was noticed and did not matter to the landing.
        seconds: How long it took.
    """

    file_name: str
    kind: Kind
    is_bulk: bool
    load_id: int | None = None
    was_landed_before: bool = False
    rows_read: int = 0
    rows_landed: int = 0
    rows_restated: int = 0
    rows_unchanged: int = 0
    quarantined: Mapping[str, int] = field(default_factory=dict)
    first_date: date | None = None
    last_date: date | None = None
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def rows_quarantined(self) -> int:
        """Rows set aside for any reason."""
        return sum(self.quarantined.values())

    def describe(self) -> str:
        """Say in one line what became of the file."""
        if self.was_landed_before:
            return f"{self.file_name}: unchanged: this file was landed before"
        parts = [f"{self.rows_read:,} rows read"]
        if self.load_id is None:
            parts.append("nothing new")
        else:
            restated = f" ({self.rows_restated:,} of them restated)" if self.rows_restated else ""
            parts.append(f"{self.rows_landed:,} landed{restated}")
        if self.rows_unchanged:
            parts.append(f"{self.rows_unchanged:,} unchanged")
        if self.quarantined:
            reasons = "; ".join(f"{reason}: {rows:,}" for reason, rows in self.quarantined.items())
            parts.append(f"{self.rows_quarantined:,} set aside ({reasons})")
        if self.first_date is not None:
            parts.append(f"{self.first_date} to {self.last_date}")
        return f"{self.file_name}: {', '.join(parts)}, {self.seconds:.1f} s"


@dataclass(frozen=True)
class LandingReport:
    """What became of several files, in the order of landing.

    Attributes:
        files: One entry a file.
        warnings: What was noticed about the folders.
    """

    files: tuple[FileLanding, ...]
    warnings: tuple[str, ...] = ()

    @property
    def is_changed(self) -> bool:
        """Whether anything was written."""
        return any(file.load_id is not None for file in self.files)

    @property
    def rows_landed(self) -> int:
        """Rows stored from all files."""
        return sum(file.rows_landed for file in self.files)

    @property
    def rows_quarantined(self) -> int:
        """Rows set aside from all files."""
        return sum(file.rows_quarantined for file in self.files)

    def all_warnings(self) -> list[str]:
        """The warnings of every file and of the folders."""
        return [
            *(f"{file.file_name}: {text}" for file in self.files for text in file.warnings),
            *self.warnings,
        ]
