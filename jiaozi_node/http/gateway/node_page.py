"""The page of a DAG-JSON or DAG-CBOR node: its values, its links, and how to take it as it is."""

from collections.abc import Iterator
from typing import Any, Final

from jiaozi_node.errors import Malformed
from jiaozi_node.formats import codecs
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import CODEC_NAMES, Cid
from jiaozi_node.http.gateway import page
from jiaozi_node.http.gateway.asked import Asked

MAX_VALUES: Final = 10_000  # shown; the rest is counted
MAX_TEXT: Final = 4096


def node_page(asked: Asked, block: Block) -> str:
    """Return the page that shows *block*."""
    cid = block.cid
    codec = CODEC_NAMES.get(cid.codec, "")
    out = [
        page.top(asked.path, asked.site.origin),
        f'<p><strong>CID: <code translate="no">{cid}</code></strong><br>\n'
        f'<strong>Codec</strong>: <code translate="no">{codec} ({cid.codec:#x})</code></p>\n'
        '<p>You can download this block as: <a href="?format=raw" rel="nofollow">Raw Block</a>,'
        f' <a href="?format={codec}" rel="nofollow">{codec.upper()}</a></p>\n',
    ]
    try:
        value = codecs.decode(cid.codec, block.data)
    except Malformed as fault:
        out.append(f"<p>It can't be shown: {page.text(str(fault))}</p>\n")
    else:
        out.append(f'<h2><span translate="no">{codec.upper()}</span> Preview</h2>\n<table>\n')
        out += rows(value, asked.site.origin)
        out.append("</table>\n")
    out.append(page.BOTTOM)
    return "".join(out)


def rows(value: Any, origin: str = "") -> Iterator[str]:  # noqa: ANN401 - of the data model
    """Yield a row for each value that isn't a map or list, named by the way to it.

    Iterative: a node may be as deep as a decoder takes it.
    """
    left = MAX_VALUES
    pending: list[tuple[str, Any]] = [("", value)]
    while pending and left:
        name, value = pending.pop()
        if isinstance(value, dict) and value:
            below = [(f"{name}/{key}", item) for key, item in value.items()]
        elif isinstance(value, (list, tuple)) and value:
            below = [(f"{name}/{number}", item) for number, item in enumerate(value)]
        else:
            left -= 1
            yield (
                f'<tr><th translate="no">{page.text(name)}</th>'
                f'<td translate="no">{shown(value, origin)}</td></tr>\n'
            )
            continue
        below.reverse()
        pending += below
    if pending:
        yield f"<tr><td></td><td>… and more: only the first {MAX_VALUES:,} are shown</td></tr>\n"


def shown(value: Any, origin: str = "") -> str:  # noqa: ANN401 - of the data model
    """Return one value as HTML."""
    if isinstance(value, Cid):
        return f'<a class="ipfs-hash" href="{origin}/ipfs/{value}">{value}</a>'
    if value is None:
        text = "null"
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, bytes):
        text = f"0x{value[: MAX_TEXT // 2].hex()}" + ("…" if len(value) > MAX_TEXT // 2 else "")
    elif isinstance(value, dict | list | tuple):
        text = "{}" if isinstance(value, dict) else "[]"
    else:
        text = str(value)
        if len(text) > MAX_TEXT:
            text = text[:MAX_TEXT] + "…"
    return f"<code>{page.text(text)}</code>"
