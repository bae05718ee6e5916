"""How a worker gives memory back to the system, where the C library can (glibc).

A new generation and a what-if question work with large arrays for a moment; without this, what
they took stays with the process.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

_M_MMAP_THRESHOLD = -3  # of glibc's malloc.h
_LARGE_BYTES = 256 * 1024


def give_large_arrays_back() -> None:
    """From now on hand every large array back when it is freed."""
    # glibc's own default, which it raises with each large array that is freed, unless it is set
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)


def give_memory_back() -> None:
    """Hand back what was freed."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
