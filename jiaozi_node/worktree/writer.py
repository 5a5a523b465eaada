"""The one safe writer: whatever a tree holds, nothing outside the target directory is touched.

Every directory is opened from its parent's descriptor without following a symlink; a file is
written under a temporary name beside its place and renamed over it, so that a symlink found there
is replaced and never followed; symlinks are made when everything else stands, directories get
their mode and time at the very end. Modes are cut to ``0o777``. Names are checked before anything
is written for the directory that holds them, by the rules of `names`; on refusal what was
written before stays, the rest is untouched. Design §4; research/reliability.md §1, "get".
"""

import os
import stat
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from errno import EEXIST, ELOOP, ENOENT, ENOTDIR, ENOTEMPTY
from functools import partial
from types import TracebackType

from jiaozi_node.errors import Conflict, LimitExceeded, Misuse, Unavailable
from jiaozi_node.worktree import names
from jiaozi_node.worktree.names import UnsafeName, shown
from jiaozi_node.worktree.placing import Placing

Parts = tuple[str, ...]
Mtime = tuple[int, int]  # seconds since the epoch, nanoseconds 0..999,999,999

# The one place that keeps symlinks from being followed. Take O_NOFOLLOW away, and
# tests/worktree/test_hostile_trees.py and test_writer_race.py must fail.
_NOFOLLOW = os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | _NOFOLLOW
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW

_MAX_MTIME_S = 2**62 // 10**9  # utimensat takes nanoseconds as 64 bits from Python
_TEMP_ATTEMPTS = 64


@dataclass(frozen=True, slots=True)
class Rules:
    """What a writer takes, and what it does with what stands in its way."""

    name: str
    reserved: bool  # refuse `.jiaozi` always; else only beside one which is there already
    displace: bool  # a file or symlink in a directory's place is replaced by it; else refused
    file_mode: int | None  # for files without a mode of their own; None leaves it to the umask
    directory_mode: int | None


CHECKOUT = Rules("checkout", reserved=True, displace=True, file_mode=None, directory_mode=None)
# `ipfs get` (boxo tar/extractor.go): directories are merged, files, symlinks and empty directories
# replaced, a directory never takes a symlink's place; modes are set whatever the umask says.
GET = Rules("get", reserved=False, displace=False, file_mode=0o644, directory_mode=0o755)


class InTheWay(Conflict):
    """Something stands in the target where the tree needs another kind of thing."""

    def __init__(self, parts: Sequence[str], why: str) -> None:
        super().__init__(f"can't write {shown(parts)}: {why}")
        self.parts, self.why = tuple(parts), why


class NotWritten(Unavailable):
    """The system didn't let us write: no space, no permission, read-only …"""

    def __init__(self, parts: Sequence[str], why: str) -> None:
        super().__init__(f"can't write {shown(parts)}: {why}")
        self.parts, self.why = tuple(parts), why


def not_written(parts: Sequence[str], fault: OSError) -> NotWritten:
    """Return our error for the system's *fault*."""
    return NotWritten(parts, _why(fault))


@dataclass(frozen=True, slots=True)
class Folding:
    """What the file system of a directory doesn't tell apart in names."""

    case: bool
    form: bool


