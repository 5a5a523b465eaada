"""Arguments that are addresses of peers, refused in Kubo's words."""

from typing import TYPE_CHECKING

from jiaozi_node.errors import Malformed

if TYPE_CHECKING:
    from jiaozi_node.formats.multiaddr import Multiaddr

NOT_OF_A_PEER = "invalid p2p multiaddr"


def parse(text: str) -> "Multiaddr":
    """Read *text* as a multiaddr."""
    from jiaozi_node.commands.ipfs.go_text import cid_fault, quoted
    from jiaozi_node.formats.multiaddr import InvalidMultiaddr, Multiaddr

    try:
        return Multiaddr.parse(text)
    except InvalidMultiaddr as fault:
        why = fault.why
        if fault.protocol == "p2p":
            why = f"failed to parse p2p addr: {fault.value} {cid_fault(fault.value, fault)}"
        if fault.protocol:
            why = f"invalid value {quoted(fault.value)} for protocol {fault.protocol}: {why}"
        raise Malformed(f"failed to parse multiaddr {quoted(fault.text)}: {why}") from None


def of_peer(text: str) -> "Multiaddr":
    """Read *text* as an address that ends with a peer."""
    address = parse(text)
    if address.peer is None:
        raise Malformed(NOT_OF_A_PEER)
    return address
