"""Query the models in schema ``forecasting``: versions, champion, promotions, backtest scores.

:mod:`rossmann_ml.training` writes these tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import duckdb
import polars as pl

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.warehouse.connection import one_row, one_value, read_frame

REFUSED = "refused"
"""Value of ``promotions.action`` for a challenger that the gate refused."""


@dataclass(frozen=True)
class Champion:
    """The champion, as the newest promotion or rollback set it.

    Attributes:
        model_version: Version of the model.
        promotion_id: Number of the promotion or rollback.
        decided_at: Time of the promotion or rollback, UTC.
        registry_version: Version number in MLflow's registry; empty without one.
        is_alias_set: Whether MLflow's alias points to this model already.
    """

    model_version: str
    promotion_id: int
    decided_at: datetime
    registry_version: str
    is_alias_set: bool


def champion_record(connection: duckdb.DuckDBPyConnection) -> Champion | None:
    """Return the champion with its promotion; None before the first promotion."""
    row = one_row(
        connection,
        """
        SELECT model_version, promotion_id, decided_at, coalesce(registry_version, ''), is_alias_set
        FROM forecasting.promotions LEFT JOIN forecasting.model_versions USING (model_version)
        WHERE action <> ?
        ORDER BY promotion_id DESC LIMIT 1
        """,
        [REFUSED],
    )
    return None if row is None else Champion(*row)


def champion(connection: duckdb.DuckDBPyConnection) -> str | None:
    """Return the champion's model version; None before the first promotion."""
    found = champion_record(connection)
    return None if found is None else found.model_version


def require_champion(connection: duckdb.DuckDBPyConnection) -> str:
    """Return the champion's model version.

    Raises:
        NoDataError: No model has been promoted yet.
    """
    found = champion(connection)
    if found is None:
        raise NoDataError(
            "no model has been promoted yet: run `rossmann refresh --retrain fast`, or the job "
            "`weekly_refresh_with_training` in Dagster"
        )
    return found


def newer_models(connection: duckdb.DuckDBPyConnection, serving: Champion) -> list[str]:
    """Return the models registered since the champion was promoted, newest first."""
    rows = connection.execute(
        """
        SELECT model_version FROM forecasting.model_versions
        WHERE registry_version <> '' AND created_at > ? AND model_version <> ?
        ORDER BY created_at DESC, model_version
        """,
        [serving.decided_at, serving.model_version],
    )
    return [str(version) for (version,) in rows.fetchall()]


def is_recorded(connection: duckdb.DuckDBPyConnection, model_version: str) -> bool:
    """Return whether a model is in ``forecasting.model_versions``."""
    query = "SELECT 1 FROM forecasting.model_versions WHERE model_version = ?"
    return one_row(connection, query, [model_version]) is not None


def trained_through(connection: duckdb.DuckDBPyConnection, model_version: str) -> date | None:
    """Return the last day of a model's training data; None for an unknown model."""
    return one_value(
        connection,
        date,
        "SELECT trained_through FROM forecasting.model_versions WHERE model_version = ?",
        [model_version],
    )


def newest_training(connection: duckdb.DuckDBPyConnection) -> tuple[date, datetime] | None:
    """Return the newest last training day of any model, and the creation time of that model."""
    row = one_row(
        connection,
        "SELECT max(trained_through), max_by(created_at, trained_through) "
        "FROM forecasting.model_versions",
    )
    return None if row is None or row[0] is None else (row[0], row[1])


def registered_like(
    connection: duckdb.DuckDBPyConnection,
    *,
    recipe_hash: str,
    data_version: str,
    code_version: str,
    trained_through: date,
) -> tuple[str, float] | None:
    """Return the newest registered model with the same inputs, and its training time in seconds."""
    row = one_row(
        connection,
        """
        SELECT model_version, training_seconds
        FROM forecasting.model_versions
        WHERE recipe_hash = ? AND data_version = ? AND code_version = ?
            AND trained_through = ? AND registry_version <> ''
        ORDER BY created_at DESC
        LIMIT 1
        """,
        [recipe_hash, data_version, code_version, trained_through],
    )
    return None if row is None else (str(row[0]), float(row[1]))


def backtest_medians(
    connection: duckdb.DuckDBPyConnection, model_version: str, model: str
) -> dict[tuple[str, str], float]:
    """Return the median MAPE over backtest origins, by segment kind and segment."""
    rows = connection.execute(
        """
        SELECT segment_kind, segment, median(mape)
        FROM forecasting.backtest_scores
        WHERE model_version = ? AND model = ? AND forecast_origin IS NOT NULL AND mape IS NOT NULL
        GROUP BY segment_kind, segment
        """,
        [model_version, model],
    )
    return {(str(kind), str(segment)): float(mape) for kind, segment, mape in rows.fetchall()}


def decisions(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Read the gate's decisions, oldest first, with the median RMSPE of the model's backtest."""
    return read_frame(
        connection,
        """
        SELECT
            decided_at, action, model_version, previous_model_version, reason,
            rmspe_median AS rmspe_backtest, trained_through
        FROM forecasting.promotions LEFT JOIN forecasting.model_versions USING (model_version)
        ORDER BY promotion_id
        """,
    )


def backtest_rmspe(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Read ``model_version, rmspe_backtest`` of all models."""
    return read_frame(
        connection,
        "SELECT model_version, rmspe_median AS rmspe_backtest FROM forecasting.model_versions",
    )
