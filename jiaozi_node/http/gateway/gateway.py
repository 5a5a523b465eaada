"""The gateway: from a request to what answers it. The order of the steps is the specification's.

https://specs.ipfs.tech/http-gateways/path-gateway/ and trustless-gateway/; what is ours stands in
``specs/gateway.md``.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote, urlsplit

from aiohttp import web

from jiaozi_node.dag.walk import AsyncGet, Need, arun, need
from jiaozi_node.errors import JiaoziError, Malformed, NotFound, Refused
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import peer_id, unixfs_pb
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.http.gateway import failing, negotiate, problem
from jiaozi_node.http.gateway.admission import Rooms
from jiaozi_node.http.gateway.asked import Asked, Reply, answer, redirect
from jiaozi_node.http.gateway.car import serve_car
from jiaozi_node.http.gateway.cids import parsed, shown
from jiaozi_node.http.gateway.codec import MEDIA, refuse_conversion, serve_document
from jiaozi_node.http.gateway.conditions import etag, names
from jiaozi_node.http.gateway.content import not_modified
from jiaozi_node.http.gateway.directory import serve_directory
from jiaozi_node.http.gateway.file import serve_file, serve_symlink
from jiaozi_node.http.gateway.locality import client, is_own
from jiaozi_node.http.gateway.problem import Problem
from jiaozi_node.http.gateway.raw import serve_raw
from jiaozi_node.http.gateway.record import serve_record
from jiaozi_node.http.gateway.sending import cut
from jiaozi_node.http.gateway.settings import Settings, settings_of
from jiaozi_node.http.gateway.tar import serve_tar
from jiaozi_node.http.gateway.target import Target, unclean
from jiaozi_node.http.gateway.trails import Trails
from jiaozi_node.http.gateway.wiring import PATH_SITE, Moved, Wiring
from jiaozi_node.http.quick import QuickRequest, Request, Whole, finished, render
from jiaozi_node.node.fetch import Fetch, WouldWait
from jiaozi_node.unixfs import blocks
from jiaozi_node.unixfs.resolve import Path, Resolved, split

_log = logging.getLogger(__name__)
METHODS: Final = "GET, HEAD, OPTIONS"
_NOTHING: Final = Target("", "", (), slash=False, query={})


class Gateway:
    """Answers requests from *fetch*; a handler for `guard.Door`."""

    def __init__(
        self, fetch: Fetch, settings: Settings | None = None, wiring: Wiring | None = None
    ) -> None:
        self._fetch = fetch
        self.settings = settings or settings_of({})
        self.wiring = wiring or Wiring()
        self.rooms = Rooms(self.settings.concurrent, self.settings.of_one_client)
        self._trails = Trails(fetch)
        self._common = "".join([f"{n}: {v}\r\n" for n, v in self.settings.headers.items()])

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        own = is_own(request)
        with self._fetch.reading(public=not own, local=self._stays_here(request)) as get:
            asked = self._asked(request, get, own=own)
            try:
                async with asyncio.timeout(self.settings.request_s or None):
                    reply = await self._answered(asked)
            except TimeoutError:
                if asked.response is not None:
                    cut(asked, at_once=True)
                    return asked.response
                limit = f"the answer took longer than {self.settings.request_s:g} s"
                reply = failing.failed(asked, Problem(504, limit, problem.NO_STORE))
        if not isinstance(reply, Whole):
            return reply
        headers = {**self.settings.headers, **reply.headers}
        body = reply.body
        if asked.is_head:
            headers.setdefault("Content-Length", str(len(body)))
            body = b""
        return web.Response(status=reply.status, body=body, headers=headers)

    def quick(self, request: QuickRequest) -> bytes | None:
        """Answer a small request from what is at hand, None when that can't be done."""
        own = is_own(request)
        get = self._fetch.at_once(public=not own, local=self._stays_here(request))
        try:
            whole = finished(self._whole(self._asked(request, get, own=own)))
            return None if whole is None else render(whole, self._common, request.method == "HEAD")
        except Exception:  # noqa: BLE001 - told to the client by who does it once more
            _log.exception("%s failed", ascii(request.raw_path))
            return None

    async def _whole(self, asked: Asked) -> Whole:
        reply = await self._answered(asked)
        if not isinstance(reply, Whole):
            raise WouldWait
        return reply

    def _asked(self, request: Request, get: AsyncGet, *, own: bool) -> Asked:
        return Asked(request, _NOTHING, self.settings, PATH_SITE, self.wiring, get, public=not own)

    async def _answered(self, asked: Asked) -> Reply:
        """Answer, by a status other than success where it comes to that."""
        try:
            with self.rooms.taken(client(asked.request) if asked.public else ""):
                return await self._answer(asked)
        except Moved as moved:
            return redirect(asked, moved.status, moved.location)
        except Problem as fault:
            return failing.failed(asked, fault)
        except (JiaoziError, OSError) as fault:
            return failing.failed(asked, _told(asked, fault))

    def _stays_here(self, request: Request) -> bool:
        """Tell whether only what is at hand may be sent."""
        return self.settings.no_fetch or _only_if_cached(request)

    async def _answer(self, asked: Asked) -> Reply:
        request = asked.request
        method = request.method
        if method == "OPTIONS":
            return answer(asked, 200, b"", {"Allow": METHODS})
        if method not in ("GET", "HEAD"):
            asked.headers["Allow"] = METHODS
            raise Problem(405, f"method {method[:16]} not allowed: read only access")
        try:
            asked.site, asked.target = await self.wiring.hosts.place(request)
        except Malformed as fault:
            raise Problem(400, str(fault)) from None
        target = asked.target
        clean = unclean(target.raw_path)
        if clean is not None:
            raise Moved(307, clean + (f"?{target.raw_query}" if target.raw_query else ""))
        room = self.wiring.rooms.get(target.namespace)
        if room is not None:
            return await room(asked)
        if not target.segments and self.settings.root_redirect:
            raise Moved(302, self.settings.root_redirect)
        if target.query.get("uri"):
            raise Moved(301, _of_protocol_handler(target.query["uri"]))
        if target.namespace not in ("ipfs", "ipns") or len(target.segments) < 2:
            raise Problem(
                404 if target.namespace not in ("ipfs", "ipns") else 400,
                f"{asked.shown_path} is no content path: write /ipfs/CID/path or /ipns/NAME/path",
            )
        _refuse_worker(asked)
        _straighten(asked)
        return await self._content(asked)

    async def _content(self, asked: Asked) -> Reply:
        request, target = asked.request, asked.target
        asked.form = negotiate.form_of(target.query, ",".join(request.headers.getall("Accept", ())))
        asked.headers["X-Ipfs-Path"] = asked.shown_path
        self._refuse_deserialized(asked)
        if asked.form.by_accept:
            url = quote(target.url_path.encode("utf-8", "surrogateescape"), safe="/:@$&+=~")
            asked.headers["Content-Location"] = negotiate.location(url, target.query, asked.form)
        if asked.form.media == negotiate.IPNS_RECORD:
            return await serve_record(asked)
        path = await self._immutable(asked)
        if _only_if_cached(request):
            await self._check_cached(asked, path)
        if asked.form.media == negotiate.CAR:
            return await serve_car(asked, path)
        try:
            way = await self._trails.follow(path, asked.get, public=asked.public)
            return await _serve(asked, way.found, way.roots)
        except NotFound as fault:
            if asked.site.isolated and not asked.form.media:
                other = await self.wiring.missing(asked, path, fault)
                if other is not None:
                    return other
            raise

    async def _check_cached(self, asked: Asked, path: Path) -> None:
        """Raise `Problem` unless the path can be followed here, and its end is here."""
        try:
            way = await self._trails.follow(path, asked.get, public=asked.public)
            await arun(need(way.found.cid), asked.get)
        except NotFound:
            raise Problem(412, f'"{asked.shown_path}" not in local datastore') from None

    async def _immutable(self, asked: Asked) -> Path:
        """Return the path below ``/ipfs/`` that is meant."""
        namespace, name, *rest = asked.target.segments
        if namespace == "ipfs":
            return Path(parsed(name), tuple(rest))
        if isinstance(asked.request, QuickRequest):
            raise WouldWait
        try:
            asked.named = await self.wiring.names.resolve(name)
        except (NotFound, Malformed, Refused) as fault:
            raise Problem(500, f"failed to resolve {asked.shown_path}: {fault}") from None
        _, segments = split(asked.named.path)
        return Path(parsed(segments[0]), (*segments[1:], *rest))

    def _refuse_deserialized(self, asked: Asked) -> None:
        """Raise `Problem` for what only a gateway that is trusted may be asked."""
        allowed = asked.site.deserialized
        if allowed is None:
            allowed = self.settings.deserialized
        if allowed or _is_trustless(asked.target.segments, asked.form.media):
            return
        raise Problem(
            406,
            "only trustless requests are accepted on this gateway:"
            " https://specs.ipfs.tech/http-gateways/trustless-gateway/",
        )


