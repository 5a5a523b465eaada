"""The rules that every version block keeps, field by field: types, limits, no null, floats in meta.

Commits and tags are checked by these, built or decoded alike (``specs/commit-dag.md`` §1–§3). Each
check takes the field's path (``author.name``) and the value, and raises `SchemaBroken` naming both.
"""

from collections.abc import Mapping
from math import isfinite
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from jiaozi_node.errors import LimitExceeded, Malformed, Refused
from jiaozi_node.formats import dag_cbor
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import DAG_CBOR, DAG_PB, Cid

Plain: TypeAlias = Any  # a decoded DAG-CBOR value, or one whose type is yet to be checked

MAX_BLOCK_BYTES: Final = 1024 * 1024  # §1.3
MAX_LEVELS: Final = 64  # §1.5
MAX_MESSAGE_BYTES: Final = 64 * 1024  # §2.7
MAX_PROFILE_BYTES: Final = 128  # §2.8
MIN_TIME_S: Final = -62_135_596_800  # §2.6: year 1
MAX_TIME_S: Final = 253_402_300_799  # §2.6: year 9999
MAX_TZ_MINUTES: Final = 1440  # §2.6
MIN_INT: Final = -(2**63)  # §2.10
MAX_INT: Final = 2**63 - 1

NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})

_SPELLED_LEVELS: Final = 4  # a path in an error goes no deeper, so that building it costs nothing
_VERSION_BLOCK = b"\x01\x71\x12\x20"  # CIDv1, dag-cbor, sha2-256, 32 bytes (§1.2)
_PROFILE_CHARS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.+_=,-")
# C0, DEL, C1 and the two separators that end a line elsewhere (§3.2).
_CONTROLS = frozenset(map(chr, (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)))
ANGLED = _CONTROLS | {"<", ">"}


def nothing() -> Mapping[str, Any]:
    """Return the empty map that stands for an absent one: the default of fields."""
    return NOTHING


class SchemaBroken(Malformed):
    """A block that isn't what its schema says: the *field* (a path) and the *rule* it breaks."""

    def __init__(self, field: str, rule: str) -> None:
        shown = field if len(field) <= 128 else field[:127] + "…"
        super().__init__(f"{shown} {rule}")
        self.field, self.rule = field, rule


class NewerSchema(Refused):
    """A block of a schema version above ours: kept, pinned and served, never interpreted (§2.1)."""

    def __init__(self, cid: Cid, type_name: str, version: int, known: int) -> None:
        super().__init__(
            f"{cid} is a {type_name} of version {version}; this jiaozi reads version {known}:"
            " it is kept and served, not interpreted"
        )
        self.cid, self.type_name, self.version, self.known = cid, type_name, version, known


def open_block(block: Block, type_name: str, version: int) -> dict[str, Any]:
    """Decode *block* into its map, sure of §1 and §2.1: the fields are still to be checked."""
    if not is_version_block(block.cid):
        raise SchemaBroken(str(block.cid), "is not a version 1 dag-cbor sha2-256 CID")
    if len(block.data) > MAX_BLOCK_BYTES:
        raise LimitExceeded(f"{type_name} block", MAX_BLOCK_BYTES, len(block.data))
    value = dag_cbor.decode(block.data)
    if not isinstance(value, dict):
        raise SchemaBroken(str(block.cid), f"is not a map, as a {type_name} is")
    found = value.pop("type", None)
    if found != type_name:
        raise SchemaBroken("type", f"of {block.cid} is {shown(found)}, not {type_name!r}")
    number = value.pop("v", None)
    if type(number) is not int or number < 1:
        raise SchemaBroken("v", f"must be a whole number from 1, is {shown(number)}")
    if number > version:
        raise NewerSchema(block.cid, type_name, number, version)
    return value


def seal(type_name: str, value: dict[str, Any]) -> Block:
    """Encode *value* as the block it is; raises `LimitExceeded` beyond 1 MiB."""
    data = dag_cbor.encode(value)
    if len(data) > MAX_BLOCK_BYTES:
        raise LimitExceeded(f"{type_name} block", MAX_BLOCK_BYTES, len(data))
    return Block.of(data, DAG_CBOR)


def take(fields: dict[str, Any], key: str, where: str = "") -> Plain:
    """Remove and return *key* of *fields*, which must be there."""
    try:
        return fields.pop(key)
    except KeyError:
        raise SchemaBroken(where + key, "is missing") from None


