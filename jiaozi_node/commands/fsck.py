"""``fsck``: check everything the node home holds; exit 0 clean, 1 mended or mendable, 6 lost."""

from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.declare import Call, Command, ExitCode, Kind, Needs, Option


def fsck(call: Call) -> Iterator[dict[str, Any] | ExitCode]:
    """Yield a row for each thing that is wrong, then one that sums up, then the exit code."""
    from jiaozi_node.node.fsck import fsck as check

    run = check(
        call.home,
        int(call.now()),
        repair=bool(call.option("repair")),
        progress=call.progress,
    )
    while True:
        try:
            finding = next(run)
        except StopIteration as stop:
            report = stop.value
            break
        yield {
            "where": finding.where,
            "item": finding.item,
            "what": finding.what,
            "lost": finding.lost,
            "repaired": finding.repaired,
        }
    yield {
        "rows": report.rows,
        "blocks": report.blocks,
        "bytes": report.size_bytes,
        "reachable": report.reachable,
        "findings": report.findings,
        "lost": report.lost,
        "repaired": report.repaired,
    }
    yield ExitCode(report.exit_code)


def _text(row: dict[str, Any], _call: Call) -> str:
    from jiaozi_node.commands.shown import quoted

    if "findings" not in row:
        mark = "lost" if row["lost"] else "mended" if row["repaired"] else "can be mended"
        return f"{row['where']}: {quoted(row['item'])}: {quoted(row['what'])} ({mark})\n"
    looked = f"{row['rows']} rows and {row['blocks']} blocks of {row['bytes']} bytes"
    if not row["findings"]:
        return f"checked {looked}: all is well\n"
    return (
        f"checked {looked}: {row['findings']} findings, {row['lost']} lost, "
        f"{row['repaired']} mended\n"
    )


FSCK = Command(
    path=("fsck",),
    tagline="Check everything the node home holds, and mend what can be.",
    handler=fsck,
    options=(Option("repair", Kind.BOOL, "Mend what can be mended without losing anything."),),
    needs=Needs.NODE,
    text=_text,
    help=(
        "Every row of names is read, every block is hashed, and whatever names lead to is looked\n"
        "for. Exit 0: all is well. 1: something was wrong and is mended, or can be with --repair,\n"
        "and nothing that a name leads to is lost. 6: something that a name leads to is lost."
    ),
)
