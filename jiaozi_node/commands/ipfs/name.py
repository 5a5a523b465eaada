"""``ipfs name``: IPNS records made, kept, looked into, and what names stand for.

The node has no peers yet, so records go no further than this home; that takes ``--allow-offline``,
as in an offline Kubo. Nothing is published again before it expires.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jiaozi_node.commands.declare import Answer, Argument, Call, Command, Kind, Option
from jiaozi_node.commands.ipfs.ipns_text import IPNS_BASE, peer_named, whole_file
from jiaozi_node.commands.ipfs.online import Offline
from jiaozi_node.errors import Conflict, Malformed, Misuse, NotFound

if TYPE_CHECKING:
    from jiaozi_node.formats.ipns import Record
    from jiaozi_node.formats.peer_id import PeerId

MAX_INPUT_BYTES = 1024 * 1024  # of a record to be put; the format's own limit is far below

_PUBLISH_OFFLINE = (
    "can't publish while offline: pass `--allow-offline` to override or `--allow-delegated` if "
    "Ipns.DelegatedPublishers are set up"
)


def publish(call: Call) -> Iterator[dict[str, Any]]:
    """Sign what a name of ours stands for from now on, and keep it."""
    from jiaozi_node.commands.ipfs.content_path import canonical, parse, resolve_whole
    from jiaozi_node.formats.instant import SECOND_NS
    from jiaozi_node.formats.peer_id import PeerId
    from jiaozi_node.node import keyring, naming
    from jiaozi_node.node.name_records import NameRecords

    _one_way(call)
    lifetime_ns, ttl_ns = _spans(call)
    value = canonical(call.args["ipfs_path"])
    if not naming.is_name(value):
        parse(call, call.args["ipfs_path"])
    if call.option("resolve"):
        call.home.blocks.get(resolve_whole(call, value))
    _delegated(call)
    if not call.option("allow_offline"):
        raise Offline(_PUBLISH_OFFLINE)
    key = keyring.sought(call.home, call.option("key"))
    NameRecords(call.home.names).publish(
        key,
        value.encode("utf-8", "surrogateescape"),
        int(call.now() * SECOND_NS) + lifetime_ns,
        ttl_ns,
        call.option("sequence"),
        old_too=call.option("v1compat"),
    )
    yield {"Name": PeerId.of(key.public()).ipns_name, "Value": value}


def _spans(call: Call) -> tuple[int, int]:
    """Return lifetime and TTL; the usual TTL is cut to the lifetime, another must not exceed it."""
    from jiaozi_node.formats import duration, ipns

    lifetime_ns, text = ipns.USUAL_LIFETIME_NS, call.option("lifetime")
    if text is not None:
        try:
            lifetime_ns = duration.parse(text)
        except Malformed as fault:
            raise Malformed(f"error parsing lifetime option: {fault}") from None
        if lifetime_ns <= 0:
            raise Misuse(f"lifetime must be greater than zero, got {text}")
    text = call.option("ttl")
    if text is None:
        return lifetime_ns, min(ipns.USUAL_TTL_NS, lifetime_ns)
    ttl_ns = duration.parse(text)
    if ttl_ns < 0:
        raise Misuse(f"ttl must not be negative, got {text}")
    if ttl_ns > lifetime_ns:
        raise Misuse(
            f"ttl ({duration.write(ttl_ns)}) must not be greater than lifetime "
            f"({duration.write(lifetime_ns)})"
        )
    return lifetime_ns, ttl_ns


def _one_way(call: Call) -> None:
    if call.option("allow_offline") and call.option("allow_delegated"):
        raise Misuse("cannot use both --allow-offline and --allow-delegated flags")


def _delegated(call: Call) -> None:
    """Refuse ``--allow-delegated``, in Kubo's words where nobody is configured to publish."""
    if not call.option("allow_delegated"):
        return
    if not call.home.config.find("Ipns.DelegatedPublishers"):
        raise Misuse(
            "no delegated publishers configured: add Ipns.DelegatedPublishers or use "
            "--allow-offline for local-only publishing"
        )
    raise Offline("--allow-delegated: this version reaches no Ipns.DelegatedPublishers")


