"""Track the editions of a file: which load of a file name is in force, and which one replaced it.

A file of sales or plan that is landed again under its name with other bytes replaces its former
edition as a whole. Of a replaced whole file, the days before the new edition's first day stay in
force, because the new edition does not cover them. A new list of stores replaces no load: the
newest row of each store counts.

Entry points: :func:`fate_of` and :func:`file_date` before a landing, :func:`former_editions`,
:func:`mark_replaced` and :func:`drop_old_editions` during it, :func:`bring_back` after a
withdrawal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import duckdb

from rossmann_ml.base.errors import RefusedError
from rossmann_ml.ingest.checks import UNKNOWN_STORE
from rossmann_ml.ingest.discovery import RawFile
from rossmann_ml.ingest.formats import FORMATS, Kind
from rossmann_ml.warehouse.connection import one_row, utc_now
from rossmann_ml.warehouse.tables import raw

KEPT_EDITIONS = 2
"""Number of replaced editions of a whole file whose rows stay stored, to come back."""

Fate = Literal["new", "landed", "withdrawn"]


@dataclass(frozen=True)
class FormerEditions:
    """Loads of a file name that a landing replaces.

    Attributes:
        load_ids: Keys of the loads in ``raw.loads``; empty if no edition of the name is in force,
            and for lists of stores, which replace no load.
        known_on: Earliest date on which an edition counts as known; None if there is none.
        is_clean: Whether the newest edition has no quarantined rows.
    """

    load_ids: tuple[int, ...] = ()
    known_on: date | None = None
    is_clean: bool = True


def fate_of(
    connection: duckdb.DuckDBPyConnection, raw_file: RawFile, sha256: str
) -> tuple[Fate, str]:
    """Return whether a file is new, was landed before, or was withdrawn by a person.

    The newest edition in force of the file's name decides. The same bytes under another name are a
    new file, because the day in the name decides which rows are in force. An older edition that is
    offered again is new as well, and replaces the newer one.

    Args:
        connection: Connection to the pipeline's database.
        raw_file: The file.
        sha256: SHA-256 of the file.

    Returns:
        The fate, and for a withdrawn file when and why it was withdrawn, in words.
    """
    of_name = {"kind": raw_file.kind, "name": raw_file.path.name}
    newest = one_row(
        connection,
        "SELECT arg_max(file_sha256, load_id) FROM raw.loads "
        "WHERE kind = $kind AND file_name = $name AND withdrawn_on IS NULL",
        of_name,
    )
    if newest is not None and newest[0] == sha256:
        return "landed", ""
    withdrawn = one_row(
        connection,
        "SELECT withdrawn_on, withdrawn_because FROM raw.loads "
        "WHERE kind = $kind AND file_name = $name AND file_sha256 = $sha256 "
        "AND withdrawn_on IS NOT NULL AND replaced_by IS NULL ORDER BY load_id DESC LIMIT 1",
        {**of_name, "sha256": sha256},
    )
    if withdrawn is not None:
        return "withdrawn", f"{withdrawn[1]}, on {withdrawn[0]}"
    return "new", ""


def file_date(raw_file: RawFile, first_date: date | None, last_date: date | None) -> date | None:
    """Return the day of a file, by which newer and older files are told apart.

    It is the day in the name of a weekly drop, the last day of a history, and the day before the
    first day of a whole plan. Lists of stores have none.
    """
    if not raw_file.is_bulk:
        return raw_file.day
    if raw_file.kind == "plan":
        return first_date - timedelta(days=1) if first_date else None
    return last_date


def has_stores_now_known(connection: duckdb.DuckDBPyConnection, sha256: str) -> bool:
    """Return whether a file that was landed before should be landed again for its unknown stores.

    This is so if its newest landing quarantined rows because of an unknown store, and a list of
    stores was landed after it, which may have the store.

    Args:
        connection: Connection to the pipeline's database.
        sha256: SHA-256 of the file's bytes.
    """
    found = one_row(
        connection,
        """
        SELECT 1 FROM raw.quarantined_rows
        WHERE reason = $reason
        AND load_id = (SELECT max(load_id) FROM raw.loads WHERE file_sha256 = $sha256)
        AND load_id < (
            SELECT max(load_id) FROM raw.loads WHERE kind = 'stores' AND withdrawn_on IS NULL
        )
        """,
        {"sha256": sha256, "reason": UNKNOWN_STORE},
    )
    return found is not None


def former_editions(connection: duckdb.DuckDBPyConnection, raw_file: RawFile) -> FormerEditions:
    """Return the loads in force of a file's name, which a landing of sales or plan replaces."""
    rows = connection.execute(
        "SELECT load_id, known_on, rows_quarantined FROM raw.loads "
        "WHERE kind = ? AND file_name = ? AND withdrawn_on IS NULL ORDER BY load_id",
        [raw_file.kind, raw_file.path.name],
    ).fetchall()
    if not rows:
        return FormerEditions()
    load_ids = tuple(load_id for load_id, *_ in rows) if raw_file.format.has_dates else ()
    return FormerEditions(
        load_ids, min(known_on for _, known_on, _ in rows), is_clean=rows[-1][-1] == 0
    )


