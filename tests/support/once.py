"""Things that take long to make, made once for all workers of a run of the tests."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from filelock import FileLock

T = TypeVar("T")


def made_once(
    factory: pytest.TempPathFactory, name: str, make: Callable[[Path], T], *, copied: bool = True
) -> tuple[Path, T]:
    """Make something for all workers, or take what another worker made.

    Args:
        factory: Pytest's own.
        name: Of the folder.
        make: Fills the folder, and returns what else there is to know of it, which is pickled.
        copied: Whether this worker gets a copy: of what leaves locks or logs where it is read.

    Returns:
        The folder, which no test may change, and what ``make`` returned.
    """
    base = factory.getbasetemp()
    # xdist gives every worker a folder of its own below one that they share
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, known = shared / name, shared / f"{name}.pickle"
    with FileLock(shared / f"{name}.lock"):
        if not known.exists():
            folder.mkdir()
            known.write_bytes(pickle.dumps(make(folder)))
        made: T = pickle.loads(known.read_bytes())
    if not copied:
        return folder, made
    own = factory.mktemp(f"{name}_of_worker") / name
    shutil.copytree(folder, own)
    return own, made
