"""Documents: dag-json, dag-cbor, json and cbor, as they are; nothing is converted (IPIP-524)."""

from typing import Final

from jiaozi_node.formats import cid as c
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import CODEC_NAMES
from jiaozi_node.http.gateway import negotiate, page
from jiaozi_node.http.gateway.asked import Asked, Reply, answer, redirect
from jiaozi_node.http.gateway.conditions import etag, node_page_etag, unchanged
from jiaozi_node.http.gateway.content import Content, not_modified, serve
from jiaozi_node.http.gateway.file import headed, too_large
from jiaozi_node.http.gateway.naming import asked_name, disposition
from jiaozi_node.http.gateway.node_page import node_page
from jiaozi_node.http.gateway.problem import Problem
from jiaozi_node.http.quick import Whole

MEDIA: Final = {
    c.JSON: negotiate.JSON,
    c.CBOR: negotiate.CBOR,
    c.DAG_JSON: negotiate.DAG_JSON,
    c.DAG_CBOR: negotiate.DAG_CBOR,
}
# A general type takes the documents of its DAG codec too, which are of that type.
_TAKEN: Final = {
    negotiate.JSON: (c.JSON, c.DAG_JSON),
    negotiate.CBOR: (c.CBOR, c.DAG_CBOR),
    negotiate.DAG_JSON: (c.DAG_JSON,),
    negotiate.DAG_CBOR: (c.DAG_CBOR,),
}


def refuse_conversion(asked: Asked, codec: int) -> None:
    """Raise `Problem` unless a document of *codec* is what was asked for."""
    taken = _TAKEN.get(asked.form.media)
    if taken is not None and codec not in taken:
        name = negotiate.NAMES[asked.form.media]
        raise Problem(
            406,
            f'format "{name}" requested but block has codec "{CODEC_NAMES.get(codec, hex(codec))}":'
            " codec conversion is not supported, fetch raw block with ?format=raw and convert"
            " client-side",
        )


async def serve_document(asked: Asked, block: Block) -> Reply:
    """Answer with the document *block*, or for browsers with a page that shows it."""
    cid = block.cid
    too_large(asked, len(block.data), asked.settings.max_deserialized_bytes)
    refuse_conversion(asked, cid.codec)
    media = asked.form.media or MEDIA[cid.codec]
    download = asked.target.query.get("download") == "true"
    is_dag = cid.codec in (c.DAG_JSON, c.DAG_CBOR)
    if is_dag and not asked.form.media and asked.accepts_html and not download:
        return await _shown(asked, block)
    ending = ".json" if media.endswith("json") else ".cbor"
    how = "inline" if ending == ".json" and not download else "attachment"
    name = asked_name(asked) or f"{cid}{ending}"
    asked.headers["Content-Disposition"] = disposition(name, how)
    headed(asked, media)
    return await serve(asked, Content(len(block.data), etag(cid, media), None, block.data))


async def _shown(asked: Asked, block: Block) -> Whole:
    """Answer with a page that shows *block* and links what it links."""
    if not asked.target.raw_path.endswith("/"):
        return redirect(asked, 301, asked.target.with_slash())
    headers = asked.headers
    headers["Etag"] = node_page_etag(block.cid)
    if unchanged(asked.request.headers, headers["Etag"], None):
        return not_modified(asked)
    headers["Content-Type"] = "text/html; charset=utf-8"
    headers["Content-Security-Policy"] = page.POLICY
    made = await asked.wiring.node_page(asked, block) or node_page(asked, block)
    return answer(asked, 200, made.encode("utf-8", "backslashreplace"))
