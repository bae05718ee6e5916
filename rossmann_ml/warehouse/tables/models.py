"""Query the models in schema ``forecasting``: versions, champion, gate decisions, backtests.

:mod:`rossmann_ml.training` writes these tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

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
        promotion_id: Key of the promotion or rollback in ``forecasting.promotions``.
        decided_at: Time of the promotion or rollback, UTC.
        registry_version: Version number in MLflow's registry; empty without one.
        is_alias_set: Whether the champion's alias in MLflow's registry points to this model; if
            not, the next job sets it.
    """

    model_version: str
    promotion_id: int
    decided_at: datetime
    registry_version: str
    is_alias_set: bool


def champion_record(connection: duckdb.DuckDBPyConnection) -> Champion | None:
    """Return the champion and the promotion that set it; None before the first promotion."""
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
    """Return the champion's model version, for work that is impossible without a champion.

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
    """Return the versions of models that are newer than a champion, newest first.

    These are the challengers that were trained and registered in MLflow after its promotion.

    Args:
        connection: Connection to the pipeline's database.
        serving: The champion.
    """
    rows = connection.execute(
        """
        SELECT model_version FROM forecasting.model_versions
        WHERE registry_version <> '' AND created_at > ? AND model_version <> ?
        ORDER BY created_at DESC, model_version
        """,
        [serving.decided_at, serving.model_version],
    )
    return [str(version) for (version,) in rows.fetchall()]


def recorded(connection: duckdb.DuckDBPyConnection, model_version: str | None) -> dict[str, Any]:
    """Return the row of a model in ``forecasting.model_versions``.

    Args:
        connection: Connection to the pipeline's database.
        model_version: Version of the model; None for the newest model that MLflow has registered.

    Returns:
        Value by column name.

    Raises:
        NoDataError: There is no such model.
    """
    found = read_frame(
        connection,
        """
        SELECT * FROM forecasting.model_versions
        WHERE CASE WHEN $wanted IS NULL THEN registry_version <> '' ELSE model_version = $wanted END
        ORDER BY created_at DESC, model_version LIMIT 1
        """,
        {"wanted": model_version},
    )
    if found.is_empty():
        raise NoDataError(
            f"there is no model {model_version}; `rossmann sql` on model_versions has all"
            if model_version
            else "no model has been trained yet: run `rossmann refresh --retrain fast`"
        )
    return found.row(0, named=True)


def is_recorded(connection: duckdb.DuckDBPyConnection, model_version: str) -> bool:
    """Return whether a model is stored already, as a row of ``forecasting.model_versions``."""
    query = "SELECT 1 FROM forecasting.model_versions WHERE model_version = ?"
    return one_row(connection, query, [model_version]) is not None


def mlflow_run(connection: duckdb.DuckDBPyConnection, model_version: str) -> str | None:
    """Return the MLflow run that trained a model; None for an unknown model, empty without run."""
    return one_value(
        connection,
        str,
        "SELECT mlflow_run_id FROM forecasting.model_versions WHERE model_version = ?",
        [model_version],
    )


def trained_through(connection: duckdb.DuckDBPyConnection, model_version: str) -> date | None:
    """Return the last day of a model's training data; None for an unknown model."""
    return one_value(
        connection,
        date,
        "SELECT trained_through FROM forecasting.model_versions WHERE model_version = ?",
        [model_version],
    )


def newest_training(connection: duckdb.DuckDBPyConnection) -> tuple[date, datetime] | None:
    """Return the last training day of any model, to decide whether a new training is due.

    Returns:
        Last day of the newest training data, and UTC time at which the newest model trained on them
        was stored; None if there is no model.
    """
    row = one_row(
        connection,
        "SELECT trained_through, created_at FROM forecasting.model_versions "
        "ORDER BY trained_through DESC, created_at DESC LIMIT 1",
    )
    return None if row is None else (row[0], row[1])


def registered_like(
    connection: duckdb.DuckDBPyConnection,
    *,
    recipe_hash: str,
    profile: str,
    data_version: str,
    code_version: str,
    trained_through: date,
) -> tuple[str, float] | None:
    """Return the newest model that was trained from the same inputs, to skip a repeated training.

    Args:
        connection: Connection to the pipeline's database.
        recipe_hash: Fingerprint of the recipe.
        profile: Training profile, which sets the past origins of the backtest.
        data_version: Fingerprint of the data.
        code_version: Fingerprint of the code.
        trained_through: Last day of the training data.

    Returns:
        Version of the model and duration of its training in seconds; None if MLflow has registered
        no such model.
    """
    row = one_row(
        connection,
        """
        SELECT model_version, training_seconds
        FROM forecasting.model_versions
        WHERE recipe_hash = ? AND profile = ? AND data_version = ? AND code_version = ?
            AND trained_through = ? AND registry_version <> ''
        ORDER BY created_at DESC
        LIMIT 1
        """,
        [recipe_hash, profile, data_version, code_version, trained_through],
    )
    return None if row is None else (str(row[0]), float(row[1]))


def backtest_medians(
    connection: duckdb.DuckDBPyConnection, model_version: str, model: str
) -> dict[tuple[str, str], float]:
    """Return the MAPE of a model's backtest: the median over its origins, by segment.

    Args:
        connection: Connection to the pipeline's database.
        model_version: Version of the model.
        model: Name of the forecast in the backtest: the blend, a member or a baseline.

    Returns:
        Median MAPE by segment kind and segment, such as ``("state", "HE")``.
    """
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
    """Read the gate's decisions and the rollbacks, oldest first.

    Returns:
        Columns ``decided_at, action`` (``promoted``, ``refused`` or ``rolled_back``),
        ``model_version, previous_model_version, reason, rmspe_backtest`` (median over the origins
        of the model's backtest), ``trained_through``.
    """
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
    """Read the accuracy of all models in their backtests.

    Returns:
        Columns ``model_version, rmspe_backtest``, the median RMSPE over the backtest's origins.
    """
    return read_frame(
        connection,
        "SELECT model_version, rmspe_median AS rmspe_backtest FROM forecasting.model_versions",
    )
