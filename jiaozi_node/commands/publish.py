"""``jiaozi publish`` and ``unpublish``: who may see the blocks of a version."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jiaozi_node.commands.declare import Argument, Call, Command, Kind, Option
from jiaozi_node.errors import Misuse

if TYPE_CHECKING:
    from jiaozi_node.formats.cid import Cid
    from jiaozi_node.node.home import Publishes

_WHAT = "A revision (with its history), REV:path, a CID or a path."


def publish(call: Call) -> Iterator[dict[str, Any]]:
    """Let everybody see what each argument leads to, or list what is published."""
    words: tuple[str, ...] = call.args["what"] or ()
    if call.option("list"):
        if words or call.option("blocks_only"):
            raise Misuse("--list stands alone")
        from jiaozi_node.node.visibility import published

        for root in published(call.home.names):
            yield {"cid": str(root)}
        return
    if not call.option("blocks_only"):
        raise Misuse(
            "this version publishes blocks, not branches and tags: write publish --blocks-only REV"
        )
    if not words:
        raise Misuse("say what to publish: publish --blocks-only REV")
    home = _publisher(call)
    for root in [_root(call, word) for word in words]:
        blocks, changed = home.make_public(root, lambda count: call.progress(count, 0))
        yield {"cid": str(root), "blocks": blocks, "newlyPublic": changed}


def unpublish(call: Call) -> Iterator[dict[str, Any]]:
    """Take back what was published."""
    from jiaozi_node.node.visibility import check_published

    home = _publisher(call)
    roots = [_root(call, word) for word in call.args["what"]]
    for root in roots:
        check_published(call.home.names, root)
    for root in roots:
        yield {"cid": str(root), "nowPrivate": home.make_private(root)}


def _publisher(call: Call) -> "Publishes":
    from jiaozi_node.node.home import Publishes

    home = call.home
    if not isinstance(home, Publishes):
        raise Misuse("this home publishes nothing")
    return home


def _root(call: Call, text: str) -> "Cid":
    """Return the CID that *text* names; a version is itself, not its tree."""
    from jiaozi_node.errors import Malformed
    from jiaozi_node.formats.cid import Cid

    try:
        first = Cid.parse(text.split("/")[0])
    except Malformed:
        first = None
    if first is not None and "/" not in text:
        return first
    if first is not None or text.startswith("/") or ":" in text:
        from jiaozi_node.node.locate import locate

        return locate(call.home, call.directory, text).cid
    from jiaozi_node.node.repository import Repository
    from jiaozi_node.versioning import revision

    repository = Repository.at(call.home, call.cwd)
    named = revision.named(revision.parse(text), repository.places(call.now))
    return repository.resolve(text, call.now) if named is None else named


def _published_text(row: dict[str, Any], _call: Call) -> str:
    if "blocks" not in row:
        return f"{row['cid']}\n"
    if not row["blocks"]:
        return f"{row['cid']} is published already\n"
    return f"published {row['cid']}: {row['blocks']} blocks, {row['newlyPublic']} of them new\n"


def _unpublished_text(row: dict[str, Any], _call: Call) -> str:
    return f"unpublished {row['cid']}: {row['nowPrivate']} blocks are private now\n"


PUBLISH = Command(
    path=("publish",),
    tagline="Let everybody see the blocks of a version.",
    handler=publish,
    arguments=(Argument("what", _WHAT, required=False, many=True),),
    options=(
        Option("blocks-only", Kind.BOOL, "Blocks alone: no branch or tag is told to anybody."),
        Option("list", Kind.BOOL, "Show the CIDs that are published."),
    ),
    text=_published_text,
    help=(
        "Blocks of versions are private until they are published: peers and gateways beyond this\n"
        "machine see none of them. A version is published with all that it links: its tree, and\n"
        "its history before it. What is published is kept from 'jiaozi gc' until it is taken\n"
        "back with 'jiaozi unpublish'; who has fetched it keeps it."
    ),
)

UNPUBLISH = Command(
    path=("unpublish",),
    tagline="Make the blocks of a published version private again.",
    handler=unpublish,
    arguments=(Argument("what", _WHAT, many=True),),
    text=_unpublished_text,
    help=(
        "What another published version leads to stays public, and so does what was imported by\n"
        "'jiaozi ipfs' commands. Peers who have fetched a block can't be made to forget it."
    ),
)
