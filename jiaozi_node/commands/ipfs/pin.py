"""``ipfs pin add|ls|rm|update|verify``: what garbage collection keeps."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from jiaozi_node.commands.declare import Answer, Argument, Call, Command, Kind, Option
from jiaozi_node.commands.ipfs.taken import FAST_PROVIDE
from jiaozi_node.errors import Conflict, JiaoziError, Misuse, NotFound

if TYPE_CHECKING:
    from jiaozi_node.dag.pin import Pins
    from jiaozi_node.formats.cid import Cid
    from jiaozi_node.stores.known_links import KnownLinks


class PinFailed(Conflict):
    """A pin could not be set; says why in Kubo's words."""

    def __init__(self, why: str) -> None:
        super().__init__(f"pin: {why}")


_PINS_AT_ONCE = 1000  # set in one transaction
_ROWS_AT_ONCE = 500  # whose CIDs become text together


def add(call: Call) -> Iterator[dict[str, Any]]:
    """Pin every path, all that is below fetched first; yield ``{"Pins": […]}``."""
    from jiaozi_node.commands.ipfs.cid_text import CidText
    from jiaozi_node.commands.ipfs.content_path import resolve_whole
    from jiaozi_node.commands.kubo_errors import kubo_message
    from jiaozi_node.dag.pin import DIRECT, RECURSIVE, Pins, check_name
    from jiaozi_node.dag.traverse import Seen
    from jiaozi_node.dag.walk import run
    from jiaozi_node.node.acts import acting, relying

    name = call.option("name") or ""
    check_name(name)
    shown = CidText.asked(call)
    pins = Pins(call.home.names)
    mode = RECURSIVE if call.option("recursive") else DIRECT
    seen: Seen = {}
    paths = call.args["ipfs_path"]
    done: list[str] = []
    blocks = size_bytes = 0
    with acting(call.home) as act:
        for begin in range(0, len(paths), _PINS_AT_ONCE):
            whole: list[Cid] = []
            failed: JiaoziError | None = None
            with relying(act) as get:
                for text in paths[begin : begin + _PINS_AT_ONCE]:
                    try:
                        cid = resolve_whole(call, text)
                    except JiaoziError as fault:
                        failed = fault
                        break
                    act.lease.keep_below(cid)
                    try:
                        if mode == DIRECT and cid.inline is None:
                            get(cid)
                        extent = run(pins.whole(cid, mode, name, seen), get)
                    except JiaoziError as fault:
                        failed = PinFailed(kubo_message(fault))
                        break
                    if extent is not None:
                        call.progress(extent.blocks, extent.size_bytes)
                        blocks += extent.blocks
                        size_bytes += extent.size_bytes
                    whole.append(cid)
            _set(pins, whole, mode, name)
            if failed is not None:  # those before it stay pinned, as Kubo has it
                raise failed
            done += map(shown, whole)
    if call.option("progress") and not call.rendered_text:
        yield {"Progress": blocks, "Bytes": size_bytes}
    yield {"Pins": done}


def _set(pins: "Pins", cids: list["Cid"], mode: str, name: str) -> None:
    from jiaozi_node.commands.kubo_errors import kubo_message

    try:
        try:
            pins.add_all(cids, mode, name)
        except Conflict:  # all before the one that can't be set are
            for cid in cids:
                pins.add(cid, mode, name)
    except JiaoziError as fault:
        raise PinFailed(kubo_message(fault)) from None


def _add_text(row: dict[str, Any], call: Call) -> str:
    how = "recursively" if call.option("recursive") else "directly"
    return "".join([f"pinned {cid} {how}\n" for cid in row["Pins"]])


def rm(call: Call) -> Iterator[dict[str, Any]]:
    """Remove the pins of every path; yield ``{"Pins": […]}``."""
    from jiaozi_node.commands.ipfs.cid_text import CidText
    from jiaozi_node.commands.ipfs.content_path import resolve_whole
    from jiaozi_node.dag.pin import Pins

    shown = CidText.asked(call)
    pins = Pins(call.home.names)
    done: list[str] = []
    paths = call.args["ipfs_path"]
    for begin in range(0, len(paths), _PINS_AT_ONCE):
        group = paths[begin : begin + _PINS_AT_ONCE]

        def resolved(group: Sequence[str] = group) -> Iterator["Cid"]:
            for text in group:
                cid = resolve_whole(call, text)
                yield cid
                done.append(shown(cid))

        pins.rm_all(resolved(), call.option("recursive"))
    yield {"Pins": done}


