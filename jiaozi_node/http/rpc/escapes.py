"""Percent escapes as Go reads them: all of a text can be unescaped, or none of it is."""

from typing import Final

_HEX: Final = frozenset("0123456789abcdefABCDEF")


def unescapable(text: str) -> bool:
    """Tell whether every ``%`` in *text* begins an escape."""
    return all(
        len(piece) >= 2 and piece[0] in _HEX and piece[1] in _HEX for piece in text.split("%")[1:]
    )
