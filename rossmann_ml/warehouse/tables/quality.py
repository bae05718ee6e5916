"""Query schema ``quality``: results of checks, which :mod:`rossmann_ml.quality` writes."""

from __future__ import annotations

import duckdb


def newest_results(
    connection: duckdb.DuckDBPyConnection,
) -> list[tuple[str, str, bool, str, str | None, str, str, str]]:
    """Return the results of the newest run of each suite, a group of data checks.

    Returns:
        Tuples of suite, severity, whether the check passed, table, column (None for a check of the
        whole table), check, observed and expected value as text, sorted by suite.
    """
    rows = connection.execute(
        """
        WITH newest AS (
            SELECT suite, max_by(run_id, checked_at) AS run_id
            FROM quality.data_quality_results GROUP BY suite
        )
        SELECT suite, severity, is_success, table_name, column_name, check_name, observed, expected
        FROM quality.data_quality_results SEMI JOIN newest USING (suite, run_id)
        ORDER BY suite, severity, table_name, check_name
        """
    )
    return rows.fetchall()  # type: ignore[no-any-return]
