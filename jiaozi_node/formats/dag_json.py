"""dag-json: JSON in which ``{"/": "<cid>"}`` is a link and ``{"/": {"bytes": "<base64>"}}`` bytes.

Written canonically: no whitespace, keys in byte order, floats with a decimal point, strings escaped
as Kubo does. Read with whitespace and keys in any order, but never with a key twice, nor in the
forms which the specification reserves. https://ipld.io/specs/codecs/dag-json/spec/

Reading is done by the ``json`` of the standard library, whose recursion is bounded beforehand.
"""

import binascii
import json
import math
import re
from typing import NoReturn

from jiaozi_node.errors import Malformed
from jiaozi_node.formats import depth
from jiaozi_node.formats.cid import Cid
from jiaozi_node.formats.depth import Value

_MIN_INT, _MAX_INT = -(1 << 64), (1 << 64) - 1  # what dag-cbor can hold
_MAX_INT_CHARS = 21
_BRACKETS = re.compile(r"[\[\]{}]")


class MalformedDagJson(Malformed):
    """Bytes that are not dag-json, or a value which dag-json can't hold."""

    def __init__(self, why: str) -> None:
        super().__init__(f"invalid dag-json: {why}")


# ------------------------------------------------------------------------------------- reading


def decode(data: bytes) -> Value:
    """Read the one value of *data*; links come as `Cid`, bytes as bytes.

    Raises `MalformedDagJson`, `InvalidCid`, or `LimitExceeded` below 256 levels.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise MalformedDagJson(f"byte {fault.start} is not UTF-8") from None
    _check_depth(text)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as fault:
        raise MalformedDagJson(f"{fault.msg} at character {fault.pos}") from None
    if "\\u" in text:
        _check_text(value)
    return value


def _check_depth(text: str) -> None:
    """Refuse nesting over the cap before anything is built; `json` would recurse into it."""
    cap = depth.MAX_DEPTH
    if text.count("[") + text.count("{") <= cap:
        return
    # Without escapes, what stands between an even and an odd quote is outside of strings.
    outside = text.replace("\\\\", "").replace('\\"', "").split('"')[::2]
    deep = 0
    for bracket in _BRACKETS.finditer("".join(outside)):
        if bracket[0] in "[{":
            deep += 1
            if deep > cap:
                raise depth.exceeded(deep, "dag-json")
        else:
            deep -= 1


def _map(pairs: list[tuple[str, Value]]) -> Value:
    """Make a map, or the link or bytes that it stands for."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedDagJson(f"map key {_repeated(pairs)!r} stands there twice")
    if "/" in found:
        return _reserved(found)
    return found


def _repeated(pairs: list[tuple[str, Value]]) -> str:
    seen = set()
    for key, _value in pairs:
        if key in seen:
            break
        seen.add(key)
    return key[:64]


def _reserved(found: dict[str, Value]) -> Value:
    value = found["/"]
    if len(found) == 1:
        if type(value) is str:
            return Cid.parse(value)
        if type(value) is dict and len(value) == 1 and type(value.get("bytes")) is str:
            return _base64(value["bytes"])
    _check_reserved(found)
    return found


def _check_reserved(value: dict[str, Value]) -> None:
    """Raise when *value* is a map of a form that dag-json reserves for links and bytes."""
    inner = value["/"]
    if any(key < "/" for key in value):
        return
    if type(inner) is str or (
        type(inner) is dict
        and type(inner.get("bytes")) is str
        and not any(type(key) is str and key < "bytes" for key in inner)
    ):
        raise MalformedDagJson('a map that begins with "/" and is neither link nor bytes')


def _base64(text: str) -> bytes:
    """Decode standard base64; padding is taken, though none is written."""
    body = text.rstrip("=") if text.endswith("=") and len(text) % 4 == 0 else text
    try:
        raw = binascii.a2b_base64(body + "=" * (-len(body) % 4), strict_mode=True)
    except ValueError:
        raise MalformedDagJson("bytes that are not base64") from None
    if _unpadded(raw) != body:
        raise MalformedDagJson("bytes that are not base64")
    return raw


def _unpadded(raw: bytes) -> str:
    return binascii.b2a_base64(raw, newline=False).decode("ascii").rstrip("=")


def _int(text: str) -> int:
    if len(text) <= _MAX_INT_CHARS:
        value = int(text)
        if _MIN_INT <= value <= _MAX_INT:
            return value
    raise MalformedDagJson(f"integer {text[:32]} is over 64 bits")


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise MalformedDagJson(f"number {text[:32]} is too large")
    return value


