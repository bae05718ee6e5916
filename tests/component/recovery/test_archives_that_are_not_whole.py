"""An archive that is not whole, or is none, changes nothing."""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path

import pytest
from support.backups import (
    empty_place,
    refused,
    rewritten,
)
from support.small_warehouse import change

from rossmann_ml.base.errors import RefusedError, SchemaError
from rossmann_ml.base.settings import Settings
from rossmann_ml.recovery import back_up, restore
from rossmann_ml.warehouse import connection as warehouse


@pytest.fixture
def place(place_with_registry: Settings) -> Settings:
    return place_with_registry


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.999])
def test_an_archive_that_was_cut_off_changes_nothing(
    place: Settings, archive: Path, share: float
) -> None:
    os.truncate(archive, int(archive.stat().st_size * share))
    refused(place, archive, r"cannot be read as a backup|cut off, or is no backup")


def test_a_byte_that_changed_is_found(place: Settings, archive: Path) -> None:
    with tarfile.open(archive) as opened:
        offset = opened.getmember("warehouse/rossmann.duckdb").offset_data + 50_000
    with archive.open("r+b") as stream:
        stream.seek(offset)
        byte = stream.read(1)
        stream.seek(offset)
        stream.write(bytes([byte[0] ^ 1]))
    refused(place, archive, "warehouse/rossmann.duckdb is not what the manifest says: found")


def test_a_member_too_few_or_too_many_is_found(place: Settings, archive: Path) -> None:
    rewritten(archive, lambda info, data: None if info.name.endswith("CURRENT") else (info, data))
    refused(place, archive, "CURRENT is not what the manifest says: found nothing")


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "warehouse/../../evil", "warehouse/writer.lock", "evil"]
)
def test_a_member_outside_a_backups_places_is_refused(
    place: Settings, archive: Path, tmp_path: Path, name: str
) -> None:
    def rename(info: tarfile.TarInfo, data: bytes) -> object:
        if info.name.endswith("CURRENT"):
            info.name = name
        return info, data

    rewritten(archive, rename)
    refused(place, archive, "is none of a backup's places")
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.GNUTYPE_SPARSE])
def test_a_link_or_a_sparse_file_in_an_archive_is_refused(
    place: Settings, tmp_path: Path, kind: bytes
) -> None:
    hostile = tmp_path / "hostile.tar"
    with tarfile.open(hostile, "w", format=tarfile.GNU_FORMAT) as archive:
        member = tarfile.TarInfo("warehouse/published/CURRENT")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    refused(place, hostile, "is not a plain file")


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        (b"{", "manifest.json cannot be read"),
        (b"{}", "manifest.json cannot be read"),
        (b'{"format_version": 1}', "manifest.json cannot be read"),
        (b'{"format_version": 9}', "has the format version 9, expected 1"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_refused(
    place: Settings, archive: Path, manifest: bytes, expected: str
) -> None:
    rewritten(
        archive,
        lambda info, data: (info, manifest if info.name == "manifest.json" else data),
    )
    refused(place, archive, expected)


def test_a_backup_of_a_later_version_or_of_a_damaged_database_is_refused(
    place: Settings, tmp_path: Path
) -> None:
    change(
        place,
        "INSERT INTO meta.schema_versions VALUES (99, '', TIMESTAMP '2030-01-01')",
        marts_follow=False,
    )
    target = empty_place(tmp_path)
    target.warehouse_path.mkdir(parents=True)
    with pytest.raises(SchemaError):
        back_up(place, tmp_path / "later.tar")
    with warehouse.open_as_it_is(place, read_only=False) as connection:
        connection.execute("DELETE FROM meta.schema_versions WHERE version = 99")
    good = tmp_path / "good.tar"
    back_up(place, good)

    def damage(info: tarfile.TarInfo, data: bytes) -> object:
        if info.name == "warehouse/rossmann.duckdb":
            data = b"rubbish" * 100
        if info.name == "manifest.json":
            told = json.loads(data)
            (member,) = (each for each in told["members"] if each["path"].endswith("mann.duckdb"))
            import hashlib

            member["bytes"] = 700
            member["sha256"] = hashlib.sha256(b"rubbish" * 100).hexdigest()
            data = json.dumps(told).encode()
        return info, data

    rewritten(good, damage)
    refused(target, good, "cannot be opened")


def test_a_file_that_is_not_there_or_too_large_is_refused(
    place: Settings, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RefusedError, match="no such file"):
        restore(place, archive.with_name("none.tar"))
    monkeypatch.setattr("rossmann_ml.recovery.unpacking.free_bytes", lambda _: 10)
    refused(place, archive, "has 10 left")


@pytest.mark.parametrize(
    ("name", "headers"),
    [
        ("warehouse/models/" + "a/" * 3000 + "a", {}),
        ("warehouse/models/" + "a" * 300, {}),
        ("warehouse/published/a\0b", {}),
        ("warehouse/rossmann.duckdb/a", {}),
        ("warehouse/published/CURRENT/a", {}),
        ("warehouse/models/a", {"mtime": "1e999", "uid": "1e999"}),
        ("warehouse/models/a", {"size": "9" * 30}),
        ("warehouse/models/a", {"size": "nan"}),
        ("warehouse/models/a", {"GNU.sparse.major": "1", "GNU.sparse.minor": "x"}),
    ],
)
def test_a_crafted_archive_is_refused_in_words(
    place: Settings, archive: Path, name: str, headers: dict[str, str]
) -> None:
    with tarfile.open(archive, "a", format=tarfile.PAX_FORMAT) as crafted:
        member = tarfile.TarInfo(name)
        member.pax_headers, member.mode = headers, 0o7777
        crafted.addfile(member)
    refused(place, archive, f"^{archive}")
