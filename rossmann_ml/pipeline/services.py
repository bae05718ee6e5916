"""Run several servers together: start them, merge their logs, stop them.

:func:`run_together` is the entry point. See `rossmann_ml.cli.up` for the list of servers.
Only ``rossmann up`` uses this module; in the containers each server runs by itself.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.request import urlopen

from rossmann_ml.base.errors import FaultError
from rossmann_ml.pipeline import service_launcher

_LOOK_EVERY_SECONDS = 0.2
_ANSWER_WITHIN_SECONDS = 3.0
_LINES_OF_OUTPUT = 10
_LONGEST_LINE_BYTES = 2**24

PrintLine = Callable[[str, str], None]
"""Function that receives the name of a service and a line of its output."""


@dataclass(frozen=True)
class Service:
    """A server to run.

    Attributes:
        name: Name of the server, which begins each of its lines in the log.
        command: Command line that starts the server.
        address: URL that users open; empty for a process without one.
        health: URL that returns status 200 when the server is ready; empty for a process that
            counts as ready once it runs.
        environment: Environment variables in addition to those of this process.
    """

    name: str
    command: Sequence[str]
    address: str = ""
    health: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


def run_together(
    services: Sequence[Service],
    print_line: PrintLine,
    *,
    when_healthy: Callable[[], None],
    patience_seconds: float = 180.0,
    grace_seconds: float = 15.0,
) -> None:
    """Run the services until SIGINT (Ctrl-C), SIGTERM or SIGHUP arrives, then stop them.

    All services are stopped before this function returns or raises. If this process is killed,
    they stop too; see :mod:`~rossmann_ml.pipeline.service_launcher`.

    Args:
        services: Services to run.
        print_line: Function that receives the service's name and a line of its output.
        when_healthy: Function to call once when all services are healthy.
        patience_seconds: Longest time in seconds until all services are healthy.
        grace_seconds: Longest time in seconds from SIGTERM to SIGKILL, here and in the launcher.

    Raises:
        FaultError: A service ended by itself, or did not become healthy in time.
    """

    async def announce() -> None:
        await _wait_until_healthy(services, patience_seconds)
        when_healthy()
        await asyncio.Event().wait()  # until this task is cancelled

    async def run() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        processes: list[asyncio.subprocess.Process] = []
        tasks = [asyncio.create_task(stop.wait()), asyncio.create_task(announce())]
        try:
            for service in services:
                processes.append(await _start(service, grace_seconds))
                tasks.append(asyncio.create_task(_follow(service, processes[-1], print_line)))
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await _stop(processes, grace_seconds)
            for task in tasks[:2]:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(run())


async def _start(service: Service, grace_seconds: float) -> asyncio.subprocess.Process:
    """Start a service in a process group of its own that ends when this process is gone."""
    launcher = [sys.executable, "-I", "-S", service_launcher.__file__, str(grace_seconds)]
    return await asyncio.create_subprocess_exec(
        *launcher,
        *service.command,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **service.environment},
        # the launcher sees by the end of this pipe that this process is gone
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        limit=_LONGEST_LINE_BYTES,
        # its children belong to its group, and Ctrl-C reaches this process alone
        start_new_session=True,
    )


async def _follow(
    service: Service, process: asyncio.subprocess.Process, print_line: PrintLine
) -> None:
    """Print the lines of a service until its process ends, then raise.

    Raises:
        FaultError: The process ended, which a server should not do by itself; the message has its
            last lines.
    """
    last_lines: deque[str] = deque(maxlen=_LINES_OF_OUTPUT)

    async def read() -> None:
        while process.stdout and (line := await process.stdout.readline()):
            if text := line.decode(errors="replace").rstrip():
                last_lines.append(text)
                print_line(service.name, text)

    reading = asyncio.create_task(read())
    # wait() would also wait until children close the output
    while (code := process.returncode) is None:
        await asyncio.sleep(_LOOK_EVERY_SECONDS)
    await asyncio.wait([reading], timeout=1)  # a child may keep the output open
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    lines = "\n".join(last_lines) or "(none)"
    raise FaultError(
        f"{service.name} ended by itself ({how}), so the others were stopped. "
        f"Its last lines:\n{lines}"
    )


async def _wait_until_healthy(services: Sequence[Service], patience_seconds: float) -> None:
    service = services[0]
    try:
        async with asyncio.timeout(patience_seconds):
            for service in services:
                while service.health and not await asyncio.to_thread(_is_healthy, service.health):
                    await asyncio.sleep(_LOOK_EVERY_SECONDS)
    except TimeoutError as error:
        raise FaultError(
            f"{service.name} did not answer at {service.health} within "
            f"{patience_seconds:.0f} s; its lines above say why"
        ) from error


def _is_healthy(address: str) -> bool:
    try:
        with urlopen(address, timeout=_ANSWER_WITHIN_SECONDS) as answer:  # noqa: S310 - our own
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False


async def _stop(processes: Sequence[asyncio.subprocess.Process], grace_seconds: float) -> None:
    """Send SIGTERM to the services and their children; send SIGKILL to those that are left.

    Args:
        processes: Processes of the services, each the leader of a process group.
        grace_seconds: Longest time in seconds between the two signals.
    """

    def send(number: int) -> bool:
        is_any_left = False
        for process in processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
                is_any_left = True
        return is_any_left

    send(signal.SIGTERM)
    with suppress(TimeoutError):
        async with asyncio.timeout(grace_seconds):
            while send(0):
                await asyncio.sleep(0.05)
    send(signal.SIGKILL)
    await asyncio.gather(*(process.wait() for process in processes))
    for process in processes:  # a child may keep the output open, and asyncio would complain
        process._transport.close()  # type: ignore[attr-defined]
