"""Directories: their ``index.html``, else the page that lists them."""

from jiaozi_node.dag.walk import Need, arun
from jiaozi_node.formats import unixfs_pb
from jiaozi_node.formats.block import Block
from jiaozi_node.http.gateway import page
from jiaozi_node.http.gateway.asked import Asked, Reply, answer, redirect
from jiaozi_node.http.gateway.conditions import listing_etag, unchanged
from jiaozi_node.http.gateway.content import not_modified
from jiaozi_node.http.gateway.file import Holding, dag_bytes, serve_file, too_large
from jiaozi_node.http.gateway.listing import listing
from jiaozi_node.http.gateway.problem import Problem
from jiaozi_node.http.gateway.sending import send
from jiaozi_node.unixfs import blocks
from jiaozi_node.unixfs.directory import EntryMissing, lookup_in

INDEX = "index.html"


async def serve_directory(asked: Asked, block: Block) -> Reply:
    """Answer with the directory whose root is *block*."""
    target = asked.target
    if not target.raw_path.endswith("/") and target.query.get("go-get") != "1":
        return redirect(asked, 301, target.with_slash())
    total = dag_bytes(block)
    too_large(asked, total, asked.settings.max_deserialized_bytes)
    try:
        entry = await arun(lookup_in(block, INDEX), asked.get)
    except EntryMissing:
        return await _list(asked, block, total)
    index = (
        await asked.get(Need(entry.cid))
        if entry.cid.inline is None
        else Block(entry.cid, entry.cid.inline)
    )
    found = blocks.parse(index)
    if found.raw is None and found.message.type not in (unixfs_pb.FILE, unixfs_pb.RAW):
        raise Problem(422, "index.html could not be read: not a file")
    return await serve_file(asked, index, found, block.cid, "text/html")


async def _list(asked: Asked, block: Block, total: int) -> Reply:
    headers = asked.headers
    headers["Etag"] = listing_etag(block.cid)
    headers["Cache-Control"] = "public, max-age=604800, stale-while-revalidate=2678400"
    if asked.is_mutable:
        cache = asked.cache()
        headers.pop("Cache-Control")
        if cache is not None:
            headers["Cache-Control"] = f"{cache}, stale-while-revalidate=2678400"
    if unchanged(asked.request.headers, headers["Etag"], None):
        return not_modified(asked)
    headers["Content-Type"] = "text/html; charset=utf-8"
    headers["Content-Security-Policy"] = page.POLICY
    if asked.is_head:
        return answer(asked, 200)
    return await send(asked, 200, listing(asked, block.cid, total, Holding(block, asked.get)))
