"""How deep a value may nest: one cap for every codec, and what an IPLD value is in Python.

A scalar has depth 0, ``[]`` has depth 1. Decoders don't recurse, so the cap guards whoever walks a
value afterwards (design §4, ``specs/limits.md``).
"""

from typing import Any, TypeAlias

from jiaozi_node.errors import LimitExceeded

MAX_DEPTH = 256

# None, bool, int (-2**64 … 2**64 - 1), finite float, str, bytes, Cid, list and dict[str, Value] of
# these. It is Any, since a type checker that expands recursive aliases helps nobody here.
Value: TypeAlias = Any


def exceeded(depth: int, codec: str) -> LimitExceeded:
    """Return the error for *codec* input that nests *depth* deep or deeper."""
    return LimitExceeded(f"{codec} nesting", MAX_DEPTH, depth, "levels")


def check(value: Value, codec: str) -> None:
    """Raise `LimitExceeded` when *value* nests deeper than `MAX_DEPTH`; goes level by level."""
    kind = type(value)
    if kind is not dict and kind is not list:
        return
    level = [value]
    depth = 1
    while True:
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return
        depth += 1
        if depth > MAX_DEPTH:
            raise exceeded(depth, codec)
