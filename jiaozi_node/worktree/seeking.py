"""What a watch spares (``specs/watching.md``): which directories are to be looked at once more.

A comparison with a tree leaves a `Mark`: the watch's token from before it began, the tree, and the
directories that weren't just what the tree says. With it and what changed since, the next one
looks at those alone.
"""

from collections.abc import Iterable
from typing import NamedTuple
from zlib import crc32

from jiaozi_node.errors import Malformed
from jiaozi_node.formats.cid import Cid


class Seen(NamedTuple):
    """Directories that changed, as paths below the root; of *deep* ones all that is below too.

    *token* stands for this moment. None for the paths: anything may have changed.
    """

    token: str
    changed: list[bytes] | None = None
    deep: list[bytes] | None = None


class Mark(NamedTuple):
    """What a comparison found: all directories were what *tree* says, but for the *unlike* ones."""

    token: str
    tree: Cid
    unlike: frozenset[bytes]

    def encode(self) -> bytes:
        """Return it as bytes, with a checksum."""
        body = b"\0".join((self.token.encode(), self.tree.raw.hex().encode(), *sorted(self.unlike)))
        return crc32(body).to_bytes(4, "big") + body

    @staticmethod
    def decode(data: bytes) -> "Mark | None":
        """Read it; None when it is damaged."""
        body = data[4:]
        parts = body.split(b"\0")
        if len(parts) < 2 or crc32(body).to_bytes(4, "big") != data[:4]:
            return None
        try:
            return Mark(
                parts[0].decode(), Cid(bytes.fromhex(parts[1].decode())), frozenset(parts[2:])
            )
        except (ValueError, Malformed):
            return None


class Seek:
    """The directories to look at: *changed* ones, and *deep* ones with all that is below them."""

    def __init__(self, changed: Iterable[bytes], deep: Iterable[bytes]) -> None:
        self._changed, self._deep = frozenset(changed), frozenset(deep)
        self._ways = {way for path in self._changed | self._deep for way in _above(path)}

    def looks(self, path: bytes) -> bool:
        """Tell whether the directory *path* is to be looked at."""
        return path in self._changed or self._is_below(path)

    def leads(self, path: bytes) -> bool:
        """Tell whether *path*, or anything below it, is to be looked at."""
        return path in self._changed or path in self._ways or self._is_below(path)

    def _is_below(self, path: bytes) -> bool:
        deep = self._deep
        return bool(deep) and (path in deep or not deep.isdisjoint(_above(path)))


def _above(path: bytes) -> list[bytes]:
    """Return every directory above *path*, the root included."""
    if not path:
        return []
    out = [b""]
    at = path.find(b"/")
    while at >= 0:
        out.append(path[:at])
        at = path.find(b"/", at + 1)
    return out
