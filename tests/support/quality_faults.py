"""A fault for each expectation, as SQL on the tables of ``quality_tables``."""

from __future__ import annotations

Fault = tuple[str, set[str]]


def _sales(change: str, where: str = "store = 5 AND date = '2015-03-03'") -> str:
    return f"UPDATE raw.sales SET {change} WHERE {where}"


def _stores(change: str, where: str = "store = 13") -> str:
    return f"UPDATE raw.stores SET {change} WHERE {where}"


def _plan(change: str, where: str = "store_id = 5 AND horizon_days = 3") -> str:
    return f"UPDATE core.horizon_plan SET {change} WHERE forecast_origin = '2015-06-19' AND {where}"


def _panel(change: str, where: str = "store_id = 5 AND horizon_days = 3") -> str:
    return f"UPDATE features.scoring_panel SET {change} WHERE {where}"


def _forecast(change: str, where: str = "store_id = 13 AND horizon_days = 3") -> str:
    return f"UPDATE forecasting.forecasts SET {change} WHERE {where}"


def _scaled(factor: float) -> str:
    columns = ("sales_forecast", "lower_80", "upper_80", "lower_95", "upper_95")
    return ", ".join(f"{column} = {column} * {factor}" for column in columns)


def _twice(table: str, where: str) -> str:
    return f"INSERT INTO {table} SELECT * FROM {table} WHERE {where}"


def _day_43(table: str) -> str:
    return (
        f"INSERT INTO {table} SELECT * REPLACE (target_date + 1 AS target_date, 43 AS horizon_days)"
        f" FROM {table} WHERE store_id = 5 AND horizon_days = 42"
    )


def _only(sql: str, *and_also: str) -> Fault:
    """Return a fault, with the other expectations that must fail too."""
    return sql, set(and_also)


def _aside(reason: str, stores: int) -> str:
    """Set the newest day of the first stores aside."""
    return (
        "INSERT INTO core.set_aside_sales SELECT store, DATE '2015-06-20', 2, 900, 3000, "
        f"'{reason}' FROM range(1, {stores + 1}) AS t(store)"
    )