class SafeWriter:
    """Writes files, directories and symlinks below *target*, and nowhere else.

    *target* is the caller's own word: its parents may be symlinks, its last component may not. It
    is created when absent. With *parent* it only holds what is to be written: it must be there,
    and may be a symlink. Use it as a context manager, or call `finish` and `close`: symlinks
    and the modes and times of directories are written by `finish`.

    *folding* tells which spellings the directory of a descriptor takes for one name; by default
    the file system is asked, by a file that is made and removed. *temp* is what temporary names
    begin with: who gives it can find what a kill left.

    *placed* is told the lstat of each file that stands in its place, if that is sure to differ from
    the lstat of any that is written there later: see `_stamped`. *root* is a descriptor of the
    target if that is open already.
    """

    def __init__(
        self,
        target: str | os.PathLike[str],
        rules: Rules = CHECKOUT,
        *,
        parent: bool = False,
        folding: Callable[[int], Folding] | None = None,
        temp: str | None = None,
        placed: Callable[[Parts, os.stat_result], None] | None = None,
        root: int | None = None,
    ) -> None:
        self.target, self.rules = os.fspath(target), rules
        self._serial, self._prefix = 0, temp or temp_prefix(os.urandom(6))
        self._folding = folding or partial(probe, prefix=self._prefix)
        self._placed = placed
        self._placing: Placing | None = None
        self._stack: list[tuple[str, int]] = []
        self._links: list[tuple[Parts, bytes, Mtime | None]] = []
        self._late: list[tuple[Parts, int | None, Mtime | None]] = []
        if "\0" in self.target:
            raise Misuse(f"the target {self.target!r} contains NUL")
        if root is None:
            self._root, self._fresh = _open_target(self.target, parent)
        else:
            self._root, self._fresh = os.dup(root), False

    def directory(
        self,
        parts: Parts,
        entries: Sequence[str] = (),
        mode: int | None = None,
        mtime: Mtime | None = None,
    ) -> None:
        """Make the directory *parts*, or take the one that is there.

        *entries* are the names of all that it is to hold: they are checked first, and when one is
        refused the directory isn't made. ``()`` is the target itself.
        """
        names.check_all(entries, parts, reserved=self.rules.reserved)
        if parts:
            parent = self._parent(parts)
            there = _is_directory(parent, parts[-1])
            if not there:
                self._refuse_clash(parent, parts, entries)
                self._make(parent, parts)
            here = self._enter(parts)
        else:
            here, there = self._enter(()), not self._fresh
            self._fresh = False
        if there or not parts:
            self._refuse_clash(here, parts, entries)
        if not self.rules.reserved:
            self._spare_reserved(here, parts, entries)
        wanted = self.rules.directory_mode if mode is None and not there else mode
        if wanted is not None:
            wanted &= 0o777
            if wanted & 0o300 == 0o300:
                with _named(parts):
                    os.fchmod(here, wanted)
                wanted = None
        if wanted is not None or mtime is not None:
            self._late.append((parts, wanted, mtime))

    def put(
        self, parts: Parts, data: bytes, mode: int | None = None, mtime: Mtime | None = None
    ) -> None:
        """Write the file *parts* with all of its bytes at once. Its directory must be there."""
        here = self._parent(parts)
        wanted = self.rules.file_mode if mode is None else mode & 0o777
        fd, temp = self._create(here, parts, wanted)
        try:
            handed = False
            try:
                if data:
                    _write(fd, parts, data)
                _finish_file(fd, parts, wanted, mtime)
                if self._placing is not None and mtime is None:
                    handed = True
                    self._placing.add(here, temp, parts, fd)
                    return
                self._place_open(here, temp, parts, fd, mtime)
            finally:
                if not handed:
                    os.close(fd)
        except BaseException:
            with suppress(OSError):
                os.unlink(temp, dir_fd=here)
            raise

    def file(
        self, parts: Parts, mode: int | None = None, mtime: Mtime | None = None
    ) -> "FileWriter":
        """Begin the file *parts*: a context manager to `write` to.

        It takes its place when the ``with`` ends normally; after an exception nothing is left.
        """
        here = self._parent(parts)
        wanted = self.rules.file_mode if mode is None else mode & 0o777
        fd, temp = self._create(here, parts, wanted)
        # The writer may leave the directory while the file is still open.
        return FileWriter(self, parts, fd, os.dup(here), temp, wanted, mtime)

    def symlink(self, parts: Parts, target: bytes, mtime: Mtime | None = None) -> None:
        """Have `finish` make the symlink *parts* to *target*, which may be anything but empty."""
        self._check(parts)
        names.check_target(target, parts)
        self._links.append((parts, target, mtime))

    def beside(self, parts: Parts, entries: Sequence[str]) -> tuple[int, str, int]:
        """Make a directory that is to become *parts*, which isn't there, and to hold *entries*.

        Returns descriptors, now the caller's, of the directory that holds both and of the new one,
        and its temporary name.
        """
        names.check_all(entries, parts, reserved=self.rules.reserved)
        parent = self._parent(parts)
        self._refuse_clash(parent, parts, entries)
        for _ in range(_TEMP_ATTEMPTS):
            self._serial += 1
            temp = f"{self._prefix}{self._serial}"
            try:
                os.mkdir(temp, dir_fd=parent)
            except FileExistsError:
                continue
            except OSError as fault:
                raise not_written(parts, fault) from None
            here = os.dup(parent)
            try:
                return here, temp, _open_directory(parent, (*parts[:-1], temp))
            except BaseException:
                os.close(here)
                raise
        raise InTheWay(parts, f"{_TEMP_ATTEMPTS} temporary names beside it are taken")

    def enter(self, parts: Parts) -> int:
        """Return a descriptor of the directory *parts*, which is there; good until another call."""
        if parts:
            self._check(parts)
        return self._enter(parts)

    def remove(self, parts: Parts) -> None:
        """Remove the file, symlink or empty directory *parts*; absent ones are passed over."""
        here = self._parent(parts)
        self._clear(here, parts, parts[-1])

    def finish(self) -> None:
        """Make the symlinks, then set modes and times of directories, deepest first."""
        links, self._links = self._links, []
        for parts, target, mtime in links:
            here = self._parent(parts)
            self._make_symlink(here, parts, target)
            if mtime is not None:
                with _named(parts):
                    os.utime(parts[-1], ns=_both(mtime), dir_fd=here, follow_symlinks=False)
        late, self._late = self._late, []
        for parts, mode, mtime in reversed(late):
            here = self._enter(parts)
            with _named(parts):
                if mtime is not None:
                    os.utime(here, ns=_both(mtime))
                if mode is not None:
                    os.fchmod(here, mode)

    def close(self) -> None:
        """Release the descriptors; closing twice is harmless."""
        while self._stack:
            os.close(self._stack.pop()[1])
        if self._root >= 0:
            os.close(self._root)
            self._root = -1

    def __enter__(self) -> "SafeWriter":
        return self

    def overlap(self) -> None:
        """Have files that are `put` from now on take their places while others are written.

        They are in them at the end of the ``with``; what went wrong is raised there at the latest.
        """
        if self._placed is not None and self._placing is None:
            self._placing = Placing(self._place_stamped, self._placed)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        placing, self._placing = self._placing, None
        try:
            missed = None if placing is None else placing.close()
            if kind is None:
                if missed is not None:
                    raise missed
                self.finish()
        finally:
            self.close()

    def _check(self, parts: Parts) -> None:
        """Check every name of *parts* and their number."""
        if not parts:
            raise Misuse("the target itself is always a directory")
        if len(parts) > names.MAX_DEPTH:
            raise LimitExceeded(
                f"the depth of {shown(parts)}", names.MAX_DEPTH, len(parts), "names"
            )
        for at, name in enumerate(parts):
            names.check(name, parts[:at], reserved=self.rules.reserved)

    def _parent(self, parts: Parts) -> int:
        """Check *parts* and return the descriptor of the directory that holds it."""
        self._check(parts)
        return self._enter(parts[:-1])

    def _enter(self, parts: Parts) -> int:
        """Return the descriptor of the directory *parts*, opened name by name from the target."""
        if self._root < 0:
            raise Misuse("the writer is closed")
        stack = self._stack
        same = 0
        for (name, _), wanted in zip(stack, parts, strict=False):
            if name != wanted:
                break
            same += 1
        while len(stack) > same:
            os.close(stack.pop()[1])
        here = stack[-1][1] if stack else self._root
        for at in range(same, len(parts)):
            here = _open_directory(here, parts[: at + 1])
            stack.append((parts[at], here))
        return here

    def _create(self, here: int, parts: Parts, mode: int | None) -> tuple[int, str]:
        """Open a new temporary file in *here*; the umask counts only when *mode* is None."""
        for _ in range(_TEMP_ATTEMPTS):
            self._serial += 1
            temp = f"{self._prefix}{self._serial}"
            try:
                return os.open(temp, _CREATE, 0o666 if mode is None else 0o600, dir_fd=here), temp
            except FileExistsError:
                continue
            except OSError as fault:
                raise NotWritten(parts, _why(fault)) from None
        raise InTheWay(parts, f"{_TEMP_ATTEMPTS} temporary names beside it are taken")

    def _make(self, parent: int, parts: Parts) -> None:
        """Make the directory *parts* in *parent*; a file or symlink gives way if it may."""
        name = parts[-1]
        mode = 0o777 if self.rules.directory_mode is None else 0o700
        try:
            if self.rules.displace:
                with suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=parent)
            os.mkdir(name, mode, dir_fd=parent)
        except FileExistsError:
            return  # `_enter` looks at what it is, and says so
        except OSError as fault:
            raise NotWritten(parts, _why(fault)) from None

    def _make_symlink(self, here: int, parts: Parts, target: bytes) -> None:
        """Make a symlink under a temporary name and rename it to its place."""
        for _ in range(_TEMP_ATTEMPTS):
            self._serial += 1
            temp = f"{self._prefix}{self._serial}"
            try:
                os.symlink(target, os.fsencode(temp), dir_fd=here)
            except FileExistsError:
                continue
            except OSError as fault:
                raise NotWritten(parts, _why(fault)) from None
            try:
                self._place(here, temp, parts)
            except BaseException:
                with suppress(OSError):
                    os.unlink(temp, dir_fd=here)
                raise
            return
        raise InTheWay(parts, f"{_TEMP_ATTEMPTS} temporary names beside it are taken")

    def _place_open(self, here: int, temp: str, parts: Parts, fd: int, mtime: Mtime | None) -> None:
        """Do what `_place` does for the file open at *fd*, and tell of it."""
        if self._placed is None:
            self._place(here, temp, parts)
            return
        found = self._place_stamped(here, temp, parts, fd, mtime)
        if found is not None:
            self._placed(parts, found)

    def _place_stamped(
        self, here: int, temp: str, parts: Parts, fd: int, mtime: Mtime | None = None
    ) -> os.stat_result | None:
        """Do what `_place` does, and return the lstat if no later file has it. Safe for threads."""
        with _named(parts):
            stamp_ns = _stamped(fd, mtime)
        self._place(here, temp, parts)
        with _named(parts):
            found = os.fstat(fd)
        return found if found.st_mtime_ns == stamp_ns else None

    def _place(self, here: int, temp: str, parts: Parts) -> None:
        """Rename *temp* to the last of *parts* in *here*; an empty directory there gives way."""
        name = parts[-1]
        with _named(parts):
            try:
                os.rename(temp, name, src_dir_fd=here, dst_dir_fd=here)
            except IsADirectoryError:
                self._clear(here, parts, name)
                os.rename(temp, name, src_dir_fd=here, dst_dir_fd=here)

    def _clear(self, here: int, parts: Parts, name: str) -> None:
        """Remove a file, symlink or empty directory."""
        try:
            if _is_directory(here, name):
                os.rmdir(name, dir_fd=here)
            else:
                os.unlink(name, dir_fd=here)
        except FileNotFoundError:
            return
        except OSError as fault:
            if fault.errno in {ENOTEMPTY, EEXIST}:
                raise InTheWay(parts, "a directory that isn't empty is in its place") from None
            raise NotWritten(parts, _why(fault)) from None

    def _refuse_clash(self, here: int, parts: Parts, entries: Sequence[str]) -> None:
        """Raise when *here* takes two of *entries* for one name."""
        if names.clash(entries) is None:
            return
        folding = self._folding(here)
        pair = names.clash(entries, case=folding.case, form=folding.form)
        if pair is not None:
            rule = f"the target takes it and {pair[0]!r} for one name"
            raise UnsafeName((*parts, pair[1]), rule)

    def _spare_reserved(self, here: int, parts: Parts, entries: Iterable[str]) -> None:
        """Refuse a ``.jiaozi`` among *entries* where one is already: a working copy's link."""
        for name in entries:
            if names.is_reserved(name) and _exists(here, names.RESERVED):
                raise UnsafeName((*parts, name), "it would change a working copy's link")


