"""Publish a generation (write, audit, compare, move the pointer), or roll back to an older one.

Entry points: :func:`publish`, :func:`rollback_generation`. Readers use the generation that the
pointer names, and the pointer moves only after the generation's file and models are complete on
disk. So readers never see a half-written generation, even if the process dies between two steps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from rossmann_ml.base import files
from rossmann_ml.base.errors import (
    ChangedError,
    DamagedError,
    NoDataError,
    PublishError,
    RossmannError,
)
from rossmann_ml.base.settings import Settings
from rossmann_ml.models.bundle_files import is_whole, put_back, require_whole
from rossmann_ml.publish.audit import audit_generation, count_generation_rows
from rossmann_ml.publish.continuity import Continuity
from rossmann_ml.publish.identity import Draft, draft_generation
from rossmann_ml.publish.jumps import (
    AcceptedJump,
    compare,
    hold,
    pointed_or_none,
    reason_of_acceptance,
    record_acceptance,
)
from rossmann_ml.publish.retention import remove_old
from rossmann_ml.publish.vintages import export_vintages, vintages_path
from rossmann_ml.publish.writer import write_generation
from rossmann_ml.serving.changes import is_changed, write_digest
from rossmann_ml.serving.contract import load_contract
from rossmann_ml.serving.generations import (
    Generation,
    GenerationInfo,
    bundle_path,
    generation_files,
    generation_path,
    model_versions_of,
    move_pointer,
    read_generations,
    read_info,
    reading,
    reading_even_if_busy,
)
from rossmann_ml.serving.status import (
    FailedRun,
    LastPublish,
    Rollback,
    read_status,
    resolve_failure,
    write_status,
)
from rossmann_ml.warehouse import connection as warehouse
from rossmann_ml.warehouse.session import Session


@dataclass(frozen=True)
class PublishedGeneration:
    """Result of :func:`publish`.

    Attributes:
        generation_id: Id of the generation, also the stem of its file name.
        path: Generation file.
        is_new: False if the generation's file was already on disk, so that none was written.
        is_current: False only while a rollback keeps readers on another generation.
        tables: Number of rows by table and view.
        info: Row of the generation's table ``generation_info``.
        continuity: Comparison with the previous generation; None if no file was written or no
            comparison is possible.
    """

    generation_id: str
    path: Path
    is_new: bool
    is_current: bool
    tables: dict[str, int]
    info: GenerationInfo
    continuity: Continuity | None = None


def publish(
    session: Session, *, run_id: str, accepted_jump: AcceptedJump | None = None
) -> PublishedGeneration:
    """Publish the warehouse's forecasts as the generation that readers use.

    If the generation is already on disk, for example because an earlier process died before it
    moved the pointer, no file is written and only the pointer moves. After a rollback of readers,
    the pointer does not move to any generation that was on disk at the rollback; so the rollback
    lasts until new content is published.

    Every error is also recorded in ``status.json``, which readers see.

    Args:
        session: Session of the job.
        run_id: Id of the publishing run, kept in ``generation_info`` and ``status.json``.
        accepted_jump: A person's approval of totals beyond their limits; ignored if no total is
            beyond its limit. Without an approval, a generation with such a total is held.

    Raises:
        HeldError: Totals moved further than ``publish.continuity`` in ``params.yaml``
            allows, and nobody approved it. Readers keep the current generation.
        NoDataError: There is no warehouse, no data, no forecast or no champion yet.
        PublishError: The warehouse's tables do not fit the contract, or the new file did not pass
            its audit. Readers keep the current generation.
        DamagedError: No copy of a model's files is whole. Readers keep the current generation.
        BusyError: Another process is writing.
    """
    try:
        with warehouse.writer_lock(session.settings):
            return _publish(session, run_id, accepted_jump)
    except RossmannError as error:
        failed = FailedRun(run_id=run_id, reason=str(error), step="publish")
        write_status(session.settings, last_failed_run=failed)
        raise


def _publish(
    session: Session, run_id: str, accepted_jump: AcceptedJump | None
) -> PublishedGeneration:
    """Do the work of :func:`publish`, which holds the writer's lock and records errors."""
    settings, params = session.settings, session.params
    published = settings.published_path
    for folder in (published, published / "models", vintages_path(settings), settings.models_path):
        files.remove_leftovers(folder)
    warehouse.require_database(settings)
    with session.writing() as connection:
        draft = draft_generation(connection, settings, params, run_id=run_id)
        path = generation_path(settings, draft.info.generation_id)
        is_new = not _is_whole_generation(path)
        continuity: Continuity | None = None
        export_vintages(connection, settings, draft.archived_origins)
        if is_new:
            temporary = files.temporary_name(path)
            try:
                rows = write_generation(
                    connection, temporary, contract=load_contract(), draft=draft
                )
                audit_generation(temporary, contract=load_contract(), expected_rows=rows)
                # after the audit, so that a broken file is reported as broken, not as a jump
                continuity = compare(session, connection, params.publish.continuity)
                if continuity is not None and continuity.jumps:
                    if accepted_jump is None:
                        hold(settings, draft.info, continuity, run_id)
                    else:  # before the file has its name, because then nobody is asked again
                        record_acceptance(connection, draft.info, continuity, accepted_jump)
                temporary.chmod(0o444)  # some SQL tools open files for writing by default
                write_digest(temporary, path)
                files.remove(path.with_name(f"{path.name}.wal"))  # of a client that changed it
                files.move_into_place(temporary, path)
            except BaseException:
                files.remove(temporary)
                files.remove(temporary.with_name(f"{temporary.name}.wal"))  # after a full disk
                raise
        accepted = reason_of_acceptance(connection, draft.info.generation_id)
    copy_bundles(settings, draft)
    with reading_even_if_busy(path) as published_file:  # before readers are sent to it
        tables = count_generation_rows(published_file, load_contract())
        info = read_info(published_file)
    is_current = _move_pointer_if_due(settings, path, run_id, accepted)
    remove_old(settings, generations_kept=params.publish.generations_kept)
    return PublishedGeneration(
        info.generation_id, path, is_new, is_current, tables, info, continuity
    )