def _told(asked: Asked, fault: BaseException) -> Problem:
    found = problem.of(fault, asked.shown_path if len(asked.target.segments) > 1 else "")
    if found.status == 500:
        _log.warning("%s: %s", ascii(asked.path), ascii(str(fault)))
    return found


async def _serve(asked: Asked, found: Resolved, roots: Sequence[Cid]) -> Reply:
    """Answer with what the path led to, in the form that was asked for."""
    cid, media = found.cid, asked.form.media
    asked.headers["X-Ipfs-Roots"] = ",".join([shown(root) for root in roots])
    if media == negotiate.RAW:
        return await serve_raw(asked, cid)
    if media == negotiate.TAR:
        return await serve_tar(asked, cid)
    if found.remainder:
        inside = "/".join(found.remainder)
        raise Problem(
            501,
            f'"{inside}" of "{asked.shown_path}" could not be returned: reading values inside a'
            f' block other than links is not implemented: try reading "/ipfs/{cid}" instead',
        )
    given = asked.request.headers.get("If-None-Match")
    early = given is not None and cid.codec not in MEDIA and "*" not in given
    if given is not None and early and names(given, etag(cid)):  # no block needs to be looked at
        asked.headers["Etag"] = etag(cid)
        cache = asked.cache()
        if cache is not None:
            asked.headers["Cache-Control"] = cache
        return not_modified(asked)
    inline = cid.inline
    block = await asked.get(Need(cid)) if inline is None else Block(cid, inline)
    if cid.codec in MEDIA:
        return await serve_document(asked, block)
    if media in (negotiate.DAG_JSON, negotiate.DAG_CBOR, negotiate.CBOR):
        refuse_conversion(asked, cid.codec)
    if cid.codec not in (c.RAW, c.DAG_PB):
        raise Problem(406, f"content of codec {cid.codec:#x} can only be had as ?format=raw")
    node = blocks.parse(block)
    kind = node.message.type
    if kind in (unixfs_pb.FILE, unixfs_pb.RAW):
        return await serve_file(asked, block, node, cid)
    if kind == unixfs_pb.SYMLINK:
        return await serve_symlink(asked, block, node)
    if kind in (unixfs_pb.DIRECTORY, unixfs_pb.HAMT_SHARD):
        return await serve_directory(asked, block)
    raise Problem(500, "unsupported UnixFS type")


