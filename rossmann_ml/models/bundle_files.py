"""Check the files of a bundle by their hash before a model library reads them, and put them back.

A bundle's name ends with a hash of its files, and its file ``sha256sums`` has a digest per file.
Entry points: :func:`name_files` for a new bundle, :func:`require_whole` and
:func:`require_current` for readers, :func:`put_back` for a bundle that is missing or damaged. Model
libraries may end the process when they read damaged files, so nothing is passed to them unchecked.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rossmann_ml.base import files
from rossmann_ml.base.errors import DamagedError, NoDataError, RossmannError
from rossmann_ml.base.storage_faults import fault_of

SUMS_NAME, METADATA_NAME = "sha256sums", "bundle.json"
FORMAT_VERSION = 4
"""Number of the format of bundles. 1: intervals have one half-width per week of the horizon. 3: no
correction of the chain's level."""
_READABLE = (3, FORMAT_VERSION)
ADVICE = (
    "; `rossmann doctor --fix` fetches its files from a copy if there is one; else retrain with "
    "`rossmann refresh --retrain fast`, or `rossmann restore` a backup"
)
RETRAIN = ": train again with `rossmann refresh --retrain full`"
_HASH_LENGTH = 8
_BLOCK_BYTES = 1024 * 1024
BUNDLE_NAME = r"[\w-]+-[0-9a-f]{8}"
"""Regular expression for the name of a bundle: its prefix and its hash."""


def name_files(folder: Path) -> str:
    """Write ``sha256sums``, which ``sha256sum -c`` reads, into a folder of finished files.

    All files are flushed to disk, because the folder's name will say that they are whole.

    Returns:
        Hash of the files' names and contents: 8 hexadecimal digits, the end of the bundle's name.
    """
    digests, whole = _digests(folder, _names(folder))
    lines = [f"{digest}  {name}\n" for name, digest in digests.items()]
    (folder / SUMS_NAME).write_text("".join(lines), encoding="utf-8")
    for path in folder.iterdir():
        files.sync(path)
    return whole


def require_whole(folder: Path, model_version: str, *, advice: str = ADVICE) -> None:
    """Check that a bundle's files are those that were saved.

    A bundle that an earlier version saved has no ``sha256sums``; the hash in its name is checked.

    Args:
        folder: Folder with the files; the copy in MLflow has another name than the bundle.
        model_version: Name of the bundle.
        advice: End of the message, which says what a person can do.

    Raises:
        NoDataError: There is no such folder.
        DamagedError: A file is missing, or has another content than when it was saved.
        ForbiddenError: This user may not read a file.
    """
    try:
        if not folder.is_dir():
            raise NoDataError(
                f"the files of model {model_version} are not in {folder.parent}{advice}"
            )
        sums = _sums(folder)
        digests, whole = _digests(folder, sorted(sums) or _names(folder))
    except OSError as error:
        raise fault_of(error) or fault_of(error, folder) or error from error
    compared = [(folder / name, sums.get(name, found), found) for name, found in digests.items()]
    compared.append((folder, model_version.rpartition("-")[2], whole))
    for path, expected, found in compared:
        if expected != found:
            raise DamagedError(
                f"the bundle of model {model_version} is damaged: the hash of {path} is "
                f"{found[:12]}, expected {expected[:12]}{advice}"
            )


def require_current(folder: Path, model_version: str, *, advice: str = RETRAIN) -> None:
    """Check that a whole bundle has the format of this version of the product.

    Args:
        folder: Folder with the files.
        model_version: Name of the bundle.
        advice: End of the message, which says what a person can do.

    Raises:
        NoDataError: An earlier or a newer version of the product trained the model.
    """
    found = format_of(folder)
    if found not in _READABLE:
        other = "an earlier" if found < FORMAT_VERSION else "a newer"
        raise NoDataError(
            f"model {model_version} was trained by {other} version of the product{advice}"
        )


def format_of(folder: Path) -> int:
    """Read the format version of a bundle.

    Args:
        folder: Folder with the files.

    Returns:
        The version; 1 if the metadata have none, the current one if they are missing or damaged.
    """
    return int(_metadata(folder).get("format_version", 1))