def ls(call: Call) -> Iterator[dict[str, Any]]:
    """Yield ``{"Keys": {cid: {"Type", "Name"}}}``, or with ``--stream`` a row for each pin."""
    from jiaozi_node.dag.pin import MODES, check_name

    name = call.option("name") or ""
    check_name(name)
    mode = call.option("type")
    if mode not in MODES:
        raise Misuse(f"invalid type '{mode}', must be one of {{{', '.join(MODES)}}}")
    rows = _asked(call, mode) if call.args["ipfs_path"] else _all(call, mode, name)
    if call.option("stream"):
        for cid, kind, label in rows:
            row = {"Cid": cid, "Name": label, "Type": kind}
            yield {key: value for key, value in row.items() if value}
        return
    keys: dict[str, dict[str, str]] = {}
    like: dict[tuple[str, str], dict[str, str]] = {}  # most are of one kind and have no name
    for cid, kind, label in rows:
        value = like.get((kind, label))
        if value is None:
            value = like[kind, label] = {"Type": kind, "Name": label}
        keys[cid] = value
    yield {"Keys": {cid: keys[cid] for cid in sorted(keys)}} if keys else {}


def _all(call: Call, mode: str, name: str) -> Iterator[tuple[str, str, str]]:
    """Yield CID, type and name of the pins of *mode* whose names contain *name*."""
    from jiaozi_node.commands.ipfs.cid_text import CidText
    from jiaozi_node.dag.pin import ALL, INDIRECT, RECURSIVE, Pins
    from jiaozi_node.dag.walk import stream

    shown = CidText.asked(call)
    pins = Pins(call.home.names)
    named = call.option("names") or name != ""
    later = []  # direct ones come behind the recursive
    stored = pins.ls(mode) if mode != INDIRECT else iter(())
    if name:
        stored = (pin for pin in stored if name in pin.name)
    while page := list(islice(stored, _ROWS_AT_ONCE)):
        for text, pin in zip(shown.each([pin.cid for pin in page]), page, strict=True):
            row = text, pin.mode, pin.name if named else ""
            if pin.mode == RECURSIVE:
                yield row
            else:
                later.append(row)
    yield from later
    if mode in (INDIRECT, ALL) and not name:
        with _known(call) as known:
            below = stream(pins.indirect(known), call.home.blocks.get)
            while cids := list(islice(below, _ROWS_AT_ONCE)):
                for text in shown.each(cids):
                    yield text, INDIRECT, ""


@contextmanager
def _known(call: Call) -> Iterator["KnownLinks"]:
    """Open the home's notes of links; what is learnt is saved when all went well."""
    from jiaozi_node.stores.known_links import KnownLinks

    known = KnownLinks(call.home.path / "cache" / "links")
    yield known
    known.save()


def _asked(call: Call, mode: str) -> Iterator[tuple[str, str, str]]:
    """Yield how each path is pinned; raises for the first that isn't, or not so."""
    from jiaozi_node.commands.ipfs.cid_text import CidText
    from jiaozi_node.commands.ipfs.content_path import resolve_whole
    from jiaozi_node.dag.pin import INDIRECT, Pins
    from jiaozi_node.dag.walk import run

    shown = CidText.asked(call)
    pins = Pins(call.home.names)
    paths = call.args["ipfs_path"]
    cids = [resolve_whole(call, text) for text in paths]
    found = run(pins.find(cids, mode), call.home.blocks.get)
    named = call.option("names") or bool(call.option("name"))
    for text, one in zip(paths, found, strict=True):
        # What has a pin of its own is not asked for above it, as in Kubo.
        if one.mode is None or (mode == INDIRECT and pins.get(one.cid) is not None):
            raise Conflict(f"path '{text}' is not pinned")
        kind = one.mode if one.via is None else f"indirect through {shown(one.via)}"
        yield shown(one.cid), kind, one.name if named else ""


def update(call: Call) -> Iterator[dict[str, Any]]:
    """Pin one DAG in the place of another, under the other's name; yield both CIDs."""
    from jiaozi_node.commands.ipfs.cid_text import CidText
    from jiaozi_node.commands.ipfs.content_path import resolve_whole
    from jiaozi_node.commands.kubo_errors import kubo_message
    from jiaozi_node.dag.pin import RECURSIVE, Pins
    from jiaozi_node.dag.walk import run
    from jiaozi_node.node.acts import acting, relying
    from jiaozi_node.stores.api import BlockMissing

    shown = CidText.asked(call)
    with acting(call.home) as act, relying(act) as get:
        pins = Pins(act.names)
        old = resolve_whole(call, call.args["from_path"])
        new = resolve_whole(call, call.args["to_path"])
        stood = pins.get(old)
        if stood is None or stood.mode != RECURSIVE:
            raise Conflict("'from' cid was not recursively pinned already")
        if new != old:
            present = pins.get(new)
            if present is not None and present.mode == RECURSIVE:
                raise Conflict("'to' cid was already recursively pinned")
            act.lease.keep_below(new)
            try:
                run(pins.whole(new), get)
            except BlockMissing as fault:
                raise NotFound(f"get {fault.cid}: {kubo_message(fault)}") from None
            pins.replace(stood, new, keep_old=not call.option("unpin"))
    yield {"Pins": [shown(old), shown(new)]}