def _only_if_cached(request: Request) -> bool:
    return request.headers.get("Cache-Control", "").strip().lower() == "only-if-cached"


def _is_trustless(segments: Sequence[str], media: str) -> bool:
    namespace, name, *rest = segments
    try:
        if namespace == "ipns":
            peer_id.PeerId.parse(name)
            return media == negotiate.IPNS_RECORD and not rest
        parsed(name)
    except JiaoziError:
        return False
    return media == negotiate.CAR or (media == negotiate.RAW and not rest)


def _refuse_worker(asked: Asked) -> None:
    """Raise `Problem` for a service worker whose scope would be more than one content root."""
    if asked.request.headers.get("Service-Worker") != "script":
        return
    if len(asked.target.segments) == 2 and not asked.target.slash and not asked.target.implied:
        raise Problem(400, "navigator.serviceWorker: registration is not allowed for this scope")


def _straighten(asked: Asked) -> None:
    """Raise `Moved` for a path that says its namespace twice, or a key in another form than ours.

    On a site with a host of its own the path is content, whatever its names are.
    """
    if asked.target.implied:
        return
    namespace, *rest = asked.target.segments
    query = f"?{asked.target.raw_query}" if asked.target.raw_query else ""
    slash = "/" if asked.target.slash else ""
    if namespace == "ipfs" and len(rest) > 1 and rest[0] in ("ipfs", "ipns"):
        raise Moved(301, _url(rest) + slash + query)
    if namespace == "ipns":
        try:
            name = peer_id.PeerId.parse(rest[0]).ipns_name
        except JiaoziError:
            return
        if name != rest[0]:
            raise Moved(302, _url(["ipns", name, *rest[1:]]) + slash + query)


def _url(segments: Sequence[str]) -> str:
    quoted = [quote(one.encode("utf-8", "surrogateescape"), safe=":@$&+=~") for one in segments]
    return "/" + "/".join(quoted)


def _of_protocol_handler(uri: str) -> str:
    """Return the path on this gateway of an ``ipfs://`` or ``ipns://`` URI that a browser has."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        raise Problem(400, "failed to parse uri query parameter") from None
    if parts.scheme not in ("ipfs", "ipns"):
        raise Problem(400, "uri query parameter scheme must be ipfs or ipns")
    path = quote(parts.path, safe="/%:@$&+=~")
    query = f"?{quote(parts.query, safe='=&%+')}" if parts.query else ""
    return f"/{parts.scheme}/{quote(parts.netloc, safe='.-')}{path}{query}"
