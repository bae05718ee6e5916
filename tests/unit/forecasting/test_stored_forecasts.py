"""The stores that get a forecast, and the rows that are stored.

See the docstrings of ``panel_to_score`` and ``store_forecasts``, the attributes of
``ForecastReport``, and the comments in warehouse/ddl/02_forecasting.sql for the definitions.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.memory_warehouse import create_core_tables, kept, let_pass
from support.rule_bundle import RuleBundle
from support.tiny_chain import ORIGIN, tiny_inputs

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.base.params import load_params
from rossmann_ml.base.settings import PROJECT_DIR
from rossmann_ml.features.inputs import OriginInputs
from rossmann_ml.forecasting import score as forecasting
from rossmann_ml.forecasting.score import (
    ForecastReport,
    panel_to_score,
    run_in_force,
    store_forecasts,
)
from rossmann_ml.warehouse.schema import create_tables
from rossmann_ml.warehouse.versions import Versions

DAY = timedelta(days=1)
KNOWN_BY = ORIGIN + 3 * DAY
PARAMS = load_params(PROJECT_DIR / "params.yaml")
TABLES = [
    f"forecasting.{name}"
    for name in (
        *("forecasts", "forecast_history", "forecast_runs", "forecast_drivers"),
        *("total_intervals", "stores_not_forecast", "unseen_categories"),
    )
]
FORECASTS = "SELECT * FROM forecasting.forecasts ORDER BY ALL"


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as connection:
        create_tables(connection)
        create_core_tables(connection)
        connection.execute(
            "INSERT INTO core.dim_store (store_id, first_sales_date) VALUES "
            "(2, DATE '2014-01-01'), (5, NULL), (9, DATE '2015-03-21'), (11, DATE '2015-03-20')"
        )
        connection.execute(
            "INSERT INTO core.fct_daily_sales (store_id, sales_date, sales) VALUES "
            "(9, DATE '2015-03-21', 5), (11, DATE '2015-03-19', 5), (11, DATE '2015-03-20', 0)"
        )
        connection.execute(
            "INSERT INTO core.plan_versions VALUES (9, DATE '2015-06-01', TRUE, TRUE), "
            "(9, DATE '2015-05-01', TRUE, FALSE), (9, DATE '2015-05-02', FALSE, TRUE), "
            "(5, DATE '2015-03-20', TRUE, TRUE)"
        )
        yield connection


@pytest.fixture
def connection(database: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    with kept(database, *TABLES):
        yield database


def panel_of(*rows: tuple[int, int, bool, str], origin: date = ORIGIN) -> pl.DataFrame:
    """Build a scoring panel with ``store_id, horizon_days, is_open, plan_source``."""
    return pl.DataFrame(
        [
            {
                "forecast_origin": origin,
                "store_id": store,
                "target_date": origin + timedelta(days=days),
                "horizon_days": days,
                "is_open": is_open,
                "state": {2: "HE", 9: "SN"}.get(store),
                "plan_source": source,
            }
            for store, days, is_open, source in rows
        ],
        schema_overrides={"store_id": pl.Int32, "horizon_days": pl.Int32},
    )


PANEL = panel_of(
    (2, 1, True, "planned"), (2, 2, False, "assumed"), (2, 3, True, "assumed"),
    (9, 1, True, "planned"), (9, 2, True, "actual"), (9, 3, True, "assumed"),
)  # fmt: skip


def store(
    connection: duckdb.DuckDBPyConnection,
    panel: pl.DataFrame = PANEL,
    bundle: RuleBundle | None = None,
    *,
    run_id: str = "run-1",
    data: str = "data-1",
    code: str = "code-1",
) -> ForecastReport:
    return store_forecasts(
        connection,
        panel=panel,
        bundle=bundle or RuleBundle(),  # type: ignore[arg-type]
        run_id=run_id,
        run_kind="weekly",
        known_by=KNOWN_BY,
        versions=Versions(data, code, "commit-1"),
    )


def rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple]:
    return connection.execute(query).fetchall()


# stores with a forecast


PLANS = st.sets(st.tuples(st.sampled_from([2, 5, 9]), st.integers(1, 7)), min_size=1)
INPUTS = tiny_inputs(future_days=12)


@given(planned=PLANS, horizon_days=st.integers(1, 6))
@settings(max_examples=10, deadline=None, derandomize=True)
def test_the_store_days_with_a_plan_are_scored_and_no_others(
    planned: set[tuple[int, int]], horizon_days: int
) -> None:
    plan = pl.DataFrame(
        [
            {
                "store_id": store_id,
                "target_date": ORIGIN + timedelta(days=days),
                "plan_source": f"source-{store_id}-{days}",
            }
            for store_id, days in planned
        ]
    )
    inputs = OriginInputs(ORIGIN, INPUTS, plan, pl.DataFrame())
    forecast = PARAMS.forecast.model_copy(update={"horizon_days": horizon_days})
    panel = panel_to_score(inputs, PARAMS.model_copy(update={"forecast": forecast}))
    expected = sorted(key for key in planned if key[1] <= horizon_days)
    assert panel.select("store_id", "horizon_days", "plan_source").rows() == [
        (store_id, days, f"source-{store_id}-{days}") for store_id, days in expected
    ]
    assert panel.select("target_date", "forecast_origin").rows() == [
        (ORIGIN + timedelta(days=days), ORIGIN) for _, days in expected
    ]


def test_stores_without_a_forecast_are_listed_with_the_reason(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    """Store 11 sold on the day before the origin; store 9 first sells on the day after it."""
    report = store(connection, panel_of((2, 1, True, "planned")))
    assert report.stores_not_forecast == 3
    listed = "SELECT * FROM forecasting.stores_not_forecast ORDER BY store_id"
    assert rows(connection, listed) == [
        (ORIGIN, 5, "no sales yet, and no plan opens it"),
        (ORIGIN, 9, "no sales yet, planned to open on 2015-06-01, after the forecast days"),
        (ORIGIN, 11, "no sales since 2015-03-19, and no plan opens it"),
    ]
    # scored again with the plan of store 9: its list is replaced, lists of other origins stay
    connection.execute(
        "INSERT INTO forecasting.stores_not_forecast VALUES (?, 9, 'of then')", [ORIGIN - DAY]
    )
    report = store(connection, PANEL, run_id="run-2", data="data-2")
    assert report.stores_not_forecast == 2
    assert [row[:2] for row in rows(connection, listed)] == [
        (ORIGIN, 5), (ORIGIN - DAY, 9), (ORIGIN, 11),
    ]  # fmt: skip


# stored rows


def test_the_rows_are_those_of_the_bundle_with_run_and_plan_source(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    store(connection)
    names = (
        "store_id, horizon_days, is_open, sales_forecast, lower_80, upper_95, plan_source, "
        "model_version, run_id, target_date"
    )
    found = rows(connection, f"SELECT {names} FROM forecasting.forecasts ORDER BY ALL")
    expected = []
    for store_id, days, is_open, source in PANEL.select(
        "store_id", "horizon_days", "is_open", "plan_source"
    ).rows():
        sales = float(1000 * days + store_id) if is_open else 0.0
        expected.append(
            (store_id, days, is_open, sales, sales * 0.9, sales * 1.2, source,
             "rule-1", "run-1", ORIGIN + timedelta(days=days))
        )  # fmt: skip
    assert found == expected


def test_the_runs_row_and_the_report_count_what_was_stored(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_pass(monkeypatch, forecasting, 250.0)
    report = store(connection)
    # stores 2 and 9, three days each; one closed day of 2002 is missing from the total
    total = 1002.0 + 3002.0 + 1009.0 + 2009.0 + 3009.0
    assert (report.stores, report.store_days, report.assumed_store_days) == (2, 6, 3)
    assert report.total_sales_forecast == total
    assert (report.run_id, report.model_version, report.is_new) == ("run-1", "rule-1", True)
    assert report.forecast_origin == ORIGIN
    assert report.seconds == 250.0
    ((stores,),) = connection.execute("SELECT count(*) FROM core.dim_store").fetchall()
    (run,) = connection.sql("SELECT * FROM forecasting.forecast_runs").pl().to_dicts()
    assert 0 <= (run.pop("finished_at") - run.pop("started_at")).total_seconds() < 60
    assert len(run.pop("input_hash")) == 12
    assert run == {
        "run_id": "run-1",
        "run_kind": "weekly",
        "forecast_origin": ORIGIN,
        "known_by": KNOWN_BY,
        "model_version": "rule-1",
        "data_version": "data-1",
        "code_version": "code-1",
        "git_commit": "commit-1",
        "stores": 2,
        "store_days": 6,
        "assumed_store_days": 3,
        "stores_not_forecast": 2,
        "total_sales_forecast": total,
        "total_sales_unbiased": total * stores,
    }


def test_nothing_is_stored_again_when_nothing_changed(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    bundle = RuleBundle()
    first = store(connection, bundle=bundle)
    before = rows(connection, FORECASTS)
    again = store(connection, bundle=bundle, run_id="run-2")
    assert (bundle.scored, again.is_new, again.run_id) == (1, False, "run-1")
    same = ("forecast_origin", "stores", "store_days", "assumed_store_days", "model_version",
            "stores_not_forecast", "total_sales_forecast")  # fmt: skip
    assert all(getattr(again, name) == getattr(first, name) for name in same)
    assert rows(connection, FORECASTS) == before
    assert rows(connection, "SELECT run_id FROM forecasting.forecast_runs") == [("run-1",)]
    assert rows(connection, "SELECT * FROM forecasting.forecast_history") == []


@pytest.mark.parametrize(
    "changed", [{"data": "data-2"}, {"code": "code-2"}, {"bundle": RuleBundle("rule-2")}]
)
def test_other_data_code_or_model_is_scored_again(
    connection: duckdb.DuckDBPyConnection, changed: dict
) -> None:
    store(connection)
    assert store(connection, **changed, run_id="run-2").is_new
    assert rows(connection, "SELECT DISTINCT run_id FROM forecasting.forecasts") == [("run-2",)]


def test_the_newest_run_is_the_one_in_force(connection: duckdb.DuckDBPyConnection) -> None:
    """The data equal those of the first run, but the second is in force, so it is scored again."""
    store(connection)
    store(connection, run_id="run-2", data="data-2")
    assert store(connection, run_id="run-3").is_new
    assert not store(connection, run_id="run-4").is_new
    assert run_in_force(connection, ORIGIN) == ("run-3", "rule-1")


def test_replaced_rows_move_to_the_history_and_their_drivers_are_deleted(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    older = panel_of((2, 1, True, "planned"), origin=ORIGIN - 7 * DAY)
    store(connection, older, run_id="older")
    store(connection)
    for origin, run_id in ((ORIGIN, "run-1"), (ORIGIN - 7 * DAY, "older")):
        parts = ("level", "weekday", "promo", "holidays", "season", "trend", "competition",
                 "bias_factor")  # fmt: skip
        names = ", ".join(f"1 AS {part}_{unit}" for part in parts for unit in ("log", "eur"))
        connection.execute(
            f"INSERT INTO forecasting.forecast_drivers BY NAME SELECT ? AS forecast_origin, "
            f"2 AS store_id, ?::DATE + 1 AS target_date, {names}, 'rule-1' AS model_version, "
            f"? AS run_id",
            [origin, origin, run_id],
        )
    before = rows(connection, "SELECT * FROM forecasting.forecasts WHERE run_id = 'run-1'"
                  " ORDER BY ALL")  # fmt: skip
    store(connection, run_id="run-2", bundle=RuleBundle(factor=2.0), data="data-2")
    moved = "SELECT * EXCLUDE (replaced_at) FROM forecasting.forecast_history ORDER BY ALL"
    assert rows(connection, moved) == before
    assert rows(
        connection, "SELECT forecast_origin, run_id, count(*) FROM forecasting.forecasts"
        " GROUP BY ALL ORDER BY ALL",
    ) == [(ORIGIN - 7 * DAY, "older", 1), (ORIGIN, "run-2", 6)]  # fmt: skip
    drivers = "SELECT run_id FROM forecasting.forecast_drivers"
    assert rows(connection, drivers) == [("older",)]


def test_factors_on_totals_are_those_of_the_run_in_force(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    older = panel_of((2, 1, True, "planned"), origin=ORIGIN - 7 * DAY)
    store(connection, older, run_id="older")
    store(connection)
    store(connection, run_id="run-2", data="data-2")
    found = "SELECT forecast_origin, run_id, level, unbiased_factor "
    found += "FROM forecasting.total_intervals ORDER BY ALL"
    of_older = (ORIGIN - 7 * DAY, "older", "chain", 4.0)
    assert rows(connection, found) == [of_older, (ORIGIN, "run-2", "chain", 4.0)]


def test_values_that_the_model_in_force_was_not_fitted_with_are_listed(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    """Store 9 is in SN, which is new to the model; a null value is not new."""
    older = panel_of((9, 1, True, "planned"), (5, 1, True, "planned"), origin=ORIGIN - 7 * DAY)
    store(connection, older, run_id="older")
    store(connection)
    found = "SELECT * FROM forecasting.unseen_categories ORDER BY ALL"
    of_older, of_newest = ((origin, 9, "state", "SN") for origin in (ORIGIN - 7 * DAY, ORIGIN))
    assert rows(connection, found) == [of_older, of_newest]
    store(connection, run_id="run-2", bundle=RuleBundle("rule-2", states=("HE", "SN")))
    assert rows(connection, found) == [of_older]


def test_an_origin_without_forecasts_has_no_run_in_force(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    store(connection)
    with pytest.raises(NoDataError, match=f"no forecasts of the origin {ORIGIN + DAY} yet"):
        run_in_force(connection, ORIGIN + DAY)


def test_an_interrupted_scoring_leaves_the_forecasts_unchanged(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    store(connection)
    before = rows(connection, FORECASTS)
    with pytest.raises(duckdb.Error):  # a run with this identifier exists
        store(connection, data="data-2")
    assert rows(connection, FORECASTS) == before
    assert rows(connection, "SELECT * FROM forecasting.forecast_history") == []