def _is_whole_generation(path: Path) -> bool:
    """Return whether a generation is on disk as it was published; if not, it is written again.

    Raises:
        RossmannError: The file cannot be read now, for example because it is forbidden, so that its
            content may be fine.
    """
    if is_changed(path):
        return False
    try:
        with reading_even_if_busy(path) as connection:
            return read_info(connection).generation_id == path.stem
    except (NoDataError, ChangedError, DamagedError):
        return False


def copy_bundles(settings: Settings, draft: Draft) -> None:
    """Copy the bundles of a generation's models to the published folder, where readers load them.

    A bundle that is whole there is not copied again.

    Raises:
        NoDataError: A bundle is neither in the folder of trained models nor in the published one.
        DamagedError: No copy of a bundle is whole.
    """
    for model_version in draft.model_versions:
        source, final = settings.models_path / model_version, bundle_path(settings, model_version)
        if not is_whole(final, model_version) and put_back(final, [source]) is None:
            require_whole(source, model_version)


def _move_pointer_if_due(
    settings: Settings, path: Path, run_id: str, accepted_jump: str | None
) -> bool:
    """Move the pointer to a generation, and record the publication in ``status.json``.

    If a rollback of readers withdrew the generation, the pointer names the one that a person chose
    instead, unless that file is gone.

    Args:
        settings: Settings with the folder of published files.
        path: File of the generation.
        run_id: Id of the publishing run.
        accepted_jump: Reason why a person accepted totals beyond their limits; None if no
            acceptance was needed.

    Returns:
        Whether the generation is the current one afterwards.
    """
    status = read_status(settings.published_path)
    rollback, target, noted = status.rollback, path, [status.last_publish, status.rollback]
    if rollback is not None and path.stem in rollback.withdrawn:
        chosen = generation_path(settings, rollback.generation_id)
        target, noted = (chosen, noted) if chosen.exists() else (path, [])
    if pointed_or_none(settings) != target:
        # the rollback's process may have died before it moved the pointer
        move_pointer(settings.published_path, target)
    if target == path and not any(each and each.generation_id == path.stem for each in noted):
        # an earlier process may have died between moving the pointer and this note
        published = LastPublish(generation_id=path.stem, run_id=run_id, accepted_jump=accepted_jump)
        write_status(settings, last_publish=published)
    resolve_failure(settings)
    return target == path


def rollback_generation(settings: Settings, generation_id: str) -> Generation:
    """Roll readers back to another generation that is still on disk.

    All other generations on disk are withdrawn: publishing their content again does not move
    readers. Publishing new content ends the rollback.

    Args:
        settings: Settings with the folder of published files.
        generation_id: Id of the generation, or the first characters of the id if no other
            generation has them.

    Returns:
        The generation that is current now.

    Raises:
        PublishError: No generation or more than one fits the id, or files of its models are
            missing.
        BusyError: Another process is writing.
    """
    with warehouse.writer_lock(settings):
        known, unread = read_generations(settings)
        if generation_id and not any(each.path.stem.startswith(generation_id) for each in known):
            for path, error in unread.items():
                if path.stem.startswith(generation_id):
                    raise error
        matching = [each for each in known if each.info.generation_id.startswith(generation_id)]
        if not generation_id or len(matching) != 1:
            there = ", ".join(f"{each.info.generation_id}" for each in known) or "none"
            found = "more than one generation" if len(matching) > 1 else "no generation"
            raise PublishError(f"{found} is called {generation_id!r}; there are: {there}")
        target = matching[0]
        with reading(target.path) as connection:
            missing = [
                version
                for version in model_versions_of(connection)
                if not is_whole(bundle_path(settings, version), version)
            ]
        if missing:
            raise PublishError(
                f"the files of model {', '.join(missing)} are gone or damaged, so generation "
                f"{target.info.generation_id} could not answer everything"
            )
        others = [
            path.stem for path in generation_files(settings.published_path) if path != target.path
        ]
        choice = Rollback(generation_id=target.path.stem, withdrawn=tuple(others))
        # the note is written first because without it the next publication undoes the rollback
        write_status(settings, rollback=choice)
        move_pointer(settings.published_path, target.path)
        return replace(target, is_current=True)
