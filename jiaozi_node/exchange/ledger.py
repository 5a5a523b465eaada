"""What was exchanged: with all peers together, and with each (``specs/bitswap.md`` §6)."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, NamedTuple

MAX_FORMER: Final = 1_024


@dataclass(slots=True)
class Tally:
    """Counts over all peers since the node began; Kubo's ``bitswap stat``."""

    blocks_received: int = 0
    data_received: int = 0
    blocks_sent: int = 0
    data_sent: int = 0
    duplicate_blocks: int = 0
    duplicate_data: int = 0
    unwanted_blocks: int = 0
    messages_received: int = 0
    passed_over: int = 0  # entries with a CID that can't be read, or for which no room was


class Receipt(NamedTuple):
    """What was exchanged with one peer; Kubo's ``bitswap ledger``."""

    peer: str
    debt_ratio: float
    sent_bytes: int
    received_bytes: int
    exchanges: int


@dataclass(slots=True)
class Account:
    """What was exchanged with one peer so far."""

    sent_bytes: int = 0
    received_bytes: int = 0
    exchanges: int = 0  # blocks, either way: what Kubo counts under this name

    def receipt(self, peer: str) -> Receipt:
        """Return the account as it stands now."""
        ratio = self.sent_bytes / (self.received_bytes + 1)
        return Receipt(peer, ratio, self.sent_bytes, self.received_bytes, self.exchanges)


class Ledger:
    """The accounts of peers: all that are connected, and the last of those that are gone."""

    def __init__(self) -> None:
        self.tally = Tally()
        self._open: dict[str, Account] = {}
        self._former: OrderedDict[str, Account] = OrderedDict()

    def connected(self, peer: str) -> Account:
        """Return the account of *peer*, which goes on where it was left."""
        account = self._former.pop(peer, None) or Account()
        self._open[peer] = account
        return account

    def disconnected(self, peer: str) -> None:
        """Keep the account of *peer* among those of peers who are gone."""
        account = self._open.pop(peer)
        if account.exchanges:
            self._former[peer] = account
            if len(self._former) > MAX_FORMER:
                self._former.popitem(last=False)

    def receipt(self, peer: str) -> Receipt:
        """Return what was exchanged with *peer*: nothing, for one that was never met."""
        account = self._open.get(peer) or self._former.get(peer) or Account()
        return account.receipt(peer)
