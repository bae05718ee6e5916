"""Options and fixtures of soak and load: a small chain in a place that every user may enter."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.faults.harness import Place, make_place
from support.faults.kills import Undisturbed, run_undisturbed

from rossmann_ml.base.settings import PROJECT_DIR


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of `make soak` and `make load`."""
    group = parser.getgroup("faults")
    group.addoption("--rounds", type=int, default=25, help="rounds of 8 kills")
    group.addoption("--seed", default="", help="another seed draws other moments")
    group.addoption("--minutes", type=float, default=10, help="minutes of load for each server")
    group.addoption("--connections", type=int, default=64, help="connections to the API")
    group.addoption("--sessions", type=int, default=20, help="visitors of the dashboard")
    group.addoption("--every", type=float, default=20, help="seconds between two publications")


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """Folder of this process; the places of failed tests stay in it."""
    parent = PROJECT_DIR / ".state" / "soak"
    parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=parent))
    made.chmod(0o755)  # one fault runs the job as another user
    yield made
    for name in ("base", "undisturbed", "raw"):
        shutil.rmtree(made / name, ignore_errors=True)
    if not any(made.iterdir()):
        made.rmdir()


@pytest.fixture(scope="session")
def undisturbed(folder: Path) -> Undisturbed:
    """Place that every test copies, with the result that every test expects."""
    return run_undisturbed(make_place(folder / "base", folder / "raw"), folder / "undisturbed")


@pytest.fixture
def place(
    undisturbed: Undisturbed, folder: Path, request: pytest.FixtureRequest
) -> Iterator[Place]:
    """Copy of the place, which is deleted after a passed test."""
    copy = undisturbed.base.copy_to(folder / request.node.name)
    failed = request.session.testsfailed
    yield copy
    if request.session.testsfailed == failed:
        shutil.rmtree(copy.folder)
