"""What stays in ``published/`` and what goes: old generations, and models nobody needs any more.

The current generation never goes, whatever its age. Archived vintages are not touched.
"""

from __future__ import annotations

from pathlib import Path

from rossmann_ml.base import files
from rossmann_ml.base.settings import Settings
from rossmann_ml.serving.generations import list_generations, model_versions_of, reading


def remove_old(settings: Settings, *, generations_kept: int) -> list[Path]:
    """Remove generations beyond the newest ones, then the models that none of the rest names.

    A reader that has a removed file open reads on: its bytes go when it closes.

    Args:
        settings: Where published files lie.
        generations_kept: How many of the newest stay; the current one stays besides.

    Returns:
        What was removed.
    """
    removed = []
    kept = []
    for rank, generation in enumerate(list_generations(settings)):
        if rank < generations_kept or generation.is_current:
            kept.append(generation)
        else:
            files.remove(generation.path)
            removed.append(generation.path)
    if not kept:
        return removed
    needed: set[str] = set()
    for generation in kept:
        with reading(generation.path) as connection:
            needed.update(model_versions_of(connection))
    models = settings.published_path / "models"
    for bundle in sorted(models.iterdir()) if models.exists() else []:
        if bundle.name not in needed:
            files.remove(bundle)
            removed.append(bundle)
    return removed
