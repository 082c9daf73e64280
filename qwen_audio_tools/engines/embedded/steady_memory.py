"""Keep the memory of a long pass as flat as that of a short one."""

import contextlib
from functools import cache

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD in glibc's malloc.h
_BYTES = 1_000_000


@cache
def keep_memory_steady() -> None:
    """Give each large block back to the system when it is freed.

    glibc learns from the blocks of a transcription that ever larger ones shall come from its
    heaps, which several threads then fragment: 5 MB for each minute of audio (measured). To name
    a threshold stops the learning, for this whole process. Other systems don't have the call.
    """
    import ctypes

    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _BYTES)


def give_memory_back() -> None:
    """Give what was freed back to the system, which glibc keeps in the heap of each thread.

    For the end of a stage that took much: after 1.5 h of transcription it is 37 MB (measured).
    """
    import ctypes

    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
