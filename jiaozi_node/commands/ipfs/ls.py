"""``ipfs ls``: the entries of directories, or the chunks of a file."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jiaozi_node.commands.declare import Argument, Call, Command, Kind, Option

if TYPE_CHECKING:
    from jiaozi_node.commands.ipfs.cid_text import CidText
    from jiaozi_node.formats.cid import Cid
    from jiaozi_node.unixfs.directory import Entry

_NO_TIME = "0001-01-01T00:00:00Z"
_DIRECTORY, _FILE, _SYMLINK = 1, 2, 4
# Go's bits beside the nine of permissions: os.FileMode
_GO_DIRECTORY, _GO_SYMLINK = 1 << 31, 1 << 27
_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"
_GO_BITS = ((0o4000, 1 << 23), (0o2000, 1 << 22), (0o1000, 1 << 20))


def ls(call: Call) -> Iterator[dict[str, Any]]:
    """Yield ``{"Objects": [{"Hash", "Links"}]}``; with ``--stream`` one for each link."""
    from jiaozi_node.commands.ipfs.cid_text import CidText
    from jiaozi_node.commands.ipfs.content_path import resolve_whole

    shown = CidText.asked(call)
    resolve = bool(call.option("size") or call.option("resolve_type"))
    whole = []
    for text in call.args["ipfs_path"]:
        links = _links(call, resolve_whole(call, text), shown, resolve)
        if call.option("stream"):
            for link in links:
                yield {"Objects": [{"Hash": text, "Links": [link]}]}
            continue
        rows = sorted(links, key=lambda link: os.fsencode(link["Name"]))
        whole.append({"Hash": text, "Links": rows})
    if not call.option("stream"):
        yield {"Objects": whole}


def _links(call: Call, root: "Cid", shown: "CidText", resolve: bool) -> Iterator[dict[str, Any]]:
    from jiaozi_node.formats.cid import DAG_PB, RAW

    get = call.home.blocks.get
    for entry in _entries(call, root):
        row: dict[str, Any] = {
            "Name": entry.name,
            "Hash": shown(entry.cid),
            "Size": 0,
            "Type": 0,
            "Target": "",
            "Mode": 0,
            "ModTime": _NO_TIME,
        }
        if entry.cid.codec == RAW:
            row.update(Size=entry.tsize, Type=_FILE)
        elif resolve and entry.cid.codec == DAG_PB:
            _describe(row, entry.cid, get)
        yield row


def _entries(call: Call, root: "Cid") -> Iterator["Entry"]:
    """Yield the entries of a directory; of anything else its links, by their names if any."""
    from jiaozi_node.dag.traverse import links_of
    from jiaozi_node.dag.walk import stream
    from jiaozi_node.errors import Malformed
    from jiaozi_node.formats import dag_pb
    from jiaozi_node.formats.block import Block
    from jiaozi_node.formats.cid import DAG_PB, Cid
    from jiaozi_node.unixfs import directory, stat

    get = call.home.blocks.get
    inline = root.inline
    block = get(root) if inline is None else Block(root, inline)
    if root.codec != DAG_PB:
        for link in links_of(block):
            yield directory.Entry(link.name, link.cid, 0)
        return
    try:
        kind = stat.of(block).kind
    except Malformed:
        kind = ""
    if kind == "directory":
        yield from stream(directory.entries(root), get)
        return
    for raw, name, tsize in dag_pb.decode_links(block.data)[0]:
        yield directory.Entry(
            (name or b"").decode("utf-8", "surrogateescape"), Cid(raw), tsize or 0
        )


def _describe(row: dict[str, Any], cid: "Cid", get: Any) -> None:  # noqa: ANN401 - Get
    """Add to *row* what the node at *cid* says of itself."""
    from jiaozi_node.dag.walk import run
    from jiaozi_node.unixfs.stat import stat

    node = run(stat(cid), get)
    row["Size"] = node.file_bytes
    bits = 0
    if node.kind == "directory":
        row["Type"], bits = _DIRECTORY, _GO_DIRECTORY
    elif node.kind == "symlink":
        row["Type"], bits = _SYMLINK, _GO_SYMLINK
        row["Target"] = (node.target or b"").decode("utf-8", "surrogateescape")
    else:
        row["Type"] = _FILE
    if node.mode is not None:
        row["Mode"] = bits | node.mode & 0o777
        row["Mode"] |= sum([go for unix, go in _GO_BITS if node.mode & unix])
    if node.mtime is not None:
        row["ModTime"] = _rfc3339(*node.mtime)


def _rfc3339(seconds: int, nanos: int) -> str:
    import datetime

    epoch = datetime.datetime(1970, 1, 1)  # noqa: DTZ001 - all of it is UTC
    try:
        when = epoch + datetime.timedelta(seconds=seconds)
    except OverflowError:
        return _NO_TIME
    fraction = f".{nanos:09}".rstrip("0") if nanos else ""
    return f"{when.isoformat()}{fraction}Z"


def _after(call: Call, rows: Iterator[dict[str, Any]]) -> Iterator[Any]:
    """Print tables as Kubo's tabwriter does; streamed rows are aligned one by one."""
    if not call.rendered_text:
        yield from rows
        return
    last = ""
    for row in rows:
        text, last = tabular(row, call, last)
        yield text.encode("utf-8", "surrogateescape")


