"""Chunkers by name: ``size-N`` cuts a file every N bytes.

The only family so far; rabin and buzhash are refused by name. The largest chunk leaves room for a
leaf's framing inside a block of 2 MiB, as in Kubo.
"""

from jiaozi_node.errors import LimitExceeded, Misuse

DEFAULT_BYTES = 256 * 1024
MAX_BYTES = 2 * 1024 * 1024 - 256  # boxo's ChunkSizeLimit


class UnknownChunker(Misuse):
    """A chunker's name that is not understood, or that this version doesn't have."""

    def __init__(self, text: str, why: str) -> None:
        super().__init__(f"chunker {text!r} {why}")
        self.text = text


def parse(text: str) -> int:
    """Return the chunk size in bytes of *text* (``size-N``, ``default``).

    Raises `UnknownChunker`, or `LimitExceeded` for a chunk over 2 MiB less 256 bytes.
    """
    if text in ("", "default"):
        return DEFAULT_BYTES
    kind, _, rest = text.partition("-")
    if kind in ("rabin", "buzhash"):
        raise UnknownChunker(text, "is not in this version; use size-N")
    if kind != "size" or not (rest.isascii() and rest.isdigit()) or len(rest) > 19:
        raise UnknownChunker(text, "is unknown; use size-N")
    size = int(rest)
    if size == 0:
        raise UnknownChunker(text, "must have a size over 0")
    if size > MAX_BYTES:
        raise LimitExceeded("chunk size", MAX_BYTES, size)
    return size
