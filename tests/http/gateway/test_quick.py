"""Small answers that go out at once are those that aiohttp's way would give."""

import asyncio
from typing import Any

import pytest

from jiaozi_node.formats.block import Block
from jiaozi_node.http import quick
from jiaozi_node.http.guard import Door
from jiaozi_node.http.quick import Whole
from tests.http.gateway.wire import Node, read

BROWSER = {"Accept": "text/html,*/*;q=0.8"}


@pytest.mark.parametrize(
    ("below", "headers"),
    [
        ("/ascii.txt", {}), ("/ascii.txt", {"Range": "bytes=3-5"}), ("/ascii.txt", BROWSER),
        ("/ascii.txt", {"If-None-Match": "*"}), ("/ascii.txt?download=true", {}), ("/", {}),
        ("/nope", {}), ("/nope", BROWSER), ("?format=raw", {}), ("?format=car", {}), ("", {}),
        ("/ascii.txt", {"Cache-Control": "only-if-cached"}), ("/hello.txt/", {}),
        ("?format=car&dag-scope=x", {}), ("//ascii.txt", {}),
        ("/ascii.txt", {"Range": "bytes=99-"}),
        ("/ascii.txt", {"Origin": "https://x.example"}), ("/ascii.txt", {"Connection": "close"}),
        ("/ascii.txt", {"Content-Length": "0"}), ("/ascii.txt", {"X-Forwarded-For": "1.2.3.4"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
@pytest.mark.asyncio
async def test_both_ways_give_the_same(
    node: Node, below: str, headers: dict[str, str], method: str
) -> None:
    root = node.load("path_gateway_unixfs/dir-with-files")
    slow = await asyncio.get_running_loop().create_server(Door(node.gateway), "127.0.0.1", 0)
    port = slow.sockets[0].getsockname()[1]
    given = {name.replace("-", "_"): value for name, value in headers.items()}
    at_once = await node.get(f"/ipfs/{root}{below}", method, **given)
    other = Node(node.home, node.fetch, node.gateway, port)
    after_all = await other.get(f"/ipfs/{root}{below}", method, **given)
    slow.close()
    dated = {"date": "", "connection": ""}
    assert {**at_once.headers, **dated} == {**after_all.headers, **dated}
    assert (at_once.status, at_once.body) == (after_all.status, after_all.body)


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: a\r\n\r\n", b"GET / HTTP/1.1\nHost: a\n\n",
        b"POST / HTTP/1.1\r\nHost: a\r\n\r\n", b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n", b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: \xff\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 5000 + b"\r\n\r\n",
    ],
)  # fmt: skip
def test_only_the_plainest_heads_are_read(head: bytes) -> None:
    assert quick.read(head, None) is None


def test_a_plain_head_is_read() -> None:
    found = quick.read(
        b'GET /a?b=%20 HTTP/1.1\r\nhost: a:80\r\nIF-NONE-MATCH:"x" \r\n'
        b"connection: Keep-Alive\r\n\r\n",
        None,
    )
    assert found is not None
    assert (found.method, found.raw_path) == ("GET", "/a?b=%20")
    assert found.headers == {"Host": "a:80", "If-None-Match": '"x"', "Connection": "Keep-Alive"}
    assert found.headers.getall("Host") == ("a:80",)
    assert found.headers.getall("Accept") == ()


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nX: y", "a\0"])
def test_a_value_can_not_end_its_line(value: str) -> None:
    with pytest.raises(ValueError, match="end its line"):
        quick.render(Whole(200, {"A": value}), "Server: x\r\n", is_head=False)


@pytest.mark.asyncio
async def test_a_connection_goes_from_one_way_to_the_other(node: Node) -> None:
    small, large = Block.of(b"small"), Block.of(b"x" * 300_000)
    node.put(small, large)
    reader, writer = await asyncio.open_connection("127.0.0.1", node.port)

    async def ask(block: Block, *more: str, cut: int = 0) -> None:
        lines = "".join(f"{line}\r\n" for line in ("Host: localhost", *more))
        raw = f"GET /ipfs/{block.cid}?format=raw HTTP/1.1\r\n{lines}\r\n".encode()
        if cut:  # it comes in two pieces, which stay with aiohttp
            writer.write(raw[:cut])
            await writer.drain()
            await asyncio.sleep(0)
        writer.write(raw[cut:])
        assert (await read(reader)).body == block.data

    for block in (small, small, large, small, large, large, small):
        await ask(block)
    await ask(small, "Range: bytes=0-99")
    await ask(small, cut=20)
    for block in (small, large, small):
        await ask(block)
    writer.write(b"GET /ipfs/bafkqaaa HTTP/1.1\r\nHost: a\r\n\r\n" * 3)  # a pipeline
    for _ in range(3):
        assert (await read(reader)).status == 200
    writer.close()
    await writer.wait_closed()


@pytest.mark.asyncio
async def test_a_fault_of_ours_is_told_by_the_long_way(node: Node) -> None:
    asked: list[Any] = []

    class Broken:
        async def place(self, request: Any) -> Any:
            asked.append(request)
            raise ZeroDivisionError

    node.gateway.wiring = type(node.gateway.wiring)(hosts=Broken())
    assert (await node.get("/ipfs/bafkqaaa")).status == 500
    assert [type(one).__name__ for one in asked] == ["QuickRequest", "BaseRequest"]
