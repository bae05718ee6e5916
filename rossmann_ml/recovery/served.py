"""Examine the files that readers use: generations, the pointer, archive and ``status.json``.

Entry points: :func:`examine_published`, :func:`examine_archive`, :func:`examine_status`. Whether
the current generation is out of date is examined in :mod:`~rossmann_ml.recovery.stored`, because
that needs the warehouse.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from rossmann_ml.base import files
from rossmann_ml.base.errors import (
    BusyError,
    ChangedError,
    DamagedError,
    PublishError,
    RossmannError,
)
from rossmann_ml.base.settings import Settings
from rossmann_ml.base.storage_faults import holders
from rossmann_ml.publish.audit import schema_of
from rossmann_ml.publish.vintages import vintages_path
from rossmann_ml.recovery.findings import Finding, error, note, shown, warning
from rossmann_ml.serving.changes import digest_path, is_changed
from rossmann_ml.serving.contract import load_contract
from rossmann_ml.serving.generations import (
    POINTER_NAME,
    Generation,
    move_pointer,
    pointed_path,
    read_generations,
    reading,
)
from rossmann_ml.serving.status import Status, read_status, status_path
from rossmann_ml.warehouse.whole import require_readable

_MOVE_AWAY = "move the file out of the folder, no command depends on it"


def examine_published(settings: Settings) -> Iterator[Finding]:
    """Report generations that cannot be read, a wrong pointer, and faults of the current one.

    A pointer is wrong if it names no generation. One that is busy, forbidden or changed keeps its
    pointer, because a person decides about it. A fault of the current generation is a column that
    differs from the contract.
    """
    found, unread = read_generations(settings)
    whole = []
    for each in found:
        fault = _fault_in(each)
        if fault is None:
            whole.append(each)
        else:
            unread[each.path] = fault
    pointed, unusable = None, ""
    try:
        pointed = pointed_path(settings.published_path)
    except PublishError as refusal:
        unusable = str(refusal)
    yield from _unread(unread, pointed)
    current = next((each for each in whole if each.path == pointed), None)
    if current is not None:
        yield from _schema_drift(current)
    elif pointed not in unread or isinstance(unread[pointed], DamagedError):
        yield _no_current(settings, whole, pointed, unusable)


def _unread(unread: dict[Path, RossmannError], pointed: Path | None) -> Iterator[Finding]:
    """Report why generations cannot be read; only damaged ones, which nobody has open, are renamed.

    Args:
        unread: Error of each file.
        pointed: File that the pointer names.
    """
    damaged = sorted(path for path, fault in unread.items() if isinstance(fault, DamagedError))
    if damaged:
        grade = error if pointed in damaged else warning
        yield grade(
            "damaged generation",
            f"{', '.join(path.name for path in damaged)} cannot be read as a generation",
            "rossmann doctor --fix renames such files to *.damaged",
            lambda: [*map(files.move_aside, (path for path in damaged if not holders(path)))],
        )
    for path, fault in sorted(unread.items()):
        is_current = path == pointed
        if isinstance(fault, BusyError):
            grade = warning if is_current else note
            yield grade("busy generation", str(fault), "it is whole as far as known; leave it")
        elif isinstance(fault, ChangedError):
            grade = error if is_current else warning
            yield grade("changed generation", str(fault), "" if is_current else _MOVE_AWAY)
        elif path not in damaged:
            grade = error if is_current else warning
            yield grade("generation", str(fault))


def _fault_in(generation: Generation) -> RossmannError | None:
    """Return why a generation that can be opened is not whole; None if it is.

    The id stored in it must be its file name, and DuckDB must be able to read all its rows.
    """
    path, stored = generation.path, generation.info.generation_id
    if stored != path.stem:
        return PublishError(f"{path.name} holds the generation {stored}: {_MOVE_AWAY}")
    try:
        with reading(path) as connection:
            require_readable(connection, path)
    except RossmannError as fault:
        return fault
    return None


def _no_current(
    settings: Settings, whole: list[Generation], pointed: Path | None, unusable: str
) -> Finding:
    if pointed:
        unusable = f"{POINTER_NAME} names {pointed.name}, which is not a whole generation"
    if not whole:
        grade = error if unusable else warning
        return grade(
            "pointer",
            unusable or f"nothing is published in {settings.published_path} yet",
            "`rossmann publish` makes one from the warehouse, `rossmann restore FILE` brings one "
            "back",
        )
    newest = whole[0].info.generation_id
    return error(
        "pointer",
        unusable or f"there are generations but no {POINTER_NAME}",
        f"rossmann doctor --fix points it to {newest}, the newest whole one",
        partial(move_pointer, settings.published_path, whole[0].path),
    )


def _schema_drift(current: Generation) -> Iterator[Finding]:
    with reading(current.path) as connection:
        tables = schema_of(connection)
    found = {(table, name): kind for table in tables for name, kind, _ in tables[table]}
    contract = load_contract()
    drifted = [
        f"{table}.{column.name} is {found.get((table, column.name), 'missing')}, expected "
        f"{column.type}"
        for table in contract.names
        for column in contract.columns_of(table)
        if found.get((table, column.name)) != column.type
    ]
    if drifted:
        yield warning(
            "schema drift",
            f"the current generation {current.info.generation_id} differs from this code's "
            f"contract: {shown(drifted, '; ')}",
            "`rossmann refresh` publishes one that fits",
        )


def examine_archive(settings: Settings) -> Iterator[Finding]:
    """Report files of archived forecasts whose content is not the one that was written."""
    for path in sorted(vintages_path(settings).glob("*.parquet")):
        if is_changed(path):
            yield warning(
                "archive",
                f"{path} has not the content of {digest_path(path).name}",
                "rossmann doctor --fix renames it to *.damaged; `rossmann publish` writes it again",
                partial(files.move_aside, path),
            )


def examine_status(settings: Settings) -> Iterator[Finding]:
    """Report an unreadable ``status.json``, and the failed run and the rollback recorded in it.

    A failed run is reported until a later run succeeds. A rollback is reported until a new
    generation is published. A missing file is not reported.
    """
    path = status_path(settings.published_path)
    status = read_status(settings.published_path)
    if path.exists() and status == Status():
        yield warning(
            "status",
            f"{path} cannot be read",
            "rossmann doctor --fix removes it; the next run writes it again",
            path.unlink,
        )
    failed = status.last_failed_run
    if failed is not None and not failed.is_resolved:
        yield warning(
            "failed run",
            f"run {failed.run_id} failed at {failed.at:%Y-%m-%d %H:%M} in {failed.step}: "
            f"{failed.reason[:300]}",
            "repair what it names, then `rossmann refresh`",
        )
    if status.rollback is not None:
        yield note(
            "rollback",
            f"readers were rolled back to {status.rollback.generation_id} at "
            f"{status.rollback.at:%Y-%m-%d %H:%M}; it holds until something new is published",
        )
