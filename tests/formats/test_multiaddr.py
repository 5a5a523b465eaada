"""Multiaddrs as text: what is read is written in one way, what is wrong is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.errors import LimitExceeded
from jiaozi_node.formats.multiaddr import MAX_CHARS, InvalidMultiaddr, Multiaddr

PEER = "12D3KooWSs1QRrUcjUcTFe465BG5Vf2NCra7N74gnYBpyguLbXM9"
KEY = "k51qzi5uqu5dmhu1l8inn5u6kefhzezdepfwzcbzdlodw2qzwfgbebfnimewso"

values = st.sampled_from(
    ["/ip4/192.0.2.1", "/ip6/2001:db8::1", "/dns4/example.org", "/dnsaddr/a.b", "/ip6zone/eth0"]
)
transports = st.sampled_from(["/tcp/1", "/udp/65535/quic-v1", "/tcp/443/wss", "/tcp/0/ws"])


@given(values, transports, st.booleans())
def test_texts_come_back(value: str, transport: str, peer: bool) -> None:
    text = value + transport + f"/p2p/{PEER}" * peer
    address = Multiaddr.parse(text)
    assert str(address) == text
    assert Multiaddr.parse(str(address)) == address
    assert (address.peer is not None) == peer


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (f"/ip4/192.0.2.1/tcp/4001/ipfs/{PEER}", f"/ip4/192.0.2.1/tcp/4001/p2p/{PEER}"),
        (f"/p2p/{KEY}/", f"/p2p/{PEER}"),
        ("/ip6/2001:DB8:0::1/tcp/01", "/ip6/2001:db8::1/tcp/1"),
        ("/ip6/::ffff:192.0.2.1", "/ip6/::ffff:192.0.2.1"),
        ("/unix/run/jiaozi/api", "/unix/run/jiaozi/api"),
        (f"/p2p/{PEER}/p2p-circuit", f"/p2p/{PEER}/p2p-circuit"),
    ],
)
def test_an_address_is_written_in_one_way(text: str, written: str) -> None:
    assert str(Multiaddr.parse(text)) == written


def test_a_peer_stands_at_the_end() -> None:
    address = Multiaddr.parse(f"/ip4/192.0.2.1/tcp/1/p2p/{PEER}")
    assert str(address.peer) == PEER
    assert str(address.transport) == "/ip4/192.0.2.1/tcp/1"
    assert Multiaddr.parse(f"/p2p/{PEER}").transport is None
    assert Multiaddr.parse(f"/p2p/{PEER}/p2p-circuit").peer is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nonsense", "must begin with /"),
        ("", "empty multiaddr"),
        ("/", "empty multiaddr"),
        ("/nope/1", "unknown protocol nope"),
        ("/ip4", "unexpected end of multiaddr"),
        ("/tcp/99999", 'invalid value "99999" for protocol tcp: failed to parse port addr: '
         'strconv.ParseUint: parsing "99999": value out of range'),
        ("/tcp/x", 'strconv.ParseUint: parsing "x": invalid syntax'),
        ("/ip4/1.2.3", 'invalid value "1.2.3" for protocol ip4: failed to parse ip4 addr: 1.2.3'),
        ("/ip6/fe80::1%eth0", "failed to parse ip6 addr: fe80::1%eth0"),
        ("/ip4//tcp/1", 'invalid value "" for protocol ip4'),
        ("/p2p/nonsense", "failed to parse p2p addr: nonsense"),
        ("/dns4//tcp/1", "empty value"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(text: str, why: str) -> None:
    with pytest.raises(InvalidMultiaddr) as caught:
        Multiaddr.parse(text)
    assert why in str(caught.value)


def test_text_is_measured_before_it_is_read() -> None:
    with pytest.raises(LimitExceeded, match=f"multiaddr is {MAX_CHARS + 1} characters"):
        Multiaddr.parse("/" + "x" * MAX_CHARS)
    with pytest.raises(InvalidMultiaddr):
        Multiaddr.parse("/" + "x" * (MAX_CHARS - 1))
