"""``ipfs block get|put|rm|stat``: single blocks, as bytes."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jiaozi_node.commands.declare import Answer, Argument, Call, Command, Kind, Needs, Option
from jiaozi_node.errors import Conflict, Misuse, NotFound

if TYPE_CHECKING:
    from jiaozi_node.formats.cid import Cid
    from jiaozi_node.stores.leases import Collection

BIG_BLOCK = Option(
    "allow-big-block",
    Kind.BOOL,
    "Don't refuse blocks over 2MiB, which other peers won't take.",
    default=False,
)
MAX_BYTES = 2 * 1024 * 1024  # bitswap's largest block
TOO_BIG = (
    "produced block is over 2MiB: big blocks can't be exchanged with other peers. consider using "
    "UnixFS for automatic chunking of bigger files, or pass --allow-big-block to override"
)


def read_all(file: Any, call: Call) -> bytes:  # noqa: ANN401 - BinaryIO
    """Return what *file* holds; raises `Misuse` over 2 MiB unless big blocks are allowed."""
    if call.option("allow_big_block"):
        data: bytes = file.read()
        return data
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise Misuse(TOO_BIG)
    return data


def put(call: Call) -> Iterator[dict[str, Any]]:
    """Store each input as a block; yield ``{"Key", "Size"}``."""
    from jiaozi_node.commands.ipfs.cid_text import CidText
    from jiaozi_node.dag.pin import Pins
    from jiaozi_node.formats.block import Block
    from jiaozi_node.node.acts import acting
    from jiaozi_node.stores.api import Family

    shown = CidText.asked(call)
    form = _form(call)
    if call.files is None:
        raise Misuse("expected a file")
    with acting(call.home) as act:
        made: list[tuple[Cid, int]] = []
        with act.blocks.writer(Family.PUBLIC) as writer:
            for _name, file in call.files.streams():
                data = read_all(file, call)
                cid = form(data)
                writer.put((Block(cid, data),))
                made.append((cid, len(data)))
        for cid, size in made:
            if call.option("pin"):
                Pins(act.names).add(cid)
            yield {"Key": shown(cid), "Size": size}


def _form(call: Call) -> Any:  # noqa: ANN401 - Callable[[bytes], Cid]
    """Return the function from data to the CID that the options ask for."""
    from jiaozi_node.formats import cid as c
    from jiaozi_node.formats import multihash as mh
    from jiaozi_node.formats.multicodec import codec_named

    name = call.option("mhtype") or call.home.config.find("Import.HashFunction", "sha2-256")
    code = _hash_named(name)
    length = call.option("mhlen")
    codec_name, form = call.option("cid_codec"), call.option("format")
    if form and codec_name not in ("", "raw"):
        raise Misuse(
            'unable to use "format" (deprecated) and a custom "cid-codec" at the same time'
        )
    if form == "v0":
        if code != mh.SHA2_256 or length not in (-1, 32):
            raise Misuse("only sha2-255-32 is allowed with CIDv0")
        return lambda data: c.Cid.v0(mh.of(code, data))
    names = {"protobuf": "dag-pb", "cbor": "dag-cbor"}
    codec = codec_named(names.get(form, form) if form else codec_name or "raw")

    def cid_of(data: bytes) -> "Cid":
        return c.Cid.v1(codec, multihash_of(code, data, length))

    return cid_of


def multihash_of(code: int, data: bytes, length: int = -1) -> bytes:
    """Return the multihash of *data*, its digest cut to *length* unless -1; Kubo's refusals."""
    from jiaozi_node.formats import multihash as mh
    from jiaozi_node.formats import varint

    if code == mh.IDENTITY and len(data) > mh.MAX_IDENTITY_BYTES:
        raise Misuse(f"digest too large: identity digest got {len(data)} bytes, maximum 128")
    whole = mh.of(code, data)
    if length == -1:
        return whole
    digest = mh.split(whole)[1]
    if length > len(digest) or (code == mh.IDENTITY and length != len(digest)):
        raise Misuse("invalid cid: requested length was too large for digest")
    if length < mh.MIN_DIGEST_BYTES:
        raise Misuse(
            f"digest too small: {mh.NAMES[code]} digest got {max(length, 0)} bytes, minimum 20"
        )
    return varint.encode(code) + varint.encode(length) + digest[:length]


def _hash_named(name: str) -> int:
    from jiaozi_node.formats.multicodec import HASH_CODES, INSECURE
    from jiaozi_node.node.importing import hash_named

    if name not in HASH_CODES and name not in INSECURE:
        raise Misuse(f"unrecognized multihash function: {name}")
    return hash_named(name)


def get(call: Call) -> Iterator[bytes]:
    """Yield the block's bytes."""
    from jiaozi_node.commands.ipfs.content_path import resolve_whole

    yield call.home.blocks.get(resolve_whole(call, call.args["cid"])).data


