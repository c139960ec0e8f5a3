"""Memory that is used again instead of being given back after each step."""

import ctypes

# Parameters of mallopt in glibc's malloc.h, and their values here [byte].
_SETTINGS = {
    -1: 1 << 30,  # M_TRIM_THRESHOLD: free memory at the top that is kept
    -2: 1 << 26,  # M_TOP_PAD: what is taken at a time
    -3: 1 << 25,  # M_MMAP_THRESHOLD: pieces up to this, the largest allowed, are kept
}


def keep_freed_memory() -> None:
    """Let this process keep the memory that it frees.

    By default glibc gives the tensors of each step back to the system, which hands the next step
    empty pages, one interrupt for each 4 KiB: a third of a step of a small network on a CPU. Where
    there is no glibc, nothing is done.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library; Windows
        return
    for parameter, value in _SETTINGS.items():
        mallopt(ctypes.c_int(parameter), ctypes.c_int(value))
