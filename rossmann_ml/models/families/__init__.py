"""Find model families: one module per family, named like the family in ``params.yaml``.

Each module defines ``FAMILY_MODEL``, a subclass of :class:`rossmann_ml.models.base.Model`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from rossmann_ml.base.plugins import module_names

if TYPE_CHECKING:
    from rossmann_ml.models.base import Model


def family_names() -> list[str]:
    """Return the names of all model families, in alphabetical order."""
    return module_names(__name__)


def model_class(family: str) -> type[Model]:
    """Import the module of a model family and return its model class.

    It is imported only when needed, because importing LightGBM, XGBoost or CatBoost is slow.

    Raises:
        ValueError: No family has that name.
    """
    if family not in family_names():
        raise ValueError(
            f"no model family is named {family!r}; there are: {', '.join(family_names())}"
        )
    found: type[Model] = import_module(f"{__name__}.{family}").FAMILY_MODEL
    return found
