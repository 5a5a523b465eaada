"""What a case is: a command line for the stock ``ipfs --api``, and how two answers are compared.

Standard output, standard error, exit code and the files left must be equal, byte for byte. A `Mask`
names a field that may differ, and why; it fails once it hides nothing. So do `Case.shuffled` (the
lines come in another order) and `Case.differs` (only the exit code is alike).
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mask:
    """A field that may differ between any two nodes: what *pattern* finds is taken out of both.

    *reason* says why. One that is only *now and then* needed (a time that may be equal) doesn't
    fail when the answers agree without it.
    """

    field: str
    reason: str
    pattern: re.Pattern[bytes]
    now_and_then: bool = False
    instead: str = "…"

    @classmethod
    def of(
        cls,
        field: str,
        reason: str,
        pattern: str,
        *,
        now_and_then: bool = False,
        instead: str = "…",
    ) -> "Mask":
        """Make one from the text of a pattern, in which ``^`` and ``$`` stand for lines.

        What one of them has and the other has not leaves nothing *instead*.
        """
        found = re.compile(pattern.encode(), re.MULTILINE)
        return cls(field, reason, found, now_and_then, instead)

    def apply(self, text: bytes) -> bytes:
        """Return *text* with the field taken out."""
        return self.pattern.sub(self.instead.encode(), text)


@dataclass(frozen=True, slots=True)
class Case:
    """One command line; words in braces stand for the CIDs and files that both daemons share.

    A *refused* one must be refused by Kubo. *keep* names what it printed for the lines behind it.
    """

    line: str
    refused: bool = False
    stdin: bytes = b""
    keep: str = ""
    masks: tuple[Mask, ...] = ()
    shuffled: str = ""
    differs: str = ""


def said(*lines: str, masks: tuple[Mask, ...] = (), shuffled: str = "") -> tuple[Case, ...]:
    """Return lines that succeed."""
    return tuple(Case(line, masks=masks, shuffled=shuffled) for line in lines)


def refused(*lines: str, masks: tuple[Mask, ...] = ()) -> tuple[Case, ...]:
    """Return lines that are refused."""
    return tuple(Case(line, refused=True, masks=masks) for line in lines)
