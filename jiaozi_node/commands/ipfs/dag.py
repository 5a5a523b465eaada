"""``ipfs dag get|put|resolve|stat|export|import``: IPLD values and whole DAGs."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from jiaozi_node.commands.declare import (
    Answer,
    Argument,
    Call,
    Command,
    FileSource,
    Kind,
    Option,
)
from jiaozi_node.commands.ipfs.block import BIG_BLOCK, MAX_BYTES, TOO_BIG
from jiaozi_node.commands.ipfs.taken import FAST_PROVIDE
from jiaozi_node.errors import (
    Conflict,
    Corrupt,
    JiaoziError,
    LimitExceeded,
    Malformed,
    Misuse,
    NotFound,
    Refused,
)

if TYPE_CHECKING:
    from jiaozi_node.formats.block import Block
    from jiaozi_node.formats.cid import Cid
    from jiaozi_node.node.acts import Act
    from jiaozi_node.stores.api import BlockStore

MAX_INPUT_BYTES = 64 * 1024 * 1024  # of dag-json or another text that becomes one block


def put(call: Call) -> Iterator[dict[str, Any]]:
    """Store each input as a block of ``--store-codec``; yield ``{"Cid": {"/": …}}``."""
    from jiaozi_node.commands.ipfs.block import multihash_of
    from jiaozi_node.dag.pin import Pins
    from jiaozi_node.formats import codecs
    from jiaozi_node.formats.block import Block
    from jiaozi_node.formats.cid import DAG_JSON, Cid
    from jiaozi_node.formats.multicodec import HASH_CODES, INSECURE, UnknownCodecName
    from jiaozi_node.node.acts import acting
    from jiaozi_node.node.importing import hash_named
    from jiaozi_node.stores.api import Family

    name = call.option("hash") or call.home.config.find("Import.HashFunction", "sha2-256")
    given, stored = (
        _codec(call.option("input_codec"), "de"),
        _codec(call.option("store_codec"), "en"),
    )
    if name not in HASH_CODES and name not in INSECURE:
        raise UnknownCodecName(name)
    hash_code = hash_named(name)
    if call.files is None:
        raise Misuse("expected a regular file")
    made: list[Cid] = []
    with acting(call.home) as act:
        with act.blocks.writer(Family.PUBLIC) as writer:
            for _name, file in call.files.streams():
                raw = file.read(MAX_INPUT_BYTES + 1)
                if len(raw) > MAX_INPUT_BYTES:
                    raise LimitExceeded("input of dag put", MAX_INPUT_BYTES, len(raw))
                value = codecs.decode(given, raw)
                if given == DAG_JSON:
                    _check_integers(value)
                data = codecs.encode(stored, value)
                if len(data) > MAX_BYTES and not call.option("allow_big_block"):
                    raise Misuse(TOO_BIG)
                cid = Cid.v1(stored, multihash_of(hash_code, data))
                writer.put((Block(cid, data),))
                made.append(cid)
        for cid in made:
            if call.option("pin"):
                Pins(act.names).add(cid)
            yield {"Cid": {"/": str(cid)}}


def _check_integers(value: Any) -> None:  # noqa: ANN401 - an IPLD value
    """Refuse integers that Kubo's dag-json doesn't take, since it couldn't read the node back."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            pending += item.values()
        elif isinstance(item, list | tuple):
            pending += item
        elif isinstance(item, int) and item > 2**63 - 1:
            raise Misuse(f'strconv.ParseInt: parsing "{item}": value out of range')


def _codec(name: str, direction: str) -> int:
    """Return the code of a codec that we can read and write; raises for all others."""
    from jiaozi_node.formats.codecs import CODECS
    from jiaozi_node.formats.multicodec import codec_named

    code = codec_named(name)
    if code in CODECS:
        return code
    if name in ("json", "cbor", "git-raw", "dag-jose"):
        raise Refused(f"codec {name} is not in this version; use dag-json or dag-cbor")
    raise Misuse(f"no {direction}coder registered for multicodec code {code} (0x{code:x})")


def _shown(row: dict[str, Any], call: Call) -> str:
    from jiaozi_node.commands.ipfs.cid_text import CidText
    from jiaozi_node.formats.cid import Cid

    return CidText.asked(call)(Cid.parse(row["/"]))


