"""``ipfs filestore``: blocks that lie in the user's files, and whether they still do."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jiaozi_node.commands.declare import Answer, Argument, Call, Command, Kind, Needs, Option
from jiaozi_node.errors import Conflict, JiaoziError

if TYPE_CHECKING:
    from jiaozi_node.node.filestore import Found


def ls(call: Call) -> Iterator[dict[str, Any]]:
    """Yield a row for each reference, or for those of the CIDs named, which are verified."""
    from jiaozi_node.node import filestore

    if call.args["obj"]:
        for row, _ in _named(call):
            yield row
        return
    for found in filestore.listed(call.home, by_file=bool(call.option("file_order"))):
        yield _row(found)


def verify(call: Call) -> Iterator[dict[str, Any]]:
    """Yield a row for each reference, read and held to its hash; drop the spoiled where asked."""
    from jiaozi_node.node import filestore

    drop = bool(call.option("remove_bad_blocks"))
    kept = filestore.references(call.home)
    if call.args["obj"]:
        found = _named(call)
    else:
        by_file = bool(call.option("file_order"))
        every = filestore.listed(call.home, verify=True, by_file=by_file)
        found = ((_row(one), one) for one in every)
    for row, one in found:
        if drop and one is not None and one.spoiled:
            kept.drop([one.multihash])
        yield row


def dups(call: Call) -> Iterator[dict[str, str]]:
    """Yield ``{"Ref", "Err"}`` for each block that is in both places."""
    from jiaozi_node.commands.ipfs.cid_text import CidText
    from jiaozi_node.node import filestore

    shown = CidText.asked(call)
    for cid in filestore.in_both(call.home):
        yield {"Ref": shown(cid), "Err": ""}


def _named(call: Call) -> "Iterator[tuple[dict[str, Any], Found | None]]":
    """Yield the row of each CID named, and what was found; what is no CID gets a row as well."""
    from jiaozi_node.commands.ipfs.content_path import immutable
    from jiaozi_node.commands.kubo_errors import kubo_message
    from jiaozi_node.node import filestore
    from jiaozi_node.stores.references import Status

    filestore.references(call.home)
    for text in call.args["obj"]:
        try:
            cid = immutable(text).root
        except JiaoziError as fault:
            why = f"{text}: {kubo_message(fault)}"
            yield {**_EMPTY, "Status": int(Status.BAD_ROW), "ErrorMsg": why, "Key": None}, None
            continue
        found = filestore.verified(call.home, cid)
        yield _row(found), found


_EMPTY = {"Status": 0, "ErrorMsg": "", "Key": None, "FilePath": "", "Offset": 0, "Size": 0}


def _row(found: "Found") -> dict[str, Any]:
    from jiaozi_node.formats.cid import RAW, Cid
    from jiaozi_node.stores.references import Status

    cid = Cid.v1(RAW, found.multihash)
    why = found.why
    if found.status is Status.UNKNOWN:
        why = f"ipld: could not find {cid}"
    row = {**_EMPTY, "Status": int(found.status), "ErrorMsg": why, "Key": {"/": str(cid)}}
    if found.reference is not None:
        one = found.reference
        row |= {"FilePath": one.path, "Offset": one.offset, "Size": one.size}
    return row


def _long(row: dict[str, Any], call: Call) -> str:
    from jiaozi_node.commands.ipfs.cid_text import CidText
    from jiaozi_node.formats.cid import Cid

    if row["Key"] is None:
        return "<corrupt key>"
    key = row["Key"]["/"]
    if not row["FilePath"]:
        return str(key)
    shown = CidText.asked(call)(Cid.parse(key))
    return f"{shown:<50} {row['Size']:6d} {row['FilePath']} {row['Offset']}"


def _listed(call: Call, rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Tell of what is wrong beside the rows that are right."""
    failed = False
    for row in rows:
        if row["ErrorMsg"] and call.rendered_text:
            failed = True
            call.note(row["ErrorMsg"])
        else:
            yield row
    if failed:
        raise Conflict("errors while displaying some entries")


def _told(call: Call, rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Tell of rows that can't be read what is wrong with them."""
    for row in rows:
        if row["Status"] == 20 and call.rendered_text:
            call.note(row["ErrorMsg"])
        yield row


_WORDS = {0: "ok", 10: "error", 11: "no-file", 12: "changed", 20: "ERROR", 30: "missing"}


def _verified(row: dict[str, Any], call: Call) -> str:
    status = row["Status"]
    line = f"{_WORDS.get(status, '???'):<7} {_long(row, call)}"
    if call.options.get("remove_bad_blocks"):
        line += " keep" if status in (0, 20) else " remove"
    return f"{line}\n"


_OBJECTS = Argument("obj", "CIDs of the objects; all if absent.", required=False, many=True)
_BY_FILE = Option("file-order", Kind.BOOL, "Sort by the path of the backing file.")

LS = Command(
    path=("ipfs", "filestore", "ls"),
    tagline="List objects in filestore.",
    handler=ls,
    arguments=(_OBJECTS,),
    options=(_BY_FILE,),
    answer=Answer.VALUES,
    text=lambda row, call: f"{_long(row, call)}\n",
    after=_listed,
)

VERIFY = Command(
    path=("ipfs", "filestore", "verify"),
    tagline="Verify objects in filestore.",
    handler=verify,
    arguments=(_OBJECTS,),
    options=(
        _BY_FILE,
        Option("remove-bad-blocks", Kind.BOOL, "Forget references that lead to nothing."),
    ),
    answer=Answer.VALUES,
    text=_verified,
    after=_told,
)

DUPS = Command(
    path=("ipfs", "filestore", "dups"),
    tagline="List blocks that are both in the filestore and standard block storage.",
    handler=dups,
    needs=Needs.NODE,
    answer=Answer.VALUES,
    text=lambda row, _call: f"{row['Ref']}\n",
)
