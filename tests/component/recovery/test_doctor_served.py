"""The doctor finds faults of what readers are given, and points them to a whole generation."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pytest
from support.doctor import repaired, the
from support.small_warehouse import MODEL, add_week, change

from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.publishing import publish, rollback_generation
from rossmann_ml.recovery import Severity, examine, repair
from rossmann_ml.serving.changes import digest_path
from rossmann_ml.serving.generations import current_path
from rossmann_ml.serving.status import FailedRun, status_path, write_status
from rossmann_ml.warehouse.session import Session


@pytest.mark.parametrize("text", [b"", b"../../etc/passwd\n", b"ffffffffffff.duckdb\n", b"\xff\0"])
def test_an_unusable_pointer_is_set_to_the_newest_whole_generation(
    place: Settings, text: bytes
) -> None:
    before = current_path(place.published_path)
    (place.published_path / "CURRENT").write_bytes(text)
    assert the(place, "pointer").severity is Severity.ERROR
    repaired(place, "pointer")
    assert current_path(place.published_path) == before


def test_a_missing_pointer_is_made_again(place: Settings) -> None:
    (place.published_path / "CURRENT").unlink()
    assert "no CURRENT" in the(place, "pointer").found
    repaired(place, "pointer")


def damage(path: Path) -> None:
    path.chmod(0o644)
    size = path.stat().st_size
    with path.open("r+b") as stream:
        for at in range(size // 4, size - 4096, size // 64):
            stream.seek(at)
            stream.write(os.urandom(2048))


@pytest.mark.parametrize("fault", [damage, lambda path: os.truncate(path, 5000)])
def test_readers_are_given_the_newest_whole_generation_when_the_current_is_damaged(
    place: Settings, project_params: Params, fault: Callable[[Path], None]
) -> None:
    first = current_path(place.published_path)
    add_week(place)
    second = publish(Session(place, project_params), run_id="weekly-2")
    second.path.chmod(0o644)
    fault(second.path)
    assert the(place, "damaged generation").severity is Severity.ERROR
    repaired(place, "damaged generation")
    assert current_path(place.published_path) == first
    assert second.path.with_name(f"{second.path.name}.damaged").exists()


def test_a_generation_under_another_name_is_no_generation(place: Settings) -> None:
    other = place.published_path / "0123456789ab.duckdb"
    shutil.copy(current_path(place.published_path), other)
    assert "0123456789ab.duckdb" in the(place, "generation").found


def test_a_file_of_somebody_else_next_to_the_generations_is_left_alone(place: Settings) -> None:
    (place.published_path / "my analysis.duckdb").write_bytes(b"mine")
    assert examine(place) == []


def test_when_no_generation_is_whole_a_person_is_asked(place: Settings) -> None:
    path = current_path(place.published_path)
    path.chmod(0o644)
    path.write_bytes(b"rubbish")
    found = the(place, "pointer")
    assert found.repair is None
    assert "rossmann publish" in found.remedy


def test_columns_that_differ_from_the_contract_are_named(place: Settings) -> None:
    path = current_path(place.published_path)
    path.chmod(0o644)
    digest_path(path).unlink()  # of an earlier version
    with duckdb.connect(str(path)) as connection:
        connection.execute("DROP TABLE forecast_accuracy")
        connection.execute("ALTER TABLE stores ALTER observed_days TYPE VARCHAR")
    found = the(place, "schema drift").found
    assert "forecast_accuracy.forecast_origin is missing, expected DATE" in found
    assert "stores.observed_days is VARCHAR, expected BIGINT" in found or "more" in found


def test_missing_files_of_a_model_are_copied_from_the_warehouse(place: Settings) -> None:
    shutil.rmtree(place.published_path / "models" / MODEL)
    assert "what-if questions fail" in the(place, "bundle").found
    repaired(place, "bundle")


def test_forecasts_that_are_not_published_yet_are_told(
    place: Settings, project_params: Params
) -> None:
    first = current_path(place.published_path)
    origin = add_week(place)
    assert f"{origin}" in the(place, "stale generation").found
    publish(Session(place, project_params), run_id="weekly-2")
    rollback_generation(place, first.stem)
    assert the(place, "stale generation").severity is Severity.NOTE
    assert first.stem in the(place, "rollback").found


def test_an_old_origin_is_stale(place: Settings) -> None:
    later = place.model_copy(update={"as_of": date(2015, 9, 1)})
    assert "2015-07-31, today is 2015-09-01" in the(later, "stale generation").found


def test_readers_of_another_data_set_are_told(place: Settings) -> None:
    change(place, "UPDATE raw.data_set SET name = 'retailer'", marts_follow=False)
    assert "readers see 'sample-6-7'" in the(place, "data set").found


def test_a_failed_run_stays_a_warning_until_one_goes_through(place: Settings) -> None:
    write_status(place, last_failed_run=FailedRun(run_id="r-9", reason="no plan", step="land"))
    assert "run r-9 failed" in the(place, "failed run").found


@pytest.mark.parametrize("content", [b"{half", b"", b"\xff\xfe{}"])
def test_an_unreadable_status_is_moved_aside(place: Settings, content: bytes) -> None:
    path = status_path(place.published_path)
    path.write_bytes(content)
    repaired(place, "status")
    assert path.with_name("status.json.damaged").read_bytes() == content


def test_a_lost_pointer_never_undoes_a_rollback(place: Settings, project_params: Params) -> None:
    first = current_path(place.published_path)
    pointer = place.published_path / "CURRENT"
    add_week(place)
    second = publish(Session(place, project_params), run_id="weekly-2").path.stem
    rollback_generation(place, first.stem)
    pointer.unlink()
    repaired(place, "pointer")
    assert current_path(place.published_path) == first

    status = status_path(place.published_path)
    recorded = status.read_bytes()
    status.unlink()
    pointer.unlink()
    found = the(place, "pointer")
    assert found.repair is None
    assert "status.json does not say which one readers had" in found.found
    assert f"`rossmann rollback generation ID` picks one of {second}, {first.stem}" == found.remedy

    status.write_bytes(recorded)
    first.chmod(0o644)
    damage(first)
    repair(place)
    found = the(place, "pointer")
    assert (found.repair, pointer.exists()) == (None, False)
    assert f"readers had {first.stem}, which is not whole" in found.found
