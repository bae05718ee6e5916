"""A chain of five stores whose files are replayed, and a weekly job that only writes rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from rossmann_ml.base.settings import Settings, load_settings
from rossmann_ml.pipeline.replay import ReplayPlace
from rossmann_ml.pipeline.weekly_job import RefreshRecord
from rossmann_ml.warehouse.connection import connect
from support.retailer import (
    PLAN_HEADER,
    SALES_HEADER,
    STORE_HEADER,
    STORE_LINES,
    days,
    plan_line,
    sales_line,
    text,
)

FIRST_DAY = date(2015, 1, 5)
LAST_DAY = date(2015, 4, 3)  # a Friday
FIRST_MONDAY = date(2015, 2, 2)
WEEKS = 9  # the Mondays up to 2015-03-30
AWAY_FROM, AWAY_TO = date(2015, 1, 28), date(2015, 3, 3)
STORE_AWAY = 3
STORE_WITH_A_HOLE, HOLE = 2, date(2015, 2, 12)


def sales_of(store: int, day: date) -> int:
    return 4000 + 100 * store + day.day if day.isoweekday() < 7 else 0


def is_reported(store: int, day: date) -> bool:
    return not (
        (store == STORE_AWAY and AWAY_FROM <= day <= AWAY_TO)
        or (store == STORE_WITH_A_HOLE and day == HOLE)
    )


def write_source(folder: Path, sales: Callable[[int, date], int] = sales_of) -> Path:
    """Write the whole files; ``sales`` returns the sales of a store and day."""
    folder.mkdir(parents=True)
    rows = [
        sales_line(store, day, sales(store, day), Promo=int(day.isocalendar().week % 2 == 0))
        for day in reversed(days(FIRST_DAY, LAST_DAY))
        for store in range(1, 6)
        if is_reported(store, day)
    ]
    planned = [
        plan_line(number, store, day)
        for number, (store, day) in enumerate(
            (store, day)
            for day in days(LAST_DAY + timedelta(days=1), LAST_DAY + timedelta(days=48))
            for store in range(1, 6)
        )
    ]
    stores = [*STORE_LINES, '4,a,a,100,,,0,,,""', '5,a,a,200,,,0,,,""']
    (folder / "store.csv").write_text(text(STORE_HEADER, stores))
    (folder / "train.csv").write_text(text(SALES_HEADER, rows))
    (folder / "test.csv").write_text(text(PLAN_HEADER, planned))
    return folder


def live_settings(base: Path, raw: Path) -> Settings:
    """Return settings of a live product that has never been run."""
    return load_settings(
        raw_dir=raw,
        incoming_dir=base / "live" / "incoming",
        warehouse_dir=base / "live" / "warehouse",
        state_dir=base / "live" / "state",
        threads=1,
    )


class StandInJob:
    """A weekly job that forecasts 10% more than the actual sales, and records its calls.

    Args:
        sales: Returns the actual sales of a store and day.
        exit_codes: Exit codes of failing weeks, by Monday.
    """

    def __init__(
        self,
        sales: Callable[[int, date], int] = sales_of,
        exit_codes: dict[date, int] | None = None,
    ) -> None:
        self.calls: list[tuple[date, str | None]] = []
        self.exit_codes = exit_codes or {}
        self._sales = sales

    def __call__(
        self, place: ReplayPlace, live: Settings, monday: date, *, retrain: str | None
    ) -> RefreshRecord:
        self.calls.append((monday, retrain))
        exit_code = self.exit_codes.get(monday, 0)
        if exit_code:
            return RefreshRecord(exit_code, failed_step="publish", reason="totals jumped")
        with connect(place.settings(live, monday=monday)) as connection:
            for store in (1, 2):
                for horizon in range(1, 43):
                    target = monday + timedelta(days=horizon - 1)
                    forecast = 1.1 * self._sales(store, target)
                    connection.execute(
                        "INSERT INTO forecasting.forecasts VALUES "
                        "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'm', ?, 'planned', NULL, NULL)",
                        [
                            *(monday - timedelta(days=1), store, target, horizon),
                            *(forecast > 0, forecast, forecast * 0.95, forecast * 1.05),
                            *(forecast * 0.8, forecast * 1.2, f"run-{monday}"),
                        ],
                    )
            connection.execute(
                """
                INSERT INTO forecasting.forecast_runs BY NAME
                SELECT $run AS run_id, 'weekly' AS run_kind, $monday::DATE - 1 AS forecast_origin,
                    $monday AS known_by, 'm' AS model_version, 'd' AS data_version,
                    'c' AS code_version, 'h' AS input_hash, 'g' AS git_commit, 2 AS stores,
                    84 AS store_days, 0 AS assumed_store_days, 0 AS stores_not_forecast,
                    1.0 AS total_sales_forecast, 1.0 AS total_sales_unbiased,
                    now() AS started_at, now() AS finished_at
                """,
                {"run": f"run-{monday}", "monday": monday},
            )
        training = "_with_training" if retrain else ""
        return RefreshRecord(
            0,
            job=f"weekly_refresh{training}",
            run_id=f"run-{monday}",
            step_seconds={"land files": 1.0, "publish": 2.0},
            cpu_seconds=3.0,
            peak_gigabytes=0.5,
        )
