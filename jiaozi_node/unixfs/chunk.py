"""Chunkers by name, as Kubo's ``--chunker`` takes them.

``size-N`` cuts every N bytes; ``buzhash`` and ``rabin`` cut where the content says so, which keeps
most chunks of a file through an insertion. The largest chunk leaves room for a leaf's framing
inside a block of 2 MiB, as in boxo (``chunker/parse.go``), whose words the refusals have.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from jiaozi_node.errors import Misuse
from jiaozi_node.unixfs import rolling

DEFAULT_BYTES = 256 * 1024
MAX_BYTES = 2 * 1024 * 1024 - 256  # boxo's ChunkSizeLimit


class UnknownChunker(Misuse):
    """A chunker's name that is not understood, or sizes that it can't have."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """Cuts every *size* bytes."""

    size: int


@dataclass(frozen=True)
class Rolling:
    """Cuts where the content says so; every chunk but the last has *smallest* to *largest* bytes.

    *rabin_average* is what rabin aims at; None is buzhash.
    """

    smallest: int
    largest: int
    rabin_average: int | None = None

    @cached_property
    def find(self) -> rolling.Finder:
        """The rule by which a place is an end."""
        average = self.rabin_average
        return rolling.buzhash() if average is None else rolling.rabin(average)


BUZHASH = Rolling(128 * 1024, 512 * 1024)


class Cutter:
    """Cuts a stream by content; holds one chunk at most beside what it was fed last."""

    def __init__(self, rule: Rolling) -> None:
        self._rule = rule
        self._held = bytearray()

    def feed(self, data: bytes | bytearray | memoryview) -> Iterator[bytes]:
        """Take more of the stream; yield the chunks that are certain by now."""
        self._held += data
        return self._cut(self._rule.largest)

    def end(self) -> Iterator[bytes]:
        """Yield what is left of the stream."""
        return self._cut(1)

    def _cut(self, enough: int) -> Iterator[bytes]:
        """Yield chunks while *enough* bytes are held."""
        smallest, largest, find = self._rule.smallest, self._rule.largest, self._rule.find
        held, at = self._held, 0
        while (left := len(held) - at) >= enough:
            last = min(left, largest)
            found = -1
            if last > smallest:
                found = find(held[at : at + last], smallest, last)
            size = last if found < 0 else found
            yield bytes(held[at : at + size])
            at += size
        del held[:at]


def parse(text: str) -> Fixed | Rolling:
    """Return what *text* names: ``size-N``, ``buzhash``, ``rabin[-AVG]``, ``rabin-MIN-AVG-MAX``.

    Raises `UnknownChunker` with what Kubo says, but for a rabin whose least size is under 16 bytes
    by way of its average: Kubo never cuts then, and makes one block of everything.
    """
    if text in ("", "default"):
        return Fixed(DEFAULT_BYTES)
    kind, *parts = text.split("-")
    if kind == "size":
        return Fixed(_fixed_size(parts))
    if kind == "buzhash":
        return BUZHASH
    if kind == "rabin":
        return _rabin(parts)
    raise UnknownChunker(f"unrecognized chunker option: {text[:64]}")


def _fixed_size(parts: list[str]) -> int:
    if len(parts) != 1:
        raise UnknownChunker("incorrect chunker string format (expected size-{size})")
    size = _number(parts[0])
    if size <= 0:
        raise UnknownChunker("chunker size must be greater than 0")
    return _bounded(size)


def _rabin(parts: list[str]) -> Rolling:
    if not parts:
        parts = [str(DEFAULT_BYTES)]
    if len(parts) == 1:
        average = _number(parts[0])
        smallest, largest = average // 3, average + average // 2
        _bounded(int(average * 1.5))
    elif len(parts) == 3:
        smallest = _labelled("min", "first", parts[0])
        if smallest < rolling.RABIN_WINDOW:
            raise UnknownChunker("rabin min must be greater than 16")
        average = _labelled("avg", "second", parts[1])
        largest = _labelled("max", "final", parts[2])
    else:
        raise UnknownChunker(
            "incorrect format (expected 'rabin' 'rabin-[avg]' or 'rabin-[min]-[avg]-[max]'"
        )
    if smallest < rolling.RABIN_WINDOW:
        raise UnknownChunker("rabin min must be greater than 16")
    if smallest >= average:
        raise UnknownChunker("incorrect format: rabin-min must be smaller than rabin-avg")
    if average >= largest:
        raise UnknownChunker("incorrect format: rabin-avg must be smaller than rabin-max")
    return Rolling(smallest, _bounded(largest), average)


def _labelled(label: str, place: str, text: str) -> int:
    """Return the number of ``label:number`` or ``number``."""
    given, colon, _ = text.partition(":")
    if colon and given != label:
        raise UnknownChunker(f"{place} label must be {label}")
    return _number(text.rpartition(":")[2])


def _number(text: str) -> int:
    """Return the number of *text* as Go's ``strconv.Atoi`` reads it."""
    digits = text.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        raise UnknownChunker(f'strconv.Atoi: parsing "{text[:64]}": invalid syntax')
    if len(digits) > 18:
        raise UnknownChunker(f'strconv.Atoi: parsing "{text[:64]}": value out of range')
    return int(digits)


def _bounded(size: int) -> int:
    if size > MAX_BYTES:
        raise UnknownChunker(
            f"chunker parameters may not exceed the maximum chunk size of {MAX_BYTES}"
        )
    return size
