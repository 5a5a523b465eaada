"""``gc``: drop the blocks that nothing leads to."""

from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.declare import Answer, Call, Command, Kind, Needs, Option


def gc(call: Call) -> Iterator[dict[str, Any]]:
    """Yield one row of what was dropped, or with ``--dry-run`` of what would be."""
    from jiaozi_node.node.collecting import age_s, collect
    from jiaozi_node.node.roots import REFLOG_S

    prune = call.option("prune")
    dry_run = bool(call.option("dry_run"))
    run = collect(
        call.home,
        int(call.now()),
        dry_run=dry_run,
        reflog_s=REFLOG_S if prune is None else age_s(prune),
    )
    while True:
        try:
            dropped = next(run)
        except StopIteration as stop:
            done = stop.value
            break
        call.progress(1, dropped.size_bytes)
    row: dict[str, Any] = {
        "dryRun": dry_run,
        "blocks": done.blocks,
        "bytes": done.size_bytes,
        "kept": done.kept,
        "reflogEntries": done.expired,
        "resumed": done.resumed,
    }
    if done.resumed:
        row["earlierBlocks"] = done.earlier
        row["earlierMarked"] = done.marked_before
    if done.freed_bytes is not None:
        row["freedBytes"] = done.freed_bytes
    yield row


def _text(row: dict[str, Any], _call: Call) -> str:
    verb = "would drop" if row["dryRun"] else "dropped"
    lines = [f"{verb} {row['blocks']} blocks of {row['bytes']} bytes, {row['kept']} are kept"]
    if row["reflogEntries"]:
        lines.append(f"{verb} {row['reflogEntries']} reflog entries")
    if row["resumed"]:
        lines.append(
            f"an earlier run, which was cut short, had marked {row['earlierMarked']} and "
            f"dropped {row['earlierBlocks']}"
        )
    if "freedBytes" in row:
        lines.append(f"gave {row['freedBytes']} bytes back to the disk")
    return "".join([f"{line}\n" for line in lines])


GC = Command(
    path=("gc",),
    tagline="Drop the blocks that nothing leads to.",
    handler=gc,
    options=(
        Option("dry-run", Kind.BOOL, "Drop nothing; say how much would be.", ("n",)),
        Option("prune", Kind.TEXT, "Forget reflog entries older than this first: 30d, 12h, now."),
    ),
    answer=Answer.VALUE,
    needs=Needs.NODE,
    text=_text,
    help=(
        "What pins, branches, tags, stages and the other names of this node lead to is kept, and\n"
        "so is what the reflogs of the last 90 days lead to. If a block that is needed is\n"
        "missing, nothing is dropped and the block is named. An interrupted run is simply run\n"
        "again: it goes on where it was."
    ),
)
