"""DVC over the true product: a checkout of its own, reproduced, pushed and pulled."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from support.chain import small_params
from support.object_storage import s3_client
from support.unmeasured import UNMEASURED

from rossmann_ml.base.digests import md5_of
from rossmann_ml.base.settings import PROJECT_DIR

pytestmark = pytest.mark.integration

PARTS = (
    *(".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore", "dvc.yaml", "dagster.yaml"),
    *("data/train.csv.dvc", "data/test.csv.dvc", "data/store.csv.dvc", "data/incoming/.gitkeep"),
    *("rossmann_ml", "assets", "dbt_project"),
)
POINTERS = tuple(f"data/{name}.csv.dvc" for name in ("train", "test", "store"))


class Checkout:
    """A checkout whose raw files are the sample's, with parameters that train in seconds."""

    def __init__(self, home: Path, sample_dir: Path) -> None:
        self.home = home
        self.environment = {
            **{name: value for name, value in os.environ.items() if "ROSSMANN" not in name},
            "ROSSMANN_HOME": str(home),
            "ROSSMANN_THREADS": "1",
            "MLFLOW_TRACKING_URI": "",
            **UNMEASURED,
            "DVC_SITE_CACHE_DIR": str(home / ".state" / "dvc"),
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        for part in PARTS:
            source, target = PROJECT_DIR / part, home / part
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                ignore = shutil.ignore_patterns("__pycache__", "target", "logs")
                shutil.copytree(source, target, ignore=ignore)
            else:
                shutil.copy(source, target)
        params = yaml.safe_dump(small_params().model_dump(), sort_keys=False)
        (home / "params.yaml").write_text(params)
        (home / ".venv").symlink_to(Path(sys.executable).parent.parent)
        subprocess.run(["git", "init", "--quiet", home], check=True)
        shutil.copytree(sample_dir, home / "data" / "raw")

    def dvc(self, *arguments: str) -> str:
        """Run DVC; gives what it said, in one line."""
        done = subprocess.run(
            [Path(sys.executable).with_name("dvc"), *arguments],
            cwd=self.home,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        told = done.stdout + done.stderr
        assert done.returncode == 0, told
        return " ".join(told.split())

    def exports(self) -> dict[str, str]:
        """MD5 of every exported table, by schema and name."""
        folder = self.home / "data" / "exports"
        return {
            f"{path.parent.name}.{path.stem}": md5_of(path) for path in folder.rglob("*.parquet")
        }

    def forget_exports(self) -> None:
        """Remove them here and from DVC's cache, as on a machine that has never had them."""
        shutil.rmtree(self.home / "data" / "exports")
        shutil.rmtree(self.home / ".dvc" / "cache")


@pytest.fixture(scope="module")
def checkout(sample_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return Checkout(tmp_path_factory.mktemp("dvc"), sample_dir)


@pytest.fixture(scope="module")
def first_status(checkout: Checkout) -> str:
    return checkout.dvc("status")


@pytest.fixture(scope="module")
def reproduced(checkout: Checkout, first_status: str) -> Checkout:
    checkout.dvc("commit", "--force", *POINTERS)
    checkout.dvc("repro")
    return checkout


@pytest.fixture
def bucket(reproduced: Checkout, object_storage: dict[str, str]) -> Iterator[str]:
    """The address of an S3 server with an empty bucket."""
    s3_client(object_storage).create_bucket(Bucket="rossmann")
    yield object_storage["AWS_ENDPOINT_URL"]
    (reproduced.home / ".dvc" / "config.local").unlink(missing_ok=True)


def test_status_says_that_files_are_not_the_competitions(first_status: str) -> None:
    for name in ("train", "test", "store"):
        assert f"data/{name}.csv.dvc: changed outs: modified: data/raw/{name}.csv" in first_status


def test_reproducing_runs_the_product_once_and_then_skips(reproduced: Checkout) -> None:
    page = json.loads((reproduced.home / "data" / "data_version.json").read_text())
    assert reproduced.exports() == {name: each["md5"] for name, each in page["tables"].items()}
    known = {
        out["path"].removeprefix("raw/"): out["md5"]
        for pointer in POINTERS
        for out in yaml.safe_load((reproduced.home / pointer).read_text())["outs"]
    }
    landed = {file["name"]: file["md5"] for file in page["landed"]}
    assert {name: landed[name] for name in known} == known
    pointer = (reproduced.home / "warehouse" / "published" / "CURRENT").read_text()
    assert pointer.strip()

    again = reproduced.dvc("repro")
    assert "Stage 'forecasts' didn't change, skipping" in again
    assert "Stage 'tables' didn't change, skipping" in again
    assert "up to date" in reproduced.dvc("status")


def test_a_changed_parameter_is_noticed(reproduced: Checkout) -> None:
    path = reproduced.home / "params.yaml"
    before = path.read_text()
    path.write_text(before.replace("generations_kept: 8", "generations_kept: 9"))
    told = reproduced.dvc("status")
    path.write_text(before)
    assert "forecasts: changed deps: params.yaml: modified" in told


def test_tables_come_back_from_the_local_storage(reproduced: Checkout) -> None:
    before = reproduced.exports()
    reproduced.dvc("push")
    assert (reproduced.home / ".state" / "dvc-storage").is_dir()
    reproduced.forget_exports()
    reproduced.dvc("pull")
    assert reproduced.exports() == before
    assert "up to date" in reproduced.dvc("status")


def test_tables_come_back_from_object_storage(reproduced: Checkout, bucket: str) -> None:
    before = reproduced.exports()
    for name, value in {"url": "s3://rossmann/dvc", "endpointurl": bucket}.items():
        reproduced.dvc("remote", "modify", "--local", "storage", name, value)
    reproduced.dvc("push")
    reproduced.forget_exports()
    reproduced.dvc("pull")
    assert reproduced.exports() == before


def test_own_raw_files_are_shared_once_their_pointers_say_so(reproduced: Checkout) -> None:
    for pointer in POINTERS:
        path = reproduced.home / pointer
        path.write_text(path.read_text().replace("cache: false", "cache: true"))
    reproduced.dvc("commit", "--force", *POINTERS)
    reproduced.dvc("push", *POINTERS)
    raw = reproduced.home / "data" / "raw"
    before = {name: md5_of(raw / f"{name}.csv") for name in ("train", "test", "store")}
    for name in before:
        (raw / f"{name}.csv").unlink()
    shutil.rmtree(reproduced.home / ".dvc" / "cache")
    reproduced.dvc("pull", *POINTERS)
    assert {name: md5_of(raw / f"{name}.csv") for name in before} == before


def test_every_stage_is_a_command_of_the_product() -> None:
    stages = yaml.safe_load((PROJECT_DIR / "dvc.yaml").read_text())["stages"]
    assert {stage["cmd"].split()[0] for stage in stages.values()} == {".venv/bin/rossmann"}
