"""How many bytes an import will read: for the time left on a terminal, so a guess will do."""

import os


def size_of(path: str) -> int:
    """Return the bytes of the files at and below *path*; what can't be looked at counts nothing."""
    try:
        if not os.path.isdir(path):
            return os.lstat(path).st_size
    except OSError:
        return 0
    total = 0
    waiting = [path]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue
    return total
