"""CAR files out of a DAG, in the order Kubo's ``dag export`` writes them.

Version 1, depth first from the root, each CID once. Identity blocks are written too, as Kubo does,
though every reader could do without them.
"""

from jiaozi_node.dag.traverse import Visit, descend
from jiaozi_node.dag.walk import Walk
from jiaozi_node.formats import car
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid


def export(root: Cid, identity: bool = True) -> Walk[bytes, None]:
    """Yield the bytes of the CAR file of everything below *root*, a piece per block.

    Raises for a block that can't be had; what was yielded until then is not a whole CAR.
    """
    walk = descend(root)
    sent: Block | None = None
    begun = False
    while True:
        try:
            step = walk.send(sent)
        except StopIteration:
            return
        sent = None
        if not isinstance(step, Visit):
            sent = yield step
            continue
        if not begun:  # after the root was had: a missing one yields nothing at all
            yield car.header([root])
            begun = True
        if step.block is not None and (identity or step.cid.inline is None):
            yield car.section(step.cid, step.block.data)
