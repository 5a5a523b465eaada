"""Blocks fetched before they are asked for: a driver's use of `Need.soon`.

Reading a block from disk and hashing it leave the interpreter's lock alone, so on two cores the
next blocks are had while the present one is being written out. The pool is made when the first
need names several blocks; small files never see it.
"""

from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from jiaozi_node.dag.walk import Get, Item, Need
from jiaozi_node.errors import JiaoziError
from jiaozi_node.formats.block import Block

DEPTH = 8  # blocks under way at most: 16 MiB of the largest
WORKERS = 2


def stream_ahead(walk: Generator[Need | Item, Block | None, Any], get: Get) -> Iterator[Item]:
    """Drive *walk* as `walk.stream` does, with *get* called in other threads for what comes soon.

    What isn't wanted after all is dropped; an error arrives where its block is asked for.
    """
    coming: dict[bytes, Future[Block]] = {}
    pool: ThreadPoolExecutor | None = None
    try:
        step = next(walk)
        while True:
            if not isinstance(step, Need):
                yield step
                step = next(walk)
                continue
            if pool is None and len(step.soon) > 1:
                pool = ThreadPoolExecutor(WORKERS, "read-ahead")
            try:
                future = coming.pop(step.cid.raw, None)
                if pool is not None:
                    for cid in step.soon:
                        if len(coming) >= DEPTH:
                            break
                        if cid.raw not in coming and cid.inline is None:
                            coming[cid.raw] = pool.submit(get, cid)
                block = get(step.cid) if future is None else future.result()
            except JiaoziError as fault:
                step = walk.throw(fault)
            else:
                step = walk.send(block)
    except StopIteration:
        return
    finally:
        walk.close()
        if pool is not None:
            pool.shutdown(cancel_futures=True)
