"""Run every examiner, and repair what can be repaired without losing anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain

import duckdb

from rossmann_ml.base.errors import BusyError, RossmannError
from rossmann_ml.base.settings import Settings
from rossmann_ml.recovery import files, served, stored, surroundings
from rossmann_ml.recovery.findings import Finding, Severity
from rossmann_ml.warehouse import connection as warehouse

_EXAMINERS: dict[str, Callable[[Settings], Iterable[Finding]]] = {
    "parameters": surroundings.examine_parameters,
    "folder": surroundings.examine_folders,
    "lock": files.examine_lock,
    "half-written files": files.examine_leftovers,
    "warehouse": stored.examine_warehouse,
    "published": served.examine_published,
    "status": served.examine_status,
    "MLflow": surroundings.examine_registry,
}
# Mending one thing may bring up the next: a pointer once its damaged generation is set aside.
_MOST_ROUNDS = 3
_GRAVEST_FIRST = list(Severity)


def examine(settings: Settings) -> list[Finding]:
    """Look at everything; the gravest comes first.

    An examiner that cannot look says so in a finding of its own; the others still do.
    """
    found = chain.from_iterable(_asked(name, settings) for name in _EXAMINERS)
    return sorted(found, key=lambda finding: _GRAVEST_FIRST.index(finding.severity))


def _asked(name: str, settings: Settings) -> list[Finding]:
    found: list[Finding] = []
    try:
        found.extend(_EXAMINERS[name](settings))
    except BusyError as error:
        found.append(Finding(Severity.NOTE, name, f"could not be looked at: {error}"))
    except (RossmannError, duckdb.Error, OSError, ValueError) as error:
        found.append(Finding(Severity.ERROR, name, f"could not be looked at: {error}"))
    return found


def repair(settings: Settings) -> list[str]:
    """Repair what can be repaired while nobody else writes.

    Returns:
        What was done, a line each; what could not be done is among the findings afterwards.

    Raises:
        BusyError: Another process writes.
    """
    done: list[str] = []
    # the note of a writer that died is overwritten by the lock taken here, and gone with it
    left = next(iter(files.examine_lock(settings)), None)
    with warehouse.writer_lock(settings):
        if left is not None and left.repair is not None:
            done.append(left.repair())
        for _ in range(_MOST_ROUNDS):
            repairs = [each for each in examine(settings) if each.repair is not None]
            before = len(done)
            for finding in repairs:
                done.extend(_repaired(finding))
            if len(done) == before:
                break
    return done


def _repaired(finding: Finding) -> list[str]:
    assert finding.repair is not None  # noqa: S101 - asked by the only caller
    try:
        return [finding.repair()]
    except (RossmannError, duckdb.Error, OSError, ValueError):
        return []  # the finding stays, and says what a person can do
