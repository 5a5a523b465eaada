"""A UnixFS tree as a TAR stream (IPIP-288)."""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

from jiaozi_node.dag.walk import AsyncGet, Walk, arun, astream, need
from jiaozi_node.errors import Malformed
from jiaozi_node.formats.cid import Cid
from jiaozi_node.http.gateway.asked import Asked, Reply
from jiaozi_node.http.gateway.conditions import etag, unchanged
from jiaozi_node.http.gateway.content import not_modified
from jiaozi_node.http.gateway.file import Holding, dag_bytes, headed, too_large
from jiaozi_node.http.gateway.naming import attach
from jiaozi_node.http.gateway.negotiate import TAR
from jiaozi_node.http.gateway.problem import Problem
from jiaozi_node.http.gateway.sending import Part, send
from jiaozi_node.unixfs import blocks
from jiaozi_node.worktree.tar import archive


async def serve_tar(asked: Asked, cid: Cid) -> Reply:
    """Answer with the archive of the tree at *cid*, which is called by its CID in it."""
    block = await arun(need(cid), asked.get)
    try:
        blocks.parse(block)
    except Malformed as fault:
        raise Problem(406, f"only UnixFS can be had as tar: {fault}") from None
    too_large(asked, dag_bytes(block))
    attach(asked, f"{cid}.tar")
    headed(asked, TAR)
    asked.headers["Etag"] = etag(cid, TAR)
    if unchanged(asked.request.headers, asked.headers["Etag"], None):
        return not_modified(asked)
    walk = archive(cid, str(cid), int(time.time()), climbing=True)
    return await send(asked, 200, _parts(walk, Holding(block, asked.get)))


async def _parts(walk: Walk[Part, None], get: AsyncGet) -> AsyncGenerator[Part, None]:
    """Yield the archive; its second part is had before its first is handed over.

    A tree whose first name may not be in an archive is so refused by its status.
    """
    async with aclosing(astream(walk, get)) as parts:
        begin = [bytes(cast("Part", await anext(parts, b""))) for _ in range(2)]
        yield b"".join(begin)
        async for part in parts:
            yield cast("Part", part)  # of the union, mypy makes what both have in common