FAULTS: dict[str, dict[str, Fault]] = {
    "newest_sales": {
        "partial_day_values_to_be_null_warning": _only(_aside("partial day", 12)),
        "partial_day_of_some_stores_values_to_be_null_warning": _only(
            _aside("partial day of some stores", 6)
        ),
        "open_without_sales_values_to_be_null_warning": _only(_aside("open without sales", 3)),
        "missing_rows_values_to_be_null_warning": _only(
            "UPDATE core.expected_reports SET is_reported = false "
            "WHERE store_id = 4 AND sales_date = '2015-06-18'"
        ),
        "other_unit_values_to_be_null_warning": _only(
            "INSERT INTO raw.quarantined_rows VALUES (2, 'sales', 'sales_2015-06-19.csv', 7, "
            "'Sales', 'Sales in another unit: 1/1,000 of the usual of store 9', '9,5.206', now())"
        ),
        "days_off_level_values_to_be_null_warning": _only(
            "UPDATE core.fct_daily_sales SET sales = sales * 3 WHERE sales_date = '2015-06-10'"
        ),
        "states_off_level_values_to_be_null_warning": _only(
            "UPDATE core.fct_daily_sales SET sales = sales / 2 "
            "WHERE store_id <= 5 AND sales_date > '2015-06-12'"
        ),
    },
    "raw_sales": {
        "landed_columns_values_to_be_in_set": _only(
            "ALTER TABLE raw.sales ALTER customers TYPE BIGINT"
        ),
        "store_values_to_not_be_null": _only(_sales("store = NULL")),
        "date_values_to_not_be_null": _only(_sales("date = NULL")),
        "store_and_date_compound_columns_to_be_unique": _only(
            _twice("raw.sales", "store = 5 AND date = '2015-03-03'")
        ),
        # the same weekday of another century
        "oldest_year_max_to_be_between": _only(_sales("date = '1914-03-03'")),
        "days_after_today_max_to_be_between": _only(_sales("date = '2015-06-30'")),
        "day_of_week_values_to_be_in_set": _only(_sales("day_of_week = 0")),
        "days_with_wrong_weekday_max_to_be_between": _only(_sales("day_of_week = 3")),
        "sales_values_to_be_between": _only(_sales("sales = -1")),
        "customers_values_to_be_between": _only(_sales("customers = -1")),
        "open_values_to_be_in_set": _only(_sales("open = 2")),
        "promo_values_to_be_in_set": _only(_sales("promo = 2")),
        "state_holiday_values_to_be_in_set": _only(_sales("state_holiday = 'x'")),
        "school_holiday_values_to_be_in_set": _only(_sales("school_holiday = -1")),
        "closed_days_with_sales_max_to_be_between": _only(_sales("open = 0")),
        "zero_sales_open_share_max_to_be_between_warning": _only(
            _sales("sales = 0", "store = 5 AND month(date) = 3")
        ),
        "newest_day_store_share_max_to_be_between_warning": _only(
            "DELETE FROM raw.sales WHERE date = '2015-06-19' AND store > 10"
        ),
        "promo_change_max_to_be_between_warning": _only(_sales("promo = 0", "date > '2015-05-08'")),
        "state_holiday_share_max_to_be_between_warning": _only(
            _sales("state_holiday = '0'", "true")
        ),
        "sales_level_ratio_max_to_be_between_warning": _only(
            _sales("sales = sales * 1.6", "date > '2015-06-12'")
        ),
        "sales_level_ratio_max_to_be_between": _only(
            _sales("sales = sales / 100", "date > '2015-06-12'"),
            "sales_level_ratio_max_to_be_between_warning",
        ),
    },
    "raw_stores": {
        "landed_columns_values_to_be_in_set": _only(
            "ALTER TABLE raw.stores ALTER competition_distance TYPE FLOAT"
        ),
        "store_values_to_not_be_null": _only(_stores("store = NULL")),
        "store_values_to_be_unique": _only(_twice("raw.stores", "store = 13")),
        "stores_with_sales_only_max_to_be_between": _only("DELETE FROM raw.stores WHERE store = 1"),
        "store_type_values_to_be_in_set": _only(_stores("store_type = 'e'")),
        "assortment_values_to_be_in_set": _only(_stores("assortment = 'd'")),
        "competition_distance_values_to_be_between": _only(_stores("competition_distance = -1")),
        "competition_open_since_month_values_to_be_between": _only(
            _stores("competition_open_since_month = 13")
        ),
        "competition_open_since_year_values_to_be_between": _only(
            _stores("competition_open_since_year = 8")
        ),
        "has_half_a_competition_date_values_to_be_in_set_warning": _only(
            _stores("competition_open_since_month = NULL")
        ),
        "promo2_values_to_be_in_set": _only(_stores("promo2 = 2")),
        "lacks_promo2_details_values_to_be_in_set": _only(_stores("promo_interval = NULL")),
        "has_promo2_details_without_promo2_values_to_be_in_set_warning": _only(
            _stores("promo2 = 0")
        ),
        "promo2_since_week_values_to_be_between": _only(_stores("promo2_since_week = 54")),
        "promo2_since_year_values_to_be_between": _only(_stores("promo2_since_year = 10")),
        "promo_interval_values_to_be_in_set_warning": _only(
            _stores("promo_interval = 'Jan,Feb,Mar'")
        ),
    },
    "plan": {
        "store_id_and_plan_date_compound_columns_to_be_unique": _only(
            _twice(
                "core.horizon_plan",
                "forecast_origin = '2015-06-19' AND store_id = 5 AND horizon_days = 3",
            )
        ),
        "horizon_days_and_days_after_origin_values_to_be_equal": _only(_plan("horizon_days = 4")),
        "missing_days_of_store_values_to_be_between": _only(
            "DELETE FROM core.horizon_plan WHERE store_id = 5 AND plan_date = '2015-06-22'"
        ),
        "active_stores_without_plan_max_to_be_between": _only(
            "DELETE FROM core.horizon_plan WHERE store_id = 5"
        ),
        "is_open_values_to_not_be_null": _only(_plan("is_open = NULL")),
        "is_promo_values_to_not_be_null": _only(_plan("is_promo = NULL")),
        "is_school_holiday_values_to_not_be_null": _only(_plan("is_school_holiday = NULL")),
        "state_holiday_values_to_be_in_set": _only(_plan("state_holiday = 'x'")),
        "plan_source_values_to_be_in_set": _only(_plan("plan_source = 'guessed'")),
        "open_weekday_share_max_to_be_between": _only(
            _plan("is_open = false", "isodow(plan_date) < 7 AND store_id <= 8")
        ),
        "open_sunday_change_max_to_be_between_warning": _only(
            _plan("is_open = true", "isodow(plan_date) = 7 AND store_id <= 4")
        ),
        "promo_change_max_to_be_between_warning": _only(_plan("is_promo = false", "true")),
        "assumed_share_max_to_be_between_warning": _only(
            _plan("plan_source = 'assumed'", "horizon_days <= 15")
        ),
    },
    "features": {
        "key_columns_values_to_be_in_set": _only(
            "ALTER TABLE features.scoring_panel ALTER horizon_days TYPE BIGINT"
        ),
        "feature_columns_max_to_be_between": _only(
            "; ".join(
                f"ALTER TABLE features.scoring_panel DROP feature_{number}"
                for number in range(1, 11)
            )
        ),
        "store_id_and_target_date_compound_columns_to_be_unique": _only(
            _twice("features.scoring_panel", "store_id = 5 AND horizon_days = 3")
        ),
        "days_outside_horizon_values_to_be_between": _only(_day_43("features.scoring_panel")),
        "horizon_days_and_days_after_origin_values_to_be_equal": _only(_panel("horizon_days = 4")),
        "plan_days_without_features_max_to_be_between": _only(
            "DELETE FROM features.scoring_panel WHERE store_id = 5 AND horizon_days = 3"
        ),
        "is_open_values_to_not_be_null": _only(_panel("is_open = NULL")),
        "day_of_week_values_to_be_in_set": _only(_panel("day_of_week = 0")),
        "is_promo_values_to_be_in_set": _only(_panel("is_promo = 0.5")),
        "state_holiday_values_to_be_in_set": _only(_panel("state_holiday = 4")),
        "is_school_holiday_values_to_be_in_set": _only(_panel("is_school_holiday = -1")),
        "infinite_values_values_to_be_between": _only(_panel("feature_7 = '-inf'")),
        "base_log_sales_values_to_be_between": _only(_panel("base_log_sales = 0")),
        "base_log_sales_values_to_not_be_null": _only(
            _panel("base_log_sales = 'nan'", "store_id <= 2")
        ),
        "last_year_store_values_to_not_be_null_warning": _only(
            _panel("last_year_store = 'nan'", "store_id <= 10")
        ),
        "missing_share_values_to_be_between_warning": _only(
            _panel(
                ", ".join(f"feature_{number} = 'nan'" for number in range(1, 31)), "store_id = 13"
            )
        ),
    },
    "forecasts": {
        "store_id_and_target_date_compound_columns_to_be_unique": _only(
            _twice("forecasting.forecasts", "store_id = 13 AND horizon_days = 3")
        ),
        "days_outside_horizon_values_to_be_between": _only(_day_43("forecasting.forecasts")),
        "horizon_days_and_days_after_origin_values_to_be_equal": _only(
            _forecast("horizon_days = 4")
        ),
        # the plan lacks this day too
        "missing_days_of_store_values_to_be_between": _only(
            "DELETE FROM forecasting.forecasts WHERE store_id = 13 AND target_date = '2015-06-22';"
            "DELETE FROM core.horizon_plan WHERE store_id = 13 AND plan_date = '2015-06-22'"
        ),
        "plan_days_without_forecast_max_to_be_between": _only(
            "INSERT INTO core.horizon_plan SELECT * REPLACE (14 AS store_id)"
            " FROM core.horizon_plan WHERE store_id = 13"
        ),
        "days_that_contradict_the_plan_max_to_be_between": _only(_plan("is_open = false")),
        "model_version_unique_value_count_to_be_between": _only(
            _forecast("model_version = 'lightgbm-2'")
        ),
        "sales_forecast_values_to_not_be_null": _only(_forecast("sales_forecast = 'nan'")),
        "lower_80_values_to_not_be_null": _only(_forecast("lower_80 = 'nan'")),
        "upper_80_values_to_not_be_null": _only(_forecast("upper_80 = 'nan'")),
        "lower_95_values_to_not_be_null": _only(_forecast("lower_95 = 'nan'")),
        "upper_95_values_to_not_be_null": _only(_forecast("upper_95 = 'nan'")),
        "sales_forecast_values_to_be_between": _only(
            _forecast("sales_forecast = 210000, upper_80 = 220000, upper_95 = 230000")
        ),
        "lower_95_values_to_be_between": _only(_forecast("lower_95 = -1")),
        "upper_95_values_to_be_between": _only(_forecast("upper_95 = 'inf'")),
        "lower_80_and_lower_95_values_a_to_be_greater_than_b": _only(
            _forecast("lower_80 = lower_95 - 1")
        ),
        "sales_forecast_and_lower_80_values_a_to_be_greater_than_b": _only(
            _forecast("lower_80 = sales_forecast + 1")
        ),
        "upper_80_and_sales_forecast_values_a_to_be_greater_than_b": _only(
            _forecast("upper_80 = sales_forecast - 1")
        ),
        "upper_95_and_upper_80_values_a_to_be_greater_than_b": _only(
            _forecast("upper_95 = upper_80 - 1")
        ),
        "sales_median_values_to_not_be_null": _only(_forecast("sales_median = NULL")),
        "error_scale_values_to_be_between": _only(_forecast("error_scale = -0.1")),
        "levels_that_cross_max_to_be_between": _only(
            "INSERT INTO forecasting.error_quantiles VALUES "
            "('2015-06-19', 'day', 0.5, 0, 'run-1'), ('2015-06-19', 'day', 0.6, -0.1, 'run-1')"
        ),
        "largest_value_when_closed_values_to_be_between": _only(
            _forecast("upper_95 = 1", "store_id = 13 AND target_date = '2015-06-21'")
        ),
        "forecast_when_open_values_to_be_between": _only(
            _forecast("sales_forecast = 0, lower_80 = 0, lower_95 = 0")
        ),
        "unseen_category_values_to_be_null_warning": _only(
            "INSERT INTO forecasting.unseen_categories VALUES ('2015-06-19', 13, 'state', 'XX')"
        ),
        "store_level_ratio_values_to_be_between_warning": _only(
            _forecast(_scaled(0.4), "store_id = 5")
        ),
        "store_level_ratio_values_to_be_between": _only(
            _forecast(_scaled(0.05), "store_id = 5"),
            "store_level_ratio_values_to_be_between_warning",
        ),
        "chain_level_ratio_max_to_be_between_warning": _only(_forecast(_scaled(0.7), "true")),
        "chain_level_ratio_max_to_be_between": _only(
            _forecast(_scaled(0.4), "true"),
            "chain_level_ratio_max_to_be_between_warning",
            "store_level_ratio_values_to_be_between_warning",
        ),
    },
}
