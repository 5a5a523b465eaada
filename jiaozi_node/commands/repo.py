"""``repo stat``: how large the node home is, and how it stands."""

from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.declare import Answer, Call, Command, Needs


def stat(call: Call) -> Iterator[dict[str, Any]]:
    """Yield one row of sizes and counts."""
    from jiaozi_node.node.layout import LAYOUT
    from jiaozi_node.node.measuring import measure

    found = measure(call.home)
    yield {
        "path": str(call.home.path),
        "layout": LAYOUT,
        "blocks": found.blocks,
        "blockBytes": found.block_bytes,
        "deadBytes": found.dead_bytes,
        "segments": found.segments,
        "publicBytes": found.public_bytes,
        "ownBytes": found.own_bytes,
        "indexBytes": found.index_bytes,
        "namesBytes": found.names_bytes,
        "freeBytes": found.free_bytes,
        "leastFreeBytes": found.least_free_bytes,
        "ballastBytes": found.ballast_bytes,
        "collection": found.collection,
        "rows": found.rows,
    }


def _text(row: dict[str, Any], _call: Call) -> str:
    lines = [
        ("home", f"{row['path']} ({row['layout']})"),
        ("blocks", f"{row['blocks']} of {row['blockBytes']} bytes"),
        ("dropped", f"{row['deadBytes']} bytes that still take room"),
        (
            "segments",
            f"{row['segments']}: {row['publicBytes']} bytes public, {row['ownBytes']} bytes own",
        ),
        ("index", f"{row['indexBytes']} bytes"),
        ("names", f"{row['namesBytes']} bytes"),
        ("free", f"{row['freeBytes']} bytes; none are written below {row['leastFreeBytes']}"),
    ]
    if row["collection"] is not None:
        lines.append(
            ("gc", f"begun and not ended, {row['collection']} blocks dropped; 'jiaozi gc' goes on")
        )
    lines += [(f"  {kind}", str(count)) for kind, count in row["rows"].items()]
    return "".join([f"{name + ':':<16}{value}\n" for name, value in lines])


STAT = Command(
    path=("repo", "stat"),
    tagline="Tell how large the node home is, and how it stands.",
    handler=stat,
    answer=Answer.VALUE,
    needs=Needs.NODE,
    text=_text,
    help=(
        "Blocks and their bytes, what dropped blocks still take up, the files of the home, the\n"
        "room on its disk, and how many rows of each kind names.db has. No block is read for it."
    ),
)