def take_map(fields: dict[str, Any], key: str, where: str = "") -> dict[str, Any] | None:
    """Remove and return the map at *key* of *fields*, None when absent; it may not be null."""
    if key not in fields:
        return None
    value = fields.pop(key)
    if not isinstance(value, dict):
        raise SchemaBroken(where + key, f"must be a map, is {shown(value)}")
    return value


def take_list(fields: dict[str, Any], key: str, where: str = "") -> tuple[Any, ...]:
    """Remove and return the list at *key*; absent comes as (), empty is an error (§2.2)."""
    if key not in fields:
        return ()
    value = fields.pop(key)
    if not isinstance(value, list):
        raise SchemaBroken(where + key, f"must be a list, is {shown(value)}")
    if not value:
        raise SchemaBroken(where + key, "must be absent when empty")
    return tuple(value)


def take_optional(fields: dict[str, Any], key: str, where: str = "") -> Plain:
    """Remove and return *key* of *fields*, None when absent; null is an error (§2.2)."""
    if key not in fields:
        return None
    value = fields.pop(key)
    if value is None:
        raise SchemaBroken(where + key, "must be absent rather than null")
    return value


def check_int(field: str, value: object, low: int = 0, high: int = MAX_INT) -> None:
    """Check that *value* is an int (no bool, no float) within *low* … *high*."""
    if type(value) is not int:
        raise SchemaBroken(field, f"must be a whole number, is {shown(value)}")
    if not low <= value <= high:
        raise SchemaBroken(field, f"must lie in {low} … {high}, is {value}")


def check_time(field: str, value: object) -> None:
    """Check a time in Unix seconds, years 1 to 9999 (§2.6)."""
    check_int(field, value, MIN_TIME_S, MAX_TIME_S)


def check_text(field: str, value: object, max_bytes: int, *, empty: bool = False) -> str:
    """Check that *value* is a str of at most *max_bytes* of UTF-8, not empty unless *empty*."""
    if not isinstance(value, str):
        raise SchemaBroken(field, f"must be a string, is {shown(value)}")
    if not value and not empty:
        raise SchemaBroken(field, "must not be empty")
    if len(value) > max_bytes or not value.isascii():
        try:
            size = len(value.encode())
        except UnicodeEncodeError:
            raise SchemaBroken(field, "is not Unicode text: it has unpaired surrogates") from None
        if size > max_bytes:
            raise LimitExceeded(field, max_bytes, size)
    return value


def check_message(field: str, value: object) -> None:
    """Check a message (§2.7)."""
    if "\0" in check_text(field, value, MAX_MESSAGE_BYTES, empty=True):
        raise SchemaBroken(field, "must not hold U+0000")


def check_profile(field: str, value: object) -> None:
    """Check the name of a profile (§2.8), known here or not."""
    text = check_text(field, value, MAX_PROFILE_BYTES)
    if not _PROFILE_CHARS.issuperset(text) or text[0] in ".+_=,-":
        raise SchemaBroken(field, f"must match [a-z0-9][a-z0-9.+_=,-]*, is {shown(text)}")


def check_person(field: str, value: object, max_bytes: int) -> None:
    """Check a name or a mail address (§3.1, §3.2)."""
    text = check_text(field, value, max_bytes)
    if not ANGLED.isdisjoint(text):
        raise SchemaBroken(field, f"must not hold control characters, '<' or '>': {shown(text)}")
    if text[0].isspace() or text[-1].isspace():
        raise SchemaBroken(field, f"must not begin or end with white space: {shown(text)}")


def check_visible(field: str, value: object, max_bytes: int) -> str:
    """Check printable ASCII without space (§3.3, §6.3)."""
    text = check_text(field, value, max_bytes)
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise SchemaBroken(field, f"must be printable ASCII without space: {shown(text)}")
    return text


def is_version_block(cid: Cid) -> bool:
    """Tell whether *cid* is one that a commit or tag can have (§1.2)."""
    return cid.raw[:4] == _VERSION_BLOCK and len(cid.raw) == 36


def check_tree(field: str, value: object) -> None:
    """Check the link to a UnixFS directory (§4.3)."""
    if not isinstance(value, Cid):
        raise SchemaBroken(field, f"must be a link, is {shown(value)}")
    if value.codec != DAG_PB:
        raise SchemaBroken(field, f"must link a dag-pb directory, is {shown(value)}")


