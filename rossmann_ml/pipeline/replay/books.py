"""Build the result tables of a replay, called books: accuracy, decisions, alerts, times.

Entry point: :func:`make_books`. Forecasts are scored as they were first served. The actuals are
from the retailer's complete files and not from the replay's warehouse, so the last vintages too
have actuals of the whole horizon if the files reach that far.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

import duckdb
import polars as pl

from rossmann_ml.base.settings import Settings
from rossmann_ml.evaluation.metrics import SCORES
from rossmann_ml.pipeline.replay.options import ReplayOptions
from rossmann_ml.pipeline.replay.place import PlayedWeek, ReplayPlace
from rossmann_ml.pipeline.replay.source import Source
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.tables import forecasting, models, monitoring

ALL_WEEKS = "all"
"""Value of ``horizon_week`` in rows over the whole horizon."""

_WEEKS: dict[str, type[pl.DataType] | pl.DataType] = {
    "number": pl.Int32,
    "monday": pl.Date,
    "job": pl.String,
    "run_id": pl.String,
    "exit_code": pl.Int32,
    "failed_step": pl.String,
    "reason": pl.String,
    "wall_seconds": pl.Float64,
    "cpu_seconds": pl.Float64,
    "peak_gigabytes": pl.Float64,
    "started_at": pl.Datetime("us"),
    "finished_at": pl.Datetime("us"),
}
_STEPS: dict[str, type[pl.DataType]] = {"monday": pl.Date, "step": pl.String, "seconds": pl.Float64}


@dataclass(frozen=True)
class Books:
    """Result tables of a replay, stored in schema ``replay`` of its warehouse and as files.

    Attributes:
        weeks: One row per Monday: outcome of the job (such as ``exit_code, failed_step,
            wall_seconds``), ``forecast_origin, model_version`` of the served forecasts, and
            ``rmspe_backtest`` of that model.
        steps: One row per Monday and step of the job: ``monday, step, seconds``.
        accuracy: One row per vintage and ``horizon_week`` (``1``, ``2`` and so on, then
            ``all``): ``monday,
            forecast_origin, model_version, first_target_date, last_target_date``, the scores of
            :data:`rossmann_ml.evaluation.metrics.SCORES`, ``total_error`` (sum of all forecasts
            divided by the sum of all sales of these days, minus 1, whether a store-day has both or
            one of them), ``days_without_sales`` and ``days_not_forecast`` (number of store-days
            with a forecast above 0 and no sales, and the reverse), and ``rmspe_median``, here
            equal to ``rmspe``. Rows without ``monday`` score all vintages together; their
            ``rmspe_median`` is the median of the vintages.
        promotions: One row per decision of the gate, with ``monday`` of the week that made it.
        alerts: One row per alert; ``monday`` is the date of the job that raised it.
    """

    weeks: pl.DataFrame
    steps: pl.DataFrame
    accuracy: pl.DataFrame
    promotions: pl.DataFrame
    alerts: pl.DataFrame

    @property
    def stopped(self) -> int:
        """Number of weeks whose job failed."""
        return int((self.weeks["exit_code"] != 0).sum())


def make_books(
    live: Settings, options: ReplayOptions, place: ReplayPlace, source: Source | None = None
) -> Books:
    """Compute the result tables of the weeks finished so far, and store them.

    Args:
        live: Settings of the live product; its source files, threads and memory are used.
        options: Options of the replay; actuals are read from its first Monday on.
        place: Folder of the replay.
        source: The retailer's complete files; None for those in ``live.raw_path``.

    Raises:
        BusyError: The replay's weekly job is running.
    """
    actuals = (source or Source(live.raw_path)).actuals(options.first_monday)
    place.report_path.mkdir(parents=True, exist_ok=True)
    with Session(place.settings(live)).writing() as connection:
        books = _read(connection, place.done_weeks(), actuals)
        connection.execute("CREATE SCHEMA IF NOT EXISTS replay")
        for name in (each.name for each in fields(books)):
            frame: pl.DataFrame = getattr(books, name)
            connection.register("frame", frame)
            connection.execute(f"CREATE OR REPLACE TABLE replay.{name} AS FROM frame")
            frame.write_parquet(place.report_path / f"{name}.parquet")
            frame.write_csv(place.report_path / f"{name}.csv")
    return books


def _read(
    connection: duckdb.DuckDBPyConnection, done: list[PlayedWeek], actuals: pl.DataFrame
) -> Books:
    # the first run at an origin is the one that was served
    runs = forecasting.first_weekly_runs(connection).rename({"known_by": "monday"})
    served = forecasting.first_served(connection).join(runs, on="forecast_origin")
    vintages = served.select("monday", "forecast_origin", "model_version").unique("monday")
    weeks = pl.DataFrame([asdict(week) | asdict(week.refresh) for week in done], schema=_WEEKS)
    steps = [
        {"monday": week.monday, "step": step, "seconds": seconds}
        for week in done
        for step, seconds in week.refresh.step_seconds.items()
    ]
    return Books(
        weeks=weeks.join(vintages, on="monday", how="left")
        .join(models.backtest_rmspe(connection), on="model_version", how="left")
        .sort("monday"),
        steps=pl.DataFrame(steps, schema=_STEPS),
        accuracy=_accuracy(served, actuals),
        promotions=_with_mondays(models.decisions(connection), weeks),
        alerts=monitoring.alerts(connection).rename({"raised_on": "monday"}),
    )


def _accuracy(served: pl.DataFrame, actuals: pl.DataFrame) -> pl.DataFrame:
    # sums in one order give the same last bit
    by_week = served.with_columns(
        horizon_week=((pl.col("horizon_days") - 1) // 7 + 1).cast(pl.String)
    )
    by_week = pl.concat([by_week, by_week.with_columns(horizon_week=pl.lit(ALL_WEEKS))])
    rows = (
        by_week.join(actuals, on=["store_id", "target_date"])
        .with_columns(
            inside_80=pl.col("sales").is_between("lower_80", "upper_80"),
            inside_95=pl.col("sales").is_between("lower_95", "upper_95"),
        )
        .sort("forecast_origin", "store_id", "target_date")
    )
    scores = {
        "first_target_date": pl.col("target_date").min(),
        "last_target_date": pl.col("target_date").max(),
        **SCORES,
    }
    vintage = ["monday", "forecast_origin", "model_version", "horizon_week"]
    totals = _totals(by_week, actuals, vintage)
    by_vintage = (
        rows.group_by(vintage, maintain_order=True)
        .agg(**scores)
        .join(totals.group_by(vintage).agg(**_TOTAL_SCORES), on=vintage, maintain_order="left")
    )
    medians = by_vintage.group_by("horizon_week").agg(rmspe_median=pl.col("rmspe").median())
    pooled = (
        rows.group_by("horizon_week", maintain_order=True)
        .agg(**scores)
        .join(
            totals.group_by("horizon_week").agg(**_TOTAL_SCORES),
            on="horizon_week",
            maintain_order="left",
        )
    )
    return pl.concat(
        [
            by_vintage.with_columns(rmspe_median="rmspe"),
            pooled.join(medians, on="horizon_week"),
        ],
        how="diagonal",
    ).sort(
        "monday",
        pl.col("horizon_week").str.to_integer(strict=False),  # none for all weeks
        nulls_last=True,
    )


_TOTAL_SCORES = {
    "total_error": pl.col("forecast").sum() / pl.col("sales").sum() - 1,
    "days_without_sales": pl.col("days_without_sales").sum(),
    "days_not_forecast": pl.col("days_not_forecast").sum(),
}


def _totals(served: pl.DataFrame, actuals: pl.DataFrame, vintage: list[str]) -> pl.DataFrame:
    """Sum forecasts and sales by vintage and day, over all stores that have either of them.

    Args:
        served: Forecasts with the columns ``vintage``.
        actuals: Result of :meth:`Source.actuals`; later days are left out.
        vintage: Names of the columns of a vintage, with the week of its horizon.

    Returns:
        Columns ``vintage, target_date, forecast, sales, days_without_sales, days_not_forecast``.
    """
    last = actuals["target_date"].max()
    days = served.filter(pl.col("target_date") <= last).select(*vintage, "target_date").unique()
    has_forecast = pl.col("forecast").fill_null(0) > 0
    return (
        days.join(actuals, on="target_date")
        .join(
            served.filter(pl.col("target_date") <= last).select(
                *vintage, "target_date", "store_id", "forecast"
            ),
            on=[*vintage, "target_date", "store_id"],
            how="full",
            coalesce=True,
        )
        .sort(*vintage, "target_date", "store_id")
        .group_by(*vintage, "target_date", maintain_order=True)
        .agg(
            pl.col("forecast", "sales").sum(),
            days_without_sales=(has_forecast & pl.col("sales").is_null()).sum(),
            days_not_forecast=(~has_forecast & pl.col("sales").is_not_null()).sum(),
        )
    )


def _with_mondays(decisions: pl.DataFrame, weeks: pl.DataFrame) -> pl.DataFrame:
    """Add the column ``monday`` to the gate's decisions: the simulated week that made each of them.

    A decision belongs to the first week that finished after it. Start times cannot be used, because
    a week that was killed and run again has only the start of its last run.

    Args:
        decisions: Decisions of the gate, with ``decided_at``.
        weeks: Finished weeks, with ``monday, finished_at``.
    """
    ends = weeks.select("monday", decided_at="finished_at").sort("decided_at")
    dated = decisions.with_columns(pl.col("decided_at").cast(pl.Datetime("us"))).sort("decided_at")
    joined = dated.join_asof(ends, on="decided_at", strategy="forward")
    return joined.select("monday", pl.exclude("monday"))
