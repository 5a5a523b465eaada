"""Text to values of options, as Go's strconv reads it; and the options that every command takes.

Every front end reads its words with these: a command line, a query of the RPC.
"""

from typing import Any

from jiaozi_node.commands.declare import Kind, Option
from jiaozi_node.errors import Misuse

GLOBAL_OPTIONS = (
    Option("help", Kind.BOOL, "Show the help of the command.", ("h",)),
    Option("json", Kind.BOOL, "Print one JSON object a line."),
    Option("encoding", Kind.TEXT, "Output as text or json.", ("enc",), "text"),
    Option("cid-base", Kind.TEXT, "Multibase of version 1 CIDs in the output."),
    Option("upgrade-cidv0-in-output", Kind.BOOL, "Print CIDv0 as CIDv1."),
    Option("offline", Kind.BOOL, "Don't ask peers; this version never does."),
    Option("no-progress", Kind.BOOL, "Show no progress on the terminal."),
    Option("timeout", Kind.TEXT, "Taken: no command here waits for a network."),
    Option("local", Kind.BOOL, "The same as --offline.", ("L",)),
    Option("stream-channels", Kind.BOOL, "Taken: answers are always streamed."),
    Option("debug", Kind.BOOL, "Show where an unexpected error came from.", ("D",)),
    Option("api", Kind.TEXT, "Not here: use 'ipfs --api'."),
)

_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
_FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))
_RANGES = {
    Kind.INT: (-(2**31), 2**31 - 1),
    Kind.INT64: (-(2**63), 2**63 - 1),
    Kind.UINT: (0, 2**32 - 1),
    Kind.UINT64: (0, 2**64 - 1),
}


def convert(option: Option, text: str) -> Any:  # noqa: ANN401 - by the option's kind
    """Return *text* as a value of the option's kind, faults in the words of Go's strconv."""
    if option.kind is Kind.BOOL:
        if text in _TRUE:
            return True
        if text in _FALSE:
            return False
        raise Misuse(f'strconv.ParseBool: parsing "{text}": invalid syntax')
    if option.kind in _RANGES:
        function = "ParseInt" if option.kind in (Kind.INT, Kind.INT64) else "ParseUint"
        number = _number(text)
        if number is None or (number < 0 and function == "ParseUint"):
            raise Misuse(f'strconv.{function}: parsing "{text[:64]}": invalid syntax')
        low, high = _RANGES[option.kind]
        if not low <= number <= high:
            raise Misuse(f'strconv.{function}: parsing "{text[:64]}": value out of range')
        return number
    return text


def _number(text: str) -> int | None:
    """Read an integer as Go's base 0 does: 10, 0x1f, 0644, 0b1."""
    digits = text[1:] if text[:1] in "+-" else text
    if not digits or len(text) > 64 or not digits.isascii() or digits[0] == "_":
        return None
    try:
        if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
            value = int(digits, 8)
        else:
            value = int(digits, 0)
    except ValueError:
        return None
    return -value if text[0] == "-" else value
