"""A publisher that dies at any moment leaves readers one complete generation."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.small_warehouse import add_week, change, promote

from rossmann_ml.base import files as publish_files
from rossmann_ml.base.errors import PublishError
from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.audit import count_generation_rows
from rossmann_ml.publish.identity import draft_generation
from rossmann_ml.publish.publishing import PublishedGeneration, copy_bundles, publish
from rossmann_ml.publish.writer import write_generation
from rossmann_ml.serving.contract import load_contract
from rossmann_ml.serving.generations import (
    current_path,
    generation_path,
    list_generations,
    open_generation,
)
from rossmann_ml.serving.status import read_status
from rossmann_ml.warehouse import connection as warehouse
from rossmann_ml.warehouse.session import Session

Published = tuple[Settings, PublishedGeneration]


def write_next_file(settings: Settings, params: Params) -> Path:
    """Do the first step of a publication: write the file with its hidden name."""
    with warehouse.connect(settings) as connection:
        draft = draft_generation(connection, settings, params, run_id="dies")
        final = generation_path(settings, draft.info.generation_id)
        temporary = publish_files.temporary_name(final)
        write_generation(connection, temporary, contract=load_contract(), draft=draft)
    return temporary


def hidden(settings: Settings) -> list[str]:
    return [path.name for path in settings.published_path.rglob(".*")]


def assert_the_next_publication_makes_it_good(
    settings: Settings, params: Params, before: PublishedGeneration
) -> PublishedGeneration:
    after = publish(Session(settings, params), run_id="next")
    assert after.generation_id != before.generation_id
    assert current_path(settings.published_path) == after.path
    assert hidden(settings) == []
    status = read_status(settings.published_path)
    assert status.last_publish is not None
    assert status.last_publish.generation_id == after.generation_id
    return after


def test_death_while_writing_leaves_the_old_generation_and_the_next_run_cleans_up(
    published_generation: Published, project_params: Params
) -> None:
    settings, before = published_generation
    add_week(settings)
    temporary = write_next_file(settings, project_params)
    with temporary.open("r+b") as half_written:
        half_written.truncate(100_000)
    temporary.with_name(f"{temporary.name}.wal").write_bytes(b"half a log")
    assert current_path(settings.published_path) == before.path
    assert [each.path for each in list_generations(settings)] == [before.path]
    after = assert_the_next_publication_makes_it_good(settings, project_params, before)
    assert after.is_new


def test_leftovers_of_other_content_are_removed_too(
    published_generation: Published, project_params: Params
) -> None:
    settings, before = published_generation
    add_week(settings)
    write_next_file(settings, project_params)
    half = publish_files.temporary_name(settings.published_path / "models" / "lightgbm-other")
    half.mkdir()
    change(settings, "UPDATE forecasting.forecast_runs SET input_hash = input_hash || 'x'")
    assert len(hidden(settings)) == 2
    assert_the_next_publication_makes_it_good(settings, project_params, before)


def test_death_between_the_file_and_the_pointer_leaves_the_old_and_the_next_run_moves_it(
    published_generation: Published, project_params: Params
) -> None:
    settings, before = published_generation
    add_week(settings)
    temporary = write_next_file(settings, project_params)
    final = temporary.with_name(temporary.name.removeprefix(".").removesuffix(".tmp"))
    publish_files.move_into_place(temporary, final)
    assert current_path(settings.published_path) == before.path
    after = assert_the_next_publication_makes_it_good(settings, project_params, before)
    assert not after.is_new
    assert after.path == final


def test_death_while_copying_a_model_leaves_no_incomplete_model(
    published_generation: Published, project_params: Params
) -> None:
    settings, before = published_generation
    new = promote(settings, "lightgbm-new")
    half = publish_files.temporary_name(settings.published_path / "models" / new)
    half.mkdir()
    (half / "model.txt").write_text("half")
    assert_the_next_publication_makes_it_good(settings, project_params, before)
    complete = settings.published_path / "models" / new
    assert (complete / "model.txt").read_text() == "trees of lightgbm-new\n"


def test_after_death_between_pointer_and_status_the_next_run_writes_the_status(
    published_generation: Published, project_params: Params
) -> None:
    settings, before = published_generation
    add_week(settings)
    status_file = settings.published_path / "status.json"
    earlier = status_file.read_text()
    after = publish(Session(settings, project_params), run_id="weekly-2")
    status_file.write_text(earlier)
    assert not publish(Session(settings, project_params), run_id="weekly-3").is_new
    status = read_status(settings.published_path)
    assert status.last_publish is not None
    assert status.last_publish.generation_id == after.generation_id != before.generation_id


def test_a_pointer_with_an_unusable_text_is_refused_and_repaired_by_publishing(
    published_generation: Published, project_params: Params
) -> None:
    settings, before = published_generation
    pointer = settings.published_path / "CURRENT"
    for text in ("", "../rossmann.duckdb\n", "something\n"):
        pointer.write_text(text)
        with pytest.raises(PublishError, match="is not the name of a generation's file"):
            current_path(settings.published_path)
        publish(Session(settings, project_params), run_id="r")
        assert current_path(settings.published_path) == before.path


def test_a_file_that_is_no_whole_generation_of_its_name_is_written_again_before_readers_get_it(
    published_generation: Published, project_params: Params
) -> None:
    settings, before = published_generation
    with warehouse.connect(settings) as connection:
        add_week(settings)
        draft = draft_generation(connection, settings, project_params, run_id="r")
    path = generation_path(settings, draft.info.generation_id)
    path.write_bytes(before.path.read_bytes())  # another generation, without a digest
    after = publish(Session(settings, project_params), run_id="r")
    assert (after.is_new, after.path, after.info.generation_id) == (True, path, path.stem)


def test_copying_a_models_files_twice_changes_nothing(
    published_generation: Published, project_params: Params
) -> None:
    settings, _ = published_generation
    with warehouse.connect(settings) as connection:
        draft = draft_generation(connection, settings, project_params, run_id="r")
    models = settings.published_path / "models"
    before = {path: path.stat().st_mtime_ns for path in models.rglob("*")}
    copy_bundles(settings, draft)
    assert {path: path.stat().st_mtime_ns for path in models.rglob("*")} == before


_PUBLISH_ONCE = """
import sys
from pathlib import Path
from rossmann_ml.publish.publishing import publish
from rossmann_ml.base.settings import load_settings
from rossmann_ml.warehouse.session import Session
session = Session(load_settings(warehouse_dir=Path(sys.argv[1])))
print("ready", flush=True)
publish(session, run_id="killed")
"""


@pytest.mark.parametrize("milliseconds", [20, 120, 300, 500])
def test_a_publisher_killed_at_any_moment_leaves_a_complete_generation(
    published_generation: Published, project_params: Params, milliseconds: int
) -> None:
    settings, before = published_generation
    add_week(settings)
    process = subprocess.Popen(
        [sys.executable, "-c", _PUBLISH_ONCE, str(settings.warehouse_path)],
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(milliseconds / 1000)
    process.kill()
    process.communicate()
    assert process.returncode in (0, -signal.SIGKILL)  # no error of its own
    current = current_path(settings.published_path)
    with open_generation(current) as connection:
        rows = count_generation_rows(connection, load_contract())
    assert rows["latest_forecasts"] == 6 * 42
    if current == before.path:
        assert rows == before.tables
    assert publish(Session(settings, project_params), run_id="next").info.forecast_origin > (
        before.info.forecast_origin
    )
    assert hidden(settings) == []