def get(call: Call) -> Iterator[bytes]:
    """Yield the value at a path in ``--output-codec``."""
    from jiaozi_node.commands.ipfs.content_path import resolve
    from jiaozi_node.dag.walk import need, run
    from jiaozi_node.formats import codecs
    from jiaozi_node.formats.cid import RAW

    output = _codec(call.option("output_codec"), "en")
    found = resolve(call, call.args["ref"])
    block = run(need(found.cid), call.home.blocks.get)
    value = codecs.decode(found.cid.codec, block.data)
    for part in found.remainder:
        value = value[int(part)] if isinstance(value, list | tuple) else value[part]
    if output == RAW and not isinstance(value, bytes):
        kind = _KINDS.get(type(value), "link")
        raise Misuse(
            f'func called on wrong kind: "AsBytes" called on a {kind} node (kind: {kind}), '
            "but only makes sense on bytes"
        )
    yield codecs.encode(output, value)


_KINDS: dict[type, str] = {
    dict: "map",
    list: "list",
    tuple: "list",
    str: "string",
    bool: "bool",
    int: "int",
    float: "float",
    type(None): "null",
}


def resolve_(call: Call) -> Iterator[dict[str, Any]]:
    """Yield ``{"Cid", "RemPath"}``: the last block on the way, and what is left of the path."""
    from jiaozi_node.commands.ipfs.content_path import resolve

    found = resolve(call, call.args["ref"])
    yield {
        "Cid": {"/": str(found.cid)},
        "RemPath": "".join([f"/{part}" for part in found.remainder]),
    }


def _resolve_text(row: dict[str, Any], call: Call) -> str:
    from jiaozi_node.commands.ipfs.cid_text import CidText
    from jiaozi_node.formats.cid import Cid

    shown = None
    if not call.globals.get("cid_base"):
        shown = CidText.like(call.args["ref"])
    return (shown or CidText.asked(call))(Cid.parse(row["Cid"]["/"])) + str(row["RemPath"])


def stat(call: Call) -> Iterator[dict[str, Any]]:
    """Yield how many blocks and bytes each DAG is, and all of them together."""
    from jiaozi_node.commands.ipfs.cid_text import CidText
    from jiaozi_node.commands.ipfs.content_path import resolve
    from jiaozi_node.commands.kubo_errors import kubo_message
    from jiaozi_node.dag.traverse import descend
    from jiaozi_node.dag.walk import need, run, stream

    shown = CidText.asked(call)
    get = call.home.blocks.get
    met: set[bytes] = set()
    total = redundant = 0
    rows = []
    for text in call.args["root"]:
        found = resolve(call, text)
        if found.remainder:
            raise Misuse("cannot return size for anything other than a DAG with a root CID")
        run(need(found.cid), get)
        size = count = 0
        try:
            for visit in stream(descend(found.cid), get):
                length = len(visit.block.data) if visit.block is not None else 0
                size += length
                count += 1
                if visit.cid.raw not in met:
                    met.add(visit.cid.raw)
                    total += length
                call.progress(1, length)
        except NotFound as fault:
            raise NotFound(f"error traversing DAG: {kubo_message(fault)}") from None
        redundant += size
        row: dict[str, Any] = {"Cid": shown(found.cid), "Size": size, "NumBlocks": count}
        rows.append({key: value for key, value in row.items() if value != 0})
    summary: dict[str, Any] = {
        "UniqueBlocks": len(met),
        "TotalSize": total,
        "SharedSize": redundant - total,
        "Ratio": _float32(redundant / total) if total else 0,
        "DagStats": rows,
    }
    yield {key: value for key, value in summary.items() if value}


def _float32(value: float) -> float | int:
    """Return the shortest decimal of *value* as a 32-bit float, as Go writes it."""
    import struct

    single: float = struct.unpack("f", struct.pack("f", value))[0]
    for digits in range(1, 10):
        text = f"{single:.{digits}g}"
        if struct.pack("f", float(text)) == struct.pack("f", single):
            number = float(text)
            return int(number) if number.is_integer() else number
    return single


def _stat_text(value: dict[str, Any], _call: Call) -> str:
    from jiaozi_node.commands.ipfs.go_text import human_bytes

    rows = value["DagStats"]
    width = len(rows[0]["Cid"])
    lines = ["", f"{'CID':<{width}}\t{'Blocks':<15}\tSize"]
    lines += [f"{r['Cid']}\t{r.get('NumBlocks', 0):<15}\t{r.get('Size', 0)}" for r in rows]
    total, shared = value.get("TotalSize", 0), value.get("SharedSize", 0)
    lines += [
        "",
        "Summary",
        f"Total Size: {total} ({human_bytes(total)})",
        f"Unique Blocks: {value.get('UniqueBlocks', 0)}",
        f"Shared Size: {shared} ({human_bytes(shared)})",
        f"Ratio: {value.get('Ratio', 0):f}",
        "",
        "",
    ]
    return "\n".join(lines) + "\n"


