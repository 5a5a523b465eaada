"""``block/get`` on the loop: to the letter what the command answers, in the plain case alone."""

import asyncio
from typing import Any

import pytest

from jiaozi_node.formats.block import Block
from jiaozi_node.http.rpc.hot import MOST_BYTES
from jiaozi_node.stores.api import Family
from tests.http.rpc.conftest import Answer, Node, read

pytestmark = pytest.mark.asyncio
SMALL, EMPTY = Block.of(b"a block"), Block.of(b"")
LARGE = Block.of(bytes(MOST_BYTES + 1))


def keep(node: Node, *blocks: Block) -> None:
    with node.home.blocks.writer(Family.PUBLIC) as writer:
        writer.put(blocks)


def through_threads(node: Node) -> list[str]:
    """Note which commands are run by a worker from now on."""
    ran: list[str] = []
    submit = node.rpc._pool.submit

    def noting(work: Any, *more: Any) -> Any:
        ran.append(work.__self__._command.name)
        return submit(work, *more)

    node.rpc._pool.submit = noting  # type: ignore[method-assign,assignment]
    return ran


def timeless(answer: Answer) -> tuple[int, dict[str, str], bytes, dict[str, str]]:
    headers = {name: value for name, value in answer.headers.items() if name != "Date"}
    return answer.status, headers, answer.body, answer.trailers


@pytest.mark.parametrize("block", [SMALL, EMPTY], ids=["small", "empty"])
@pytest.mark.parametrize("origin", [None, "http://localhost:5001"])
async def test_it_is_answered_as_by_the_command(
    node: Node, block: Block, origin: str | None
) -> None:
    keep(node, block)
    ran = through_threads(node)
    fields: dict[str, Any] = {} if origin is None else {"Origin": origin}
    hot = await node.post(f"block/get?arg={block.cid}", **fields)
    assert (ran, hot.body) == ([], bytes(block.data))
    assert hot.headers["Date"].endswith(" GMT")
    cold = await node.post(f"block/get?arg={block.cid}&timeout=1h", **fields)
    assert ran == ["ipfs block get"]
    assert timeless(hot) == timeless(cold)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        (f"arg={Block.of(b'not here').cid}", 500),
        (f"arg={LARGE.cid}", 200),
        (f"arg=/ipfs/{SMALL.cid}", 200),
        (f"arg={SMALL.cid}&offline=true", 200),
        ("arg=nonsense", 500),
        ("arg=" + "a" * 600, 500),
        ("arg=bafkqablimvwgy3y", 200),
    ],
)
async def test_what_is_not_plain_is_the_commands(node: Node, query: str, status: int) -> None:
    keep(node, SMALL, LARGE)
    ran = through_threads(node)
    answer = await node.post(f"block/get?{query}")
    assert answer.status == status
    assert bool(ran) == (query != "arg=bafkqablimvwgy3y")  # its bytes stand in the CID


async def test_strangers_get_no_block_this_way(node: Node) -> None:
    keep(node, SMALL)
    assert (await node.post(f"block/get?arg={SMALL.cid}", Host="evil.example")).status == 403
    answer = await node.post(f"block/get?arg={SMALL.cid}", Origin="http://evil.example")
    assert (answer.status, b"block" in answer.body) == (403, False)


async def test_what_has_no_bytes_leaves_none_behind(node: Node) -> None:
    keep(node, EMPTY)
    reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
    asked = ("block/get?arg=" + str(EMPTY.cid), "files/mkdir?arg=/new", "version")
    for path in asked:
        writer.write(f"POST /api/v0/{path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    bodies = [(await read(reader)).body for _ in asked]
    assert bodies[:2] == [b"", b""]
    assert b'"Version"' in bodies[2]
    writer.close()


async def test_many_on_one_connection_and_the_last_closes_it(node: Node) -> None:
    keep(node, SMALL)
    reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
    line = f"POST /api/v0/block/get?arg={SMALL.cid} HTTP/1.1\r\nHost: localhost\r\n"
    writer.write((line + "\r\n").encode() * 3 + (line + "Connection: close\r\n\r\n").encode())
    for _ in range(3):
        assert (await read(reader)).body == b"a block"
    last = await read(reader)
    assert (last.body, last.headers["Connection"]) == (b"a block", "close")
    assert await reader.read() == b""
    writer.close()


async def test_over_http_1_0_the_command_answers(node: Node) -> None:
    keep(node, SMALL)
    reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
    line = f"POST /api/v0/block/get?arg={SMALL.cid} HTTP/1.0"
    writer.write(f"{line}\r\nHost: localhost\r\n\r\n".encode())
    answer = await reader.read()
    assert answer.endswith(b"\r\n\r\na block")
    assert b"chunked" not in answer
    writer.close()
