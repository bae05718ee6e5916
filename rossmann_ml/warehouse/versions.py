"""Compute fingerprints of the data and the code, and read the git commit, to trace each result.

Entry points: :func:`versions_now`, :func:`data_version`, :func:`code_version`. Two runs with
equal fingerprints of data and code compute equal forecasts. Fingerprints contain no times or paths.
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

# Only the newest version of every row counts, so that the same data landed in another order or in
# other files has the same fingerprint.
_CURRENT_ROWS = {
    "raw.sales": "store, date",
    "raw.plan": "store, date",
    "raw.stores": "store",
    "raw.store_states": "store",
}


def data_version(connection: duckdb.DuckDBPyConnection) -> str:
    """Return the fingerprint of the newest rows of the raw tables, 12 hexadecimal digits.

    Sums of integers do not depend on row order or threads, so equal rows have equal fingerprints.
    The value is computed once per landing and stored in ``raw.data_versions``.
    """
    load_id = raw.newest_load_id(connection)
    kept = "SELECT data_version FROM raw.data_versions WHERE load_id = ?"
    for (version,) in connection.execute(kept, [load_id]).fetchall():
        return str(version)
    version = _fingerprint_rows(connection)
    if load_id is not None:
        with suppress(duckdb.InvalidInputException):  # raised by a read-only connection
            connection.execute("INSERT INTO raw.data_versions VALUES (?, ?)", [load_id, version])
    return version


def _fingerprint_rows(connection: duckdb.DuckDBPyConnection) -> str:
    """Compute the fingerprint of the newest rows from their number and the sum of their hashes."""
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
    """Return the fingerprint of `rossmann_ml`, dbt models and parameters, 12 hexadecimal digits."""
    patterns = (*_CODE, *_DBT, "params.yaml")
    files = sorted({path for pattern in patterns for path in home.glob(pattern) if path.is_file()})
    return _hash_files(home, files)


def _hash_files(home: Path, files: Iterable[Path]) -> str:
    """Return a hash of relative paths and contents, 12 hexadecimal digits."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(home).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@cache
def git_commit(home: Path = PROJECT_DIR) -> str:
    """Return the checkout's commit, with ``+changes`` if files differ; ``unknown`` without git."""
    try:
        commit = _git(home, "rev-parse", "HEAD")
        changes = _git(home, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit_name(commit, changes)


def commit_name(commit: str, changes: str) -> str:
    """Return 12 digits of a commit, with ``+changes`` if git lists files that differ from it."""
    return f"{commit[:12]}+changes" if changes else commit[:12]


def _git(home: Path, *arguments: str) -> str:
    """Return the output of a git command in the checkout."""
    output = subprocess.check_output(  # noqa: S603 - fixed arguments
        ["git", "-C", str(home), *arguments],  # noqa: S607 - git's folder differs by machine
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return output.strip()


@dataclass(frozen=True)
class Versions:
    """Versions of data and code behind a result.

    Attributes:
        data: Fingerprint of the landed rows.
        code: Fingerprint of `rossmann_ml`, dbt models and parameters.
        commit: Git commit of the checkout.
    """

    data: str
    code: str
    commit: str

    def as_tags(self) -> dict[str, str]:
        """Return the versions as tags of an MLflow run."""
        return {"data_version": self.data, "code_version": self.code, "git_commit": self.commit}


def versions_now(connection: duckdb.DuckDBPyConnection, settings: Settings) -> Versions:
    """Return the current versions of data, code and commit."""
    return Versions(
        data_version(connection), code_version(settings.home), git_commit(settings.home)
    )
