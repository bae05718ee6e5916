"""Findings of the doctor, and their repair."""

from __future__ import annotations

from rossmann_ml.base.settings import Settings
from rossmann_ml.recovery import Finding, examine, repair
from rossmann_ml.warehouse import connection as warehouse


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


def hold_lock(settings: Settings, held: object, done: object) -> None:
    """Hold the writer's lock until told to end; runs in a process of its own.

    Not in a conftest: a spawned process finds the first module of that name.
    """
    with warehouse.writer_lock(settings):
        held.set()  # type: ignore[attr-defined]
        done.wait(60)  # type: ignore[attr-defined]
