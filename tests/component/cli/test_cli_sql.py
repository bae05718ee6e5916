"""``rossmann sql`` and the commands around published generations, run as a person runs them."""

from __future__ import annotations

import csv
import io
import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.servers import ROSSMANN, environment
from support.small_warehouse import add_week

from rossmann_ml.base.settings import PROJECT_DIR, Settings, default_settings
from rossmann_ml.cli import main
from rossmann_ml.publish.publishing import PublishedGeneration
from rossmann_ml.serving.generations import current_path

Published = tuple[Settings, PublishedGeneration]


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


Command = Callable[..., Done]


@pytest.fixture
def rossmann(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs the command line in this process: a process for each costs seconds."""

    def run(settings: Settings, *arguments: str, text: str = "") -> Done:
        monkeypatch.setenv("ROSSMANN_WAREHOUSE_DIR", str(settings.warehouse_path))
        monkeypatch.setattr(sys, "argv", ["rossmann", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        default_settings.cache_clear()
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code
        told = capsys.readouterr()
        return Done(code if isinstance(code, int) else 0, told.out, told.err)

    yield run
    default_settings.cache_clear()


def assert_refused(done: Done, *words: str) -> None:
    assert done.returncode not in {0, 1}
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
    for word in words:
        assert word in done.stderr


def test_a_query_prints_a_table_and_says_what_it_was_read_from(
    rossmann: Command,
    shared_published: Published,
) -> None:
    settings, generation = shared_published
    done = rossmann(settings, "sql", "SELECT store_id, state FROM stores WHERE store_id > 5")
    assert done.returncode == 0
    assert "store_id" in done.stdout
    assert "NULL" in done.stdout
    assert generation.generation_id in done.stderr


def test_a_table_shows_the_first_fifty_rows_and_says_that_there_are_more(
    rossmann: Command,
    shared_published: Published,
) -> None:
    settings, _ = shared_published
    numbers = rossmann(settings, "sql", "SELECT i FROM range(1, 60) t(i)").stdout
    assert [int(word) for word in numbers.split() if word.isdigit()][:50] == [*range(1, 51)]
    done = rossmann(settings, "sql", "SELECT * FROM latest_forecasts")
    assert "the first 50 rows; --limit 0 prints all" in done.stdout
    # piped, a value is never cut to the width of a screen
    assert "lightgbm-de665cbd" in done.stdout
    everything = rossmann(settings, "sql", "SELECT store_id FROM latest_forecasts", "--limit", "0")
    assert everything.stdout.count("\n") > 6 * 42
    assert "the first" not in everything.stdout


@pytest.mark.parametrize("rows", [0, 1, 9_000, 9_001, 20_000])
def test_without_a_limit_a_table_has_every_row_however_many(
    rossmann: Command, shared_published: Published, rows: int
) -> None:
    settings, _ = shared_published
    query = f"SELECT 'row ' || i AS i FROM range({rows}) t(i)"
    done = rossmann(settings, "sql", query, "--limit", "0")
    assert re.findall(r"row (\d+) ", done.stdout) == [str(number) for number in range(rows)]
    assert " i " in done.stdout


def test_csv_and_json_hold_every_row_exactly(
    rossmann: Command, shared_published: Published
) -> None:
    settings, _ = shared_published
    query = "SELECT store_id, target_date, is_open, sales_forecast FROM latest_forecasts"
    as_csv = list(
        csv.DictReader(io.StringIO(rossmann(settings, "sql", query, "--format", "csv").stdout))
    )
    as_json = json.loads(rossmann(settings, "sql", query, "--format", "json").stdout)
    assert len(as_csv) == len(as_json) == 6 * 42
    assert as_csv[0] == {
        "store_id": "1",
        "target_date": "2015-08-01",
        "is_open": "true",
        "sales_forecast": "5590.0",
    }
    assert as_json[0] == {
        "store_id": 1,
        "target_date": "2015-08-01",
        "is_open": True,
        "sales_forecast": 5590.0,
    }


def test_json_holds_what_json_has_no_word_for(
    rossmann: Command, shared_published: Published
) -> None:
    settings, _ = shared_published
    query = (
        "SELECT 'nan'::DOUBLE AS a, 1.5::DECIMAL(4, 2) AS b, NULL AS c, INTERVAL 1 DAY AS d, "
        "['inf'::DOUBLE, 1] AS e, MAP {DATE '2015-07-31': {'x': DATE '2015-08-01'}} AS f"
    )
    (row,) = json.loads(rossmann(settings, "sql", query, "--format", "json").stdout)
    assert row == {
        "a": None,
        "b": 1.5,
        "c": None,
        "d": "1 day, 0:00:00",
        "e": [None, 1.0],
        "f": {"2015-07-31": {"x": "2015-08-01"}},
    }
    nothing = rossmann(settings, "sql", "SELECT 1 WHERE false", "--format", "json")
    assert json.loads(nothing.stdout) == []


def test_a_query_comes_from_a_file_or_from_the_standard_input(
    rossmann: Command, shared_published: Published, tmp_path: Path
) -> None:
    settings, _ = shared_published
    file = PROJECT_DIR / "warehouse" / "queries" / "01_chain_by_week.sql"
    from_file = rossmann(settings, "sql", "--file", str(file), "--format", "csv")
    piped = rossmann(settings, "sql", "--file", "-", "--format", "csv", text=file.read_text())
    assert from_file.returncode == 0
    assert from_file.stdout == piped.stdout
    assert from_file.stdout.startswith("week_start,")


REFUSED = {
    "a syntax error": ("selec 1", "syntax error"),
    "an unknown table": ("SELECT * FROM latest_forecast", 'Did you mean "latest_forecasts"?'),
    "a deletion": ("DELETE FROM stores", "read-only"),
    "a new table": ("CREATE TABLE a AS SELECT 1", "read-only"),
    "reading a file": ("SELECT * FROM read_text('/etc/hostname')", "disabled by configuration"),
    "writing a file": ("COPY stores TO '/tmp/stores.csv'", "disabled by configuration"),
    "opening another database": ("ATTACH '/tmp/other.duckdb'", "disabled by configuration"),
    "loosening the rules": ("SET enable_external_access = true", "configuration has been locked"),
    "a log file": ("CALL enable_logging(storage='file')", "configuration has been locked"),
    "bytes that are no text": ("SELECT '\udcff'", "argument 2, \"SELECT '\\udcff'\", is not UTF-8"),
    "nothing": ("", "argument 2 is empty; expected text"),
    "nothing but a semicolon": (" ; -- none", "the query is empty; expected SQL"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused_in_one_line(rossmann: Command, shared_published: Published, what: str) -> None:
    settings, _ = shared_published
    query, message = REFUSED[what]
    assert_refused(rossmann(settings, "sql", query), message)


def test_a_query_file_that_is_not_text_is_refused(
    rossmann: Command, shared_published: Published, tmp_path: Path
) -> None:
    file = tmp_path / "query.sql"
    file.write_bytes(b"SELECT '\xe9'")
    assert_refused(rossmann(shared_published[0], "sql", "-f", str(file)), str(file), "byte 0xE9")


def test_an_endless_query_file_is_refused(rossmann: Command, shared_published: Published) -> None:
    assert_refused(rossmann(shared_published[0], "sql", "-f", "/dev/zero"), "query is longer than")


def test_json_loses_no_column_of_a_repeated_name(
    rossmann: Command, shared_published: Published
) -> None:
    done = rossmann(shared_published[0], "sql", "SELECT 1 AS a, 2 AS a", "--format", "json")
    assert_refused(done, "several columns 'a'", "AS")


def test_without_a_generation_the_way_to_one_is_named(rossmann: Command, tmp_path: Path) -> None:
    settings = Settings(warehouse_dir=tmp_path)
    assert_refused(rossmann(settings, "sql", "SELECT 1"), "rossmann refresh")
    listed = rossmann(settings, "generations")
    assert (listed.returncode, "nothing is published" in listed.stdout) == (0, True)


def test_a_reader_that_has_seen_enough_is_no_error(shared_published: Published) -> None:
    settings, _ = shared_published
    query = "SELECT * FROM range(300000)"
    done = subprocess.run(
        f"{ROSSMANN} sql '{query}' --format csv | head -n 2",
        shell=True,
        env=environment(settings.warehouse_path),
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("range\n0\n", "")


def test_publishing_and_going_back_from_the_command_line(
    rossmann: Command, published_generation: Published
) -> None:
    settings, first = published_generation
    again = rossmann(settings, "publish", "--no-build")
    assert again.returncode == 0
    assert f"unchanged, published before: generation {first.generation_id}" in again.stdout
    add_week(settings)
    published = rossmann(settings, "publish", "--no-build")
    assert published.stdout.startswith("published generation ")
    listed = rossmann(settings, "generations").stdout
    assert first.generation_id in listed
    back = rossmann(settings, "rollback", "generation", first.generation_id)
    assert f"readers now use generation {first.generation_id}" in back.stdout
    assert current_path(settings.published_path) == first.path
    held = rossmann(settings, "publish", "--no-build")
    assert "rolled back from" in held.stdout
    assert current_path(settings.published_path) == first.path
    assert_refused(rossmann(settings, "rollback", "generation", "nosuch"), first.generation_id)


@pytest.mark.parametrize("command", ["api", "dashboard"])
def test_a_taken_port_is_refused_in_words(
    rossmann: Command, shared_published: Published, command: str
) -> None:
    settings, _ = shared_published
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert_refused(rossmann(settings, command, "--port", port), port, "--port")


def test_a_signal_ends_a_query_that_would_take_hours_at_once(shared_published: Published) -> None:
    settings, _ = shared_published
    endless = "SELECT count(*) FROM range(10000000000) a(i), range(100) b(j) WHERE i * j % 7 = 3"
    program = (
        "import threading, signal\n"
        "threading.Timer(1, signal.raise_signal, [signal.SIGTERM]).start()\n"
        "from rossmann_ml.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "sql", endless, "--format", "csv"],
        env={**environment(settings.warehouse_path), "PYTHONPATH": str(PROJECT_DIR)},
        capture_output=True,
        text=True,
        check=False,
        timeout=14,  # the process ends itself after 15 s
    )
    assert (done.returncode, done.stderr) == (143, "ended by SIGTERM\n")