class FileWriter:
    """One file on its way to its place; made by `SafeWriter.file`."""

    __slots__ = ("_fd", "_here", "_mode", "_mtime", "_parts", "_temp", "_writer")

    def __init__(
        self,
        writer: SafeWriter,
        parts: Parts,
        fd: int,
        here: int,
        temp: str,
        mode: int | None,
        mtime: Mtime | None,
    ) -> None:
        self._writer, self._parts, self._fd, self._here = writer, parts, fd, here
        self._temp, self._mode, self._mtime = temp, mode, mtime

    def write(self, data: bytes | memoryview) -> None:
        """Append *data*, all of it."""
        _write(self._fd, self._parts, data)

    def __enter__(self) -> "FileWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        placed = False
        try:
            try:
                if kind is None:
                    parts, fd, mtime = self._parts, self._fd, self._mtime
                    _finish_file(fd, parts, self._mode, mtime)
                    self._writer._place_open(self._here, self._temp, parts, fd, mtime)
                    placed = True
            finally:
                os.close(self._fd)
        finally:
            if not placed:
                with suppress(OSError):
                    os.unlink(self._temp, dir_fd=self._here)
            os.close(self._here)


@contextmanager
def _named(parts: Parts) -> Iterator[None]:
    """Say which path the system's refusal is about."""
    try:
        yield
    except OSError as fault:
        raise NotWritten(parts, _why(fault)) from None


