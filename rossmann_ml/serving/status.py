"""Read and write ``published/status.json``: what readers must see without a new generation.

A generation is read-only, so it cannot contain what happens after its publication: a failed run, a
held publication, a rollback by a person, new alerts. See :class:`Status` for the fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rossmann_ml.base import files
from rossmann_ml.base.errors import FaultError
from rossmann_ml.base.settings import Settings
from rossmann_ml.base.storage_faults import fault_of


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    at: datetime = Field(default_factory=_now)


class LastPublish(_Event):
    """Last publication of a generation.

    Attributes:
        generation_id: Published generation, which became the current one.
        run_id: Run that published it.
        accepted_jump: Reason that a person gave for publishing totals that had moved too far; None
            if the totals were within their limits.
    """

    generation_id: str
    run_id: str
    accepted_jump: str | None = None


class FailedRun(_Event):
    """Last run that failed before it could publish.

    Attributes:
        run_id: Run that failed.
        reason: Error message.
        step: Step that failed, for example ``publish`` or the name of an asset.
        is_resolved: Whether a later run has published, or found no new content to publish.
    """

    run_id: str
    reason: str
    step: str
    is_resolved: bool = False


class HeldPublish(_Event):
    """Publication that waits for a person, because its totals moved too far from published ones.

    Attributes:
        generation_id: Generation that is held back.
        forecast_origin: Newest origin of that generation.
        reason: Totals that moved, and the stores that moved most.
        run_id: Run that held the generation back.
    """

    generation_id: str
    forecast_origin: date
    run_id: str
    reason: str


class OpenAlert(BaseModel):
    """Open alert; its attributes are columns of the table ``alerts``.

    Attributes:
        alert_id: Id of the alert.
        raised_at: Time (UTC) at which the alert was raised.
        rule: Name of the rule that found the problem, such as ``accuracy`` or ``drift``.
        subject: What the alert is about: a segment, a table, a suite of checks or a step.
        severity: ``info``, ``warning`` or ``critical``.
        owner: Team that is responsible for the alert.
        message: Value found and value expected, in words.
        link: Address of the dashboard page with details.
    """

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
    """Decision of a person that another generation, older or newer, becomes current.

    Attributes:
        generation_id: Generation that the person chose.
        withdrawn: Ids of all other generations on disk at that time. While the rollback lasts,
            publishing the content of a withdrawn generation again does not make it current.
    """

    generation_id: str
    withdrawn: tuple[str, ...]


class Status(BaseModel):
    """Content of ``status.json``.

    Attributes:
        last_publish: Last publication; None before the first.
        last_failed_run: Last failed run, kept after a later run succeeds; None if none has failed.
        held_publish: Publication that is held back; None if none is held.
        rollback: Rollback in effect; None if there was none, or a new generation has ended it.
        alerts: Open alerts as of the last evaluation of the rules, highest severity first.
        retraining_advice: Reason to train in the next weekly run; None if no training is due.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    last_publish: LastPublish | None = None
    last_failed_run: FailedRun | None = None
    held_publish: HeldPublish | None = None
    rollback: Rollback | None = None
    alerts: tuple[OpenAlert, ...] = ()
    retraining_advice: str | None = None


def status_path(published_path: Path) -> Path:
    """Return the path of ``status.json`` in the folder of published generations.

    The file says what the last runs did; API and dashboard show it.
    """
    return published_path / "status.json"


def read_status(published_path: Path) -> Status:
    """Read the status from the file; return an empty one if the file is missing or invalid.

    Raises:
        ForbiddenError: This user may not read the file.
    """
    path = status_path(published_path)
    try:
        return Status.model_validate_json(files.read_small(path))
    except (FileNotFoundError, ValidationError):
        return Status()
    except OSError as error:
        raise fault_of(error, path) or FaultError(f"{path}: {error}") from error


def write_status(
    settings: Settings, **parts: LastPublish | FailedRun | HeldPublish | Rollback
) -> None:
    """Replace some fields of the status file in one atomic write.

    A new ``last_publish`` also removes the rollback and the held publication, and marks the last
    failed run as resolved.

    Args:
        settings: Settings with the folder of published files.
        parts: New values by name of a field of :class:`Status`.
    """
    status = read_status(settings.published_path)
    if "last_publish" in parts:
        status = resolved(status).model_copy(update={"rollback": None})
    _write(settings, status.model_copy(update=parts))


def write_alerts(
    settings: Settings, *, alerts: Sequence[OpenAlert], retraining_advice: str | None
) -> None:
    """Replace the alerts and the retraining advice; write the file only if they changed."""
    status = read_status(settings.published_path)
    parts = {"alerts": tuple(alerts), "retraining_advice": retraining_advice}
    changed = status.model_copy(update=parts)
    if changed != status:
        _write(settings, changed)


def resolve_failure(settings: Settings) -> None:
    """Mark the last failed run as resolved and remove the held publication, if there is one.

    Call this after a publishing run that succeeded, even if it found no new content to publish.
    """
    status = read_status(settings.published_path)
    if resolved(status) != status:
        _write(settings, resolved(status))


def resolved(status: Status) -> Status:
    """Return a status without its held publication and with its failed run marked as resolved."""
    status = status.model_copy(update={"held_publish": None})
    failed = status.last_failed_run
    if failed is None or failed.is_resolved:
        return status
    done = failed.model_copy(update={"is_resolved": True})
    return status.model_copy(update={"last_failed_run": done})


def _write(settings: Settings, status: Status) -> None:
    path = status_path(settings.published_path)
    files.write_text_atomically(path, status.model_dump_json(indent=2) + "\n")
