"""Every bad file is refused with a message, or its bad rows are quarantined; no row is lost."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from support.bad_files import CORPUS, SALES, BadFile, End
from support.retailer import ROWS, SALES_HEADER, Retailer, lost_rows

from rossmann_ml.base.errors import BadFileError
from rossmann_ml.ingest.status import data_status
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.tables import raw


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Retailer:
    """A retailer whose good files are landed."""
    retailer = Retailer(tmp_path_factory.mktemp("corpus"))
    retailer.write_bulk()
    retailer.write("store_states.csv", "Store,State\n1,HE\n2,BY\n3,NW\n")
    retailer.land_raw()
    retailer.allow_bad_rows(0.6)
    return retailer


def values_in_force(landed: Retailer) -> dict[str, list[tuple[Any, ...]]]:
    """Return keys and values of the rows in force, without the load that they are from."""
    return {
        table: landed.query(
            "SELECT * EXCLUDE (load_id, line_number, known_on) "
            f"FROM ({raw.newest_rows(f'raw.{table}')}) ORDER BY ALL"
        )
        for table in ROWS
    }


def test_the_corpus_is_as_large_as_it_should_be() -> None:
    assert len({bad.what + bad.name for bad in CORPUS}) == len(CORPUS) >= 60


@pytest.mark.parametrize("bad", CORPUS, ids=lambda bad: f"{bad.what}-{bad.name}")
def test_a_bad_file_has_the_expected_end(landed: Retailer, bad: BadFile) -> None:
    before, values = landed.contents(), values_in_force(landed)
    own = landed.incoming if bad.name.startswith(("sales_", "plan_")) else landed.raw
    kept = (own / bad.name).read_bytes() if (own / bad.name).exists() else None
    path = landed.write(bad.name, bad.content)
    try:
        message, landing = "", None
        try:
            (landing,) = landed.land_incoming(path).files
        except BadFileError as refusal:
            message = str(refusal)
    finally:
        if kept is None:
            path.unlink()
        else:
            path.write_bytes(kept)
    after = landed.contents()
    if bad.end is End.REFUSED:
        assert message.startswith(str(path)), landing
        assert all(words in message for words in bad.says), message
        assert after == before
        return
    assert message == ""
    assert landing is not None
    assert not lost_rows(before, after), "rows that were landed are gone"
    if bad.end is End.HARMLESS:
        assert landing.quarantined == {}
        assert values_in_force(landed) == values, "all its rows were stored before"
        # an edition is recorded if it is the first, or ends the listing of quarantined rows
        former = max((row[0] for row in before["loads"] if row[2] == bad.name), default=None)
        if former and former not in {row[0] for row in before["quarantined_rows"]}:
            assert after == before
        return
    new = [
        row
        for row in after["quarantined_rows"]
        if row not in before["quarantined_rows"] and row[0] == landing.load_id
    ]
    assert 1 <= len(new) <= 2
    for _, _, file_name, line_number, column_name, reason, row_text, _ in new:
        assert file_name == bad.name
        # the exact line of the file, so that a person finds it
        lines = bad.content.decode().removeprefix("\ufeff").split("\n")
        assert lines[line_number - 1].rstrip("\r") == row_text
        assert all(words in f"{column_name}: {reason}" for words in bad.says), reason


def test_a_file_of_too_many_bytes_lines_or_bad_rows_is_refused_before_it_is_read_whole(
    landed: Retailer,
) -> None:
    before = landed.contents()
    strict = Retailer(landed.base)
    ingest = strict.params.ingest.model_copy(update={"max_file_mb": 1, "max_rows": 1000})
    strict.params = strict.params.model_copy(update={"ingest": ingest})
    path = strict.incoming / SALES
    with path.open("wb") as file:
        file.truncate(20 * 2**30)  # sparse: it has no bytes on disk
    with pytest.raises(
        BadFileError, match=r"20,480 MB, more than the 1 MB that ingest.max_file_mb"
    ):
        strict.land_incoming(path)
    status = data_status(Session(strict.settings, strict.params))
    assert "20,480 MB" in str(next(each for each in status.left_alone if each.path == path))
    path.write_text(SALES_HEADER + "\n" * 1002)
    with pytest.raises(BadFileError, match="more than 1,000 lines after the header"):
        strict.land_incoming(path)
    path.write_text(SALES_HEADER + "\n," * 11)
    with pytest.raises(BadFileError, match=r"11 of 11 rows \(100.0%\) cannot be stored"):
        strict.land_incoming(path)
    path.unlink()
    assert landed.contents() == before


def test_a_folder_a_pipe_and_links_are_refused_or_passed_over(
    landed: Retailer, tmp_path: Path
) -> None:
    before = landed.contents()
    folder = landed.incoming / "sales_2015-06-20.csv"
    folder.mkdir()
    pipe = landed.incoming / "sales_2015-06-21.csv"
    os.mkfifo(pipe)
    (landed.incoming / "sales_2015-06-22.csv").symlink_to(tmp_path / "nowhere.csv")
    (landed.incoming / "sales_2015-06-25.csv").symlink_to("/etc/passwd")
    (landed.incoming / "loop").symlink_to("loop")
    (landed.incoming / "sales_2015-13-01.csv").write_text("no such month")
    (landed.incoming / "sales_2015-06-23.CSV").write_text("another name")
    report = landed.land_incoming()
    assert report.files == ()
    assert "sales_2015-13-01.csv" in report.warnings[0]
    assert "sales_2015-06-25.csv (a link that leaves the folder" in report.warnings[0]
    assert "loop (not a regular file, or a link to nothing)" in report.warnings[0]
    with pytest.raises(BadFileError, match="not a regular file"):
        landed.land_incoming(pipe)
    with pytest.raises(BadFileError, match="there is no such file"):
        landed.land_incoming(landed.incoming / "sales_2015-06-22.csv")
    assert landed.contents() == before


def test_a_file_that_may_not_be_read_is_refused(landed: Retailer, monkeypatch) -> None:
    path = landed.write("sales_2015-06-24.csv", "x")
    opened = Path.open

    def refuse(self: Path, *arguments: object, **options: object):
        if self == path:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(self, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(BadFileError, match="cannot be opened: Permission denied"):
        landed.land_incoming(path)


def test_a_file_named_to_leave_its_folder_is_no_file_of_the_product(landed: Retailer) -> None:
    with pytest.raises(BadFileError, match=r"the name does not say|there is no such file"):
        landed.land_incoming(landed.incoming / ".." / ".." / "etc" / SALES.replace("sales", "x"))