def _write(fd: int, parts: Parts, data: bytes | memoryview) -> None:
    """Write all of *data*."""
    with _named(parts):
        done = os.write(fd, data)
        while done < len(data):
            done += os.write(fd, memoryview(data)[done:])


def _finish_file(fd: int, parts: Parts, mode: int | None, mtime: Mtime | None) -> None:
    """Set mode and time of an open file; the time last, as nothing is written after it."""
    with _named(parts):
        if mode is not None:
            os.fchmod(fd, mode)
        if mtime is not None:
            os.utime(fd, ns=_both(mtime))


def _stamped(fd: int, mtime: Mtime | None) -> int:
    """Give a file that was written a time that no later writing gives it; return it.

    Whoever writes again within the tick of the file system's clock sets the very time that the file
    has now, so it is set back by a nanosecond. A time of its own, if past, tells already. Where the
    file system keeps no nanoseconds the file comes out with another time than was returned.
    """
    found = os.fstat(fd)
    if mtime is None:
        stamp_ns = found.st_mtime_ns - 1
        os.utime(fd, ns=(stamp_ns, stamp_ns))
        return stamp_ns
    stamp_ns = _both(mtime)[1]
    return stamp_ns if stamp_ns < found.st_ctime_ns else -1


def _open_target(target: str, parent: bool) -> tuple[int, bool]:
    """Open the directory *target*, made when absent, never through a symlink of that name.

    A *parent* is opened as it is. Tells also whether it was made.
    """
    bare = target.rstrip("/") or "/"
    try:
        if parent:
            return os.open(bare, _DIRECTORY & ~os.O_NOFOLLOW), False
        fresh = not os.path.lexists(bare)
        os.makedirs(bare, exist_ok=True)
        return os.open(bare, _DIRECTORY), fresh
    except OSError as fault:
        if fault.errno in {ELOOP, ENOTDIR, EEXIST}:
            why = "it is a symbolic link" if _is_link(bare) else "it is not a directory"
            raise InTheWay((target,), why) from None
        raise NotWritten((target,), _why(fault)) from None


