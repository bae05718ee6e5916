"""What the current generation holds, in the few figures a person asks for first.

Reads a published generation only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rossmann_ml.base.settings import Settings
from rossmann_ml.models.baselines import MEDIAN, SEASONAL_NAIVE
from rossmann_ml.models.blend import BLEND
from rossmann_ml.serving.generations import GenerationInfo, current_path, read_info, reading

_FORECASTS = """
    SELECT count(DISTINCT store_id), min(store_id), min(target_date), max(target_date)
    FROM latest_forecasts
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
    """The current generation.

    Attributes:
        info: What it is and what it was made from.
        path: The file.
        stores: Stores with a forecast of the newest origin.
        first_store: The smallest store number among them.
        first_day: First day that is forecast.
        last_day: Last one.
        rmspe: Of the champion's backtest, the median over its origins; None without a backtest.
        rmspe_seasonal_naive: Of last year's same weekday, on the same rows.
        rmspe_median: Of the median by store, weekday and promo, on the same rows.
        backtest_origins: How many origins that is.
        profile: How much the champion's training did, ``fast`` or ``full``.
    """

    info: GenerationInfo
    path: Path
    stores: int
    first_store: int
    first_day: date
    last_day: date
    rmspe: float | None
    rmspe_seasonal_naive: float | None
    rmspe_median: float | None
    backtest_origins: int
    profile: str

    @property
    def days(self) -> int:
        """Days that are forecast."""
        return (self.last_day - self.first_day).days + 1


def summarise(settings: Settings) -> Summary:
    """Read the figures of the current generation.

    Raises:
        NoDataError: Nothing has been published yet.
        PublishError: The pointer cannot be used.
    """
    path = current_path(settings.published_path)
    with reading(path) as connection:
        info = read_info(connection)
        (forecasts,) = connection.execute(_FORECASTS).fetchall()
        names = {
            "blend": BLEND,
            "naive": SEASONAL_NAIVE,
            "median": MEDIAN,
            "model_version": info.model_version,
        }
        (model,) = connection.execute(_MODEL, names).fetchall()
    return Summary(info, path, *forecasts, *model)
