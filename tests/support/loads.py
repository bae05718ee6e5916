"""Record landings in ``raw.loads``, which rows need to be in force, for tests that insert rows."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

RECORD_LOAD = """
    INSERT OR IGNORE INTO raw.loads BY NAME
    SELECT load_id, 'sales' AS kind, 'load_' || load_id || '.csv' AS file_name,
        md5(load_id::VARCHAR) AS file_sha256, true AS is_bulk, 1 AS rows_read, 1 AS rows_landed,
        0 AS rows_restated, 0 AS rows_unchanged, 0 AS rows_quarantined,
        DATE '2015-06-15' AS known_on, TIMESTAMP '2015-06-15 06:00' AS loaded_at
    FROM (SELECT unnest($load_ids::INTEGER[]) AS load_id)
"""


def record_loads(connection: duckdb.DuckDBPyConnection, load_ids: Iterable[int]) -> None:
    """Record loads of different files, all in force and without a file day."""
    connection.execute(RECORD_LOAD, {"load_ids": list(load_ids)})
