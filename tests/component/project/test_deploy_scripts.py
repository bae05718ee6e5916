"""The scripts of ``deploy/``: health, smoke test, object storage, when to retrain."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg
import pytest
from support.object_storage import s3_client
from support.small_warehouse import small_settings

from assets.resources import Pipeline
from assets.schedules import retraining_mondays
from assets.ui import dagster_command
from rossmann_ml.base.settings import PROJECT_DIR
from rossmann_ml.serving.status import write_alerts

DEPLOY = PROJECT_DIR / "deploy"
ANSWERS: dict[str, Any] = {
    "/ready": {},
    "/model_info": {"champion": {"model_version": "blend-1"}},
    "/stores?is_forecast=true&limit=1": {"rows": [{"store_id": 4}]},
    "/stores/4/forecast": {"days": [{"sales_forecast": 10.0}]},
}
FAKE_ROSSMANN = """#!/bin/sh
echo "$@" >> "$TOLD"
case $1 in
backup) [ "$2" = --verify ] && echo "all of it" > "$3" ;;
restore) cat "$2" >> "$TOLD" ;;
esac
"""


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DEPLOY / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, DEPLOY / f"{name}.py", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@contextmanager
def answering(answers: dict[str, Any]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path in answers
            body = json.dumps(answers.get(self.path)).encode()
            self.send_response(200 if known else 503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_health_check_passes_on_200_alone() -> None:
    with answering(ANSWERS) as address:
        assert run("healthy", f"{address}/ready").returncode == 0
        unready = run("healthy", f"{address}/elsewhere")
    assert unready.returncode != 0
    assert "503" in unready.stderr
    refused = run("healthy", "http://127.0.0.1:9/health")
    assert refused.returncode != 0
    assert refused.stderr.startswith("http://127.0.0.1:9/health: ")
    assert refused.stderr.count("\n") == 1, "a health check is logged every half minute"


def test_the_smoke_test_passes_when_the_named_model_is_served() -> None:
    with answering(ANSWERS) as address:
        done = run("smoke_test", address, "blend-1")
        assert done.returncode == 0, done.stderr
        assert "serves blend-1: 1 days of store 4" in done.stdout


def test_the_smoke_test_names_the_model_that_is_served_instead() -> None:
    with answering(ANSWERS) as address:
        done = run("smoke_test", address, "blend-2")
    assert done.returncode == 1
    assert "serves the model blend-1, not blend-2" in done.stderr


def test_the_smoke_test_refuses_forecasts_that_nobody_can_use() -> None:
    with answering({**ANSWERS, "/stores/4/forecast": {"days": []}}) as address:
        done = run("smoke_test", address, "blend-1")
    assert done.returncode == 1
    assert "nothing usable for store 4" in done.stderr


def test_the_smoke_test_gives_up_and_says_what_was_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    smoke_test = script("smoke_test")
    monkeypatch.setattr(smoke_test, "PATIENCE_SECONDS", 0)
    with answering({}) as address, pytest.raises(SystemExit, match="503 null"):
        smoke_test.wait_until_ready(address)
    with pytest.raises(SystemExit, match="refused"):
        smoke_test.wait_until_ready("http://127.0.0.1:9")


@pytest.fixture
def storage(object_storage: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """Variables of a job with an empty object storage and a fake `rossmann` that logs its calls."""
    command = tmp_path / "bin" / "rossmann"
    command.parent.mkdir()
    command.write_text(FAKE_ROSSMANN)
    command.chmod(0o755)
    variables = {
        **object_storage,
        "TOLD": str(tmp_path / "told"),
        "PATH": f"{command.parent}:{os.environ['PATH']}",
    }
    assert run("make_buckets", "bucket", "other", **variables).returncode == 0
    return variables


def test_buckets_are_made_once(storage: dict[str, str]) -> None:
    again = run("make_buckets", "bucket", "third", **storage)
    assert again.returncode == 0, again.stderr
    assert again.stdout == "made the bucket third\n"


def test_what_was_backed_up_is_restored(storage: dict[str, str]) -> None:
    first = run("storage", "restore", **storage)
    assert first.returncode == 0, first.stderr
    assert "no backup yet" in first.stdout
    assert not Path(storage["TOLD"]).exists()

    assert run("storage", "backup", **storage).returncode == 0
    restored = run("storage", "restore", **storage)
    assert restored.returncode == 0, restored.stderr
    assert Path(storage["TOLD"]).read_text().endswith("all of it\n")
    found = s3_client(storage).list_objects_v2(Bucket="bucket", Prefix="rossmann/backups/")
    assert len(found["Contents"]) == 2  # under its time, and as the newest


def test_a_backup_of_a_failed_run_is_not_the_newest(storage: dict[str, str]) -> None:
    assert run("storage", "keep", **storage).returncode == 0
    assert "no backup yet" in run("storage", "restore", **storage).stdout
    (found,) = s3_client(storage).list_objects_v2(Bucket="bucket")["Contents"]
    assert found["Key"].endswith("-failed.tar")


def test_a_failing_backup_stores_nothing(storage: dict[str, str]) -> None:
    (Path(storage["PATH"].split(":")[0]) / "rossmann").write_text("#!/bin/sh\nexit 3\n")
    assert run("storage", "backup", **storage).returncode != 0
    assert s3_client(storage).list_objects_v2(Bucket="bucket")["KeyCount"] == 0


def test_drops_are_fetched_when_they_are_not_here(
    storage: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("sales_2015-06-26.csv", "sales_2015-06-19.csv", "notes.txt"):
        s3_client(storage).put_object(
            Bucket="bucket", Key=f"rossmann/incoming/{name}", Body=name.encode()
        )
    for name, value in storage.items():
        monkeypatch.setenv(name, value)
    module = script("storage")
    folder = tmp_path / "incoming"
    folder.mkdir()
    (folder / "sales_2015-06-19.csv").write_text("here already")
    monkeypatch.setattr(module, "INCOMING", folder)
    module.incoming(module.Storage(storage["STORAGE_URL"]))
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "sales_2015-06-19.csv": "here already",
        "sales_2015-06-26.csv": "sales_2015-06-26.csv",
    }


@pytest.mark.parametrize("arguments", [(), ("everything",)])
def test_an_unknown_command_of_the_storage_is_refused(arguments: tuple[str, ...]) -> None:
    assert "usage: python deploy/storage.py" in run("storage", *arguments).stderr


def test_a_place_that_is_none_is_named() -> None:
    done = run("storage", "restore", STORAGE_URL="/tmp/backups")
    assert "STORAGE_URL='/tmp/backups': expected s3://bucket" in done.stderr


def test_a_scheduled_run_trains_in_the_weeks_of_dagsters_schedule(tmp_path: Path) -> None:
    settings = small_settings(tmp_path)
    pointer = settings.published_path / "CURRENT"
    pointer.parent.mkdir(parents=True)
    (pointer.parent / "0123456789ab.duckdb").touch()
    pipeline = Pipeline.of(settings)
    every_weeks = pipeline.params.training.retrain_every_weeks
    due = partial(
        script("retraining").profile,
        "when due",
        published_path=settings.published_path,
        every_weeks=every_weeks,
    )
    assert due(date(2026, 11, 9)) == "full"  # nothing is published yet
    pointer.write_text("0123456789ab.duckdb\n")
    days = [date(2026, 11, 2) + timedelta(days=7 * week) for week in range(9)]
    for day in days:
        at = datetime(day.year, day.month, day.day, 5, tzinfo=UTC)
        context = dg.build_schedule_context(scheduled_execution_time=at)
        asked = retraining_mondays(context, pipeline=pipeline)
        trains = isinstance(asked, dg.RunRequest)
        assert due(day) == ("full" if trains else "")
    assert len({due(day) for day in days}) == 2

    write_alerts(settings, alerts=[], retraining_advice="drift (features)")
    assert {due(day) for day in days} == {"full"}


def test_what_is_asked_for_by_name_is_done() -> None:
    for asked, expected in {"full": "full", "fast": "fast", "no": ""}.items():
        done = run("retraining", asked)
        assert done.stdout.strip() == expected, done.stderr


FAKE_DOCKER = """#!/bin/sh
echo "$@" >> "$TOLD"
case $4 in gone:*) echo "not found" >&2; exit 1 ;; esac
printf 'sha256:%064d\\n' 7
"""


@pytest.mark.parametrize("image", ["postgres:17.5-bookworm", "gone:1.0"])
def test_digests_are_written_for_all_images_or_for_none(tmp_path: Path, image: str) -> None:
    docker = tmp_path / "docker"
    docker.write_text(FAKE_DOCKER)
    docker.chmod(0o755)
    file, compose = tmp_path / "Dockerfile", tmp_path / "docker-compose.yml"
    before = "FROM python:3.13.11-slim AS libraries\n"
    file.write_text(before)
    compose.write_text(f"  a:\n    image: {image}@sha256:{'0' * 64}\n    image: ${{OWN:-own:1}}\n")
    run = subprocess.run(
        [sys.executable, DEPLOY / "pin_images.py", file, compose],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "TOLD": f"{tmp_path}/told"},
        capture_output=True,
        text=True,
        check=False,
    )
    if image.startswith("gone"):
        assert run.returncode == 1
        assert "no digest of gone:1.0: not found; nothing was changed" in run.stderr
        assert file.read_text() == before
        return
    digest = f"sha256:{7:064d}"
    assert file.read_text() == f"FROM python:3.13.11-slim@{digest} AS libraries\n"
    assert compose.read_text() == (
        f"  a:\n    image: {image}@{digest}\n    image: ${{OWN:-own:1}}\n"
    )


def test_parts_of_dagster_are_started_with_the_places_of_this_product(tmp_path: Path) -> None:
    settings = small_settings(tmp_path)
    workspace = ["--workspace", str(settings.home / settings.dagster_workspace)]
    daemon = dagster_command(settings, "daemon", "0.0.0.0", "4000")
    assert daemon[-2:] == workspace
    assert "0.0.0.0" not in daemon
    code = dagster_command(settings, "code", "0.0.0.0", "4000")
    assert code[:3] == ["dagster", "api", "grpc"]
    assert "--workspace" not in code
