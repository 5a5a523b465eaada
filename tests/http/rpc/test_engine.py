"""The RPC's wire: statuses, headers, bodies and trailers as Kubo has them; uploads; leaving."""

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from jiaozi_node.commands import registry
from jiaozi_node.commands.declare import Answer, Call, Command, Needs
from jiaozi_node.errors import NotFound
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.http.rpc import engine
from tests.http.rpc.conftest import Node, form, read

pytestmark = pytest.mark.asyncio

BLOCK = Block.of(b"read again and again")
FILE = "application/octet-stream"
STREAMS = "X-Stream-Output, X-Chunked-Output, X-Content-Length"
HELLO = "QmZULkCELmmk5XNfCgTnCyFgAVxBRBXyDHGGMVoLFLiXEN"  # "hello\n", as `ipfs add` says


def rows(body: bytes) -> list[dict[str, Any]]:
    assert body.endswith(b"\n") or not body
    return [json.loads(line) for line in body.splitlines()]


async def test_one_value(node: Node) -> None:
    answer = await node.post("version")
    assert answer.status == 200
    assert rows(answer.body)[0]["Version"] == "0.43.0"
    answer.headers.pop("Date")
    assert answer.headers == {
        "Access-Control-Allow-Headers": STREAMS,
        "Access-Control-Expose-Headers": STREAMS,
        "Content-Type": "application/json",
        "Server": engine.SERVER,
        "Trailer": "X-Stream-Error",
        "Vary": "Origin",
        "Transfer-Encoding": "chunked",
    }


async def test_several_values_are_lines(node: Node) -> None:
    answer = await node.post("cid/format?arg=" + HELLO + "&arg=" + HELLO)
    assert answer.headers["X-Chunked-Output"] == "1"
    assert [row["CidStr"] for row in rows(answer.body)] == [HELLO, HELLO]


async def test_bytes_are_no_page(node: Node) -> None:
    await node.post("add", **form(("f", FILE, b"<script>")))
    added = rows((await node.post("add", **form(("f", FILE, b"<script>")))).body)
    answer = await node.post("cat?arg=" + added[0]["Hash"])
    assert (answer.body, answer.headers["Content-Type"]) == (b"<script>", "text/plain")
    assert answer.headers["X-Stream-Output"] == "1"
    assert answer.headers["X-Content-Length"] == "8"
    assert "X-Chunked-Output" not in answer.headers
    block = await node.post("block/get?arg=" + added[0]["Hash"])
    assert block.headers["Content-Type"] == "application/vnd.ipld.raw"
    car = await node.post("dag/export?arg=" + added[0]["Hash"])
    assert car.headers["Content-Type"] == "application/vnd.ipld.car"
    empty = rows((await node.post("add", **form(("f", FILE, b"")))).body)
    answer = await node.post("cat?arg=" + empty[0]["Hash"])
    assert (answer.body, answer.headers["X-Content-Length"]) == (b"", "0")


async def test_text_when_asked_for(node: Node) -> None:
    answer = await node.post("version?encoding=text")
    assert answer.headers["Content-Type"] == "text/plain"
    assert answer.body == b"ipfs version 0.43.0\n"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
async def test_other_methods_are_not_allowed(node: Node, method: str) -> None:
    raw = f"{method} /api/v0/version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
    writer.write(raw.encode())
    got = await reader.read()
    assert got.startswith(b"HTTP/1.1 405 Method Not Allowed\r\n")
    assert b"\r\nAllow: OPTIONS, POST\r\n" in got
    writer.close()


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("nothing", 404, "404 page not found"),
        ("config/edit", 404, "404 page not found"),
        ("cat?arg=x&offset=x", 400, 'could not convert value "x" to type "int64"'),
        ("add", 400, "file argument 'path' is required"),
        ("pin/rm", 400, 'argument "ipfs-path" is required'),
        ("version?timeout=soon", 400, 'time: invalid duration "soon"'),
        ("cat?arg=nonsense", 500, "invalid path"),
    ],
)
async def test_faults_before_and_in_a_command(
    node: Node, path: str, status: int, says: str
) -> None:
    answer = await node.post(path)
    assert answer.status == status
    assert says in answer.body.decode()
    if status == 500:
        assert list(rows(answer.body)[0]) == ["Message", "Code", "Type"]
        assert answer.headers["Content-Type"] == "application/json"
    else:
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_stranger_is_forbidden_and_told_nothing(node: Node) -> None:
    answer = await node.post("version", Origin="https://evil.example")
    assert (answer.status, answer.body) == (403, b"403 - Forbidden\n")
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert (await node.post("version", Host="rebound.example")).status == 403
    friend = await node.post("version", Origin="http://localhost:5001")
    assert friend.headers["Access-Control-Allow-Origin"] == "http://localhost:5001"


