"""Fingerprints that tie a result to what made it: the data, the code, the commit.

Two runs with the same fingerprints give the same forecasts; nothing here is a time or a path.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb

from rossmann_ml.base.digests import fingerprint
from rossmann_ml.base.settings import PROJECT_DIR, Settings
from rossmann_ml.warehouse.tables import raw

_CODE = tuple(f"rossmann_ml/**/*.{kind}" for kind in ("py", "sql", "json", "yaml"))
_DBT = ("dbt_project/models/**/*", "dbt_project/macros/**/*", "dbt_project/dbt_project.yml")

# The newest version of every row, whatever file brought it: the same facts landed in another
# order or in other portions have the same fingerprint.
_CURRENT_ROWS = {
    "raw.sales": "store, date",
    "raw.plan": "store, date",
    "raw.stores": "store",
    "raw.store_states": "store",
}


def data_version(connection: duckdb.DuckDBPyConnection) -> str:
    """Fingerprint of the rows that are in force in the raw tables, 12 hexadecimal digits.

    Sums of integers do not depend on the order or on threads, so the same rows always give the
    same fingerprint. It is worked out once a landing and kept in ``raw.data_versions``.
    """
    load_id = raw.newest_load_id(connection)
    kept = "SELECT data_version FROM raw.data_versions WHERE load_id = ?"
    for (version,) in connection.execute(kept, [load_id]).fetchall():
        return str(version)
    version = _fingerprint_rows(connection)
    if load_id is not None:
        with suppress(duckdb.InvalidInputException):  # a connection that may only read
            connection.execute("INSERT INTO raw.data_versions VALUES (?, ?)", [load_id, version])
    return version


def _fingerprint_rows(connection: duckdb.DuckDBPyConnection) -> str:
    parts = []
    for table, key in _CURRENT_ROWS.items():
        rows = connection.execute(
            f"""
            WITH current_rows AS (
                SELECT * EXCLUDE (load_id, line_number, known_on)
                FROM {table}
                QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY load_id DESC) = 1
            )
            SELECT
                count(*),
                sum(md5_number_lower(to_json(c)::VARCHAR) % 9007199254740993)
            FROM current_rows AS c
            """  # noqa: S608 - the names come from the constant above
        ).fetchall()
        parts.append((table, *(str(value) for value in rows[0])))
    return fingerprint(parts)


@cache
def code_version(home: Path = PROJECT_DIR) -> str:
    """Fingerprint of the library, the dbt models and the parameters, 12 hexadecimal digits."""
    patterns = (*_CODE, *_DBT, "params.yaml")
    files = sorted({path for pattern in patterns for path in home.glob(pattern) if path.is_file()})
    return _hash_files(home, files)


def _hash_files(home: Path, files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(home).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@cache
def git_commit(home: Path = PROJECT_DIR) -> str:
    """The commit of the checkout, with ``+changes`` where files differ from it, or ``unknown``."""
    try:
        commit = _git(home, "rev-parse", "HEAD")
        changes = _git(home, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit_name(commit, changes)


def commit_name(commit: str, changes: str) -> str:
    """Name a commit by 12 digits, and say when git lists files that differ from it."""
    return f"{commit[:12]}+changes" if changes else commit[:12]


def _git(home: Path, *arguments: str) -> str:
    told = subprocess.check_output(  # noqa: S603 - fixed arguments
        ["git", "-C", str(home), *arguments],  # noqa: S607 - git is where the machine has it
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return told.strip()


@dataclass(frozen=True)
class Versions:
    """What a result is made from: fingerprints of data and code, and the commit."""

    data: str
    code: str
    commit: str

    def as_tags(self) -> dict[str, str]:
        """As tags of an MLflow run."""
        return {"data_version": self.data, "code_version": self.code, "git_commit": self.commit}


def versions_now(connection: duckdb.DuckDBPyConnection, settings: Settings) -> Versions:
    """The versions that a step starting now works with."""
    return Versions(
        data_version(connection), code_version(settings.home), git_commit(settings.home)
    )
