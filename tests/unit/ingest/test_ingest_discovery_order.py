"""Files are found in a folder, recognised by their names and landed in one order.

Definitions: the docstrings of ``rossmann_ml.ingest.discovery`` (bulk files first, stores before
sales, then weekly drops by day, sales before the plan) and the names in ``data/README.md``.
"""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rossmann_ml.base.errors import BadFileError
from rossmann_ml.ingest.discovery import (
    RawFile,
    find_files,
    in_landing_order,
    named_files,
    recognise,
)
from rossmann_ml.ingest.formats import PLAN, SALES, STORE_STATES, STORES

BULK = ["store.csv", "train.csv", "test.csv", "store_states.csv"]
DAYS = ["2014-12-31", "2015-01-01", "2015-01-02"]
# all names of these tests in the expected order
RIGHT_ORDER = [*BULK, *(f"{kind}_{day}.csv" for day in DAYS for kind in ("sales", "plan"))]


def raw_file(name: str, folder: str = "a") -> RawFile:
    found = recognise(Path(folder, name))
    assert found is not None
    return found


def names(files: list[RawFile]) -> list[str]:
    return [file.path.name for file in files]


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(RIGHT_ORDER), unique=True).flatmap(st.permutations))
def test_files_land_in_the_same_order_for_every_order_of_discovery(found: list[str]) -> None:
    landed = names(in_landing_order(raw_file(name) for name in found))
    assert landed == [name for name in RIGHT_ORDER if name in found]


def test_files_of_the_same_name_land_in_the_order_of_their_paths() -> None:
    files = [raw_file("train.csv", folder) for folder in ("c", "a", "b")]
    assert [file.path.parent.name for file in in_landing_order(files)] == ["a", "b", "c"]


def test_a_name_gives_kind_date_and_format() -> None:
    path = Path("x", "sales_2016-02-29.csv")
    assert recognise(path) == RawFile(path, "sales", is_bulk=False, day=date(2016, 2, 29))
    path = Path("x", "plan_2015-06-19.csv")
    assert recognise(path) == RawFile(path, "plan", is_bulk=False, day=date(2015, 6, 19))
    kinds = {"store.csv": STORES, "train.csv": SALES, "test.csv": PLAN}
    for name, file_format in {**kinds, "store_states.csv": STORE_STATES}.items():
        found = raw_file(name)
        assert (found.kind, found.is_bulk, found.day) == (file_format.kind, True, None)
        assert found.format is file_format


@pytest.mark.parametrize(
    "name",
    [
        *("sales_2015-02-29.csv", "sales_2015-13-01.csv", "sales_2015-6-01.csv", "plan_.csv"),
        *("sales_2015-06-19.CSV", "sales_2015-06-19.csv.gz", "old_sales_2015-06-19.csv"),
        *("sales_20150619.csv", "stores_2015-06-19.csv", "Train.csv", "train.csv.bak", "sales.csv"),
        "sales_\u0662015-06-19.csv",
    ],
)
def test_other_names_are_not_recognised(name: str) -> None:
    assert recognise(Path(name)) is None


def test_files_of_the_product_are_found_in_a_folder_and_other_csv_files_are_listed(
    tmp_path: Path,
) -> None:
    for name in reversed(RIGHT_ORDER[2:7]):
        (tmp_path / name).write_text("x")
    for name in ("b.csv", "a.CSV", "notes.txt", ".hidden.csv", ".train.csv", "csv"):
        (tmp_path / name).write_text("x")
    (tmp_path / "train.csv").mkdir()
    (tmp_path / "folder.csv").mkdir()
    found, others = find_files(tmp_path)
    assert names(found) == RIGHT_ORDER[2:7]
    assert [each.path.name for each in others] == [
        *(".hidden.csv", ".train.csv", "a.CSV", "b.csv", "csv", "notes.txt"),
    ]


def test_a_line_break_in_a_name_makes_no_line_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "b.csv\nerror: all is lost").write_text("x")
    _, (other,) = find_files(tmp_path)
    assert str(other).startswith(r"b.csv\nerror: all is lost (")


def test_a_missing_folder_or_a_file_in_place_of_a_folder_has_no_files(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("x")
    assert find_files(tmp_path / "none") == ([], [])
    assert find_files(tmp_path / "train.csv") == ([], [])


def test_named_files_and_files_of_named_folders_land_once_and_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "drops"
    folder.mkdir()
    for name in ("sales_2015-01-02.csv", "plan_2015-01-01.csv", "left_alone.csv"):
        (folder / name).write_text("x")
    (tmp_path / "store.csv").write_text("x")
    (tmp_path / "train.csv").write_text("x")
    named = [
        folder / "sales_2015-01-02.csv",
        folder,
        tmp_path / "train.csv",
        folder / ".." / "train.csv",
        tmp_path / "store.csv",
    ]
    assert names(named_files(named)) == [
        *("store.csv", "train.csv", "plan_2015-01-01.csv", "sales_2015-01-02.csv"),
    ]
    assert named_files([]) == []


def test_a_named_path_must_exist_and_have_a_name_of_the_product(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match=r"train\.csv: there is no such file"):
        named_files([tmp_path / "train.csv"])
    (tmp_path / "sales.csv").write_text("x")
    with pytest.raises(BadFileError, match=r"sales\.csv: the name does not say what the file"):
        named_files([tmp_path / "sales.csv"])


def test_the_hash_of_a_file_is_the_sha256_of_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_bytes(b"Store\r\n\xff")
    found = recognise(path)
    assert found is not None
    assert found.sha256() == hashlib.sha256(b"Store\r\n\xff").hexdigest()
    path.unlink()
    with pytest.raises(BadFileError, match="cannot be opened: No such file or directory"):
        found.sha256()
