"""Several servers run together with one log, and all of them end together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.servers import free_port

from rossmann_ml.base.errors import FaultError
from rossmann_ml.pipeline.services import Service, run_together

SERVER = """
import http.server, sys
print("listening", flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler)\
.serve_forever()
"""
# starts a child, writes the child's process id to a file, and both ignore SIGTERM
STUBBORN = """
import pathlib, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import signal, time;"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"])
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
time.sleep(600)
"""


class Log:
    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def say(self, name: str, line: str) -> None:
        self.lines.append((name, line))


def server(name: str, folder: Path) -> Service:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    return script(name, SERVER, str(port), address=address, environment={"HOME": str(folder)})


def script(name: str, text: str, *arguments: str, address: str = "", **options: dict) -> Service:
    command = [sys.executable, "-c", text, *arguments]
    # no server listens on port 9 of a test machine
    where = address or "http://127.0.0.1:9"
    return Service(name, command, address=where, health=f"{where}/", **options)


def run(services: Sequence[Service], log: Log, number: int = signal.SIGTERM, **options) -> None:
    """Run until all are healthy, then send this process a signal."""
    run_together(
        services,
        log.say,
        when_healthy=lambda: os.kill(os.getpid(), number),
        **{"patience_seconds": 60, "grace_seconds": 5, **options},
    )


def is_running(process_id: int) -> bool:
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(process_id: int) -> None:
    deadline = time.monotonic() + 10
    while is_running(process_id):
        assert time.monotonic() < deadline, f"process {process_id} still runs"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_services_and_is_no_error(tmp_path: Path, number: int) -> None:
    log = Log()
    # Dagster leaves a handler of its own in a process that ran a job
    before = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
    signal.signal(number, before)
    daemon = Service("daemon", [sys.executable, "-c", "import time; time.sleep(600)"])
    services = [server("one", tmp_path), server("two", tmp_path), daemon]
    run(services, log, number)
    assert ("one", "listening") in log.lines
    assert ("two", "listening") in log.lines
    assert signal.getsignal(number) is before
    # their ports are free again
    run(services, log, number)


def test_what_ends_by_itself_is_named_with_its_last_lines_and_the_others_stop(
    tmp_path: Path,
) -> None:
    mark = tmp_path / "child"
    dies = script("dies", "print('no licence'); raise SystemExit(3)")
    with pytest.raises(FaultError, match=r"(?s)dies ended by itself \(exit code 3\).*no licence"):
        run([script("stays", STUBBORN, str(mark)), dies], Log(), grace_seconds=0.2)
    if mark.exists():
        wait_until_gone(int(mark.read_text()))


def test_what_is_killed_is_named_with_the_signal() -> None:
    killed = script("killed", "import os; os.kill(os.getpid(), 9)")
    with pytest.raises(FaultError, match=r"killed ended by itself \(signal 9\).*\n\(none\)"):
        run([killed], Log())


def test_a_killed_launcher_takes_its_server_and_the_servers_children_along(tmp_path: Path) -> None:
    mark = tmp_path / "child"
    server_dies = script("orphan", STUBBORN, str(mark))

    def kill_launcher() -> None:
        while not mark.exists() or not mark.read_text():
            time.sleep(0.02)
        server = Path(f"/proc/{mark.read_text()}/stat").read_text().rsplit(")", 1)[1].split()[1]
        launcher = Path(f"/proc/{server}/stat").read_text().rsplit(")", 1)[1].split()[1]
        os.kill(int(launcher), signal.SIGKILL)

    threading.Thread(target=kill_launcher, daemon=True).start()
    with pytest.raises(FaultError, match=r"orphan ended by itself \(signal 9\)"):
        run([server_dies], Log(), grace_seconds=0.3)
    wait_until_gone(int(mark.read_text()))


def test_what_never_answers_is_named_with_its_address(tmp_path: Path) -> None:
    deaf = script("deaf", "import time; time.sleep(600)")
    with pytest.raises(FaultError, match=r"deaf did not answer at http://127.0.0.1:9/ within 3 s"):
        run([server("well", tmp_path), deaf], Log(), patience_seconds=3)


def test_a_service_that_ignores_sigterm_is_killed_with_its_children(tmp_path: Path) -> None:
    mark = tmp_path / "child"
    stubborn = script("stubborn", STUBBORN, str(mark))

    def interrupt() -> None:
        while not mark.exists() or not mark.read_text():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    run([stubborn], Log(), grace_seconds=0.3)  # stopped before it was healthy
    wait_until_gone(int(mark.read_text()))


def test_a_command_that_is_not_there_stops_what_was_started(tmp_path: Path) -> None:
    mark = tmp_path / "child"
    missing = Service("missing", [str(tmp_path / "nothing")], "", "http://127.0.0.1:9/")
    with pytest.raises(
        FaultError, match=r"(?s)missing ended by itself.*cannot be started: .*nothing"
    ):
        run([script("stays", STUBBORN, str(mark)), missing], Log(), grace_seconds=0.2)


STARTS = """
import sys
from rossmann_ml.pipeline.services import Service, run_together
command = [sys.executable, *sys.argv[1:]]
run_together([Service("one", command, "", "http://127.0.0.1:9/")], print,
    when_healthy=print, grace_seconds=0.3)
"""


def test_services_and_their_children_end_when_the_process_that_runs_them_is_killed(
    tmp_path: Path,
) -> None:
    mark = tmp_path / "child"
    program = subprocess.Popen([sys.executable, "-c", STARTS, "-c", STUBBORN, str(mark)])
    while not mark.exists() or not mark.read_text():
        time.sleep(0.02)
    program.kill()
    program.wait()
    wait_until_gone(int(mark.read_text()))
