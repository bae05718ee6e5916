"""Examine the files that readers use: generations, the pointer, archive and ``status.json``.

Entry points: :func:`examine_published`, :func:`examine_archive`, :func:`examine_status`. Whether
the current generation is out of date is examined in :mod:`~rossmann_ml.recovery.stored`, because
that needs the warehouse.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import duckdb

from rossmann_ml.base import files
from rossmann_ml.base.errors import (
    BusyError,
    ChangedError,
    DamagedError,
    PublishError,
    RossmannError,
)
from rossmann_ml.base.settings import Settings
from rossmann_ml.base.storage_faults import busy_error, fault_of, holders
from rossmann_ml.publish.audit import schema_of
from rossmann_ml.publish.vintages import vintages_path
from rossmann_ml.recovery.findings import Finding, error, note, shown, warning
from rossmann_ml.serving.changes import digest_path, is_changed
from rossmann_ml.serving.contract import load_contract
from rossmann_ml.serving.generations import (
    POINTER_NAME,
    Generation,
    generation_path,
    move_pointer,
    pointed_path,
    read_generations,
    reading,
)
from rossmann_ml.serving.status import Rollback, Status, read_status, status_path
from rossmann_ml.warehouse.whole import require_readable

_MOVE_AWAY = "move the file out of the folder, no command depends on it"


def examine_published(settings: Settings) -> Iterator[Finding]:
    """Report generations that cannot be read, a wrong pointer, and faults of the current one.

    A pointer is wrong if it names no generation. One that is busy, forbidden or changed keeps its
    pointer, because a person decides about it. A fault of the current generation is a column that
    differs from the contract.
    """
    found, unread = read_generations(settings)
    unread = {path: _told_apart(fault, path) for path, fault in unread.items()}
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
        yield _no_current(settings, whole, unread, pointed, unusable)


def _told_apart(fault: RossmannError, path: Path) -> RossmannError:
    """Return why a generation cannot be read; too little memory, for example, is no damage."""
    cause = fault.__cause__
    return (isinstance(cause, duckdb.Error) and fault_of(cause, path)) or fault


def _unread(unread: dict[Path, RossmannError], pointed: Path | None) -> Iterator[Finding]:
    """Report why generations cannot be read; only damaged ones, which nobody has open, are renamed.

    Args:
        unread: Error of each file.
        pointed: File that the pointer names.
    """
    for path, fault in sorted(unread.items()):
        is_current = path == pointed
        if isinstance(fault, DamagedError):
            grade = error if is_current else warning
            yield grade(
                "damaged generation",
                f"{path.name} cannot be read as a generation: {fault}",
                "rossmann doctor --fix renames it to *.damaged, once no process has it open",
                partial(_move_aside, path),
            )
        elif isinstance(fault, BusyError):
            grade = warning if is_current else note
            yield grade("busy generation", str(fault), "it is whole as far as known; leave it")
        elif isinstance(fault, ChangedError):
            grade = error if is_current else warning
            yield grade("changed generation", str(fault), "" if is_current else _MOVE_AWAY)
        else:
            grade = error if is_current else warning
            yield grade("generation", str(fault))


def _move_aside(generation: Path) -> None:
    if holders(generation):
        raise busy_error(generation)
    files.move_aside(generation)


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
    settings: Settings,
    whole: list[Generation],
    unread: Mapping[Path, RossmannError],
    pointed: Path | None,
    unusable: str,
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
    unusable = unusable or f"there are generations but no {POINTER_NAME}"
    target, reason = _choice(settings, whole, unread)
    if target is None:
        known = shown([each.info.generation_id for each in whole])
        return error(
            "pointer",
            f"{unusable}; {reason}",
            f"`rossmann rollback generation ID` picks one of {known}",
        )
    return error(
        "pointer",
        unusable,
        f"rossmann doctor --fix points it to {target.info.generation_id}, {reason}",
        partial(move_pointer, settings.published_path, target.path),
    )


def _choice(
    settings: Settings, whole: list[Generation], unread: Mapping[Path, RossmannError]
) -> tuple[Generation | None, str]:
    """Choose what readers get in place of a generation that is missing or damaged.

    It is never one that a person withdrew by a rollback.

    Args:
        settings: Settings with the folder of published files.
        whole: Generations that are whole, newest first.
        unread: Why others cannot be read.

    Returns:
        The generation, and why; None if a person has to choose.
    """
    status = None
    with suppress(RossmannError):  # `examine_status` reports it
        status = read_status(settings.published_path)
    last = (status.rollback or status.last_publish) if status else None
    if last is None:
        if len(whole) > 1:
            return None, "status.json does not say which one readers had"
        return whole[0], "the only one"
    recorded = generation_path(settings, last.generation_id)
    for each in whole:
        if each.path == recorded:
            return each, "which the last publication or rollback chose"
    is_lost = isinstance(unread.get(recorded, DamagedError()), DamagedError)
    if isinstance(last, Rollback) or not is_lost:
        return None, f"readers had {last.generation_id}, which is not whole"
    return whole[0], "the newest whole one"


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
    is_other = path.exists() and not path.is_file()
    status = Status() if is_other else read_status(settings.published_path)
    if path.exists() and status == Status():
        yield warning(
            "status",
            f"{path} cannot be read" + (": it is no plain file" if is_other else ""),
            "rossmann doctor --fix renames it to *.damaged; the next run writes it again",
            partial(files.move_aside, path),
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
