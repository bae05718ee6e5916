"""A signal ends a command with 128 plus its number, whatever a library does with the interrupt."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

BLOCKS = {
    "lost in a destructor": """
        class Library:
            def __del__(self):
                time.sleep(60)
        Library()
        time.sleep(60)
    """,
    "caught, and the work goes on": """
        while True:
            try:
                time.sleep(60)
            except KeyboardInterrupt:
                print("caught", flush=True)
    """,
    "turned into an error": """
        try:
            time.sleep(60)
        except KeyboardInterrupt:
            raise RuntimeError("query interrupted") from None
    """,
    "too late, because the work was done": """
        try:
            time.sleep(60)
        except KeyboardInterrupt:
            pass
    """,
}
PROGRAM = """
import time
from rossmann_ml.base.signals import ended_by_signals
with ended_by_signals(grace_seconds=1):
    print("ready", flush=True)
    if True:{block}
print("success")
"""


def end(block: str, number: int, *, ignored: bool = False) -> tuple[int, str]:
    """Run a program, send it a signal, and return its exit code and what it printed."""
    # whatever the process that runs the tests ignores
    usual = "default_int_handler" if number == signal.SIGINT else "SIG_DFL"
    handler = "SIG_IGN" if ignored else usual
    start = f"import signal; signal.signal({number}, signal.{handler})\n"
    process = subprocess.Popen(
        [sys.executable, "-c", start + PROGRAM.format(block=block)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    printed, _ = process.communicate(timeout=50)
    return process.returncode, printed


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS.keys())
def test_an_interrupt_ends_the_process_when_it_is(block: str) -> None:
    code, printed = end(block, signal.SIGTERM)
    assert (code, "success" in printed) == (128 + signal.SIGTERM, False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT, signal.SIGHUP])
def test_other_signals_end_it_too_also_where_a_shell_ignores_them(number: int) -> None:
    block = BLOCKS["lost in a destructor"]
    # a script's background jobs ignore SIGINT and SIGQUIT
    is_ignored = number != signal.SIGHUP
    assert end(block, number, ignored=is_ignored)[0] == 128 + number


def test_nohup_keeps_a_process_alive() -> None:
    assert end("\n        time.sleep(0.3)", signal.SIGHUP, ignored=True) == (0, "success\n")


IMPATIENT = """
import runpy, signal, sys

class Impatient:
    def find_spec(self, name, *_):
        if name == "{library}":
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Impatient())
{start}
"""


@pytest.mark.parametrize(
    ("start", "library"),
    [
        ("from rossmann_ml.cli import main; main()", "typer"),
        ("runpy.run_module('assets', run_name='__main__')", "dagster"),
        ("runpy.run_module('app.api', run_name='__main__')", "fastapi"),
        ("runpy.run_module('app.dashboard', run_name='__main__')", "streamlit"),
    ],
    ids=["a command", "the weekly job", "the API", "the dashboard"],
)
def test_a_signal_while_libraries_are_imported_is_one_line(start: str, library: str) -> None:
    program = IMPATIENT.format(start=start, library=library)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (130, "ended by SIGINT\n")
