"""Read the main figures of the current generation: stores, days, accuracy in the backtest.

Entry point: :func:`summarise`, which reads a published generation only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rossmann_ml.base.settings import Settings
from rossmann_ml.evaluation.baselines import MEDIAN, SEASONAL_NAIVE
from rossmann_ml.models.blend import BLEND
from rossmann_ml.publish.retention import damaged_files
from rossmann_ml.serving.generations import (
    GenerationInfo,
    current_path,
    read_info,
    reading_even_if_busy,
)

_FORECASTS = """
    SELECT count(DISTINCT store_id), min(store_id), min(target_date), max(target_date)
    FROM latest_forecasts
"""

_TOTAL = """
    SELECT sales_unbiased, lower_80, upper_80 FROM forecast_horizon_totals
    WHERE level = 'chain' AND forecast_origin = $origin ORDER BY days DESC LIMIT 1
"""

_MODEL = """
    SELECT
        median(rmspe) FILTER (model = $blend),
        median(rmspe) FILTER (model = $naive),
        median(rmspe) FILTER (model = $median),
        count(DISTINCT forecast_origin),
        (SELECT profile FROM model_versions WHERE model_version = $model_version)
    FROM backtest_scores
    WHERE model_version = $model_version AND segment_kind = 'overall'
        AND forecast_origin IS NOT NULL
"""


@dataclass(frozen=True)
class Summary:
    """Main figures of the current generation.

    Attributes:
        info: Row of ``generation_info``.
        path: Generation file.
        stores: Number of stores with a forecast of the newest origin.
        first_store: Smallest store number among them.
        first_day: First forecast day of the newest origin.
        last_day: Last forecast day of the newest origin.
        sales_unbiased: Unbiased total of the chain over these days in EUR; None if it is not known.
        lower_80: Lower bound of the total's 80% interval in EUR; None if it is not known.
        upper_80: Upper bound of the total's 80% interval in EUR; None if it is not known.
        rmspe: Median RMSPE of the champion over its backtest origins; None without a backtest.
        rmspe_seasonal_naive: The same for the baseline seasonal naive, on the same rows.
        rmspe_median: The same for the baseline store-weekday-promo median, on the same rows.
        backtest_origins: Number of backtest origins.
        profile: Training profile of the champion, ``fast`` or ``full``.
        damaged: Damaged files and folders that were moved aside for a person to examine.
    """

    info: GenerationInfo
    path: Path
    stores: int
    first_store: int
    first_day: date
    last_day: date
    sales_unbiased: float | None
    lower_80: float | None
    upper_80: float | None
    rmspe: float | None
    rmspe_seasonal_naive: float | None
    rmspe_median: float | None
    backtest_origins: int
    profile: str
    damaged: tuple[Path, ...]

    @property
    def days(self) -> int:
        """Number of days from the first to the last forecast day of the newest origin."""
        return (self.last_day - self.first_day).days + 1


def summarise(settings: Settings) -> Summary:
    """Read the main figures of the current generation.

    Raises:
        NoDataError: No generation has been published yet.
        PublishError: The pointer is unusable, or names a file that does not exist.
    """
    path = current_path(settings.published_path)
    with reading_even_if_busy(path) as connection:
        info = read_info(connection)
        (forecasts,) = connection.execute(_FORECASTS).fetchall()
        total = connection.execute(_TOTAL, {"origin": info.forecast_origin}).fetchone()
        names = {
            "blend": BLEND,
            "naive": SEASONAL_NAIVE,
            "median": MEDIAN,
            "model_version": info.model_version,
        }
        (model,) = connection.execute(_MODEL, names).fetchall()
    figures = (*forecasts, *(total or (None,) * 3), *model, tuple(damaged_files(settings)))
    return Summary(info, path, *figures)
