"""Findings of the doctor, and their repair."""

from __future__ import annotations

from rossmann_ml.base.settings import Settings
from rossmann_ml.recovery import Finding, examine, repair


def findings(settings: Settings, subject: str) -> list[Finding]:
    return [each for each in examine(settings) if each.subject == subject]


def the(settings: Settings, subject: str) -> Finding:
    (found,) = findings(settings, subject)
    return found


def repaired(settings: Settings, subject: str) -> str:
    """Repair, and check that the finding is gone."""
    assert the(settings, subject).repair is not None
    done = repair(settings)
    assert findings(settings, subject) == []
    return "; ".join(done)
