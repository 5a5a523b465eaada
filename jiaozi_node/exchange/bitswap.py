"""Bitswap as a whole: one object that a driver feeds and empties (``specs/bitswap.md``).

Inputs are methods, each given the time; what is to be done comes out of `take`. ``network`` drives
it on trio, the tests in virtual time::

    bitswap.connected(peer, version, now)          bitswap.want(session, cids, now)
    bitswap.received(peer, message, now)           bitswap.tick(now)   # at `deadline`
    for effect in bitswap.take(now): ...           bitswap.sent(peer, now)   # after each `Send`

Nothing here waits. At most one `Send` for a peer is out; whoever writes slowly gets less.
"""

from collections.abc import Iterable
from typing import Final

from jiaozi_node.errors import Misuse
from jiaozi_node.exchange.effects import Effect, Expel, Send
from jiaozi_node.exchange.fetching import PATIENCE_S, Fetcher
from jiaozi_node.exchange.framing import framed
from jiaozi_node.exchange.ledger import Account, Ledger, Receipt, Tally
from jiaozi_node.exchange.message import Message, encode
from jiaozi_node.exchange.serving import TARGET_BYTES, Client, Reply, Server, Supply
from jiaozi_node.exchange.version import Version
from jiaozi_node.exchange.want import Partner, Session
from jiaozi_node.formats.cid import Cid

MAX_UNDER_WAY_BYTES: Final = 32 * 1024 * 1024
SCARCE_TARGET_BYTES: Final = 64 * 1024  # of a message, when half of that is under way
STUCK_S: Final = 5.0
_NOTHING: Final = Reply((), (), 0, 0)


class _Peer:
    """A connected peer: as one who asks, as one who is asked."""

    __slots__ = ("account", "client", "partner", "sending", "under_way", "version")

    def __init__(
        self, version: Version, partner: Partner, client: Client, account: Account
    ) -> None:
        self.version, self.partner, self.client = version, partner, client
        self.account = account
        self.sending = False
        self.under_way = 0  # bytes of blocks in the message that is being written


