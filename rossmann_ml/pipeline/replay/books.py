"""The books of a replay: what its users would have lived with, from its own warehouse and files.

Forecasts are judged as they were first served, on every day that the whole files hold, so that the
last vintages too are judged on six weeks where the files reach so far.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import duckdb
import polars as pl

from rossmann_ml.base.settings import Settings
from rossmann_ml.evaluation.metrics import SCORES
from rossmann_ml.pipeline.replay.options import ReplayOptions
from rossmann_ml.pipeline.replay.place import PlayedWeek, ReplayPlace
from rossmann_ml.pipeline.replay.source import Source
from rossmann_ml.warehouse.connection import append_frame
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.tables import forecasting, models, monitoring

ALL_WEEKS = "all"
"""``horizon_week`` of the rows over the whole horizon."""

_PLAYED: dict[str, type[pl.DataType] | pl.DataType] = {
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
    """The tables of a replay, stored in schema ``replay`` of its warehouse and as files.

    Attributes:
        weeks: One row per Monday: ``number, monday, job, run_id, exit_code, failed_step, reason,
            wall_seconds, cpu_seconds, peak_gigabytes, started_at, finished_at, forecast_origin,
            model_version, rmspe_backtest`` (what the serving model's backtest had promised).
        steps: Wall time of the job's steps; one row per Monday and step: ``monday, step, seconds``.
        accuracy: ``monday, forecast_origin, model_version, horizon_week`` (``all``, ``1`` to
            ``6``), ``first_target_date, last_target_date`` and the scores of
            :data:`rossmann_ml.evaluation.metrics.SCORES`; rows without ``monday`` are of all
            vintages together, with ``rmspe_median`` the median over them. One row per vintage and
            horizon week.
        promotions: One row per decision of the gate, with the Monday on which it was made.
        alerts: One row per alert, with the Monday on which it was raised.
    """

    weeks: pl.DataFrame
    steps: pl.DataFrame
    accuracy: pl.DataFrame
    promotions: pl.DataFrame
    alerts: pl.DataFrame

    @property
    def stopped(self) -> int:
        """Weeks whose job did not come to its end."""
        return int((self.weeks["exit_code"] != 0).sum())


def make_books(
    live: Settings, options: ReplayOptions, place: ReplayPlace, source: Source | None = None
) -> Books:
    """Work the books out anew and store them.

    Args:
        live: Where the whole files are, and what the machine may use.
        options: What the replay is.
        place: The replay's folder.
        source: The whole files, if not those of ``live.raw_path``.

    Raises:
        BusyError: The replay's weekly job is at work.
    """
    source = source or Source(live.raw_path)
    settings = place.settings(live)
    done = place.done_weeks()
    with Session(settings).writing() as connection:
        books = _read(connection, done, source.actuals(options.first_monday))
        connection.execute("CREATE SCHEMA IF NOT EXISTS replay")
        for name, frame in _tables(books):
            connection.execute(f"DROP TABLE IF EXISTS replay.{name}")
            connection.register("columns", frame.clear())
            connection.execute(f"CREATE TABLE replay.{name} AS FROM columns")
            connection.unregister("columns")
            append_frame(connection, f"replay.{name}", frame)
    place.report_path.mkdir(parents=True, exist_ok=True)
    for name, frame in _tables(books):
        frame.write_parquet(place.report_path / f"{name}.parquet")
        frame.write_csv(place.report_path / f"{name}.csv")
    return books


def _tables(books: Books) -> list[tuple[str, pl.DataFrame]]:
    named = [(field.name, getattr(books, field.name)) for field in fields(books)]
    return [(name, frame) for name, frame in named if frame is not None]


def _read(
    connection: duckdb.DuckDBPyConnection, done: list[PlayedWeek], actuals: pl.DataFrame
) -> Books:
    # the first run at an origin is the one that was served
    runs = forecasting.first_weekly_runs(connection).rename({"known_by": "monday"})
    served = forecasting.first_served(connection).join(runs, on="forecast_origin")
    promised = models.backtest_rmspe(connection)
    vintages = served.select("monday", "forecast_origin", "model_version").unique("monday")
    played = pl.DataFrame([_played(week) for week in done], schema=_PLAYED)
    return Books(
        weeks=played.join(vintages, on="monday", how="left")
        .join(promised, on="model_version", how="left")
        .sort("monday"),
        steps=pl.DataFrame(
            [
                {"monday": week.monday, "step": step, "seconds": seconds}
                for week in done
                for step, seconds in week.refresh.step_seconds.items()
            ],
            schema=_STEPS,
        ),
        accuracy=_accuracy(served, actuals),
        promotions=_on_mondays(models.decisions(connection), done, "decided_at"),
        alerts=monitoring.alerts(connection).rename({"raised_on": "monday"}),
    )


def _played(week: PlayedWeek) -> dict[str, object]:
    own = {name: getattr(week, name, None) for name in _PLAYED}
    said = {name: getattr(week.refresh, name, None) for name in _PLAYED}
    return {name: own[name] if own[name] is not None else said[name] for name in _PLAYED}


def _accuracy(served: pl.DataFrame, actuals: pl.DataFrame) -> pl.DataFrame:
    # sums in one order give the same last bit
    judged = (
        served.join(actuals, on=["store_id", "target_date"])
        .with_columns(
            inside_80=pl.col("sales").is_between("lower_80", "upper_80"),
            inside_95=pl.col("sales").is_between("lower_95", "upper_95"),
            horizon_week=((pl.col("horizon_days") - 1) // 7 + 1).cast(pl.String),
        )
        .sort("forecast_origin", "store_id", "target_date")
    )
    scores = {
        "first_target_date": pl.col("target_date").min(),
        "last_target_date": pl.col("target_date").max(),
        **SCORES,
    }
    vintage = ["monday", "forecast_origin", "model_version"]
    nothing = [pl.lit(None, judged.schema[name]).alias(name) for name in vintage]
    whole = pl.lit(ALL_WEEKS).alias("horizon_week")
    groups: list[list[str | pl.Expr]] = [
        [*vintage, whole],
        [*vintage, "horizon_week"],
        [*nothing, whole],
        [*nothing, "horizon_week"],
    ]
    scored = pl.concat(
        [judged.group_by(group, maintain_order=True).agg(**scores) for group in groups]
    )
    median = scored.filter(pl.col("monday").is_not_null()).group_by("horizon_week")
    return (
        scored.join(median.agg(median=pl.col("rmspe").median()), on="horizon_week", how="left")
        .with_columns(
            rmspe_median=pl.when(pl.col("monday").is_null()).then("median").otherwise("rmspe")
        )
        .drop("median")
        .sort("monday", "horizon_week", nulls_last=True)
    )


def _on_mondays(frame: pl.DataFrame, done: list[PlayedWeek], moment: str) -> pl.DataFrame:
    """Add the Monday on which something happened: the first week that ended after it.

    A week that was played again after a kill ended later than what its first play did.
    """
    ends = pl.DataFrame(
        {"monday": [week.monday for week in done], moment: [week.finished_at for week in done]},
        schema={"monday": pl.Date, moment: pl.Datetime("us")},
    ).sort(moment)
    dated = frame.with_columns(pl.col(moment).cast(pl.Datetime("us"))).sort(moment)
    joined = dated.join_asof(ends, on=moment, strategy="forward")
    return joined.select("monday", pl.exclude("monday"))
