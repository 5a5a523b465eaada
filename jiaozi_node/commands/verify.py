"""``jiaozi verify``: are all blocks of a version here and what they must be, and who signed it?"""

from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.declare import Argument, Call, Command, ExitCode, Kind, Option
from jiaozi_node.commands.shown import quoted


def verify(call: Call) -> Iterator[dict[str, Any] | ExitCode]:
    """Yield a row for each bad link, nearest to the tip first, then one that sums up."""
    from jiaozi_node.node import signers, verifying
    from jiaozi_node.versioning import tree_check
    from jiaozi_node.versioning.verification import Verification

    work = Verification(
        trusted=signers.trusted(call.home, call.option("trust")),
        deep=bool(call.option("deep")),
        saw=lambda size: call.progress(0, size),
    )
    found = missing = damaged = 0
    for tip in verifying.tips(call.home, call.directory, call.args["revision"]):
        for finding in verifying.findings(call.home, tip, work):
            found += 1
            missing += finding.kind is tree_check.Kind.MISSING
            damaged += finding.kind is tree_check.Kind.DAMAGED
            yield {
                "revision": tip.text,
                "link": finding.link,
                "cid": str(finding.cid),
                "kind": finding.kind.value,
                "what": finding.what,
            }
    tally = work.tally
    yield {
        "commits": tally.commits,
        "tags": tally.tags,
        "signatures": tally.signatures,
        "blocks": tally.blocks,
        "bytes": tally.size_bytes,
        "findings": found,
        "missing": missing,
    }
    if found:
        yield ExitCode(6 if damaged else 1)


def _text(row: dict[str, Any], _call: Call) -> str:
    if "findings" not in row:
        return f"{row['kind']}: {quoted(row['link'])}: {quoted(row['what'])}\n"
    words = {name: f"{row[name]} {name[: -1 if row[name] == 1 else None]}" for name in _COUNTED}
    looked = f"{words['commits']}, {words['blocks']} of {words['bytes']}, {words['signatures']}"
    if not row["findings"]:
        return f"verified {looked}: all is well\n"
    rest = f", of them {row['missing']} not here" if row["missing"] else ""
    return f"verified {looked}: {words['findings']}{rest}\n"


_COUNTED = ("commits", "blocks", "bytes", "signatures", "findings")

VERIFY = Command(
    path=("verify",),
    tagline="Check that versions are whole, unchanged and rightly signed.",
    handler=verify,
    arguments=(
        Argument("revision", "Revisions, tags or CIDs; HEAD if absent.", required=False, many=True),
    ),
    options=(
        Option("deep", Kind.BOOL, "The files of every version, not only of those named."),
        Option("trust", Kind.TEXTS, "A did:key, or a key of this home, whom to trust.", (), ()),
    ),
    text=_text,
    help="""
    The commits from the revision back to the first are read: each must be here, hash to its CID,
    keep its schema, read alike by two decoders, and count its generation right. The revision's
    tree is read whole, files too; with --deep that of every commit. Every signature of a commit or
    tag is checked. With --trust, or the list trust.keys of the configuration, what is named must be
    signed by one of those keys, and any other key that signed is told.

    Each bad link is a line: what kind it is, and a path that leads to it, nearest to the revision
    first. Exit 0: all is well. 1: something is missing, unlike its schema, or wrongly signed.
    6: the store's own bytes are damaged.
    """,
)
