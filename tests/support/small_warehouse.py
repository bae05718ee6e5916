"""Build a small warehouse as the weekly job leaves it, with SQL in a second.

For tests of code that reads a finished warehouse (publishing, readers). Tests of code that fills
it use the real pipeline.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb

from rossmann_ml.base.settings import Settings, load_settings
from rossmann_ml.features.driver_groups import PARTS
from rossmann_ml.models.bundle_files import name_files
from rossmann_ml.warehouse import connection as warehouse
from support.loads import record_loads
from support.small_marts import rebuild_marts

MODEL = "lightgbm-de665cbd"
FIRST_DAY = date(2014, 6, 1)
ORIGINS = (date(2015, 6, 19), date(2015, 7, 24), date(2015, 7, 31))
STORES = (1, 2, 3, 4, 5, 6)
STORE_WITHOUT_FORECAST = 99
HORIZON_DAYS = 42
HOLIDAYS = [date(2015, 5, 14), date(2015, 6, 4), date(2015, 8, 15)]

_SALES = """
    SELECT
        s.store, d.day::DATE AS date, isodow(d.day) AS day_of_week,
        CASE WHEN d.day::DATE IN $holidays THEN 'a' ELSE '0' END AS state_holiday,
        isodow(d.day) < 7 AND state_holiday = '0' AS is_open,
        isodow(d.day) <= 5 AND week(d.day) % 2 = 0 AS is_promo,
        month(d.day) IN (7, 8) AS is_school_holiday
    FROM unnest($stores) AS s(store)
    CROSS JOIN generate_series($first::TIMESTAMP, $last::TIMESTAMP, INTERVAL 1 DAY) AS d(day)
"""
_LEVEL = "(4000 + 300 * store + 200 * day_of_week + 900 * is_promo::INTEGER)"


def small_settings(folder: Path, **overrides: object) -> Settings:
    """Return settings whose warehouse and state are in the test's folder."""
    places = {"warehouse_dir": folder / "warehouse", "state_dir": folder / "state"}
    return load_settings(
        **{**places, "raw_dir": folder / "raw", "incoming_dir": folder / "incoming", **overrides}
    )


def build_small_warehouse(settings: Settings) -> None:
    """Fill a new warehouse: six stores with forecasts of three origins, one without forecasts."""
    with warehouse.connect(settings) as connection:
        _land_stores(connection)
        _land_days(connection, FIRST_DAY, ORIGINS[-1], load_id=1)
        assert _record_model(connection, settings, "lightgbm") == MODEL
        for origin in ORIGINS:
            _forecast(connection, origin)
        _record_checks(connection)
        _record_drift(connection)
        _record_alerts(connection)
        rebuild_marts(connection)


def add_week(settings: Settings) -> date:
    """Land the next seven days and forecast from their end, as a weekly job does."""
    with warehouse.connect(settings) as connection:
        newest = newest_day(connection)
        origin = newest + timedelta(days=7)
        _land_days(connection, newest + timedelta(days=1), origin, load_id=2)
        _forecast(connection, origin)
        rebuild_marts(connection)
    return origin


def promote(settings: Settings, name: str) -> str:
    """Promote another model to champion, and return its version: the name and a hash."""
    with warehouse.connect(settings) as connection:
        return _record_model(connection, settings, name)


def change(settings: Settings, statement: str, *, marts_follow: bool = True) -> None:
    """Change the warehouse with SQL statements, and rebuild the marts if `marts_follow`."""
    with warehouse.connect(settings) as connection:
        connection.execute(statement)
        if marts_follow:
            rebuild_marts(connection)


def newest_day(connection: duckdb.DuckDBPyConnection) -> date:
    """Return the newest day with sales."""
    row = connection.execute("SELECT max(date) FROM raw.sales").fetchone()
    assert row is not None
    return row[0]


def _land_stores(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        "INSERT INTO raw.data_set VALUES ('sample-6-7', true, true, TIMESTAMP '2015-08-03 06:00')"
    )
    for store in (*STORES, STORE_WITHOUT_FORECAST):
        connection.execute(
            "INSERT INTO raw.stores VALUES (1, ?, ?, ?, ?, ?, 9, 2008, 0, NULL, NULL, NULL, ?)",
            [store + 1, store, "abcd"[store % 4], "abc"[store % 3], 100.0 * store, FIRST_DAY],
        )
        if store != 6:
            state = "HE" if store % 2 else "BY"
            connection.execute(
                "INSERT INTO raw.store_states VALUES (1, ?, ?, ?, ?)",
                [store + 1, store, state, FIRST_DAY],
            )
    connection.execute(
        """
        INSERT INTO raw.quarantined_rows VALUES
        (1, 'sales', 'train.csv', 17, 'Sales', 'negative sales -5; expected 0 or more',
         '1,5,2015-01-03,-5,0,1,0,0,0', TIMESTAMP '2015-08-03 06:00'),
        (1, 'sales', 'train.csv', 90, NULL, 'store 4711 is not in store.csv',
         '4711,5,2015-01-03,5,1,1,0,0,0', TIMESTAMP '2015-08-03 06:00')
        """
    )


