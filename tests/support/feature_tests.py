"""Find the features that have their own test file, besides the tests of all features."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from rossmann_ml.base.params import FeatureParams
from rossmann_ml.base.plugins import module_names

_FOLDER = Path(__file__).parents[1] / "unit" / "features"


def with_own_test(package: str, params: FeatureParams) -> set[str]:
    """Return the features of groups that have ``tests/unit/features/test_<group>.py``."""
    return {
        name
        for module in module_names(package)
        if (_FOLDER / f"test_{module}.py").exists()
        for name in import_module(f"{package}.{module}").GROUP.names(params)
    }
