"""DVC as its users run it: the commands of docs/data-versions.md in clones of the checkout.

The tests of this file are one story and run in their order.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from support.chain import small_params
from support.documents import blocks
from support.object_storage import s3_client
from support.unmeasured import UNMEASURED

from rossmann_ml.base.digests import md5_of
from rossmann_ml.base.settings import PROJECT_DIR
from rossmann_ml.ingest.sample import write_sample

pytestmark = pytest.mark.integration

STAGES = ["sample", "land", "core", "features", "train", "evaluate", "forecast", "export"]
RAN: set[str] = set()
"""Commands of git and DVC that the tests have run."""


class Clone:
    """A clone of the checkout, in which commands run as on a terminal."""

    def __init__(self, home: Path, threads: int = 1) -> None:
        self.home = home
        self.environment = {
            **{name: value for name, value in os.environ.items() if "ROSSMANN" not in name},
            **UNMEASURED,
            "PYTHONPATH": str(home),
            "ROSSMANN_HOME": str(home),
            "ROSSMANN_THREADS": str(threads),
            "MLFLOW_TRACKING_URI": "",
            "DVC_SITE_CACHE_DIR": str(home / ".state" / "dvc"),
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            **{f"GIT_{who}_NAME": "Ada" for who in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{who}_EMAIL": "ada@example.org" for who in ("AUTHOR", "COMMITTER")},
        }
        if not (home / ".venv").exists():
            (home / ".venv").symlink_to(Path(sys.executable).parent.parent)

    def fails(self, *words: str) -> str:
        """Run a command that fails, and return its output in one line."""
        code, said = self._run(words)
        assert code != 0, said
        return said

    def run(self, *words: str) -> str:
        """Run a command that succeeds, and return its output in one line."""
        code, said = self._run(words)
        assert code == 0, said
        RAN.add(" ".join(words))
        return said

    def _run(self, words: tuple[str, ...]) -> tuple[int, str]:
        programs = {"dvc": str(Path(sys.executable).with_name("dvc"))}
        done = subprocess.run(
            [programs.get(words[0], words[0]), *words[1:]],
            cwd=self.home,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, " ".join((done.stdout + done.stderr).split())

    def files(self) -> dict[str, str]:
        """Return the MD5 of every output of the stages, by path."""
        folder = self.home / "data" / "dvc"
        paths = (path for path in folder.rglob("*") if path.is_file() and path.name[0] != ".")
        return {path.relative_to(folder).as_posix(): md5_of(path) for path in paths}

    def metrics(self) -> dict[str, float]:
        found: dict[str, float] = json.loads((self.home / "data/dvc/metrics.json").read_text())
        return found


def ran(said: str) -> list[str]:
    return re.findall(r"Running stage '(\w+)'", said)


def skipped(said: str) -> list[str]:
    return re.findall(r"Stage '(\w+)' didn't change, skipping", said)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone in which nothing has run, with parameters that train in seconds."""
    home = tmp_path_factory.mktemp("dvc") / "clone"
    listed = subprocess.check_output(["git", "ls-files", "-z"], cwd=PROJECT_DIR, text=True)
    for name in listed.split("\0"):
        if name and (PROJECT_DIR / name).is_file():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT_DIR / name, home / name)
    params = small_params().model_dump(mode="json")
    params["dvc"]["sample_stores"] = 20
    (home / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    clone = Clone(home)
    clone.run("git", "init", "--quiet")
    clone.run("git", "add", "--all")
    clone.run("git", "commit", "--quiet", "-m", "Clone")
    return clone


@pytest.fixture(scope="module")
def clone(fresh: Clone) -> Clone:
    """The clone after `dvc repro` and a commit."""
    assert ran(fresh.run("dvc", "repro")) == STAGES
    fresh.run("git", "add", "dvc.lock", "data/dvc")
    fresh.run("git", "commit", "-m", "Reproduce the sample")
    return fresh


@pytest.fixture(scope="module")
def other(clone: Clone) -> Clone:
    """A second clone on another machine, which shares the first one's storage."""
    clone.run("dvc", "push")
    home = clone.home.with_name("other")
    subprocess.run(["git", "clone", "--quiet", clone.home, home], check=True)
    other = Clone(home, threads=2)
    storage = str(clone.home / ".state" / "dvc-storage")
    other.run("dvc", "remote", "modify", "--local", "storage", "url", storage)
    return other


def test_a_fresh_clone_reproduces_the_sample_and_then_nothing(clone: Clone) -> None:
    assert clone.run("git", "status", "--porcelain") == ""
    assert skipped(clone.run("dvc", "repro")) == STAGES
    assert "up to date" in clone.run("dvc", "status")
    assert not (clone.home / "warehouse" / "published").exists()
    assert json.loads((clone.home / "data/dvc/data_version.json").read_text())["data_set"] == (
        "sample-20-7"
    )


def test_metrics_and_plots_are_those_of_the_backtest(clone: Clone) -> None:
    said = clone.run("dvc", "metrics", "show")
    assert all(name in said for name in ("rmspe", "wape", "bias", "coverage_80"))
    assert "md5" not in said
    assert 0 < clone.metrics()["rmspe"] < clone.metrics()["rmspe_seasonal_naive"] < 1
    clone.run("dvc", "plots", "show")
    page = (clone.home / "dvc_plots" / "index.html").read_text()
    origins = [row.split(",")[0] for row in _rows(clone.home / "data/dvc/by_origin.csv")]
    assert len(origins) == 3
    assert all(origin in page for origin in origins)


def test_an_alert_threshold_repeats_nothing(clone: Clone) -> None:
    path = clone.home / "params.yaml"
    before = path.read_text()
    path.write_text(before.replace("max_mape_ratio: 1.75", "max_mape_ratio: 1.8"))
    assert path.read_text() != before
    assert skipped(clone.run("dvc", "repro")) == STAGES
    path.write_text(before)


def test_an_experiment_trains_again_and_a_checkout_brings_the_former_model_back(
    clone: Clone,
) -> None:
    before, metrics = clone.files(), clone.metrics()
    name, change = "fewer-leaves", "training.families.lightgbm.num_leaves=15"
    said = clone.run("dvc", "exp", "run", "-n", name, "-S", change)
    assert skipped(said) == STAGES[:4]
    assert ran(said) == STAGES[4:]
    assert clone.metrics() != metrics
    clone.run("dvc", "exp", "show")
    shown = clone.run("dvc", "exp", "show", "--csv")
    assert name in shown
    assert str(clone.metrics()["wape"]) in shown
    assert "wape" in clone.run("dvc", "metrics", "diff")
    assert "num_leaves 63 15" in clone.run("dvc", "params", "diff")

    clone.run("git", "checkout", "HEAD", "--", "params.yaml", "dvc.lock", "data/dvc")
    clone.run("dvc", "checkout")
    assert clone.files() == before
    # the warehouse of the stages holds the experiment's model, the files hold the former one
    said = clone.run("dvc", "repro", "--force", "--single-item", "forecast")
    assert "repeating train" in said
    assert "repeating features" not in said
    assert clone.files() == before


def test_another_clone_pulls_all_and_makes_the_same_bytes_whatever_its_threads(
    clone: Clone, other: Clone
) -> None:
    other.run("dvc", "pull")
    assert other.files() == clone.files()
    assert skipped(other.run("dvc", "repro")) == STAGES
    said = other.run("dvc", "repro", "--force", "--single-item", "train")
    assert "repeating land" in said
    assert "repeating features" in said
    assert other.files() == clone.files()
    assert other.run("git", "status", "--porcelain") == ""


def test_a_stage_refuses_outputs_that_its_inputs_do_not_make(other: Clone) -> None:
    path = other.home / "data/dvc/features/scoring_panel.parquet"
    kept = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(kept + b" ")
    said = other.fails("dvc", "repro", "--force", "--single-item", "train")
    other.run("dvc", "checkout", "--force")  # DVC removed the outputs of the stage that failed
    assert path.read_bytes() == kept
    assert "is not what the stage features makes" in said
    assert "Traceback" not in said


def test_own_files_come_by_one_switch_and_come_back_after_a_loss(clone: Clone) -> None:
    raw = clone.home / "data" / "raw"
    said = clone.fails("dvc", "exp", "run", "-S", "dvc.source=data/raw")
    assert "No such file or directory" in said
    assert str(raw) in said
    clone.run("git", "checkout", "HEAD", "--", "params.yaml", "dvc.lock", "data/dvc")
    write_sample(raw, stores=20, seed=8)
    (raw / "dataset.json").unlink()
    clone.run("dvc", "add", "data/raw")
    clone.run("git", "add", "data/raw.dvc")
    said = clone.run("dvc", "exp", "run", "-n", "own-files", "-S", "dvc.source=data/raw")
    assert ran(said) == STAGES[1:]
    version = json.loads((clone.home / "data/dvc/data_version.json").read_text())
    assert version["data_set"] == "retailer"
    assert "store_states.csv" in [file["name"] for file in version["files"]]
    changed = clone.run("git", "diff", "HEAD", "--name-only", "--diff-filter=M").split()
    assert [name for name in changed if name.endswith(".dvc")] == []

    weekly = clone.home / "data" / "incoming" / "sales_2015-06-26.csv"
    weekly.write_text("Store,Date\n")
    clone.run("dvc", "add", "data/incoming/sales_2015-06-26.csv")
    clone.run("git", "add", "data/incoming/sales_2015-06-26.csv.dvc")
    before = {path.name: md5_of(path) for path in (*raw.glob("*.csv"), weekly)}
    clone.run("dvc", "push")
    shutil.rmtree(raw)
    weekly.unlink()
    shutil.rmtree(clone.home / ".dvc" / "cache")
    clone.run("dvc", "pull")
    assert {path.name: md5_of(path) for path in (*raw.glob("*.csv"), weekly)} == before


@pytest.fixture
def bucket(object_storage: dict[str, str]) -> str:
    """The address of an S3 server with an empty bucket."""
    s3_client(object_storage).create_bucket(Bucket="BUCKET")
    return object_storage["AWS_ENDPOINT_URL"]


def test_outputs_come_back_from_object_storage(other: Clone, bucket: str) -> None:
    before = other.files()
    modify = ("dvc", "remote", "modify", "--local", "storage")
    other.run(*modify, "url", "s3://BUCKET/dvc")
    other.run(*modify, "endpointurl", bucket)
    RAN.add(" ".join((*modify, "endpointurl", "ENDPOINT")))
    other.run("dvc", "push")
    shutil.rmtree(other.home / "data" / "dvc" / "core")
    shutil.rmtree(other.home / ".dvc" / "cache")
    other.run("dvc", "pull")
    assert other.files() == before


def test_an_answer_is_found_in_the_history_by_its_data_version(clone: Clone) -> None:
    committed = json.loads(clone.run("git", "show", "HEAD:data/dvc/data_version.json"))
    search = ("git", "log", "--oneline", "-S", committed["data_version"])
    assert "Reproduce the sample" in clone.run(*search, "--", "data/dvc/data_version.json")


def test_the_tests_above_ran_every_command_of_the_page() -> None:
    written = {
        " ".join(words).removeprefix(".venv/bin/")
        for block in blocks(PROJECT_DIR / "docs" / "data-versions.md")
        for words in block.commands
        if words[0] != "make"
    }
    assert len(written) > 15
    assert written - RAN == set()


def _rows(path: Path) -> list[str]:
    return path.read_text().splitlines()[1:]
