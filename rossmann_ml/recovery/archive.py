"""Write the file of a backup: a tar file with the state of the product.

Entry points: :func:`pack`, :func:`places`. The state is the warehouse, the models, the published
generations and MLflow's registry. The last file in the tar file, ``manifest.json``,
lists all others with size and hash, so that a truncated archive is recognised. Dagster's run
history, logs, the retailer's files and files that are not the product's are not included.
:mod:`~rossmann_ml.recovery.backup` makes backups, :mod:`~rossmann_ml.recovery.unpacking` reads
them.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rossmann_ml.base import files
from rossmann_ml.base.errors import RefusedError
from rossmann_ml.base.settings import Settings
from rossmann_ml.base.strict import StrictModel
from rossmann_ml.models.bundle_files import BUNDLE_NAME
from rossmann_ml.training.registry_files import (
    artifacts_path,
    former_artifacts_path,
    registry_path,
)
from rossmann_ml.training.tracking import EXPERIMENT
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
        artifacts_root: Absolute path of the artifacts folder that MLflow's database names, which a
            restore replaces by the new one.
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


def pack(settings: Settings, path: Path, facts: Facts, scratch: Path) -> Manifest:
    """Write the state of the product into an archive; the caller holds the writer's lock.

    Args:
        settings: Paths of warehouse and registry.
        path: Archive to write.
        facts: What the manifest says about the state.
        scratch: New folder for a copy of MLflow's database; the caller removes it.

    Returns:
        The manifest of the archive.

    Raises:
        RefusedError: Something that is no plain file has the name of a file.
        OSError: A file or folder cannot be read, or the archive cannot be written.
        sqlite3.Error: MLflow's database cannot be read.
    """
    parts = places(settings)
    has_registry = REGISTRY in parts and os.path.lexists(parts[REGISTRY])
    root = artifacts_path(settings)
    # dereference: two names of one file are stored as two files, because links are refused
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT, dereference=True) as archive:
        if has_registry:
            scratch.mkdir()
            copy = scratch / "mlflow.db"
            _copy_sqlite(parts[REGISTRY], copy)
            parts[REGISTRY] = copy
            # a copied folder's database still names the original's, until a training
            root = former_artifacts_path(settings, EXPERIMENT) or root
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
            artifacts_root=str(root),
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
        RefusedError: Something that is no plain file has the name of a file.
        OSError: This user may not read a folder, or something else is in its place.
    """
    if place.is_file() and part in (DATABASE, REGISTRY):
        yield part, place
    elif os.path.lexists(place):
        for path in _walk(place):
            inside = path.relative_to(place).as_posix()
            if part == ARTIFACTS or _STATE.fullmatch(inside):
                if not path.is_file():  # a pipe would block, a link may lead nowhere
                    raise RefusedError(f"{path} is no plain file: move it away or delete it")
                yield f"{part}/{inside}", path


def _walk(folder: Path) -> list[Path]:
    """List all files below a folder; unlike ``Path.rglob``, fail at a folder that is forbidden."""

    def fail(error: OSError) -> None:
        raise error

    found = os.walk(folder, onerror=fail, followlinks=True)
    return sorted(Path(parent, name) for parent, _, names in found for name in names)


def _copy_sqlite(source: Path, target: Path) -> None:
    """Copy an SQLite database as of one moment, even while other processes write to it."""
    files.require_plain(source)
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


def free_bytes(folder: Path) -> int:
    """Return the number of free bytes on a folder's disk; the folder need not exist yet."""
    return shutil.disk_usage(existing_folder(folder)).free


def existing_folder(folder: Path) -> Path:
    """Return the folder, or its nearest parent that exists.

    If the folder does not exist yet, free space and permissions are checked at this parent.
    """
    return next(each for each in (folder, *folder.parents) if each.exists())
