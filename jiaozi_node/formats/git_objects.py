"""Objects of git read: commits, tags, trees, and the lines that say who and when.

Takes what git itself takes, odd dates and missing names included; what can't be read at all raises
`BadGitObject`. Nothing is decoded here: names and messages are bytes. Format: gitformat-pack(5),
git's ``Documentation/gitformat-*`` and ``commit.c``, ``tree-walk.c``, ``ident.c``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

from jiaozi_node.errors import Malformed

FILE: Final = 0o100000
SYMLINK: Final = 0o120000
DIRECTORY: Final = 0o040000
SUBMODULE: Final = 0o160000
KIND_MASK: Final = 0o170000

_FIRST_STEP = 256  # bytes compared first, then twice as many
_MODES = {b"%o" % mode: mode for mode in (0o100644, 0o100755, SYMLINK, DIRECTORY, SUBMODULE)}
_MAX_DIGITS = 20  # of a number; git's own are 64 bits
_IDENT = re.compile(rb"([^<\n]*)<([^>\n]*)>(.*)", re.DOTALL)
_DATE = re.compile(rb"\s*(-?\d{1,%d})(?:\s+([+-]\d{1,%d}))?" % (_MAX_DIGITS, _MAX_DIGITS))
# Where a signature begins that stands in a tag's message (git's gpg-interface.c).
_SIGNED = re.compile(
    rb"^-----BEGIN (?:PGP SIGNATURE|PGP MESSAGE|SIGNED MESSAGE|SSH SIGNATURE)-----$", re.MULTILINE
)
_SIGNATURES = frozenset((b"gpgsig", b"gpgsig-sha256", b"mergetag"))


class BadGitObject(Malformed):
    """Bytes that are no object of the kind that git says they are."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(f"not a {kind} of git: {why}")
        self.kind, self.why = kind, why


class Ident(NamedTuple):
    """Who and when; *time* is None where git can't read it, *zone* is as written, ``+0200``."""

    name: bytes
    email: bytes
    time: int | None
    zone: bytes

    @property
    def minutes(self) -> int:
        """The zone in minutes east of UTC."""
        number = int(self.zone or b"0")
        hours, minutes = divmod(abs(number), 100)
        return (hours * 60 + minutes) * (-1 if number < 0 else 1)


@dataclass(frozen=True, slots=True)
class GitCommit:
    """A commit; ids are raw bytes."""

    tree: bytes
    parents: tuple[bytes, ...]
    author: Ident
    committer: Ident
    encoding: bytes | None
    signed: bool
    message: bytes


@dataclass(frozen=True, slots=True)
class GitTag:
    """An annotated tag; *kind* is what it names, *message* is without its signature."""

    object: bytes
    kind: str
    name: bytes
    tagger: Ident | None
    encoding: bytes | None
    signed: bool
    message: bytes


class GitEntry(NamedTuple):
    """An entry of a tree; *id* is raw."""

    mode: int
    name: bytes
    id: bytes


def commit(data: bytes) -> GitCommit:
    """Read a commit."""
    headers, message = _split(data)
    tree: bytes | None = None
    parents: list[bytes] = []
    people: dict[bytes, Ident] = {}
    encoding: bytes | None = None
    signed = False
    for key, value in headers:
        if key == b"tree" and tree is None:
            tree = _id("commit", value)
        elif key == b"parent":
            parents.append(_id("commit", value))
        elif key in (b"author", b"committer"):
            people.setdefault(key, ident(value))
        elif key == b"encoding":
            encoding = value
        elif key in _SIGNATURES:
            signed = True
    if tree is None:
        raise BadGitObject("commit", "it names no tree")
    author = people.get(b"author")
    committer = people.get(b"committer", author)
    if author is None or committer is None:
        raise BadGitObject("commit", "it names no author")
    return GitCommit(tree, tuple(parents), author, committer, encoding, signed, message)


def tag(data: bytes) -> GitTag:
    """Read an annotated tag."""
    headers, message = _split(data)
    fields = dict(reversed(headers))  # of repeated ones the first
    missing = [key for key in (b"object", b"type", b"tag") if key not in fields]
    if missing:
        raise BadGitObject("tag", f"it has no {missing[0].decode()}")
    match = _SIGNED.search(message)
    signed = match is not None or not _SIGNATURES.isdisjoint(fields)
    tagger = fields.get(b"tagger")
    return GitTag(
        _id("tag", fields[b"object"]),
        fields[b"type"].decode("ascii", "replace"),
        fields[b"tag"],
        None if tagger is None else ident(tagger),
        fields.get(b"encoding"),
        signed,
        message if match is None else message[: match.start()],
    )


