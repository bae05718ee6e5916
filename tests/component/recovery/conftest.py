"""A published place in which nothing is wrong, and a second writer in it."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest
from support.backups import make_registry
from support.doctor import hold_lock

from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.publishing import PublishedGeneration
from rossmann_ml.recovery import back_up
from rossmann_ml.training import tracking
from rossmann_ml.training.registry_files import registry_path

Published = tuple[Settings, PublishedGeneration]


@pytest.fixture
def place(published_generation: Published, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A published place in which nothing is wrong."""
    settings, _ = published_generation
    registry = registry_path(settings)
    assert registry is not None
    registry.parent.mkdir(parents=True)
    registry.touch()
    monkeypatch.setattr(tracking, "alias_version", lambda _: "1")
    return settings


@pytest.fixture
def other_writer(place: Settings):
    context = multiprocessing.get_context("spawn")
    held, done = context.Event(), context.Event()
    process = context.Process(target=hold_lock, args=(place, held, done))
    process.start()
    assert held.wait(60)
    yield process
    done.set()
    process.join()


@pytest.fixture
def place_with_registry(
    published_generation: Published, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    settings, _ = published_generation
    # the registry made here is none that MLflow could open
    monkeypatch.setattr(tracking, "alias_version", lambda _: "1")
    make_registry(settings)
    return settings


@pytest.fixture
def archive(place_with_registry: Settings, tmp_path: Path) -> Path:
    path = tmp_path / "kept" / "backup.tar"
    back_up(place_with_registry, path)
    return path
