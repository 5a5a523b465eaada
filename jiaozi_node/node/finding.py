"""What stands at a path of a tree."""

from jiaozi_node.dag.walk import run
from jiaozi_node.errors import NotFound
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node.repository import Repository
from jiaozi_node.stores.api import BlockMissing
from jiaozi_node.unixfs import resolve


def find(repository: Repository, tree: Cid, parts: tuple[str, ...]) -> Cid | None:
    """Return the CID at *parts* of *tree*, or None."""
    try:
        return run(resolve.resolve(resolve.Path(tree, parts)), repository.home.blocks.get).cid
    except BlockMissing:
        raise
    except NotFound:
        return None