def tabular(output: dict[str, Any], call: Call, last: str) -> tuple[str, str]:
    """Return the text of one output, and the directory it ended in."""
    from jiaozi_node.commands.ipfs.go_text import escaped, table

    size, long = bool(call.option("size")), bool(call.option("long"))
    several = len(call.args["ipfs_path"]) > 1
    lines: list[tuple[str, ...]] = []
    for item in output["Objects"]:
        if item["Hash"] != last:
            if several:
                if last:
                    lines.append(("",))
                lines.append((f"{item['Hash']}:",))
            if call.option("headers"):
                lines.append(_cells("Mode", "Hash", "Size", "ModTime", "Name", size, long))
            last = item["Hash"]
        for link in item["Links"]:
            directory = link["Type"] == _DIRECTORY
            lines.append(
                _cells(
                    mode_text(link["Mode"]),
                    link["Hash"],
                    "-" if directory else str(link["Size"]),
                    _time_text(link["ModTime"], call.now()) if long else "",
                    escaped(link["Name"]) + ("/" if directory else ""),
                    size,
                    long,
                )
            )
    return table(lines, 10 if call.option("stream") else 1), last


def _cells(
    mode: str, cid: str, size: str, when: str, name: str, with_size: bool, long: bool
) -> tuple[str, ...]:
    sizes = (size,) if with_size else ()
    return (mode, cid, *sizes, when, name) if long else (cid, *sizes, name)


def mode_text(mode: int) -> str:
    """Return Go's *mode* as ``ls -l`` writes it, ``-`` for none."""
    if mode == 0:
        return "-"
    kind = "d" if mode & _GO_DIRECTORY else "l" if mode & _GO_SYMLINK else "-"
    text = [kind]
    for at, char in enumerate("rwxrwxrwx"):
        text.append(char if mode & 0o400 >> at else "-")
    for (_, bit), at, letters in zip(_GO_BITS, (3, 6, 9), ("sS", "sS", "tT"), strict=True):
        if mode & bit:
            text[at] = letters[0] if text[at] == "x" else letters[1]
    return "".join(text)


def _time_text(text: str, now: float) -> str:
    """Return ``Jan 02 15:04`` for the last six months, ``Jan 02  2006`` otherwise, in UTC."""
    if text == _NO_TIME:
        return "-"
    import datetime

    when = datetime.datetime.fromisoformat(text[:19])
    today = datetime.datetime.fromtimestamp(now, datetime.UTC).replace(tzinfo=None)
    month = today.month - 6
    year = today.year - (month < 1)
    month += 12 if month < 1 else 0
    # Go's AddDate lets a day that the month doesn't have run over into the next one.
    since = today.replace(year=year, month=month, day=1) + datetime.timedelta(days=today.day - 1)
    name = _MONTHS[3 * when.month - 3 : 3 * when.month]
    if since < when < today + datetime.timedelta(hours=24):
        return f"{name} {when.day:02} {when.hour:02}:{when.minute:02}"
    return f"{name} {when.day:02}  {when.year:04}"


LS = Command(
    path=("ipfs", "ls"),
    fetches=True,
    tagline="List directory contents for Unix filesystem objects.",
    handler=ls,
    arguments=(Argument("ipfs-path", "The path to the object(s) to list.", many=True, stdin=True),),
    options=(
        Option("headers", Kind.BOOL, "Print table headers (Hash, Size, Name).", ("v",)),
        Option("resolve-type", Kind.BOOL, "Resolve linked objects' types.", default=True),
        Option("size", Kind.BOOL, "Resolve linked objects' file sizes.", default=True),
        Option("stream", Kind.BOOL, "Print entries as they are found.", ("s",)),
        Option("long", Kind.BOOL, "Show file mode and modification time.", ("l",)),
    ),
    after=_after,
    text_only=True,
    single=lambda options: not options["stream"],
)
