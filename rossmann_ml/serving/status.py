"""``published/status.json``: what readers must know although nothing was published.

The last publication, the last failed run with its reason, a publication that is held back, a
rollback that is in force, and the alerts that are open. The figures of a generation are in the
generation.
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
    """The last time a generation was made and became the current one.

    Attributes:
        accepted_jump: Why a person let it pass although its totals had jumped; None if they had
            not.
    """

    generation_id: str
    run_id: str
    accepted_jump: str | None = None


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


class HeldPublish(_Event):
    """A publication that was held back: its totals moved too far from what readers have.

    Attributes:
        generation_id: What would have been published.
        forecast_origin: Its newest origin.
        reason: What moved, with figures and the stores that moved most.
    """

    generation_id: str
    forecast_origin: date
    run_id: str
    reason: str


class OpenAlert(BaseModel):
    """An alert whose condition is not over; the columns are those of the table ``alerts``."""

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
    """A person's choice of an older generation.

    Attributes:
        generation_id: The one chosen.
        withdrawn: The others that were there then; none of them takes over by itself again.
    """

    generation_id: str
    withdrawn: tuple[str, ...]


class Status(BaseModel):
    """The whole file.

    Attributes:
        alerts: The open alerts, the most urgent first, as of the last time the rules were asked.
        retraining_advice: Why the next weekly run should train; None: no need.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    last_publish: LastPublish | None = None
    last_failed_run: FailedRun | None = None
    held_publish: HeldPublish | None = None
    rollback: Rollback | None = None
    alerts: tuple[OpenAlert, ...] = ()
    retraining_advice: str | None = None


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
    held_publish: HeldPublish | None = None,
    rollback: Rollback | None = None,
) -> Status:
    """Replace the parts that are given, at once for every reader; the others stay.

    A publication ends a rollback and a hold, and resolves the last failed run.
    """
    status = read_status(settings.published_path)
    if last_publish is not None:
        status = resolved(status).model_copy(
            update={"last_publish": last_publish, "rollback": None, "held_publish": None}
        )
    if last_failed_run is not None:
        status = status.model_copy(update={"last_failed_run": last_failed_run})
    if held_publish is not None:
        status = status.model_copy(update={"held_publish": held_publish})
    if rollback is not None:
        status = status.model_copy(update={"rollback": rollback})
    _write(settings, status)
    return status


def write_alerts(
    settings: Settings, *, alerts: Sequence[OpenAlert], retraining_advice: str | None
) -> None:
    """Replace what is said of alerts; nothing is written where nothing has changed."""
    status = read_status(settings.published_path)
    told = {"alerts": tuple(alerts), "retraining_advice": retraining_advice}
    changed = status.model_copy(update=told)
    if changed != status:
        _write(settings, changed)


def resolve_failure(settings: Settings) -> None:
    """Note that a run went through after the last failed one; nothing to note, nothing written."""
    status = read_status(settings.published_path)
    if resolved(status) != status:
        _write(settings, resolved(status))


def resolved(status: Status) -> Status:
    """The same status without a hold, and its failed run, if there is one, marked as resolved."""
    status = status.model_copy(update={"held_publish": None})
    failed = status.last_failed_run
    if failed is None or failed.is_resolved:
        return status
    done = failed.model_copy(update={"is_resolved": True})
    return status.model_copy(update={"last_failed_run": done})


def _write(settings: Settings, status: Status) -> None:
    path = status_path(settings.published_path)
    files.write_text_atomically(path, status.model_dump_json(indent=2) + "\n")