def resolve(call: Call) -> Iterator[dict[str, Any]]:
    """Yield what a name stands for, this node's own when none is given."""
    from jiaozi_node.commands.ipfs.content_path import canonical, names_of
    from jiaozi_node.commands.ipfs.go_text import quoted
    from jiaozi_node.node import naming
    from jiaozi_node.node.local_home import identity_of

    given = call.args["name"]
    if given is None:
        given = identity_of(call.home.config)
    check_dht_timeout(call)
    uri = given.partition(":")[0].lower() in ("ipfs", "ipns", "ipld")
    path = canonical(given if given.startswith("/") or uri else f"/ipns/{given}")
    if not naming.is_name(path):
        raise Misuse(f"{quoted(given)} is not an IPNS name")
    names = names_of(call, fresh=bool(call.option("nocache")))
    found = names.resolve(path).path if call.option("recursive") else names.follow(path)[0]
    yield {"Path": found}


def check_dht_timeout(call: Call) -> None:
    """Raise for a ``--dht-timeout`` that can't be; nothing else comes of it without a DHT."""
    from jiaozi_node.formats import duration

    text = call.option("dht_timeout")
    if text is not None and duration.parse(text) < 0:
        raise Misuse("DHT timeout value must be >= 0")


def inspect(call: Call) -> Iterator[dict[str, Any]]:
    """Yield what a record says, as far as it can be read, and whether it is one of a name."""
    from jiaozi_node.formats import ipns
    from jiaozi_node.formats.instant import SECOND_NS

    raw = whole_file(call, "IPNS record", MAX_INPUT_BYTES)
    record = ipns.decode(raw)
    validation: dict[str, Any] | None = None
    wanted = call.option("verify")
    if wanted is not None:
        peer = peer_named(wanted)
        validation = {"Valid": True, "Reason": "", "Name": peer.ipns_name}
        try:
            ipns.verify(record, peer, int(call.now() * SECOND_NS))
        except ipns.InvalidRecord as fault:
            validation.update(Valid=False, Reason=fault.why)
    yield {
        "Entry": _entry(record),
        "PbSize": len(raw),
        "SignatureType": "V1+V2" if record.has_old else "V2",
        "HexDump": hex_dump(raw) if call.option("dump") else "",
        "Validation": validation,
    }


def _entry(record: "Record") -> dict[str, Any]:
    """Return the fields of *record*; what can't be read is null, as in Kubo."""
    from jiaozi_node.formats import instant
    from jiaozi_node.node.naming import path_of

    entry: dict[str, Any] = {}
    for name, read in (
        ("Value", lambda: path_of(record)),
        ("ValidityType", lambda: record.validity_type),
        ("Validity", lambda: instant.write(record.eol_ns)),
        ("Sequence", lambda: record.sequence),
        ("TTL", lambda: record.ttl_ns),
    ):
        try:
            entry[name] = read()
        except Malformed:
            entry[name] = "" if name == "Value" else None
    return entry


def hex_dump(data: bytes) -> str:
    """Return *data* as ``hexdump -C`` and Go's ``hex.Dump`` show it."""
    lines = []
    for at in range(0, len(data), 16):
        row = data[at : at + 16]
        cells = [f"{byte:02x}" for byte in row] + ["  "] * (16 - len(row))
        shown = "".join([chr(byte) if 32 <= byte < 127 else "." for byte in row])
        lines.append(f"{at:08x}  {' '.join(cells[:8])}  {' '.join(cells[8:])}  |{shown}|\n")
    return "".join(lines)


def get(call: Call) -> Iterator[bytes]:
    """Yield the record of a name."""
    yield record_at(call, _key_text(call.args["name"])).raw


def put(call: Call) -> Iterator[dict[str, Any]]:
    """Keep a record that is signed already."""
    from jiaozi_node.formats import ipns
    from jiaozi_node.node.naming import path_of

    _one_way(call)
    _delegated(call)
    text = call.args["name"].removeprefix("/ipns/")
    try:
        peer = peer_named(text)
    except Malformed as fault:
        raise Malformed(f"invalid IPNS name: {fault}") from None
    raw = whole_file(call, "IPNS record", MAX_INPUT_BYTES)
    if not raw:
        raise Malformed("record is empty")
    if not call.option("force"):
        _check(call, peer, raw)
    if not call.option("allow_offline"):
        raise Offline
    record = keep(call, peer, raw, older=bool(call.option("force")))
    try:
        value = path_of(record)
    except ipns.InvalidRecord:
        value = ""
    yield {"Name": peer.ipns_name, "Value": value}


