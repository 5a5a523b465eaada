"""``/api/v0`` as go-ipfs-cmds serves it: admission, dispatch, answers, errors, trailers.

Nothing here knows a command: all of it renders what ``commands`` declares. Faults found before a
command runs are plain text; a command's own fault is JSON with status 500 before the first byte,
and the trailer ``X-Stream-Error`` after it (research/kubo-rpc-and-gateway.md §1.1).
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from aiohttp import HttpVersion11, web

from jiaozi_node import __version__
from jiaozi_node.commands.declare import Answer, Call, Command, SeesPeers, nowhere
from jiaozi_node.commands.ipfs.go_text import duration_s
from jiaozi_node.commands.ipfs.version import KUBO_VERSION
from jiaozi_node.commands.json_text import line
from jiaozi_node.commands.kubo_errors import CLIENT, kubo_code, kubo_message
from jiaozi_node.errors import JiaoziError, Misuse, Unavailable
from jiaozi_node.http import trailers
from jiaozi_node.http.crossing import Inlet, Outlet
from jiaozi_node.http.metrics import CONTENT_TYPE as METRICS_TYPE
from jiaozi_node.http.metrics import PATH as METRICS_PATH
from jiaozi_node.http.metrics import Metrics
from jiaozi_node.http.rpc import query
from jiaozi_node.http.rpc.admission import Denied, Rules
from jiaozi_node.http.rpc.hot import HotBlocks
from jiaozi_node.http.rpc.journal import Journal
from jiaozi_node.http.rpc.query import Given, Target, UnknownCommand
from jiaozi_node.http.rpc.upload import Upload
from jiaozi_node.http.rpc.work import Work
from jiaozi_node.http.whole import Whole
from jiaozi_node.node.home import Home
from jiaozi_node.node.online import Ask, OnlineHome
from jiaozi_node.stores.api import ReadsAtHand

WORKERS: Final = 64  # commands at work at a time; more wait
SMALL_BODY: Final = 64 * 1024  # bytes of a body that is waited for before a thread is taken
_STREAM_HEADERS: Final = "X-Stream-Output, X-Chunked-Output, X-Content-Length"
_ERROR: Final = "X-Stream-Error"
_TIMED_OUT: Final = "context deadline exceeded"
SERVER: Final = f"kubo/{KUBO_VERSION} jiaozi/{__version__}"


class _Silent:
    """Progress that nobody is shown: a client is told by rows."""

    shown = False

    def __call__(self, files: int, size_bytes: int) -> None:
        """Take a report."""

    def expect(self, total_bytes: int) -> None:
        """Take a total."""


class Rpc:
    """Answers requests below ``/api/v0/`` from *home*; a handler for `guard.Door`."""

    def __init__(
        self,
        home: Home,
        rules: Callable[[], Rules],
        *,
        stop: Callable[[], object] | None = None,
        workers: int = WORKERS,
        environ: Mapping[str, str] | None = None,
        agent_suffix: str = "",
        metrics: Metrics | None = None,
        ask: Ask | None = None,
        peers: SeesPeers | None = None,
        journal: Journal | None = None,
        at_hand: Callable[[], ReadsAtHand] | None = None,
    ) -> None:
        self._hot = None if at_hand is None else HotBlocks(at_hand)
        self._home, self._rules, self._stop = home, rules, stop
        self._metrics = metrics or Metrics()
        self._ask, self._peers = ask, peers
        self._agent_suffix = agent_suffix
        self._journal = Journal() if journal is None else journal
        self._environ = os.environ if environ is None else environ
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="rpc")
        self._outlets: set[Outlet] = set()
        self._works: set[asyncio.Future[None]] = set()

    async def drain(self, grace_s: float) -> bool:
        """Tell the commands at work that nobody waits for them; tell whether all ended in time."""
        for outlet in self._outlets:
            outlet.abandon()
        works = [work for work in self._works if not work.done()]
        pending = (await asyncio.wait(works, timeout=grace_s))[1] if works else ()
        self._pool.shutdown(wait=not pending, cancel_futures=True)
        return not pending

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request, and count it."""
        counted = self._metrics.requests
        began = time.monotonic()
        counted.under_way += 1
        command, status = "", 0  # as long as it isn't known; 0: whoever asked went away
        try:
            command, response = await self._answer(request)
            status = response.status
            counted.sent_bytes += response.body_length
        finally:
            counted.under_way -= 1
            counted.count(command, status, time.monotonic() - began)
        return response

    async def _answer(self, request: web.BaseRequest) -> tuple[str, web.StreamResponse]:
        """Return the name of the command that is asked for, if any, and the answer."""
        path, _, given = request.raw_path.partition("?")
        rules = self._rules()
        origin = request.headers.get("Origin")
        cors = {"Vary": "Origin"}
        if origin is not None and rules.allows(origin):
            cors["Access-Control-Allow-Origin"] = "*" if "*" in rules.origins else origin
            if rules.with_credentials:
                cors["Access-Control-Allow-Credentials"] = "true"
        if request.method == "OPTIONS":
            return "", _preflight(request, rules, cors)
        scraped = path == METRICS_PATH and request.method == "GET"
        if request.method != "POST" and not scraped:
            answer = _plain(405, "405 - Method Not Allowed", cors)
            answer.headers["Allow"] = "OPTIONS, POST"
            return "", answer
        try:
            rules.admit(request.headers, path, socket=_is_socket(request))
            if request.headers.get("Content-Encoding", "identity").lower() != "identity":
                return "", _plain(415, "request bodies must not be compressed", cors)
            if scraped:
                return "", await self._page()
            if self._hot is not None:
                data = self._hot.data(request, path, given)
                if data is not None:
                    headers = _BLOCK_HEADERS | cors | dict(rules.headers)
                    return "block/get", Whole(headers, data)
            target = query.target(path)
            upload = request.content_type == "multipart/form-data"
            parsed = query.read(target, given, has_body=upload)
            seconds = _timeout(parsed)
        except UnknownCommand as fault:
            return "", _plain(404, str(fault), cors)
        except Denied as fault:
            return "", _plain(403, str(fault), cors)
        except JiaoziError as fault:
            return "", _plain(400, str(fault), cors)
        headers = cors | dict(rules.headers)
        name = "/".join(target.command.path[1:])
        return name, await self._run(request, target, parsed, headers, seconds, upload)

    async def _page(self) -> web.StreamResponse:
        """Return the page of metrics; some are counted by the store, which may be busy."""
        loop = asyncio.get_running_loop()
        body = await loop.run_in_executor(self._pool, self._metrics.page)
        return web.Response(body=body, headers={"Content-Type": METRICS_TYPE, "Server": SERVER})

    async def _run(
        self,
        request: web.BaseRequest,
        target: Target,
        parsed: Given,
        headers: dict[str, str],
        timeout_s: float | None,
        upload: bool,
    ) -> web.StreamResponse:
        loop = asyncio.get_running_loop()
        outlet, inlet = Outlet(loop), Inlet(loop) if upload else None
        encoding = parsed.globals.get("encoding") or "json"
        if encoding not in ("json", "text"):
            return _plain(400, f"invalid encoding: {encoding}", headers)
        as_text = encoding == "text"
        try:
            files = Upload(inlet.take, request.headers["Content-Type"]) if inlet else None
        except JiaoziError as fault:
            return _plain(400, str(fault), headers)

        offline = parsed.globals.get("offline") or parsed.globals.get("local")

        def prepare(home: Home) -> Call:
            if self._ask is not None and target.command.fetches and not offline:
                home = OnlineHome(home, self._ask)
            return self._call(home, parsed, files, outlet.pause, as_text=as_text)

        single = _is_single(target.command, parsed)
        work = Work(
            target.command, self._home, prepare, outlet, inlet, as_text=as_text, single=single
        )
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(self._journal.noting(*_noted(target, parsed)))
            self._outlets.add(outlet)
            stack.callback(self._outlets.discard, outlet)
            stack.callback(outlet.abandon)
            if inlet is not None:
                stack.callback(inlet.abandon)
                if (request.content_length or SMALL_BODY + 1) <= SMALL_BODY:
                    await _filled(request, inlet)
                else:
                    pump = asyncio.create_task(_pump(request, inlet))
                    stack.push_async_callback(_ended, pump)
            done = loop.run_in_executor(self._pool, work.run)
            self._works.add(done)
            done.add_done_callback(self._works.discard)
            answer = _Answer(request, _media(target, parsed, as_text=as_text) | headers)
            late: BaseException | None = None
            try:
                async with asyncio.timeout(timeout_s):
                    while pieces := await outlet.receive():
                        if outlet.over and work.fault is None and answer.may_be_whole():
                            return answer.whole(pieces, work.length)
                        await answer.send(pieces, work.length)
                    await done
            except TimeoutError:
                late = Unavailable(_TIMED_OUT)
            return await answer.end(late or work.fault, work.length)

    def _call(
        self,
        home: Home,
        parsed: Given,
        files: Upload | None,
        wait: Callable[[float], None],
        *,
        as_text: bool,
    ) -> Call:
        args = dict(parsed.args)
        missing = parsed.missing_on_stdin
        if missing is not None:
            lines = files.lines() if files is not None else []
            key = missing.name.replace("-", "_")
            args[key] = tuple(lines) if missing.many else (lines[0] if lines else None)
            if missing.required and not lines:
                raise Misuse(f'argument "{missing.name}" is required')
        return Call(
            args=args,
            options=parsed.options,
            explicit=parsed.explicit,
            now=time.time,
            directory=nowhere,
            environ=self._environ,
            note=lambda _text: None,
            progress=_Silent(),
            files=files if parsed.file is not None else None,
            home_or_none=home,
            peers=self._peers,
            wait=wait,
            stop=self._stop,
            agent_suffix=self._agent_suffix,
            journal=self._journal,
            rendered_text=as_text,
            globals=parsed.globals,
        )


