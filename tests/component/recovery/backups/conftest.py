"""A published place with a registry, and a backup of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.backups import (
    make_registry,
)

from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.publishing import PublishedGeneration
from rossmann_ml.recovery import back_up
from rossmann_ml.training import tracking

Published = tuple[Settings, PublishedGeneration]


@pytest.fixture
def place(published_generation: Published, monkeypatch: pytest.MonkeyPatch) -> Settings:
    settings, _ = published_generation
    # the registry made here is none that MLflow could open
    monkeypatch.setattr(tracking, "alias_version", lambda _: "1")
    make_registry(settings)
    return settings


@pytest.fixture
def archive(place: Settings, tmp_path: Path) -> Path:
    path = tmp_path / "kept" / "backup.tar"
    back_up(place, path)
    return path
