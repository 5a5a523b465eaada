"""The page that `interpose.c` shares with a test: what is to happen, and what did happen.

Writes of our own seam, of LevelDB and of SQLite all pass through libc, so one library between them
and the system meets all three, below anything that Python code could wrap.
"""

import ctypes
import errno
import mmap
import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).with_name("interpose.c")

OPS = ("", "write", "sync", "rename", "unlink", "truncate", "create", "reserve")
PLACES = ("", "segments", "drops", "index", "mark", "wal", "names.db", "other", "tables")
WRITE, SYNC, RENAME, UNLINK, TRUNCATE, CREATE, RESERVE = range(1, 8)
SEGMENT, DROPS, INDEX, MARK, WAL, NAMES, OTHER, TABLE = range(1, 9)
FAIL, KILL, TEAR, SHORT, STALL, PAUSE = range(1, 7)
ALL = 0xFFFF
EVENTS = 1 << 16


class _Event(ctypes.Structure):
    _fields_ = (
        ("op", ctypes.c_uint8),
        ("place", ctypes.c_uint8),
        ("begins", ctypes.c_uint8),
        ("spare", ctypes.c_uint8),
        ("file", ctypes.c_uint32),
    )


class _Page(ctypes.Structure):
    _fields_ = (
        ("mode", ctypes.c_uint32),
        ("error", ctypes.c_int32),
        ("ops", ctypes.c_uint32),
        ("places", ctypes.c_uint32),
        ("at", ctypes.c_uint64),
        ("lasting", ctypes.c_uint32),
        ("stall_ms", ctypes.c_uint32),
        ("seen", ctypes.c_uint64),
        ("hit", ctypes.c_uint32),
        ("hit_op", ctypes.c_uint32),
        ("hit_place", ctypes.c_uint32),
        ("now_op", ctypes.c_uint32),
        ("now_place", ctypes.c_uint32),
        ("traced", ctypes.c_uint32),
        ("tracing", ctypes.c_uint32),
        ("under", ctypes.c_char * 1024),
        ("trace", _Event * EVENTS),
    )


class Event(NamedTuple):
    """One call of the trace: as it began (*begins*), or as it ended well."""

    op: int
    place: int
    begins: bool
    file: int


class Interposer:
    """The library, built in the directory *scratch*, and the page."""

    def __init__(self, scratch: Path) -> None:
        self.library = scratch / "interpose.so"
        compiler = shutil.which("cc") or shutil.which("gcc") or "cc"
        flags = ("-O2", "-shared", "-fPIC", "-D_LARGEFILE64_SOURCE", "-U_FORTIFY_SOURCE")
        subprocess.run([compiler, *flags, "-o", str(self.library), str(SOURCE), "-ldl"], check=True)
        self.path = scratch / "page"
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(fd, ctypes.sizeof(_Page))
            self._map = mmap.mmap(fd, ctypes.sizeof(_Page))
        finally:
            os.close(fd)
        self._page = _Page.from_buffer(self._map)

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs in its environment to be met."""
        return {"LD_PRELOAD": str(self.library), "JIAOZI_FAULTS_PAGE": str(self.path)}

    def watch(self, under: Path) -> None:
        """Heed the files below *under* from now on, and do nothing to them."""
        self._page.under = os.fsencode(os.path.realpath(under))
        self.arm(0, 0)

    def arm(
        self,
        mode: int,
        at: int,
        *,
        ops: int = ALL,
        places: int = ALL,
        error: int = errno.EIO,
        lasting: bool = False,
        stall_ms: int = 0,
        tracing: bool = False,
    ) -> None:
        """Have the *at*-th call (from 1) of *ops* and *places* meet *mode*; counts begin anew."""
        page = self._page
        page.mode = 0
        page.error, page.ops, page.places, page.lasting = error, ops, places, int(lasting)
        page.at, page.stall_ms = at, stall_ms
        page.seen = page.hit = page.hit_op = page.hit_place = 0
        page.now_op = page.now_place = page.traced = 0
        page.tracing = int(tracing)
        page.mode = mode

    @property
    def seen(self) -> int:
        """How many calls of the kinds asked for there were."""
        return int(self._page.seen)

    @property
    def hit(self) -> tuple[int, int] | None:
        """Operation and place of the call that was hit."""
        page = self._page
        return (page.hit_op, page.hit_place) if page.hit else None

    @property
    def under_way(self) -> tuple[int, int] | None:
        """Operation and place of the call that had begun and not ended."""
        page = self._page
        return (page.now_op, page.now_place) if page.now_op else None

    def trace(self) -> list[Event]:
        """Return the calls since tracing was armed."""
        page = self._page
        count = min(page.traced, EVENTS)
        return [Event(one.op, one.place, bool(one.begins), one.file) for one in page.trace[:count]]


def phase_of(call: tuple[int, int] | None) -> str:
    """Return the name of the phase that a call belongs to."""
    if call is None:
        return "between calls"
    op, place = call
    if place in (WAL, NAMES):
        return "names"
    if place in (INDEX, TABLE, MARK):
        return "index"
    if place == OTHER:
        return "other files"
    if op == SYNC:
        return "fdatasync"
    return "segment write"


def bits(*which: int) -> int:
    """Return the mask of operations or places."""
    return sum(1 << one for one in which)


def counted(phases: "Counter[str]") -> str:
    """Say how often each phase was met."""
    return ", ".join(f"{phase} {count}" for phase, count in sorted(phases.items()))