async def test_preflights(node: Node) -> None:
    plain = await node.post("version", method="OPTIONS")
    assert (plain.status, plain.headers["Allow"]) == (204, "OPTIONS, POST")
    asks = {"Access_Control_Request_Method": "POST", "Origin": "http://localhost:5001"}
    answer = await node.post("add", b"", "OPTIONS", **asks)
    assert answer.headers["Access-Control-Allow-Methods"] == "POST"
    for other in ({"Origin": "https://evil.example"}, {"Access_Control_Request_Method": "DELETE"},
                  {"Access_Control_Request_Headers": "x-own"}):  # fmt: skip
        answer = await node.post("add", b"", "OPTIONS", **(asks | other))
        assert answer.status == 204
        assert "Access-Control-Allow-Methods" not in answer.headers


async def test_compressed_bodies_are_refused(node: Node) -> None:
    answer = await node.post("add", Content_Encoding="gzip", **form(("f", FILE, b"x")))
    assert answer.status == 415


async def test_an_upload_of_a_tree_has_kubos_cids(node: Node) -> None:
    """As `ipfs add -r` of the same files says; ``+`` is a space, ``..`` leads nowhere."""
    answer = await node.post(
        "add?progress=true",
        **form(
            ("d", "application/x-directory", b""),
            ("d%2Fa+b.txt", FILE, b"hi\n"),
            ("../d/e/f", FILE, b"x\n"),
            ("d/l", "application/symlink", b"e"),
            ("", FILE, b"hello\n"),
        ),
    )
    assert answer.status == 200
    told = rows(answer.body)
    assert [row for row in told if "Bytes" in row] == [
        {"Name": "d/a b.txt", "Bytes": 3},
        {"Name": "d/e/f", "Bytes": 2},
        {"Name": "", "Bytes": 6},
    ]
    assert [(row["Name"], row["Hash"]) for row in told if "Hash" in row] == [
        ("d/a b.txt", "QmZLRFWaz9Kypt2ACNMDzA5uzACDRiCqwdkNSP1UZsu56D"),
        ("d/e/f", "QmUNXr47Bja3aHUMfhXX5mMWTFJKuoUGETcA48vHG7dhag"),
        ("d/l", "QmVeX29nSinHXuqJvvgzC7fRsHodweTHimUB9TFrVc2syF"),
        ("d/e", "QmaSeHG7fsngtcNsHqXBf7nA6gWr1DzJJkTs1hQgX9yrFu"),
        ("d", "QmVYUtALwpEP9KSJdYz3Hqr5VrcPXqcedFkG69CRhnLbgx"),
        (HELLO, HELLO),
    ]
    assert [cid for cid, _ in node.home.names.scan("pins")] == sorted(
        Cid.parse(text).raw for text in (HELLO, told[-2]["Hash"])
    )


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"--b\r\n\r\nhalf", "part 1: the body ends before the closing boundary"),
        (b"--b\r\nnonsense\r\n\r\n\r\n--b--", "part 1: a header line is none"),
        (form(("d/a", FILE, b""), ("e", FILE, b""), ("d/b", FILE, b""))["body"], "comes twice"),
        (form(("a", FILE, b"", "file?mode=9"))["body"], "its mode is no number: '9'"),
        (form(("a", FILE, b"", "file?mtime=1&mtime-nsecs=1000000000"))["body"], "mtime-nsecs is"),
        (form(("a%00b", FILE, b""))["body"], "its filename holds a NUL"),
    ],
)
async def test_a_broken_upload_is_one_clear_error_and_pins_nothing(
    node: Node, body: bytes, says: str
) -> None:
    answer = await node.post("add", body, Content_Type="multipart/form-data; boundary=b")
    message = answer.trailers.get("X-Stream-Error") or rows(answer.body)[0]["Message"]
    assert says in message
    assert not list(node.home.names.scan("pins"))


async def test_an_upload_without_a_boundary_is_refused(node: Node) -> None:
    answer = await node.post("add", b"", Content_Type="multipart/form-data")
    assert (answer.status, answer.body) == (
        400,
        b"multipart body: its Content-Type names no boundary\n",
    )


async def test_arguments_may_come_in_the_body(node: Node) -> None:
    added = await node.post("add?pin=false", **form(("f", FILE, b"hello\n")))
    assert rows(added.body)[0]["Hash"] == HELLO
    answer = await node.post("pin/add", **form(("", FILE, HELLO.encode() + b"\r\n")))
    assert rows(answer.body) == [{"Pins": [HELLO]}]


# ---- commands made for the test, at the places where time passes ----------------------------


def _install(monkeypatch: pytest.MonkeyPatch, handler: Any, answer: Answer) -> None:
    command = Command(("ipfs", "made"), "", handler, answer=answer, needs=Needs.NOTHING)
    monkeypatch.setitem(registry.COMMANDS, ("ipfs", "made"), ("", "", ""))
    load = registry.load
    monkeypatch.setattr(
        registry, "load", lambda path: command if path == ("ipfs", "made") else load(path)
    )