def _open_directory(parent: int, parts: Parts) -> int:
    """Open the directory *parts*, whose last name stands in *parent*, never through a symlink."""
    try:
        return os.open(parts[-1], _DIRECTORY, dir_fd=parent)
    except OSError as fault:
        if fault.errno in {ELOOP, ENOTDIR}:
            raise InTheWay(parts, "a symlink or file stands where a directory must") from None
        if fault.errno == ENOENT:
            raise InTheWay(parts, "its directory is not there") from None
        raise NotWritten(parts, _why(fault)) from None


def _is_link(path: str) -> bool:
    """Tell whether *path* is a symlink."""
    try:
        return stat.S_ISLNK(os.lstat(path).st_mode)
    except OSError:
        return False


def _is_directory(parent: int, name: str) -> bool:
    """Tell whether *name* in *parent* is a directory and not a symlink to one."""
    try:
        return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False


def _both(mtime: Mtime) -> tuple[int, int]:
    """Return access and modification time in nanoseconds, within what the system call takes."""
    seconds = max(-_MAX_MTIME_S, min(mtime[0], _MAX_MTIME_S))
    at = seconds * 1_000_000_000 + mtime[1]
    return at, at


def _why(fault: OSError) -> str:
    """Return the system's words for *fault*, beginning small."""
    text = fault.strerror or str(fault)
    return text[:1].lower() + text[1:]


def temp_prefix(token: bytes) -> str:
    """Return what temporary names begin with that *token* tells from all others."""
    return f".jz-{token.hex()}-"


def probe(here: int, prefix: str) -> Folding:
    """Ask the file system of the directory *here* what it doesn't tell apart in names."""
    name = f"{prefix}\N{LATIN SMALL LETTER E WITH ACUTE}"
    os.close(os.open(name, _CREATE, 0o600, dir_fd=here))
    try:
        return Folding(
            case=_exists(here, name.upper()),
            form=_exists(here, unicodedata.normalize("NFD", name)),
        )
    finally:
        os.unlink(name, dir_fd=here)


def _exists(here: int, name: str) -> bool:
    """Tell whether *name* is in *here*."""
    try:
        os.stat(name, dir_fd=here, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
