"""Remove old generations, and models that no kept generation uses, from ``published/``.

Entry point: :func:`remove_old`. The current generation stays whatever its age. Archived vintages
stay too; see :mod:`rossmann_ml.publish.vintages`.
"""

from __future__ import annotations

from pathlib import Path

from rossmann_ml.base import files
from rossmann_ml.base.settings import Settings
from rossmann_ml.serving.generations import list_generations, model_versions_of, reading


def remove_old(settings: Settings, *, generations_kept: int) -> list[Path]:
    """Remove all but the newest generations, then the models that the kept ones do not use.

    A reader that has a removed file open can read on until it closes the file.

    Args:
        settings: Settings with the folder of published files.
        generations_kept: Number of newest generations to keep. The current generation is kept even
            if it is older.

    Returns:
        Removed files and folders.
    """
    kept, removed = [], []
    for rank, generation in enumerate(list_generations(settings)):
        if rank < generations_kept or generation.is_current:
            kept.append(generation.path)
        else:
            removed.append(generation.path)
    needed: set[str] = set()
    for path in kept:
        with reading(path) as connection:
            needed.update(model_versions_of(connection))
    # without a readable generation, the models that are needed are unknown
    bundles = sorted((settings.published_path / "models").glob("*")) if kept else []
    removed += [bundle for bundle in bundles if bundle.name not in needed]
    for path in removed:
        files.remove(path)
    return removed
