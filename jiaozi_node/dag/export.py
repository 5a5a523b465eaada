"""CAR files out of a DAG, in the order Kubo's ``dag export`` writes them.

Depth first from the root, each CID once. Identity blocks are written too, as Kubo does, though
every reader could do without them.
"""

from jiaozi_node.dag.traverse import Visit, descend
from jiaozi_node.dag.walk import Walk
from jiaozi_node.formats import car, car_v2
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid


def export(
    root: Cid, identity: bool = True, index: car_v2.Index | None = None
) -> Walk[bytes, None]:
    """Yield the bytes of the CAR file of everything below *root*, a piece per block.

    Version 1. Where each piece begins goes into *index*. Raises for a block that can't be had; what
    was yielded until then is not a whole CAR.
    """
    at = 0
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
            begun = True
            head = car.header([root])
            at += len(head)
            yield head
        if step.block is not None and (identity or step.cid.inline is None):
            section = car.section(step.cid, step.block.data)
            if index is not None:
                index.add(step.cid, at)
            at += len(section)
            yield section


def export_indexed(root: Cid) -> Walk[bytes, None]:
    """Yield the bytes of the CAR file of version 2, with an index, of everything below *root*.

    Its head says how long the whole is, so the DAG is walked twice.
    """
    index = car_v2.Index()
    size = 0
    walk = export(root, index=index)
    sent: Block | None = None
    while True:
        try:
            step = walk.send(sent)
        except StopIteration:
            break
        sent = None
        if isinstance(step, bytes):
            size += len(step)
        else:
            sent = yield step
    yield car_v2.head(size)
    yield from export(root)
    yield from index.encode()
