"""The reader follows the current generation: never half, never late, never closed too early."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest
from support.published import keeping
from support.small_warehouse import add_week, change

from app.published import OpenGeneration, PublishedReader
from rossmann_ml.base.errors import NoDataError, PublishError
from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.publishing import PublishedGeneration, publish, rollback_generation
from rossmann_ml.warehouse.session import Session

Published = tuple[Settings, PublishedGeneration]

ORIGINS = "SELECT DISTINCT forecast_origin FROM latest_forecasts"


def following(settings: Settings, seconds: float = 0.0) -> PublishedReader:
    return PublishedReader(settings.published_path, check_every_seconds=seconds)


def open_files(settings: Settings) -> int:
    """Return how many generations of the folder this process has open."""
    links = [link.resolve() for link in Path("/proc/self/fd").iterdir()]
    return len({link for link in links if link.parent == settings.published_path.resolve()})


def origin_of(reader: PublishedReader) -> object:
    with reader.reading() as reading:
        (row,) = reading.rows(ORIGINS)
        assert row["forecast_origin"] == reading.info.forecast_origin
        return row["forecast_origin"]


def test_before_the_first_publication_reading_fails_and_then_succeeds(
    small_warehouse: Settings, project_params: Params
) -> None:
    reader = following(small_warehouse)
    with pytest.raises(NoDataError, match="nothing is published"), reader.reading():
        pass
    generation = publish(Session(small_warehouse, project_params), run_id="r")
    assert origin_of(reader) == generation.info.forecast_origin


def test_a_request_keeps_its_generation_during_a_publication_and_the_next_sees_the_new_one(
    published_generation: Published, project_params: Params
) -> None:
    settings, first = published_generation
    reader = following(settings)
    with reader.reading() as reading:
        assert reading.rows(ORIGINS) == [{"forecast_origin": first.info.forecast_origin}]
        add_week(settings)
        second = publish(Session(settings, project_params), run_id="weekly-2")
        # another request has swapped generations; this one still reads its own file
        assert origin_of(reader) == second.info.forecast_origin
        assert reading.rows(ORIGINS) == [{"forecast_origin": first.info.forecast_origin}]
    assert origin_of(reader) == second.info.forecast_origin


def test_the_old_generation_is_closed_when_its_last_request_ends(
    published_generation: Published, project_params: Params
) -> None:
    settings, _ = published_generation
    reader = following(settings)
    with reader.reading():
        add_week(settings)
        publish(Session(settings, project_params), run_id="weekly-2")
        with reader.reading():
            assert open_files(settings) == 2
    assert open_files(settings) == 1


def test_a_rollback_is_followed_like_a_publication(
    published_generation: Published, project_params: Params
) -> None:
    settings, first = published_generation
    reader = following(settings)
    add_week(settings)
    publish(Session(settings, project_params), run_id="weekly-2")
    assert origin_of(reader) != first.info.forecast_origin
    rollback_generation(settings, first.generation_id)
    assert origin_of(reader) == first.info.forecast_origin


def test_the_pointer_is_checked_only_at_intervals(
    published_generation: Published, project_params: Params
) -> None:
    settings, first = published_generation
    reader = following(settings, seconds=0.3)
    origin_of(reader)
    rare = following(settings, seconds=3600)
    origin_of(rare)
    add_week(settings)
    second = publish(Session(settings, project_params), run_id="weekly-2")
    assert origin_of(rare) == first.info.forecast_origin
    time.sleep(0.35)
    assert origin_of(reader) == second.info.forecast_origin


@pytest.mark.parametrize("text", [b"", b"nonsense\n", b"\xff\n", b"0123456789ab.duckdb\n"])
def test_a_broken_pointer_keeps_the_open_generation(
    published_generation: Published, text: bytes
) -> None:
    settings, first = published_generation
    reader = following(settings)
    origin_of(reader)
    (settings.published_path / "CURRENT").write_bytes(text)
    assert origin_of(reader) == first.info.forecast_origin
    with pytest.raises(PublishError), following(settings).reading():
        pass


@pytest.mark.parametrize(
    "table",
    [
        None,
        "another AS SELECT 1",
        "generation_info (run_id TEXT)",
        "generation_info AS SELECT 1 AS run_id",
    ],
)
def test_an_unusable_new_file_keeps_the_open_generation_and_is_logged_once(
    published_generation: Published, caplog: pytest.LogCaptureFixture, table: str | None
) -> None:
    settings, first = published_generation
    reader = following(settings)
    origin_of(reader)
    path = settings.published_path / "0123456789ab.duckdb"
    if table is None:
        path.write_bytes(b"rubbish")
    else:
        with duckdb.connect(path) as connection:
            connection.execute(f"CREATE TABLE {table}")
    for times_logged in (1, 2):
        (settings.published_path / "CURRENT").write_text("0123456789ab.duckdb\n")
        for _ in range(3):
            assert origin_of(reader) == first.info.forecast_origin
        assert caplog.text.count(f"keeping generation {first.generation_id}") == times_logged
        (settings.published_path / "CURRENT").write_text(f"{first.path.name}\n")
        assert origin_of(reader) == first.info.forecast_origin
    (settings.published_path / "CURRENT").write_text("0123456789ab.duckdb\n")
    with pytest.raises(PublishError, match="cannot be opened"):
        following(settings).current()


@pytest.mark.parametrize(
    "failure", [MemoryError(), OSError(24, "Too many open files"), duckdb.IOException("no space")]
)
def test_a_publication_that_fails_for_any_reason_is_tried_again(
    published_generation: Published, project_params: Params, failure: Exception
) -> None:
    settings, first = published_generation
    failures = [failure]

    def prepare(generation: OpenGeneration) -> None:
        if generation.path != first.path and failures:
            raise failures.pop()

    reader = PublishedReader(settings.published_path, check_every_seconds=0, prepare=prepare)
    origin_of(reader)
    add_week(settings)
    second = publish(Session(settings, project_params), run_id="weekly-2")
    assert reader.current().info.generation_id == first.generation_id
    assert type(failure).__name__ in str(reader.fault)
    assert reader.current().info.generation_id == second.generation_id
    assert reader.fault is None


def test_requests_do_not_wait_while_another_one_opens_a_generation(
    published_generation: Published, project_params: Params
) -> None:
    settings, first = published_generation
    is_opening, go_on = threading.Event(), threading.Event()

    def prepare(generation: OpenGeneration) -> None:
        if generation.path != first.path:
            is_opening.set()
            assert go_on.wait(60)

    reader = PublishedReader(settings.published_path, check_every_seconds=0, prepare=prepare)
    origin_of(reader)
    add_week(settings)
    second = publish(Session(settings, project_params), run_id="weekly-2")
    with ThreadPoolExecutor() as threads:
        slow = threads.submit(origin_of, reader)
        assert is_opening.wait(60)
        try:
            assert threads.submit(origin_of, reader).result(10) == first.info.forecast_origin
        finally:
            go_on.set()
        assert slow.result() == second.info.forecast_origin


def test_a_failing_request_frees_its_generation(
    published_generation: Published, project_params: Params
) -> None:
    settings, _ = published_generation
    reader = following(settings)
    origin_of(reader)
    with pytest.raises(duckdb.Error), reader.reading() as reading:
        reading.rows("SELECT * FROM no_such_table")
    add_week(settings)
    publish(Session(settings, project_params), run_id="weekly-2")
    origin_of(reader)
    assert open_files(settings) == 1


def test_many_threads_read_while_generations_come_and_go(
    published_generation: Published, project_params: Params
) -> None:
    settings, _ = published_generation
    params = keeping(project_params, 1)
    reader = following(settings)
    errors: list[BaseException] = []
    seen: set[str] = set()
    stop = threading.Event()

    def read_on() -> None:
        while not stop.is_set():
            try:
                with reader.reading() as reading:
                    (row,) = reading.rows(
                        "SELECT count(*) AS days, any_value(generation_id) AS generation_id "
                        "FROM latest_forecasts CROSS JOIN generation_info"
                    )
                    assert row["days"] == 6 * 42
                    assert row["generation_id"] == reading.info.generation_id
                    seen.add(row["generation_id"])
            except BaseException as error:
                errors.append(error)
                raise

    threads = [threading.Thread(target=read_on) for _ in range(4)]
    for thread in threads:
        thread.start()
    published = set()
    for number in range(3):
        change(settings, f"UPDATE forecasting.forecast_runs SET input_hash = 'h{number}'")
        published.add(publish(Session(settings, params), run_id="r").generation_id)
        time.sleep(0.1)
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert published <= seen