def export(call: Call) -> Iterator[bytes]:
    """Yield a CARv1 of the DAG, every block once, depth first."""
    from jiaozi_node.commands.ipfs.content_path import resolve_whole
    from jiaozi_node.commands.kubo_errors import kubo_message
    from jiaozi_node.dag.export import export as car_of
    from jiaozi_node.dag.walk import need, run, stream
    from jiaozi_node.stores.api import BlockMissing

    if call.option("local_only") and call.globals.get("offline") is False:
        raise Misuse(
            "--local-only implies --offline and cannot be combined with --offline=false; "
            "please drop one of them"
        )
    get = call.home.blocks.get
    root = resolve_whole(call, call.args["root"])
    run(need(root), get)
    if call.option("local_only"):
        yield from _partial(call, root)
        return
    try:
        for piece in stream(car_of(root), get):
            call.progress(0, len(piece))
            yield piece
    except BlockMissing as fault:
        raise NotFound(
            f"{kubo_message(fault)} "
            "(currently offline, perhaps retry after attaching to the network)"
        ) from None


def _partial(call: Call, root: "Cid") -> Iterator[bytes]:
    """Yield a CAR of the blocks that are here and sound, passing over what is not."""
    from jiaozi_node.dag.traverse import links_of
    from jiaozi_node.dag.walk import need, run
    from jiaozi_node.formats import car

    yield car.header([root])
    seen: set[bytes] = set()
    pending = [root]
    while pending:
        cid = pending.pop()
        if cid.raw in seen:
            continue
        seen.add(cid.raw)
        try:
            block = run(need(cid), call.home.blocks.get)
        except (NotFound, Corrupt):
            continue
        yield car.section(cid, block.data)
        try:
            pending += [link.cid for link in reversed(links_of(block))]
        except Malformed:
            continue


def import_(call: Call) -> Iterator[dict[str, Any]]:
    """Store the blocks of CAR files, then pin their roots; yield a row for each root, and stats.

    A file that can be read twice is verified to its end before its first block is stored.
    """
    from jiaozi_node.node.acts import acting

    wants_pins = call.option("pin_roots")
    if call.option("local_only"):
        if wants_pins:
            raise Misuse(
                "--local-only implies --pin-roots=false and cannot be combined with "
                "--pin-roots=true; please drop one of them"
            )
        wants_pins = False
    if call.files is None:
        raise Misuse("expected a file handle")
    with acting(call.home) as act:
        roots, blocks, size = _store(call, act.blocks, call.files)
        if wants_pins is None or wants_pins:
            for cid in roots:
                yield {"Root": {"Cid": {"/": str(cid)}, "PinErrorMsg": _pin_root(act, cid)}}
    if call.option("stats"):
        yield {"Stats": {"BlockCount": blocks, "BlockBytesCount": size}}


def _store(call: Call, store: "BlockStore", files: FileSource) -> "tuple[list[Cid], int, int]":
    """Store the blocks of the CARs; return their roots, and how many blocks and bytes they held."""
    from jiaozi_node.stores.api import Family

    roots: dict[Cid, None] = {}
    blocks = size = 0
    with store.writer(Family.PUBLIC) as writer:
        for _name, file in files.streams():
            if file.seekable():
                begin = file.tell()
                for _block in _blocks_of(call, file, []):
                    pass
                file.seek(begin)
            found: list[Any] = []
            batch: list[Block] = []
            held = 0
            for block in _blocks_of(call, file, found):
                batch.append(block)
                held += len(block.data)
                if held > 4 * 1024 * 1024:
                    writer.put(batch)
                    batch, held = [], 0
            writer.put(batch)
            for done in found:
                roots.update(dict.fromkeys(done.roots))
                blocks += done.blocks
                size += done.size_bytes
    return list(roots), blocks, size


def _blocks_of(call: Call, file: BinaryIO, found: list[Any]) -> Iterator["Block"]:
    """Yield the blocks of one CAR, faults in Kubo's words; what it held is appended to *found*."""
    from jiaozi_node.dag.importing import blocks_of

    limit = (1 << 62) if call.option("allow_big_block") else None
    walk = blocks_of(file, limit)
    last: Cid | None = None
    while True:
        try:
            block = next(walk)
        except StopIteration as stop:
            found.append(stop.value)
            return
        except JiaoziError as fault:
            where = f'import failed after block "{last}"' if last is not None else "import failed"
            raise Malformed(f"{where}: {fault}") from None
        last = block.cid
        call.progress(0, len(block.data))
        yield block


