"""Run a server that ends together with the process that started it, even if that one is killed.

``python service_launcher.py GRACE_SECONDS COMMAND`` runs the command in this process's group.
Standard input must be a pipe whose other end only the starting process has, so that its end means
that this process is gone. Then the group, to which the children of the server belong, gets
SIGTERM, and SIGKILL after the grace. Only the standard library is imported, for a quick start.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

# They are sent to the whole group: this process ends after the server.
_FOR_THE_SERVER = (signal.SIGTERM, signal.SIGINT)
_PR_SET_PDEATHSIG = 1


def run(command: list[str], grace_seconds: float) -> int:
    """Run a server until it ends, and return its exit code; negative if a signal ended it.

    Args:
        command: Command line of the server.
        grace_seconds: Time in seconds from SIGTERM to SIGKILL after the starting process is gone.

    Raises:
        OSError: The command cannot be started.
    """
    is_orphaned = threading.Event()

    def end_with_parent() -> None:
        os.read(0, 1)
        is_orphaned.set()
        os.killpg(0, signal.SIGTERM)
        time.sleep(grace_seconds)
        os.killpg(0, signal.SIGKILL)

    for number in _FOR_THE_SERVER:
        signal.signal(number, lambda *_: None)
    libc = ctypes.CDLL(None)
    server = subprocess.Popen(  # noqa: S603 - the caller's own
        command,
        stdin=subprocess.DEVNULL,
        # the server ends with this process, also if only this one is killed
        preexec_fn=lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL),  # noqa: PLW1509 - before threads
    )
    watching = threading.Thread(target=end_with_parent, daemon=True)
    watching.start()
    code = server.wait()
    if is_orphaned.is_set():
        watching.join()  # children of the server may still run
    return code


if __name__ == "__main__":
    _grace, *_command = sys.argv[1:]
    try:
        code = run(_command, float(_grace))
    except OSError as error:
        sys.exit(f"cannot be started: {error}")
    if code >= 0:
        sys.exit(code)
    # end in the same way, so that the starting process can name the signal
    if -code in _FOR_THE_SERVER:
        signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