def _land_days(
    connection: duckdb.DuckDBPyConnection, first: date, last: date, *, load_id: int
) -> None:
    days = {"stores": list(STORES), "holidays": HOLIDAYS, "first": first, "last": last}
    record_loads(connection, [load_id])
    connection.execute(
        f"""
        INSERT INTO raw.sales
        SELECT {load_id}, row_number() OVER () + 1, store, day_of_week, date,
            CASE WHEN is_open THEN {_LEVEL} + (store * 7 + dayofyear(date)) % 11 * 20 ELSE 0 END,
            CASE WHEN is_open THEN 500 + 10 * store ELSE 0 END,
            is_open::INTEGER, is_promo::INTEGER, state_holiday, is_school_holiday::INTEGER, date
        FROM ({_SALES})
        """,
        days,
    )
    days["last"] = last + timedelta(days=HORIZON_DAYS + 21)
    connection.execute(
        f"""
        INSERT INTO raw.plan
        SELECT {load_id}, row_number() OVER () + 1, store, day_of_week, date,
            is_open::INTEGER, is_promo::INTEGER, state_holiday, is_school_holiday::INTEGER, $first
        FROM ({_SALES}) WHERE date > (SELECT coalesce(max(date), DATE '2000-01-01') FROM raw.plan)
        """,
        days,
    )


def _forecast(connection: duckdb.DuckDBPyConnection, origin: date) -> None:
    run_id = f"weekly-{origin}"
    connection.execute(
        f"""
        INSERT INTO forecasting.forecasts BY NAME
        SELECT $origin AS forecast_origin, store AS store_id, date AS target_date,
            date - $origin AS horizon_days, is_open,
            CASE WHEN is_open THEN {_LEVEL} + 90 ELSE 0 END AS sales_forecast,
            sales_forecast * 0.85 AS lower_80, sales_forecast * 1.15 AS upper_80,
            sales_forecast * 0.70 AS lower_95, sales_forecast * 1.35 AS upper_95,
            sales_forecast * 1.02 AS sales_median,
            CASE WHEN is_open THEN 0.1 + store / 100 ELSE 0 END AS error_scale,
            $model AS model_version, $run_id AS run_id,
            CASE WHEN horizon_days > 40 THEN 'assumed' ELSE 'planned' END AS plan_source
        FROM ({_SALES})
        """,
        {
            "origin": origin, "model": MODEL, "run_id": run_id,
            "stores": list(STORES), "holidays": HOLIDAYS,
            "first": origin + timedelta(days=1), "last": origin + timedelta(days=HORIZON_DAYS),
        },
    )  # fmt: skip
    connection.execute(
        """
        INSERT INTO forecasting.error_quantiles BY NAME
        SELECT $origin AS forecast_origin, shape, level, $run_id AS run_id,
            if(shape = 'day', 1.2, 1) * ln(level / (1 - level)) AS log_error
        FROM unnest(['day', 'group 5', 'store 2']) AS s(shape) CROSS JOIN (
            SELECT i / 100 AS level FROM range(1, 100) AS t(i) UNION SELECT unnest([0.025, 0.975])
        )
        """,
        {"run_id": run_id, "origin": origin},
    )
    # a typical day depends on the store; weekday, promotion and a bias of 90 EUR are added
    others = [part for part in PARTS if part not in {"level", "weekday", "promo", "bias_factor"}]
    connection.execute(
        f"""
        INSERT INTO forecasting.forecast_drivers BY NAME
        SELECT * EXCLUDE log_per_eur FROM (SELECT
            forecast_origin, store_id, target_date, model_version, run_id,
            4000.0 + 300 * store_id AS level_eur, 200.0 * isodow(target_date) AS weekday_eur,
            90.0 AS bias_factor_eur,
            sales_forecast - level_eur - weekday_eur - bias_factor_eur AS promo_eur,
            ln(level_eur) AS level_log,
            (ln(sales_forecast) - level_log) / (sales_forecast - level_eur) AS log_per_eur,
            weekday_eur * log_per_eur AS weekday_log, promo_eur * log_per_eur AS promo_log,
            bias_factor_eur * log_per_eur AS bias_factor_log,
            {", ".join(f"0.0 AS {part}_log, 0.0 AS {part}_eur" for part in others)}
        FROM forecasting.forecasts WHERE forecast_origin = $origin AND is_open)
        """,
        {"origin": origin},
    )
    connection.execute(
        """
        INSERT INTO forecasting.forecast_runs BY NAME
        SELECT $run_id AS run_id, 'weekly' AS run_kind, $origin AS forecast_origin,
            $origin + 3 AS known_by, $model AS model_version, 'd' AS data_version,
            'c' AS code_version, md5($run_id)[:12] AS input_hash, 'unknown' AS git_commit,
            count(DISTINCT store_id) AS stores, count(*) AS store_days,
            count(*) FILTER (plan_source = 'assumed') AS assumed_store_days,
            1 AS stores_not_forecast, sum(sales_forecast) AS total_sales_forecast,
            1.02 * total_sales_forecast AS total_sales_unbiased,
            $origin + INTERVAL 3 DAY AS started_at, $origin + INTERVAL 73 HOUR AS finished_at
        FROM forecasting.forecasts WHERE run_id = $run_id
        """,
        {"run_id": run_id, "origin": origin, "model": MODEL},
    )
    connection.execute(
        "INSERT INTO forecasting.total_intervals (forecast_origin, level, segment, first_date, "
        "last_date, unbiased_factor, lower_80_factor, upper_80_factor, lower_95_factor, "
        "upper_95_factor, run_id) VALUES (?, 'chain', 'all', ?, ?, 1.02, 0.9, 1.1, 0.8, 1.2, ?)",
        [origin, origin + timedelta(days=1), origin + timedelta(days=HORIZON_DAYS), run_id],
    )
    connection.execute(
        "INSERT INTO forecasting.stores_not_forecast VALUES (?, ?, ?)",
        [origin, STORE_WITHOUT_FORECAST, "no plan and no sales in the last 28 days"],
    )


