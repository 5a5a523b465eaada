"""What hostile content, names and clients can't do, each by a rule."""

import asyncio
import os
import random
from collections.abc import Callable
from typing import Any

import pytest

from jiaozi_node.dag.walk import Need
from jiaozi_node.errors import Misuse
from jiaozi_node.formats import dag_pb, unixfs_pb
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import DAG_PB, Cid
from jiaozi_node.http.gateway.admission import Rooms
from jiaozi_node.http.gateway.locality import is_own
from jiaozi_node.http.gateway.problem import Problem
from jiaozi_node.http.gateway.settings import settings_of
from jiaozi_node.http.quick import Fields, QuickRequest
from jiaozi_node.stores.api import BlockMissing, Family
from jiaozi_node.unixfs.add import add_bytes
from jiaozi_node.unixfs.profile import named
from tests.http.gateway.conftest import Serving
from tests.http.gateway.wire import Node

PROFILE = named("unixfs-v1-2025")


def pb(message: unixfs_pb.UnixFs, *links: tuple[Cid, bytes, int]) -> Block:
    raw = [(cid.raw, name, size) for cid, name, size in links]
    return Block.of(dag_pb.encode_links(raw, unixfs_pb.encode(message)), DAG_PB)


def directory(*entries: tuple[bytes, Cid]) -> Block:
    links = sorted(((cid, name, 1) for name, cid in entries), key=lambda one: one[1])
    return pb(unixfs_pb.UnixFs(unixfs_pb.DIRECTORY), *links)


class Waiting:
    """An exchange in which some blocks never come, and that counts who waits."""

    def __init__(self) -> None:
        self.waiting = self.left = 0

    async def fetch(self, need: Need, family: Family) -> Block:
        self.waiting += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.left += 1
        raise BlockMissing(need.cid)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.mark.asyncio
