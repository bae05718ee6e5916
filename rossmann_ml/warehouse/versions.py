"""Compute fingerprints of the data and the code, and read the git commit, to trace each result.

Entry points: :func:`data_version`, :func:`code_version`, :func:`git_commit`. Two runs with the
same fingerprints of data and code make the same forecasts. The fingerprints do not depend on times
or on the checkout's path.
"""

from __future__ import annotations

import hashlib
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb

from rossmann_ml.base.digests import fingerprint
from rossmann_ml.base.settings import PROJECT_DIR
from rossmann_ml.warehouse.tables import raw

_CODE = tuple(f"rossmann_ml/**/*.{kind}" for kind in ("py", "sql", "json", "yaml"))
_DBT = ("dbt_project/models/**/*", "dbt_project/macros/**/*", "dbt_project/dbt_project.yml")


def data_version(connection: duckdb.DuckDBPyConnection) -> str:
    """Return the fingerprint of the rows in force of the raw tables, 12 hexadecimal digits.

    It is made from the newest row of each store-day of sales and of plan, and of each store's
    attributes and state. Equal rows have equal fingerprints, in any order and from any files.

    The fingerprint is computed at the first call after a landing and stored in
    ``raw.data_versions``, from which later calls read it. A read-only connection does not store it.
    """
    load_id = raw.newest_load_id(connection)
    kept = "SELECT data_version FROM raw.data_versions WHERE load_id = ?"
    for (version,) in connection.execute(kept, [load_id]).fetchall():
        return str(version)
    parts = []
    for table in raw.KEYS:
        rows = connection.execute(
            f"""
            WITH current_rows AS (
                SELECT * EXCLUDE (load_id, line_number, known_on)
                FROM ({raw.newest_rows(table)})
            )
            SELECT
                count(*),
                sum(md5_number_lower(to_json(c)::VARCHAR) % 9007199254740993)
            FROM current_rows AS c
            """  # noqa: S608 - the names come from a constant
        ).fetchall()
        parts.append((table, *(str(value) for value in rows[0])))
    version = fingerprint(parts)
    if load_id is not None:
        with suppress(duckdb.InvalidInputException):  # raised by a read-only connection
            connection.execute("INSERT INTO raw.data_versions VALUES (?, ?)", [load_id, version])
    return version


def forget_data_versions(connection: duckdb.DuckDBPyConnection) -> None:
    """Delete the stored fingerprints, because a withdrawal changes the rows without a new load."""
    connection.execute("DELETE FROM raw.data_versions")


@cache
def code_version(home: Path = PROJECT_DIR) -> str:
    """Return the fingerprint of the files that determine results, 12 hexadecimal digits.

    These are the Python, SQL, JSON and YAML files of ``rossmann_ml``, dbt's models, macros and
    project file, and ``params.yaml``.

    Args:
        home: Folder of the checkout.
    """
    patterns = (*_CODE, *_DBT, "params.yaml")
    files = {path for pattern in patterns for path in home.glob(pattern) if path.is_file()}
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.relative_to(home).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@cache
def git_commit(home: Path = PROJECT_DIR) -> str:
    """Return the git commit of a checkout, or ``unknown`` if git or its repository is missing.

    The commit is followed by ``+changes`` if files that git tracks differ from it.

    Args:
        home: Folder of the checkout.
    """
    describe = ("describe", "--always", "--exclude=*", "--abbrev=12", "--dirty=+changes")
    try:
        output = subprocess.check_output(  # noqa: S603 - fixed arguments
            ["git", "-C", str(home), *describe],  # noqa: S607 - git's folder differs by machine
            stderr=subprocess.DEVNULL,
            text=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return output.strip()


@dataclass(frozen=True)
class Versions:
    """Fingerprints of the data and the code from which a result was made.

    Attributes:
        data: Fingerprint of the landed rows, from :func:`data_version`.
        code: Fingerprint of the code and parameters, from :func:`code_version`.
        commit: Git commit of the checkout, from :func:`git_commit`.
    """

    data: str
    code: str
    commit: str

    def as_tags(self) -> dict[str, str]:
        """Return tags for an MLflow run: ``data_version``, ``code_version`` and ``git_commit``."""
        return {"data_version": self.data, "code_version": self.code, "git_commit": self.commit}
