"""``ipfs repo stat|verify|version|ls|gc``: the home as a place of blocks."""

import os
from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.declare import Answer, Call, Command, Kind, Needs, Option
from jiaozi_node.commands.ipfs.refs import local
from jiaozi_node.commands.ipfs.version import REPO_VERSION
from jiaozi_node.errors import Corrupt, JiaoziError, Misuse, Refused, Unavailable


def stat(call: Call) -> Iterator[dict[str, Any]]:
    """Yield sizes and counts; a size is the bytes of the files of the home."""
    from jiaozi_node.node.importing import parse_size

    size_only = call.option("size_only")
    limit = call.home.config.find("Datastore.StorageMax", "10GB")
    row: dict[str, Any] = {
        "RepoSize": _bytes_below(str(call.home.path)),
        "StorageMax": parse_size("Datastore.StorageMax", limit),
        "NumObjects": 0,
        "RepoPath": "",
        "Version": "",
    }
    if not size_only:
        row["NumObjects"] = sum(1 for _ in call.home.blocks.multihashes())
        row["RepoPath"] = str(call.home.path)
        row["Version"] = f"fs-repo@{REPO_VERSION}"
    yield row


def _bytes_below(path: str) -> int:
    total = 0
    for directory, _, names in os.walk(path):
        for name in names:
            try:
                total += os.lstat(os.path.join(directory, name)).st_size
            except FileNotFoundError:  # LevelDB drops files while we count
                continue
    return total


def _stat_text(row: dict[str, Any], call: Call) -> str:
    from jiaozi_node.commands.ipfs.go_text import human_bytes, table

    size = human_bytes if call.option("human") else str
    rows: list[tuple[str, ...]] = [
        ("RepoSize:", size(row["RepoSize"])),
        ("StorageMax:", size(row["StorageMax"])),
    ]
    if not call.option("size_only"):
        rows.insert(0, ("NumObjects:", str(row["NumObjects"])))
        rows += [("RepoPath:", row["RepoPath"]), ("Version:", row["Version"])]
    return table(rows, 0)


def verify(call: Call) -> Iterator[dict[str, Any]]:
    """Hash every block again; yield ``{"Msg", "Progress"}`` rows and fail when one is damaged."""
    from jiaozi_node.dag.gc import drop_unheld
    from jiaozi_node.dag.marking import Marking
    from jiaozi_node.formats.cid import RAW, Cid
    from jiaozi_node.node.acts import leases_of

    _check_duration(call.option("heal_timeout"))
    if call.option("heal"):
        raise Unavailable(
            "this command must be run in online mode. Try running 'ipfs daemon' first"
        )
    blocks = call.home.blocks
    damaged = dropped = 0
    for seen, multihash in enumerate(blocks.multihashes(), 1):
        cid = Cid.v1(RAW, multihash)
        try:
            blocks.get(cid)
        except Corrupt as fault:
            damaged += 1
            text = f"block {cid} was corrupt ({fault})"
            if call.option("drop"):
                with leases_of(
                    call.home
                ).collecting() as collection:  # an act may heal it meanwhile
                    dropped += len(drop_unheld(blocks, Marking(blocks), collection, [multihash]))
                text += ", removed"
            yield {"Msg": text, "Progress": 0}
        yield {"Msg": "", "Progress": seen}
    if not damaged:
        yield {"Msg": "verify complete, all blocks validated.", "Progress": 0}
        return
    summary = f"verify complete, {damaged} blocks corrupt"
    if call.option("drop"):
        yield {"Msg": f"{summary}, {dropped} removed", "Progress": 0}
        return
    raise Corrupt(summary)


def _verify_text(row: dict[str, Any], _call: Call) -> str:
    if row["Msg"]:
        pad = "             " if len(row["Msg"]) < 20 else ""
        return f"{row['Msg']}{pad}\n"
    return f"{row['Progress']} blocks processed.\r"


def _check_duration(text: str) -> None:
    from jiaozi_node.commands.ipfs.go_text import duration_s

    try:
        seconds = duration_s(text)
    except JiaoziError as fault:
        raise Misuse(f"invalid heal-timeout: {fault}") from None
    if seconds < 0:
        raise Misuse("heal-timeout must be >= 0")


