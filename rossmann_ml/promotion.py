"""The gate: which model may serve, and the record of every such decision.

``forecasting.promotions`` says which model is champion; MLflow's alias follows it. Belongs here:
comparing, deciding, recording, rolling back. Not training.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import duckdb

from rossmann_ml import tracking
from rossmann_ml.errors import NoChampionError, NoDataError
from rossmann_ml.models.baselines import SEASONAL_NAIVE
from rossmann_ml.params import Params
from rossmann_ml.settings import Settings
from rossmann_ml.warehouse import connect, one_row, transaction, utc_now, writer_lock

PROMOTED, REFUSED, ROLLED_BACK = "promoted", "refused", "rolled_back"

# Out-of-fold rows that both recipes forecast: RMSPE of each before bias factors.
_COMMON_ROWS = """
    SELECT
        count(*),
        sqrt(avg(power(exp(mine.log_forecast) / mine.sales - 1, 2))),
        sqrt(avg(power(exp(theirs.log_forecast) / theirs.sales - 1, 2)))
    FROM forecasting.out_of_fold AS mine
    INNER JOIN forecasting.out_of_fold AS theirs
        USING (data_version, forecast_origin, store_id, target_date)
    WHERE mine.recipe_hash = ? AND theirs.recipe_hash = ? AND mine.data_version = ?