def _record_model(connection: duckdb.DuckDBPyConnection, settings: Settings, name: str) -> str:
    half = settings.models_path / f".{name}"
    half.mkdir(parents=True, exist_ok=True)
    (half / "model.txt").write_text(f"trees of {name}\n", encoding="utf-8")
    (half / "metadata.json").write_text("{}", encoding="utf-8")
    model_version = f"{name}-{name_files(half)}"
    half.rename(settings.models_path / model_version)
    connection.execute(
        """
        INSERT INTO forecasting.model_versions BY NAME
        SELECT $model AS model_version, 'blend' AS family, 'fast' AS profile,
            'r' AS recipe_hash, '{}' AS recipe, '{}' AS blend_weights,
            DATE '2015-07-31' AS trained_through, 'd' AS data_version,
            'c' AS code_version, 'unknown' AS git_commit, 'm' AS mlflow_run_id,
            '1' AS registry_version, 12000 AS training_rows, 0.115 AS rmspe_median,
            0.12 AS rmspe_mean, 0.006 AS rmspe_spread, 12.5 AS training_seconds,
            TIMESTAMP '2015-08-03 06:10' AS created_at
        """,
        {"model": model_version},
    )
    connection.execute(
        """
        INSERT INTO forecasting.promotions BY NAME
        SELECT (SELECT coalesce(max(promotion_id), 0) + 1 FROM forecasting.promotions)
                AS promotion_id,
            TIMESTAMP '2015-08-03 06:20' AS decided_at, 'promoted' AS action,
            $model AS model_version,
            (SELECT max_by(model_version, promotion_id) FROM forecasting.promotions)
                AS previous_model_version,
            'gate' AS actor, 'better than seasonal naive' AS reason,
            '{"rmspe": 0.115}' AS figures, true AS is_alias_set
        """,
        {"model": model_version},
    )
    connection.execute(
        """
        INSERT INTO forecasting.backtest_scores BY NAME
        SELECT $model AS model_version, m.model, o.origin AS forecast_origin, s.segment_kind,
            s.segment, 252 AS store_days, m.rmspe, m.rmspe AS rmspe_median, 900.0 AS rmse,
            600.0 AS mae, m.rmspe * 0.8 AS mape, m.rmspe * 0.7 AS wape, 0.004 AS bias,
            if(o.origin IS NULL, 2, 1) AS origins, if(o.origin IS NULL, 2, 1) AS interval_origins,
            1 - m.rmspe / 0.25 AS skill, 0.81 AS coverage_80, 0.95 AS coverage_95,
            0.05 AS pinball, 0.35 AS interval_score_80, 0.5 AS interval_score_95,
            if(o.origin IS NULL, 0.78, NULL) AS coverage_80_lower,
            if(o.origin IS NULL, 0.84, NULL) AS coverage_80_upper,
            TIMESTAMP '2015-08-03 06:15' AS scored_at
        FROM (VALUES ('blend', 0.115), ('seasonal_naive', 0.25),
            ('store_weekday_promo_median', 0.135)) AS m(model, rmspe)
        CROSS JOIN (VALUES (DATE '2015-06-19'), (DATE '2015-03-27'), (NULL)) AS o(origin)
        CROSS JOIN (VALUES ('overall', 'all'), ('promo', 'true'), ('promo', 'false'))
            AS s(segment_kind, segment)
        """,
        {"model": model_version},
    )
    connection.execute(
        """
        INSERT INTO forecasting.backtest_error_parts
        SELECT $model, m.model, o.origin, 'ordinary', p.part, p.log_error,
            if(o.origin IS NULL, 2, 1), 252
        FROM (VALUES ('blend'), ('linear')) AS m(model)
        CROSS JOIN (VALUES (DATE '2015-06-19'), (DATE '2015-03-27'), (NULL)) AS o(origin)
        CROSS JOIN (VALUES ('chain_horizon', 0.01), ('chain_day', 0.04), ('store_horizon', 0.03),
            ('store_week', 0.025), ('store_weekday', 0.005), ('store_day', 0.08))
            AS p(part, log_error)
        """,
        {"model": model_version},
    )
    connection.execute(
        """
        INSERT INTO forecasting.feature_importance
        SELECT $model, 'feature_' || i, 100.0 * (12 - i), (12 - i) / 78.0, 10 * (12 - i)
        FROM range(12) AS t(i)
        """,
        {"model": model_version},
    )
    return model_version


