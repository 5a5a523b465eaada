"""Who may call: 12 origins, 6 hosts and 5 methods over a real socket, each with a stated answer."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from jiaozi_node.http.guard import Door
from jiaozi_node.http.listening import Listener, parse
from jiaozi_node.http.rpc.admission import Rules, rules_of
from jiaozi_node.http.rpc.engine import Rpc
from jiaozi_node.node.local_home import LocalHome
from tests.http.rpc.conftest import Answer, Node, read

pytestmark = pytest.mark.asyncio

# ``{port}`` is the node's own. True: a page of this origin may call.
ORIGINS = {
    None: True,
    "http://127.0.0.1:{port}": True,
    "http://localhost:{port}": True,
    "https://[::1]:{port}": True,
    "HTTP://LocalHost:{port}": True,
    "https://friend.example": True,  # API.HTTPHeaders names it
    "chrome-extension://nibjojkomfdiaoajekhjakgkdhaomnch": True,  # IPFS Companion
    "http://127.0.0.1:1": False,  # another port is another origin
    "http://localhost.evil.example:{port}": False,
    "http://evil.example": False,
    "null": False,  # a sandboxed frame, a file
    "": False,
}
HOSTS = {
    "127.0.0.1:{port}": True,
    "localhost:{port}": True,
    "[::1]:{port}": True,
    "api.friend.example": True,  # API.HTTPHosts names it
    "rebound.example:{port}": False,  # a name that its owner points at 127.0.0.1
    "localhost.evil.example": False,
}
METHODS = ("POST", "GET", "HEAD", "PUT", "OPTIONS")
CONFIG = {
    "API": {
        "HTTPHeaders": {"Access-Control-Allow-Origin": ["https://friend.example"]},
        "HTTPHosts": ["api.friend.example"],
    }
}


@pytest_asyncio.fixture
async def friendly(tmp_path: Path) -> AsyncIterator[Node]:
    """A node with a friend."""
    home = LocalHome.create(tmp_path / "home")
    rules = Rules()
    rpc = Rpc(home, lambda: rules, environ={})
    door = Door(rpc)
    server = await asyncio.get_running_loop().create_server(door, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    rules = rules_of(CONFIG, port)
    yield Node(home, port, rpc)
    server.close()
    await door.shut(0)
    assert await rpc.drain(10)
    home.close()


@pytest.mark.parametrize("origin", ORIGINS, ids=str)
async def test_the_matrix(friendly: Node, origin: str | None) -> None:
    """One connection an origin; 12 times 6 times 5 requests in all."""
    port, allowed = friendly.port, ORIGINS[origin]
    shown = None if origin is None else origin.format(port=port)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for host, known in HOSTS.items():
        for method in METHODS:
            lines = [f"{method} /api/v0/version HTTP/1.1", f"Host: {host.format(port=port)}"]
            lines += [] if shown is None else [f"Origin: {shown}"]
            writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
            answer = await read(reader, head_only=method == "HEAD")
            told = (method, host, answer.status)
            if method == "OPTIONS":
                assert answer.status == 204, told
            elif method != "POST":
                assert (answer.status, answer.headers["Allow"]) == (405, "OPTIONS, POST"), told
            elif allowed and known:
                assert answer.status == 200, told
                assert b'"Version"' in answer.body
            else:
                assert answer.status == 403, told
                assert b"Version" not in answer.body
            named = answer.headers.get("Access-Control-Allow-Origin")
            assert named == (shown if allowed else None), told
            assert answer.headers["Vary"].split(",")[0] == "Origin", told
    writer.close()


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ("Referer: http://127.0.0.1:{port}/webui", 200),
        ("Referer: http://evil.example/page", 403),
        ("Referer: http://[broken", 403),
        ("User-Agent: Mozilla/5.0", 403),  # a browser that says not where it comes from
        ("User-Agent: Mozilla/5.0 Electron/30", 200),
        ("User-Agent: curl/8", 200),
        ("Origin: http://evil.example\r\nReferer: http://127.0.0.1:{port}/", 403),
    ],
)
async def test_other_fields_that_browsers_send(friendly: Node, fields: str, status: int) -> None:
    host = f"Host: 127.0.0.1:{friendly.port}"
    raw = f"POST /api/v0/version HTTP/1.1\r\n{host}\r\n{fields.format(port=friendly.port)}\r\n\r\n"
    assert (await friendly.send(raw.encode())).status == status


# ---- tokens, and a socket of the file system -------------------------------------------------

SECRETS = {
    "API": {
        "Authorizations": {
            "all": {"AuthSecret": "bearer:token-of-all", "AllowedPaths": ["/api/v0"]},
            "reader": {"AuthSecret": "basic:user:word", "AllowedPaths": ["/api/v0/cat"]},
            "watcher": {"AuthSecret": "watching", "AllowedPaths": ["/debug/metrics"]},
        }
    }
}
CAT = "cat?arg=bafkqablimvwgy3y"  # an identity CID: "hello"


@pytest_asyncio.fixture(params=["tcp", "unix"])
async def guarded(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[tuple[Listener, Path]]:
    """A node that asks for tokens, on a port or on a socket."""
    home = LocalHome.create(tmp_path / "home")
    rules = rules_of(SECRETS, 5001)
    rpc = Rpc(home, lambda: rules, environ={})
    door = Door(rpc)
    text = "/ip4/127.0.0.1/tcp/0" if request.param == "tcp" else f"/unix{tmp_path}/api.sock"
    listener = await Listener.begin(door, parse(text))
    yield listener, tmp_path
    listener.close()
    await door.shut(0)
    assert await rpc.drain(10)
    home.close()


async def ask(listener: Listener, path: str, token: str | None, method: str = "POST") -> Answer:
    address = listener.address
    if address.kind == "unix":
        reader, writer = await asyncio.open_unix_connection(address.path)
    else:
        reader, writer = await asyncio.open_connection(address.host, address.port)
    field = "" if token is None else f"Authorization: {token}\r\n"
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{field}\r\n".encode())
    answer = await read(reader)
    writer.close()
    return answer


async def test_tokens_open_their_paths_and_no_others(guarded: tuple[Listener, Path]) -> None:
    listener, _ = guarded
    basic = "Basic dXNlcjp3b3Jk"
    metrics = "/debug/metrics/prometheus"
    wanted = {
        (f"/api/v0/{CAT}", "Bearer token-of-all", "POST"): 200,
        (f"/api/v0/{CAT}", basic, "POST"): 200,
        ("/api/v0/id", basic, "POST"): 403,
        ("/api/v0/version", basic, "POST"): 200,  # Kubo: whoever has a token may ask
        ("/api/v0/version", None, "POST"): 403,
        ("/api/v0/id", "Bearer token-of-al", "POST"): 403,
        ("/api/v0/id", "bearer token-of-all", "POST"): 403,
        ("/api/v0/id", "Basic token-of-all", "POST"): 403,
        ("/api/v0/id", "", "POST"): 403,
        ("/api/v0/nothing", None, "POST"): 403,  # strangers aren't told what there is
        (metrics, "Bearer watching", "GET"): 200,
        (metrics, "Bearer token-of-all", "GET"): 403,
        (metrics, None, "GET"): 403,
    }
    for (path, token, method), status in wanted.items():
        answer = await ask(listener, path, token, method)
        assert answer.status == status, (path, token)
        for secret in (b"token-of-all", b"word", b"watching", b"dXNl"):
            assert secret not in answer.body + str(answer.headers).encode()
    assert (await ask(listener, f"/api/v0/{CAT}", basic)).body == b"hello"


async def test_a_socket_is_its_owners_alone(guarded: tuple[Listener, Path]) -> None:
    listener, place = guarded
    if listener.address.kind == "unix":
        assert (place / "api.sock").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "GZIP", "identity, gzip", "x"])
async def test_compressed_bodies_are_refused_unread(friendly: Node, coding: str) -> None:
    raw = (
        f"POST /api/v0/add HTTP/1.1\r\nHost: 127.0.0.1:{friendly.port}\r\nContent-Length: 9\r\n"
        f"Content-Encoding: {coding}\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n"
    )
    assert (await friendly.send(raw.encode() + b"\x1f\x8b1234567")).status == 415
