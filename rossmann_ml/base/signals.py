"""End a command when a signal asks for it, also if a library swallows the interrupt.

Entry points: :func:`ended_by_signals`, and :func:`stopped_by_signals` for long work inside it.
Python raises an interrupt in the main thread at the next opportunity. It is lost if that is a
destructor or a callback, and late if a library computes for minutes. Servers have their own
handling of signals.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP)
_STANDARD_ERROR = 2
_RAISE_AGAIN_AFTER_SECONDS = 0.05


class Ending:
    """The signal that ends this process.

    Attributes:
        number: Number of the first signal; None as long as none came.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self.is_swallowed = threading.Event()

    @property
    def exit_code(self) -> int:
        """Exit code of a command that a signal ended: 128 plus its number; 0 without a signal."""
        return 128 + self.number if self.number else 0

    @property
    def reason(self) -> str:
        """Words for the signal, such as ``ended by SIGTERM``."""
        return f"ended by {signal.Signals(self.number).name}" if self.number else ""

    def note(self, number: int) -> None:
        """Remember a signal, unless one came before."""
        self.number = self.number or number


_STOPS: list[Callable[[], object]] = []


@contextmanager
def stopped_by_signals(stop: Callable[[], object]) -> Iterator[None]:
    """Run a block in a library that computes for minutes; a signal also calls a function.

    Args:
        stop: Function that makes the library end its work. It is called in another thread, inside
            :func:`ended_by_signals` only.
    """
    _STOPS.append(stop)
    try:
        yield
    finally:
        _STOPS.remove(stop)


@contextmanager
def ended_by_signals(grace_seconds: float = 15.0) -> Iterator[Ending]:
    """Run a block that SIGINT, SIGTERM, SIGQUIT and SIGHUP end, with exit code 128 + number.

    The signal raises ``KeyboardInterrupt`` in the block, and once more if that was lost. When the
    block has ended, the signal's name is printed. If the block still runs after `grace_seconds`,
    the process is ended at once, which is as safe as a kill. SIGHUP stays ignored under ``nohup``.
    In another than the main thread nothing is changed.

    Yields:
        The signal that came, for example to record it.

    Raises:
        SystemExit: A signal came, however the block ended.
    """
    ending = Ending()
    if threading.current_thread() is not threading.main_thread():
        yield ending
        return

    def interrupt(number: int, _: FrameType | None) -> None:
        ending.note(number)
        raise KeyboardInterrupt

    def terminate(number: int, _: FrameType | None) -> None:
        # libraries such as Dagster put handlers of their own in place of that of SIGTERM
        ending.note(number)
        signal.raise_signal(signal.SIGTERM)

    def look_at(lost: sys.UnraisableHookArgs) -> None:
        if not issubclass(lost.exc_type, Exception):
            ending.is_swallowed.set()
        hook(lost)

    before = {
        number: signal.getsignal(number)
        for number in _ENDING
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN
    }
    hook, sys.unraisablehook = sys.unraisablehook, look_at
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in before:
        is_common = number in {signal.SIGINT, signal.SIGTERM}
        signal.signal(number, interrupt if is_common else terminate)
    threading.Thread(target=_watch, args=(reader, ending, grace_seconds), daemon=True).start()
    try:
        yield ending
    except BaseException:
        if ending.number is None:
            raise
    finally:
        signal.set_wakeup_fd(wakeup)
        os.close(writer)  # the thread ends, unless a signal came
        for number, handler in before.items():
            signal.signal(number, handler)
        sys.unraisablehook = hook
    if ending.number is not None:
        _say(ending.reason)
        sys.exit(ending.exit_code)


def _watch(reader: int, ending: Ending, grace_seconds: float) -> None:
    """Wait for a signal; then repeat a lost interrupt, and end the process when the time is over.

    Args:
        reader: Pipe to which the interpreter writes the number of each signal when it arrives,
            also while the main thread is in a library.
        ending: Receives the number of the signal.
        grace_seconds: Time from the signal to the end of the process, in seconds.
    """
    arriving = (each[0] for each in iter(lambda: os.read(reader, 1), b""))
    number = next((each for each in arriving if each in _ENDING), 0)
    if not number:
        os.close(reader)
        return
    ending.note(number)
    _stop_all()
    end = time.monotonic() + grace_seconds
    while (left := end - time.monotonic()) > 0:
        if ending.is_swallowed.wait(left):
            time.sleep(_RAISE_AGAIN_AFTER_SECONDS)
            ending.is_swallowed.clear()
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
    _say(f"error: {ending.reason}: the process was still busy after {grace_seconds:.0f} s")
    os._exit(ending.exit_code)


def _stop_all() -> None:
    # a function, because a variable of the thread would keep the library's objects until the end
    for stop in [*_STOPS]:
        stop()


def _say(words: str) -> None:
    with suppress(OSError):  # a full disk, or a pipe that nobody reads any more
        os.write(_STANDARD_ERROR, f"{words}\n".encode())
