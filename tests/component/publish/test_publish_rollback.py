"""Rolling back to an older generation, and the files that stay on disk."""

from __future__ import annotations

import json

import pytest
from support.published import keeping
from support.small_warehouse import MODEL, add_week, change, promote

from rossmann_ml.base.errors import PublishError
from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.publishing import PublishedGeneration, publish, rollback_generation
from rossmann_ml.serving.generations import current_path, list_generations, open_generation
from rossmann_ml.serving.status import FailedRun, read_status, write_status
from rossmann_ml.warehouse.session import Session

Published = tuple[Settings, PublishedGeneration]


def publish_something_new(settings: Settings, params: Params, name: str) -> PublishedGeneration:
    change(settings, f"UPDATE forecasting.forecast_runs SET input_hash = '{name}'")
    return publish(Session(settings, params), run_id=name)


def test_a_rollback_moves_readers_and_leaves_every_file(
    published_generation: Published, project_params: Params
) -> None:
    settings, first = published_generation
    add_week(settings)
    second = publish(Session(settings, project_params), run_id="weekly-2")
    chosen = rollback_generation(settings, first.generation_id[:5])
    assert chosen.info.generation_id == first.generation_id
    assert chosen.is_current
    assert current_path(settings.published_path) == first.path
    assert second.path.exists()
    rollback = read_status(settings.published_path).rollback
    assert rollback is not None
    assert (rollback.generation_id, rollback.withdrawn) == (
        first.generation_id,
        (second.generation_id,),
    )


def test_publishing_the_withdrawn_content_again_does_not_undo_a_rollback(
    published_generation: Published, project_params: Params
) -> None:
    settings, first = published_generation
    add_week(settings)
    second = publish(Session(settings, project_params), run_id="weekly-2")
    rollback_generation(settings, first.generation_id)
    held = publish(Session(settings, project_params), run_id="weekly-2-again")
    assert (held.is_new, held.is_current) == (False, False)
    assert held.generation_id == second.generation_id
    assert current_path(settings.published_path) == first.path


def test_a_generation_that_did_not_exist_then_ends_a_rollback(
    published_generation: Published, project_params: Params
) -> None:
    settings, first = published_generation
    publish_something_new(settings, project_params, "bad")
    rollback_generation(settings, first.generation_id)
    third = publish_something_new(settings, project_params, "good")
    assert third.is_current
    assert current_path(settings.published_path) == third.path
    assert read_status(settings.published_path).rollback is None


def test_rolling_forward_to_the_newest_is_a_rollback_like_any_other(
    published_generation: Published, project_params: Params
) -> None:
    settings, first = published_generation
    second = publish_something_new(settings, project_params, "second")
    rollback_generation(settings, first.generation_id)
    rollback_generation(settings, second.generation_id)
    assert publish(Session(settings, project_params), run_id="again").is_current
    assert current_path(settings.published_path) == second.path


@pytest.mark.parametrize("wrong", ["", "nosuch", "../rossmann"])
def test_an_unknown_generation_is_refused_with_a_list_of_the_existing_ones(
    published_generation: Published, wrong: str
) -> None:
    settings, first = published_generation
    with pytest.raises(PublishError, match=first.generation_id):
        rollback_generation(settings, wrong)
    assert current_path(settings.published_path) == first.path


def test_a_generation_whose_model_is_missing_is_refused(published_generation: Published) -> None:
    settings, first = published_generation
    bundle = settings.published_path / "models" / MODEL
    bundle.rename(bundle.with_name("moved"))
    with pytest.raises(PublishError, match=f"the files of model {MODEL} are gone"):
        rollback_generation(settings, first.generation_id)


def test_the_newest_generations_stay_and_older_ones_are_removed(
    published_generation: Published, project_params: Params
) -> None:
    settings, first = published_generation
    params = keeping(project_params, 2)
    second = publish_something_new(settings, params, "second")
    assert first.path.exists()
    third = publish_something_new(settings, params, "third")
    kept = [each.info.generation_id for each in list_generations(settings)]
    assert kept == [third.generation_id, second.generation_id]


def test_the_current_generation_stays_however_old(
    published_generation: Published, project_params: Params
) -> None:
    settings, first = published_generation
    params = keeping(project_params, 1)
    second = publish_something_new(settings, project_params, "second")
    rollback_generation(settings, first.generation_id)
    held = publish(Session(settings, params), run_id="again")
    assert held.path == second.path
    assert {each.path for each in list_generations(settings)} == {first.path, second.path}
    assert current_path(settings.published_path) == first.path


def test_a_reader_reads_on_in_a_generation_that_was_removed(
    published_generation: Published, project_params: Params
) -> None:
    settings, first = published_generation
    params = keeping(project_params, 1)
    with open_generation(first.path) as connection:
        publish_something_new(settings, params, "second")
        assert not first.path.exists()
        assert connection.execute("SELECT sum(sales) FROM daily_sales").fetchone() is not None


def test_models_are_removed_with_the_last_generation_that_uses_them(
    published_generation: Published, project_params: Params
) -> None:
    settings, _ = published_generation
    params = keeping(project_params, 1)
    models = settings.published_path / "models"
    second = promote(settings, "lightgbm-second")
    change(settings, f"UPDATE forecasting.forecasts SET model_version = '{second}'")
    with_both = publish(Session(settings, project_params), run_id="r")
    assert sorted(path.name for path in models.iterdir()) == [MODEL, second]
    third = promote(settings, "lightgbm-third")
    publish(Session(settings, params), run_id="r")
    assert not with_both.path.exists()
    assert sorted(path.name for path in models.iterdir()) == [second, third]


def test_a_file_that_is_no_generation_is_neither_listed_nor_removed(
    published_generation: Published, project_params: Params
) -> None:
    settings, first = published_generation
    foreign = settings.published_path / "0123456789ab.duckdb"
    foreign.write_bytes(b"not a database")
    params = keeping(project_params, 1)
    publish(Session(settings, params), run_id="r")
    assert [each.path for each in list_generations(settings)] == [first.path]
    assert foreign.exists()


def test_the_status_keeps_its_other_entries_and_is_plain_json(
    published_generation: Published,
) -> None:
    settings, first = published_generation
    failed = FailedRun(run_id="weekly-9", reason="raw_sales: 3 rows", step="checks")
    write_status(settings, last_failed_run=failed)
    status = json.loads((settings.published_path / "status.json").read_text())
    assert status["last_publish"]["generation_id"] == first.generation_id
    assert status["last_failed_run"]["reason"] == "raw_sales: 3 rows"
    assert status["last_failed_run"]["is_resolved"] is False


def test_a_pointer_lost_after_a_rollback_names_the_chosen_generation_again(
    published_generation: Published, project_params: Params
) -> None:
    settings, first = published_generation
    second = publish_something_new(settings, project_params, "bad")
    rollback_generation(settings, first.generation_id)
    pointer = settings.published_path / "CURRENT"
    # lost, unusable, and as it is if the process of the rollback died before it moved the pointer
    for text in (None, "something\n", f"{second.path.name}\n"):
        pointer.unlink() if text is None else pointer.write_text(text)
        assert not publish(Session(settings, project_params), run_id="again").is_current
        assert current_path(settings.published_path) == first.path
    first.path.unlink()
    assert publish(Session(settings, project_params), run_id="again").is_current
    assert current_path(settings.published_path) == second.path
    assert read_status(settings.published_path).rollback is None