"""


@dataclass(frozen=True)
class Decision:
    """What the gate said.

    Attributes:
        model_version: The model that was judged.
        is_promoted: Whether it serves from now on.
        reason: Why, with the figures.
        figures: The same figures by name.
        previous: The champion before.
    """

    model_version: str
    is_promoted: bool
    reason: str
    previous: str | None
    figures: dict[str, float | str] = field(default_factory=dict)


def champion(connection: duckdb.DuckDBPyConnection) -> str | None:
    """The model that serves, or None before the first promotion."""
    row = one_row(
        connection,
        "SELECT model_version FROM forecasting.promotions WHERE action <> ? "
        "ORDER BY promotion_id DESC LIMIT 1",
        [REFUSED],
    )
    return None if row is None else str(row[0])


def has_champion(settings: Settings) -> bool:
    """Whether a model has been promoted; False too when there is no warehouse yet."""
    if not settings.database_path.exists():
        return False
    with connect(settings) as connection:
        return champion(connection) is not None


def require_champion(connection: duckdb.DuckDBPyConnection) -> str:
    """The model that serves.

    Raises:
        NoChampionError: None has been promoted yet.
    """
    found = champion(connection)
    if found is None:
        raise NoChampionError(
            "no model has been promoted yet: run `rossmann refresh --retrain fast`, or the job "
            "`weekly_refresh_with_training` in Dagster"
        )
    return found


def promote(
    settings: Settings, params: Params, *, model_version: str | None = None, actor: str
) -> Decision:
    """Judge a model against the champion and record the decision.

    The first model, and a refit of the champion's recipe, must beat seasonal naive; a refit must
    also stay within ``gate.refit_tolerance`` of the champion's RMSPE. A changed recipe must be
    better than the champion's on the out-of-fold rows that both forecast.

    Args:
        settings: Where the warehouse and MLflow are.
        params: The tolerance.
        model_version: The model; unset means the newest.
        actor: Who asks, for the record.

    Raises:
        NoDataError: There is no such model.
    """
    with writer_lock(settings), connect(settings) as connection:
        judged = model_version or _newest(connection)
        previous = champion(connection)
        if judged == previous:
            return Decision(judged, is_promoted=True, reason="it is the champion", previous=judged)
        decision = _judge(connection, params, judged, previous)
        _record(connection, decision, actor, PROMOTED if decision.is_promoted else REFUSED)
    if decision.is_promoted:
        reconcile_alias(settings)
    return decision


def rollback_model(settings: Settings, *, actor: str) -> Decision:
    """Bring back the champion before the present one; the next refresh scores with it.

    Raises:
        NoDataError: There was no other champion before.
    """
    with writer_lock(settings), connect(settings) as connection:
        present = require_champion(connection)
        row = one_row(
            connection,
            """
            SELECT previous_model_version FROM forecasting.promotions
            WHERE model_version = ? AND action = ? AND previous_model_version IS NOT NULL
            ORDER BY promotion_id DESC LIMIT 1
            """,
            [present, PROMOTED],
        )
        if row is None:
            raise NoDataError(f"there is no champion before {present} to roll back to")
        decision = Decision(
            str(row[0]),
            is_promoted=True,
            reason=f"rolled back from {present}",
            previous=present,
        )
        _record(connection, decision, actor, ROLLED_BACK)
    reconcile_alias(settings)
    return decision


def reconcile_alias(settings: Settings) -> bool:
    """Let MLflow's alias ``champion`` follow the newest decision, if it does not yet.

    Two databases cannot commit together: the decision is recorded first, and whoever starts next
    mends an alias that was not set.

    Returns:
        Whether something had to be done.
    """
    with connect(settings) as connection:
        row = one_row(
            connection,
            """
            SELECT promotion_id, registry_version
            FROM forecasting.promotions
            INNER JOIN forecasting.model_versions USING (model_version)
            WHERE action <> ? AND NOT is_alias_set
            ORDER BY promotion_id DESC LIMIT 1
            """,
            [REFUSED],
        )
        if row is None:
            return False
        tracking.set_champion(settings, str(row[1]))
        connection.execute(
            "UPDATE forecasting.promotions SET is_alias_set = true WHERE promotion_id <= ?",
            [row[0]],
        )
    return True


def _newest(connection: duckdb.DuckDBPyConnection) -> str:
    row = one_row(
        connection,
        "SELECT model_version FROM forecasting.model_versions WHERE registry_version <> '' "
        "ORDER BY created_at DESC LIMIT 1",
    )
    if row is None:
        raise NoDataError("no model has been trained yet: run `rossmann refresh --retrain fast`")
    return str(row[0])


def _model(connection: duckdb.DuckDBPyConnection, version: str) -> tuple[str, str, float, float]:
    """Recipe, data version, RMSPE and RMSPE of seasonal naive of a model."""
    row = one_row(
        connection,
        """
        SELECT recipe_hash, data_version, rmspe_mean, (
            SELECT avg(rmspe) FROM forecasting.backtest_scores AS scores
            WHERE scores.model_version = models.model_version AND model = ?
                AND segment_kind = 'overall' AND forecast_origin IS NOT NULL
        )
        FROM forecasting.model_versions AS models WHERE model_version = ?
        """,
        [SEASONAL_NAIVE, version],
    )
    if row is None:
        raise NoDataError(f"there is no model {version}; `rossmann sql` on model_versions has all")
    return str(row[0]), str(row[1]), float(row[2]), float(row[3])


def _judge(
    connection: duckdb.DuckDBPyConnection, params: Params, judged: str, previous: str | None
) -> Decision:
    recipe, data, rmspe, naive = _model(connection, judged)
    figures: dict[str, float | str] = {"rmspe": rmspe, "rmspe_seasonal_naive": naive}

    def decide(*, is_promoted: bool, reason: str) -> Decision:
        return Decision(judged, is_promoted, reason, previous, figures)

    if rmspe >= naive:
        return decide(
            is_promoted=False,
            reason=f"RMSPE {rmspe:.4f} does not beat seasonal naive's {naive:.4f}",
        )
    if previous is None:
        return decide(
            is_promoted=True,
            reason=f"first champion: RMSPE {rmspe:.4f} against seasonal naive's {naive:.4f}",
        )
    previous_recipe, _, previous_rmspe, _ = _model(connection, previous)
    figures |= {"champion": previous, "champion_rmspe": previous_rmspe}
    if recipe == previous_recipe:
        limit = previous_rmspe * (1 + params.gate.refit_tolerance)
        figures["limit"] = limit
        within = rmspe <= limit
        return decide(
            is_promoted=within,
            reason=f"refit of the champion's recipe: RMSPE {rmspe:.4f} is "
            f"{'within' if within else 'beyond'} the limit {limit:.4f}",
        )
    common = one_row(connection, _COMMON_ROWS, [recipe, previous_recipe, data])
    if common is None or not common[0]:
        return decide(
            is_promoted=False,
            reason="changed recipe, and no backtest of the champion's recipe on the same data "
            "to compare with: run `rossmann backtest` with the champion's profile",
        )
    rows, mine, theirs = int(common[0]), float(common[1]), float(common[2])
    figures |= {"common_rows": float(rows), "rmspe_common": mine, "champion_rmspe_common": theirs}
    better = mine < theirs
    return decide(
        is_promoted=better,
        reason=f"changed recipe: RMSPE {mine:.4f} is {'better' if better else 'not better'} than "
        f"the champion's {theirs:.4f} on the same {rows:,} rows",
    )


def _record(
    connection: duckdb.DuckDBPyConnection, decision: Decision, actor: str, action: str
) -> None:
    with transaction(connection):
        connection.execute(
            """
            INSERT INTO forecasting.promotions
            SELECT coalesce(max(promotion_id), 0) + 1, ?, ?, ?, ?, ?, ?, ?, ?
            FROM forecasting.promotions
            """,
            [
                utc_now(),
                action,
                decision.model_version,
                decision.previous,
                actor,
                decision.reason,
                json.dumps(decision.figures, sort_keys=True),
                action == REFUSED,
            ],
        )
