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
