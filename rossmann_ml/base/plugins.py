"""List the modules of a package, so that a model family or feature group is added as one file.

Entry point: :func:`module_names`. The docstring of each package, such as
:mod:`rossmann_ml.models.families`, says what its modules must define.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module


def module_names(package: str) -> list[str]:
    """Return the names of a package's modules in alphabetical order.

    Args:
        package: Full name of the package.

    Returns:
        Module names without the package's name; names that begin with an underscore are omitted.
    """
    found = pkgutil.iter_modules(import_module(package).__path__)
    return sorted(each.name for each in found if not each.name.startswith("_"))
