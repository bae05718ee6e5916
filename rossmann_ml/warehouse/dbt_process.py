"""Running dbt's command line in a process of its own, loaded once for several commands.

In this process dbt would keep the database open after it is done, and loading it takes seconds.
What belongs here: starting and ending the process that has it loaded, and asking it. What dbt is
told, and what its results mean, is in :mod:`rossmann_ml.warehouse.dbt`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from rossmann_ml.base.errors import FaultError

_SECONDS_TO_END = 10


@dataclass(frozen=True)
class Done:
    """How a command ended.

    Attributes:
        returncode: Its exit code; negative for the signal that killed it.
        output: What it printed.
    """

    returncode: int
    output: str


class DbtProcess:
    """A process that has dbt loaded; it begins to load as soon as this is made."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self._lock = threading.Lock()
        self._process = subprocess.Popen(  # noqa: S603 - our interpreter, without a shell
            [sys.executable, "-m", "rossmann_ml.warehouse.dbt_child", str(self.owner)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._questions = cast("IO[str]", self._process.stdin)
        self._answers = cast("IO[str]", self._process.stdout)

    def run(
        self, arguments: Sequence[str], *, environment: Mapping[str, str], folder: Path
    ) -> Done:
        """Run a command and wait for it; one at a time.

        Args:
            arguments: What stands behind ``dbt``.
            environment: All of its environment.
            folder: Where it stands.

        Raises:
            FaultError: The process ended, so that there is no answer.
        """
        asked = {
            "arguments": list(arguments),
            "environment": dict(environment),
            "folder": str(folder),
        }
        with self._lock:
            try:
                print(json.dumps(asked), file=self._questions, flush=True)
                answer = self._answers.readline()
            except BrokenPipeError:
                answer = ""
            except BaseException:  # interrupted: a dbt that nobody waits for must not go on
                self.close()
                raise
            if not answer:
                self.close()
                raise FaultError(
                    f"the process that runs dbt ended with {self._process.returncode} "
                    f"before dbt {' '.join(arguments[:3])} was done; run it again"
                )
        return Done(**json.loads(answer))

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def is_usable(self) -> bool:
        """Whether it lives and was started by this very process, not by one that forked it."""
        return self.owner == os.getpid() and self._process.poll() is None

    def close(self) -> None:
        """End the process, and the command that it may be running."""
        for stream in (self._questions, self._answers):
            with suppress(BrokenPipeError):  # a question that was not read any more
                stream.close()
        try:
            self._process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


_loaded: DbtProcess | None = None


@contextmanager
def dbt_at_hand() -> Iterator[DbtProcess]:
    """Keep dbt loaded until the block ends: its process, to run commands in.

    It loads beside whatever this process does meanwhile. Of blocks that lie in each other the
    outermost starts the process and ends it.
    """
    global _loaded  # noqa: PLW0603 - a process has one
    if _loaded is not None and _loaded.is_usable:
        yield _loaded
        return
    own = _loaded = DbtProcess()
    try:
        yield own
    finally:
        _loaded = None
        own.close()
