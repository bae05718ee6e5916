"""Files and folders are whole and on disk before they have their names."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rossmann_ml.base import files
from rossmann_ml.base.errors import FaultError
from rossmann_ml.base.settings import load_settings
from rossmann_ml.serving.generations import open_generation
from rossmann_ml.warehouse.connection import open_as_it_is


@contextmanager
def files_of_at_most(size_bytes: int) -> Iterator[None]:
    """Let the system refuse larger files, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "member").mkdir(parents=True)
    (folder / "small.txt").write_text("small")
    (folder / "member" / "trees.txt").write_text("trees" * 2000)
    return folder


def test_a_copy_has_the_files_of_all_subfolders(source: Path, tmp_path: Path) -> None:
    files.copy_folder_atomically(source, tmp_path / "models" / "copy")
    copied = tmp_path / "models" / "copy" / "member" / "trees.txt"
    assert copied.read_text() == "trees" * 2000


def test_a_copy_that_the_disk_cannot_take_has_the_disks_error_and_leaves_nothing(
    source: Path, tmp_path: Path
) -> None:
    with pytest.raises(OSError, match=r"trees\.txt") as refused, files_of_at_most(5000):
        files.copy_folder_atomically(source, tmp_path / "copy")
    assert refused.value.errno == errno.EFBIG
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_every_file_of_a_folder_is_on_disk_before_the_folder_has_its_name(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    flush, rename = os.fsync, os.replace

    def noting_fsync(handle: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{handle}").readlink()).removeprefix(f"{tmp_path}/"))
        flush(handle)

    def noting_replace(old: Path, new: Path) -> None:
        synced.append("renamed")
        rename(old, new)

    monkeypatch.setattr(os, "fsync", noting_fsync)
    monkeypatch.setattr(os, "replace", noting_replace)
    files.move_into_place(source, tmp_path / "final")
    content = {f"source{end}" for end in ("", "/small.txt", "/member", "/member/trees.txt")}
    assert set(synced[:4]) == content
    assert synced[4:] == ["renamed", str(tmp_path)]


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "large"])
def test_what_is_no_small_plain_file_is_refused_in_words_and_not_waited_for(
    kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "CURRENT"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    else:
        path.touch()
        os.truncate(path, 1_000_000_000)
    with pytest.raises(FaultError, match="CURRENT cannot be opened: it is no plain file"):
        files.read_small(path)


def test_a_pipe_in_the_place_of_a_database_is_refused_before_a_library_waits_for_it(
    tmp_path: Path,
) -> None:
    settings = load_settings(warehouse_dir=tmp_path)
    generation = tmp_path / "0123456789ab.duckdb"
    for path in (settings.database_path, generation):
        os.mkfifo(path)
    for open_it in (lambda: open_as_it_is(settings), lambda: open_generation(generation)):
        with pytest.raises(FaultError, match="it is no plain file; move it away"):
            open_it()
