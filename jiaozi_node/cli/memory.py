"""How the C library keeps memory that was freed: blocks of a file are all of one size.

By default glibc maps memory of 128 KiB and more anew each time, and every page of it faults:
reading 1 GiB in blocks of 256 KiB spent 0.45 of 1.4 s of processor time on that. Told to, it
reuses them.
"""

import contextlib

LARGE_BYTES = 128 * 1024  # glibc's threshold
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_KEPT_BYTES = 64 * 1024 * 1024
_MAPPED_BYTES = 8 * 1024 * 1024  # larger pieces than any block are still mapped


def reuse_freed() -> None:
    """Have freed memory of up to 64 MiB reused rather than given back; nothing without glibc."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        tune = ctypes.CDLL(None).mallopt
        tune(_M_MMAP_THRESHOLD, _MAPPED_BYTES)
        tune(_M_TRIM_THRESHOLD, _KEPT_BYTES)
