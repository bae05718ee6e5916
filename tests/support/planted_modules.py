"""Add modules to a package for a test, like a new file in its folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType


@contextmanager
def planted(package: ModuleType, name: str, source: str, folder: Path) -> Iterator[None]:
    """Add a module to a package until the end of the block.

    Args:
        package: Package of the module.
        name: Name of the module.
        source: Source text of the module.
        folder: Folder below which the file is written.
    """
    own = folder / f"with_{name}"
    own.mkdir(parents=True)
    (own / f"{name}.py").write_text(source, encoding="utf-8")
    package.__path__.append(str(own))
    try:
        yield
    finally:
        package.__path__.remove(str(own))
        sys.modules.pop(f"{package.__name__}.{name}", None)


def plan_group(meanings: Mapping[str, str], cause: str, *, look_back_days: int = 0) -> str:
    """Return the source of a group of plan features that count open days up to a day."""
    return f"""
import numpy as np

from rossmann_ml.features.groups import PlanGroup


def _compute(plan, stores):
    running = np.cumsum(plan.is_open, axis=1)
    before = np.pad(running, ((0, 0), ({look_back_days + 1}, 0)))[:, : plan.days]
    return {{name: running - before for name in {list(meanings)}}}


GROUP = PlanGroup(
    meanings={dict(meanings)},
    cause={cause!r},
    compute=_compute,
    look_back_days={look_back_days},
    categorical={tuple(meanings)},
)
"""