def _constant(text: str) -> NoReturn:
    raise MalformedDagJson(f"{text} is not allowed")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_map, parse_int=_int, parse_float=_float, parse_constant=_constant
)


def _check_text(value: Value) -> None:
    r"""Refuse the lone surrogates that ``\ud800`` makes; UTF-8 can't hold them."""
    todo = [value]
    while todo:
        item = todo.pop()
        if type(item) is dict:
            todo += item
            todo += item.values()
        elif type(item) is list:
            todo += item
        elif type(item) is str:
            try:
                item.encode()
            except UnicodeEncodeError:
                raise MalformedDagJson("a surrogate without its other half") from None


# ------------------------------------------------------------------------------------- writing

# What Kubo escapes; JSON.stringify would write \b and \f, and leave the two separators.
_ESCAPES = str.maketrans(
    {code: f"\\u{code:04x}" for code in [*range(0x20), 0x2028, 0x2029]}
    | {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}
)
_WORDS = {True: "true", False: "false", None: "null"}


def encode(value: Value) -> bytes:
    """Return the canonical bytes of *value* (see `depth.Value`).

    Raises `MalformedDagJson` for what can't be written: other types, keys that are not text,
    integers over 64 bits, NaN and infinities, lone surrogates, maps of a reserved form;
    `LimitExceeded` when it nests deeper than 256.
    """
    depth.check(value, "dag-json")
    out: list[str] = []
    # Values still to write, the next one last, with text that is ready between them.
    todo: list[Value] = [value]
    while todo:
        item = todo.pop()
        kind = type(item)
        if kind is _Ready:
            out.append(item)
        elif kind is str:
            out.append(_quoted(item))
        elif kind is int:
            if not _MIN_INT <= item <= _MAX_INT:
                raise MalformedDagJson("an integer over 64 bits")
            out.append(str(item))
        elif kind is list:
            out.append("[")
            todo.append(_CLOSE_LIST)
            for child in reversed(item):
                todo += (child, _COMMA)
            if item:
                todo.pop()
        elif kind is dict:
            _push_map(item, out, todo)
        elif kind is Cid:
            out.append(f'{{"/":"{item}"}}')
        elif kind is bytes:
            out.append(f'{{"/":{{"bytes":"{_unpadded(item)}"}}}}')
        elif kind is bool or item is None:
            out.append(_WORDS[item])
        elif kind is float:
            out.append(float_text(item))
        else:
            raise MalformedDagJson(f"a value of type {kind.__name__}")
    return "".join(out).encode()


class _Ready(str):
    """Text of the output, as opposed to a string that is a value."""

    __slots__ = ()


_COMMA, _CLOSE_LIST, _CLOSE_MAP = _Ready(","), _Ready("]"), _Ready("}")


def _push_map(item: dict[str, Value], out: list[str], todo: list[Value]) -> None:
    """Begin a map: its brace to *out*, the rest to *todo*."""
    if not all(type(key) is str for key in item):
        raise MalformedDagJson("a map key that is not text")
    if "/" in item:
        _check_reserved(item)
    out.append("{")
    todo.append(_CLOSE_MAP)
    # By code point, which is the order of the bytes of UTF-8.
    for key in sorted(item, reverse=True):
        todo += (item[key], _Ready(_quoted(key) + ":"), _COMMA)
    if item:
        todo.pop()


def _quoted(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise MalformedDagJson("a surrogate without its other half") from None
    return f'"{text.translate(_ESCAPES)}"'


def float_text(value: float) -> str:
    """Return *value* as JavaScript and Go print it, but always with a point or an exponent.

    Without one it would come back as an integer, as it does from Kubo.
    """
    if not math.isfinite(value):
        raise MalformedDagJson("NaN or infinity")
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or "0") - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    if not digits:
        return sign + "0.0"
    if 0 < point <= 21:
        text = digits.ljust(point, "0")
        return f"{sign}{text[:point]}.{text[point:] or '0'}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{point - 1:+d}"


def links(data: bytes) -> list[Cid]:
    """Return the CIDs that *data* links, in block order, with repeats."""
    return collect_links(decode(data))


def collect_links(value: Value) -> list[Cid]:
    """Return the links of a decoded value in its order, without recursion."""
    found: list[Cid] = []
    todo = [value]
    while todo:
        item = todo.pop()
        kind = type(item)
        if kind is Cid:
            found.append(item)
        elif kind is list:
            todo += reversed(item)
        elif kind is dict:
            todo += reversed(item.values())
    return found
