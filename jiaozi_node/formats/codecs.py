"""The codecs by their multicodec: from bytes to IPLD values, back, and to links alone.

Here a value is what `depth.Value` says. A dag-pb node is the map its schema gives:
``{"Data": bytes, "Links": [{"Hash": Cid, "Name": str, "Tsize": int}]}``, absent fields absent.
A raw block is its bytes. https://ipld.io/specs/codecs/
"""

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Final, NamedTuple

from jiaozi_node.errors import Malformed
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import dag_pb
from jiaozi_node.formats.cid import Cid
from jiaozi_node.formats.dag_pb import MalformedDagPb, PbLink, PbNode
from jiaozi_node.formats.depth import Value


class UnknownCodec(Malformed):
    """A codec whose blocks we store, and can't look into."""

    def __init__(self, code: int) -> None:
        super().__init__(f"codec {c.CODEC_NAMES.get(code, hex(code))} is not understood")
        self.code = code


class Codec(NamedTuple):
    """One codec: each function raises `Malformed` for what it can't take.

    *links* returns CIDs in block order, with repeats.
    """

    name: str
    decode: Callable[[bytes], Value]
    encode: Callable[[Value], bytes]
    links: Callable[[bytes], list[Cid]]


def _late(name: str) -> Codec:
    """Return a codec whose module is imported at its first use: `cat` needs neither."""

    def module() -> ModuleType:
        return import_module(f"jiaozi_node.formats.{name}")

    def decode(data: bytes) -> Value:
        return module().decode(data)

    def encode(value: Value) -> bytes:
        data: bytes = module().encode(value)
        return data

    def links(data: bytes) -> list[Cid]:
        found: list[Cid] = module().links(data)
        return found

    return Codec(name.replace("_", "-"), decode, encode, links)


# --------------------------------------------------------------------------------------- dag-pb


def _decode_pb(data: bytes) -> Value:
    node = dag_pb.decode(data)
    value: dict[str, Value] = {} if node.data is None else {"Data": node.data}
    value["Links"] = [_link_value(link) for link in node.links]
    return value


def _link_value(link: PbLink) -> Value:
    value: dict[str, Value] = {"Hash": link.cid}
    if link.name is not None:
        value["Name"] = link.name
    if link.tsize is not None:
        value["Tsize"] = link.tsize
    return value


def _encode_pb(value: Value) -> bytes:
    node = _fields("node", value, {"Data": bytes, "Links": list}, ("Links",))
    return dag_pb.encode(PbNode(tuple(map(_link, node["Links"])), node.get("Data")))


def _link(value: Value) -> PbLink:
    link = _fields("link", value, {"Hash": Cid, "Name": str, "Tsize": int}, ("Hash",))
    return PbLink(link["Hash"], link.get("Name"), link.get("Tsize"))


def _fields(
    what: str, value: Value, types: dict[str, type], needed: tuple[str, ...]
) -> dict[str, Value]:
    """Return *value* when it is a map of no other than these fields."""
    if type(value) is not dict:
        raise MalformedDagPb(f"a {what} is a map, not {type(value).__name__}")
    for name, field in value.items():
        wanted = types.get(name)
        if wanted is None:
            raise MalformedDagPb(f"field {name!r} of a {what} is unknown")
        if type(field) is not wanted:
            raise MalformedDagPb(f"{name} of a {what} is a {type(field).__name__}")
    for name in needed:
        if name not in value:
            raise MalformedDagPb(f"a {what} without {name}")
    return value


# ------------------------------------------------------------------------------------------ raw


def _encode_raw(value: Value) -> bytes:
    if type(value) is not bytes:
        raise Malformed(f"a raw block holds bytes, not {type(value).__name__}")
    return value


def _no_links(data: bytes) -> list[Cid]:
    return []


CODECS: Final[dict[int, Codec]] = {
    c.RAW: Codec("raw", bytes, _encode_raw, _no_links),
    c.DAG_PB: Codec("dag-pb", _decode_pb, _encode_pb, dag_pb.child_cids),
    c.DAG_CBOR: _late("dag_cbor"),
    c.DAG_JSON: _late("dag_json"),
}
CODES: Final = {codec.name: code for code, codec in CODECS.items()}


def _codec(code: int) -> Codec:
    codec = CODECS.get(code)
    if codec is None:
        raise UnknownCodec(code)
    return codec


def decode(code: int, data: bytes) -> Value:
    """Read *data* in codec *code*; raises `UnknownCodec` or what the codec raises."""
    return _codec(code).decode(data)


def encode(code: int, value: Value) -> bytes:
    """Return the canonical bytes of *value* in codec *code*; raises as `decode` does."""
    return _codec(code).encode(value)


def links(code: int, data: bytes) -> list[Cid]:
    """Return the CIDs that a block links, in block order, with repeats.

    Raises `UnknownCodec`; blocks of such a codec can be kept, but not walked.
    """
    return _codec(code).links(data)
