"""Unpack the file of a backup, which may be damaged or not be a backup at all.

Entry point: :func:`unpack`. Whatever the bytes are, they are unpacked into the given folders only,
or refused by one message. See :mod:`~rossmann_ml.recovery.archive` for the contents of a backup.
"""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from rossmann_ml.base.digests import sha256_of
from rossmann_ml.base.errors import RefusedError
from rossmann_ml.recovery.archive import (
    DATABASE,
    FORMAT_VERSION,
    MANIFEST_NAME,
    PARTS,
    REGISTRY,
    Manifest,
    Member,
    existing_folder,
    free_bytes,
)

# a folder of artifacts has less than ten; deleting a very deep folder fails
_MOST_FOLDERS = 40
# what Python and tarfile raise for bytes that no backup has, such as numbers beyond any size
_UNREADABLE = (tarfile.TarError, ValueError, OverflowError, RecursionError, MemoryError)


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
        RefusedError: The archive is incomplete or not a backup, or a disk has too little room; the
            message says what was found.
    """
    try:
        with tarfile.open(archive_path, "r:") as archive:
            return _unpack(archive, target_of)
    except RefusedError as error:
        raise RefusedError(f"{archive_path}: {error}") from error
    except OSError as error:
        raise RefusedError(f"{archive_path} cannot be unpacked: {error}") from error
    except _UNREADABLE as error:
        raise RefusedError(f"{archive_path} cannot be read as a backup: {error}") from error


def _unpack(archive: tarfile.TarFile, target_of: Callable[[str], Path]) -> Manifest:
    infos = {info.name: info for info in archive}
    for name, info in infos.items():
        _require_place(name)
        # a sparse file takes a thousand times the room that its archive takes
        if not info.isreg() or info.issparse():
            raise RefusedError(f"{name!r} is not a plain file; a backup holds no others")
    last = infos.pop(MANIFEST_NAME, None)
    content = last and archive.extractfile(last)
    if not content:
        raise RefusedError(f"no {MANIFEST_NAME} at its end: it was cut off, or is no backup")
    manifest = _read_manifest(content.read())
    _require_room(infos, target_of)
    expected = {member.path: member for member in manifest.members}
    for name in sorted(expected.keys() | infos.keys()):
        found = None
        if name in infos:
            found = _write(archive, infos[name], target_of(name) / name)
        if found != expected.get(name):
            raise RefusedError(
                f"{name} is not what the manifest says: found {_in_words(found)}, expected "
                f"{_in_words(expected.get(name))}"
            )
    return manifest


def _require_place(name: str) -> None:
    inside = PurePosixPath(name)
    is_known = name in (MANIFEST_NAME, DATABASE, REGISTRY) or any(
        part in map(str, inside.parents) for part in PARTS if part not in (DATABASE, REGISTRY)
    )
    if ".." in inside.parts or not is_known or len(inside.parts) > _MOST_FOLDERS:
        raise RefusedError(f"{name!r} is none of a backup's places (warehouse/ and registry/)")


def _require_room(infos: Mapping[str, tarfile.TarInfo], target_of: Callable[[str], Path]) -> None:
    """Compare the sizes of all files with the free space of each disk that they are written to."""
    needed: dict[int, int] = {}
    for name, info in infos.items():
        disk = existing_folder(target_of(name)).stat().st_dev
        needed[disk] = needed.get(disk, 0) + info.size
    for folder in {target_of(name) for name in infos}:
        total, free = needed[existing_folder(folder).stat().st_dev], free_bytes(folder)
        if total > free:
            raise RefusedError(
                f"its files take {total:,} bytes, the disk of {folder.parent} has {free:,} left"
            )


def _write(archive: tarfile.TarFile, info: tarfile.TarInfo, path: Path) -> Member:
    """Write a file of an archive with its permission bits; owner and time are not the archive's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    source, mode = archive.extractfile(info), info.mode & 0o777
    if source is None:
        raise RefusedError(f"{info.name!r} is not a plain file; a backup holds no others")
    with source, path.open("xb") as target:
        shutil.copyfileobj(source, target)
    digest, size = sha256_of(path), path.stat().st_size
    path.chmod(mode)
    return Member(path=info.name, bytes=size, sha256=digest, mode=mode)


def _read_manifest(content: bytes) -> Manifest:
    try:
        version = json.loads(content)["format_version"]
        if version != FORMAT_VERSION:
            raise RefusedError(
                f"it has the format version {version}, expected {FORMAT_VERSION}: another version "
                "of the product wrote it"
            )
        return Manifest.model_validate_json(content)
    except (*_UNREADABLE, KeyError, TypeError) as error:
        raise RefusedError(f"{MANIFEST_NAME} cannot be read: {error}") from error


def _in_words(member: Member | None) -> str:
    return "nothing" if member is None else f"{member.bytes:,} bytes of hash {member.sha256[:12]}"
