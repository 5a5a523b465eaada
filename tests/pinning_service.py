"""A pinning service of one process, by the API's specification: for clients to talk to."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

KEY: Final = "secret-token"


class PinningServer:
    """What the service holds. *progress*: statuses that a new pin goes through, asked by asked.

    *instead* is answered to everything, where set: (status, body).
    """

    def __init__(self) -> None:
        self.pins: list[dict[str, Any]] = []
        self.progress: tuple[str, ...] = ("queued", "pinned")
        self.instead: tuple[int, bytes] | None = None
        self.page = 1000
        self.asked: list[str] = []
        self.endpoint = ""

    def add(self, body: dict[str, Any]) -> dict[str, Any]:
        number = len(self.pins)
        status = {
            "requestid": f"id/{number}",
            "status": self.progress[0],
            "created": f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z",
            "pin": body,
            "delegates": [],
            "info": {},
            "asked": 0,
        }
        self.pins.append(status)
        return status

    def find(self, request_id: str) -> dict[str, Any] | None:
        for one in self.pins:
            if one["requestid"] == request_id:
                one["asked"] += 1
                one["status"] = self.progress[min(one["asked"], len(self.progress) - 1)]
                return one
        return None

    def matching(self, query: dict[str, list[str]]) -> list[dict[str, Any]]:
        def given(key: str, default: str = "") -> str:
            return query.get(key, [default])[0]

        found = []
        for one in reversed(self.pins):
            wanted = (
                one["status"] in given("status", "pinned").split(",")
                and (not given("cid") or one["pin"]["cid"] in given("cid").split(","))
                and (not given("name") or one["pin"].get("name") == given("name"))
                and (not given("before") or one["created"] < given("before"))
            )
            if wanted:
                found.append(one)
        return found


@contextmanager
def serving() -> Iterator[PinningServer]:
    """Run a service on a free port of 127.0.0.1."""
    held = PinningServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def _answer(self, status: int, value: object) -> None:
            body = value if isinstance(value, bytes) else json.dumps(value).encode()
            self.send_response(status)
            if status != 202 or body:
                self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _route(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(size)
            target = urlsplit(self.path)
            held.asked.append(f"{self.command} {self.path}")
            if held.instead is not None:
                self._answer(*held.instead)
            elif self.headers.get("Authorization") != f"Bearer {KEY}":
                error = {"error": {"reason": "UNAUTHORIZED", "details": "Access token is wrong"}}
                self._answer(401, error)
            elif target.path == "/api/pins" and self.command == "POST":
                self._answer(202, held.add(json.loads(body)))
            elif target.path == "/api/pins":
                query = parse_qs(target.query)
                found = held.matching(query)
                limit = min(int(query.get("limit", ["10"])[0]), held.page)
                self._answer(200, {"count": len(found), "results": found[:limit]})
            else:
                request_id = unquote(target.path.removeprefix("/api/pins/"))
                one = held.find(request_id)
                if one is None:
                    self._answer(404, {"error": {"reason": "NOT_FOUND", "details": request_id}})
                elif self.command == "DELETE":
                    held.pins.remove(one)
                    self._answer(202, b"")
                else:
                    self._answer(200, one)

        do_GET = do_POST = do_DELETE = _route

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    held.endpoint = f"http://127.0.0.1:{server.server_address[1]}/api"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield held
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