def _record_checks(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        """
        INSERT INTO quality.data_quality_results VALUES
        ('weekly-1', TIMESTAMP '2015-08-03 06:01', 'great_expectations', 'raw_sales', 'raw.sales',
         'sales', 'expect_column_values_to_be_between', 'error', true, 1272, 0, '0..9000', '>= 0'),
        ('weekly-1', TIMESTAMP '2015-08-03 06:02', 'dbt', 'dbt', 'core.fct_daily_sales', NULL,
         'open_without_sales', 'warning', false, 1272, 2, '2 rows', 'none')
        """
    )


def _record_drift(connection: duckdb.DuckDBPyConnection) -> None:
    """Add two measures per origin; at the newest one the plan's promotions have drifted."""
    connection.execute(
        """
        INSERT INTO monitoring.drift_metrics BY NAME
        SELECT 'weekly-' || origin AS run_id, origin AS forecast_origin, m.kind, m.feature,
            m.method, if(origin = $newest, m.newest, m.before) AS value, m.threshold,
            value >= m.threshold AS is_drifted, origin - 364 AS reference_from,
            origin - 364 AS reference_to, origin AS current_from, origin AS current_to,
            'Sun promotion: 0.0% then, 2.4% now' AS detail,
            origin + INTERVAL 73 HOUR AS computed_at
        FROM unnest($origins) AS o(origin)
        CROSS JOIN (VALUES
            ('plan', 'promo_by_weekday', 'jensenshannon', 0.08, 0.16, 0.13),
            ('sales', 'sales_level', 'wasserstein', 0.3, 0.6, 1.2)
        ) AS m(kind, feature, method, before, newest, threshold)
        """,
        {"origins": list(ORIGINS), "newest": ORIGINS[-1]},
    )


def _record_alerts(connection: duckdb.DuckDBPyConnection) -> None:
    """Add one resolved alert."""
    connection.execute(
        """
        INSERT INTO monitoring.alerts VALUES
        ('a1', 'weekly-1', TIMESTAMP '2015-07-27 06:00', DATE '2015-07-27', 'stale_data', 'plan',
         'warning', 'data-supply', 'the plan ends on 2015-08-20, 24 days after 2015-07-27; expected
         at least 33 days', 'http://127.0.0.1:8501/quality', 24, 33, TIMESTAMP '2015-07-27 06:00',
         1, true, TIMESTAMP '2015-07-27 06:00', DATE '2015-08-03', TIMESTAMP '2015-08-03 06:00')
        """
    )
