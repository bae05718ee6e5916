"""Examine the files that readers use: generations, published models, ``status.json``, the pointer.

Entry points: :func:`examine_published`, :func:`examine_status`. Whether the current generation is
out of date is examined in :mod:`~rossmann_ml.recovery.stored`, because that needs the warehouse.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import duckdb

from rossmann_ml.base.errors import PublishError
from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.audit import schema_of
from rossmann_ml.recovery.findings import Finding, error, examine_model_files, note, shown, warning
from rossmann_ml.serving.contract import load_contract
from rossmann_ml.serving.generations import (
    POINTER_NAME,
    Generation,
    bundle_path,
    generation_files,
    list_generations,
    model_versions_of,
    move_pointer,
    pointed_path,
    reading,
)
from rossmann_ml.serving.status import Status, read_status, status_path


def examine_published(settings: Settings) -> Iterator[Finding]:
    """Report damaged generations, a missing or wrong pointer, and faults of the current generation.

    A pointer is wrong if it does not name an undamaged generation. Faults of the current generation
    are columns that differ from the contract, and missing files of models that readers need.
    """
    whole = [each for each in list_generations(settings) if _is_whole(each)]
    damaged = sorted(set(generation_files(settings.published_path)) - {each.path for each in whole})
    pointed, unusable = None, ""
    try:
        pointed = pointed_path(settings.published_path)
    except PublishError as refusal:
        unusable = str(refusal)
    if damaged:
        grade = error if pointed in damaged else warning
        yield grade(
            "damaged generation",
            f"{', '.join(path.name for path in damaged)} cannot be read as a generation",
            "rossmann doctor --fix renames such files to *.damaged",
            lambda: [path.rename(f"{path}.damaged") for path in damaged],
        )
    current = next((each for each in whole if each.path == pointed), None)
    if current is None:
        yield _no_current(settings, whole, pointed, unusable)
    else:
        yield from _schema_drift(current)
        yield from _missing_models(settings, current)


def _is_whole(generation: Generation) -> bool:
    """Return whether a generation is undamaged.

    The id stored in it must be its file name, and DuckDB must be able to read all its rows.
    """
    if generation.info.generation_id != generation.path.stem:
        return False
    try:
        with reading(generation.path) as connection:
            for name in schema_of(connection):
                quoted = name.replace('"', '""')
                query = f'SELECT bit_xor(hash(t)) FROM "{quoted}" AS t'  # noqa: S608 - quoted
                connection.execute(query).fetchall()
    except duckdb.Error:
        return False
    return True


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


def _missing_models(settings: Settings, current: Generation) -> Iterator[Finding]:
    with reading(current.path) as connection:
        needed = model_versions_of(connection)
    for version in needed:
        folder = bundle_path(settings, version)
        yield from examine_model_files(
            "bundle",
            folder,
            settings.models_path / version,
            found=f"the current generation needs the files of model {version}, which are not in "
            f"{folder.parent}; what-if questions fail",
            remedy="`rossmann rollback generation ID`, or `rossmann restore FILE`",
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