class _Answer:
    """The response to one request, begun with its first bytes."""

    def __init__(
        self,
        request: web.BaseRequest,
        headers: Mapping[str, str],
    ) -> None:
        self._request, self._headers = request, headers
        self._response: web.StreamResponse | None = None

    async def send(self, pieces: list[bytes], length: int | None) -> None:
        """Send *pieces*, beginning the response if it isn't."""
        response = self._response or await self._begin(200, self._all_headers(length))
        await response.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))

    def may_be_whole(self) -> bool:
        """Tell whether the answer, all of it at hand, may go out in one piece."""
        request = self._request
        begun = self._response is not None
        return not begun and request.version == HttpVersion11 and request.content.is_eof()

    def whole(self, pieces: list[bytes], length: int | None) -> web.StreamResponse:
        """Return the answer that *pieces* are all of."""
        return Whole(self._all_headers(length), b"".join(pieces))

    async def end(self, fault: BaseException | None, length: int | None) -> web.StreamResponse:
        """End the response: by itself, as an error, or with one in the trailer."""
        response = self._response
        if response is None:
            if fault is not None:
                return await self._failed(fault)
            if self.may_be_whole():
                return self.whole([], length)
            response = await self._begin(200, self._all_headers(length))
        if fault is None:
            await response.write_eof()
        elif not response.chunked:  # HTTP/1.0 has no other way to say that it isn't whole
            if self._request.transport is not None:
                self._request.transport.abort()
        else:
            await trailers.end(response, {_ERROR: _message(fault)})
        return response

    async def _begin(self, status: int, headers: Mapping[str, str]) -> web.StreamResponse:
        response = self._response = web.StreamResponse(status=status, headers=headers)
        if not self._request.content.is_eof():
            response.force_close()
            response.headers["Connection"] = "close"
        if self._request.version >= HttpVersion11:
            response.enable_chunked_encoding()
        else:
            response.force_close()  # the end of the connection is the end of the answer
        await response.prepare(self._request)
        return response

    def _all_headers(self, length: int | None) -> dict[str, str]:
        headers = {
            "Access-Control-Allow-Headers": _STREAM_HEADERS,
            "Access-Control-Expose-Headers": _STREAM_HEADERS,
            "Server": SERVER,
            "Trailer": _ERROR,
            **self._headers,
        }
        if length is not None:
            headers["X-Content-Length"] = str(length)
        return headers

    async def _failed(self, fault: BaseException) -> web.StreamResponse:
        """Answer with an error; chunked, as Go has it once a trailer is announced."""
        code = kubo_code(fault)
        body = line({"Message": _message(fault), "Code": code, "Type": "error"})
        headers = self._all_headers(None) | {"Content-Type": "application/json"}
        for name in ("X-Stream-Output", "X-Chunked-Output"):
            headers.pop(name, None)
        response = await self._begin(_STATUS.get(code, 500), headers)
        await response.write(body)
        await response.write_eof()
        return response


