"""Compare a new generation with the current one, hold it, and record that a person accepted it.

Entry points: :func:`compare`, :func:`hold`, :func:`record_acceptance`. See
:mod:`rossmann_ml.publish.continuity` for the compared totals and their limits.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from rossmann_ml.base.errors import (
    ChangedError,
    DamagedError,
    HeldError,
    NoDataError,
    PublishError,
)
from rossmann_ml.base.params import ContinuityParams
from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.continuity import Continuity, compare_with_published
from rossmann_ml.serving.generations import GenerationInfo, list_generations, pointed_path
from rossmann_ml.serving.status import HeldPublish, write_status
from rossmann_ml.warehouse.connection import utc_now
from rossmann_ml.warehouse.session import Session


@dataclass(frozen=True)
class AcceptedJump:
    """A person's approval of totals that moved beyond their limits, for one publication.

    Attributes:
        actor: Name of the person.
        reason: Reason of the approval, kept in ``monitoring.accepted_jumps``.
    """

    actor: str
    reason: str


def compare(
    session: Session, connection: duckdb.DuckDBPyConnection, limits: ContinuityParams
) -> Continuity | None:
    """Compare the warehouse's newest vintage with the one that readers have.

    If the current generation's content is lost (damaged, changed, deleted), the newest of the
    others is compared, because publishing replaces the lost one. A current generation that this
    user may not read stops the publication, because its content may be fine.

    Returns:
        The comparison; None before the first publication or if no comparison is possible.
    """
    current = pointed_or_none(session.settings)
    if current is None:
        return None
    others = (each.path for each in list_generations(session.settings))
    for path in (current, *(other for other in others if other != current)):
        try:
            return compare_with_published(connection, path, limits)
        except (ChangedError, DamagedError, NoDataError) as lost:
            session.progress(f"not compared with {path.name}: {lost}")
    return None


def hold(settings: Settings, info: GenerationInfo, jump: Continuity, run_id: str) -> None:
    """Write to ``status.json`` that the generation is held, then raise `HeldError`.

    Args:
        settings: Settings with the folder of published files.
        info: Identity of the generation that is held.
        jump: Comparison with the current generation, which names the totals beyond their limits.
        run_id: Id of the publishing run.
    """
    reason = jump.describe()
    held = HeldPublish(
        generation_id=info.generation_id,
        forecast_origin=info.forecast_origin,
        run_id=run_id,
        reason=reason,
    )
    write_status(settings, held_publish=held)
    raise HeldError(
        f"{reason}. Readers keep generation {jump.previous_generation_id}. If the jump is "
        'right: `rossmann publish --accept-jump --reason "..."`; else correct the data and run '
        "`rossmann refresh`"
    )


def record_acceptance(
    connection: duckdb.DuckDBPyConnection,
    info: GenerationInfo,
    jump: Continuity,
    accepted: AcceptedJump,
) -> None:
    """Add a row to ``monitoring.accepted_jumps``: who approved which totals, when and why."""
    connection.execute(
        "INSERT INTO monitoring.accepted_jumps VALUES (?, ?, ?, ?, ?, ?)",
        [
            info.generation_id,
            jump.previous_generation_id,
            utc_now(),
            accepted.actor,
            accepted.reason,
            jump.describe(),
        ],
    )


def reason_of_acceptance(connection: duckdb.DuckDBPyConnection, generation_id: str) -> str | None:
    """Return why a person accepted a generation's totals; None if no acceptance is recorded."""
    found = connection.execute(
        "SELECT reason FROM monitoring.accepted_jumps WHERE generation_id = ? "
        "ORDER BY accepted_at DESC LIMIT 1",
        [generation_id],
    ).fetchone()
    return None if found is None else str(found[0])


def pointed_or_none(settings: Settings) -> Path | None:
    """Return the path that the pointer names; None if the pointer is missing or unusable.

    An unusable pointer raises no error here, because publishing replaces it.
    """
    try:
        return pointed_path(settings.published_path)
    except PublishError:  # the pointer's text is unusable; publishing replaces it
        return None
