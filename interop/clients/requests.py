"""One HTTP request to the RPC with the standard library, as curl or a browser would send it."""

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from interop.daemons import Daemon

BOUNDARY = "----jiaozi"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def rows(self) -> list[Any]:
        """The JSON values of the body, one a line."""
        return [json.loads(line) for line in self.body.split(b"\n") if line]


def form(*files: tuple[str, bytes]) -> bytes:
    """Return the body of an upload of (filename, content)."""
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{{}}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    parts = b"".join(head.format(name).encode() + content + b"\r\n" for name, content in files)
    return parts + f"--{BOUNDARY}--\r\n".encode()


def post(
    daemon: Daemon,
    path: str,
    query: tuple[tuple[str, str], ...] = (),
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> Reply:
    """Send one request and read its whole answer."""
    given = dict(headers or {})
    if body is not None:
        given.setdefault("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
    line = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=60)
    try:
        line.request("POST", f"/api/v0/{path}?{urlencode(query)}", body=body, headers=given)
        answer = line.getresponse()
        return Reply(answer.status, dict(answer.getheaders()), answer.read())
    finally:
        line.close()
