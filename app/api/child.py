"""Call a function in a child process, to free its memory afterwards and not delay requests."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any


def call_in_child(function: Callable[..., Any], *arguments: object) -> Any:
    """Call a module-level function in a new process and return its result.

    The child ends when this process ends, also after ``kill -9``. A child of a
    ``ProcessPoolExecutor`` would keep running.

    Raises:
        RuntimeError: The child process died.
        Exception: The exception that the function raised.
    """
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    child = context.Process(
        target=_work, args=(sending, function, arguments), name=function.__name__, daemon=True
    )
    child.start()
    sending.close()  # only the child holds this end now, so its death ends the wait below
    try:
        is_done, result = receiving.recv()
    except EOFError as error:
        child.join()
        raise RuntimeError(
            f"the process of {function.__name__} died with exit code {child.exitcode}"
        ) from error
    finally:
        receiving.close()
    child.join()
    if not is_done:
        raise result
    return result


def _work(sending: Connection, function: Callable[..., Any], arguments: tuple[object, ...]) -> None:
    try:
        answer = (True, function(*arguments))
    except Exception as error:
        answer = (False, error)
    sending.send(answer)
    sending.close()
