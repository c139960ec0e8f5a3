"""Folders that one process at a time works in.

The folder itself is locked, not a file in it: that works in a folder that is read-only, leaves no
file behind, and network file systems that lock no files lock folders, on each machine for itself.
"""

import os
import sys
import time
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_HELD: set[int] = set()  # inodes of folders that this process keeps open and locked
_TRIES, _PAUSE_S = 4, 0.05  # `is_held` of another process locks for an instant


def hold(folder: Path) -> bool:
    """Keep a folder for this process, as long as it lives; on Windows nothing is kept.

    Args:
        folder: Folder that is there.

    Returns:
        False if another process keeps it.
    """
    if sys.platform == "win32" or (inode := folder.stat().st_ino) in _HELD:
        return True
    descriptor = os.open(folder, os.O_RDONLY)
    for _ in range(_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE_S)
        else:
            _HELD.add(inode)
            return True
    os.close(descriptor)
    return False


def is_held(folder: Path) -> bool:
    """Tell whether another process works in a folder, which need not be there."""
    if sys.platform == "win32":
        return False
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return False
    try:
        if os.fstat(descriptor).st_ino not in _HELD:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return False
    finally:
        os.close(descriptor)
    return False