def check_links(field: str, value: object, most: int) -> None:
    """Check a tuple of at most *most* distinct links to version blocks (§4.4)."""
    if not isinstance(value, tuple):
        raise SchemaBroken(field, f"must be a list of links, is {shown(value)}")
    if len(value) > most:
        raise LimitExceeded(field, most, len(value), "links")
    for at, link in enumerate(value):
        if not isinstance(link, Cid):
            raise SchemaBroken(f"{field}[{at}]", f"must be a link, is {shown(link)}")
        if not is_version_block(link):
            raise SchemaBroken(
                f"{field}[{at}]", f"must be a version 1 dag-cbor sha2-256 CID, is {shown(link)}"
            )
    if len(set(value)) < len(value):
        raise SchemaBroken(field, "must be distinct")


def keep_unknown(value: Any, known: frozenset[str], where: str, level: int) -> None:  # noqa: ANN401
    """Check and freeze what *value*, a dataclass being built, has in ``extra``."""
    if value.extra is not NOTHING:
        object.__setattr__(value, "extra", check_unknown(value.extra, known, where, level))


def check_unknown(extra: Mapping[str, Any], known: frozenset[str], where: str, level: int) -> Plain:
    """Return *extra* frozen: no *known* keys, and values that keep §1.5, §2.2, §2.3 and §2.10."""
    if not extra:
        return NOTHING
    out = {}
    for key, value in extra.items():
        if key in known:
            raise SchemaBroken(f"{where}{key}", "is a field of its own, not an unknown key")
        out[key] = frozen(f"{where}{_key(where, key)}", value, floats=False, level=level)
    return MappingProxyType(out)


def frozen(field: str, value: Plain, *, floats: bool, level: int) -> Plain:
    """Return *value*, checked, with its maps and lists frozen; *level* is that of its container.

    Recursive, and no deeper than `MAX_LEVELS` (§1.5).
    """
    kind = type(value)
    if kind is str:
        return check_text(field, value, MAX_BLOCK_BYTES, empty=True)
    if kind is bool or kind is bytes or kind is Cid:
        return value
    if kind is int:
        check_int(field, value, MIN_INT, MAX_INT)
        return value
    if kind is float:
        if not floats:
            raise SchemaBroken(field, f"must not be a float outside meta, is {value}")
        if not isfinite(value):
            raise SchemaBroken(field, f"must be finite, is {value}")
        return value
    if value is None:
        raise SchemaBroken(field, "must be absent rather than null")
    level += 1
    if level > MAX_LEVELS:
        raise LimitExceeded("nesting", MAX_LEVELS, level, "levels")
    if isinstance(value, Mapping):
        out = {}
        for key, item in value.items():
            name = _key(field, key)
            path = f"{field}.{name}" if level <= _SPELLED_LEVELS else field
            out[key] = frozen(path, item, floats=floats, level=level)
        return MappingProxyType(out)
    if isinstance(value, list | tuple):
        spelled = level <= _SPELLED_LEVELS
        return tuple(
            frozen(f"{field}[{at}]" if spelled else field, item, floats=floats, level=level)
            for at, item in enumerate(value)
        )
    raise SchemaBroken(field, f"can't be written as DAG-CBOR: {kind.__name__}")


def thawed(value: Plain) -> Plain:
    """Return a frozen value as the dicts and lists that the codec takes."""
    if isinstance(value, Mapping):
        return {key: thawed(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [thawed(item) for item in value]
    return value


def _key(where: str, key: object) -> str:
    """Check a key that no schema names; return it as an error may show it."""
    text = check_text(f"a key of {where or 'the block'}", key, MAX_BLOCK_BYTES, empty=True)
    return text if len(text) <= 64 and text.isprintable() else shown(text)


def shown(value: object) -> str:
    """Name *value* within one short line."""
    if value is None:
        return "null"
    if isinstance(value, str):
        text = repr(value[:80])
    elif isinstance(value, bool | int | float | Cid):
        text = str(value)
    else:
        names: dict[type, str] = {bytes: "bytes", dict: "a map", list: "a list"}
        return names.get(type(value), "something else")
    return text if len(text) <= 80 else text[:79] + "…"
