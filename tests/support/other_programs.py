"""Other programs and other users that use the product's files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

_NOBODY = 65534
_CLIENT = """
import sys, time
import duckdb
connection = duckdb.connect(sys.argv[1])
for statement in sys.argv[2:]:
    connection.execute(statement)
print("open", flush=True)
time.sleep(120)
"""


@contextmanager
def sql_client(path: Path, *statements: str) -> Iterator[int]:
    """Keep a DuckDB file open for writing in another process; yield its process id."""
    path.chmod(0o644)
    command = [sys.executable, "-c", _CLIENT, str(path), *statements]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == b"open\n"
        try:
            yield client.pid
        finally:
            client.kill()


def edit_by_hand(path: Path) -> None:
    """Change a figure in a published file, as a client does that opens files for writing."""
    path.chmod(0o644)
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE forecasts SET sales_forecast = 1 WHERE store_id = 1")


def as_another_user(work: Callable[[], object]) -> str:
    """Run a function as a user without rights, and return its error as ``Name: message``."""
    receiver, sender = os.pipe()
    pid = os.fork()
    if not pid:
        text = "no error"
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(_NOBODY)
                os.setuid(_NOBODY)
            work()
        except BaseException as error:
            text = f"{type(error).__name__}: {error}"
        os.write(sender, text.encode())
        os._exit(0)
    os.close(sender)
    os.waitpid(pid, 0)
    with os.fdopen(receiver, "rb") as answer:
        return answer.read().decode()