def stat(call: Call) -> Iterator[dict[str, Any]]:
    """Yield ``{"Key", "Size"}`` of the block."""
    from jiaozi_node.commands.ipfs.cid_text import CidText
    from jiaozi_node.commands.ipfs.content_path import resolve_whole

    shown = CidText.asked(call)
    cid = resolve_whole(call, call.args["cid"])
    inline = cid.inline
    size = call.home.blocks.size(cid) if inline is None else len(inline)
    yield {"Key": shown(cid), "Size": size}


def rm(call: Call) -> Iterator[dict[str, str]]:
    """Forget blocks that no pin keeps; yield ``{"Hash"}``, with an ``Error`` for those kept.

    Unlike Kubo this node has other names than pins: what a branch or a stage needs is kept too.
    """
    from jiaozi_node.commands.ipfs.cid_text import CidText
    from jiaozi_node.commands.ipfs.content_path import resolve_whole
    from jiaozi_node.commands.kubo_errors import kubo_message
    from jiaozi_node.node.acts import leases_of
    from jiaozi_node.node.collecting import kept_beside_pins

    shown = CidText.asked(call)
    with leases_of(call.home).collecting() as collection:  # names are read within: see `leases`
        named = kept_beside_pins(call.home, int(call.now()))
        for text in call.args["cid"]:
            cid = resolve_whole(call, text)
            try:
                if named is not None and cid.multihash in named:
                    raise _Kept("needed by a branch, stage or other name of this node")
                _remove(call, cid, collection)
            except (Conflict, NotFound) as fault:
                yield {"Hash": shown(cid), "Error": kubo_message(fault)}
                continue
            if not call.option("quiet"):
                yield {"Hash": shown(cid)}


class _Kept(Conflict):
    """A pin keeps the block."""


def _remove(call: Call, cid: "Cid", collection: "Collection") -> None:
    from jiaozi_node.commands.kubo_errors import not_found
    from jiaozi_node.dag.gc import drop_unheld
    from jiaozi_node.dag.marking import Marking
    from jiaozi_node.dag.pin import Pins
    from jiaozi_node.dag.walk import run
    from jiaozi_node.stores.api import BlockMissing

    [found] = run(Pins(call.home.names).find([cid]), call.home.blocks.get)
    if found.via is not None:
        raise _Kept(f"pinned via {found.via}")
    if found.mode is not None:
        raise _Kept(f"pinned: {found.mode}")
    if cid.inline is not None:
        return
    blocks = call.home.blocks
    try:
        blocks.size(cid)
    except BlockMissing:
        if call.option("force"):
            return
        raise NotFound(not_found(cid)) from None
    if not drop_unheld(blocks, Marking(blocks), collection, [cid.multihash]):
        raise _Kept("needed by an act under way")


def _after_rm(call: Call, rows: Iterator[dict[str, str]]) -> Iterator[Any]:
    if not call.rendered_text:
        yield from rows
        return
    failed = False
    for row in rows:
        if "Error" in row:
            failed = True
            call.note(f"cannot remove {row['Hash']}: {row['Error']}")
        else:
            yield row
    if failed:
        raise Conflict("some blocks not removed")


GET = Command(
    path=("ipfs", "block", "get"),
    fetches=True,
    tagline="Get a raw IPFS block.",
    handler=get,
    arguments=(Argument("cid", "The CID of an existing block to get.", stdin=True),),
    answer=Answer.BYTES,
    content_type="application/vnd.ipld.raw",
)

STAT = Command(
    path=("ipfs", "block", "stat"),
    fetches=True,
    tagline="Print information of a raw IPFS block.",
    handler=stat,
    arguments=(Argument("cid", "The CID of an existing block to stat.", stdin=True),),
    answer=Answer.VALUE,
    text=lambda row, _call: f"Key: {row['Key']}\nSize: {row['Size']}\n",
)

PUT = Command(
    path=("ipfs", "block", "put"),
    tagline="Store input as an IPFS block.",
    handler=put,
    arguments=(Argument("data", "The data to be stored.", many=True, file=True, stdin=True),),
    options=(
        Option("cid-codec", Kind.TEXT, "Multicodec to use in returned CID.", default="raw"),
        Option("mhtype", Kind.TEXT, "Multihash hash function."),
        Option("mhlen", Kind.INT, "Multihash hash length.", default=-1),
        Option("pin", Kind.BOOL, "Pin added blocks recursively.", default=False),
        BIG_BLOCK,
        Option("format", Kind.TEXT, "Legacy format of the returned CID (deprecated).", ("f",)),
    ),
    text=lambda row, _call: f"{row['Key']}\n",
)

RM = Command(
    path=("ipfs", "block", "rm"),
    tagline="Remove IPFS block(s) from the local datastore.",
    handler=rm,
    arguments=(Argument("cid", "CIDs of block(s) to remove.", many=True),),
    options=(
        Option("force", Kind.BOOL, "Ignore nonexistent blocks.", ("f",)),
        Option("quiet", Kind.BOOL, "Write minimal output.", ("q",)),
    ),
    needs=Needs.NODE,
    text=lambda row, _call: f"removed {row['Hash']}\n",
    after=_after_rm,
    text_only=True,
)
