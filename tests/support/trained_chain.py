"""A warehouse with a trained model, and what tests of the chain do to it."""

from __future__ import annotations

from dataclasses import dataclass

from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import Settings
from rossmann_ml.training import gate as promotion
from rossmann_ml.training import tracking
from rossmann_ml.training.model_records import TrainingReport
from rossmann_ml.warehouse.connection import connect
from rossmann_ml.warehouse.session import Session


@dataclass(frozen=True)
class Chain:
    """A warehouse of its own with a trained model that is not promoted yet."""

    settings: Settings
    params: Params
    trained: TrainingReport

    def rows(self, query: str) -> list[tuple]:
        with connect(self.settings) as connection:
            return connection.execute(query).fetchall()

    def alias(self, name: str) -> str:
        with tracking.client(self.settings) as client:
            found = client.get_model_version_by_alias(tracking.REGISTERED_MODEL, name)
        return str(found.version)


def add_model(chain: Chain, version: str, *, recipe: str | None = None, rmspe: float) -> None:
    """Enter a second model of the same or another recipe, judged on the same data."""
    with connect(chain.settings) as connection:
        connection.execute(
            """
            INSERT INTO forecasting.model_versions
            SELECT * REPLACE (
                $version AS model_version,
                coalesce($recipe, recipe_hash) AS recipe_hash,
                $rmspe AS rmspe_median,
                created_at + INTERVAL 1 HOUR AS created_at
            )
            FROM forecasting.model_versions WHERE model_version = $first
            """,
            {
                "version": version, "recipe": recipe, "rmspe": rmspe,
                "first": chain.trained.model_version,
            },
        )  # fmt: skip
        connection.execute(
            """
            INSERT INTO forecasting.backtest_scores
            SELECT * REPLACE (
                $version AS model_version,
                CASE WHEN model = 'blend' THEN $rmspe ELSE rmspe END AS rmspe,
                CASE WHEN model = 'blend' THEN $rmspe ELSE rmspe_median END AS rmspe_median
            )
            FROM forecasting.backtest_scores WHERE model_version = $first
            """,
            {"version": version, "rmspe": rmspe, "first": chain.trained.model_version},
        )


def promote(chain: Chain, version: str | None = None) -> promotion.Decision:
    return promotion.promote(
        Session(chain.settings, chain.params), model_version=version, actor="a test"
    )


def rmspe_of(chain: Chain) -> float:
    """What the gate goes by: the median over the backtest's origins."""
    ((rmspe,),) = chain.rows(
        "SELECT median(rmspe) FROM forecasting.backtest_scores WHERE model = 'blend' "
        "AND segment_kind = 'overall' AND forecast_origin IS NOT NULL "
        f"AND model_version = '{chain.trained.model_version}'"
    )
    return float(rmspe)
