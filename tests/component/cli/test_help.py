"""``rossmann --help`` lists all commands without importing them."""

from __future__ import annotations

import inspect
import pkgutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from rossmann_ml.cli.commands import app
from rossmann_ml.cli.lazy import LazyCommand, LazyGroup

HEAVY = ("dagster", "duckdb", "mlflow", "numpy", "pandas", "polars", "scipy")
ASK = """
import sys
from rossmann_ml.cli import main

sys.argv = ["rossmann", *sys.argv[1:], "--help"]
try:
    main()
except SystemExit as ended:
    assert ended.code == 0
sys.stderr.write(" ".join(sys.modules))
"""


def entries(group: LazyGroup, words: str = "rossmann") -> Iterator[tuple[str, LazyCommand]]:
    for name, each in group.commands.items():
        if isinstance(each, LazyGroup):
            yield from entries(each, f"{words} {name}")
        else:
            assert isinstance(each, LazyCommand)
            yield f"{words} {name}", each


@pytest.mark.parametrize("group", [None, "data", "rollback"])
def test_help_of_a_group_lists_its_commands_and_imports_no_heavy_library(group: str | None) -> None:
    asked = app.commands[group] if group else app
    assert isinstance(asked, LazyGroup)
    done = subprocess.run(
        [sys.executable, "-c", ASK, *([group] if group else [])],
        capture_output=True,
        text=True,
        check=True,
    )
    assert [name for name in asked.commands if f"│ {name} " not in done.stdout] == []
    assert sorted({*done.stderr.split()} & {*HEAVY}) == []


def test_every_command_loads_and_is_listed_with_the_first_line_of_its_docstring() -> None:
    found = dict(entries(app))
    assert {"rossmann refresh", "rossmann data land", "rossmann rollback model"} <= found.keys()
    for words, entry in found.items():
        first_line, *_ = (inspect.getdoc(pkgutil.resolve_name(entry.target)) or "").splitlines()
        assert entry.help == first_line, words
        assert entry.load().name == words.rpartition(" ")[2]


def test_a_command_that_is_misspelt_is_refused_with_the_one_that_was_meant(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        app(["data", "lnd"])
    assert ended.value.code == 2
    assert "Did you mean 'land'?" in capsys.readouterr().err
