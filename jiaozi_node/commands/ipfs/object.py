"""``ipfs object diff`` and ``object patch add-link|rm-link``: what Kubo has left of `object`.

Unlike Kubo, which takes the sum of a whole tree for the size of the block that it makes, this
refuses no tree for weighing more than 2 MiB.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jiaozi_node.commands.declare import Answer, Argument, Call, Command, Kind, Option
from jiaozi_node.commands.ipfs.block import BIG_BLOCK, MAX_BYTES, TOO_BIG
from jiaozi_node.errors import Malformed, Misuse

if TYPE_CHECKING:
    from jiaozi_node.formats.block import Block
    from jiaozi_node.formats.cid import Cid

_ADDED, _REMOVED, _CHANGED = 0, 1, 2


def diff(call: Call) -> Iterator[dict[str, Any]]:
    """Yield ``{"Changes": [{"Type", "Path", "Before", "After"}]}``."""
    from jiaozi_node.dag import pb_editing
    from jiaozi_node.dag.walk import stream

    old, new = _block(call, call.args["obj_a"]), _block(call, call.args["obj_b"])
    changes = []
    for change in stream(pb_editing.diff(old, new), call.home.blocks.get):
        kind = _ADDED if change.old is None else _REMOVED if change.new is None else _CHANGED
        changes.append(
            {
                "Type": kind,
                "Path": change.path,
                "Before": _link(change.old),
                "After": _link(change.new),
            }
        )
    yield {"Changes": changes}


def _link(cid: "Cid | None") -> dict[str, str] | None:
    return None if cid is None else {"/": str(cid)}


def _diff_text(row: dict[str, Any], call: Call) -> str:
    from jiaozi_node.commands.ipfs.cid_text import CidText
    from jiaozi_node.commands.ipfs.go_text import quoted
    from jiaozi_node.formats.cid import Cid

    shown = CidText.asked(call)
    out = []
    for change in row["Changes"]:
        path = quoted(change["Path"])
        old, new = (
            shown(Cid.parse(change[side]["/"])) if change[side] else ""
            for side in ("Before", "After")
        )
        if call.option("verbose"):
            out.append(
                (
                    f"Added new link {path} pointing to {new}.",
                    f"Removed link {path} (was {old}).",
                    f"Changed {path} from {old} to {new}.",
                )[change["Type"]]
            )
        else:
            out.append(
                (f"+ {new} {path}", f"- {old} {path}", f"~ {old} {new} {path}")[change["Type"]]
            )
    return "".join([f"{line}\n" for line in out])


def add_link(call: Call) -> Iterator[dict[str, Any]]:
    """Link a node by a name below another; yield the CID of what comes of it."""
    from jiaozi_node.dag import pb_editing

    root, child = _block(call, call.args["root"]), _block(call, call.args["ref"])
    _check(call, root, "add named links to", "addition", "add links to", "'ipfs files' commands")
    walk = pb_editing.add_link(root, call.args["name"], child, create=bool(call.option("create")))
    yield from _changed(call, walk)


def rm_link(call: Call) -> Iterator[dict[str, Any]]:
    """Take a link out of a node; yield the CID of what comes of it."""
    from jiaozi_node.dag import pb_editing

    root = _block(call, call.args["root"])
    _check(call, root, "remove links from", "removal", "remove links from", "'ipfs files rm'")
    yield from _changed(call, pb_editing.rm_link(root, call.args["name"]))


def _changed(call: Call, walk: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - a Lookup
    from jiaozi_node.commands.ipfs.cid_text import CidText
    from jiaozi_node.dag.walk import run
    from jiaozi_node.node.acts import acting
    from jiaozi_node.stores.api import Family

    with acting(call.home) as act:
        blocks = run(walk, act.blocks.get)
        largest = max(len(block.data) for block in blocks)
        if largest > MAX_BYTES and not call.option("allow_big_block"):
            raise Misuse(TOO_BIG)
        with act.blocks.writer(Family.PUBLIC) as writer:
            writer.put(blocks)
        yield {"Hash": CidText.asked(call)(blocks[-1].cid)}


def _block(call: Call, text: str) -> "Block":
    from jiaozi_node.commands.ipfs.content_path import resolve_whole
    from jiaozi_node.dag.walk import need, run

    return run(need(resolve_whole(call, text)), call.home.blocks.get)


def _check(call: Call, root: "Block", what: str, noun: str, hamt: str, instead: str) -> None:
    """Refuse what would come out broken: anything but a directory that isn't sharded."""
    from jiaozi_node.dag.pb_editing import NotDagPb
    from jiaozi_node.formats import unixfs_pb
    from jiaozi_node.formats.cid import DAG_PB
    from jiaozi_node.unixfs import blocks

    if root.cid.codec != DAG_PB:
        raise NotDagPb(root.cid)
    if call.option("allow_non_unixfs"):
        return
    try:
        kind = blocks.parse(root).message.type
    except Malformed:
        raise Misuse(
            f"cannot {what} a non-UnixFS dag-pb node; pass --allow-non-unixfs to skip validation"
        ) from None
    if kind == unixfs_pb.HAMT_SHARD:
        raise Misuse(
            f"cannot {hamt} a HAMTShard at the dag-pb level (would corrupt the HAMT bitfield); use "
            f"{instead} instead, or pass --allow-non-unixfs to override"
        )
    if kind != unixfs_pb.DIRECTORY:
        raise Misuse(
            f"cannot {what} a UnixFS {_KINDS.get(kind, 'unknown')} node, only Directory nodes "
            f"support link {noun} at the dag-pb level (see https://specs.ipfs.tech/unixfs/)"
        )


_KINDS = {0: "Raw", 2: "File", 3: "Metadata", 4: "Symlink"}
_ROOT = Argument("root", "The hash of the node to modify.")
_ANY = Option("allow-non-unixfs", Kind.BOOL, "Skip UnixFS validation.")

DIFF = Command(
    path=("ipfs", "object", "diff"),
    tagline="Display the diff between two IPFS objects.",
    handler=diff,
    arguments=(
        Argument("obj_a", "Object to diff against."),
        Argument("obj_b", "Object to diff."),
    ),
    options=(Option("verbose", Kind.BOOL, "Print extra information.", ("v",)),),
    answer=Answer.VALUE,
    text=_diff_text,
)

ADD_LINK = Command(
    path=("ipfs", "object", "patch", "add-link"),
    tagline="Deprecated way to add a link to a given dag-pb.",
    handler=add_link,
    arguments=(
        _ROOT,
        Argument("name", "Name of link to create."),
        Argument("ref", "IPFS object to add link to."),
    ),
    options=(Option("create", Kind.BOOL, "Create intermediary nodes.", ("p",)), _ANY, BIG_BLOCK),
    answer=Answer.VALUE,
    text=lambda row, _call: f"{row['Hash']}\n",
)

RM_LINK = Command(
    path=("ipfs", "object", "patch", "rm-link"),
    tagline="Deprecated way to remove a link from dag-pb object.",
    handler=rm_link,
    arguments=(_ROOT, Argument("name", "Name of the link to remove.")),
    options=(_ANY, BIG_BLOCK),
    answer=Answer.VALUE,
    text=lambda row, _call: f"{row['Hash']}\n",
)
