"""Backups: warehouse, models, published generations and MLflow's registry in one archive.

A tar file, so that it can be looked into without the product. Its last member, ``manifest.json``,
names every other with its size and hash: an archive that was cut off has none. Dagster's record of
runs, logs and the retailer's files are not in it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from pydantic import ValidationError

from rossmann_ml.base import files
from rossmann_ml.base.errors import RefusedError
from rossmann_ml.base.settings import Settings
from rossmann_ml.base.strict import StrictModel
from rossmann_ml.ingest.data_set import landed_data_set
from rossmann_ml.serving.generations import pointed_path
from rossmann_ml.warehouse import connection as warehouse
from rossmann_ml.warehouse.schema import newest_version
from rossmann_ml.warehouse.tables.models import champion

MANIFEST_NAME = "manifest.json"
FORMAT_VERSION = 1
# Where the members go: a folder of the archive for each place that has its own setting.
WAREHOUSE_ITEMS = ("rossmann.duckdb", "models", "published")
REGISTRY_ITEMS = ("mlflow.db", "artifacts")
_CHUNK = 1024 * 1024


class Member(StrictModel):
    """One file of a backup."""

    path: str
    bytes: int
    sha256: str
    mode: int


class Manifest(StrictModel):
    """What a backup says of itself.

    Attributes:
        format_version: Of the archive.
        made_at: UTC.
        schema_version: Of the warehouse's tables.
        data_set: What the warehouse holds, None before the first landing.
        champion: The model that serves, if any.
        generation_id: The generation that readers used, if any.
        has_registry: Whether MLflow's database and artifacts are in it; a server's are not.
        artifacts_root: Where the artifacts were, as MLflow's database names it.
        members: Every file.
    """

    format_version: int
    made_at: datetime
    schema_version: int
    data_set: str | None
    champion: str | None
    generation_id: str | None
    has_registry: bool
    artifacts_root: str
    members: tuple[Member, ...]


@dataclass(frozen=True)
class Backup:
    """A finished backup.

    Attributes:
        path: The archive.
        manifest: What it says of itself.
        size_bytes: Of the archive.
    """

    path: Path
    manifest: Manifest
    size_bytes: int


def registry_path(settings: Settings) -> Path | None:
    """MLflow's database, where it is a file of ours; None where a server keeps it."""
    prefix = "sqlite:///"
    address = settings.tracking_uri
    return Path(address.removeprefix(prefix)) if address.startswith(prefix) else None


def artifacts_path(settings: Settings) -> Path:
    """The folder of MLflow's artifacts."""
    return settings.state_path / "mlflow" / "artifacts"


def back_up(settings: Settings, target: Path) -> Backup:
    """Write a backup while nobody else writes.

    Args:
        settings: Where everything is.
        target: The archive; it appears when it is complete.

    Raises:
        RefusedError: There is such a file already, or it cannot be written.
        NoDataError: There is no warehouse yet.
        BusyError: Another process writes.
    """
    if target.exists():
        raise RefusedError(f"{target} is there already; name a file that is not")
    warehouse.require_database(settings)
    temporary = files.temporary_name(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with warehouse.writer_lock(settings):
            manifest = _write(settings, temporary)
        files.move_into_place(temporary, target)
    except BaseException as error:
        with suppress(OSError):  # of a folder that is none
            files.remove(temporary)
        if isinstance(error, OSError | tarfile.TarError):
            raise RefusedError(f"{target} cannot be written: {error}") from error
        raise
    return Backup(target, manifest, target.stat().st_size)


def _write(settings: Settings, temporary: Path) -> Manifest:
    with warehouse.connect(settings) as connection:
        data_set = landed_data_set(connection)
        serving = champion(connection)
        # what is still in the log beside the file goes into it
        connection.execute("CHECKPOINT")
    pointed = pointed_path(settings.published_path)
    database = registry_path(settings)
    has_registry = database is not None and database.exists()
    members: list[Member] = []
    with (
        tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as archive,
        tempfile.TemporaryDirectory() as scratch,
    ):
        for name, path in _warehouse_files(settings):
            members.append(_add(archive, name, path))
        if database is not None and has_registry:
            copy = Path(scratch) / "mlflow.db"
            _copy_sqlite(database, copy)
            members.append(_add(archive, "registry/mlflow.db", copy))
            members.extend(
                _add(archive, f"registry/artifacts/{name}", path)
                for name, path in _below(artifacts_path(settings))
            )
        manifest = Manifest(
            format_version=FORMAT_VERSION,
            made_at=datetime.now(UTC).replace(microsecond=0),
            schema_version=newest_version(),
            data_set=None if data_set is None else data_set.name,
            champion=serving,
            generation_id=None if pointed is None else pointed.stem,
            has_registry=has_registry,
            artifacts_root=str(artifacts_path(settings)),
            members=tuple(members),
        )
        content = manifest.model_dump_json(indent=1).encode()
        info = tarfile.TarInfo(MANIFEST_NAME)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return manifest


def _warehouse_files(settings: Settings) -> Iterator[tuple[str, Path]]:
    yield "warehouse/rossmann.duckdb", settings.database_path
    for folder in (settings.models_path, settings.published_path):
        for name, path in _below(folder):
            yield f"warehouse/{folder.name}/{name}", path


def _below(folder: Path) -> Iterator[tuple[str, Path]]:
    """The files below a folder by their relative names, without what is half-written."""
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in relative.parts):
            yield relative.as_posix(), path


