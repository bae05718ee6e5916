"""Commands work in any locale, with closed or broken streams, and below folders with odd names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.other_programs import sql_client
from support.published import copy_of
from support.small_warehouse import small_settings

from rossmann_ml.base.errors import SettingsError
from rossmann_ml.base.settings import PROJECT_DIR, Settings, load_settings
from rossmann_ml.publish.publishing import PublishedGeneration
from rossmann_ml.serving.generations import current_path
from rossmann_ml.warehouse.connection import connect

Published = tuple[Settings, PublishedGeneration]
MAIN = "from rossmann_ml.cli import main; main()"


def rossmann(
    settings: Settings, *arguments: str, shell: str = "", **variables: str
) -> subprocess.CompletedProcess[bytes]:
    """Run a command as cron does: with no variables but those given, from the root folder."""
    environment = {
        "PYTHONPATH": str(PROJECT_DIR),
        "ROSSMANN_RAW_DIR": str(settings.raw_path),
        "ROSSMANN_INCOMING_DIR": str(settings.incoming_path),
        "ROSSMANN_WAREHOUSE_DIR": str(settings.warehouse_path),
        "ROSSMANN_STATE_DIR": str(settings.state_path),
        **variables,
    }
    command = [sys.executable, "-c", MAIN, *arguments]
    if shell:
        command = ["sh", "-c", f'"$@" {shell}', "sh", *command]
    return subprocess.run(command, env=environment, cwd="/", capture_output=True, check=False)


LOCALES = {
    "none": {},
    "ASCII without UTF-8 mode": {
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
    },
    "ASCII output": {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
    "Latin-1 output": {"LC_ALL": "POSIX", "PYTHONIOENCODING": "latin-1"},
    "a dumb terminal in an odd time zone": {"TERM": "dumb", "TZ": "Nowhere/Else", "NO_COLOR": "1"},
}


@pytest.mark.parametrize("variables", LOCALES.values(), ids=LOCALES.keys())
@pytest.mark.parametrize("command", ["generations", "data status", "sql"])
def test_a_command_prints_in_any_locale(
    shared_published: Published, command: str, variables: dict[str, str]
) -> None:
    settings, first = shared_published
    arguments = ["sql", "SELECT 'naïve … Büro' AS text"] if command == "sql" else command.split()
    done = rossmann(settings, *arguments, **variables)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr.decode()
    if command == "generations":
        assert first.generation_id.encode() in done.stdout


@pytest.mark.parametrize("shell", [">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full", "| true"])
def test_a_command_bears_closed_full_and_broken_streams(
    shared_published: Published, shell: str
) -> None:
    settings, _ = shared_published
    done = rossmann(settings, "generations", shell=shell)
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    assert b"Exception ignored" not in done.stderr
    assert done.returncode == (1 if "full" in shell else 0)


def test_a_database_never_takes_the_place_of_a_closed_stream(
    published_generation: Published,
) -> None:
    settings, first = published_generation
    before = first.path.read_bytes()
    rossmann(settings, "data", "status", shell="<&- >&- 2>&-")
    rossmann(settings, "doctor", shell=">&-")
    assert first.path.read_bytes() == before
    with connect(settings, read_only=True) as connection:
        connection.execute("SELECT count(*) FROM raw.loads").fetchall()


ODD = ["Büro O'Neil; 1 & 100%", 'a "b" [c] {d} $e', "100%20 of it", "😀 -n", "x" * 200]


@pytest.mark.parametrize("name", ODD)
def test_a_command_works_below_a_folder_with_an_odd_name(
    shared_published: Published, tmp_path: Path, name: str
) -> None:
    shared, first = shared_published
    settings = copy_of(shared, tmp_path / name)
    done = rossmann(settings, "sql", "SELECT count(*) > 0 AS some FROM forecasts", LC_ALL="C")
    assert (done.returncode, b"true" in done.stdout) == (0, True), done.stderr.decode()
    with connect(settings) as connection:
        connection.execute("CREATE TABLE meta.something AS SELECT 1")
    assert current_path(settings.published_path).stem == first.generation_id


@pytest.mark.parametrize(
    ("name", "sign"), [("what?", r"\?"), ("shop #1", "#"), ("two\nlines", "a line break")]
)
def test_a_folder_that_databases_misread_is_refused_in_one_line(
    tmp_path: Path, name: str, sign: str
) -> None:
    with pytest.raises(SettingsError, match=f"contains {sign}, which databases cannot"):
        small_settings(tmp_path / name)
    (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to(tmp_path / name)
    with pytest.raises(SettingsError, match=sign):
        small_settings(tmp_path / "link")
    done = rossmann(
        small_settings(tmp_path), "data", "status", ROSSMANN_STATE_DIR=str(tmp_path / name)
    )
    lines = done.stderr.decode().strip().splitlines()
    assert (done.returncode, len(lines)) == (SettingsError.exit_code, 1)


def test_a_tilde_in_a_setting_is_the_home_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ROSSMANN_WAREHOUSE_DIR", "~/warehouse/")
    assert load_settings().warehouse_path == tmp_path / "warehouse"


def test_a_busy_file_is_named_by_every_command_that_reads_it(
    published_generation: Published,
) -> None:
    settings, first = published_generation
    with sql_client(first.path) as pid:
        for arguments in (("generations",), ("sql", "SELECT 1")):
            done = rossmann(settings, *arguments)
            said = done.stderr.decode()
            assert done.returncode == 4, said
            assert "busy: " in said
            assert f"process {pid} (" in said
            assert "Traceback" not in said


def test_a_module_of_another_project_is_named_before_anything_runs(
    shared_published: Published, tmp_path: Path
) -> None:
    settings, _ = shared_published
    (tmp_path / "polars.py").write_text("raise RuntimeError('not polars')")
    both = os.pathsep.join([str(PROJECT_DIR), str(tmp_path)])
    done = rossmann(settings, "data", "status", PYTHONPATH=both)
    said = done.stderr.decode()
    assert (done.returncode, "polars" in said, "Traceback" in said) == (2, True, False)
