"""From log forecasts to sales with intervals: bias factor and conformal half-widths.

Both are fitted on out-of-fold forecasts, that is forecasts of origins that the model behind them
had not seen, and never on the rows they are reported on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import polars as pl

from rossmann_ml.features.grid import FloatArray, IntArray

_FILE = "calibration.json"
INTERVAL_LEVELS = (80, 95)
_WEEK_DAYS = 7
# A store that sold half its forecast or less, or twice or more, was hit by an event. A few such
# days carry most of the squared percentage error, and would pull every forecast down.
UNUSUAL_LOG_RATIO = float(np.log(2))
# The spread of a store's own days, within these bounds, scales its intervals.
_SPREAD_BOUNDS = (0.05, 0.5)
# About the spread of a usual store, for one whose own is not known yet.
_USUAL_SPREAD = 0.15
# Stores of one type and assortment differ by about this much (log units): what is not known of a
# store without history. It fades to 1/e of it every so many days of its own.
_NEW_STORE_SPREAD = 0.35
_NEW_STORE_DAYS = 20.0


@dataclass(frozen=True)
class Calibration:
    """What turns the log forecast of an open store-day into sales and bounds.

    Attributes:
        log_shift: Added to the log forecast: the point that minimises the mean square percentage
            error is lower than the median of sales.
        half_widths: By level (``"80"``, ``"95"``), one number a horizon week, in units of the
            store's spread.
        origins: The origins it was fitted on, ISO dates.
    """

    log_shift: float
    half_widths: dict[str, list[float]]
    origins: list[str]

    @classmethod
    def fit(cls, out_of_fold: pl.DataFrame) -> Calibration:
        """Fit on out-of-fold forecasts.

        The half-widths are split-conformal quantiles (Vovk et al., 2005) of the absolute
        deviation in units of the store's spread, by horizon week.

        Args:
            out_of_fold: ``forecast_origin, store_id, target_date, horizon_days, sales,
                log_forecast, spread``; open days with sales.
        """
        ordered = out_of_fold.sort("forecast_origin", "store_id", "target_date")
        deviation = ordered["log_forecast"].to_numpy() - np.log(ordered["sales"].to_numpy())
        score = np.abs(deviation) / ordered["spread"].to_numpy()
        week = (ordered["horizon_days"].to_numpy() - 1) // _WEEK_DAYS
        half_widths = {
            str(level): [
                conformal_quantile(score[week == number], level / 100)
                for number in range(int(week.max()) + 1)
            ]
            for level in INTERVAL_LEVELS
        }
        origins = [str(origin) for origin in ordered["forecast_origin"].unique().sort()]
        log_ratios = ordered.select("forecast_origin", log_ratio=pl.Series(deviation))
        return cls(point_log_shift(log_ratios), half_widths, origins)

    def bounds(
        self, horizon_days: IntArray, spread: FloatArray, log_forecast: FloatArray
    ) -> pl.DataFrame:
        """Give sales and bounds for open store-days.

        Args:
            horizon_days: Shape (rows,), days after the origin.
            spread: Shape (rows,), see :func:`interval_spread`.
            log_forecast: Shape (rows,).

        Returns:
            ``sales_forecast, lower_80, upper_80, lower_95, upper_95``; a bound never lies on the
            wrong side of the forecast or of the wider bound.
        """
        week = (horizon_days - 1) // _WEEK_DAYS
        point = np.exp(log_forecast + self.log_shift)
        columns = {"sales_forecast": point}
        inner = np.zeros(len(point))
        for level in INTERVAL_LEVELS:
            widths = np.array(self.half_widths[str(level)])
            half = np.maximum(widths[np.minimum(week, len(widths) - 1)] * spread, inner)
            inner = half
            columns[f"lower_{level}"] = np.minimum(np.exp(log_forecast - half), point)
            columns[f"upper_{level}"] = np.maximum(np.exp(log_forecast + half), point)
        return pl.DataFrame(columns)

    def save(self, folder: Path) -> None:
        """Write ``calibration.json``."""
        (folder / _FILE).write_text(json.dumps(asdict(self), indent=2), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Calibration:
        """Read ``calibration.json``."""
        return cls(**json.loads((folder / _FILE).read_text(encoding="utf-8")))


def interval_spread(panel: pl.DataFrame) -> FloatArray:
    """The spread of log sales that scales a row's interval, shape (rows,).

    It is the spread of the store's own days; what is not known of a store with few days is added.

    Args:
        panel: Rows with ``residual_std_182d`` and ``observed_days_364d``.
    """
    measured = panel["residual_std_182d"].cast(pl.Float64).fill_nan(None)
    own = np.clip(measured.fill_null(_USUAL_SPREAD).to_numpy(), *_SPREAD_BOUNDS)
    days = panel["observed_days_364d"].cast(pl.Float64).to_numpy()
    unknown = _NEW_STORE_SPREAD * np.exp(-days / _NEW_STORE_DAYS)
    return np.asarray(np.sqrt(own**2 + unknown**2))


def origins_with_earlier(rows: pl.DataFrame) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Each origin's rows, oldest first, with those of the origins that were over by then."""
    over_by = rows.group_by("forecast_origin").agg(over=pl.col("target_date").max())
    for (origin,), part in rows.sort("forecast_origin", maintain_order=True).group_by(
        "forecast_origin", maintain_order=True
    ):
        over = over_by.filter(pl.col("over") <= origin)["forecast_origin"].implode()
        yield part, rows.filter(pl.col("forecast_origin").is_in(over))


def point_log_shift(log_ratios: pl.DataFrame) -> float:
    """How far below the middle of log sales the point with the least percentage error lies.

    For a log forecast m the best factor on exp(m) is E[p/y] / E[(p/y)^2] with p = exp(m).
    Each origin is centred on its own median first: a season in which the whole chain sold
    more or less than forecast does not come again, while the spread of days, which calls for
    a forecast below the median, does. Days with an unusual event are left out, and an origin
    without any other day. The origins' median counts, so that the weeks around Christmas do not
    pull down the summer.

    Args:
        log_ratios: ``forecast_origin, log_ratio`` (of forecast to sales), in one fixed order.
    """
    shifts = []
    for _, part in log_ratios.group_by("forecast_origin", maintain_order=True):
        log_ratio = part["log_ratio"].to_numpy()
        centred = log_ratio - np.median(log_ratio)
        usual = np.exp(centred[np.abs(centred) < UNUSUAL_LOG_RATIO])
        if len(usual):
            shifts.append(np.log(usual.mean() / (usual**2).mean()))
    return float(np.median(shifts)) if shifts else 0.0


def log_shift_of_spread(spread: FloatArray) -> float:
    """The same for rows of known spread, before any forecast could be judged.

    For log-normal days of spread s it is -1.5 s^2.
    """
    return -1.5 * float(np.mean(spread**2))


def conformal_quantile(scores: FloatArray, level: float) -> float:
    """The ceil((n + 1) level)-th smallest score: covers new rows at least at that level.

    With fewer scores than the level needs (4 for 80%, 19 for 95%) it is the largest, which covers
    n / (n + 1); without any it is 0.
    """
    if len(scores) == 0:
        return 0.0
    rank = min(int(np.ceil((len(scores) + 1) * level)), len(scores))
    return float(np.partition(scores, rank - 1)[rank - 1])
