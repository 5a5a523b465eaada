"""Files of UnixFS, and symlinks as what they are: their target."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from jiaozi_node.dag.walk import AsyncGet, Need, astream
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import dag_pb
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.http.gateway import media
from jiaozi_node.http.gateway.asked import Asked, Reply
from jiaozi_node.http.gateway.conditions import etag
from jiaozi_node.http.gateway.content import SANDBOX, Content, serve
from jiaozi_node.http.gateway.naming import asked_name, disposition, name_of
from jiaozi_node.http.gateway.problem import Problem
from jiaozi_node.http.gateway.ranges import Span
from jiaozi_node.http.gateway.sending import Part
from jiaozi_node.http.quick import QuickRequest
from jiaozi_node.node.fetch import WouldWait
from jiaozi_node.unixfs.blocks import Parsed
from jiaozi_node.unixfs.read import file_bytes, read

TOO_LARGE_CACHE = "public, max-age=604800, stale-while-revalidate=2678400"


class Holding:
    """A reader with blocks at hand that were looked at before: the root, and the first leaf."""

    __slots__ = ("_get", "_held")

    def __init__(self, block: Block, get: AsyncGet) -> None:
        self._held, self._get = {block.cid.raw: block}, get

    async def __call__(self, need: Need) -> Block:
        """See `fetch.Reader`."""
        held = self._held.get(need.cid.raw)
        return held if held is not None else await self._get(need)

    async def keeping(self, need: Need) -> Block:
        """Get a block and hold it."""
        block = self._held[need.cid.raw] = await self(need)
        return block


async def serve_file(asked: Asked, block: Block, parsed: Parsed, cid: Cid, kind: str = "") -> Reply:
    """Answer with the file whose root is *block*, under the Etag of *cid*; *kind* is its type."""
    size = file_bytes(block.cid, parsed)
    too_large(asked, size, asked.settings.max_deserialized_bytes)
    limit = asked.settings.max_range_file_bytes
    if limit and size > limit and "Range" in asked.request.headers:
        raise Problem(
            501,
            f"range requests are not supported for files larger than {limit} bytes:"
            " ask for blocks instead (application/vnd.ipld.raw) and verify them",
        )
    data: Part | None = None
    if not parsed.links:
        data = parsed.raw if parsed.raw is not None else parsed.message.data or b""
    elif isinstance(asked.request, QuickRequest):
        raise WouldWait
    get = Holding(block, asked.get)

    def pieces(span: Span) -> AsyncGenerator[Part, None]:
        return astream(read(block.cid, span.start, span.length), get)

    name = asked_name(asked)
    if name or asked.target.query.get("download") == "true":
        how = "attachment" if asked.target.query.get("download") == "true" else "inline"
        asked.headers["Content-Disposition"] = (
            disposition(name, how) if name else disposition(name_of(asked) or str(cid), how)
        )
    kind = kind or media.by_name(name or name_of(asked))
    if not kind:
        kind = await _sniffed(asked, block.cid, data, get)
    headed(asked, kind)
    modified = parsed.message.mtime[0] if parsed.message.mtime is not None else None
    content = Content(size, etag(cid), modified, data, None if data is not None else pieces)
    return await serve(asked, content)


async def _sniffed(asked: Asked, root: Cid, data: Part | None, get: Holding) -> str:
    """Return the type that the first bytes tell, unless they are not among those asked for."""
    if data is not None:
        return media.by_content(data)
    if not asked.request.headers.get("Range", "bytes=0-").startswith("bytes=0-"):
        return media.UNKNOWN
    async with aclosing(astream(read(root, 0, media.SNIFFED_BYTES), get.keeping)) as parts:
        return media.by_content(await anext(parts, b""))


def headed(asked: Asked, kind: str) -> None:
    """Set the headers of content of type *kind*."""
    headers = asked.headers
    headers["Content-Type"] = kind
    cache = asked.cache()
    if cache is not None:
        headers["Cache-Control"] = cache
    if asked.settings.sandbox and not asked.site.isolated and media.runs_scripts(kind):
        headers["Content-Security-Policy"] = SANDBOX


def too_large(asked: Asked, size: int, deserialized_limit: int = 0) -> None:
    """Raise `Problem` when the configuration keeps content of *size* bytes from being sent."""
    for limit, what in (
        (asked.settings.max_dag_bytes, "responses are not supported"),
        (deserialized_limit, "deserialized responses are not supported"),
    ):
        if limit and size > limit:
            raise Problem(
                410,
                f"{what} for content larger than {limit} bytes: for large content, run an IPFS"
                " node of your own (https://docs.ipfs.tech/install/)",
                {"Cache-Control": TOO_LARGE_CACHE},
            )


def dag_bytes(block: Block) -> int:
    """Return how much the DAG below *block* is, by its own account."""
    if block.cid.codec != c.DAG_PB:
        return len(block.data)
    links, _ = dag_pb.decode_links(block.data)
    return len(block.data) + sum([link[2] or 0 for link in links])


async def serve_symlink(asked: Asked, block: Block, parsed: Parsed) -> Reply:
    """Answer with where the symlink *block* leads: it is not followed."""
    target = parsed.message.data or b""
    headed(asked, "inode/symlink")
    return await serve(asked, Content(len(target), etag(block.cid), None, target))
