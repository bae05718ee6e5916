"""``data_status`` on a warehouse file, and the commit of a git checkout."""

from __future__ import annotations

import subprocess
from datetime import date
from pathlib import Path

import duckdb
import pytest
from support.retailer import SALES_HEADER, Retailer, sales_line, text

from rossmann_ml.ingest.data_set import DataSet
from rossmann_ml.ingest.landing import require_files
from rossmann_ml.ingest.status import data_status
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.versions import git_commit

FRIDAY = date(2015, 6, 12)


@pytest.fixture
def retailer(tmp_path: Path) -> Retailer:
    made = Retailer(tmp_path)
    made.write_bulk()
    return made


def test_status_counts_the_newest_versions_and_names_files_with_new_bytes(
    retailer: Retailer,
) -> None:
    retailer.land_raw()
    rows = [sales_line(1, FRIDAY, 4010), sales_line(2, date(2015, 6, 13))]
    retailer.write("sales_2015-06-13.csv", text(SALES_HEADER, rows))
    retailer.land_incoming()
    # the same bytes under their name do not wait
    retailer.write("sales_2015-06-13.csv", text(SALES_HEADER, rows))
    retailer.write("sales_2015-06-15.csv", text(SALES_HEADER, [sales_line(3, FRIDAY, 4011)]))
    (retailer.incoming / "odd.csv").write_text("x")

    status = data_status(Session(retailer.settings))
    assert (status.has_warehouse, status.today) == (True, date(2015, 6, 15))
    assert status.data_set == DataSet("retailer")
    assert [file.path.name for file in status.waiting] == ["sales_2015-06-15.csv"]
    assert [each.path for each in status.left_alone] == [retailer.incoming / "odd.csv"]
    assert [
        (each.kind, each.files, each.rows, each.versions_restated, each.first_date, each.last_date)
        for each in status.landed
    ] == [
        ("stores", 1, 3, 0, None, None),
        ("sales", 2, 37, 1, date(2015, 6, 1), date(2015, 6, 13)),
        ("plan", 1, 126, 0, date(2015, 6, 13), date(2015, 7, 24)),
    ]


def test_a_database_without_the_raw_tables_is_not_a_warehouse(retailer: Retailer) -> None:
    path = retailer.settings.database_path
    path.parent.mkdir(parents=True)
    duckdb.connect(str(path)).close()
    status = data_status(Session(retailer.settings))
    assert (status.has_warehouse, status.data_set, status.landed) == (False, None, ())
    assert len(status.waiting) == 3


def test_missing_whole_files_are_named_once_sales_were_landed(retailer: Retailer) -> None:
    retailer.land_raw()
    (retailer.raw / "store.csv").unlink()
    (retailer.raw / "train.csv").unlink()
    files, missing = require_files(Session(retailer.settings))
    assert [file.path.name for file in files] == ["test.csv"]
    assert missing == {"store.csv", "train.csv"}
    report = retailer.land_raw()
    assert report.warnings == (
        f"{retailer.raw} holds no store.csv and no train.csv; what was landed before stays",
    )


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def test_a_commit_has_12_digits_and_says_when_files_differ_from_it(tmp_path: Path) -> None:
    assert git_commit(tmp_path / "none") == "unknown"
    for name in ("clean", "changed"):
        folder = tmp_path / name
        folder.mkdir()
        git(folder, "init", "-q")
        (folder / "a.txt").write_text("1")
        git(folder, "add", "a.txt")
        git(folder, "commit", "-q", "-m", "first")
        (folder / "new.txt").write_text("files that git does not know do not count")
    head = git(tmp_path / "clean", "rev-parse", "HEAD")
    assert git_commit(tmp_path / "clean") == head[:12]
    (tmp_path / "changed" / "a.txt").write_text("2")
    head = git(tmp_path / "changed", "rev-parse", "HEAD")
    assert git_commit(tmp_path / "changed") == f"{head[:12]}+changes"
    # a running process keeps the commit with which it started
    git(tmp_path / "clean", "rm", "-q", "a.txt")
    assert not git_commit(tmp_path / "clean").endswith("+changes")