async def test_a_bomb_of_sixty_nodes_is_read_where_it_is_asked_for(node: Node) -> None:
    block, size = Block.of(b"b"), 1
    node.put(block)
    for _ in range(60):
        size *= 2
        halves = unixfs_pb.UnixFs(unixfs_pb.FILE, None, size, (size // 2,) * 2)
        block = pb(halves, (block.cid, b"", 1), (block.cid, b"", 1))
        node.put(block)
    head = await node.head(f"/ipfs/{block.cid}")
    assert head["content-length"] == str(2**60)
    reads: list[Cid] = []
    store = node.home.segments
    at_hand = store.at_hand

    def counted(cid: Cid, max_bytes: int, *, public: bool = False) -> Block | None:
        reads.append(cid)
        return at_hand(cid, max_bytes, public=public)

    store.at_hand = counted  # type: ignore[method-assign]
    got = await node.get(f"/ipfs/{block.cid}", Range=f"bytes={2**60 - 1}-")
    assert (got.status, got.body) == (206, b"b")
    assert len(reads) <= 2 * 62  # the way down, and the attempt to answer at once
    reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
    writer.write(f"GET /ipfs/{block.cid} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\nb")
    writer.close()  # all of it would take for ever: the walk ends with its client
    await until(lambda: node.gateway.rooms.under_way == 0)


@pytest.mark.asyncio
async def test_who_leaves_is_not_worked_for(serving: Serving) -> None:
    exchange = Waiting()
    node = await serving(exchange=exchange)
    lost = Block.of(b"nobody has it")
    reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
    writer.write(f"GET /ipfs/{lost.cid} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    await until(lambda: exchange.waiting == 1)
    assert node.gateway.rooms.under_way == 1
    writer.close()
    await until(lambda: exchange.left == 1)
    assert node.gateway.rooms.under_way == 0
    assert await reader.read() == b""


@pytest.mark.asyncio
async def test_what_nobody_hands_over_is_504(serving: Serving) -> None:
    node = await serving(exchange=Waiting())
    node.fetch.timeout_s = 0.01
    lost = Block.of(b"nobody has it")
    got = await node.get(f"/ipfs/{lost.cid}")
    assert (got.status, got["retry-after"], got["cache-control"]) == (504, "60", "no-store")
    assert f"block {lost.cid} could not be had" in got.text
    kept = await node.get(f"/ipfs/{lost.cid}", Cache_Control="only-if-cached")
    assert kept.status == 412
    two = pb(unixfs_pb.UnixFs(unixfs_pb.FILE, None, 14, (1, 13)),
             (Block.of(b"x").cid, b"", 1), (lost.cid, b"", 13))  # fmt: skip
    node.put(two, Block.of(b"x"))
    late = await node.get(f"/ipfs/{two.cid}")  # the status is out by then: the rest is cut off
    assert (late.status, late.body, late.whole) == (200, b"x", False)


@pytest.mark.asyncio
async def test_a_gateway_that_fetches_nothing_says_404(serving: Serving) -> None:
    exchange = Waiting()
    node = await serving(settings_of({"Gateway": {"NoFetch": True}}), exchange=exchange)
    assert (await node.get(f"/ipfs/{Block.of(b'nobody').cid}")).status == 404
    assert exchange.waiting == 0


@pytest.mark.asyncio
async def test_requests_have_a_time_and_a_number(serving: Serving) -> None:
    exchange = Waiting()
    node = await serving(
        settings_of(
            {"Gateway": {"MaxConcurrentRequests": 2, "MaxRequestDuration": "1m"}}, lambda _: 60.0
        ),
        exchange=exchange,
    )
    target = f"/ipfs/{Block.of(b'nobody').cid}"
    asking = [asyncio.create_task(node.get(target)) for _ in range(2)]
    await until(lambda: exchange.waiting == 2)
    refused = await node.get("/ipfs/bafkqaaa")
    assert (refused.status, refused["retry-after"], refused["cache-control"]) == (
        429,
        "60",
        "no-store",
    )
    for task in asking:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    await until(lambda: node.gateway.rooms.under_way == 0)
    assert (await node.get("/ipfs/bafkqaaa")).status == 200
    short = await serving(
        settings_of({"Gateway": {"MaxRequestDuration": "x"}}, lambda _: 0.02), exchange=exchange
    )
    late = await short.get(target)
    assert (late.status, "longer than 0.02 s" in late.text) == (504, True)


def test_one_client_has_a_share() -> None:
    rooms = Rooms(10, 2)
    with rooms.taken("a"), rooms.taken("a"), rooms.taken("b"), rooms.taken(""):
        with pytest.raises(Problem) as refused, rooms.taken("a"):
            pass
        assert refused.value.status == 429
        assert "one client" in refused.value.text
        assert rooms.under_way == 4
        with rooms.taken("b"):
            pass
    with rooms.taken("a"):
        assert rooms.under_way == 1


@pytest.mark.parametrize(
    ("key", "limit", "status"),
    [("MaxRangeRequestFileSize", 4, 501), ("MaxDeserializedResponseSize", "4B", 410),
     ("MaxUnixFSDAGResponseSize", "4", 410)],
)  # fmt: skip
@pytest.mark.asyncio
async def test_sizes_can_be_limited(serving: Serving, key: str, limit: Any, status: int) -> None:
    node = await serving(settings_of({"Gateway": {key: limit}}))
    five, four = Block.of(b"12345"), Block.of(b"1234")
    node.put(five, four)
    assert (await node.get(f"/ipfs/{five.cid}", Range="bytes=0-1")).status == status
    assert (await node.get(f"/ipfs/{four.cid}", Range="bytes=0-1")).status == 206
    raw = (await node.get(f"/ipfs/{five.cid}?format=raw")).status
    assert raw == (410 if key == "MaxUnixFSDAGResponseSize" else 200)
    car = (await node.get(f"/ipfs/{five.cid}?format=car")).status
    assert car == (410 if key == "MaxUnixFSDAGResponseSize" else 200)


@pytest.mark.parametrize("where", ["lone", "first leaf", "later leaf"])
@pytest.mark.asyncio
async def test_a_rotten_block_is_never_sent(node: Node, where: str) -> None:
    data = os.urandom(1_500_000)
    made, file = add_bytes(data[:1000] if where == "lone" else data, PROFILE)
    node.put(*made)
    node.home.segments.checkpoint()
    victim = made[0] if where != "later leaf" else made[1]
    for segment in (node.home.path / "segments").iterdir():
        held = segment.read_bytes()
        at = held.find(victim.data[:1000])
        if at >= 0:
            segment.write_bytes(held[: at + 500] + bytes((held[at + 500] ^ 1,)) + held[at + 501 :])
    got = await node.get(f"/ipfs/{file.cid}")
    if where == "later leaf":
        assert (got.status, got.whole, got.body) == (200, False, data[: len(got.body)])
    else:
        assert (got.status, "damaged" in got.text) == (500, True)
    car = await node.get(f"/ipfs/{file.cid}?format=car")
    assert victim.data not in car.body
    assert car.status == 500 or not car.whole


HOSTILE = [
    b"<script>alert(1)</script>", b"\"'><img src=x onerror=y>", b"a\r\nX-Evil: 1", b"a\nb", b"a\0b",
    b"../../etc/passwd", b"..", b".", b"/", b"a/b", b"%2f..%2f", b"?format=raw", b"#x", b"\xff\xfe",
    "\u202egnp.exe".encode(), "\u2028".encode(), b"javascript:alert(1)", b" ", b"a" * 255, b"&amp;",
    b"\x1b[31m", b"\x7f", b"{{7*7}}", b"\\..\\x", "ａ".encode(),
]  # fmt: skip


def _names(seed: int) -> list[bytes]:
    rng = random.Random(seed)
    pieces = [*HOSTILE, b"<", b">", b'"', b"'", b"&", b"\r\n", b"\0", b"%", b"</td>", b"\xc3"]
    return [b"".join(rng.choices(pieces, k=rng.randint(1, 3)))[:255] for _ in range(175)]


@pytest.mark.asyncio
async def test_names_are_escaped_wherever_they_stand(node: Node) -> None:
    names = list(dict.fromkeys([*HOSTILE, *_names(7)]))
    leaf = Block.of(b"leaf")
    made = directory(*[(name, leaf.cid) for name in names])
    node.put(leaf, made)
    listed = await node.get(f"/ipfs/{made.cid}/")
    assert (listed.status, listed.whole) == (200, True)
    text = listed.text
    assert text.count("<tr>") == len(names) + 1  # and nothing a name opened
    assert "<script" not in text
    assert "<img" not in text
    assert "\0" not in text
    for name in names:
        quoted = "".join(f"%{byte:02X}" for byte in name)
        got = await node.get(f"/ipfs/{made.cid}/{quoted}?filename={quoted}")
        assert got.get("x-evil") is None
        assert got.status in (200, 301, 400, 404), name
        for value in got.headers.values():
            assert value.isprintable()


@pytest.mark.asyncio
async def test_pages_from_content_are_kept_out_of_the_origin(serving: Serving) -> None:
    pages = {
        "a.html": b"<h1>x", "b.svg": b"<svg/>", "c.xml": b"<a/>", "": b"<!DOCTYPE html><p>x",
        "d.txt": b"<h1>", "e.js": b"1",
    }  # fmt: skip
    for on in (True, False):
        node = await serving(settings_of({"Gateway": {"SandboxHTML": on}}))
        for name, data in pages.items():
            block = Block.of(data)
            node.put(block)
            got = await node.get(f"/ipfs/{block.cid}?filename={name}")
            boxed = (got.get("content-security-policy") or "").startswith("sandbox")
            assert boxed is (on and name not in ("d.txt", "e.js")), name
            assert got["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("peer", "headers", "own"),
    [
        ("127.0.0.1", {}, True), ("::1", {}, True), ("127.1.2.3", {}, True),
        ("192.0.2.1", {}, False), ("::ffff:192.0.2.1", {}, False),
        ("127.0.0.1", {"Host": "localhost:8080"}, True), ("127.0.0.1", {"Host": "[::1]:80"}, True),
        ("127.0.0.1", {"Host": "x.ipfs.localhost:8080"}, True),
        ("127.0.0.1", {"Host": "rebound.example"}, False),
        ("127.0.0.1", {"Host": "localhost.example"}, False),
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.1"}, False),
        ("127.0.0.1", {"Forwarded": "for=192.0.2.1"}, False),
        ("127.0.0.1", {"Via": "1.1 x"}, False), ("127.0.0.1", {"Host": ""}, False),
        ("127.0.0.1", {"Origin": "http://127.0.0.1:8080"}, True),
        ("127.0.0.1", {"Origin": "https://evil.example"}, False),
        ("127.0.0.1", {"Origin": "null"}, False), ("127.0.0.1", {"Origin": "http://["}, False),
        ("127.0.0.1", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, False),
        ("127.0.0.1", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, True),
        ("127.0.0.1", {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, True),
    ],
)  # fmt: skip
def test_who_sits_at_this_machine(peer: str, headers: dict[str, str], own: bool) -> None:
    class Transport:
        def get_extra_info(self, name: str) -> tuple[str, int]:
            assert name == "peername"
            return (peer, 1)

    fields = Fields({"Host": "127.0.0.1:8080"} | headers)
    assert is_own(QuickRequest("GET", "/", fields, Transport())) is own


@pytest.mark.parametrize("target", ["", "?format=raw", "?format=car", "/", "?format=tar"])
@pytest.mark.asyncio
async def test_what_is_not_public_looks_missing_to_others(node: Node, target: str) -> None:
    leaf = Block.of(b"my own")
    tree = directory((b"a", leaf.cid))
    node.put(leaf, tree, family=Family.OWN)
    absent = directory((b"b", leaf.cid))
    mine = await node.get(f"/ipfs/{tree.cid}{target}")
    assert mine.status in (200, 301)
    foreign = {"Origin": "https://x.example"}
    theirs = await node.get(f"/ipfs/{tree.cid}{target}", **foreign)
    missing = await node.get(f"/ipfs/{absent.cid}{target}", **foreign)
    assert theirs.status == missing.status == 404
    assert theirs.text == missing.text.replace(str(absent.cid), str(tree.cid))
    node.put(leaf, tree)
    assert (await node.get(f"/ipfs/{tree.cid}{target}", **foreign)).status == mine.status


@pytest.mark.parametrize(
    ("gateway", "says"),
    [
        ({"NoFetch": 1}, "NoFetch"), ({"HTTPHeaders": []}, "HTTPHeaders"),
        ({"HTTPHeaders": {"X": "a\r\nb"}}, "HTTPHeaders.X"), ({"HTTPHeaders": {"X Y": "a"}}, "X Y"),
        ({"MaxConcurrentRequests": -1}, "MaxConcurrentRequests"),
        ({"RootRedirect": "/a b"}, "Root"),
        ({"MaxRangeRequestFileSize": "much"}, "MaxRangeRequestFileSize"),
        ({"RetrievalTimeout": 3}, "RetrievalTimeout"),
    ],
)  # fmt: skip
def test_a_setting_that_can_not_be_is_named(gateway: dict[str, Any], says: str) -> None:
    with pytest.raises(Misuse, match=says):
        settings_of({"Gateway": gateway})


@pytest.mark.asyncio
async def test_headers_of_the_config_are_sent_with_every_answer(serving: Serving) -> None:
    headers = {"x-own": ["a", "b"], "Access-Control-Allow-Origin": ["https://a.example"],
               "Access-Control-Allow-Headers": ["X-Own"]}  # fmt: skip
    config = {"Gateway": {"HTTPHeaders": headers, "RootRedirect": "/ipfs/bafkqaaa"}}
    node = await serving(settings_of(config))
    for target in ("/ipfs/bafkqaaa", "/nothing", "/"):
        got = await node.get(target)
        assert (got["x-own"], got["access-control-allow-origin"]) == ("a, b", "https://a.example")
        assert got["access-control-allow-headers"] == (
            "Content-Type, Range, User-Agent, X-Own, X-Requested-With"
        )
    assert (got.status, got["location"]) == (302, "/ipfs/bafkqaaa")


@pytest.mark.asyncio
async def test_a_long_listing_comes_while_it_is_read(node: Node) -> None:
    leaf = Block.of(b"x")
    made = directory(*[(b"%06d.txt" % number, leaf.cid) for number in range(20_000)])
    node.put(leaf, made)
    got = await node.get(f"/ipfs/{made.cid}/")
    assert (got.status, got.whole) == (200, True)
    assert got.text.count("<tr>") == 20_001
    assert f'<a href="/ipfs/{made.cid}/019999.txt">019999.txt</a>' in got.text
