"""Environment and variables of dbt, and names of its results; see test_dbt_project for runs."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import yaml

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.base.params import Params, load_params
from rossmann_ml.base.settings import PROJECT_DIR, Settings, load_settings
from rossmann_ml.warehouse.dbt import DbtNode, dbt_environment, dbt_variables, run_dbt
from rossmann_ml.warehouse.session import Session


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(
        warehouse_dir=tmp_path / "warehouse", state_dir=tmp_path / "state", threads=3
    )


@pytest.fixture
def params() -> Params:
    return load_params(PROJECT_DIR / "params.yaml")


def node(unique_id: str) -> DbtNode:
    return DbtNode(unique_id=unique_id, status="pass", message="", failures=0, seconds=0.1)


def test_dbt_writes_below_the_state_folder_and_reads_the_settings_database(
    settings: Settings, tmp_path: Path
) -> None:
    environment = dbt_environment(settings)
    assert Path(environment["DBT_TARGET_PATH"]).is_relative_to(tmp_path / "state")
    assert Path(environment["DBT_LOG_PATH"]).is_relative_to(tmp_path / "state")
    assert environment["ROSSMANN_DATABASE"] == str(tmp_path / "warehouse" / "rossmann.duckdb")
    assert environment["ROSSMANN_THREADS"] == "3"


def test_every_variable_that_the_profile_and_macros_read_is_set(settings: Settings) -> None:
    files = [settings.dbt_project_path / "profiles.yml"]
    files += sorted((settings.dbt_project_path / "macros").glob("*.sql"))
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    read = {part.split("'")[0] for part in text.split("env_var('")[1:]}
    assert read
    assert read <= set(dbt_environment(settings))


def test_the_products_clock_reaches_dbt_only_when_it_is_set(settings: Settings) -> None:
    assert dbt_environment(settings)["ROSSMANN_AS_OF"] == ""
    set_clock = settings.model_copy(update={"as_of": date(2015, 6, 22)})
    assert dbt_environment(set_clock)["ROSSMANN_AS_OF"] == "2015-06-22"


def test_unit_tests_are_left_out(settings: Settings) -> None:
    assert dbt_environment(settings)["DBT_EXCLUDE_RESOURCE_TYPES"] == "unit_test"


def test_a_bare_dbt_build_has_the_variables_of_the_parameter_file(params: Params) -> None:
    project = yaml.safe_load((PROJECT_DIR / "dbt_project" / "dbt_project.yml").read_text())
    assert project["vars"] == dbt_variables(params)


@pytest.mark.parametrize(("horizon_days", "longest"), [(7, 56), (42, 84), (91, 126)])
def test_promotion_lags_reach_over_the_plan_and_not_much_further(
    params: Params, horizon_days: int, longest: int
) -> None:
    forecast = params.forecast.model_copy(update={"horizon_days": horizon_days})
    lags = dbt_variables(params.model_copy(update={"forecast": forecast}))[
        "filling_promo_lags_days"
    ]
    assert lags[-2:] == [longest, 364]
    for rhythm in (7, 14, 21, 28):
        assert any(lag % rhythm == 0 and lag >= horizon_days + 21 for lag in lags[:-1])


def test_an_origin_and_what_was_known_are_passed_as_dates(params: Params) -> None:
    variables = dbt_variables(params, date(2015, 5, 8), date(2015, 5, 11))
    assert variables["forecast_origin"] == "2015-05-08"
    assert variables["known_by"] == "2015-05-11"


def test_without_a_warehouse_dbt_is_not_started(settings: Settings, params: Params) -> None:
    with pytest.raises(NoDataError, match="rossmann refresh"):
        run_dbt(Session(settings, params), ["build", "--selector", "core"])


@pytest.mark.parametrize(
    ("unique_id", "name"),
    [
        ("model.rossmann.dim_store", "model dim_store"),
        ("test.rossmann.dim_store_key_is_unique.0f4bac2a32", "test dim_store_key_is_unique"),
        ("test.rossmann.calendar_is_dense", "test calendar_is_dense"),
        ("unit_test.rossmann.stg_plan.open_stays_null", "unit test stg_plan.open_stays_null"),
        ("source.rossmann.raw.sales", "source raw.sales"),
    ],
)
def test_a_node_has_a_short_name_for_people(unique_id: str, name: str) -> None:
    assert node(unique_id).name == name
