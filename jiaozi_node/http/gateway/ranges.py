"""``Range``: which bytes of how many (RFC 9110 §14)."""

from typing import Final, NamedTuple

from jiaozi_node.http.gateway.problem import Problem

MAX_RANGES: Final = 16
_MAX_DIGITS: Final = 19


class Span(NamedTuple):
    """*length* bytes from *start*."""

    start: int
    length: int

    def of(self, size: int) -> str:
        """Return the value of ``Content-Range``."""
        return f"bytes {self.start}-{self.start + self.length - 1}/{size}"


class Unsatisfiable(Problem):
    """No range asked for lies within the content."""

    def __init__(self, size: int) -> None:
        super().__init__(
            416,
            f"invalid range: failed to overlap; the content has {size} bytes",
            {"Content-Range": f"bytes */{size}"},
        )


def spans(header: str | None, size: int) -> list[Span]:
    """Return the ranges to send, none for all of it.

    Other units than bytes, more than 16 ranges, and ranges that are more than the whole are passed
    over, as they may be. Raises `Unsatisfiable`, and `Problem` for what is no range.
    """
    if header is None:
        return []
    unit, equals, rest = header.partition("=")
    if not equals or unit.strip().lower() != "bytes":
        return []
    texts = [text.strip() for text in rest.split(",") if text.strip()]
    if not texts:
        raise Problem(400, "invalid range: none is given")
    if len(texts) > MAX_RANGES:
        return []
    found = [span for span in [_span(text, size) for text in texts] if span is not None]
    if not found:
        if not size:
            return []
        raise Unsatisfiable(size)
    if sum([span.length for span in found]) > size:
        return []
    return found


def _span(text: str, size: int) -> Span | None:
    first, dash, last = (part.strip() for part in text.partition("-"))
    if not dash or not (first or last):
        raise Problem(400, f"invalid range: {text[:64]!r}")
    for number in (first, last):
        if number and not (number.isascii() and number.isdigit() and len(number) <= _MAX_DIGITS):
            raise Problem(400, f"invalid range: {text[:64]!r}")
    if not first:
        length = min(int(last), size)
        return Span(size - length, length) if length else None
    start = int(first)
    if last and int(last) < start:
        raise Problem(400, f"invalid range: {text[:64]!r} ends before it begins")
    if start >= size:
        return None
    return Span(start, min(int(last) + 1 if last else size, size) - start)
