"""Running several servers as one: started together, one log, stopped together.

Belongs here: processes, their output and their end. Which servers there are is the caller's.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType
from urllib.error import URLError
from urllib.request import urlopen

from rossmann_ml.base.errors import FaultError

_LOOK_EVERY_SECONDS = 0.2
_ANSWER_WITHIN_SECONDS = 3.0
_LINES_OF_OUTPUT = 10

Say = Callable[[str, str], None]
"""Takes the name of a service and a line of its output."""


@dataclass(frozen=True)
class Service:
    """A server to run.

    Attributes:
        name: What its lines in the log begin with.
        command: What starts it.
        address: Where a person finds it.
        health: What answers 200 when it is ready.
        environment: What its environment has beside that of this process.
    """

    name: str
    command: Sequence[str]
    address: str
    health: str
    environment: Mapping[str, str] = field(default_factory=dict)


class _Running:
    """A service that was started; it leads a process group of its own."""

    def __init__(self, service: Service, say: Say) -> None:
        self.service = service
        self.last_lines: list[str] = []
        self._say = say
        try:
            self._process = subprocess.Popen(  # noqa: S603 - a command of ours, and no shell
                service.command,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **service.environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                # what it starts belongs to its group, and Ctrl-C reaches this process alone
                start_new_session=True,
            )
        except OSError as error:
            raise FaultError(f"{service.name} cannot be started: {error}") from error
        self._reader = threading.Thread(target=self._read, name=service.name, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            if text := line.rstrip():
                self.last_lines = [*self.last_lines, text][-_LINES_OF_OUTPUT:]
                self._say(self.service.name, text)

    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll()

    def is_healthy(self) -> bool:
        """Whether it answers 200 now."""
        try:
            with urlopen(self.service.health, timeout=_ANSWER_WITHIN_SECONDS) as answer:  # noqa: S310 - our own
                return bool(answer.status == 200)
        except (URLError, OSError, ValueError):
            return False

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and to all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def is_gone(self) -> bool:
        """Whether it has ended, and all that it started too."""
        if self._process.poll() is None:
            return False
        try:
            os.killpg(self._process.pid, 0)
        except ProcessLookupError:
            return True
        return False

    def close(self) -> None:
        """Wait for it after it was killed, and close its output."""
        self._process.wait()
        self._reader.join(timeout=1)
        if self._process.stdout is not None and not self._reader.is_alive():
            self._process.stdout.close()

    def last_words(self) -> str:
        """The end of its output, once it has ended."""
        self._reader.join(timeout=1)
        return "\n".join(self.last_lines)


def run_together(
    services: Sequence[Service],
    say: Say,
    *,
    when_healthy: Callable[[], None],
    patience_seconds: float = 180.0,
    grace_seconds: float = 15.0,
) -> None:
    """Run the services until this process is told to stop (Ctrl-C or SIGTERM), then stop them.

    Whatever the reason for which this returns or raises, nothing that was started runs on.

    Args:
        services: What to run.
        say: Told every line of their output, from several threads.
        when_healthy: Called once when all of them answer.
        patience_seconds: How long they have to become healthy.
        grace_seconds: How long they have to end before they are killed.

    Raises:
        FaultError: One of them cannot be started, ended by itself, or did not become healthy in
            time.
    """
    running: list[_Running] = []
    with _told_to_stop() as stop:
        try:
            for service in services:
                running.append(_Running(service, say))
            if _wait_until_healthy(running, stop, patience_seconds):
                when_healthy()
            while not stop.wait(_LOOK_EVERY_SECONDS):
                _refuse_ended(running)
        finally:
            _stop(running, grace_seconds)


@contextmanager
def _told_to_stop() -> Iterator[threading.Event]:
    """An event that SIGINT, SIGTERM and SIGHUP set, in place of what they did before."""
    stop = threading.Event()

    def set_stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - as signal calls it
        stop.set()

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, set_stop) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait_until_healthy(
    running: Sequence[_Running], stop: threading.Event, patience_seconds: float
) -> bool:
    """Wait for all to answer; False when told to stop before."""
    deadline = time.monotonic() + patience_seconds
    waiting = list(running)
    while waiting:
        if stop.wait(_LOOK_EVERY_SECONDS):
            return False
        _refuse_ended(running)
        waiting = [each for each in waiting if not each.is_healthy()]
        if waiting and time.monotonic() > deadline:
            service = waiting[0].service
            raise FaultError(
                f"{service.name} did not answer at {service.health} within "
                f"{patience_seconds:.0f} s; its lines above say why"
            )
    return True


def _refuse_ended(running: Sequence[_Running]) -> None:
    for each in running:
        code = each.exit_code()
        if code is not None:
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            raise FaultError(
                f"{each.service.name} ended by itself ({how}), so the others were stopped. "
                f"Its last lines:\n{each.last_words() or '(none)'}"
            )


def _stop(running: Sequence[_Running], grace_seconds: float) -> None:
    for each in running:
        each.signal(signal.SIGTERM)
    deadline = time.monotonic() + grace_seconds
    while time.monotonic() < deadline and not all(each.is_gone() for each in running):
        time.sleep(0.05)
    for each in running:
        each.signal(signal.SIGKILL)
        each.close()
