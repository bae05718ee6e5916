"""Fixtures with data that all groups of tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from support.once import made_once

from rossmann_ml.ingest.sample import write_sample
from rossmann_ml.ingest.sample.writer import is_sample

if os.environ.get("ROSSMANN_TESTS_DO_NOT_SHRINK"):  # mutation testing needs no smallest example
    settings.register_profile("quick to fail", phases=(Phase.explicit, Phase.generate))
    settings.load_profile("quick to fail")

pytest_plugins = [
    "support.built_core",
    "support.checked_suites",
    "support.published",
    "support.code_location",
    "support.dashboard_pages",
    "support.object_storage",
    "support.order",
    "support.stand_in_bundle",
    "support.unmeasured",
]


@pytest.fixture(scope="session")
def sample_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the sample's files for 40 stores; shared, so read-only for tests."""

    def make(folder: Path) -> None:
        write_sample(folder, stores=40, seed=7)

    return made_once(tmp_path_factory, "sample-40-7", make, copied=False)[0]


@pytest.fixture(scope="session")
def real_data_dir() -> Path:
    """Return the folder of the real files, for tests marked ``real_data``."""
    named = os.environ.get("ROSSMANN_RAW_DIR", "")
    if not named:
        pytest.skip("ROSSMANN_RAW_DIR does not name the folder of the real files")
    folder = Path(named)
    if is_sample(folder) or not (folder / "train.csv").exists():
        pytest.skip(f"ROSSMANN_RAW_DIR={named} does not hold the real files")
    return folder
