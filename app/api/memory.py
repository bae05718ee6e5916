"""Return freed memory to the system, where the C library supports it (glibc).

A new generation and a what-if question use large arrays for a moment; without these calls the
process would keep that memory.
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
    """Return all freed memory to the system now."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
