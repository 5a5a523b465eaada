"""What the state machines ask of their driver."""

from typing import NamedTuple, TypeAlias

from jiaozi_node.errors import JiaoziError, Unavailable
from jiaozi_node.exchange.want import Session
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid


class NotFetched(Unavailable):
    """A block could not be had from peers in time; *asked* peers, of which some *denied* it."""

    def __init__(self, cid: Cid, asked: int, denied: int, waited_s: float) -> None:
        if not asked:
            tried = "no peer was there to ask"
        else:
            tried = f"{asked} peer{'s' * (asked != 1)} asked, {denied} of them without it"
        super().__init__(f"block {cid} could not be fetched in {waited_s:g} s: {tried}")
        self.cid, self.asked, self.denied, self.waited_s = cid, asked, denied, waited_s


class Send(NamedTuple):
    """Write *data*, whole messages, on our stream to *peer*, then call `Bitswap.sent`."""

    peer: str
    data: bytes


class Deliver(NamedTuple):
    """*block* came, verified, under the CID that *session* asked for it with."""

    session: Session
    block: Block


class Fail(NamedTuple):
    """*session* gets no block for *cid*."""

    session: Session
    cid: Cid
    fault: JiaoziError


class Seek(NamedTuple):
    """No connected peer has *cid*: look for providers, and connect to them."""

    cid: Cid


class Expel(NamedTuple):
    """Let *peer* go, and don't take it back for a while."""

    peer: str
    why: str


Effect: TypeAlias = Send | Deliver | Fail | Seek | Expel
