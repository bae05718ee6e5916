"""Make standard output and error usable in any terminal, pipe or cron job.

Entry point: :func:`prepare_streams`, which commands call before they print. Text for people is
written by :mod:`rossmann_ml.cli.output` and Rich; this module knows only characters and pipes.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
import unicodedata
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from typing_extensions import Buffer

_ERROR = 2  # descriptor of standard error
# Characters of the product's own texts and tables that Unicode does not decompose to ASCII.
_PLAIN = {
    "\N{EN DASH}": "-", "\N{EM DASH}": "-", "\N{MINUS SIGN}": "-", "…": "...", "“": '"',
    "”": '"', "\N{LEFT SINGLE QUOTATION MARK}": "'", "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{MULTIPLICATION SIGN}": "x", "·": "-", "→": "->", "←": "<-", "≤": "<=", "≥": ">=",
    "±": "+-", "│": "|", "┃": "|", "─": "-", "━": "-", "┼": "+", "•": "*", "█": "#", "€": "EUR",
    "ß": "ss", "✓": "ok",
}  # fmt: skip


def prepare_streams() -> None:
    """Prepare the standard streams of this process, so that printing cannot end a command.

    - A stream that is closed is replaced by the null device. Otherwise the next file that is
      opened, such as a database, would receive what is printed.
    - A pipe whose reader has ended takes everything without an error.
    - A character that the encoding lacks is replaced by a plain one, an undecodable byte by ``?``.
    """
    codecs.register_error("plain", _plain_characters)
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - open until the end
    # a stream that a caller has replaced, for example to capture it, is left as it is
    if sys.stdout is sys.__stdout__:
        sys.stdout = _prepared(sys.stdout, 1)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _prepared(sys.stderr, _ERROR)


def _prepared(stream: TextIO | None, descriptor: int) -> TextIO:
    encoding = "utf-8" if stream is None else stream.encoding
    if stream is not None:
        stream.flush()
    raw = _Pipe(descriptor, "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=encoding,
        errors="plain",
        line_buffering=raw.isatty() or descriptor == _ERROR,
        write_through=bool(os.environ.get("PYTHONUNBUFFERED")),
    )


class _Pipe(io.FileIO):
    """File descriptor that drops what is written after the reader of its pipe has ended.

    A full disk raises its error once, so that the command can end with a message.
    """

    def write(self, data: Buffer, /) -> int:
        """Write bytes, or drop them if nobody reads them any more."""
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            self._drop_all()
            return memoryview(data).nbytes
        except OSError:
            self._drop_all()
            raise

    def _drop_all(self) -> None:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self.fileno())
        os.close(null)


def _plain_characters(error: UnicodeError) -> tuple[str, int]:
    """Replace the characters that an encoding lacks, as an error handler of :mod:`codecs`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = error.object[error.start : error.end]
    return "".join(map(_plain, found)), error.end


def _plain(character: str) -> str:
    decomposed = unicodedata.normalize("NFKD", character)
    ascii_only = decomposed.encode("ascii", "ignore").decode()
    return _PLAIN.get(character) or ascii_only or "?"