def gc(call: Call) -> Iterator[dict[str, Any]]:
    """Collect garbage; yield ``{"Key": {"/": cid}}`` for each block removed.

    With ``--stream-errors`` a fault is a row too, before the command fails as Kubo's does.
    """
    from jiaozi_node.node.collecting import collect

    silent = call.option("silent")
    try:
        for dropped in collect(call.home, int(call.now())):
            if not silent:
                yield {"Key": {"/": str(dropped.cid)}}
    except JiaoziError as fault:
        if not call.option("stream_errors"):
            raise
        yield {"Key": None, "Error": str(fault)}
        raise Unavailable("encountered errors during gc run") from None


def _gc_text(row: dict[str, Any], call: Call) -> str | None:
    if call.option("silent"):
        return None
    if "Error" in row:
        return f"Error: {row['Error']}\n"
    cid = row["Key"]["/"]
    return f"{cid}\n" if call.option("quiet") else f"removed {cid}\n"


def version(_call: Call) -> Iterator[dict[str, str]]:
    """Yield the version of Kubo's repo that this face answers as."""
    yield {"Version": REPO_VERSION}


def _version_text(row: dict[str, str], call: Call) -> str:
    name = f"fs-repo@{row['Version']}\n"
    return name if call.option("quiet") else f"ipfs repo version {name}"


STAT = Command(
    path=("ipfs", "repo", "stat"),
    tagline="Get stats for the currently used repo.",
    handler=stat,
    options=(
        Option("size-only", Kind.BOOL, "Only report RepoSize and StorageMax.", ("s",)),
        Option("human", Kind.BOOL, "Print sizes in human readable format.", ("H",)),
    ),
    answer=Answer.VALUE,
    text=_stat_text,
)

VERIFY = Command(
    path=("ipfs", "repo", "verify"),
    tagline="Verify all blocks in repo are not corrupted.",
    handler=verify,
    options=(
        Option("drop", Kind.BOOL, "Remove corrupt blocks."),
        Option("heal", Kind.BOOL, "Fetch corrupt blocks again: needs a network."),
        Option("heal-timeout", Kind.TEXT, "How long to try for each block.", default="30s"),
    ),
    needs=Needs.NODE,
    text=_verify_text,
)

GC = Command(
    path=("ipfs", "repo", "gc"),
    tagline="Perform a garbage collection sweep on the repo.",
    handler=gc,
    options=(
        Option("stream-errors", Kind.BOOL, "Stream errors."),
        Option("quiet", Kind.BOOL, "Write minimal output.", ("q",)),
        Option("silent", Kind.BOOL, "Write no output."),
    ),
    needs=Needs.NODE,
    text=_gc_text,
)

VERSION = Command(
    path=("ipfs", "repo", "version"),
    tagline="Show the repo version.",
    handler=version,
    options=(Option("quiet", Kind.BOOL, "Write minimal output.", ("q",)),),
    answer=Answer.VALUE,
    needs=Needs.NOTHING,
    text=_version_text,
)

LS = Command(
    path=("ipfs", "repo", "ls"),
    tagline="List all local references.",
    handler=local,
    text=lambda row, _call: f"{row['Ref']}\n",
)


def migrate(call: Call) -> Iterator[bytes]:
    """Say that the home is what this version reads: it was brought up when it was opened."""
    wanted = call.option("to")
    if str(wanted) != REPO_VERSION:
        raise Refused(
            f"this is a home of jiaozi's, which answers as version {REPO_VERSION}: it can't become "
            f"a repository of version {wanted}"
        )
    yield f"Repository is already at version {wanted}.\n".encode()


MIGRATE = Command(
    path=("ipfs", "repo", "migrate"),
    tagline="Apply repository migrations to a specific version.",
    handler=migrate,
    options=(
        Option("to", Kind.INT, "Target repository version.", default=int(REPO_VERSION)),
        Option("allow-downgrade", Kind.BOOL, "Taken: there is nothing to go back to."),
    ),
    answer=Answer.BYTES,
)