_STATUS = {CLIENT: 400}


def _noted(target: Target, parsed: Given) -> tuple[str, list[str], dict[str, Any]]:
    """Return command, arguments and options for the journal: without any that may be secret."""
    command = target.command
    name = "/".join(command.path[1:])
    if command.secret:
        return name, [], {}
    args: list[str] = []
    for value in parsed.args.values():
        args += value if isinstance(value, tuple) else [] if value is None else [value]
    names = query.option_names(command)
    given = {key: value for key, value in parsed.options.items() if value is not None}
    given |= {"encoding": "json"} | parsed.globals
    given.pop("api_auth", None)
    return name, args, {names.get(key, key): value for key, value in given.items()}


def _is_single(command: Command, parsed: Given) -> bool:
    """Tell whether there will be one value."""
    if command.answer is Answer.VALUES:
        return command.single is not None and command.single(parsed.options)
    return command.answer is Answer.VALUE


def _media(target: Target, parsed: Given, *, as_text: bool) -> dict[str, str]:
    """Return the headers that say what kind of answer follows."""
    command = target.command
    if command.answer is Answer.BYTES:
        media = command.content_type
        if callable(media):
            media = media(parsed.options)
        return {"Content-Type": media or "text/plain", "X-Stream-Output": "1"}
    headers = {"Content-Type": "text/plain" if as_text else "application/json"}
    if not _is_single(command, parsed):
        headers["X-Chunked-Output"] = "1"
    return headers


