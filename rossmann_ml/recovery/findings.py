"""Define what ``rossmann doctor`` reports: findings with severity, advice and, if safe, a repair.

The modules ``served``, ``stored`` and ``surroundings`` of this package make the findings.
Entry points: :class:`Finding`, and :func:`examined` for one of several things to examine.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial

import duckdb

from rossmann_ml.base.errors import BusyError, RossmannError
from rossmann_ml.base.storage_faults import fault_in

FAULTS = (RossmannError, duckdb.Error, sqlite3.Error, OSError, ValueError, RuntimeError)
"""Errors of files and databases that one examination or repair may raise; others still run.

`RuntimeError` is raised for a link to itself and for data that are nested too deeply.
"""
_MOST_SHOWN = 6


class Severity(StrEnum):
    """Severity of a finding; the members are in the order of the report.

    Attributes:
        ERROR: The next run or the readers will fail, or show wrong figures.
        WARNING: The product works, but not as it should.
        NOTE: No action is needed.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One observation that ``rossmann doctor`` reports.

    Attributes:
        severity: How urgent the finding is.
        subject: Topic in one or two words, such as ``lock``.
        found: Value found, and the value expected if it is not obvious.
        remedy: Action for a person; empty if none is needed.
        repair: Function that repairs the fault without losing data, called with the writer's lock
            held; None if a person has to decide.
    """

    severity: Severity
    subject: str
    found: str
    remedy: str = ""
    repair: Callable[[], object] | None = field(default=None, compare=False, repr=False)

    @property
    def is_trouble(self) -> bool:
        """Whether action is needed: True for errors and warnings, False for notes."""
        return self.severity is not Severity.NOTE

    def as_json(self) -> dict[str, str | bool]:
        """Convert the finding to a dict for JSON.

        The bool ``can_be_repaired`` replaces `repair`, because JSON cannot contain a function.
        """
        return {
            "severity": self.severity.value,
            "subject": self.subject,
            "found": self.found,
            "remedy": self.remedy,
            "can_be_repaired": self.repair is not None,
        }


error = partial(Finding, Severity.ERROR)
warning = partial(Finding, Severity.WARNING)
note = partial(Finding, Severity.NOTE)


def shown(items: list[str], separator: str = ", ") -> str:
    """Join at most six items into a text for a message, and say how many items were left out."""
    more = len(items) - _MOST_SHOWN
    first = separator.join(items[:_MOST_SHOWN])
    return first + (f"{separator}and {more} more" if more > 0 else "")


def examined(subject: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the findings of one thing; an error becomes a finding, so that others are examined.

    Args:
        subject: Subject of the finding about an error.
        findings: Findings of an examiner, which is a generator.
    """
    try:
        yield from findings
    except FAULTS as fault:
        found = fault_in(fault) or fault
        grade = note if isinstance(found, BusyError) else error
        yield grade(subject, f"could not be examined: {found}")
