"""Commits and tags as a check reads them: each obeys its schema, counts its generation right, and
is read alike by two decoders.
"""

from collections.abc import Iterator, Sequence

from jiaozi_node.dag.roots import Root
from jiaozi_node.errors import JiaoziError, Malformed
from jiaozi_node.formats import dag_cbor
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import DAG_CBOR, Cid
from jiaozi_node.formats.second_opinion import agrees
from jiaozi_node.stores.api import GetsBlocks
from jiaozi_node.versioning import commit as commits
from jiaozi_node.versioning import reflog, refs, tag, workingcopies
from jiaozi_node.versioning.commit import Commit
from jiaozi_node.versioning.fields import NewerSchema

_KINDS = frozenset((refs.KIND, reflog.KIND, workingcopies.KIND, "remoterefs"))


def history_faults(roots: Sequence[Root], blocks: GetsBlocks) -> Iterator[tuple[Cid, Root, str]]:
    """Yield what is wrong with a commit or tag that *roots* lead to: its CID, a root, and what.

    Blocks that are missing are passed over: whoever marks tells of them.
    """
    seen: set[Cid] = set()
    for root in roots:
        if root.kind not in _KINDS:
            continue
        stack = [root.cid]
        while stack:
            cid = stack.pop()
            if cid in seen or cid.codec != DAG_CBOR:
                continue
            seen.add(cid)
            try:
                block = blocks.get(cid)
            except JiaoziError:
                continue
            try:
                stack += _checked(block, blocks)
            except NewerSchema:
                continue  # stored and served, never interpreted (design §5)
            except Malformed as fault:
                yield cid, root, str(fault)
                continue
            if not agrees(block.data):
                yield cid, root, "two decoders don't agree on it"


def _checked(block: Block, blocks: GetsBlocks) -> list[Cid]:
    """Check one commit or tag; return the CIDs of those it leads to."""
    value = dag_cbor.decode(block.data)
    if isinstance(value, dict) and value.get("type") == "jiaozi/tag":
        return [tag.decode(block).object]
    commit = commits.decode(block)
    parents: list[Commit] = []
    for parent in commit.parents:
        try:
            parents.append(commits.decode(blocks.get(parent)))
        except JiaoziError:
            break
    else:
        commits.check_generation(block.cid, commit, parents)
    return list(commit.parents)
