"""Content of a published generation, and the changes that make a new one."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from support.loads import record_loads
from support.small_warehouse import (
    MODEL,
    ORIGINS,
    add_week,
    build_small_warehouse,
    change,
    promote,
    small_settings,
)

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.publishing import PublishedGeneration, publish
from rossmann_ml.serving.contract import load_contract
from rossmann_ml.serving.generations import current_path, list_generations, open_generation
from rossmann_ml.serving.status import read_status
from rossmann_ml.warehouse import connection as warehouse
from rossmann_ml.warehouse.session import Session

Published = tuple[Settings, PublishedGeneration]


def folder_state(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
    }


def test_the_first_publication_is_complete_and_current(shared_published: Published) -> None:
    settings, generation = shared_published
    assert generation.is_new
    assert generation.is_current
    assert current_path(settings.published_path) == generation.path
    assert generation.path.name == f"{generation.generation_id}.duckdb"
    assert set(generation.tables) == set(load_contract().names)
    assert generation.tables["forecasts"] == 3 * 6 * 42
    assert generation.tables["latest_forecasts"] == 6 * 42
    assert generation.info.forecast_origin == ORIGINS[-1]
    assert generation.info.model_version == MODEL
    assert generation.info.is_synthetic
    assert str(generation.info.product_today) == "2015-08-03"


def test_the_file_has_the_storage_format_that_older_clients_open(
    shared_published: Published,
) -> None:
    _, generation = shared_published
    with open_generation(generation.path) as connection:
        found = connection.execute(
            "SELECT tags['storage_version'] FROM duckdb_databases() WHERE NOT internal"
        ).fetchone()
    assert found == ("v1.2.0+",)


def test_the_file_can_be_queried_when_attached_under_another_name(
    published_generation: Published,
) -> None:
    _, generation = published_generation
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{generation.path}' AS elsewhere (READ_ONLY)")
        found = connection.execute("SELECT count(*) FROM elsewhere.latest_forecasts").fetchone()
    assert found == (6 * 42,)


def test_the_file_describes_its_columns(shared_published: Published) -> None:
    _, generation = shared_published
    with open_generation(generation.path) as connection:
        unexplained = connection.execute(
            "SELECT table_name, column_name FROM duckdb_columns() AS c "
            "WHERE NOT internal AND comment IS NULL"
        ).fetchall()
    assert unexplained == []


@pytest.mark.parametrize("table", load_contract().tables, ids=lambda table: table.name)
def test_rows_are_sorted_as_in_the_contract(shared_published: Published, table) -> None:
    _, generation = shared_published
    columns = ", ".join(table.order_by)
    with open_generation(generation.path) as connection:
        as_stored = connection.execute(f"SELECT {columns} FROM {table.name}").fetchall()
        in_order = connection.execute(
            f"SELECT {columns} FROM {table.name} ORDER BY {columns}"
        ).fetchall()
    assert as_stored == in_order


def test_the_models_files_are_next_to_the_generation(shared_published: Published) -> None:
    settings, _ = shared_published
    copied = settings.published_path / "models" / MODEL
    assert sorted(path.name for path in copied.iterdir()) == [
        "metadata.json",
        "model.txt",
        "sha256sums",
    ]
    original = settings.models_path / MODEL / "model.txt"
    assert (copied / "model.txt").read_text() == original.read_text()


def test_publishing_the_same_content_again_touches_no_file(
    published_generation: Published, project_params: Params
) -> None:
    settings, first = published_generation
    before = folder_state(settings.published_path)
    second = publish(Session(settings, project_params), run_id="another-run")
    assert not second.is_new
    assert (second.generation_id, second.tables) == (first.generation_id, first.tables)
    assert second.info == first.info
    assert folder_state(settings.published_path) == before


def test_a_new_week_is_a_new_generation_and_the_old_one_stays(
    published_generation: Published, project_params: Params
) -> None:
    settings, first = published_generation
    origin = add_week(settings)
    second = publish(Session(settings, project_params), run_id="weekly-2")
    assert second.is_new
    assert second.info.forecast_origin == origin
    assert current_path(settings.published_path) == second.path
    assert [each.info.generation_id for each in list_generations(settings)] == [
        second.generation_id,
        first.generation_id,
    ]
    status = read_status(settings.published_path)
    assert status.last_publish is not None
    assert status.last_publish.generation_id == second.generation_id


def test_another_champion_is_another_generation_with_both_models_files(
    published_generation: Published, project_params: Params
) -> None:
    settings, first = published_generation
    other = promote(settings, "lightgbm-other")
    second = publish(Session(settings, project_params), run_id="promotion")
    assert second.generation_id != first.generation_id
    assert second.info.model_version == other
    # the previous champion made the newest forecasts
    bundles = sorted(path.name for path in (settings.published_path / "models").iterdir())
    assert bundles == [MODEL, other]


def test_a_restated_sale_is_another_generation(
    published_generation: Published, project_params: Params
) -> None:
    settings, first = published_generation
    with warehouse.connect(settings) as connection:
        record_loads(connection, [2])
    change(
        settings,
        "UPDATE raw.sales SET load_id = 2, sales = sales + 1 WHERE store = 1 AND line_number = 2",
    )
    assert (
        publish(Session(settings, project_params), run_id="r").generation_id != first.generation_id
    )


def test_the_same_content_in_another_place_has_the_same_id(
    shared_published: Published, tmp_path: Path, project_params: Params
) -> None:
    _, generation = shared_published
    settings = small_settings(tmp_path)
    build_small_warehouse(settings)
    elsewhere = publish(Session(settings, project_params), run_id="elsewhere")
    assert elsewhere.generation_id == generation.generation_id


def test_only_the_newest_vintages_are_in_the_file_and_older_ones_become_parquet(
    small_warehouse: Settings, project_params: Params
) -> None:
    forecast = project_params.forecast.model_copy(update={"vintages_published": 2})
    params = project_params.model_copy(update={"forecast": forecast})
    generation = publish(Session(small_warehouse, params), run_id="r")
    with open_generation(generation.path) as connection:
        for table in (
            *("forecasts", "forecast_totals", "forecast_revisions"),
            *("forecast_drivers", "forecast_driver_changes"),
        ):
            oldest = connection.execute(f"SELECT min(forecast_origin) FROM {table}").fetchone()
            assert oldest is not None
            assert oldest[0] >= ORIGINS[-2]
    (archived,) = (small_warehouse.published_path / "vintages").glob("*.parquet")
    assert archived.name.startswith(f"forecasts_{ORIGINS[0]}_")
    rows = duckdb.read_parquet(str(archived))
    assert rows.columns == load_contract().table("forecasts").column_names
    assert rows.aggregate("count(*), min(forecast_origin), max(forecast_origin)").fetchall() == [
        (6 * 42, ORIGINS[0], ORIGINS[0])
    ]


def test_an_archived_vintage_is_written_once_and_again_only_when_it_was_scored_again(
    small_warehouse: Settings, project_params: Params
) -> None:
    forecast = project_params.forecast.model_copy(update={"vintages_published": 1})
    params = project_params.model_copy(update={"forecast": forecast})
    publish(Session(small_warehouse, params), run_id="r")
    folder = small_warehouse.published_path / "vintages"
    before = folder_state(folder)
    assert len(before) == 2 * 2  # each with its digest
    add_week(small_warehouse)
    publish(Session(small_warehouse, params), run_id="r")
    after = folder_state(folder)
    assert len(after) == 3 * 2
    assert before.items() <= after.items()
    change(
        small_warehouse,
        f"UPDATE forecasting.forecast_runs SET input_hash = 'again' "
        f"WHERE forecast_origin = DATE '{ORIGINS[0]}'",
    )
    publish(Session(small_warehouse, params), run_id="r")
    again = sorted(path.name for path in folder.glob(f"*{ORIGINS[0]}*.parquet"))
    assert again == [f"forecasts_{ORIGINS[0]}_again.parquet"]


def test_nothing_to_publish_is_refused_with_what_to_do(
    tmp_path: Path, project_params: Params
) -> None:
    settings = small_settings(tmp_path)
    with pytest.raises(NoDataError, match="rossmann refresh"):
        publish(Session(settings, project_params), run_id="r")
    with warehouse.connect(settings):
        pass
    with pytest.raises(NoDataError, match="nothing has been landed"):
        publish(Session(settings, project_params), run_id="r")
    with pytest.raises(NoDataError, match="nothing is published"):
        current_path(settings.published_path)


def test_without_a_champion_nothing_is_published(
    small_warehouse: Settings, project_params: Params
) -> None:
    change(small_warehouse, "UPDATE forecasting.promotions SET action = 'refused'")
    with pytest.raises(NoDataError):
        publish(Session(small_warehouse, project_params), run_id="r")
