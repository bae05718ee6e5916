"""Data that tests of every room share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from filelock import FileLock

from rossmann_ml.sample import write_sample
from rossmann_ml.sample.writer import is_sample

pytest_plugins = [
    "support.built_core",
    "support.published",
    "support.code_location",
    "support.stand_in_bundle",
]


@pytest.fixture(scope="session")
def sample_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a made chain of 40 stores; shared, so no test may change them."""
    base = tmp_path_factory.getbasetemp()
    # xdist gives every worker a folder of its own below one that they share
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / "sample-40-7"
    with FileLock(shared / "sample-40-7.lock"):
        if not is_sample(folder):
            write_sample(folder, stores=40, seed=7)
    return folder


@pytest.fixture(scope="session")
def real_data_dir() -> Path:
    """The folder of the real files, for tests marked ``real_data``."""
    named = os.environ.get("ROSSMANN_RAW_DIR", "")
    if not named:
        pytest.skip("ROSSMANN_RAW_DIR does not name the folder of the real files")
    folder = Path(named)
    if is_sample(folder) or not (folder / "train.csv").exists():
        pytest.skip(f"ROSSMANN_RAW_DIR={named} does not hold the real files")
    return folder
