"""Describe the result of a landing: row counts per file, quarantine reasons and warnings.

The command line prints these results, and the orchestrator stores them as metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from rossmann_ml.ingest.formats import Kind


@dataclass(frozen=True)
class FileLanding:
    """The result of landing one file.

    Attributes:
        file_name: Name of the file without its folder.
        kind: Kind of its rows.
        is_bulk: Whether it holds a whole history; False for a weekly drop.
        load_id: Key of its row in ``raw.loads``; None when nothing was stored.
        was_landed_before: Whether the same bytes were landed earlier, so that no row was read.
        rows_read: Number of rows in the file.
        rows_landed: Number of rows stored, new and restated.
        rows_restated: Number of rows stored that differ from an earlier version.
        rows_unchanged: Number of rows equal to the stored version or to an earlier line.
        quarantined: Number of quarantined rows by reason.
        first_date: Oldest date among the rows that can be stored; None if there is none.
        last_date: Newest date among the rows that can be stored; None if there is none.
        warnings: Messages about the file that did not stop the landing.
        seconds: Duration of the landing in seconds.
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
        """Number of quarantined rows of the file."""
        return sum(self.quarantined.values())

    def describe(self) -> str:
        """Return the result as one line of text."""
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
            parts.append(f"{self.rows_quarantined:,} quarantined ({reasons})")
        if self.first_date is not None:
            parts.append(f"{self.first_date} to {self.last_date}")
        return f"{self.file_name}: {', '.join(parts)}, {self.seconds:.1f} s"


@dataclass(frozen=True)
class LandingReport:
    """The result of landing several files.

    Attributes:
        files: One result per file, in landing order.
        warnings: Messages about the folders.
    """

    files: tuple[FileLanding, ...]
    warnings: tuple[str, ...] = ()

    @property
    def is_changed(self) -> bool:
        """Whether any file changed the warehouse."""
        return any(file.load_id is not None for file in self.files)

    @property
    def rows_landed(self) -> int:
        """Number of rows stored from all files."""
        return sum(file.rows_landed for file in self.files)

    @property
    def rows_quarantined(self) -> int:
        """Number of quarantined rows of all files."""
        return sum(file.rows_quarantined for file in self.files)

    def all_warnings(self) -> list[str]:
        """Return the warnings of every file, with its name, and those of the folders."""
        return [
            *(f"{file.file_name}: {text}" for file in self.files for text in file.warnings),
            *self.warnings,
        ]
