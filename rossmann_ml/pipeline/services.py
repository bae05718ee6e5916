"""Run several servers together: start them, merge their logs, stop them.

:func:`run_together` is the entry point. See `rossmann_ml.cli.up` for the list of servers.
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

PrintLine = Callable[[str, str], None]
"""Function that receives the name of a service and a line of its output."""


@dataclass(frozen=True)
class Service:
    """A server to run.

    Attributes:
        name: Prefix of its lines in the log.
        command: Command line that starts it.
        address: URL for people.
        health: URL that returns status 200 when the server is ready.
        environment: Environment variables in addition to those of this process.
    """

    name: str
    command: Sequence[str]
    address: str
    health: str
    environment: Mapping[str, str] = field(default_factory=dict)


class _Running:
    """A started service, which leads its own process group."""

    def __init__(self, service: Service, print_line: PrintLine) -> None:
        self.service = service
        self.last_lines: list[str] = []
        self._print_line = print_line
        try:
            self._process = subprocess.Popen(  # noqa: S603 - a command of ours, and no shell
                service.command,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **service.environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                # its children belong to its group, and Ctrl-C reaches this process alone
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
                self._print_line(self.service.name, text)

    def exit_code(self) -> int | None:
        """Return the exit code; None while the service runs."""
        return self._process.poll()

    def is_healthy(self) -> bool:
        """Return whether the health URL returns status 200 now."""
        try:
            with urlopen(self.service.health, timeout=_ANSWER_WITHIN_SECONDS) as answer:  # noqa: S310 - our own
                return bool(answer.status == 200)
        except (URLError, OSError, ValueError):
            return False

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the service and all its children."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def is_gone(self) -> bool:
        """Return whether the service and all its children have ended."""
        if self._process.poll() is None:
            return False
        try:
            os.killpg(self._process.pid, 0)
        except ProcessLookupError:
            return True
        return False

    def close(self) -> None:
        """Wait for the killed service to end, and close its output."""
        self._process.wait()
        self._reader.join(timeout=1)
        if self._process.stdout is not None and not self._reader.is_alive():
            self._process.stdout.close()

    def last_words(self) -> str:
        """Return the last lines of the output of an ended service."""
        self._reader.join(timeout=1)
        return "\n".join(self.last_lines)


def run_together(
    services: Sequence[Service],
    print_line: PrintLine,
    *,
    when_healthy: Callable[[], None],
    patience_seconds: float = 180.0,
    grace_seconds: float = 15.0,
) -> None:
    """Run the services until SIGINT (Ctrl-C), SIGTERM or SIGHUP arrives, then stop them.

    All services are stopped before this function returns or raises.

    Args:
        services: Services to run.
        print_line: Function that receives every line of output, from several threads.
        when_healthy: Function to call once when all services are healthy.
        patience_seconds: Longest time until all services are healthy.
        grace_seconds: Longest time from SIGTERM to SIGKILL.

    Raises:
        FaultError: A service cannot be started, ended by itself, or did not become healthy in
            time.
    """
    running: list[_Running] = []
    with _stop_event() as stop:
        try:
            for service in services:
                running.append(_Running(service, print_line))
            if _wait_until_healthy(running, stop, patience_seconds):
                when_healthy()
            while not stop.wait(_LOOK_EVERY_SECONDS):
                _refuse_ended(running)
        finally:
            _stop(running, grace_seconds)


@contextmanager
def _stop_event() -> Iterator[threading.Event]:
    """Yield an event that SIGINT, SIGTERM and SIGHUP set; restore their handlers afterwards."""
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
    """Wait until all services are healthy; return False when a signal arrives before."""
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