def outdated(folder: Path, horizon_days: int) -> str:
    """Say why a bundle can no longer forecast the horizon; empty if it can.

    Args:
        folder: Folder with the files.
        horizon_days: Number of days to forecast after the origin.

    Returns:
        End of a sentence about the model. Missing and damaged metadata are no reason, because
        :func:`require_whole` finds them.
    """
    if format_of(folder) not in _READABLE:
        return "is of another version of the product"
    if is_too_short(folder, horizon_days):
        return f"was trained for a shorter horizon than {horizon_days} days"
    return ""


def is_too_short(folder: Path, horizon_days: int) -> bool:
    """Return whether a bundle was trained for fewer days than the horizon; arguments as above."""
    return int(_metadata(folder).get("horizon_days", horizon_days)) < horizon_days


def _metadata(folder: Path) -> dict[str, Any]:
    """Read ``bundle.json``; current values of no model if it is missing or damaged."""
    try:
        metadata = json.loads((folder / METADATA_NAME).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        metadata = None
    return metadata if isinstance(metadata, dict) else {"format_version": FORMAT_VERSION}


def is_whole(folder: Path, model_version: str) -> bool:
    """Return whether a folder has a bundle's files, all of them as they were saved.

    Raises:
        ForbiddenError: This user may not read a file, so its content may be fine.
    """
    try:
        require_whole(folder, model_version)
    except (NoDataError, DamagedError):
        return False
    return True


def bundles_in(folder: Path) -> list[Path]:
    """List the folders in a folder that are named like bundles, sorted; none if it is missing.

    Raises:
        OSError: This user may not read the folder.
    """
    try:
        return sorted(path for path in folder.iterdir() if re.fullmatch(BUNDLE_NAME, path.name))
    except FileNotFoundError:
        return []


def put_back(folder: Path, copies: Iterable[Path]) -> Path | None:
    """Replace the folder of a bundle by the first of its copies that is whole.

    The copy is written and checked under a hidden name before the damaged folder is renamed to
    ``<name>.damaged``. The caller holds the writer's lock.

    Args:
        folder: Folder to replace; its name is the model version.
        copies: Folders that may have the same files.

    Returns:
        The copy that was used; None if none is whole, then nothing is changed.

    Raises:
        OSError: A file cannot be written; the damaged folder is where it was.
    """
    fresh = files.temporary_name(folder)
    for copy in copies:
        try:
            require_whole(copy, folder.name)
            files.remove(fresh)
            shutil.copytree(copy, fresh)
            require_whole(fresh, folder.name)
            for path in fresh.rglob("*"):
                files.sync(path)
        except RossmannError:  # a copy that cannot be used; the next may be whole
            continue
        else:
            files.move_aside(folder)
            files.move_into_place(fresh, folder)
            return copy
        finally:
            files.remove(fresh)
    return None


def _sums(folder: Path) -> dict[str, str]:
    """Read the digests by file name; empty for a bundle without ``sha256sums``."""
    path = folder / SUMS_NAME
    if not os.path.lexists(path):
        return {}
    if not path.is_file():
        return {SUMS_NAME: "a plain file"}
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    parts = (line.partition("  ") for line in lines)
    return {name: digest for digest, _, name in parts}


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != SUMS_NAME)


def _digests(folder: Path, names: Iterable[str]) -> tuple[dict[str, str], str]:
    """Return the digest of each file, ``nothing`` if it is missing, and the hash of all of them."""
    digests, whole = {}, hashlib.sha256()
    # a damaged line of `sha256sums` names anything, so its name is compared and never opened
    there = {path.name: path for path in folder.iterdir()}
    for name in names:
        whole.update(name.encode(errors="surrogateescape"))
        own = hashlib.sha256()
        if name == SUMS_NAME or name not in there or not there[name].is_file():
            digests[name] = "nothing"
            continue
        with there[name].open("rb") as stream:
            while block := stream.read(_BLOCK_BYTES):
                own.update(block)
                whole.update(block)
        digests[name] = own.hexdigest()
    return digests, whole.hexdigest()[:_HASH_LENGTH]
