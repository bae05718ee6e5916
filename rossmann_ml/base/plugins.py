"""List the modules of a package whose files are found and not registered.

A model family and a feature group are such a module each: adding a file to the package adds it to
the product. What a module must hold is said by its package.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module


def module_names(package: str) -> list[str]:
    """Return the names of a package's modules in alphabetical order.

    Args:
        package: Its full name.

    Returns:
        Names without the package's; those that begin with an underscore are left out.
    """
    found = pkgutil.iter_modules(import_module(package).__path__)
    return sorted(each.name for each in found if not each.name.startswith("_"))
