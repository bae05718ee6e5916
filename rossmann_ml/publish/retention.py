"""Remove old generations, and models that no kept generation uses, from ``published/``.

Entry points: :func:`remove_old`; :func:`damaged_files` lists what only a person removes. The
current generation stays whatever its age. Archived vintages stay too; see
:mod:`rossmann_ml.publish.vintages`.
"""

from __future__ import annotations

from pathlib import Path

from rossmann_ml.base import files
from rossmann_ml.base.errors import DamagedError, RossmannError
from rossmann_ml.base.settings import Settings
from rossmann_ml.serving.generations import model_versions_of, read_generations, reading


def remove_old(settings: Settings, *, generations_kept: int) -> list[Path]:
    """Remove all but the newest generations, then the models that the kept ones do not use.

    A reader that has a removed file open can read on until it closes the file. Damaged files that
    were moved aside stay, because a person may want to know what happened to them.

    Args:
        settings: Settings with the folder of published files.
        generations_kept: Number of newest generations to keep. The current generation is kept even
            if it is older.

    Returns:
        Removed files and folders.
    """
    kept, removed = [], []
    found, unread = read_generations(settings)
    for rank, generation in enumerate(found):
        if rank < generations_kept or generation.is_current:
            kept.append(generation.path)
        else:
            removed.append(generation.path)
    needed: set[str] = set()
    for path in kept:
        with reading(path) as connection:
            needed.update(model_versions_of(connection))
    # the models that an unreadable generation needs are unknown
    is_known = kept and not any(map(_may_become_readable, unread.values()))
    bundles = sorted((settings.published_path / "models").glob("*")) if is_known else []
    removed += [
        bundle
        for bundle in bundles
        if bundle.name not in needed and not bundle.name.endswith(files.ASIDE)
    ]
    for path in removed:
        files.remove(path)
    for digest in settings.published_path.glob("*.duckdb.sha256"):
        if not digest.with_suffix("").exists():
            files.remove(digest)
    return removed


def damaged_files(settings: Settings) -> list[Path]:
    """Return the damaged files and folders that were moved aside; a person may remove them."""
    folders = ("published", "published/models", "published/vintages", "models")
    found = (settings.warehouse_path.glob(f"{folder}/*{files.ASIDE}") for folder in folders)
    return sorted(path for each in found for path in each)


def _may_become_readable(error: RossmannError) -> bool:
    """Return whether a generation is unreadable only for a while, for example because it is busy.

    A changed one counts too, because a person may decide to keep it.
    """
    return not isinstance(error, DamagedError)
