"""Run all examiners, and repair what can be repaired without losing data.

Entry points: :func:`examine` and :func:`repair`, which the command ``rossmann doctor`` calls. An
examiner is a function that yields findings about one subject, such as ``MLflow``. See
:mod:`~rossmann_ml.recovery.findings` for the content of a finding.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

import duckdb

from rossmann_ml.base.errors import BusyError, RossmannError
from rossmann_ml.base.settings import Settings
from rossmann_ml.base.storage_faults import fault_in
from rossmann_ml.recovery import bundles, records, served, stored, surroundings
from rossmann_ml.recovery.findings import Finding, Severity, error, note
from rossmann_ml.warehouse import connection as warehouse

_EXAMINERS: dict[str, Callable[[Settings], Iterable[Finding]]] = {
    "parameters": surroundings.examine_parameters,
    "folder": surroundings.examine_folders,
    "lock": surroundings.examine_lock,
    "half-written files": surroundings.examine_leftovers,
    "warehouse": stored.examine_warehouse,
    "models": bundles.examine_bundles,
    "published": served.examine_published,
    "archive": served.examine_archive,
    "status": served.examine_status,
    "MLflow": records.examine_registry,
    "Dagster": records.examine_dagster,
}
# One repair may uncover the next: the pointer, once its damaged generation is renamed.
_MOST_ROUNDS = 3
_FAULTS = (RossmannError, duckdb.Error, sqlite3.Error, OSError, ValueError)


def examine(settings: Settings) -> list[Finding]:
    """Run all examiners and return their findings, sorted by severity, errors first.

    An examiner that raises an error adds a finding about it; the others still run.
    """
    found = [finding for name in _EXAMINERS for finding in _examine(name, settings)]
    return sorted(found, key=lambda finding: list(Severity).index(finding.severity))


def _examine(name: str, settings: Settings) -> Iterator[Finding]:
    try:
        yield from _EXAMINERS[name](settings)
    except _FAULTS as fault:
        found = fault_in(fault) or fault
        grade = note if isinstance(found, BusyError) else error
        yield grade(name, f"could not be examined: {found}")


def repair(settings: Settings) -> list[str]:
    """Repair what can be repaired, while holding the writer's lock.

    Returns:
        One line for each repair that succeeded. Faults that remain are not returned: call
        :func:`examine` afterwards.

    Raises:
        BusyError: Another process writes.
    """
    # the lock taken here overwrites the note of a writer that died, so it is read before
    dead_writer = list(surroundings.examine_lock(settings))
    with warehouse.writer_lock(settings):
        # an interrupted restore goes first, because the other examiners see a mixture of its files
        done = _repair(dead_writer) + _repair(_examine("half-written files", settings))
        for _ in range(_MOST_ROUNDS):
            repaired = _repair(examine(settings))
            done += repaired
            if not repaired:
                break
    return done


def _repair(findings: Iterable[Finding]) -> list[str]:
    done = []
    for each in findings:
        if each.repair is not None:
            # a fault that stays is found again, with its advice for a person
            with suppress(*_FAULTS):
                each.repair()
                action = each.remedy.removeprefix("rossmann doctor --fix ")
                done.append(f"{each.subject}: {each.found}; {action}")
    return done
