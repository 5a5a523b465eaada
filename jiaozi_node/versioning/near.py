"""Names that look like one that isn't there: "did you mean …?"."""

from collections.abc import Iterable
from itertools import islice

_LOOKED_AT = 10_000
_SHOWN = 3
_LIKENESS = 0.5  # of difflib: v2 is like v1
_LONGEST = 64  # characters: a longer name is no slip of the finger


def near(text: str, names: Iterable[str], likeness: float = _LIKENESS) -> tuple[str, ...]:
    """Return up to three of *names* that look like *text*, the likest first."""
    from difflib import get_close_matches  # noqa: PLC0415 - only for an error

    if len(text) > _LONGEST:
        return ()
    known: dict[str, str] = {}  # by lower case, in which they are compared
    for name in islice(names, _LOOKED_AT):
        if len(name) <= _LONGEST:
            known.setdefault(name.lower(), name)
    return tuple(known[found] for found in get_close_matches(text.lower(), known, _SHOWN, likeness))
