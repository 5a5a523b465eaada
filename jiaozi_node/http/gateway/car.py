"""CAR streams: the blocks that prove a path and what lies at its end (trustless gateway)."""

import hashlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from jiaozi_node.dag.walk import Walk, arun, astream, need
from jiaozi_node.errors import NotFound
from jiaozi_node.formats import car
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.http.gateway import negotiate
from jiaozi_node.http.gateway.asked import Asked, Reply
from jiaozi_node.http.gateway.cids import shown
from jiaozi_node.http.gateway.conditions import unchanged
from jiaozi_node.http.gateway.content import not_modified
from jiaozi_node.http.gateway.file import dag_bytes, headed, too_large
from jiaozi_node.http.gateway.naming import attach
from jiaozi_node.http.gateway.problem import Problem
from jiaozi_node.http.gateway.sending import send
from jiaozi_node.stores.api import BlockMissing
from jiaozi_node.unixfs import scope
from jiaozi_node.unixfs.resolve import Path, Resolved, resolve
from jiaozi_node.unixfs.scope import Bytes, Scope, Sent

_NOWHERE: Final = Cid.parse("bafkqaaa")  # the root of a CAR that proves a path to lead nowhere
_MAX_DIGITS: Final = 19


@dataclass(frozen=True, slots=True)
class Wish:
    """What a CAR is to hold."""

    scope: Scope
    span: Bytes | None
    dups: bool

    @property
    def media(self) -> str:
        """The Content-Type, with all that is known of the stream."""
        return f"{negotiate.CAR}; version=1; order=dfs; dups={'y' if self.dups else 'n'}"

    def etag(self, path: str, root: str) -> str:
        """Return the Etag of the CAR at *path*."""
        told = "\0".join((path, self.scope.value, repr(self.span), str(self.dups)))
        digest = hashlib.blake2b(told.encode("utf-8", "surrogateescape"), digest_size=8)
        return f'W/"{root}.car.{digest.hexdigest()}"'


def wish_of(query: Mapping[str, str], params: Mapping[str, str]) -> Wish:
    """Read what is asked for; the query goes before the parameters of ``Accept``."""

    def asked(name: str) -> str:
        return query.get(f"car-{name}") or params.get(name) or ""

    if asked("version") not in ("", "1"):
        raise Problem(400, "unsupported application/vnd.ipld.car version: only version=1 is")
    if asked("order") not in ("", "dfs", "unk"):
        raise Problem(400, "unsupported application/vnd.ipld.car order: dfs and unk are")
    dups = asked("dups")
    if dups not in ("", "y", "n"):
        raise Problem(400, "unsupported application/vnd.ipld.car dups: y and n are")
    span = _span(query["entity-bytes"]) if "entity-bytes" in query else None
    named = query.get("dag-scope", "entity" if span is not None else "all")
    try:
        wanted = Scope(named)
    except ValueError:
        raise Problem(
            400, "unsupported application/vnd.ipld.car dag-scope: block, entity and all are"
        ) from None
    if wanted is Scope.ALL and span is not None:
        wanted = Scope.ENTITY  # entity-bytes implies it
    return Wish(wanted, span, dups == "y")


def _span(text: str) -> Bytes:
    first, colon, last = text.partition(":")
    if not (colon and _is_number(first) and (last == "*" or _is_number(last))):
        raise Problem(
            400, f"invalid entity-bytes {text[:64]!r}: write from:to, as in 0:*, 0:99 or -100:*"
        )
    span = Bytes(int(first), None if last == "*" else int(last))
    if span.last is not None and (span.first < 0) == (span.last < 0) and span.last < span.first:
        raise Problem(400, f"invalid entity-bytes {text[:64]!r}: it ends before it begins")
    return span


def _is_number(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS


async def serve_car(asked: Asked, path: Path) -> Reply:
    """Answer with the CAR of *path*; with the blocks that prove it, where it leads nowhere."""
    wish = wish_of(asked.target.query, asked.form.params)
    headers = asked.headers
    last = path.parts[-1] if path.parts else ""
    attach(asked, f"{path.root}{'_' + last if last else ''}.car")
    headed(asked, wish.media)
    headers["Etag"] = wish.etag(str(path), str(path.root))
    headers["Accept-Ranges"] = "none"
    if unchanged(asked.request.headers, headers["Etag"], None):
        return not_modified(asked)
    sent: Sent | None = None if wish.dups else set()
    way: list[bytes] = []
    try:
        found = await _follow(asked, path, sent, way)
    except BlockMissing:
        raise
    except NotFound:
        if not way:
            raise
        headers["X-Ipfs-Roots"] = shown(path.root)
        proof = _stream(asked, _nothing(), [car.header([_NOWHERE]), *way])
        return await send(asked, 200, proof)
    headers["X-Ipfs-Roots"] = ",".join([shown(cid) for cid in (*found.above, found.cid)])
    known = await _known(asked, found)
    if asked.settings.max_dag_bytes:
        block = await arun(need(found.cid), asked.get) if known is None else known
        too_large(asked, dag_bytes(block))
    walk = scope.terminus(found.cid, wish.scope, wish.span, sent, known)
    return await send(asked, 200, _stream(asked, walk, [car.header([found.cid]), *way]))


async def _follow(asked: Asked, path: Path, sent: Sent | None, way: list[bytes]) -> Resolved:
    """Resolve *path*; add the blocks it goes through to *way*, as sections."""
    results: list[Resolved] = []

    def walk() -> Walk[Block, None]:
        results.append((yield from scope.recorded(resolve(path), sent)))

    async with aclosing(astream(walk(), asked.get)) as found:
        async for block in found:  # what came before a fault proves it
            way.append(car.section(block.cid, block.data))  # noqa: PERF401
    return results[0]


async def _known(asked: Asked, found: Resolved) -> Block | None:
    """Return the block of *found* when the path led on inside it: it is on the way already."""
    if not found.remainder:
        return None
    return await arun(need(found.cid), asked.get)


async def _stream(
    asked: Asked, walk: Walk[Block, None], before: list[bytes]
) -> AsyncGenerator[bytes, None]:
    """Yield *before* and the sections of *walk*, the first two at once: the root is here then."""
    async with aclosing(astream(walk, asked.get)) as found:
        first = await anext(found, None)
        if first is not None:
            before.append(car.section(first.cid, first.data))
        yield b"".join(before)
        async for block in found:
            yield car.section(block.cid, block.data)


def _nothing() -> Walk[Block, None]:
    yield from ()
