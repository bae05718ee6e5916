"""The model families, one module each; a family's name is that of its module.

A module defines ``FAMILY_MODEL``, the class that keeps :class:`rossmann_ml.models.base.Model`. It
is found by its name in ``params.yaml``. Belongs here: nothing that all families share.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from rossmann_ml.base.plugins import module_names

if TYPE_CHECKING:
    from rossmann_ml.models.base import Model


def family_names() -> list[str]:
    """Return the names of the families there are, in alphabetical order."""
    return module_names(__name__)


def model_class(family: str) -> type[Model]:
    """Return the class of a family; its library is imported only now, as that takes a moment.

    Raises:
        ValueError: No module has that name.
    """
    if family not in family_names():
        raise ValueError(
            f"no model family is named {family!r}; there are: {', '.join(family_names())}"
        )
    found: type[Model] = import_module(f"{__name__}.{family}").FAMILY_MODEL
    return found
