"""The doctor finds locks and half-written files, and removes what dead writers left."""

from __future__ import annotations

import json
import os

import pytest
from support.doctor import repaired, the

from rossmann_ml.base.errors import BusyError
from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.publishing import publish
from rossmann_ml.recovery import Severity, repair
from rossmann_ml.warehouse import connection as warehouse
from rossmann_ml.warehouse.session import Session


def test_who_holds_the_lock_is_named_and_nothing_is_repaired_meanwhile(
    place: Settings, other_writer
) -> None:
    found = the(place, "lock")
    assert found.severity is Severity.NOTE
    assert f"process {other_writer.pid}" in found.found
    impatient = place.model_copy(update={"lock_timeout_seconds": 0})
    with pytest.raises(BusyError, match=str(other_writer.pid)):
        repair(impatient)


def test_the_note_of_a_writer_that_died_is_removed(place: Settings) -> None:
    owner = warehouse.owner_path(place)
    owner.write_text('{"pid": 999999, "since": "2015-08-01T06:00:00+00:00"}')
    assert "process 999999, since 2015-08-01" in the(place, "lock").found
    assert "removes the note" in repaired(place, "lock")
    assert not owner.exists()
    owner.write_text("not JSON")
    assert "not JSON" in the(place, "lock").found
    owner.write_bytes(b"\xff\xfe[[")
    repaired(place, "lock")


def test_a_lock_that_cannot_be_examined_hides_no_other_fault(place: Settings) -> None:
    place.lock_path.unlink(missing_ok=True)
    place.lock_path.symlink_to(place.lock_path)
    (place.published_path / "CURRENT").unlink()
    assert "could not be examined" in the(place, "lock").found
    assert the(place, "pointer").severity is Severity.ERROR


def test_a_lock_held_for_days_is_a_warning(place: Settings) -> None:
    with warehouse.writer_lock(place):
        old = {"pid": os.getpid(), "since": "2015-08-01T06:00:00+00:00"}
        warehouse.owner_path(place).write_text(json.dumps(old))
        assert the(place, "lock").severity is Severity.WARNING


def test_half_written_files_are_removed_wherever_they_are(place: Settings) -> None:
    half = [
        place.published_path / ".0123456789ab.duckdb.tmp",
        place.published_path / "vintages" / ".forecasts_2015-01-02_x.parquet.tmp",
        place.published_path / "models" / ".model.tmp" / "part",
        place.models_path / ".blend-20150731.tmp" / "part",
        place.restore_path / "new" / "part",
    ]
    for path in half:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
    assert the(place, "half-written files").found.startswith("5 left by writers that died")
    repaired(place, "half-written files")
    assert not any(path.exists() for path in half)


def test_a_publication_removes_what_killed_ones_left(
    place: Settings, project_params: Params
) -> None:
    left = place.published_path / "vintages" / ".forecasts.parquet.tmp"
    model = place.models_path / ".blend-20150731.tmp"
    for folder in (left.parent, model):
        folder.mkdir(parents=True, exist_ok=True)
    left.write_bytes(b"half")
    publish(Session(place, project_params), run_id="next")
    assert not left.exists()
    assert not model.exists()
