"""``ipfs cid …``: CIDs taken apart, converted and listed. Needs no home."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from jiaozi_node.commands.declare import Answer, Argument, Call, Command, Kind, Needs, Option
from jiaozi_node.errors import Conflict, Malformed, Misuse

if TYPE_CHECKING:
    from jiaozi_node.formats.cid import Cid


def format_(call: Call) -> Iterator[dict[str, str]]:
    """Yield ``{"CidStr", "Formatted", "ErrorMsg"}`` for every CID given."""
    from jiaozi_node.commands.ipfs.cid_text import base_named
    from jiaozi_node.formats.cid import DAG_PB
    from jiaozi_node.formats.multicodec import codec_named

    form, version = call.option("f"), call.option("v") or ""
    base = call.option("b") or ""
    if "%" not in form:
        raise Misuse(f'invalid format string: "{form}"')
    codec = codec_named(call.option("mc")) if call.option("mc") else None
    if version == "0":
        if codec not in (None, DAG_PB):
            raise Misuse("cannot convert to CIDv0 with any codec other than dag-pb")
        if base not in ("", "base58btc"):
            raise Misuse(
                "cannot convert to CIDv0 with any multibase other than the implicit base58btc"
            )
    elif version not in ("", "1"):
        raise Misuse(f'invalid cid version: "{version}"')
    if not version and base:
        version = "1"
    yield from _rows(call, form, version, codec, base_named(base) if base else None)


def base32(call: Call) -> Iterator[dict[str, str]]:
    """Yield every CID as version 1 in base32."""
    yield from _rows(call, "%s", "1", None, "base32")


def _rows(
    call: Call, form: str, version: str, codec: int | None, base: str | None
) -> Iterator[dict[str, str]]:
    from jiaozi_node.commands.ipfs.cid_text import base_of
    from jiaozi_node.commands.ipfs.go_text import cid_fault
    from jiaozi_node.formats.cid import DAG_PB, Cid

    for given in call.args["cid"]:
        text = given.strip()
        row = {"CidStr": text, "Formatted": "", "ErrorMsg": ""}
        try:
            cid = Cid.parse(text)
        except Malformed as fault:
            row["ErrorMsg"] = cid_fault(text, fault)
            yield row
            continue
        if codec is not None and codec != cid.codec:
            cid = Cid.v1(codec, cid.multihash)
        if version == "0":
            if cid.codec != DAG_PB:
                row["ErrorMsg"] = "can't convert non-dag-pb nodes to cidv0"
                yield row
                continue
            try:
                cid = Cid.v0(cid.multihash)
            except Malformed as fault:
                row["ErrorMsg"] = str(fault)
                yield row
                continue
        elif version == "1":
            cid = Cid.v1(cid.codec, cid.multihash)
        shown = base or ("base58btc" if cid.version == 0 else base_of(text))
        try:
            row["Formatted"] = formatted(form, cid, shown)
        except Malformed as fault:
            row["ErrorMsg"] = str(fault)
        yield row


def formatted(form: str, cid: "Cid", base: str) -> str:
    """Return *cid* by the printf-like *form* of go-cidutil; raises `Misuse` for a bad specifier."""
    out: list[str] = []
    at = 0
    while at < len(form):
        char = form[at]
        at += 1
        if char != "%":
            out.append(char)
            continue
        if at == len(form):
            raise Misuse("premature end of format string")
        specifier = form[at]
        at += 1
        write = _SPECIFIERS.get(specifier)
        if write is None:
            raise Misuse(f"unrecognized specifier in format string: %{specifier}")
        out.append(write(cid, base))
    return "".join(out)


def _encode(base: str, data: bytes) -> str:
    from jiaozi_node.formats import multibase

    return multibase.encode(base, data)


def _prefix(base: str) -> str:
    from jiaozi_node.formats.multibase import BASES

    return BASES[base]


def _whole(cid: "Cid", base: str) -> str:
    if cid.version == 0:
        if base != "base58btc":
            raise Malformed("no way to represent a CIDv0 in this multibase")
        return str(cid)
    return _encode(base, cid.raw)


def _hash_name(cid: "Cid") -> str:
    from jiaozi_node.formats.multicodec import HASHES

    code = cid.hash_code
    return HASHES.get(code) or f"mh?{code}"


def _codec_name(cid: "Cid", base: str) -> str:
    from jiaozi_node.formats.multicodec import CODECS

    return CODECS.get(cid.codec) or f"codec?{cid.codec}"


def _prefix_text(cid: "Cid", base: str) -> str:
    parts = (f"cidv{cid.version}", _codec_name(cid, base), _hash_name(cid), str(len(cid.digest)))
    return "-".join(parts)


_SPECIFIERS: "dict[str, Callable[[Cid, str], str]]" = {
    "%": lambda _cid, _base: "%",
    "b": lambda _cid, base: base,
    "B": lambda _cid, base: _prefix(base),
    "v": lambda cid, _base: f"cidv{cid.version}",
    "V": lambda cid, _base: str(cid.version),
    "c": _codec_name,
    "C": lambda cid, _base: str(cid.codec),
    "h": lambda cid, _base: _hash_name(cid),
    "H": lambda cid, _base: str(cid.hash_code),
    "L": lambda cid, _base: str(len(cid.digest)),
    "m": lambda cid, base: _encode(base, cid.multihash),
    "M": lambda cid, base: _encode(base, cid.multihash)[len(_prefix(base)) :],
    "d": lambda cid, base: _encode(base, cid.digest),
    "D": lambda cid, base: _encode(base, cid.digest)[len(_prefix(base)) :],
    "s": _whole,
    "S": lambda cid, base: _encode(base, cid.raw)[len(_prefix(base)) :],
    "P": _prefix_text,
}


def _after_rows(call: Call, rows: Iterator[dict[str, str]]) -> Iterator[Any]:
    if not call.rendered_text:
        yield from rows
        return
    failed = False
    for row in rows:
        if row["ErrorMsg"]:
            failed = True
            call.note(f"{row['CidStr']}: {row['ErrorMsg']}")
        else:
            yield row
    if failed:
        raise Conflict("errors while displaying some entries")


def inspect(call: Call) -> Iterator[dict[str, Any]]:
    """Yield what the CID is made of, or an ``errorMsg``."""
    from jiaozi_node.commands.ipfs.cid_text import base_of
    from jiaozi_node.commands.ipfs.go_text import cid_fault
    from jiaozi_node.formats import multihash as mh
    from jiaozi_node.formats.cid import DAG_PB, LIBP2P_KEY, Cid
    from jiaozi_node.formats.multicodec import HASHES, codec_name

    text = call.args["cid"]
    try:
        cid = Cid.parse(text)
    except Malformed as fault:
        yield {
            "cid": text,
            "version": 0,
            "multibase": {"prefix": "", "name": ""},
            "multicodec": {"code": 0, "name": ""},
            "multihash": {"code": 0, "name": "", "length": 0, "digest": ""},
            "cidV1": "",
            "errorMsg": f"invalid CID: {cid_fault(text, fault)}{_peer_note(text)}",
        }
        return
    base = base_of(text)
    code, digest = mh.split(cid.multihash)
    value: dict[str, Any] = {
        "cid": text,
        "version": cid.version,
        "multibase": {"prefix": _prefix(base), "name": base},
        "multicodec": {"code": cid.codec, "name": codec_name(cid.codec)},
        "multihash": {
            "code": code,
            "name": HASHES.get(code, "unknown"),
            "length": len(digest),
            "digest": digest.hex(),
        },
    }
    if cid.codec == DAG_PB and code == mh.SHA2_256 and len(digest) == 32:
        value["cidV0"] = str(Cid.v0(cid.multihash))
    newer = Cid.v1(cid.codec, cid.multihash)
    value["cidV1"] = _encode("base36", newer.raw) if cid.codec == LIBP2P_KEY else str(newer)
    yield value


def _peer_note(text: str) -> str:
    """Return the hint for a text that is a peer id, as a second line."""
    from jiaozi_node.formats.peer_id import PeerId

    try:
        peer = PeerId.parse(text)
    except Malformed:
        return ""
    return (
        "\nNote: the value is a PeerID; inspect its CID representation instead:\n"
        f"  {peer.ipns_name}"
    )


def _inspect_text(value: dict[str, Any], _call: Call) -> str:
    if value.get("errorMsg"):
        first, *rest = value["errorMsg"].split("\n")
        fault = Malformed(first)
        for line in rest:
            fault.add_note(line)
        raise fault
    codec, hashed, base = value["multicodec"], value["multihash"], value["multibase"]
    old = value["version"] == 0
    implicit = ", implicit" if old else ""
    lines = [
        f"CID:        {value['cid']}",
        f"Version:    {value['version']}",
        f"Multibase:  {base['name']} ({'implicit' if old else base['prefix']})",
        f"Multicodec: {codec['name']} (0x{codec['code']:x}{implicit})",
        f"Multihash:  {hashed['name']} (0x{hashed['code']:x}{implicit})",
        f"  Length:   {hashed['length']} bytes",
        f"  Digest:   {hashed['digest']}",
    ]
    if "cidV0" in value:
        lines.append(f"CIDv0:      {value['cidV0']}")
    else:
        lines.append(f"CIDv0:      not possible, requires {_why_not_v0(codec, hashed)}")
    lines.append(f"CIDv1:      {value['cidV1']}")
    return "\n".join(lines) + "\n"


def _why_not_v0(codec: dict[str, Any], hashed: dict[str, Any]) -> str:
    if codec["code"] != 0x70:
        return f"dag-pb (0x70), got {codec['name']} (0x{codec['code']:x})"
    if hashed["code"] != 0x12:
        return f"sha2-256 (0x12), got {hashed['name']} (0x{hashed['code']:x})"
    return f"32-byte digest, got {hashed['length']}"


def bases(_call: Call) -> Iterator[list[dict[str, Any]]]:
    """Yield the list of multibases."""
    from jiaozi_node.commands.ipfs.cid_text import NOT_IN_KUBO
    from jiaozi_node.formats.multibase import BASES

    rows = [
        {"Code": ord(prefix), "Name": name}
        for name, prefix in BASES.items()
        if name not in NOT_IN_KUBO
    ]
    yield sorted(rows, key=lambda row: (ord(chr(row["Code"]).lower()), -row["Code"]))


def _bases_text(rows: list[dict[str, Any]], call: Call) -> str:
    prefixes, numbers = call.option("prefix"), call.option("numeric")
    lines = []
    for row in rows:
        char = chr(row["Code"]) if chr(row["Code"]).isprintable() else " "
        head = f"{char} " if prefixes else ""
        number = f"{row['Code']:7d} " if numbers else ""
        gap = " " if head or number else ""
        lines.append(f"{head}{number}{gap}{row['Name']}\n")
    return "".join(lines)


def codecs(call: Call) -> Iterator[list[dict[str, Any]]]:
    """Yield the list of codecs; with ``--supported`` those whose blocks can be looked into."""
    from jiaozi_node.formats.codecs import CODECS as DECODED
    from jiaozi_node.formats.multicodec import CODECS

    rows = [{"Code": code, "Name": name} for code, name in CODECS.items()]
    if call.option("supported"):
        rows = [row for row in rows if row["Code"] in DECODED or row["Name"] == "libp2p-key"]
    yield rows


def hashes(call: Call) -> Iterator[list[dict[str, Any]]]:
    """Yield the list of hash functions a CID may have; all of them can be computed."""
    from jiaozi_node.formats.multicodec import HASHES

    yield [{"Code": code, "Name": HASHES[code]} for code in sorted(HASHES)]


def _codes_text(rows: list[dict[str, Any]], call: Call) -> str:
    number = bool(call.option("numeric"))
    return "".join(
        [f"{row['Code']:5d}  {row['Name']}\n" if number else f"{row['Name']}\n" for row in rows]
    )


_CIDS = Argument("cid", "CIDs to convert.", many=True, stdin=True)
_CODES_OPTIONS = (
    Option("numeric", Kind.BOOL, "Also include numeric codes.", ("n",)),
    Option("supported", Kind.BOOL, "List only those this version works with.", ("s",)),
)

FORMAT = Command(
    path=("ipfs", "cid", "format"),
    tagline="Format and convert a CID in various useful ways.",
    handler=format_,
    arguments=(_CIDS,),
    options=(
        Option("f", Kind.TEXT, "Printf style format string.", default="%s"),
        Option("v", Kind.TEXT, "CID version to convert to."),
        Option("mc", Kind.TEXT, "CID multicodec to convert to."),
        Option("b", Kind.TEXT, "Multibase to display CID in."),
    ),
    needs=Needs.NOTHING,
    text=lambda row, _call: f"{row['Formatted']}\n",
    after=_after_rows,
    text_only=True,
    help="""
    %% a percent sign · %b %B multibase name, code · %v %V version string, number · %c %C codec
    name, code · %h %H hash name, code · %L digest length · %m %M multihash with and without the
    base's prefix · %d %D digest likewise · %s %S the CID likewise · %P cid prefix.
    """,
)

BASE32 = Command(
    path=("ipfs", "cid", "base32"),
    tagline="Convert CIDs to Base32 CID version 1.",
    handler=base32,
    arguments=(_CIDS,),
    needs=Needs.NOTHING,
    text=lambda row, _call: f"{row['Formatted']}\n",
    after=_after_rows,
    text_only=True,
)

INSPECT = Command(
    path=("ipfs", "cid", "inspect"),
    tagline="Inspect and display detailed information about a CID.",
    handler=inspect,
    arguments=(Argument("cid", "CID to inspect.", stdin=True),),
    answer=Answer.VALUE,
    needs=Needs.NOTHING,
    text=_inspect_text,
)

BASES = Command(
    path=("ipfs", "cid", "bases"),
    tagline="List available multibase encodings.",
    handler=bases,
    options=(
        Option("prefix", Kind.BOOL, "Also include the single letter prefixes."),
        Option("numeric", Kind.BOOL, "Also include numeric codes."),
    ),
    answer=Answer.VALUE,
    needs=Needs.NOTHING,
    text=_bases_text,
)

CODECS = Command(
    path=("ipfs", "cid", "codecs"),
    tagline="List available CID multicodecs.",
    handler=codecs,
    options=_CODES_OPTIONS,
    answer=Answer.VALUE,
    needs=Needs.NOTHING,
    text=_codes_text,
)

HASHES = Command(
    path=("ipfs", "cid", "hashes"),
    tagline="List available multihashes.",
    handler=hashes,
    options=_CODES_OPTIONS,
    answer=Answer.VALUE,
    needs=Needs.NOTHING,
    text=_codes_text,
)
