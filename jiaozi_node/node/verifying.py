"""What `verify` looks at: revisions, tags by their own blocks, and CIDs, in or out of a repository.

A CID needs no working copy, so what came in a CAR file is verified in any home.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from jiaozi_node.dag.ahead import stream_ahead
from jiaozi_node.dag.walk import run
from jiaozi_node.errors import LimitExceeded, Malformed, Misuse
from jiaozi_node.formats.cid import DAG_CBOR, DAG_PB, Cid
from jiaozi_node.node.home import Home
from jiaozi_node.node.repository import Repository
from jiaozi_node.versioning import history
from jiaozi_node.versioning.refname import BadName, RefName
from jiaozi_node.versioning.tree_check import Finding
from jiaozi_node.versioning.verification import Verification


@dataclass(frozen=True, slots=True)
class Tip:
    """Where to begin: what was asked for, the block it means, and its name as a tag."""

    text: str
    cid: Cid
    tag: str | None = None


def tips(home: Home, directory: Callable[[], str], texts: Sequence[str]) -> list[Tip]:
    """Return what *texts* mean, HEAD when there are none; raises for one that means nothing."""
    return [_tip(home, directory, text) for text in texts or ("HEAD",)]


def findings(home: Home, tip: Tip, verification: Verification) -> Iterator[Finding]:
    """Yield what is bad about *tip* and all that it links."""
    return stream_ahead(verification.of(tip.cid, tip.tag), home.blocks.get)


def _tip(home: Home, directory: Callable[[], str], text: str) -> Tip:
    try:
        cid = Cid.parse(text)
    except Malformed:
        pass
    else:
        if cid.codec not in (DAG_CBOR, DAG_PB):
            raise Misuse(f"{text} is no commit, tag or directory")
        return Tip(text, cid)
    repository = Repository.at(home, directory())
    commit = repository.resolve(text)
    name = text.removeprefix("tags/")
    try:
        target = repository.refs.get(RefName.tag(name))
    except (BadName, LimitExceeded):
        return Tip(text, commit)
    if target is None or run(history.peel(target), home.blocks.get).cid != commit:
        return Tip(text, commit)
    return Tip(text, target, name)
