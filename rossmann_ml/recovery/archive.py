"""Write and read the file of a backup: a tar file with the state of the product.

Entry points: :func:`pack`, :func:`unpack`. The state is the warehouse, the models, the published
generations and MLflow's registry. The last file in the tar file, ``manifest.json``,
lists all others with size and hash, so that a truncated archive is recognised. Dagster's run
history, logs, the retailer's files and files that are not the product's are not included.
:mod:`~rossmann_ml.recovery.backup` makes backups, :mod:`~rossmann_ml.recovery.restore` restores
them.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from rossmann_ml.base.digests import sha256_of
from rossmann_ml.base.errors import RefusedError
from rossmann_ml.base.settings import Settings
from rossmann_ml.base.strict import StrictModel
from rossmann_ml.models.bundle_files import BUNDLE_NAME
from rossmann_ml.training.registry_files import artifacts_path, registry_path
from rossmann_ml.warehouse.schema import newest_version

MANIFEST_NAME = "manifest.json"
FORMAT_VERSION = 1
DATABASE, MODELS, PUBLISHED = "warehouse/rossmann.duckdb", "warehouse/models", "warehouse/published"
REGISTRY, ARTIFACTS = "registry/mlflow.db", "registry/artifacts"
PARTS = (DATABASE, MODELS, PUBLISHED, REGISTRY, ARTIFACTS)
# what the product writes into the folders of models and of published files
_STATE = re.compile(
    r"CURRENT|status\.json|[0-9a-f]{12}\.duckdb(\.sha256)?"
    rf"|vintages/forecasts_[^/]+\.parquet(\.sha256)?|(models/)?{BUNDLE_NAME}(/.+|\.md)"
)


@dataclass(frozen=True)
class Facts:
    """Facts about the state of the product, by which a person recognises a backup.

    Attributes:
        data_set: Name of the landed data set; None if nothing was landed.
        champion: Version of the champion; None if no model was promoted.
        generation_id: Id of the current generation; None if nothing was published.
    """

    data_set: str | None
    champion: str | None
    generation_id: str | None


class Member(StrictModel):
    """Entry of the manifest for one file; a restore compares the unpacked file with this entry.

    Attributes:
        path: Path of the file in the archive.
        bytes: Size of the file in bytes.
        sha256: SHA-256 of its content.
        mode: Permission bits.
    """

    path: str
    bytes: int
    sha256: str
    mode: int


class Manifest(StrictModel):
    """List of the files in a backup, and facts by which a person recognises the backup.

    Attributes:
        format_version: Version of the backup's format; only `FORMAT_VERSION` can be restored.
        made_at: Time of the backup, UTC.
        schema_version: Schema version of the warehouse.
        data_set: Name of the landed data set; None if nothing was landed.
        champion: Version of the champion; None if no model was promoted.
        generation_id: Id of the current generation; None if nothing was published.
        has_registry: Whether MLflow's registry is included; False if a tracking server keeps it,
            or if there was none.
        artifacts_root: Absolute path of MLflow's artifacts folder when the backup was made.
            MLflow's database contains this path, and a restore replaces it by the new one.
        members: All files in the archive except the manifest.
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


def places(settings: Settings) -> dict[str, Path]:
    """Return the file or folder on disk of each part of a backup, by its path in the archive.

    MLflow's database and artifacts are left out if a tracking server keeps them.
    """
    found = {
        DATABASE: settings.database_path,
        MODELS: settings.models_path,
        PUBLISHED: settings.published_path,
    }
    registry = registry_path(settings)
    if registry is not None:
        found |= {REGISTRY: registry, ARTIFACTS: artifacts_path(settings)}
    return found


def pack(settings: Settings, path: Path, facts: Facts) -> Manifest:
    """Write the state of the product into an archive; the caller holds the writer's lock.

    Args:
        settings: Paths of warehouse and registry.
        path: Archive to write.
        facts: What the manifest says about the state.

    Returns:
        The manifest of the archive.

    Raises:
        OSError: A file or folder cannot be read, or the archive cannot be written.
        sqlite3.Error: MLflow's database cannot be read.
    """
    parts = places(settings)
    has_registry = REGISTRY in parts and parts[REGISTRY].exists()
    with (
        # dereference: two names of one file are stored as two files, because links are refused
        tarfile.open(path, "w", format=tarfile.PAX_FORMAT, dereference=True) as archive,
        tempfile.TemporaryDirectory() as scratch,
    ):
        if has_registry:
            copy = Path(scratch) / "mlflow.db"
            _copy_sqlite(parts[REGISTRY], copy)
            parts[REGISTRY] = copy
        else:
            parts = {part: place for part, place in parts.items() if part.startswith("warehouse")}
        manifest = Manifest(
            format_version=FORMAT_VERSION,
            made_at=datetime.now(UTC).replace(microsecond=0),
            schema_version=newest_version(),
            data_set=facts.data_set,
            champion=facts.champion,
            generation_id=facts.generation_id,
            has_registry=has_registry,
            artifacts_root=str(artifacts_path(settings)),
            members=tuple(
                _add(archive, name, path)
                for part, place in parts.items()
                for name, path in files_of(part, place)
            ),
        )
        content = manifest.model_dump_json(indent=1).encode()
        info = tarfile.TarInfo(MANIFEST_NAME)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return manifest


