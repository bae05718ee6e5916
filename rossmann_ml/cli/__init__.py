"""Run the command line ``rossmann``: one module per group of commands.

Entry point: :func:`main`, the console script; :mod:`rossmann_ml.cli.commands` lists the commands. A
command reads its settings, calls the other packages and prints; it computes nothing.
"""

from __future__ import annotations

from rossmann_ml.base import process
from rossmann_ml.base.signals import ended_by_signals
from rossmann_ml.base.terminal.streams import prepare_streams


def main() -> None:
    """Run the command ``rossmann``, whose console script calls this function.

    A ``RossmannError`` is printed as a message, and the process ends with its exit code. A signal
    ends it with 128 plus the signal's number.
    """
    process.require_utf8()
    prepare_streams()
    process.prepare()
    with ended_by_signals():
        # not before, so that a signal during these imports ends the command without a traceback
        from rossmann_ml.cli.commands import run  # noqa: PLC0415

        run()
