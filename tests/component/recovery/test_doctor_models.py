"""The doctor finds damaged and missing files of models, and fetches them from a copy."""

from __future__ import annotations

import resource
import shutil
from pathlib import Path

import pytest
from support.doctor import findings, repaired, the
from support.other_programs import as_another_user
from support.small_warehouse import MODEL, change

from rossmann_ml.base.settings import Settings
from rossmann_ml.models.bundle_files import name_files, put_back
from rossmann_ml.recovery import Severity, repair
from rossmann_ml.training.registry_files import artifacts_path

TREES = f"{MODEL}/model.txt"


def test_a_damaged_bundle_is_copied_from_the_other_place_and_kept_aside(place: Settings) -> None:
    published = place.published_path / "models"
    before = (published / TREES).read_bytes()
    (published / TREES).write_bytes(before[:-3])
    found = the(place, "bundle")
    assert found.severity is Severity.ERROR
    assert f"the hash of {published / TREES} is" in found.found
    repaired(place, "bundle")
    assert (published / TREES).read_bytes() == before
    assert (published / f"{MODEL}.damaged" / "model.txt").read_bytes() == before[:-3]


def test_a_bundle_that_is_damaged_in_both_places_comes_from_mlflow(place: Settings) -> None:
    folders = [place.models_path, place.published_path / "models"]
    logged = artifacts_path(place) / "m" / "artifacts" / "bundle"
    shutil.copytree(folders[0] / MODEL, logged)
    for folder in folders:
        (folder / TREES).write_text("rubbish")
    assert str(logged) in the(place, "champion").remedy
    assert len(repair(place)) == 2
    assert findings(place, "champion") == findings(place, "bundle") == []
    assert {(folder / TREES).read_bytes() for folder in folders} == {
        (logged / "model.txt").read_bytes()
    }


def test_a_damaged_bundle_that_nothing_needs_is_moved_aside(place: Settings) -> None:
    other = place.models_path / "blend-20150101-01234567"
    shutil.copytree(place.models_path / MODEL, other)
    assert the(place, "bundle").severity is Severity.WARNING
    repaired(place, "bundle")
    assert not other.exists()
    assert Path(f"{other}.damaged").exists()


def test_a_champion_of_an_earlier_version_is_no_damage_and_is_trained_again(
    place: Settings,
) -> None:
    half = place.models_path / "half"
    half.mkdir()
    (half / "bundle.json").write_text("{}")
    version = f"blend-{name_files(half)}"
    half.rename(place.models_path / version)
    change(place, f"UPDATE forecasting.promotions SET model_version = '{version}'")
    found = the(place, "champion")
    assert found.found == (
        f"model {version} was trained by an earlier version of the product; "
        "the weekly job cannot forecast with it"
    )
    assert (found.remedy, found.repair) == ("rossmann refresh --retrain full", None)


def test_a_bundle_that_may_not_be_read_is_left_alone(place: Settings) -> None:
    trees = place.models_path / TREES
    trees.chmod(0)
    for folder in (*trees.parents,):
        if folder.is_relative_to("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o055)

    def look() -> None:
        raise AssertionError(
            str([(each.found, each.repair) for each in findings(place, "champion")])
        )

    said = as_another_user(look)
    assert "Permission denied" in said
    assert "None" in said


def test_each_bundle_is_examined_whatever_is_wrong_with_another(place: Settings) -> None:
    first, second = (place.models_path / f"blend-2015010{day}-01234567" for day in (1, 2))
    first.symlink_to(first)
    shutil.copytree(place.models_path / MODEL, second)
    sums = (second / "sha256sums").read_text()
    (second / "sha256sums").write_text(f"{sums[:64]}  {'x' * 5000}\n")
    said = [each.found for each in findings(place, "bundle")]
    assert [folder.name in text for folder, text in zip((first, second), said, strict=True)] == [
        True,
        True,
    ]
    repair(place)
    assert not second.exists()


def test_a_damaged_bundle_stays_where_it_is_while_its_copy_cannot_be_written(
    place: Settings,
) -> None:
    trees = place.models_path / TREES
    trees.write_text("rubbish")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))  # as on a full disk
    try:
        with pytest.raises(OSError, match="File too large"):
            put_back(trees.parent, [place.published_path / "models" / MODEL])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert trees.read_text() == "rubbish"
    assert [path.name for path in place.models_path.iterdir()] == [MODEL]