_BLOCK_HEADERS: Final = {
    "Access-Control-Allow-Headers": _STREAM_HEADERS,
    "Access-Control-Expose-Headers": _STREAM_HEADERS,
    "Content-Type": "application/vnd.ipld.raw",
    "Server": SERVER,
    "Trailer": _ERROR,
    "X-Stream-Output": "1",
}


def _message(fault: BaseException) -> str:
    if isinstance(fault, JiaoziError):
        return kubo_message(fault)
    if isinstance(fault, OSError):
        return (fault.strerror or type(fault).__name__).lower()
    return "internal error; the node's log has it"


async def _filled(request: web.BaseRequest, inlet: Inlet) -> None:
    """Wait for a small body, so that no thread does, and hand it over."""
    try:
        inlet.fill(await request.content.read())
    except (web.RequestPayloadError, ConnectionError):
        inlet.end(Unavailable("the connection was lost amid the request's body"))


async def _pump(request: web.BaseRequest, inlet: Inlet) -> None:
    """Hand the body over to the thread as it comes."""
    try:
        async for data in request.content.iter_any():
            if not await inlet.put(data):
                return
    except (web.RequestPayloadError, ConnectionError):
        inlet.end(Unavailable("the connection was lost amid the request's body"))
    except asyncio.CancelledError:
        inlet.abandon()
        raise
    else:
        inlet.end()


async def _ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _timeout(parsed: Given) -> float | None:
    text = parsed.globals.get("timeout")
    return None if text is None else max(duration_s(text), 0.0)


def _is_socket(request: web.BaseRequest) -> bool:
    transport = request.transport
    return transport is not None and not isinstance(transport.get_extra_info("sockname"), tuple)


def _plain(status: int, text: str, headers: Mapping[str, str]) -> web.Response:
    """Return what Go's ``http.Error`` sends."""
    body = f"{text}\n".encode("utf-8", "surrogateescape")
    given: dict[str, Any] = {
        **headers,
        "Content-Type": "text/plain; charset=utf-8",
        "X-Content-Type-Options": "nosniff",
        "Server": SERVER,
    }
    return web.Response(status=status, body=body, headers=given)


def _preflight(request: web.BaseRequest, rules: Rules, cors: dict[str, str]) -> web.Response:
    """Answer OPTIONS: what a script of an allowed origin may send, or just the methods."""
    wanted = request.headers.get("Access-Control-Request-Method")
    if wanted is None or request.headers.get("Origin") is None:
        return web.Response(status=204, headers=cors | {"Allow": "OPTIONS, POST"})
    vary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
    headers = cors | {"Vary": vary}
    if "Access-Control-Allow-Origin" in cors and wanted in rules.methods:
        headers["Access-Control-Allow-Methods"] = wanted
        asked = request.headers.get("Access-Control-Request-Headers", "")
        names = {name.strip().lower() for name in asked.split(",") if name.strip()}
        if names <= _REQUEST_HEADERS:
            if names:
                headers["Access-Control-Allow-Headers"] = ", ".join(sorted(names))
        else:
            headers.pop("Access-Control-Allow-Methods")
    return web.Response(status=204, headers=headers)


_REQUEST_HEADERS = frozenset(("origin", "accept", "content-type", "x-requested-with"))
