"""Findings of the doctor: severity, what was found, what to do, and a repair where one is safe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"  # the next run or the readers will fail, or show what is wrong
    WARNING = "warning"  # it works, but not as it should
    NOTE = "note"  # good to know, nothing to do


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        severity: How bad it is.
        subject: What it is about, in a word or two; the same finding has the same subject.
        found: What was found, and what was expected where that is not plain.
        remedy: What a person can do; empty where there is nothing to do.
        repair: Function that repairs it without losing anything and says what it did; None where a
            person has to decide. The caller holds the writer's lock.
    """

    severity: Severity
    subject: str
    found: str
    remedy: str = ""
    repair: Callable[[], str] | None = field(default=None, compare=False, repr=False)

    @property
    def is_trouble(self) -> bool:
        """Whether something should be done."""
        return self.severity is not Severity.NOTE

    def as_json(self) -> dict[str, str | bool]:
        """As plain values."""
        return {
            "severity": self.severity.value,
            "subject": self.subject,
            "found": self.found,
            "remedy": self.remedy,
            "can_be_mended": self.repair is not None,
        }
