"""Requests below ``/api/v1``: let in by the rules of the RPC, answered on a bounded pool.

GET and HEAD alone. One answer is one JSON value, made whole on its thread; a client that hangs up
ends the work at its next block.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from aiohttp import web

from jiaozi_node import __version__
from jiaozi_node.errors import JiaoziError, Misuse
from jiaozi_node.http.crossing import Abandoned, Outlet
from jiaozi_node.http.rpc.admission import Denied, Rules
from jiaozi_node.http.versions import faults
from jiaozi_node.http.versions.declare import ROOT, Asked, Route, found, read
from jiaozi_node.http.versions.document import document
from jiaozi_node.http.versions.paging import encoded
from jiaozi_node.http.versions.routes import ROUTES
from jiaozi_node.http.versions.watched import ReadHome
from jiaozi_node.node.acts import acting
from jiaozi_node.node.home import Home

WORKERS: Final = 8  # requests at work at a time; more wait
METHODS: Final = ("GET", "HEAD")
DOCUMENT: Final = f"{ROOT}/openapi.json"
_ALLOW: Final = "GET, HEAD, OPTIONS"
_ASKED_HEADERS: Final = frozenset(("accept", "authorization", "content-type", "origin"))
_log = logging.getLogger(__name__)

Other = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class NoMethod(Misuse):
    """A method that this API hasn't."""

    def __init__(self, method: str) -> None:
        super().__init__(f"{method[:16]!r}: this API is read with GET and HEAD alone")
        self.method = method


class Versions:
    """Answers requests below `ROOT` from *home*, and hands all others to *other*."""

    def __init__(
        self,
        home: Home,
        rules: Callable[[], Rules],
        other: Other,
        *,
        now: Callable[[], float] = time.time,
        workers: int = WORKERS,
    ) -> None:
        self._home, self._rules, self._other, self._now = home, rules, other, now
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="versions")
        self._outlets: set[Outlet] = set()
        self._works: set[asyncio.Future[None]] = set()

    async def drain(self, grace_s: float) -> bool:
        """Tell work under way that nobody waits for it; tell whether all ended in time."""
        for outlet in self._outlets:
            outlet.abandon()
        works = [work for work in self._works if not work.done()]
        pending = (await asyncio.wait(works, timeout=grace_s))[1] if works else ()
        self._pool.shutdown(wait=not pending, cancel_futures=True)
        return not pending

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        path, _, query = request.raw_path.partition("?")
        if path != ROOT and not path.startswith(f"{ROOT}/"):
            return await self._other(request)
        rules = self._rules()
        headers = _cors(rules, request) | dict(rules.headers)
        if request.method == "OPTIONS":
            return _preflight(rules, request, headers)
        if request.method not in METHODS:
            return _failed(NoMethod(request.method), headers | {"Allow": _ALLOW}, 405)
        try:
            rules.admit(request.headers, path, socket=_is_socket(request))
            if path == DOCUMENT:
                return _json(200, document(ROUTES), headers)
            route, named = found(ROUTES, path)
            values = read(route, named, query)
        except Denied as fault:
            return _failed(fault, headers, 403)
        except JiaoziError as fault:
            return _failed(fault, headers)
        return await self._work(route, values, headers)

    async def _work(
        self, route: Route, values: Mapping[str, Any], headers: Mapping[str, str]
    ) -> web.Response:
        """Have a thread answer; whoever is cancelled here makes it stop."""
        loop = asyncio.get_running_loop()
        outlet = Outlet(loop)
        out: list[tuple[int, bytes]] = []
        with contextlib.ExitStack() as stack:
            self._outlets.add(outlet)
            stack.callback(self._outlets.discard, outlet)
            stack.callback(outlet.abandon)
            done = loop.run_in_executor(self._pool, self._answer, route, values, outlet, out)
            self._works.add(done)
            done.add_done_callback(self._works.discard)
            await asyncio.shield(done)
        status, body = out[0]
        return _sent(status, body, headers)

    def _answer(
        self,
        route: Route,
        values: Mapping[str, Any],
        outlet: Outlet,
        out: list[tuple[int, bytes]],
    ) -> None:
        """Answer on a worker thread; never raises."""
        try:
            if outlet.abandoned:
                raise Abandoned
            with acting(self._home) as act:
                home: Any = ReadHome(act, lambda: outlet.abandoned)
                value = route.handler(Asked(home, values, self._now))
            out.append((200, encoded(value)))
        except Abandoned:
            ended = {"family": "Unavailable", "kind": "Abandoned", "message": "the node ended"}
            out.append((503, encoded({"error": {"status": 503, **ended}})))
        except Exception as fault:  # noqa: BLE001 - told to the client as an internal error
            if not isinstance(fault, JiaoziError):
                _log.exception("%s failed", route.name)
            status, value = faults.of(fault)
            out.append((status, encoded(value)))


def _cors(rules: Rules, request: web.BaseRequest) -> dict[str, str]:
    origin = request.headers.get("Origin")
    cors = {"Vary": "Origin"}
    if origin is not None and rules.allows(origin):
        cors["Access-Control-Allow-Origin"] = "*" if "*" in rules.origins else origin
        if rules.with_credentials:
            cors["Access-Control-Allow-Credentials"] = "true"
    return cors


def _preflight(rules: Rules, request: web.BaseRequest, headers: dict[str, str]) -> web.Response:
    """Say what a script of an allowed origin may send."""
    headers = headers | {"Allow": _ALLOW}
    asked = request.headers.get("Access-Control-Request-Headers", "")
    names = {name.strip().lower() for name in asked.split(",") if name.strip()}
    wanted = request.headers.get("Access-Control-Request-Method")
    if wanted in METHODS and names <= _ASKED_HEADERS and "Access-Control-Allow-Origin" in headers:
        headers["Access-Control-Allow-Methods"] = ", ".join(METHODS)
        if names:
            headers["Access-Control-Allow-Headers"] = ", ".join(sorted(names))
    return web.Response(status=204, headers=headers)


def _is_socket(request: web.BaseRequest) -> bool:
    transport = request.transport
    return transport is not None and not isinstance(transport.get_extra_info("sockname"), tuple)


def _failed(
    fault: JiaoziError, headers: Mapping[str, str], code: int | None = None
) -> web.Response:
    status, value = faults.of(fault, code)
    return _json(status, value, headers)


def _json(status: int, value: object, headers: Mapping[str, str]) -> web.Response:
    return _sent(status, encoded(value), headers)


def _sent(status: int, body: bytes, headers: Mapping[str, str]) -> web.Response:
    given = {
        "Cache-Control": "no-cache",  # names move
        "Content-Type": "application/json",
        "Server": f"jiaozi/{__version__}",
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(status=status, body=body, headers=given | dict(headers))