def ident(line: bytes) -> Ident:
    """Read ``Name <mail> seconds zone`` as git does: leniently."""
    match = _IDENT.fullmatch(line)
    if match is None:
        return Ident(line.strip(), b"", None, b"")
    name, email, rest = match.groups()
    # Of a broken line git takes the date behind the last '>'.
    date = _DATE.match(rest.rpartition(b">")[2])
    if date is None:
        return Ident(name.strip(), email.strip(), None, b"")
    return Ident(name.strip(), email.strip(), int(date[1]), date[2] or b"")


def entries(data: bytes, id_bytes: int) -> Iterator[GitEntry]:
    """Yield the entries of a tree."""
    at = 0
    while at < len(data):
        entry, at = _entry(data, at, id_bytes)
        yield entry


def changed(old: bytes, new: bytes, id_bytes: int) -> tuple[list[GitEntry], list[GitEntry]]:
    """Return the entries of two trees that are only in *old*, and those only in *new*.

    What both have in common is passed over at the speed of memory, so that a directory of 100,000
    entries costs little when few of them changed, wherever they stand.
    """
    at = other_at = 0
    one: set[GitEntry] = set()
    other: set[GitEntry] = set()
    while at < len(old) and other_at < len(new):
        same = _common(old, at, new, other_at)
        skipped = _boundary(old, at, at + same, id_bytes) - at
        at, other_at = at + skipped, other_at + skipped
        if at == len(old) or other_at == len(new):
            break
        mine, behind = _entry(old, at, id_bytes)
        their, other_behind = _entry(new, other_at, id_bytes)
        key, other_key = _order(mine), _order(their)
        if key <= other_key:  # each tree is in this order, unless it is broken
            one.add(mine)
            at = behind
        if other_key <= key:
            other.add(their)
            other_at = other_behind
    while at < len(old):
        mine, at = _entry(old, at, id_bytes)
        one.add(mine)
    while other_at < len(new):
        their, other_at = _entry(new, other_at, id_bytes)
        other.add(their)
    return sorted(one - other), sorted(other - one)


def _order(entry: GitEntry) -> bytes:
    """Return what git sorts entries by: a directory as if its name ended in a slash."""
    return entry.name + b"/" if entry.mode & KIND_MASK == DIRECTORY else entry.name


def _entry(data: bytes, at: int, id_bytes: int) -> tuple[GitEntry, int]:
    """Return the entry at *at* and where the next one begins."""
    space = data.find(b" ", at, at + 8)
    stop = data.find(b"\0", space)
    behind = stop + 1 + id_bytes
    if space < 0 or stop < 0 or behind > len(data):
        raise BadGitObject("tree", f"an entry is cut short at byte {at}")
    mode = _MODES.get(data[at:space]) or _octal(data[at:space])
    return GitEntry(mode, data[space + 1 : stop], data[stop + 1 : behind]), behind


def _octal(digits: bytes) -> int:
    if not digits or digits.strip(b"01234567"):
        raise BadGitObject("tree", f"the mode {digits!r} is not octal")
    return int(digits, 8)


def _common(old: bytes, at: int, new: bytes, other_at: int) -> int:
    """Return how many bytes are the same in both from these places on."""
    most = min(len(old) - at, len(new) - other_at)
    low, step = 0, _FIRST_STEP
    while low < most:  # so that a short run costs little, and a long one is found in few steps
        high = min(low + step, most)
        if old[at + low : at + high] != new[other_at + low : other_at + high]:
            break
        low, step = high, step * 2
    else:
        return most
    while low < high:
        middle = (low + high + 1) // 2
        if old[at + low : at + middle] == new[other_at + low : other_at + middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _boundary(data: bytes, start: int, stop: int, id_bytes: int) -> int:
    """Return the end of the last entry, of those from *start* on, that lies before *stop*."""
    if stop - start <= id_bytes:  # no entry is that short
        return start
    found = _whole(id_bytes).match(data, start, stop)
    return found.end() if found is not None else start


@cache
def _whole(id_bytes: int) -> re.Pattern[bytes]:
    """Return the pattern of as many whole entries as there are."""
    return re.compile(rb"(?:[^\0]*+\0.{%d}+)*+" % id_bytes, re.DOTALL)


def _split(data: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Return the headers, lines that go on joined, and the message."""
    head, _, message = data.partition(b"\n\n")
    if data.startswith(b"\n"):
        head, message = b"", data[1:]
    headers: list[tuple[bytes, bytes]] = []
    for line in head.split(b"\n"):
        if line.startswith(b" ") and headers:
            key, value = headers[-1]
            headers[-1] = (key, value + b"\n" + line[1:])
        elif line:
            key, _, value = line.partition(b" ")
            headers.append((key, value))
    return headers, message


def _id(kind: str, value: bytes) -> bytes:
    text = value.strip()
    try:
        raw = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        raw = b""
    if len(raw) not in (20, 32):
        raise BadGitObject(kind, f"{text[:80]!r} is no id")
    return raw
