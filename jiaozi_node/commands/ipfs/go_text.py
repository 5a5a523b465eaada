"""Texts as Go's libraries write them, where a client may compare: quoting, sizes, CID faults."""

from typing import Any

from jiaozi_node.errors import Malformed, Misuse

_NAMED = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}


def escaped(text: str) -> str:
    """Return *text* with what can't be printed written out, as Kubo shows names of files.

    Bytes that are not UTF-8 stay as they are when nothing else needs escaping, as in Kubo.
    """
    if "\\" not in text and all(c.isprintable() or "\udc80" <= c <= "\udcff" for c in text):
        return text
    return "".join([_escape(char) for char in text])


def quoted(text: str) -> str:
    """Return *text* as Go's ``%q`` does."""
    return '"' + escaped(text).replace('"', '\\"') + '"'


def _escape(char: str) -> str:
    if char in _NAMED:
        return _NAMED[char]
    if char == "\\":
        return "\\\\"
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if char.isprintable():
        return char
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def human_bytes(size: int) -> str:
    """Return a size in powers of 1,000 as dustin/go-humanize does: ``487 B``, ``3.4 MB``."""
    if size < 10:
        return f"{size} B"
    unit, scale = 0, 1
    while size >= scale * 1000 and unit < 6:
        unit, scale = unit + 1, scale * 1000
    tenths = (size * 10 + scale // 2) // scale
    shown = f"{tenths // 10}.{tenths % 10}" if tenths < 100 else str((tenths + 5) // 10)
    if tenths < 100 and unit == 0:
        shown = str(tenths // 10)
    return f"{shown} {('B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB')[unit]}"


def cid_fault(text: str, fault: Malformed) -> str:
    """Return why *text* is no CID: go-cid's words for the commonest faults, else ours."""
    if len(text) < 2:
        return "invalid cid: cid too short"
    from jiaozi_node.formats.multibase import BASES

    if len(text) != 46 and text[0] not in BASES.values():
        return "invalid cid: selected encoding not supported"
    return f"invalid cid: {multibase_fault(text, fault)}"


def multibase_fault(text: str, fault: Malformed) -> str:
    """Return why *text* is no multibase: the words of Go's decoders where common, else ours."""
    body = text[1:]
    if text[0] in "fF":
        wrong = next((char for char in body if char not in "0123456789abcdefABCDEF"), None)
        if wrong is not None:
            return f"encoding/hex: invalid byte: U+{ord(wrong):04X} '{wrong}'"
        if len(body) % 2:
            return "encoding/hex: odd length hex string"
    elif text[0] in "bBcC":
        digits = "abcdefghijklmnopqrstuvwxyz234567"
        at = next((at for at, char in enumerate(body.lower()) if char not in digits), None)
        if at is not None:
            return f"illegal base32 data at input byte {at}"
    elif text[0] == "z":
        digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
        wrong = next((char for char in body if char not in digits), None)
        if wrong is not None:
            return f"invalid base58 digit ('{wrong}')"
    return str(fault).rpartition(": ")[2]


def table(rows: list[tuple[str, ...]], least: int, padding: int = 1) -> str:
    """Return *rows* in columns as Go's tabwriter does with *padding* and *least* as least width.

    Rows of one cell are lines of their own and end the columns above them.
    """
    out: list[str] = []
    block: list[tuple[str, ...]] = []
    for row in [*rows, None]:
        if row is not None and len(row) > 1:
            block.append(row)
            continue
        if block:
            out += _columns(block, least, padding)
            block = []
        if row is not None:
            out.append(row[0])
    return "".join([line + "\n" for line in out])


def _columns(block: list[tuple[str, ...]], least: int, padding: int) -> list[str]:
    widths: dict[int, int] = {}
    for row in block:
        for at, cell in enumerate(row[:-1]):
            widths[at] = max(widths.get(at, 0), len(cell) + padding, least)
    return [
        "".join([cell.ljust(widths[at]) for at, cell in enumerate(row[:-1])]) + row[-1]
        for row in block
    ]


def sorted_deep(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return JSON with the keys of every map in order, as Go writes maps."""
    if isinstance(value, dict):
        return {key: sorted_deep(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [sorted_deep(item) for item in value]
    return value


def compact(value: Any) -> str:  # noqa: ANN401 - JSON
    """Return *value* as Go's encoder writes it: no spaces, keys sorted."""
    import json

    return html_safe(json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False))


def indented(value: Any, step: str = "  ") -> str:  # noqa: ANN401 - JSON
    """Return *value* as Go's ``MarshalIndent`` writes it."""
    import json

    return html_safe(json.dumps(value, indent=step, ensure_ascii=False))


def html_safe(text: str) -> str:
    """Return JSON *text* with the characters escaped that Go escapes."""
    for char in "<>&\u2028\u2029":
        if char in text:
            text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def duration_s(text: str) -> float:
    """Return the seconds of a duration as Go writes it (``1h30m``, ``300ms``); raises `Misuse`."""
    from jiaozi_node.formats import duration

    try:
        return duration.parse(text) / 1e9
    except Malformed as fault:
        raise Misuse(str(fault)) from None