def _copy_sqlite(source: Path, target: Path) -> None:
    """Copy an SQLite database as of one moment, whoever writes to it meanwhile."""
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)


def _add(archive: tarfile.TarFile, name: str, path: Path) -> Member:
    info = tarfile.TarInfo(name)
    with path.open("rb") as stream:
        # of what is open: a status is replaced at any time
        status = os.fstat(stream.fileno())
        info.size, info.mtime = status.st_size, int(status.st_mtime)
        info.mode = status.st_mode & 0o777
        hashed = _Hashed(stream)
        archive.addfile(info, hashed)
    return Member(path=name, bytes=info.size, sha256=hashed.digest, mode=info.mode)


class _Hashed:
    """A stream that hashes what is read of it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._hash.update(data)
        return data

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()


def unpack(archive_path: Path, folder: Path) -> Manifest:
    """Unpack a backup into an empty folder and hold every file against the manifest.

    Args:
        archive_path: The archive.
        folder: Where ``warehouse/`` and ``registry/`` are put; nothing else is touched.

    Raises:
        RefusedError: It is no backup, or not whole; the message says what was found.
    """
    found: dict[str, Member] = {}
    content: bytes | None = None
    try:
        with tarfile.open(archive_path, "r:") as archive:
            for info in archive:
                stream = archive.extractfile(info) if info.isreg() else None
                if stream is None:
                    raise RefusedError(
                        f"{archive_path}: {info.name!r} is not a plain file; a backup holds no "
                        "others"
                    )
                if info.name == MANIFEST_NAME:
                    content = stream.read()
                    continue
                target = folder / _safe_name(archive_path, info.name)
                found[info.name] = _unpack_file(stream, info, target)
    except (OSError, tarfile.TarError) as error:
        raise RefusedError(f"{archive_path} cannot be read as a backup: {error}") from error
    if content is None:
        raise RefusedError(
            f"{archive_path} has no {MANIFEST_NAME} at its end: it was cut off, or is no backup"
        )
    manifest = _read_manifest(archive_path, content)
    expected = {member.path: member for member in manifest.members}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise RefusedError(
                f"{archive_path}: {name} is not what the manifest says: found "
                f"{_spoken(found.get(name))}, expected {_spoken(expected.get(name))}"
            )
    return manifest


def _read_manifest(archive_path: Path, content: bytes) -> Manifest:
    try:
        format_version = json.loads(content)["format_version"]
        if format_version != FORMAT_VERSION:
            raise RefusedError(
                f"{archive_path} has the format version {format_version}, expected "
                f"{FORMAT_VERSION}: another version of the product wrote it"
            )
        return Manifest.model_validate_json(content)
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise RefusedError(f"{archive_path}: {MANIFEST_NAME} cannot be read: {error}") from error


def _safe_name(archive_path: Path, name: str) -> PurePosixPath:
    """A member's place, which lies where a backup puts files and nowhere else."""
    path = PurePosixPath(name)
    allowed = {
        *(("warehouse", item) for item in WAREHOUSE_ITEMS),
        *(("registry", item) for item in REGISTRY_ITEMS),
    }
    if path.is_absolute() or ".." in path.parts or path.parts[:2] not in allowed:
        raise RefusedError(
            f"{archive_path}: {name!r} is none of a backup's places (warehouse/ and registry/)"
        )
    return path


def _unpack_file(stream: IO[bytes], info: tarfile.TarInfo, target: Path) -> Member:
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    size = 0
    with target.open("xb") as out:
        while data := stream.read(_CHUNK):
            digest.update(data)
            out.write(data)
            size += len(data)
    mode = info.mode & 0o777
    target.chmod(mode)
    return Member(path=info.name, bytes=size, sha256=digest.hexdigest(), mode=mode)


def _spoken(member: Member | None) -> str:
    return "nothing" if member is None else f"{member.bytes:,} bytes of hash {member.sha256[:12]}"


def free_bytes(folder: Path) -> int:
    """What the disk of a folder has left."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    return shutil.disk_usage(there).free
