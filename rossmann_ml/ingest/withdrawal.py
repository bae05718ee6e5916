"""Withdraw a landed file, so that the warehouse is as if the file had never come.

Entry point: :func:`withdraw_file`. The rows move to ``raw.former_*``; ``raw.loads`` has the reason.
If the file had replaced a former edition of its name, that edition is in force again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches

import duckdb

from rossmann_ml.base.errors import RefusedError
from rossmann_ml.ingest.data_set import landed_data_set, record_data_set
from rossmann_ml.ingest.editions import bring_back
from rossmann_ml.ingest.formats import FORMATS, FileFormat, Kind
from rossmann_ml.ingest.known_on import redate_loads
from rossmann_ml.ingest.public_holidays import fill_own_holidays, fill_public_holidays
from rossmann_ml.ingest.versions import settle
from rossmann_ml.warehouse.clock import product_today, today_for
from rossmann_ml.warehouse.connection import one_row, transaction, utc_now
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.tables import models, raw
from rossmann_ml.warehouse.versions import forget_data_versions


@dataclass(frozen=True)
class Withdrawal:
    """The result of withdrawing one file.

    Attributes:
        file_name: Name of the file without its folder.
        load_id: Key of the withdrawn landing in ``raw.loads``.
        rows: Number of rows of the file that were in force.
        rows_back: Number of those rows for which an older row is in force again; the others are
            gone.
        editions_back: Landings of the same file name that are in force again.
        champion: Version of the champion, if it was trained after the file was landed; else None.
    """

    file_name: str
    load_id: int
    rows: int
    rows_back: int
    editions_back: tuple[int, ...]
    champion: str | None

    def describe(self) -> list[str]:
        """Describe the result in lines for people."""
        lines = [
            f"{self.file_name}: withdrawn: {self.rows:,} rows are no longer in force; for "
            f"{self.rows_back:,} of them an older row is in force again"
        ]
        if self.editions_back:
            loads = ", ".join(f"load {load_id}" for load_id in self.editions_back)
            lines.append(f"its former edition ({loads}) is in force again")
        if self.champion is not None:
            lines.append(
                f"note: the champion {self.champion} was trained after the file was landed and may "
                "have learnt from it; `rossmann refresh --retrain fast` trains a new model"
            )
        return lines


def withdraw_file(session: Session, file_name: str, *, reason: str, actor: str) -> Withdrawal:
    """Take the newest edition in force of a file out of force, and record who did it and why.

    Args:
        session: Session of the command.
        file_name: Name of a landed file without its folder.
        reason: Reason in words.
        actor: Name of the person who withdraws the file.

    Raises:
        RefusedError: No file of this name was landed, it was withdrawn already, the rows of its
            former edition are no longer stored, or without it there would be no stores, no sales or
            stores with sales that no list of stores has.
        BusyError: Another process is writing.
    """
    with session.writing() as connection:
        load_id, kind, loaded_at = _load_in_force(connection, file_name)
        file_format = FORMATS[kind]
        newest = raw.newest_rows(file_format.table)
        key = ", ".join(file_format.key)
        today, before = (
            product_today(connection, session.settings),
            raw.newest_sales_date(connection),
        )
        with transaction(connection):
            connection.execute(
                f"CREATE TEMP TABLE withdrawn_keys AS SELECT {key} FROM ({newest}) "  # noqa: S608
                "WHERE load_id = ?",
                [load_id],
            )
            connection.execute(
                "UPDATE raw.loads SET withdrawn_on = ?, withdrawn_at = ?, withdrawn_because = ? "
                "WHERE load_id = ?",
                [today, utc_now(), f"withdrawn by {actor}: {reason}", load_id],
            )
            editions = bring_back(connection, load_id, kind)
            settle(connection, file_format.table)
            _refuse_without(connection, file_name, file_format)
            counted = one_row(
                connection,
                f"SELECT (SELECT count(*) FROM withdrawn_keys), (SELECT count(*) FROM ({newest}) "  # noqa: S608
                f"SEMI JOIN withdrawn_keys USING ({key}))",
            )
            newest_sales, data_set = raw.newest_sales_date(connection), landed_data_set(connection)
            if data_set is not None:
                record_data_set(connection, data_set, newest_sales)
                if before and newest_sales and newest_sales < before and not session.settings.as_of:
                    is_historical = data_set.is_history_until(newest_sales)
                    now = today_for(
                        session.settings, is_historical=is_historical, newest_sales=newest_sales
                    )
                    redate_loads(connection, now)
            fill_public_holidays(connection)
            fill_own_holidays(connection)
            forget_data_versions(connection)
            connection.execute("DROP TABLE withdrawn_keys")
        rows, rows_back = (0, 0) if counted is None else counted
        champion = models.champion(connection)
        if champion and models.recorded(connection, champion)["created_at"] < loaded_at:
            champion = None
        return Withdrawal(file_name, load_id, rows, rows_back, tuple(editions), champion)


def _load_in_force(
    connection: duckdb.DuckDBPyConnection, file_name: str
) -> tuple[int, Kind, datetime]:
    """Return key, kind and time of the newest load in force of a file name.

    Raises:
        RefusedError: There is none; the message says whether it was withdrawn, or names files with
            similar names.
    """
    loads = connection.execute(
        "SELECT load_id, kind, loaded_at, withdrawn_on, withdrawn_because FROM raw.loads "
        "WHERE file_name = ? ORDER BY withdrawn_on IS NULL DESC, load_id DESC",
        [file_name],
    ).fetchall()
    if not loads:
        landed = sorted({name for name, _ in raw.landed_files(connection)})
        near = get_close_matches(file_name, landed, n=3) or landed[-3:]
        raise RefusedError(
            f"no file {file_name!r} was landed, so it cannot be withdrawn; expected the name of a "
            f"landed file, such as {', '.join(near) or 'sales_YYYY-MM-DD.csv'} "
            "(`rossmann data status` lists the newest)"
        )
    load_id, kind, loaded_at, withdrawn_on, because = loads[0]
    if withdrawn_on is not None:
        raise RefusedError(
            f"{file_name} is not in force: {because}, on {withdrawn_on}; `rossmann data land "
            f"--accept {file_name}` lands it again"
        )
    return load_id, kind, loaded_at


def _refuse_without(
    connection: duckdb.DuckDBPyConnection, file_name: str, file_format: FileFormat
) -> None:
    """Raise if the rows that are left in force are not enough to forecast from.

    Raises:
        RefusedError: There are no stores or no sales left, or rows of stores that no list has.
    """
    if file_format.kind == "sales" and raw.newest_sales_date(connection) is None:
        raise RefusedError(
            f"{file_name} cannot be withdrawn, because no sales would be left; land a corrected "
            f"{file_name} instead: it replaces this one"
        )
    if file_format.kind != "stores":
        return
    orphans = connection.execute(
        "SELECT DISTINCT store FROM raw.sales "
        "WHERE store NOT IN (SELECT store FROM raw.stores) ORDER BY store"
    ).fetchall()
    has_stores = one_row(connection, "SELECT 1 FROM raw.stores LIMIT 1")
    if has_stores is None or orphans:
        what = (
            "no list of stores would be left"
            if has_stores is None
            else f"{len(orphans)} stores with sales would be in no list of stores, first store "
            f"{orphans[0][0]}"
        )
        raise RefusedError(
            f"{file_name} cannot be withdrawn, because {what}; land a corrected {file_name} instead"
        )
