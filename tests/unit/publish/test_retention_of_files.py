"""Generations and models that stay on disk: the rules compared with plain loops."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from support.tiny_generation import NOON, info_of, write_bare_generation

from rossmann_ml.base.settings import Settings, load_settings
from rossmann_ml.publish.retention import damaged_files, remove_old

IDS = ("aaaaaaaaaaaa", "bbbbbbbbbbbb", "cccccccccccc")  # oldest first


@pytest.fixture(scope="module")
def three_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return three generations, each with a champion and a model that made its forecasts."""
    folder = tmp_path_factory.mktemp("three")
    return {
        name: write_bare_generation(
            folder / f"{name}.duckdb",
            info_of(
                name, published_at=NOON + timedelta(days=day), model_version=f"champion-{name[0]}"
            ),
            latest_forecasts=[{"model_version": f"forecasts-{name[0]}"}],
        ).read_bytes()
        for day, name in enumerate(IDS)
    }


@pytest.fixture
def settings(three_files: dict[str, bytes], tmp_path: Path) -> Settings:
    """Return settings of a folder with these generations, their models and one unused model."""
    settings = load_settings(warehouse_dir=tmp_path / "warehouse", state_dir=tmp_path / "state")
    for model in ("common", *(f"{kind}-{n}" for kind in ("champion", "forecasts") for n in "abc")):
        folder = settings.published_path / "models" / model
        folder.mkdir(parents=True)
        (folder / "model.txt").write_text("trees")
    for name, content in three_files.items():
        (settings.published_path / f"{name}.duckdb").write_bytes(content)
    return settings


def point_to(settings: Settings, name: str) -> None:
    """Move the pointer to a generation."""
    (settings.published_path / "CURRENT").write_text(f"{name}.duckdb\n")


def left(settings: Settings) -> tuple[str, set[str]]:
    """Return first letters of the remaining generations, and the remaining models."""
    names = sorted(path.stem[0] for path in settings.published_path.glob("*.duckdb"))
    return "".join(names), {path.name for path in (settings.published_path / "models").iterdir()}


@pytest.mark.parametrize(
    ("current", "kept", "stay"),
    [("c", 1, "c"), ("c", 2, "bc"), ("c", 3, "abc"), ("a", 1, "ac")],
)
def test_the_newest_stay_and_the_one_that_readers_use(
    settings: Settings, current: str, kept: int, stay: str
) -> None:
    point_to(settings, current * 12)
    removed = remove_old(settings, generations_kept=kept)
    models = {f"{kind}-{name}" for kind in ("champion", "forecasts") for name in stay}
    assert left(settings) == (stay, models)
    gone = [f"{name * 12}.duckdb" for name in "cba" if name not in stay]
    lost = sorted({f"{kind}-{n}" for kind in ("champion", "forecasts") for n in "abc"} - models)
    assert [path.name for path in removed] == [*gone, *sorted([*lost, "common"])]


def test_without_a_pointer_the_newest_stay(settings: Settings) -> None:
    remove_old(settings, generations_kept=2)
    assert left(settings)[0] == "bc"


def test_the_time_of_publication_counts_and_not_the_name(settings: Settings) -> None:
    oldest = info_of("cccccccccccc", published_at=NOON - timedelta(days=9))
    write_bare_generation(
        settings.published_path / "cccccccccccc.duckdb",
        oldest,
        latest_forecasts=[{"model_version": "common"}],
    )
    remove_old(settings, generations_kept=1)
    assert left(settings)[0] == "b"


def test_files_that_are_not_generations_stay(settings: Settings) -> None:
    for name in ("eeeeeeeeeeee.duckdb", "notes.duckdb"):
        (settings.published_path / name).write_text("no database")
    remove_old(settings, generations_kept=1)
    assert left(settings)[0] == "cen"


def test_damaged_files_that_were_moved_aside_stay_and_are_listed(settings: Settings) -> None:
    folder = settings.published_path
    (folder / "aaaaaaaaaaaa.duckdb").rename(folder / "aaaaaaaaaaaa.duckdb.damaged")
    (folder / "models" / "champion-a").rename(folder / "models" / "champion-a.damaged")
    remove_old(settings, generations_kept=1)
    assert damaged_files(settings) == [
        folder / "aaaaaaaaaaaa.duckdb.damaged",
        folder / "models" / "champion-a.damaged",
    ]


def test_models_stay_if_no_generation_can_be_read(settings: Settings) -> None:
    for name in IDS:
        (settings.published_path / f"{name}.duckdb").unlink()
    assert remove_old(settings, generations_kept=1) == []
    assert len(left(settings)[1]) == 7


def test_nothing_is_removed_where_there_are_no_models_and_nothing_is_published(
    tmp_path: Path,
) -> None:
    settings = load_settings(warehouse_dir=tmp_path / "new", state_dir=tmp_path / "state")
    assert remove_old(settings, generations_kept=1) == []
    write_bare_generation(
        settings.published_path / "aaaaaaaaaaaa.duckdb",
        info_of("aaaaaaaaaaaa"),
        latest_forecasts=[{"model_version": "m"}],
    )
    assert remove_old(settings, generations_kept=1) == []
