"""One block as it is, for clients that verify it (trustless gateway)."""

from typing import Final

from jiaozi_node.dag.walk import arun, need
from jiaozi_node.formats.cid import Cid
from jiaozi_node.http.gateway.asked import Asked, Reply
from jiaozi_node.http.gateway.cids import shown
from jiaozi_node.http.gateway.conditions import etag
from jiaozi_node.http.gateway.content import Content, serve
from jiaozi_node.http.gateway.file import headed, too_large
from jiaozi_node.http.gateway.naming import attach
from jiaozi_node.http.gateway.negotiate import RAW

PROBE: Final = "bafkqaaa"  # the empty identity CID: answered always, by it clients know a gateway


async def serve_raw(asked: Asked, cid: Cid) -> Reply:
    """Answer with the block of *cid*."""
    block = await arun(need(cid), asked.get)
    too_large(asked, len(block.data))
    attach(asked, f"{shown(cid)}.bin")
    headed(asked, RAW)
    return await serve(asked, Content(len(block.data), etag(cid, RAW), None, block.data))