class Bitswap:
    """The bitswap of one node, serving from *supply*."""

    def __init__(self, supply: Supply) -> None:
        self._ledger = Ledger()
        self._fetcher = Fetcher(self.tally)
        self._server = Server(supply, self.tally)
        self._peers: dict[str, _Peer] = {}
        self._of_client: dict[Client, str] = {}
        self._ready: dict[str, None] = {}  # who may get a message, in turn
        self._under_way = 0
        self._writing: dict[str, float] = {}  # who is sent blocks, and since when; oldest first
        self._waiting = False  # somebody waits for others to have read

    # Peers

    def connected(self, peer: str, version: Version, now: float) -> None:
        """*peer* can be sent messages in *version*."""
        if peer in self._peers:
            raise Misuse(f"{peer} is connected already")
        client = self._server.connected(version)
        partner = self._fetcher.connected(peer, version, now)
        self._peers[peer] = _Peer(version, partner, client, self._ledger.connected(peer))
        self._of_client[client] = peer

    def disconnected(self, peer: str, now: float) -> None:
        """The last connection to *peer* is gone, and with it all that was kept for it."""
        one = self._peers.pop(peer, None)
        if one is None:
            return
        self._ready.pop(peer, None)
        self._under_way -= one.under_way
        self._writing.pop(peer, None)
        del self._of_client[one.client]
        self._server.disconnected(one.client)
        self._fetcher.disconnected(one.partner, now)
        self._ledger.disconnected(peer)

    def received(self, peer: str, message: Message, now: float) -> None:
        """A message of *peer* came."""
        one = self._peers.get(peer)
        if one is None:  # it left while its message was on the way
            return
        self.tally.messages_received += 1
        if message.payload:
            before = self.tally.blocks_received
            one.account.received_bytes += self._fetcher.blocks(one.partner, message.payload, now)
            one.account.exchanges += self.tally.blocks_received - before
        if message.presences:
            self._fetcher.presences(one.partner, message.presences, now)
        if message.entries or message.full:
            self._server.received(one.client, message.entries, message.full)
            if one.client.ready:
                self._ready[peer] = None

    def sent(self, peer: str, now: float) -> None:
        """The last `Send` to *peer* has been written."""
        one = self._peers.get(peer)
        if one is None or not one.sending:
            return
        one.sending = False
        self._under_way -= one.under_way
        one.under_way = 0
        self._writing.pop(peer, None)
        self._server.sent(one.client)
        if one.client.ready or one.partner.entries or one.partner.cancels:
            self._ready[peer] = None

    def appeared(self, multihashes: Iterable[bytes]) -> None:
        """Blocks came or turned public: those who wait for them get them."""
        for client in self._server.appeared(multihashes):
            self._ready[self._of_client[client]] = None

    def waiting(self, count: int) -> list[bytes]:
        """Return up to *count* multihashes of blocks that peers wait for, which aren't here."""
        return self._server.waiting(count)

    # Wants

    def session(self, patience_s: float = PATIENCE_S) -> Session:
        """See `Fetcher.session`."""
        return self._fetcher.session(patience_s)

    def want(
        self, session: Session, cids: Iterable[Cid], now: float, soon: Iterable[Cid] = ()
    ) -> None:
        """See `Fetcher.want`."""
        self._fetcher.want(session, cids, now, soon)

    def cancel(self, session: Session, cids: Iterable[Cid], now: float) -> None:
        """See `Fetcher.cancel`."""
        self._fetcher.cancel(session, cids, now)

    def close(self, session: Session, now: float) -> None:
        """See `Fetcher.close`."""
        self._fetcher.close(session, now)

    # Time and effects

    @property
    def deadline(self) -> float | None:
        """When `tick` is wanted."""
        due = self._fetcher.deadline
        if self._waiting and self._writing:
            stuck = next(iter(self._writing.values())) + STUCK_S
            return stuck if due is None else min(due, stuck)
        return due

    def tick(self, now: float) -> None:
        """Do what is due by now."""
        self._fetcher.tick(now)
        if self._waiting:
            self._expel_stuck(now)

    def _expel_stuck(self, now: float) -> None:
        """Let those go who don't read what they asked for, until there is room for others."""
        left = self._under_way
        for peer, since in list(self._writing.items()):
            if since + STUCK_S > now or left * 2 <= MAX_UNDER_WAY_BYTES:
                return
            size = self._peers[peer].under_way
            left -= size
            why = f"it took over {STUCK_S:g} s to read {size} bytes while others waited"
            self._fetcher.effects.append(Expel(peer, why))
            del self._writing[peer]
            self._writing[peer] = now

    def take(self, now: float) -> list[Effect]:
        """Return what is to be done, in order; call it after every input, or after several."""
        fetcher = self._fetcher
        effects, fetcher.effects = fetcher.effects, []
        for partner in fetcher.ready:
            self._ready[partner.peer] = None
        fetcher.ready.clear()
        full: list[str] = []
        while self._ready:
            peer = next(iter(self._ready))
            del self._ready[peer]
            one = self._peers.get(peer)
            if one is not None and not one.sending and not self._send(peer, one, effects, now):
                full.append(peer)
        for peer in full:
            self._ready[peer] = None
        self._waiting = bool(full)
        return effects

    def _send(self, peer: str, one: _Peer, effects: list[Effect], now: float) -> bool:
        """Make the next message for *peer*; False when its blocks must wait for room."""
        room = self._under_way < MAX_UNDER_WAY_BYTES
        entries = self._fetcher.entries(one.partner)
        reply = _NOTHING
        if room and one.client.ready:
            scarce = self._under_way * 2 > MAX_UNDER_WAY_BYTES
            reply = self._server.reply(one.client, SCARCE_TARGET_BYTES if scarce else TARGET_BYTES)
        payload, presences, size, pending = reply
        if entries or payload or presences:
            message = Message(entries, payload, presences, False, min(pending, (1 << 31) - 1))
            one.sending = True
            one.under_way = size
            self._under_way += size
            if size:
                self._writing[peer] = now
            one.account.exchanges += len(payload)
            one.account.sent_bytes += size
            self.tally.blocks_sent += len(payload)
            self.tally.data_sent += size
            effects.append(Send(peer, framed(encode(message, one.version))))
            return True
        return room or not one.client.ready

    # What it knows

    @property
    def tally(self) -> Tally:
        """Counts over all peers."""
        return self._ledger.tally

    @property
    def peers(self) -> list[str]:
        """The connected peers, sorted."""
        return sorted(self._peers)

    @property
    def wantlist(self) -> list[Cid]:
        """What this node wants."""
        return self._fetcher.wantlist

    def wantlist_of(self, peer: str) -> list[Cid]:
        """Return what *peer* wants of us; nothing, for one that isn't connected."""
        one = self._peers.get(peer)
        return [] if one is None else self._server.wantlist(one.client)

    def receipt(self, peer: str) -> Receipt:
        """Return what was exchanged with *peer*."""
        return self._ledger.receipt(peer)
