"""The shape of the library: few packages, few modules in each, tests in the same order.

Definition: ``docs/explanation/architecture.md``.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from rossmann_ml.base.settings import PROJECT_DIR

LIBRARY = PROJECT_DIR / "rossmann_ml"
MOST = 15
MAY_LIE_LOOSE = {"__init__.py", "__main__.py", "py.typed"}


def folders_below(folder: Path) -> list[Path]:
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_dir() and "__pycache__" not in path.parts and any(path.glob("*.py"))
    ]


PACKAGES = [path for path in folders_below(LIBRARY) if path.parent == LIBRARY]


def test_every_module_is_in_a_package() -> None:
    files = {path.name for path in LIBRARY.iterdir() if path.is_file()}
    assert files <= MAY_LIE_LOOSE
    assert len(PACKAGES) <= MOST


@pytest.mark.parametrize("folder", folders_below(LIBRARY), ids=lambda path: path.name)
def test_a_package_has_few_modules_and_a_docstring(folder: Path) -> None:
    modules = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
    assert len(modules) <= MOST, f"{folder} holds {len(modules)} modules"
    assert (folder / "__init__.py").read_text(encoding="utf-8").startswith('"""')


def test_the_contract_on_layers_names_every_package() -> None:
    project = tomllib.loads((PROJECT_DIR / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (layers,) = [each["layers"] for each in contracts if each["type"] == "layers"]
    named = [name.strip() for layer in layers for name in layer.split("|")]
    assert sorted(named) == sorted(path.name for path in PACKAGES)


@pytest.mark.parametrize("kind", ["unit", "component"])
def test_tests_are_sorted_by_the_packages(kind: str) -> None:
    known = {path.name for path in PACKAGES} | {"app", "project"}
    tests = {path.name for path in folders_below(PROJECT_DIR / "tests" / kind)}
    assert tests <= known
