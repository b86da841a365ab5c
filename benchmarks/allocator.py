"""What freed memory is worth: glibc gives large blocks back to the system, and the next tensor pays for fresh pages."""

import contextlib
import ctypes
import gc

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # from glibc's malloc.h


def keep_freed_memory() -> bool:
    """From now on large tensors of this process reuse memory, as on a GPU; False where the C library cannot."""
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        return bool(mallopt(M_MMAP_MAX, 0) and mallopt(M_TRIM_THRESHOLD, -1))
    return False


def return_freed_memory() -> None:
    """Gives what Python and the C library have freed back to the system, where the C library can."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
