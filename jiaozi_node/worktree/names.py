"""Names of files: which may be staged or written, and which two a file system would take for one.

Names are the file system's bytes, held as ``str`` with surrogateescape and never normalised
(design §4). Rules for staging and checkout: no NUL, no ``/``, not ``.`` or ``..``, not empty, at
most 255 bytes, and not ``.jiaozi`` under any spelling that a file system may take for it.
"""

import os
import unicodedata
from collections.abc import Iterable, Sequence

from jiaozi_node.errors import Malformed

MAX_NAME_BYTES = 255  # NAME_MAX of ext4, xfs, btrfs, apfs
MAX_TARGET_BYTES = 4095  # PATH_MAX less its NUL
MAX_DEPTH = 256  # every level holds a descriptor; the usual soft limit is 1,024

RESERVED = ".jiaozi"

# What HFS+ leaves out when it compares names (git's CVE-2014-9390): ZWNJ … ISS … BOM.
_IGNORED = dict.fromkeys(
    (*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF)
)
_SHOWN_CHARS = 160


class UnsafeName(Malformed):
    """A name in a tree that must not be written or staged: *path* shows where, *rule* why."""

    def __init__(self, parts: Sequence[str], rule: str) -> None:
        super().__init__(f"unsafe name {shown(parts)}: {rule}")
        self.parts, self.rule = tuple(parts), rule


def shown(parts: Sequence[str]) -> str:
    """Return the path of *parts* on one line: quoted, unprintable characters escaped, cut short."""
    text = "/".join(part if len(part) <= _SHOWN_CHARS else part[:32] + "…" for part in parts)
    if len(text) > _SHOWN_CHARS:
        text = text[: _SHOWN_CHARS // 2] + "…" + text[-_SHOWN_CHARS // 2 :]
    return repr(text)


def check(name: str, within: Sequence[str] = (), *, reserved: bool = True) -> None:
    """Raise `UnsafeName` unless *name* may stand in the directory *within*.

    ``reserved=False`` lets ``.jiaozi`` pass, as the Kubo face does.
    """
    if not name:
        raise UnsafeName((*within, name), "it is empty")
    if "/" in name:
        raise UnsafeName((*within, name), "it contains '/'")
    if "\0" in name:
        raise UnsafeName((*within, name), "it contains NUL")
    first = name[0]
    if first == "." and name in {".", ".."}:
        raise UnsafeName((*within, name), f"it is {name!r}")
    # A character is at most four bytes, so that most names need no encoding to be measured.
    if len(name) * 4 > MAX_NAME_BYTES:
        size = len(_encoded(name, within))
        if size > MAX_NAME_BYTES:
            raise UnsafeName(
                (*within, name), f"it is {size} bytes, over the limit of {MAX_NAME_BYTES}"
            )
    if not name.isascii():
        _encoded(name, within)
        if reserved and is_reserved(name):
            raise UnsafeName((*within, name), f"it may be taken for {RESERVED!r}")
    elif reserved and first in ".jJ" and is_reserved(name):
        raise UnsafeName((*within, name), f"it may be taken for {RESERVED!r}")


def check_target(target: bytes, parts: Sequence[str]) -> None:
    """Raise `UnsafeName` when no symlink can have *target*; where it points is its own business."""
    if not target or b"\0" in target:
        raise UnsafeName(parts, "its symlink's target is empty or contains NUL")
    if len(target) > MAX_TARGET_BYTES:
        size = len(target)
        rule = f"its symlink's target is {size} bytes, over the limit of {MAX_TARGET_BYTES}"
        raise UnsafeName(parts, rule)


def is_reserved(name: str) -> bool:
    """Tell whether some file system opens ``.jiaozi`` when asked for *name*.

    Case and ignored characters (APFS, HFS+), trailing dots and blanks, streams and short names
    (NTFS) are seen through.
    """
    folded = fold(name).split(":", 1)[0].rstrip(" .")
    return folded == RESERVED or (folded[:7] == "jiaozi~" and folded[7:].isdigit())


def fold(name: str, *, case: bool = True, form: bool = True) -> str:
    """Return what *name* becomes where letter *case* and Unicode *form* don't count."""
    if name.isascii():
        return name.lower() if case else name
    if form:
        name = unicodedata.normalize("NFD", name.translate(_IGNORED))
    if case:
        name = name.casefold()
        return unicodedata.normalize("NFD", name) if form else name
    return name


def clash(names: Iterable[str], *, case: bool = True, form: bool = True) -> tuple[str, str] | None:
    """Return the first two of *names* that are equal when folded, else None."""
    taken: dict[str, str] = {}
    for name in names:
        other = taken.setdefault(fold(name, case=case, form=form), name)
        if other is not name:
            return other, name
    return None


def check_all(names: Sequence[str], within: Sequence[str], *, reserved: bool = True) -> None:
    """Check each of *names* of the directory *within*, and that none occurs twice."""
    for name in names:
        check(name, within, reserved=reserved)
    if len(set(names)) != len(names):
        seen: set[str] = set()
        for name in names:
            if name in seen:
                raise UnsafeName((*within, name), "two entries of its directory have this name")
            seen.add(name)


def _encoded(name: str, within: Sequence[str]) -> bytes:
    """Return the bytes of *name*, or raise when no file system name could have become it."""
    try:
        return os.fsencode(name)
    except UnicodeEncodeError:
        raise UnsafeName((*within, name), "it is not a file system's name") from None
