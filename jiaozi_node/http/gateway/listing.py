"""The page that lists a directory, written out as its entries are read.

Sizes are those that the directory declares (Tsize): no entry's block is fetched, so a hundred
thousand entries take as long as their one block or their shards. The forms of links and
breadcrumbs are those that gateway-conformance asks for.
"""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from jiaozi_node.dag.walk import AsyncGet, astream
from jiaozi_node.formats.cid import Cid, texts
from jiaozi_node.http.gateway import page
from jiaozi_node.http.gateway.asked import Asked
from jiaozi_node.http.gateway.target import escape_path
from jiaozi_node.http.gateway.wiring import Site
from jiaozi_node.unixfs.directory import Entry, entries

_INSPECTOR: Final = "https://cid.ipfs.tech/#"
_AT_ONCE: Final = 256  # entries a write
_PLAIN = re.compile(r"[A-Za-z0-9._~-]+").fullmatch  # the same in a URL, a query and a page


async def listing(
    asked: Asked, cid: Cid, total_bytes: int, get: AsyncGet
) -> AsyncGenerator[bytes, None]:
    """Yield the page of the directory *cid*, whose DAG has *total_bytes* by its own account."""
    head = _head(asked, cid, total_bytes)
    here = page.link(asked.target.url_path.rstrip("/") + "/")
    group: list[Entry] = []
    async with aclosing(astream(entries(cid), get)) as found:
        async for entry in found:
            group.append(entry)
            if len(group) == _AT_ONCE:
                yield _encoded(head + _rows(asked.site, here, group))
                head, group = "", []
                await asyncio.sleep(0)  # a basic directory asks for nothing on the way
    yield _encoded(head + _rows(asked.site, here, group) + "</tbody></table>\n" + page.BOTTOM)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def _rows(site: Site, here: str, group: list[Entry]) -> str:
    shown = texts([entry.cid for entry in group])
    return "".join(
        [_row(site, here, one.name, cid, one.tsize) for one, cid in zip(group, shown, strict=True)]
    )


def _row(site: Site, here: str, name: str, cid: str, tsize: int) -> str:
    """Return the row of one entry."""
    if _PLAIN(name):
        shown = in_path = in_query = name
    else:
        shown, in_path = page.text(name), page.link(name)
        in_query = page.parameter(escape_path(name))
    to = (
        f'"{_INSPECTOR}{cid}" target="_blank" rel="noreferrer noopener"'
        if site.dnslink
        else f'"{site.origin}/ipfs/{cid}?filename={in_query}"'
    )
    return (
        f'<tr><td><a href="{here}{in_path}">{shown}</a></td>'
        f'<td><a class="ipfs-hash" translate="no" href={to}>{cid[:4]}…{cid[-4:]}</a></td>'
        f'<td class="n">{page.size(tsize)}</td></tr>\n'
    )


def _head(asked: Asked, cid: Cid, total_bytes: int) -> str:
    """Return the page down to the first row."""
    target = asked.target
    up = ""
    if len(target.segments) > 2:
        above = page.link(target.url_path.rstrip("/") + "/..")
        up = f'<tr><td><a href="{above}">..</a></td><td></td><td></td></tr>\n'
    return (
        page.top(asked.path, asked.site.origin) + f"<h1>Index of {breadcrumbs(asked)}</h1>\n"
        f'<p><span class="ipfs-hash" translate="no">{cid}</span> · {page.size(total_bytes)}'
        ' <small title="data and structure, by the directory\'s own account">in all</small> ·'
        ' <a href="?format=car">CAR</a> · <a href="?format=tar">tar</a></p>\n'
        "<table>\n<thead><tr><th>Name</th><th>CID</th>"
        '<th class="n">Size</th></tr></thead>\n<tbody>\n' + up
    )


def breadcrumbs(asked: Asked) -> str:
    """Return the path with a link for each of its names."""
    namespace, *names = asked.target.segments
    site = asked.site
    at = "" if site.dnslink else f"/{namespace}"
    out = []
    for number, name in enumerate(names):
        if not (site.dnslink and number == 0):
            at += f"/{name}"
        to = site.origin + page.link(at or "/")
        out.append(f'<a href="{to}">{page.text(name)}</a>')
    return f"/{namespace}/" + "/".join(out)
