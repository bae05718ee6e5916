"""Query data for the model page: backtest errors and their parts, totals, models, promotions."""

from __future__ import annotations

from app.published import Reading
from app.queries import Row


def scores(reading: Reading, model_version: str, segment_kind: str) -> list[Row]:
    """Return the backtest errors of a model and of other methods on the same store-days.

    Other methods are the members of the blend, the linear forecast and the baselines.

    Args:
        reading: Access to the generation.
        model_version: Version of the model.
        segment_kind: How store-days are grouped, for example ``store_type``; ``overall`` means all
            together.

    Returns:
        Columns of table ``backtest_scores``, and a column ``is_own`` that is true for the model
        itself. ``forecast_origin`` is None in rows for all origins together. The rows of the
        model come first, then those of the other methods. The method whose rows have the smallest
        median of ``rmspe_median`` is the first of them. Rows of one method are ordered by origin,
        None first, then by segment.
    """
    return reading.rows(
        """
        SELECT model, forecast_origin, segment, store_days, origins, interval_origins,
            rmspe_median, rmspe_median_lower, rmspe_median_upper, wape, mape, bias, skill,
            mae, rmse,
            coverage_80, coverage_80_lower, coverage_80_upper,
            coverage_95, coverage_95_lower, coverage_95_upper,
            interval_score_80, interval_score_95, pinball,
            b.model = m.family AS is_own
        FROM backtest_scores AS b JOIN (SELECT model_version, family FROM model_versions) AS m
            USING (model_version)
        WHERE b.model_version = ? AND b.segment_kind = ?
        ORDER BY is_own DESC,
            median(b.rmspe_median) OVER (PARTITION BY b.model), b.model,
            b.forecast_origin NULLS FIRST, try_cast(b.segment AS INTEGER), b.segment
        """,
        [model_version, segment_kind],
    )


def segment_kinds(reading: Reading, model_version: str) -> list[str]:
    """Return the segment kinds, such as ``weekday``, that a visitor can choose on the model page.

    They are those in the model's backtest, except ``overall`` (all store-days together) and those
    of totals (names with the prefix ``total_``), because other parts of the page show them.
    """
    rows = reading.rows(
        """
        SELECT DISTINCT segment_kind FROM backtest_scores
        WHERE model_version = ? AND segment_kind != 'overall'
            AND NOT starts_with(segment_kind, 'total_')
        ORDER BY segment_kind
        """,
        [model_version],
    )
    return [row["segment_kind"] for row in rows]


def total_scores(reading: Reading, model_version: str) -> list[Row]:
    """Return how often totals of sales were inside their intervals in the backtest.

    It has one row for each level and span (calendar week or whole horizon), over all segments and
    origins: ``level, span`` and columns of table ``backtest_scores``.
    """
    return reading.rows(
        r"""
        SELECT regexp_extract(segment_kind, '^total_(.*)_(week|horizon)$', 1) AS level,
            if(segment_kind LIKE '%_week', 'calendar week', 'whole horizon') AS span,
            bias, interval_origins, coverage_80, coverage_80_lower, coverage_80_upper,
            coverage_95, coverage_95_lower, coverage_95_upper,
            interval_score_80, interval_score_95, pinball
        FROM backtest_scores
        WHERE model_version = ? AND segment = 'all' AND level != '' AND forecast_origin IS NULL
            AND interval_origins > 0
        ORDER BY list_position(['chain', 'state', 'store_type', 'assortment', 'store'], level),
            span = 'whole horizon'
        """,
        [model_version],
    )


def error_parts(reading: Reading, model_version: str) -> list[Row]:
    """Return the parts of the errors of a model and of its linear forecast, over all origins.

    Returns:
        ``part``; ``ordinary`` and ``linear`` (the model's and the linear forecast's part at origins
        without Christmas), ``christmas`` (the model's at origins with it), all in log units;
        ``ordinary_origins`` and ``christmas_origins``. Figures without an origin are None.
    """
    return reading.rows(
        """
        SELECT p.part,
            any_value(log_error) FILTER (p.model = m.family AND season = 'ordinary') AS ordinary,
            any_value(log_error) FILTER (p.model = 'linear' AND season = 'ordinary') AS linear,
            any_value(log_error) FILTER (p.model = m.family AND season = 'christmas') AS christmas,
            any_value(origins) FILTER (p.model = m.family AND season = 'ordinary')
                AS ordinary_origins,
            any_value(origins) FILTER (p.model = m.family AND season = 'christmas')
                AS christmas_origins
        FROM backtest_error_parts AS p JOIN model_versions AS m USING (model_version)
        WHERE p.model_version = ? AND p.forecast_origin IS NULL
        GROUP BY p.part
        """,
        [model_version],
    )


def versions(reading: Reading) -> list[Row]:
    """Return the rows of table ``model_versions``, newest model first, with two more columns.

    ``action`` is the newest decision about the model (promoted, refused or rolled back), and
    ``decided_at`` is its time. Both are None if there is no decision.
    """
    return reading.rows(
        """
        SELECT m.*, p.action, p.decided_at
        FROM model_versions AS m
        LEFT JOIN (
            SELECT model_version, max_by(action, promotion_id) AS action,
                max(decided_at) AS decided_at
            FROM promotions GROUP BY model_version
        ) AS p USING (model_version)
        ORDER BY m.created_at DESC, m.model_version
        """
    )


def promotions(reading: Reading) -> list[Row]:
    """Return all promotions, refusals and rollbacks of models, newest first.

    The rows are those of table ``promotions``.
    """
    return reading.rows("SELECT * FROM promotions ORDER BY promotion_id DESC")


def side_by_side(reading: Reading, champion: str, challenger: str) -> list[Row]:
    """Return the backtest RMSPE of two models by segment, each the median over all origins.

    Args:
        reading: Access to the generation.
        champion: Version of the champion.
        challenger: Version of the model that it is compared with.

    Returns:
        ``segment_kind, segment, champion, challenger`` (RMSPE), ``difference`` (challenger minus
        champion) and ``is_same_rows`` (false if the numbers of store-days differ, because then the
        errors are not comparable). The row for all store-days together (``overall``) comes first;
        the others are ordered by segment kind and segment. Segments that only one model has are
        omitted.
    """
    return reading.rows(
        """
        WITH own AS (
            SELECT b.* FROM backtest_scores AS b
            JOIN model_versions AS m ON m.model_version = b.model_version AND m.family = b.model
            WHERE b.forecast_origin IS NULL
        )
        SELECT a.segment_kind, a.segment, a.rmspe_median AS champion, b.rmspe_median AS challenger,
            b.rmspe_median - a.rmspe_median AS difference,
            a.store_days = b.store_days AS is_same_rows
        FROM own AS a
        JOIN own AS b ON a.segment_kind = b.segment_kind AND a.segment = b.segment
        WHERE a.model_version = ? AND b.model_version = ?
        ORDER BY a.segment_kind != 'overall', a.segment_kind, try_cast(a.segment AS INTEGER),
            a.segment
        """,
        [champion, challenger],
    )