def _check(call: Call, peer: "PeerId", raw: bytes) -> None:
    """Raise for a record that ``name put`` doesn't pass on unless it is forced to."""
    from jiaozi_node.formats import ipns
    from jiaozi_node.formats.instant import SECOND_NS
    from jiaozi_node.node.name_records import NameRecords

    if len(raw) > ipns.MAX_BYTES:
        raise Malformed(
            f"record exceeds maximum size of {ipns.MAX_BYTES} bytes, use --force to skip size check"
        )
    try:
        record = ipns.decode(raw)
    except Malformed as fault:
        raise Malformed(f"invalid IPNS record: {fault}") from None
    now_ns = int(call.now() * SECOND_NS)
    try:
        ipns.verify(record, peer, now_ns)
    except Malformed as fault:
        raise Malformed(f"record validation failed: {fault}") from None
    try:
        standing = NameRecords(call.home.names).get(peer, now_ns)
    except NotFound:
        return
    if standing.raw != raw and standing.sequence >= record.sequence:
        raise Conflict(
            f"existing IPNS record has sequence {standing.sequence} >= new record sequence "
            f"{record.sequence}, use 'ipfs name put --force' to skip this check"
        )


# ---- for `ipfs routing` too ----------------------------------------------------------------


def _key_text(text: str) -> str:
    return text if text.startswith("/ipns/") else f"/ipns/{text}"


def record_at(call: Call, key: str) -> "Record":
    """Return the record at the routing key *key* (``/ipns/NAME``), which this home keeps."""
    from jiaozi_node.formats.instant import SECOND_NS
    from jiaozi_node.node.name_records import NameRecords

    if not call.option("allow_offline"):
        raise Offline
    peer = peer_of_key(key)
    return NameRecords(call.home.names).get(peer, int(call.now() * SECOND_NS))


def peer_of_key(key: str) -> "PeerId":
    """Return the name that the routing key *key* is of."""
    parts = key.split("/")
    if len(parts) != 3 or parts[0] or parts[1] != "ipns":
        raise Malformed("invalid key")
    return peer_named(parts[2])


def keep(call: Call, peer: "PeerId", raw: bytes, *, older: bool = False) -> "Record":
    """Keep the record *raw* of *peer*; invalid ones are refused, whoever insists."""
    from jiaozi_node.formats.instant import SECOND_NS
    from jiaozi_node.node.name_records import NameRecords

    now_ns = int(call.now() * SECOND_NS)
    return NameRecords(call.home.names).put(peer, raw, now_ns, older=older)


# ---- text --------------------------------------------------------------------------------


def _publish_text(row: dict[str, Any], call: Call) -> str:
    from jiaozi_node.commands.ipfs.go_text import escaped

    if call.option("quieter"):
        return f"{row['Name']}\n"
    return f"Published to {row['Name']}: {escaped(row['Value'])}\n"


def path_text(row: dict[str, Any], _call: Call) -> str:
    """Return the path of a row alone."""
    return f"{row['Path']}\n"


def _put_text(row: dict[str, Any], call: Call) -> str | None:
    return None if call.option("quiet") else f"{row['Name']}\n"


def _inspect_text(row: dict[str, Any], _call: Call) -> str:
    from jiaozi_node.commands.ipfs.go_text import quoted, table
    from jiaozi_node.formats import duration

    entry, validation = row["Entry"], row["Validation"]
    fields: list[tuple[str, ...]] = []
    if entry["Value"]:
        fields.append(("Value:", quoted(entry["Value"])))
    if entry["ValidityType"] is not None:
        fields.append(("Validity Type:", str(entry["ValidityType"])))
    if entry["Validity"] is not None:
        fields.append(("Validity:", quoted(entry["Validity"])))
    if entry["Sequence"] is not None:
        fields.append(("Sequence:", str(entry["Sequence"])))
    if entry["TTL"] is not None:
        fields.append(("TTL:", duration.write(entry["TTL"])))
    fields.append(("Protobuf Size:", str(row["PbSize"])))
    fields.append(("Signature Type:", row["SignatureType"]))
    text = table(fields, 0)
    if validation is None:
        text += "\nThis record was not verified. Pass '--verify k51...' to verify.\n"
    else:
        verdict: list[tuple[str, ...]] = [("", "Valid:", str(validation["Valid"]).lower())]
        if validation["Reason"]:
            verdict.append(("", "Reason:", validation["Reason"]))
        verdict.append(("", "Name:", validation["Name"]))
        text += "\nValidation results:\n" + table(verdict, 0)
    if row["HexDump"]:
        text += f"\nHex Dump:\n{row['HexDump']}"
    return text


