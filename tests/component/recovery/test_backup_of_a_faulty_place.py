"""A backup is whole, or it fails in words and leaves nothing."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from support.doctor import repaired
from support.other_programs import as_another_user
from support.small_warehouse import MODEL

from rossmann_ml.base.errors import DamagedError, PublishError, RossmannError
from rossmann_ml.base.settings import Settings
from rossmann_ml.recovery import back_up, backup
from rossmann_ml.training.registry_files import artifacts_path, registry_path
from rossmann_ml.warehouse import connection as warehouse

BLOCK_BYTES, HEADER_BYTES = 262_144, 12_288


def flip_a_bit(path: Path, at: int) -> None:
    path.chmod(0o644)
    with path.open("r+b") as stream:
        stream.seek(at)
        byte = stream.read(1)
        stream.seek(at)
        stream.write(bytes([byte[0] ^ 4]))


def block_of(settings: Settings, table: str) -> int:
    """Return the place of the first block with rows of a table."""
    with warehouse.connect(settings) as connection:
        connection.execute("CHECKPOINT")
        query = f"SELECT max(block_id) FROM pragma_storage_info('{table}') WHERE persistent"
        ((block,),) = connection.execute(query).fetchall()
    return HEADER_BYTES + block * BLOCK_BYTES


def blocks_of_an_index(settings: Settings) -> list[int]:
    """Return the places of the blocks that hold neither rows nor the catalog."""
    with warehouse.open_as_it_is(settings) as connection:
        tables = connection.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE NOT internal"
        ).fetchall()
        known = {row[0] for row in connection.execute("FROM pragma_metadata_info()").fetchall()}
        for (table,) in tables:
            rows = connection.execute(
                "SELECT block_id, additional_block_ids FROM pragma_storage_info(?)", [table]
            ).fetchall()
            known |= {block for first, others in rows for block in (first, *(others or ()))}
        size = connection.execute("SELECT total_blocks FROM pragma_database_size()").fetchall()
    return [HEADER_BYTES + each * BLOCK_BYTES for each in range(size[0][0]) if each not in known]


def fails(settings: Settings, target: Path, expected: str, *, verify: bool = False) -> None:
    with pytest.raises(RossmannError, match=expected) as refused:
        back_up(settings, target, verify=verify)
    assert refused.value.exit_code != 0
    assert [*target.parent.glob(f"*{target.name}*")] == []
    assert not (settings.warehouse_path / ".backup").exists()


def test_a_flipped_bit_in_a_block_of_the_warehouse_ends_it(place: Settings, tmp_path: Path) -> None:
    flip_a_bit(place.database_path, block_of(place, "marts.stores") + 5000)
    fails(place, tmp_path / "b.tar", "rossmann.duckdb is damaged: .*found in the table")


def test_a_verified_backup_has_usable_indexes_too(place: Settings, tmp_path: Path) -> None:
    with warehouse.connect(place) as connection:  # enough keys for blocks of their own
        connection.execute(
            "CREATE TABLE raw.keyed (key INTEGER PRIMARY KEY); "
            "INSERT INTO raw.keyed FROM range(50_000); CHECKPOINT"
        )
    back_up(place, tmp_path / "good.tar", verify=True)
    for block in blocks_of_an_index(place):
        flip_a_bit(place.database_path, block + 1000)
    fails(place, tmp_path / "b.tar", "rossmann.duckdb is damaged: ", verify=True)


def test_damaged_or_missing_models_generations_and_pointers_end_it(
    place: Settings, tmp_path: Path
) -> None:
    target = tmp_path / "b.tar"
    pointer = place.published_path / "CURRENT"
    current = pointer.read_text()
    pointer.write_text("0123456789ab.duckdb\n")
    fails(place, target, "CURRENT names 0123456789ab.duckdb, which does not exist")
    pointer.write_text(current)
    trees = place.models_path / MODEL / "model.txt"
    trees.write_text("trees of another\n")
    fails(place, target, f"the bundle of model {MODEL} is damaged: the hash of {trees}")
    repaired(place, "champion")
    flip_a_bit(place.published_path / current.strip(), HEADER_BYTES + BLOCK_BYTES + 5000)
    with pytest.raises((PublishError, DamagedError)):
        back_up(place, target)


def test_a_damaged_registry_ends_it(place: Settings, tmp_path: Path) -> None:
    artifacts = artifacts_path(place)
    artifacts.write_text("a file in place of the folder")
    fails(place, tmp_path / "b.tar", "mlflow/artifacts cannot be opened: Not a directory")
    artifacts.unlink()
    registry = registry_path(place)
    assert registry is not None
    registry.write_bytes(b"no database" * 1000)
    fails(place, tmp_path / "b.tar", "mlflow.db is damaged: file is not a database")


@pytest.mark.parametrize("hidden", ["models", f"models/{MODEL}", f"models/{MODEL}/model.txt"])
def test_a_folder_or_file_that_may_not_be_read_ends_it(
    place: Settings, tmp_path: Path, hidden: str
) -> None:
    for path in (*place.warehouse_path.rglob("*"), place.warehouse_path, tmp_path):
        path.chmod(0o777)
    for folder in place.warehouse_path.parents:
        if folder.is_relative_to("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o055)
    path = place.warehouse_path / hidden
    path.chmod(0)
    target = tmp_path / "b.tar"
    said = as_another_user(lambda: back_up(place, target))
    path.chmod(0o777)
    assert said.startswith("ForbiddenError: ")
    assert str(path) in said
    assert not target.exists()


def test_files_that_are_not_the_products_are_left_out(place: Settings, tmp_path: Path) -> None:
    for name in ("my analysis.duckdb", "0123456789ab.duckdb.damaged", "models/notes/a.txt"):
        path = place.published_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"mine")
    packed = {member.path for member in back_up(place, tmp_path / "b.tar").members}
    assert f"warehouse/published/models/{MODEL}/model.txt" in packed
    assert not any("mine" in name or "damaged" in name or "notes" in name for name in packed)


def test_what_a_killed_backup_left_is_found_and_removed(
    place: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "b.tar"
    child = os.fork()
    if not child:
        monkeypatch.setattr(backup, "_verify", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        back_up(place, target, verify=True)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    half = tmp_path / ".b.tar.tmp"
    assert half.exists()
    assert str(half) in repaired(place, "half-written files")
    assert not half.exists()
    (place.warehouse_path / ".backup").write_bytes(b"\xff\0[]")
    repaired(place, "half-written files")
