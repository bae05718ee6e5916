"""Run all examiners, and repair what can be repaired without losing data.

Entry points: :func:`examine` and :func:`repair`, which the command ``rossmann doctor`` calls. An
examiner is a function that yields findings about one subject, such as ``MLflow``. See
:mod:`~rossmann_ml.recovery.findings` for the content of a finding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

from rossmann_ml.base.settings import Settings
from rossmann_ml.recovery import bundles, records, served, stored, surroundings
from rossmann_ml.recovery.findings import FAULTS, Finding, Severity, examined
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


def examine(settings: Settings) -> list[Finding]:
    """Run all examiners and return their findings, sorted by severity, errors first.

    An examiner that raises an error adds a finding about it; the others still run.
    """
    found = [finding for name in _EXAMINERS for finding in _examine(name, settings)]
    return sorted(found, key=lambda finding: list(Severity).index(finding.severity))


def _examine(name: str, settings: Settings) -> list[Finding]:
    return list(examined(name, _EXAMINERS[name](settings)))


def repair(settings: Settings) -> list[str]:
    """Repair what can be repaired, while holding the writer's lock.

    Returns:
        One line for each fault that was found no more after its repair. Faults that remain are
        not returned: call :func:`examine` afterwards.

    Raises:
        BusyError: Another process writes.
    """
    # the lock taken here overwrites the note of a writer that died, so it is read before
    dead_writer = _examine("lock", settings)
    with warehouse.writer_lock(settings):
        # an interrupted restore goes first, because the other examiners see a mixture of its files
        tried = _try(dead_writer) + _try(_examine("half-written files", settings))
        found = examine(settings)
        for _ in range(_MOST_ROUNDS):
            repaired = _try(found)
            if not repaired:
                break
            tried += repaired
            found = examine(settings)
    done = dict.fromkeys(each for each in tried if each not in found)
    return [
        f"{each.subject}: {each.found}; {each.remedy.removeprefix('rossmann doctor --fix ')}"
        for each in done
    ]


def _try(findings: Iterable[Finding]) -> list[Finding]:
    """Repair what has a repair, and return the findings whose repair raised no error."""
    repaired = []
    for each in findings:
        if each.repair is not None:
            # a fault that stays is found again, with its advice for a person
            with suppress(*FAULTS):
                each.repair()
                repaired.append(each)
    return repaired