async def test_a_fault_behind_the_first_byte_is_a_trailer(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def handler(_call: Call) -> Iterator[Any]:
        yield {"a": 1}
        raise NotFound("gone\r\nX-Evil: 1")

    _install(monkeypatch, handler, Answer.VALUES)
    answer = await node.post("made")
    assert answer.status == 200
    assert answer.body == b'{"a":1}\n'
    assert answer.trailers == {"X-Stream-Error": "gone  X-Evil: 1"}


async def test_a_command_that_yields_nothing_has_an_empty_body(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def handler(_call: Call) -> Iterator[Any]:
        yield from ()

    _install(monkeypatch, handler, Answer.VALUES)
    answer = await node.post("made")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["X-Chunked-Output"] == "1"


async def test_an_unforeseen_fault_says_nothing_of_the_inside(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def handler(_call: Call) -> Iterator[Any]:
        yield from ()
        raise ZeroDivisionError("secret")

    _install(monkeypatch, handler, Answer.VALUES)
    answer = await node.post("made")
    assert answer.status == 500
    assert b"secret" not in answer.body


async def test_a_timeout_ends_the_answer(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def handler(_call: Call) -> Iterator[Any]:
        try:
            while True:
                yield {"a": 1}
        finally:
            over.set()

    _install(monkeypatch, handler, Answer.VALUES)
    answer = await node.post("made?timeout=50ms")
    assert answer.trailers == {"X-Stream-Error": "context deadline exceeded"}
    await asyncio.to_thread(over.wait)


async def test_a_client_that_leaves_ends_the_work(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    def handler(_call: Call) -> Iterator[Any]:
        try:
            while True:
                yield b"0123456789" * 1000
        finally:
            over.set()

    _install(monkeypatch, handler, Answer.BYTES)
    _, writer = await asyncio.open_connection("127.0.0.1", node.port)
    writer.write(b"POST /api/v0/made HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await writer.drain()
    writer.transport.abort()
    await asyncio.to_thread(over.wait)


async def test_a_walk_that_says_nothing_ends_when_its_client_leaves(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Like `pin add` or `dag stat` of a large DAG: it reads, and sends nothing for a long time."""
    begun, over = threading.Event(), threading.Event()
    with node.home.blocks.writer() as store:
        store.put([BLOCK])

    def handler(call: Call) -> Iterator[Any]:
        try:
            while True:
                call.home.blocks.get(BLOCK.cid)
                begun.set()
        finally:
            over.set()
        yield {}

    _install(monkeypatch, handler, Answer.VALUES)
    _, writer = await asyncio.open_connection("127.0.0.1", node.port)
    writer.write(b"POST /api/v0/made HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await asyncio.to_thread(begun.wait)
    writer.transport.abort()
    await asyncio.to_thread(over.wait)


async def test_a_daemon_that_ends_says_that_the_answer_is_not_whole(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def handler(_call: Call) -> Iterator[Any]:
        while True:
            yield b"0123456789" * 1000

    _install(monkeypatch, handler, Answer.BYTES)
    reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
    writer.write(b"POST /api/v0/made HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = asyncio.create_task(read(reader))
    await asyncio.sleep(0)
    while not node.rpc._outlets:
        await asyncio.sleep(0)
    assert await node.rpc.drain(10)
    said = "the node ended before the answer was complete"
    assert (await answer).trailers == {"X-Stream-Error": said}
    writer.close()


async def test_rows_come_while_the_upload_goes_on(node: Node) -> None:
    """Full duplex: Kubo's progress bars live on it."""
    body = form(("a", FILE, b"x" * 300_000), ("b", FILE, b"y"))["body"]
    cut = body.index(b"--b\r\n", 10)
    head = (
        "POST /api/v0/add?progress=true HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
    writer.write(head.encode() + body[:cut])
    headers = await reader.readuntil(b"\r\n\r\n")
    assert b"Connection: close" in headers
    size = int(await reader.readline(), 16)
    assert json.loads((await reader.readexactly(size)).splitlines()[0])["Name"] == "a"
    writer.write(body[cut:])
    rest = await reader.read()
    assert b'"Name":"b","Hash"' in rest
    assert rest.endswith(b"0\r\n\r\n")
    writer.close()


async def test_requests_on_one_connection_follow_each_other(node: Node) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
    for _ in range(3):
        writer.write(b"POST /api/v0/version HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await read(reader)).status == 200
    writer.close()


async def test_heads_have_limits(node: Node) -> None:
    for line in (b"a" * (1024 * 1024 + 1), b"version HTTP/1.1\r\nX: " + b"a" * 65_537):
        reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
        writer.write(b"POST /api/v0/" + line + b"\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.0 400 Bad Request\r\n")
        writer.close()


async def test_http_1_0_is_answered_by_closing(node: Node) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
    writer.write(b"POST /api/v0/version HTTP/1.0\r\nHost: localhost\r\n\r\n")
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 200 OK")
    assert b"chunked" not in head
    assert rows(body)[0]["Version"] == "0.43.0"
    writer.close()
