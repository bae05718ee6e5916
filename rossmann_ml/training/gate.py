"""Promote or reject a challenger, roll back a promotion, and record each decision.

Entry points: :func:`promote`, :func:`rollback_model`, :func:`reconcile_alias`. The newest promotion
or rollback in ``forecasting.promotions`` defines the champion. See :mod:`rossmann_ml.training.fit`
for training.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import duckdb

from rossmann_ml.base.errors import NoDataError, RefusedError
from rossmann_ml.base.params.training import Profile
from rossmann_ml.evaluation.baselines import SEASONAL_NAIVE
from rossmann_ml.evaluation.comparison import Comparison, compare
from rossmann_ml.features.inputs import read_newest_inputs
from rossmann_ml.models.blend import BLEND
from rossmann_ml.models.bundle_files import RETRAIN, is_too_short, outdated
from rossmann_ml.models.recipe import RecipeKey
from rossmann_ml.training import tracking
from rossmann_ml.warehouse.connection import one_value, read_frame, transaction, utc_now
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.tables import models
from rossmann_ml.warehouse.tables.models import REFUSED, champion, champion_record, require_champion

PROMOTED, ROLLED_BACK = "promoted", "rolled_back"


@dataclass(frozen=True)
class Decision:
    """Decision whether a model becomes champion.

    Attributes:
        model_version: Version of the model that was judged.
        is_promoted: Whether this model is the champion from now on.
        reason: Reason in a sentence, with the figures that were compared.
        figures: Figures on which ``reason`` is based, by name, such as ``rmspe``. If the challenger
            was compared with a champion, ``champion`` is the champion's version. If segments were
            compared, ``worst_segment`` is the segment with the highest ratio of the challenger's
            RMSPE to the champion's.
        previous: Version of the champion before the decision; None if there was none.
    """

    model_version: str
    is_promoted: bool
    reason: str
    previous: str | None
    figures: dict[str, float | str] = field(default_factory=dict)


def profile_due(session: Session) -> Profile | None:
    """Return the profile of the training without which nothing can be forecast.

    Returns:
        ``fast`` without a champion or a warehouse; the champion's profile if it was trained for
        fewer days than ``forecast.horizon_days``; None if the champion can forecast.
    """
    if not session.settings.database_path.exists():
        return "fast"
    with session.writing() as connection:
        serving = champion(connection)
        if serving is None:
            return "fast"
        folder = session.settings.models_path / serving
        if not is_too_short(folder, session.params.forecast.horizon_days):
            return None
        return "full" if models.recorded(connection, serving)["profile"] == "full" else "fast"


def promote(session: Session, *, model_version: str | None = None, actor: str) -> Decision:
    """Decide whether a challenger becomes champion, and record the decision.

    The first rule is for every challenger, then one of the others applies. Each RMSPE, and the
    ratio in the first rule, is the median over backtest origins.

    - The ratio of the challenger's RMSPE to that of seasonal naive must be below 1.
    - Without a champion, or if it can no longer forecast, because another version of the product
      or a shorter horizon trained it, nothing else is required.
    - Same recipe as the champion: the challenger's RMSPE may exceed the champion's by at most the
      share ``gate.refit_tolerance`` in ``params.yaml``. Of each model, only origins that are in the
      other's backtest too, or newer than it, count.
    - Another recipe: on the past store-days for which both have out-of-fold forecasts, the
      challenger's RMSPE must be lower than the champion's. In no segment (such as a state or a
      weekday, see :data:`rossmann_ml.evaluation.metrics.SEGMENTS`) may it exceed the champion's by
      more than the share ``gate.segment_tolerance``.
    - Another recipe, and no store-days for which both have out-of-fold forecasts: the ratio of the
      first rule must be lower than the champion's.

    If the model is the champion already, no rule is checked, nothing is recorded, and
    ``is_promoted`` of the decision is true.

    Args:
        session: Session of the job.
        model_version: Version of the challenger; None for the newest model registered in MLflow.
        actor: Name of the person or job that asks for the decision, for the record.

    Raises:
        NoDataError: There is no such model. Or its recipe differs from the champion's, and it has
            no stored out-of-fold forecasts that were made from the current data.
        RefusedError: MLflow has not registered the model, because a backfill trained it.
    """
    with session.writing() as connection:
        model = models.recorded(connection, model_version)
        judged, previous = model["model_version"], champion(connection)
        if judged == previous:
            return Decision(judged, is_promoted=True, reason="it is the champion", previous=judged)
        if not model["registry_version"]:
            raise RefusedError(
                f"{judged} was trained for a past origin and is not registered in MLflow, so it "
                "cannot become champion; `rossmann refresh --retrain full` trains a challenger"
            )
        decision = _judge(connection, session, judged, previous)
        _record(connection, decision, actor, PROMOTED if decision.is_promoted else REFUSED)
    if decision.is_promoted:
        reconcile_alias(session)
    return decision


def rollback_model(session: Session, *, actor: str) -> Decision:
    """Make the previous champion the champion again; the next weekly job forecasts with it.

    The previous champion is the model that the newest promotion of the current champion replaced,
    so a second rollback goes further back.

    Args:
        session: Session of the command.
        actor: Name of the person or job that asks for it, for the record.

    Returns:
        Decision with the new champion as ``model_version`` and the replaced one as ``previous``.

    Raises:
        NoDataError: There is no champion, the current one replaced none, or the previous one can no
            longer forecast.
    """
    with session.writing() as connection:
        present = require_champion(connection)
        before = one_value(
            connection,
            str,
            """
            SELECT previous_model_version FROM forecasting.promotions
            WHERE model_version = ? AND action = ? AND previous_model_version IS NOT NULL
            ORDER BY promotion_id DESC LIMIT 1
            """,
            [present, PROMOTED],
        )
        if before is None:
            raise NoDataError(f"there is no champion before {present} to roll back to")
        horizon_days = session.params.forecast.horizon_days
        if reason := outdated(session.settings.models_path / before, horizon_days):
            raise NoDataError(f"the champion before {present}, {before}, {reason}{RETRAIN}")
        reason = f"rolled back from {present}"
        decision = Decision(before, is_promoted=True, reason=reason, previous=present)
        _record(connection, decision, actor, ROLLED_BACK)
    reconcile_alias(session)
    return decision


def reconcile_alias(session: Session) -> bool:
    """Set the alias ``champion`` in MLflow to the current champion, unless this is already done.

    The warehouse and MLflow's database cannot commit together. So the decision is recorded in the
    warehouse first. If a command is interrupted before it sets the alias, the next call of this
    function sets it.

    Returns:
        Whether this call set the alias.
    """
    with session.writing() as connection:
        serving = champion_record(connection)
        if serving is None or serving.is_alias_set or not serving.registry_version:
            return False
        tracking.set_champion(session.settings, serving.registry_version)
        connection.execute(
            "UPDATE forecasting.promotions SET is_alias_set = true WHERE promotion_id <= ?",
            [serving.promotion_id],
        )
    return True


@dataclass(frozen=True)
class _Candidate:
    """Recipe and backtest metrics of the challenger or the champion, which the gate compares.

    Attributes:
        recipe_hash: Hash of the recipe; equal for models with the same recipe.
        recipe: Key under which the recipe's out-of-fold forecasts are stored, as JSON text.
        rmspe: Median RMSPE over the origins of the backtest.
        naive: Median RMSPE of seasonal naive over the same origins.
        share_of_naive: Ratio of the model's RMSPE to that of seasonal naive, median over the
            origins. The ratio is computed per origin, because some weeks are hard for every model.
    """

    recipe_hash: str
    recipe: str
    rmspe: float
    naive: float
    share_of_naive: float

    @property
    def said(self) -> str:
        """RMSPE of the model and of seasonal naive in words, for the reason of a decision."""
        return (
            f"RMSPE {self.rmspe:.4f} compared with seasonal naive's {self.naive:.4f}, at the "
            f"median origin {self.share_of_naive:.0%} of it"
        )


def _candidate(
    connection: duckdb.DuckDBPyConnection, version: str, *, other: str | None = None
) -> _Candidate:
    """Read a model's metrics.

    Args:
        connection: Pipeline database.
        version: Version of the model.
        other: Version of a model to compare with: only the origins that its backtest has too, and
            newer ones, count then, because the profiles have different origins. All count if there
            is none of these.
    """
    found = read_frame(
        connection,
        """
        WITH origins AS (
            SELECT
                model_version,
                forecast_origin,
                any_value(rmspe) FILTER (model = $blend) AS rmspe,
                any_value(rmspe) FILTER (model = $naive) AS naive
            FROM forecasting.backtest_scores
            WHERE model_version = $version
                AND segment_kind = 'overall' AND forecast_origin IS NOT NULL
            GROUP BY ALL
        ),

        of_other AS (
            SELECT forecast_origin FROM forecasting.backtest_scores
            WHERE model_version = $other AND model = $blend
                AND segment_kind = 'overall' AND forecast_origin IS NOT NULL
        )
        SELECT
            any_value(recipe_hash) AS recipe_hash,
            any_value(recipe) AS recipe,
            median(rmspe) AS rmspe,
            median(naive) AS naive,
            median(rmspe / naive) AS share_of_naive
        FROM forecasting.model_versions
        INNER JOIN origins USING (model_version)
        WHERE $other IS NULL
            OR forecast_origin IN (FROM of_other)
            OR forecast_origin > (SELECT max(forecast_origin) FROM of_other)
        GROUP BY model_version
        """,
        {"blend": BLEND, "naive": SEASONAL_NAIVE, "version": version, "other": other},
    )
    if found.is_empty() and other is not None:
        return _candidate(connection, version)
    return _Candidate(**found.row(0, named=True))


def _judge(
    connection: duckdb.DuckDBPyConnection,
    session: Session,
    judged: str,
    previous: str | None,
) -> Decision:
    params = session.params
    candidate = _candidate(connection, judged)
    figures: dict[str, float | str] = {
        "rmspe": candidate.rmspe,
        "rmspe_seasonal_naive": candidate.naive,
        "share_of_seasonal_naive": candidate.share_of_naive,
    }

    def decide(is_promoted: bool, reason: str) -> Decision:
        return Decision(judged, is_promoted, reason, previous, figures)

    if candidate.share_of_naive >= 1:
        return decide(False, f"does not beat seasonal naive: {candidate.said}")
    models_path = session.settings.models_path
    reason = previous and outdated(models_path / previous, params.forecast.horizon_days)
    if previous is None or reason:
        why = f"the champion {reason}" if previous else "first champion"
        return decide(True, f"{why}: {candidate.said}")
    champion_now = _candidate(connection, previous)
    figures |= {"champion": previous, "champion_rmspe": champion_now.rmspe}
    if candidate.recipe_hash == champion_now.recipe_hash:
        own = _candidate(connection, judged, other=previous).rmspe
        compared = _candidate(connection, previous, other=judged).rmspe
        limit = compared * (1 + params.gate.refit_tolerance)
        figures |= {"rmspe_compared": own, "champion_rmspe_compared": compared, "limit": limit}
        within = own <= limit
        return decide(
            within,
            f"refit of the champion's recipe: RMSPE {own:.4f} is "
            f"{'within' if within else 'beyond'} the limit {limit:.4f}",
        )
    found = compare(
        connection,
        session.settings,
        params,
        read_newest_inputs(connection, params),
        key=RecipeKey.from_json(candidate.recipe),
        other=RecipeKey.from_json(champion_now.recipe),
        progress=session.progress,
    )
    if found is None:
        # without the champion's features there are no common days: each model is compared with
        # seasonal naive on its own days
        better = candidate.share_of_naive < champion_now.share_of_naive
        return decide(
            better,
            f"changed recipe, and the code no longer makes the champion's: {candidate.said}, "
            f"{'better' if better else 'not better'} than the champion's "
            f"{champion_now.share_of_naive:.0%} on its own days",
        )
    worst = found.segments.sort("worse_by", descending=True).row(0, named=True)
    figures |= {
        "common_store_days": float(found.store_days),
        "rmspe_common": found.rmspe,
        "champion_rmspe_common": found.rmspe_other,
        "worst_segment": f"{worst['segment_kind']} {worst['segment']}",
        "worst_segment_worse_by": worst["worse_by"],
    }
    for level, (own, other) in found.levels.items():
        name = level.removeprefix("the ").replace(" ", "_")
        figures |= {f"log_error_{name}": own, f"champion_log_error_{name}": other}
    better = found.rmspe < found.rmspe_other
    said = (
        f"changed recipe: RMSPE {found.rmspe:.4f} is {'better' if better else 'not better'} than "
        f"the champion's {found.rmspe_other:.4f} on the same {found.store_days:,} store-days of "
        f"{found.origins} origins{_levels(found)}"
    )
    if better and worst["worse_by"] > params.gate.segment_tolerance:
        return decide(
            False,
            f"{said}, but in the segment {figures['worst_segment']} it is {worst['rmspe']:.4f} "
            f"against {worst['rmspe_other']:.4f}, beyond the {params.gate.segment_tolerance:.0%} "
            "that gate.segment_tolerance allows",
        )
    return decide(better, said)


def _levels(found: Comparison) -> str:
    """Say in words how large both models' errors are on both levels of a forecast."""
    said = " and ".join(
        f"of {level} {own:.4f} (champion {other:.4f})"
        for level, (own, other) in found.levels.items()
    )
    return f", the log error {said}" if said else ""


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
