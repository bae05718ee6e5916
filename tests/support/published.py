"""Fixtures of a small warehouse, and of a generation published from it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from rossmann_ml.base.params import Params, load_params
from rossmann_ml.base.settings import PROJECT_DIR, Settings
from rossmann_ml.publish.publishing import PublishedGeneration, publish
from rossmann_ml.warehouse.session import Session
from support.once import made_once
from support.small_warehouse import build_small_warehouse, small_settings


@pytest.fixture(scope="session")
def project_params() -> Params:
    """Return the project's parameters."""
    return load_params(PROJECT_DIR / "params.yaml")


@pytest.fixture(scope="session")
def shared_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Return a small warehouse before its first publication; read-only for tests."""

    def make(folder: Path) -> None:
        build_small_warehouse(small_settings(folder))

    return small_settings(made_once(tmp_path_factory, "filled", make)[0])


@pytest.fixture(scope="session")
def shared_published(
    shared_warehouse: Settings,
    tmp_path_factory: pytest.TempPathFactory,
    project_params: Params,
) -> tuple[Settings, PublishedGeneration]:
    """Return the same warehouse and its published generation; read-only for tests."""

    def make(folder: Path) -> PublishedGeneration:
        settings = copy_of(shared_warehouse, folder)
        return publish(Session(settings, project_params), run_id="weekly-1")

    folder, generation = made_once(tmp_path_factory, "published", make)
    settings = small_settings(folder)
    path = settings.published_path / generation.path.name
    return settings, replace(generation, path=path)


@pytest.fixture
def small_warehouse(shared_warehouse: Settings, tmp_path: Path) -> Settings:
    """Return a small warehouse that the test may change, before its first publication."""
    return copy_of(shared_warehouse, tmp_path)


@pytest.fixture
def published_generation(
    shared_published: tuple[Settings, PublishedGeneration], tmp_path: Path
) -> tuple[Settings, PublishedGeneration]:
    """Return a small warehouse that the test may change, and its published generation."""
    shared, generation = shared_published
    settings = copy_of(shared, tmp_path)
    path = settings.published_path / generation.path.name
    return settings, replace(generation, path=path)


def copy_of(settings: Settings, folder: Path) -> Settings:
    """Return a copy of a warehouse in another folder."""
    shutil.copytree(settings.warehouse_path, folder / "warehouse", dirs_exist_ok=True)
    return small_settings(folder)


def keeping(params: Params, generations: int) -> Params:
    """Return parameters that keep another number of generations."""
    publish = params.publish.model_copy(update={"generations_kept": generations})
    return params.model_copy(update={"publish": publish})
