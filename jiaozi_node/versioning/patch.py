"""Two versions of a file as a patch that ``git apply`` and ``patch`` take (``specs/diff.md`` §4).

Bytes in, bytes out: names and lines that are not UTF-8 stay as they are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from jiaozi_node.versioning.drivers.lines import Hunk, hunks, split

CONTEXT: Final = 3  # git's
MAX_TEXT_BYTES: Final = 16 * 1024 * 1024  # of a file that is compared line by line
MAX_LINES: Final = 400_000  # of both files

REGULAR, EXECUTABLE, SYMLINK = "100644", "100755", "120000"

_LOOKED_AT = 8000  # git's rule: a NUL among the first 8,000 bytes means binary
_NO_NEWLINE = b"\n\\ No newline at end of file\n"
_ESCAPES = {7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 34: '"', 92: "\\"}


@dataclass(frozen=True, slots=True)
class Side:
    """One version: its path, its mode as git has it, its content; None is content too large."""

    path: bytes
    mode: str
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch and how many lines came and went; None where lines weren't compared."""

    text: bytes
    added: int | None
    removed: int | None


def patch(
    before: Side | None, after: Side | None, *, how: str = "", context: int = CONTEXT
) -> Patch:
    """Compare two versions of a file; *how* is "rename" or "copy" where it moved.

    A file that became a symlink, or the reverse, is one that went and one that came, as in git.
    """
    if before and after and (before.mode == SYMLINK) != (after.mode == SYMLINK):
        one, other = patch(before, None, context=context), patch(None, after, context=context)
        return Patch(
            one.text + other.text, _sum(one.added, other.added), _sum(one.removed, other.removed)
        )
    path = (before or after or _NOTHING).path, (after or before or _NOTHING).path
    names = _quoted(b"a/", path[0]), _quoted(b"b/", path[1])
    head = [b"diff --git %b %b\n" % names, *_about(before, after, how)]
    old = b"" if before is None else before.data
    new = b"" if after is None else after.data
    if old == new and old is not None:
        return Patch(b"".join(head), 0, 0)
    shown = (
        b"/dev/null" if before is None else names[0],
        b"/dev/null" if after is None else names[1],
    )
    if old is None or new is None:
        return Patch(b"".join([*head, b"Large files %b and %b differ\n" % shown]), None, None)
    if b"\0" in old[:_LOOKED_AT] or b"\0" in new[:_LOOKED_AT]:
        return Patch(b"".join([*head, b"Binary files %b and %b differ\n" % shown]), None, None)
    a, b = split(old), split(new)
    if len(a) + len(b) > MAX_LINES:
        return Patch(b"".join([*head, b"Large files %b and %b differ\n" % shown]), None, None)
    found = hunks(a, b)
    # patch(1) takes a name to its first blank unless a tab ends it.
    ends = [b"\t\n" if b" " in name else b"\n" for name in shown]
    head += [b"--- ", shown[0], ends[0], b"+++ ", shown[1], ends[1]]
    return Patch(
        b"".join([*head, *unified(a, b, found, context)]),
        sum([h.b1 - h.b0 for h in found]),
        sum([h.a1 - h.a0 for h in found]),
    )


def unified(
    a: Sequence[bytes], b: Sequence[bytes], found: Sequence[Hunk], context: int = CONTEXT
) -> Iterator[bytes]:
    """Yield the hunks *found* between two lists of lines, with lines of *context* around them."""
    at = 0
    while at < len(found):
        end = at + 1
        while end < len(found) and found[end].a0 - found[end - 1].a1 <= 2 * context:
            end += 1
        group = found[at:end]
        at = end
        lead = min(context, group[0].a0)
        trail = min(context, len(a) - group[-1].a1)
        a0, a1 = group[0].a0 - lead, group[-1].a1 + trail
        b0, b1 = group[0].b0 - lead, group[-1].b1 + trail
        yield b"@@ -%b +%b @@\n" % (_range(a0, a1), _range(b0, b1))
        for hunk in group:
            yield from _marked(b" ", a[a0 : hunk.a0])
            yield from _marked(b"-", a[hunk.a0 : hunk.a1])
            yield from _marked(b"+", b[hunk.b0 : hunk.b1])
            a0 = hunk.a1
        yield from _marked(b" ", a[a0:a1])


_NOTHING = Side(b"", REGULAR, b"")


def _about(before: Side | None, after: Side | None, how: str) -> Iterator[bytes]:
    """Yield git's extended header lines."""
    if before is None and after is not None:
        yield b"new file mode %b\n" % after.mode.encode()
    elif after is None and before is not None:
        yield b"deleted file mode %b\n" % before.mode.encode()
    elif before is not None and after is not None:
        if before.mode != after.mode:
            modes = before.mode.encode(), after.mode.encode()
            yield b"old mode %b\nnew mode %b\n" % modes
        if how:
            word = how.encode()
            yield b"similarity index 100%\n"
            yield b"%b from %b\n" % (word, _quoted(b"", before.path))
            yield b"%b to %b\n" % (word, _quoted(b"", after.path))


def _marked(mark: bytes, lines: Sequence[bytes]) -> Iterator[bytes]:
    for line in lines:
        yield mark + line if line.endswith(b"\n") else mark + line + _NO_NEWLINE


def _range(start: int, end: int) -> bytes:
    size = end - start
    first = start + 1 if size else start
    return b"%d" % first if size == 1 else b"%d,%d" % (first, size)


def _quoted(front: bytes, path: bytes) -> bytes:
    """Return a name as a header of git's has it: in quotes where a byte of it needs an escape."""
    text = path.decode("utf-8", "surrogateescape")
    out = []
    for char in text:
        code = ord(char)
        if code in _ESCAPES:
            out.append("\\" + _ESCAPES[code])
        elif code < 32 or code == 127:
            out.append(f"\\{code:03o}")
        elif 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8
            out.append(f"\\{code - 0xDC00:03o}")
        else:
            out.append(char)
    if len(out) == len(text) and all(len(piece) == 1 for piece in out):
        return front + path
    return b'"' + front + "".join(out).encode() + b'"'


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