def mark_replaced(
    connection: duckdb.DuckDBPyConnection, former: FormerEditions, load_id: int, today: date
) -> None:
    """Mark the loads that the landing `load_id`, which is recorded already, replaces.

    Args:
        connection: Writing connection inside a transaction.
        former: Loads that the landing replaces.
        load_id: Key of the landing in ``raw.loads``.
        today: Business date.
    """
    connection.execute(
        "UPDATE raw.loads SET replaced_by = $new, withdrawn_on = $today, withdrawn_at = $now, "
        "withdrawn_because = 'replaced by load ' || $new WHERE list_contains($replaced, load_id)",
        {"new": load_id, "today": today, "now": utc_now(), "replaced": list(former.load_ids)},
    )
    _set_replaced_from(connection, load_id)


def drop_old_editions(connection: duckdb.DuckDBPyConnection, raw_file: RawFile) -> None:
    """Delete the rows of a whole file's editions that are older than the kept ones.

    Each edition stores all its rows, so without a limit a history that is sent as a whole every
    week would add its size to the warehouse every week.

    Args:
        connection: Writing connection inside a transaction.
        raw_file: Whole file of sales or plan, after its landing.
    """
    connection.execute(
        f"""
        WITH editions AS (
            SELECT load_id, first_date,
                -- loads that one landing replaced are one edition; those in force have age 0
                dense_rank() OVER (ORDER BY replaced_by DESC NULLS FIRST) - 1 AS age
            FROM raw.loads
            WHERE kind = $kind AND file_name = $name
                AND (withdrawn_on IS NULL OR replaced_by IS NOT NULL)
        ),
        dropped AS (
            -- days before the first one of a later edition may be in force after withdrawals
            SELECT old.load_id, min(later.first_date) AS since
            FROM editions AS old JOIN editions AS later ON later.age < old.age
            WHERE old.age > $kept AND later.age >= $kept
            GROUP BY old.load_id
        )
        DELETE FROM {raw.former(raw_file.format.table)} AS former USING dropped
        WHERE former.load_id = dropped.load_id AND former.date >= dropped.since
        """,  # noqa: S608
        {"kind": raw_file.kind, "name": raw_file.path.name, "kept": KEPT_EDITIONS},
    )


def bring_back(connection: duckdb.DuckDBPyConnection, load_id: int, kind: Kind) -> list[int]:
    """Put the loads that a withdrawn load had replaced back into force.

    Args:
        connection: Writing connection inside a transaction.
        load_id: Key of the withdrawn load.
        kind: Kind of its rows.

    Returns:
        Keys of the loads that are in force again.

    Raises:
        RefusedError: The rows of the loads that would be in force again were deleted.
    """
    _require_rows(connection, load_id, kind)
    rows = connection.execute(
        "UPDATE raw.loads SET replaced_by = NULL, replaced_from = NULL, withdrawn_on = NULL, "
        "withdrawn_at = NULL, withdrawn_because = NULL WHERE replaced_by = ? RETURNING load_id",
        [load_id],
    ).fetchall()
    _set_replaced_from(connection, load_id)
    return sorted(int(back) for (back,) in rows)


def _require_rows(connection: duckdb.DuckDBPyConnection, load_id: int, kind: Kind) -> None:
    """Raise if the rows of the whole file that a load replaced were deleted.

    Raises:
        RefusedError: They were deleted by :func:`drop_old_editions`.
    """
    if not FORMATS[kind].has_dates:
        return
    gone = one_row(
        connection,
        f"""
        SELECT loads.file_name, max(loads.load_id)
        FROM raw.loads AS loads LEFT JOIN {raw.former(FORMATS[kind].table)} AS former
            ON former.load_id = loads.load_id AND former.date >= loads.replaced_from
        WHERE loads.replaced_by = ? AND loads.replaced_from <= loads.last_date
        GROUP BY loads.file_name HAVING count(former.load_id) = 0
        """,  # noqa: S608
        [load_id],
    )
    if gone is not None:
        raise RefusedError(
            f"{gone[0]} cannot be withdrawn, because the rows of its former edition (load "
            f"{gone[1]}) are no longer stored: of a whole file the newest {KEPT_EDITIONS} replaced "
            f"editions are kept; land a right {gone[0]} instead: it replaces this one"
        )


def _set_replaced_from(connection: duckdb.DuckDBPyConnection, load_id: int) -> None:
    """Set the day from which each replaced whole file of the name of `load_id` is replaced.

    It is the first date of all later editions that no person withdrew.
    """
    connection.execute(
        """
        UPDATE raw.loads AS old SET replaced_from = (
            SELECT min(later.first_date) FROM raw.loads AS later
            WHERE later.kind = old.kind AND later.file_name = old.file_name
                AND later.load_id >= old.replaced_by
                AND (later.withdrawn_on IS NULL OR later.replaced_by IS NOT NULL)
        )
        WHERE old.replaced_by IS NOT NULL AND old.is_bulk AND EXISTS (
            FROM raw.loads AS this
            WHERE this.load_id = ? AND this.kind = old.kind AND this.file_name = old.file_name
        )
        """,
        [load_id],
    )
