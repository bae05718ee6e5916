"""Read and write ``published/status.json``, the state that readers see without a new publication.

It has the last publication, the last failed run, a held publication, a rollback in force and the
open alerts. See :class:`Status` for the fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rossmann_ml.base import files
from rossmann_ml.base.settings import Settings


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    at: datetime = Field(default_factory=_now)


class LastPublish(_Event):
    """Last publication.

    Attributes:
        generation_id: Published generation, which became the current one.
        run_id: Run that published it.
        accepted_jump: Reason why a person accepted a jump of the totals; None without a jump.
    """

    generation_id: str
    run_id: str
    accepted_jump: str | None = None


class FailedRun(_Event):
    """Last run that failed before a publication.

    Attributes:
        run_id: Run that failed.
        reason: Error message.
        step: Step that failed, for example ``publish`` or the name of an asset.
        is_resolved: Whether a later run succeeded.
    """

    run_id: str
    reason: str
    step: str
    is_resolved: bool = False


class HeldPublish(_Event):
    """Publication that is held back because its totals moved too far from the current ones.

    Attributes:
        generation_id: Generation that is held back.
        forecast_origin: Newest origin of that generation.
        reason: Totals that moved, and the stores that moved most.
        run_id: Run that held it back.
    """

    generation_id: str
    forecast_origin: date
    run_id: str
    reason: str


class OpenAlert(BaseModel):
    """Open alert, with columns of the table ``alerts``."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    alert_id: str
    raised_at: datetime
    rule: str
    subject: str
    severity: str
    owner: str
    message: str
    link: str


class Rollback(_Event):
    """Rollback to an older generation by a person.

    Attributes:
        generation_id: Generation that the person chose.
        withdrawn: Other generations on disk at that time, which never become current automatically.
    """

    generation_id: str
    withdrawn: tuple[str, ...]


class Status(BaseModel):
    """Content of ``status.json``.

    Attributes:
        last_publish: Last publication; None before the first.
        last_failed_run: Last failed run; None without one.
        held_publish: Publication that is held back; None without one.
        rollback: Rollback in force; None without one.
        alerts: Open alerts as of the last evaluation of the rules, the most urgent first.
        retraining_advice: Reason to train in the next weekly run; None without one.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    last_publish: LastPublish | None = None
    last_failed_run: FailedRun | None = None
    held_publish: HeldPublish | None = None
    rollback: Rollback | None = None
    alerts: tuple[OpenAlert, ...] = ()
    retraining_advice: str | None = None


def status_path(published_path: Path) -> Path:
    """Return the path of ``status.json``."""
    return published_path / "status.json"


def read_status(published_path: Path) -> Status:
    """Return the status; an empty one if the file is missing or invalid."""
    try:
        return Status.model_validate_json(status_path(published_path).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValidationError):
        return Status()


def write_status(
    settings: Settings, **parts: LastPublish | FailedRun | HeldPublish | Rollback
) -> None:
    """Replace parts of the status, named like the fields of :class:`Status`, in one atomic write.

    A publication ends a rollback and a hold, and resolves the last failed run.
    """
    status = read_status(settings.published_path)
    if "last_publish" in parts:
        status = resolved(status).model_copy(update={"rollback": None})
    _write(settings, status.model_copy(update=parts))


def write_alerts(
    settings: Settings, *, alerts: Sequence[OpenAlert], retraining_advice: str | None
) -> None:
    """Replace alerts and retraining advice; write the file only after a change."""
    status = read_status(settings.published_path)
    parts = {"alerts": tuple(alerts), "retraining_advice": retraining_advice}
    changed = status.model_copy(update=parts)
    if changed != status:
        _write(settings, changed)


def resolve_failure(settings: Settings) -> None:
    """Mark the last failed run as resolved; write the file only after a change."""
    status = read_status(settings.published_path)
    if resolved(status) != status:
        _write(settings, resolved(status))


def resolved(status: Status) -> Status:
    """Return the status without a hold, and with its failed run marked as resolved."""
    status = status.model_copy(update={"held_publish": None})
    failed = status.last_failed_run
    if failed is None or failed.is_resolved:
        return status
    done = failed.model_copy(update={"is_resolved": True})
    return status.model_copy(update={"last_failed_run": done})


def _write(settings: Settings, status: Status) -> None:
    path = status_path(settings.published_path)
    files.write_text_atomically(path, status.model_dump_json(indent=2) + "\n")