def verify(call: Call) -> Iterator[dict[str, Any]]:
    """Walk every recursive pin; yield a row for each that is broken, and for the rest if asked."""
    from jiaozi_node.commands.ipfs.cid_text import CidText
    from jiaozi_node.commands.kubo_errors import not_found
    from jiaozi_node.dag.pin import RECURSIVE, Pins
    from jiaozi_node.dag.whole import Wholeness
    from jiaozi_node.stores.api import BlockMissing

    verbose, quiet = call.option("verbose"), call.option("quiet")
    if verbose and quiet:
        raise Misuse("the --verbose and --quiet options can not be used at the same time")
    shown = CidText.asked(call)
    known = Wholeness(call.home.blocks.get)
    for pin in Pins(call.home.names).ls(RECURSIVE):
        bad = known.bad_below(pin.cid)
        row: dict[str, Any] = {"Cid": shown(pin.cid)}
        if not bad:
            if verbose:
                yield row | {"Ok": True}
        elif quiet:
            yield row
        else:
            nodes = [
                {
                    "Cid": shown(one.cid),
                    "Err": not_found(one.cid)
                    if isinstance(one.fault, BlockMissing)
                    else str(one.fault),
                }
                for one in bad
            ]
            yield row | {"BadNodes": nodes}


def _verify_text(row: dict[str, Any], call: Call) -> str:
    if call.option("quiet"):
        return f"{row['Cid']}\n"
    if row.get("Ok"):
        return f"{row['Cid']} ok\n"
    nodes = "".join([f"  {node['Cid']}: {node['Err']}\n" for node in row["BadNodes"]])
    return f"{row['Cid']} broken\n{nodes}"


def _ls_text(row: dict[str, Any], call: Call) -> str:
    if call.option("stream"):
        pins = [(row["Cid"], row["Type"], row.get("Name", ""))]
    else:
        pins = [(cid, pin["Type"], pin["Name"]) for cid, pin in row.get("Keys", {}).items()]
    if call.option("quiet"):
        return "".join([f"{cid}\n" for cid, _, _ in pins])
    return "".join(
        [f"{cid} {kind} {name}\n" if name else f"{cid} {kind}\n" for cid, kind, name in pins]
    )


ADD = Command(
    path=("ipfs", "pin", "add"),
    fetches=True,
    tagline="Pin objects to local storage.",
    handler=add,
    arguments=(Argument("ipfs-path", "Path to object(s) to be pinned.", many=True, stdin=True),),
    options=(
        Option("recursive", Kind.BOOL, "Pin all that is linked too.", ("r",), True),
        Option("name", Kind.TEXT, "An optional name for created pin(s).", ("n",)),
        Option("progress", Kind.BOOL, "Show progress."),
        *FAST_PROVIDE,
    ),
    text=_add_text,
    single=lambda options: not options["progress"],
)

RM = Command(
    path=("ipfs", "pin", "rm"),
    tagline="Remove object from pin-list.",
    handler=rm,
    arguments=(Argument("ipfs-path", "Path to object(s) to be unpinned.", many=True, stdin=True),),
    options=(Option("recursive", Kind.BOOL, "Remove recursive pins too.", ("r",), True),),
    answer=Answer.VALUE,
    text=lambda row, _call: "".join([f"unpinned {cid}\n" for cid in row["Pins"]]),
)

LS = Command(
    path=("ipfs", "pin", "ls"),
    tagline="List objects pinned to local storage.",
    handler=ls,
    arguments=(
        Argument("ipfs-path", "Path to object(s) to be listed.", required=False, many=True),
    ),
    options=(
        Option("type", Kind.TEXT, "direct, indirect, recursive or all.", ("t",), "all"),
        Option("quiet", Kind.BOOL, "Output only the CIDs of pins.", ("q",)),
        Option("name", Kind.TEXT, "Only pins whose names contain this.", ("n",)),
        Option("stream", Kind.BOOL, "Print pins as they are found.", ("s",)),
        Option("names", Kind.BOOL, "Include pin names in the output."),
    ),
    text=_ls_text,
    single=lambda options: not options["stream"],
)

UPDATE = Command(
    path=("ipfs", "pin", "update"),
    tagline="Update a recursive pin.",
    handler=update,
    arguments=(
        Argument("from-path", "Path to old object."),
        Argument("to-path", "Path to a new object to be pinned."),
    ),
    options=(
        Option("unpin", Kind.BOOL, "Remove the old pin.", default=True),
        *FAST_PROVIDE,
    ),
    answer=Answer.VALUE,
    text=lambda row, _call: f"updated {row['Pins'][0]} to {row['Pins'][1]}\n",
)

VERIFY = Command(
    path=("ipfs", "pin", "verify"),
    tagline="Verify that recursive pins are complete.",
    handler=verify,
    options=(
        Option("verbose", Kind.BOOL, "Also write the CIDs of pins that are whole."),
        Option("quiet", Kind.BOOL, "Write just CIDs of broken pins.", ("q",)),
    ),
    text=_verify_text,
)
