"""SQL clients that hold published files for writing, or change them, do not mislead publishing."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest
from support.other_programs import as_another_user, edit_by_hand, sql_client
from support.published import keeping
from support.small_warehouse import MODEL, add_week, change

from rossmann_ml.base.errors import (
    BusyError,
    ChangedError,
    DamagedError,
    FaultError,
    HeldError,
    NoDataError,
)
from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.publishing import PublishedGeneration, publish, rollback_generation
from rossmann_ml.publish.summary import summarise
from rossmann_ml.serving.changes import digest_path
from rossmann_ml.serving.generations import (
    current_path,
    list_generations,
    open_generation,
    read_generations,
)
from rossmann_ml.serving.status import read_status, status_path
from rossmann_ml.warehouse.session import Session

UPPER = ("upper_80", "upper_95")
Published = tuple[Settings, PublishedGeneration]


def test_a_file_that_a_client_holds_is_busy_and_its_process_is_named(
    published_generation: Published,
) -> None:
    _, first = published_generation
    with (
        sql_client(first.path) as pid,
        pytest.raises(BusyError, match=rf"busy: .*{first.path.name} .*process {pid} \(python"),
    ):
        open_generation(first.path)
    open_generation(first.path).close()


def test_missing_forbidden_and_damaged_are_three_other_things(
    published_generation: Published, tmp_path: Path
) -> None:
    _, first = published_generation
    with pytest.raises(NoDataError, match="does not exist"):
        open_generation(tmp_path / "0123456789ab.duckdb")
    first.path.chmod(0)
    said = as_another_user(lambda: open_generation(first.path))
    assert said.startswith("ForbiddenError: ")
    assert "Permission denied" in said
    first.path.chmod(0o644)
    digest_path(first.path).unlink()
    first.path.write_bytes(first.path.read_bytes()[:5000])
    with pytest.raises(DamagedError, match="is damaged"):
        open_generation(first.path)


def test_a_file_of_a_later_duckdb_is_not_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "0123456789ab.duckdb"
    path.mkdir()
    with pytest.raises(FaultError, match="cannot be opened") as raised:
        open_generation(path)
    assert not isinstance(raised.value, DamagedError)


def test_a_figure_changed_by_hand_is_noticed_by_every_reader(
    published_generation: Published,
) -> None:
    settings, first = published_generation
    edit_by_hand(first.path)
    with pytest.raises(ChangedError, match="was changed after its publication"):
        open_generation(first.path)
    assert list_generations(settings) == []


def test_changes_that_are_only_in_duckdbs_log_are_noticed_too(
    published_generation: Published,
) -> None:
    _, first = published_generation
    first.path.chmod(0o644)
    with sql_client(first.path, "UPDATE forecasts SET sales_forecast = 1 WHERE store_id = 1"):
        pass  # it is killed, so its log stays
    assert first.path.with_name(f"{first.path.name}.wal").stat().st_size
    with pytest.raises(ChangedError):
        open_generation(first.path)


def test_a_client_that_only_reads_changes_nothing(published_generation: Published) -> None:
    _, first = published_generation
    first.path.chmod(0o644)
    with duckdb.connect(str(first.path)) as connection:
        connection.execute("SELECT sum(sales_forecast) FROM forecasts").fetchall()
        connection.execute("CHECKPOINT")
    open_generation(first.path).close()


def test_the_digest_is_written_as_sha256sum_reads_it(published_generation: Published) -> None:
    _, first = published_generation
    digest, name = digest_path(first.path).read_text().split()
    assert (len(digest), name) == (64, first.path.name)


def test_a_digest_that_may_not_be_read_is_said_and_not_taken_for_an_unchanged_file(
    published_generation: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, first = published_generation
    digest_path(first.path).chmod(0)
    monkeypatch.chdir(first.path.parent)  # another user may not enter the folders above
    path = Path(first.path.name)
    said = as_another_user(lambda: open_generation(path))
    assert said.startswith(f"ForbiddenError: {digest_path(path)} cannot be read")


def test_a_generation_that_an_earlier_version_published_is_read(
    published_generation: Published,
) -> None:
    settings, first = published_generation
    digest_path(first.path).unlink()
    assert [each.path for each in list_generations(settings)] == [first.path]


def test_the_next_week_is_published_and_compared_while_a_client_holds_the_last_one(
    published_generation: Published, project_params: Params
) -> None:
    settings, first = published_generation
    add_week(settings)
    with sql_client(first.path):
        second = publish(Session(settings, project_params), run_id="weekly-2")
    assert second.continuity is not None
    assert second.continuity.previous_generation_id == first.generation_id
    assert current_path(settings.published_path) == second.path
    assert [*settings.published_path.glob(".*.tmp")] == []


def test_a_jump_is_held_while_a_client_holds_the_last_week(
    published_generation: Published, project_params: Params
) -> None:
    settings, first = published_generation
    origin = add_week(settings)
    doubled = (
        "sales_forecast = sales_forecast * 2, upper_80 = upper_80 * 2, upper_95 = upper_95 * 2"
    )
    change(
        settings, f"UPDATE forecasting.forecasts SET {doubled} WHERE forecast_origin = '{origin}'"
    )
    with sql_client(first.path), pytest.raises(HeldError, match="moved too far"):
        publish(Session(settings, project_params), run_id="weekly-2")
    assert current_path(settings.published_path) == first.path


def test_an_unchanged_publication_goes_through_while_a_client_holds_the_file(
    published_generation: Published, project_params: Params
) -> None:
    settings, first = published_generation
    with sql_client(first.path):
        again = publish(Session(settings, project_params), run_id="weekly-2")
        assert summarise(settings).info.generation_id == first.generation_id
    assert (again.is_new, again.path) == (False, first.path)


def test_publishing_writes_a_changed_file_again(
    published_generation: Published, project_params: Params
) -> None:
    settings, first = published_generation
    edit_by_hand(first.path)
    again = publish(Session(settings, project_params), run_id="weekly-2")
    assert (again.is_new, again.path) == (True, first.path)
    with open_generation(first.path) as connection:
        ones = "SELECT count(*) FROM forecasts WHERE sales_forecast = 1"
        assert connection.execute(ones).fetchall() == [(0,)]


def test_a_changed_week_is_not_what_the_next_one_is_compared_with(
    published_generation: Published, project_params: Params
) -> None:
    settings, first = published_generation
    add_week(settings)
    second = publish(Session(settings, project_params), run_id="weekly-2")
    edit_by_hand(second.path)
    add_week(settings)
    third = publish(Session(settings, project_params), run_id="weekly-3")
    assert third.continuity is not None
    assert third.continuity.previous_generation_id == first.generation_id


def test_the_models_of_a_busy_generation_stay(
    published_generation: Published, project_params: Params
) -> None:
    settings, first = published_generation
    models = settings.published_path / "models"
    shutil.copytree(models / MODEL, models / "another-model")
    add_week(settings)
    with sql_client(first.path):
        publish(Session(settings, keeping(project_params, 1)), run_id="weekly-2")
        assert first.path in read_generations(settings)[1]
    assert first.path.exists()
    assert (models / "another-model").exists()


def test_the_digest_of_a_removed_generation_goes_with_it(
    published_generation: Published, project_params: Params
) -> None:
    settings, first = published_generation
    add_week(settings)
    second = publish(Session(settings, keeping(project_params, 1)), run_id="weekly-2")
    assert not first.path.exists()
    assert [*settings.published_path.glob("*.sha256")] == [digest_path(second.path)]


def test_readers_are_not_rolled_back_to_a_changed_or_busy_file(
    published_generation: Published, project_params: Params
) -> None:
    settings, first = published_generation
    add_week(settings)
    publish(Session(settings, project_params), run_id="weekly-2")
    with sql_client(first.path), pytest.raises(BusyError):
        rollback_generation(settings, first.generation_id[:6])
    edit_by_hand(first.path)
    with pytest.raises(ChangedError):
        rollback_generation(settings, first.generation_id)


def test_a_status_that_may_not_be_read_is_not_taken_for_an_empty_one(
    published_generation: Published,
) -> None:
    settings, _ = published_generation
    path = status_path(settings.published_path)
    path.chmod(0)
    said = as_another_user(lambda: read_status(settings.published_path))
    assert said.startswith("ForbiddenError: ")
    path.chmod(0o644)
    path.write_bytes(b"\xff{")
    assert read_status(settings.published_path).last_publish is None
