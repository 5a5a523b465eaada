"""Requests over a bare socket, some for each kind of answer, and what of them is compared."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from interop.kubo.rpc.cases import Mask
from interop.kubo.rpc.masks import GOLANG, OURS, TAR
from interop.kubo.rpc.wire import Response

# What clients read; Date, Server and lengths that follow from the body are left out.
_HEADERS: Final = (
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "allow",
    "connection",
    "content-disposition",
    "content-type",
    "trailer",
    "transfer-encoding",
    "vary",
    "x-chunked-output",
    "x-content-length",
    "x-content-type-options",
    "x-stream-output",
)
_BOUNDARY: Final = "cut-here"


@dataclass(frozen=True, slots=True)
class Request:
    """One request; braces in *target* and *body* are words as in a `Case`."""

    rule: str
    target: str
    method: str = "POST"
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    masks: tuple[Mask, ...] = ()
    loose: Mapping[str, str] = field(default_factory=dict)  # header: why it may differ

    def raw(self, port: int, words: Mapping[str, str]) -> bytes:
        """Return the bytes to send."""
        lines = [
            f"{self.method} {self.target.format_map(words)} HTTP/1.1",
            f"Host: 127.0.0.1:{port}",
            "Connection: close",
        ]
        body = self.body or b""
        if self.body is not None:
            lines += [f"Content-Type: multipart/form-data; boundary={_BOUNDARY}"]
        if self.body is not None or self.method == "POST":
            lines += [f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value.format(port=port)}" for name, value in self.headers.items()]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    def compared(self, response: Response) -> dict[str, bytes]:
        """Return what of *response* must be equal."""
        body, trailer = response.body, response.trailers.get("x-stream-error", "").encode()
        for mask in self.masks:
            body, trailer = mask.apply(body), mask.apply(trailer)
        headers = {
            name: response.headers.get(name, "").encode()
            for name in _HEADERS
            if name not in self.loose
        }
        return {"status": str(response.status).encode(), "body": body, "trailer": trailer} | headers


def part(data: bytes, *headers: str) -> bytes:
    """Return one part of a body."""
    head = "\r\n".join((f"--{_BOUNDARY}", *headers)).encode()
    return head + b"\r\n\r\n" + data + b"\r\n"


def upload(*parts: bytes) -> bytes:
    """Return a whole body."""
    return b"".join(parts) + f"--{_BOUNDARY}--\r\n".encode()


def file(name: str, data: bytes, media: str = "application/octet-stream") -> bytes:
    """Return the part of one file."""
    return part(
        data,
        f'Content-Disposition: form-data; name="file"; filename="{name}"',
        f"Content-Type: {media}",
    )


REQUESTS: Final = (
    # ── one value
    Request("one value", "/api/v0/block/stat?arg={small}"),
    Request("one value, as text", "/api/v0/block/stat?arg={small}&encoding=text"),
    Request(
        "a version",
        "/api/v0/version?enc=json",
        masks=(GOLANG,),
    ),
    Request("an argument in the path", "/api/v0/block/stat/{small}"),
    Request("an unknown option is nothing", "/api/v0/block/stat?arg={small}&nonsense=1"),
    Request("more arguments than declared", "/api/v0/block/stat?arg={small}&arg=x"),
    Request("the commands", "/api/v0/commands?encoding=text", masks=(OURS,)),
    Request("the commands' options", "/api/v0/commands?encoding=text&flags=true", masks=(OURS,)),
    # ── several values
    Request("rows", "/api/v0/refs?arg={tree}&recursive=true"),
    Request("rows as text", "/api/v0/refs?arg={tree}&encoding=text"),
    Request("rows of which there are none", "/api/v0/refs?arg={raw}"),
    Request("pins streamed", "/api/v0/pin/ls?arg={tree}&stream=true"),
    Request("no rows at all", "/api/v0/config/replace", body=None),
    Request("ls as JSON", "/api/v0/ls?arg={dated}"),
    Request("ls streamed", "/api/v0/ls?arg={dated}&stream=true"),
    Request("a bare bool is true", "/api/v0/pin/ls?arg={tree}&quiet"),
    # ── bytes
    Request("bytes of a file", "/api/v0/cat?arg={big}"),
    Request("bytes of a part", "/api/v0/cat?arg={big}&offset=262143&length=3"),
    Request("a block", "/api/v0/block/get?arg={small}"),
    Request("a tar", "/api/v0/get?arg={tree}/sub", masks=(TAR,)),
    Request("a file in a tar", "/api/v0/get?arg={small}&archive=true", masks=(TAR,)),
    Request("a profile", "/api/v0/diag/profile?collectors=version&profile-time=0s", masks=(TAR,)),
    Request("a CAR", "/api/v0/dag/export?arg={tree}"),
    Request("a node", "/api/v0/dag/get?arg={plain}"),
    # ── uploads
    Request("an upload", "/api/v0/add", body=upload(file("a%20b.txt", b"hello"))),
    Request("an upload with progress", "/api/v0/add?progress=true", body=upload(file("a", b"hi"))),
    Request(
        "a nameless part",
        "/api/v0/add",
        body=upload(part(b"x", 'Content-Disposition: form-data; name="x"')),
    ),
    Request(
        "a tree",
        "/api/v0/add?wrap-with-directory=true",
        body=upload(
            file("d", b"", "application/x-directory"),
            file("d%2Fe.txt", b"e"),
            file("d%2Fl", b"e.txt", "application/symlink"),
        ),
    ),
    Request("parents that are absent", "/api/v0/add", body=upload(file("p/q/r.txt", b"r"))),
    Request("an empty body of an upload", "/api/v0/add", body=upload()),
    Request("a block put", "/api/v0/block/put", body=upload(file("x", b"data"))),
    Request("a dag put", "/api/v0/dag/put", body=upload(file("x", b"{}"))),
    Request(
        "arguments in the body",
        "/api/v0/cid/base32",
        body=upload(file("x", b"QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn\n")),
    ),
    # ── refusals
    Request("a fault before the first byte", "/api/v0/block/stat?arg={missing}"),
    Request("a fault of bytes", "/api/v0/cat?arg={missing}"),
    Request("a fault of rows", "/api/v0/refs?arg=not-a-cid"),
    Request("a fault amid rows", "/api/v0/refs?arg={missing}"),
    Request("no argument", "/api/v0/cat"),
    Request("no file", "/api/v0/add"),
    Request("a bool that is none", "/api/v0/pin/ls?arg={tree}&stream=perhaps"),
    Request("a number that is none", "/api/v0/cat?arg={small}&offset=x"),
    Request("an option twice", "/api/v0/pin/ls?type=all&type=direct"),
    Request("an encoding that is none", "/api/v0/version?encoding=nonsense"),
    Request("an unknown command", "/api/v0/nonsense"),
    Request("an unknown command below a group", "/api/v0/pin/nonsense"),
    Request("a group", "/api/v0/pin"),
    Request("the root", "/api/v0/"),
    Request("GET", "/api/v0/version", "GET"),
    Request("PUT", "/api/v0/version", "PUT"),
    Request("OPTIONS", "/api/v0/version", "OPTIONS"),
    Request("a foreign origin", "/api/v0/version", headers={"Origin": "http://example.com"}),
    Request(
        "our own origin",
        "/api/v0/version",
        headers={"Origin": "http://127.0.0.1:{port}"},
        masks=(GOLANG,),
        loose={"access-control-allow-origin": "names the port"},
    ),
    Request(
        "a preflight",
        "/api/v0/version",
        "OPTIONS",
        headers={"Origin": "http://127.0.0.1:{port}", "Access-Control-Request-Method": "POST"},
        loose={"access-control-allow-origin": "names the port"},
    ),
    Request("a browser without origin", "/api/v0/version", headers={"User-Agent": "Mozilla/5.0"}),
    Request("a client's own fault", "/api/v0/bitswap/stat"),
    Request("a removed command", "/api/v0/object/get?arg={tree}"),
    Request("nothing to say", "/api/v0/diag/cmds/clear"),
    Request("healthy", "/api/v0/diag/healthy"),
    Request("a HEAD", "/api/v0/version", "HEAD"),
)