def files_of(part: str, place: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files of one part of a backup, sorted by path.

    Files in the warehouse's folders that the product did not write are left out, such as hidden,
    half-written or damaged ones.

    Args:
        part: Path of the part in the archive.
        place: File or folder of the part.

    Yields:
        For each file, its path in the archive and its path on disk.

    Raises:
        OSError: This user may not read a folder.
    """
    if place.is_file():
        yield part, place
    elif place.exists():
        for path in _walk(place):
            inside = path.relative_to(place).as_posix()
            if part == ARTIFACTS or _STATE.fullmatch(inside):
                yield f"{part}/{inside}", path


def _walk(folder: Path) -> list[Path]:
    """List all files below a folder; unlike ``Path.rglob``, fail at a folder that is forbidden."""

    def fail(error: OSError) -> None:
        raise error

    found = os.walk(folder, onerror=fail, followlinks=True)
    return sorted(Path(parent, name) for parent, _, names in found for name in names)


def _copy_sqlite(source: Path, target: Path) -> None:
    """Copy an SQLite database as of one moment, even while other processes write to it."""
    with closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        connection.execute("VACUUM INTO ?", [str(target)])


def _add(archive: tarfile.TarFile, name: str, path: Path) -> Member:
    # one open file for hash and content, because readers' status.json may be replaced in between
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        stream.seek(0)
        info = archive.gettarinfo(arcname=name, fileobj=stream)
        archive.addfile(info, stream)
    return Member(path=name, bytes=info.size, sha256=digest, mode=info.mode & 0o777)


def unpack(archive_path: Path, target_of: Callable[[str], Path]) -> Manifest:
    """Unpack a backup and compare every file with its entry in the manifest.

    After an error, files that were unpacked before it remain; the caller removes them.

    Args:
        archive_path: The backup.
        target_of: Function that returns the target folder of a file, given the file's path in the
            archive. The whole path is created below the target folder.

    Returns:
        The manifest of the backup.

    Raises:
        RefusedError: The archive is incomplete or not a backup; the message says what was found.
    """
    try:
        with tarfile.open(archive_path, "r:") as archive:
            return _unpack(archive, target_of)
    except RefusedError as error:
        raise RefusedError(f"{archive_path}: {error}") from error
    except (OSError, tarfile.TarError) as error:
        raise RefusedError(f"{archive_path} cannot be read as a backup: {error}") from error


def _unpack(archive: tarfile.TarFile, target_of: Callable[[str], Path]) -> Manifest:
    infos = {info.name: info for info in archive}
    for name, info in infos.items():
        # a sparse file takes a thousand times the room that its archive takes
        if not info.isreg() or info.issparse():
            raise RefusedError(f"{name!r} is not a plain file; a backup holds no others")
        inside = PurePosixPath(name)
        is_known = name == MANIFEST_NAME or any(inside.is_relative_to(part) for part in PARTS)
        if ".." in inside.parts or not is_known:
            raise RefusedError(f"{name!r} is none of a backup's places (warehouse/ and registry/)")
    last = infos.pop(MANIFEST_NAME, None)
    content = last and archive.extractfile(last)
    if not content:
        raise RefusedError(f"no {MANIFEST_NAME} at its end: it was cut off, or is no backup")
    manifest = _read_manifest(content.read())
    expected = {member.path: member for member in manifest.members}
    for name in sorted(expected.keys() | infos.keys()):
        found = None
        if name in infos:
            folder, mode = target_of(name), infos[name].mode & 0o777
            archive.extract(name, folder, filter="data")
            path = folder / name
            path.chmod(mode)
            size = path.stat().st_size
            found = Member(path=name, bytes=size, sha256=sha256_of(path), mode=mode)
        if found != expected.get(name):
            raise RefusedError(
                f"{name} is not what the manifest says: found {_in_words(found)}, expected "
                f"{_in_words(expected.get(name))}"
            )
    return manifest


def _read_manifest(content: bytes) -> Manifest:
    try:
        version = json.loads(content)["format_version"]
        if version != FORMAT_VERSION:
            raise RefusedError(
                f"it has the format version {version}, expected {FORMAT_VERSION}: another version "
                "of the product wrote it"
            )
        return Manifest.model_validate_json(content)
    except (ValueError, KeyError, TypeError) as error:
        raise RefusedError(f"{MANIFEST_NAME} cannot be read: {error}") from error


def _in_words(member: Member | None) -> str:
    return "nothing" if member is None else f"{member.bytes:,} bytes of hash {member.sha256[:12]}"


def free_bytes(folder: Path) -> int:
    """Return the number of free bytes on a folder's disk; the folder need not exist yet."""
    return shutil.disk_usage(existing_folder(folder)).free


def existing_folder(folder: Path) -> Path:
    """Return the folder, or its nearest parent that exists.

    If the folder does not exist yet, free space and permissions are checked at this parent.
    """
    return next(each for each in (folder, *folder.parents) if each.exists())