_OFFLINE = Option("allow-offline", Kind.BOOL, "Keep it in this home, without any network.")
_DELEGATED = Option(
    "allow-delegated", Kind.BOOL, "Publish by Ipns.DelegatedPublishers: refused in this version."
)
DHT_TIMEOUT_HELP = "Checked; there is no DHT to ask in this version."

PUBLISH = Command(
    path=("ipfs", "name", "publish"),
    tagline="Publish IPNS names.",
    handler=publish,
    arguments=(Argument("ipfs-path", "Path of the object to be published.", stdin=True),),
    options=(
        Option("key", Kind.TEXT, "Name or id of the key to publish under.", ("k",), "self"),
        Option("resolve", Kind.BOOL, "Check first that the path can be resolved.", (), True),
        Option("lifetime", Kind.TEXT, "How long the record counts. Default: 48h.", ("t",)),
        Option("ttl", Kind.TEXT, "How long it may be kept unasked. Default: 5m, or lifetime."),
        Option("quieter", Kind.BOOL, "Write only the name.", ("Q",)),
        Option("v1compat", Kind.BOOL, "Add the fields that older readers need.", (), True),
        _OFFLINE,
        _DELEGATED,
        Option("sequence", Kind.UINT64, "Sequence of the record, higher than the present one."),
        IPNS_BASE,
    ),
    answer=Answer.VALUE,
    text=_publish_text,
    help="""
    This version publishes to this home alone, which --allow-offline says that you know: commands
    and the gateway resolve the name here, and 'ipfs name get --allow-offline' gives the record to
    whoever is to put it elsewhere. It is not published again before its lifetime ends.
    --ipns-base is taken and changes nothing, as in Kubo.
    """,
)

RESOLVE = Command(
    path=("ipfs", "name", "resolve"),
    tagline="Resolve IPNS names.",
    handler=resolve,
    arguments=(Argument("name", "The name to resolve. Default: this node's.", required=False),),
    options=(
        Option("recursive", Kind.BOOL, "Resolve until the result is no name.", ("r",), True),
        Option("nocache", Kind.BOOL, "Use no answer that was kept.", ("n",)),
        Option("dht-record-count", Kind.UINT, "Taken: there is no DHT.", ("dhtrc",), 16),
        Option("dht-timeout", Kind.TEXT, DHT_TIMEOUT_HELP, ("dhtt",), "1m0s"),
        Option("stream", Kind.BOOL, "Stream entries as they are found: there is one.", ("s",)),
    ),
    answer=Answer.VALUE,
    text=path_text,
    help="""
    Names are those of keys, whose records this home keeps, and domains, by DNSLink. For domains
    DNS.Resolvers of the configuration says who is asked; a new home asks nobody.
    """,
)

INSPECT = Command(
    path=("ipfs", "name", "inspect"),
    tagline="Inspects an IPNS Record",
    handler=inspect,
    arguments=(Argument("record", "The IPNS record.", file=True, stdin=True),),
    options=(
        Option("verify", Kind.TEXT, "The name that it should be a valid record of."),
        Option("dump", Kind.BOOL, "Include a full hex dump of the record.", (), True),
    ),
    answer=Answer.VALUE,
    text=_inspect_text,
)

GET = Command(
    path=("ipfs", "name", "get"),
    tagline="Retrieve a signed IPNS record.",
    handler=get,
    arguments=(Argument("name", "The IPNS name to look up."),),
    options=(
        Option("allow-offline", Kind.BOOL, "Give the record that this home keeps (not in Kubo)."),
    ),
    answer=Answer.BYTES,
    content_type="application/vnd.ipfs.ipns-record",
)

PUT = Command(
    path=("ipfs", "name", "put"),
    tagline="Store a pre-signed IPNS record in the routing system.",
    handler=put,
    arguments=(
        Argument("name", "The IPNS name that the record is of."),
        Argument("record", "The signed IPNS record.", file=True, stdin=True),
    ),
    options=(
        Option("force", Kind.BOOL, "Take one that is older than that kept here too.", ("f",)),
        _OFFLINE,
        _DELEGATED,
        Option("quiet", Kind.BOOL, "Write no output.", ("q",)),
    ),
    answer=Answer.VALUE,
    text=_put_text,
    help="""
    A record that is invalid for the name is never kept, with --force neither.
    """,
)
