"""A call in a process of its own: its memory goes with it, and answers need not wait for it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any


def call_in_child(function: Callable[..., Any], *arguments: object) -> Any:
    """Call a function of a module in a new process and give its result.

    The process ends with this one.

    Raises:
        RuntimeError: The process died.
        Exception: What the function raised.
    """
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    child = context.Process(
        target=_work, args=(sending, function, arguments), name=function.__name__, daemon=True
    )
    child.start()
    sending.close()  # the child's end alone stays open, so that its death is noticed
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
