"""Addresses of the config: what is listened on, what is refused, what came of port 0."""

import asyncio
import os
import stat
from pathlib import Path

import pytest
from aiohttp import web

from jiaozi_node.errors import Misuse, Unavailable
from jiaozi_node.http.guard import Door
from jiaozi_node.http.listening import Address, UnknownTransport, addresses, begin_all, parse


async def _ok(_request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(text="ok")


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("/ip4/127.0.0.1/tcp/5001", "http://127.0.0.1:5001"),
        ("/ip6/::1/tcp/0", "http://[::1]:0"),
        ("/dns4/localhost/tcp/80", "http://localhost:80"),
    ],
)
def test_addresses_are_read_and_told(text: str, url: str) -> None:
    assert str(parse(text)) == text
    assert parse(text).url == url
    assert str(parse("/unix/run/jiaozi/api")) == "/unix/run/jiaozi/api"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", Misuse), ("127.0.0.1:5001", Misuse), ("/ip4/::1/tcp/1", Misuse),
        ("/ip4/1.2.3/tcp/1", Misuse), ("/ip4/127.0.0.1/tcp/65536", Misuse),
        ("/ip4/127.0.0.1/tcp/-1", Misuse), ("/ip4/127.0.0.1/tcp/x", Misuse),
        ("/ip4/127.0.0.1/tcp/" + "1" * 2000, Misuse),
        ("/ip4/127.0.0.1/udp/1/quic", UnknownTransport),
        ("/ip4/127.0.0.1/tcp/1/ws", UnknownTransport), ("/memory/1", UnknownTransport),
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str, kind: type[Misuse]) -> None:
    with pytest.raises(kind):
        parse(text)


def test_a_config_has_one_address_several_or_none() -> None:
    assert addresses("k", "/a") == ["/a"]
    assert addresses("k", ["/a", "", "/b"]) == ["/a", "/b"]
    assert addresses("k", None) == addresses("k", "") == []
    with pytest.raises(Misuse, match="k in the configuration is neither"):
        addresses("k", [1])
    with pytest.raises(Misuse, match="k in the configuration has 65 addresses"):
        addresses("k", ["/a"] * 65)


async def _asked(address: Address) -> bytes:
    if address.kind == "unix":
        reader, writer = await asyncio.open_unix_connection(address.path)
    else:
        reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.asyncio
async def test_all_addresses_are_listened_on_and_let_go(tmp_path: Path) -> None:
    socket = tmp_path / "api"
    texts = ["/ip4/127.0.0.1/tcp/0", f"/unix{socket}", "/dns4/localhost/tcp/0"]
    listeners = await begin_all(Door(_ok), [parse(text) for text in texts])
    assert stat.S_IMODE(os.stat(socket).st_mode) == 0o600
    for one in listeners:
        assert (await _asked(one.address)).endswith(b"ok")
        one.close()
    assert not socket.exists()


@pytest.mark.asyncio
async def test_where_one_fails_none_listens(tmp_path: Path) -> None:
    (first,) = await begin_all(Door(_ok), [parse("/ip4/127.0.0.1/tcp/0")])
    socket = tmp_path / "api"
    with pytest.raises(Unavailable, match=f"can't listen on {first.address}: address already"):
        await begin_all(Door(_ok), [parse(f"/unix{socket}"), first.address])
    assert not socket.exists()
    first.close()


@pytest.mark.asyncio
async def test_a_dead_socket_is_replaced_a_live_one_is_not(tmp_path: Path) -> None:
    address = parse(f"/unix{tmp_path}/api")
    (first,) = await begin_all(Door(_ok), [address])
    with pytest.raises(Unavailable, match="address already in use"):
        await begin_all(Door(_ok), [address])
    assert (await _asked(address)).endswith(b"ok")
    first._server.close()  # as a kill would: the file stays
    (again,) = await begin_all(Door(_ok), [address])
    assert (await _asked(address)).endswith(b"ok")
    again.close()
