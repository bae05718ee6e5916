"""A scheduled job without a persistent disk stores its state, and the next job restores it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.code_location import place_settings
from support.object_storage import s3_client
from support.refreshed import Refreshed
from support.unmeasured import UNMEASURED

from rossmann_ml.base.settings import PROJECT_DIR
from rossmann_ml.publish.summary import summarise
from rossmann_ml.recovery import examine

pytestmark = pytest.mark.integration


def storage(command: str, place: Refreshed, variables: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, PROJECT_DIR / "deploy" / "storage.py", command],
        env={
            **os.environ,
            **place.environment,
            **variables,
            **UNMEASURED,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_next_scheduled_job_begins_where_the_last_one_ended(
    copy_of_refreshed: Callable[[], Refreshed],
    object_storage: dict[str, str],
    tmp_path: Path,
) -> None:
    last = copy_of_refreshed()
    s3_client(object_storage).create_bucket(Bucket="bucket")
    assert "stored backups/newest.tar" in storage("backup", last, object_storage)
    next_settings = place_settings(tmp_path / "next", last.settings.raw_dir)
    following = Refreshed(tmp_path / "next", next_settings)
    storage("restore", following, object_storage)
    assert summarise(following.settings).info == summarise(last.settings).info
    assert [each for each in examine(following.settings) if each.is_trouble] == []
    asked = "SELECT * FROM forecasting.forecasts ORDER BY ALL"
    assert following.rows(asked) == last.rows(asked)