def _pin_root(act: "Act", cid: "Cid") -> str:
    """Pin *cid* and return nothing, or why it could not be."""
    from jiaozi_node.commands.kubo_errors import kubo_message
    from jiaozi_node.dag.pin import Pins
    from jiaozi_node.dag.walk import run
    from jiaozi_node.node.acts import relying
    from jiaozi_node.stores.api import BlockMissing

    act.lease.keep_below(cid)  # the CAR may hold a part, and the rest have been here
    try:
        with relying(act) as get:
            run(Pins(act.names).whole(cid), get)
        Pins(act.names).add(cid)
    except BlockMissing as fault:
        if fault.cid == cid:
            return f"ipld: could not find {cid}"
        return kubo_message(fault)
    except JiaoziError as fault:
        return kubo_message(fault)
    return ""


def _import_text(row: dict[str, Any], call: Call) -> str | None:
    if call.option("silent"):
        return None
    if "Stats" in row:
        stats = row["Stats"]
        return f"Imported {stats['BlockCount']} blocks ({stats['BlockBytesCount']} bytes)\n"
    cid = _shown(row["Root"]["Cid"], call)
    if row["Root"]["PinErrorMsg"]:
        raise Conflict(f'pinning root "{cid}" FAILED: {row["Root"]["PinErrorMsg"]}')
    return f"Pinned root\t{cid}\tsuccess\n"


GET = Command(
    path=("ipfs", "dag", "get"),
    fetches=True,
    tagline="Get a DAG node from IPFS.",
    handler=get,
    arguments=(Argument("ref", "The object to get.", stdin=True),),
    options=(
        Option(
            "output-codec",
            Kind.TEXT,
            "Format of the output: dag-json, dag-cbor, dag-pb or raw.",
            default="dag-json",
        ),
    ),
    answer=Answer.BYTES,
)

PUT = Command(
    path=("ipfs", "dag", "put"),
    tagline="Add a DAG node to IPFS.",
    handler=put,
    arguments=(Argument("object data", "The object to put.", many=True, file=True, stdin=True),),
    options=(
        Option("store-codec", Kind.TEXT, "Codec to store the object in.", default="dag-cbor"),
        Option("input-codec", Kind.TEXT, "Codec that the input is in.", default="dag-json"),
        Option("pin", Kind.BOOL, "Pin this object when adding."),
        Option("hash", Kind.TEXT, "Hash function to use."),
        BIG_BLOCK,
    ),
    text=lambda row, call: _shown(row["Cid"], call) + "\n",
    help="""
    Codecs: dag-json, dag-cbor, dag-pb, raw. json, cbor, git-raw and dag-jose are refused by name.
    """,
)

RESOLVE = Command(
    path=("ipfs", "dag", "resolve"),
    fetches=True,
    tagline="Resolve IPLD block.",
    handler=resolve_,
    arguments=(Argument("ref", "The path to resolve.", stdin=True),),
    answer=Answer.VALUE,
    text=_resolve_text,
)

STAT = Command(
    path=("ipfs", "dag", "stat"),
    fetches=True,
    tagline="Gets stats for a DAG.",
    handler=stat,
    arguments=(
        Argument("root", "CID of a DAG root to get statistics for.", many=True, stdin=True),
    ),
    options=(Option("progress", Kind.BOOL, "Stream progress data.", ("p",)),),
    answer=Answer.VALUE,
    text=_stat_text,
)

EXPORT = Command(
    path=("ipfs", "dag", "export"),
    fetches=True,
    tagline="Streams the selected DAG as a .car stream on stdout.",
    handler=export,
    arguments=(Argument("root", "CID of a root to recursively export.", stdin=True),),
    options=(
        Option("progress", Kind.BOOL, "Stream progress data.", ("p",)),
        Option("local-only", Kind.BOOL, "Pass over blocks that are missing or damaged here."),
    ),
    answer=Answer.BYTES,
    content_type="application/vnd.ipld.car",
)

IMPORT = Command(
    path=("ipfs", "dag", "import"),
    tagline="Import the contents of .car files.",
    handler=import_,
    arguments=(Argument("path", "The path of a .car file.", many=True, file=True, stdin=True),),
    options=(
        Option("pin-roots", Kind.BOOL, "Pin roots listed in the headers. Default: true."),
        Option("local-only", Kind.BOOL, "The CAR is partial; implies --pin-roots=false."),
        Option("silent", Kind.BOOL, "No output."),
        Option("stats", Kind.BOOL, "Output stats."),
        *FAST_PROVIDE,
        BIG_BLOCK,
    ),
    text=_import_text,
)
