"""``published/status.json``: what readers must know although nothing was published.

The last publication, the last failed run with its reason, and a rollback that is in force. The
figures of a generation are in the generation.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rossmann_ml.publish import files
from rossmann_ml.settings import Settings


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    at: datetime = Field(default_factory=_now)


class LastPublish(_Event):
    """The last time a generation was made and became the current one."""

    generation_id: str
    run_id: str


class FailedRun(_Event):
    """The last run that did not end in a publication.

    Attributes:
        reason: The message a person needs.
        step: Where it stopped, for example ``publish`` or the name of an asset.
        is_resolved: A later run went through.
    """

    run_id: str
    reason: str
    step: str
    is_resolved: bool = False


class Rollback(_Event):
    """A person's choice of an older generation.

    Attributes:
        generation_id: The one chosen.
        withdrawn: The others that were there then; none of them takes over by itself again.
    """

    generation_id: str
    withdrawn: tuple[str, ...]


class Status(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    last_publish: LastPublish | None = None
    last_failed_run: FailedRun | None = None
    rollback: Rollback | None = None


def status_path(published_path: Path) -> Path:
    """Where the file is."""
    return published_path / "status.json"


def read_status(published_path: Path) -> Status:
    """The status; an empty one when nothing was ever written, or what is there cannot be read."""
    try:
        return Status.model_validate_json(status_path(published_path).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValidationError):
        return Status()


def write_status(
    settings: Settings,
    *,
    last_publish: LastPublish | None = None,
    last_failed_run: FailedRun | None = None,
    rollback: Rollback | None = None,
) -> Status:
    """Replace the parts that are given, at once for every reader; the others stay.

    A publication ends a rollback and resolves the last failed run.
    """
    status = read_status(settings.published_path)
    if last_publish is not None:
        status = resolved(status).model_copy(
            update={"last_publish": last_publish, "rollback": None}
        )
    if last_failed_run is not None:
        status = status.model_copy(update={"last_failed_run": last_failed_run})
    if rollback is not None:
        status = status.model_copy(update={"rollback": rollback})
    _write(settings, status)
    return status


def resolve_failure(settings: Settings) -> None:
    """Note that a run went through after the last failed one; nothing to note, nothing written."""
    status = read_status(settings.published_path)
    if resolved(status) != status:
        _write(settings, resolved(status))


def resolved(status: Status) -> Status:
    """The same status with its failed run, if there is one, marked as resolved."""
    failed = status.last_failed_run
    if failed is None or failed.is_resolved:
        return status
    done = failed.model_copy(update={"is_resolved": True})
    return status.model_copy(update={"last_failed_run": done})


def _write(settings: Settings, status: Status) -> None:
    path = status_path(settings.published_path)
    files.write_text_atomically(path, status.model_dump_json(indent=2) + "\n")
