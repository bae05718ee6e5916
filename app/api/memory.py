"""Return freed memory to the operating system, if the C library is glibc.

Loading a new generation and forecasting a what-if request need large arrays for a moment. Without
these calls the process would keep their memory.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

_M_MMAP_THRESHOLD = -3  # of glibc's malloc.h
_LARGE_BYTES = 256 * 1024


def release_large_arrays() -> None:
    """Make the C library return every large array to the system as soon as it is freed."""
    # glibc raises its default threshold with each large array that is freed, unless it is set
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)


def release_freed_memory() -> None:
    """Make the C library return all freed memory to the system now."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
