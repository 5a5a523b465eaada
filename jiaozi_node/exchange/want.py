"""Wants and the peers they are asked of: the state that `fetching.Fetcher` works on.

A `Want` stands for one multihash that somebody waits for. Its *place* says where it will be taken
up next; containers are cleared of wants that moved on when these come up, never by searching.
"""

from collections import deque
from enum import IntEnum
from typing import Final

from jiaozi_node.exchange.message import Entry
from jiaozi_node.exchange.version import Version
from jiaozi_node.formats.cid import Cid

FIRST_WINDOW: Final = 32
LEAST_WINDOW: Final = 4
MOST_WINDOW: Final = 512
QUICK_S: Final = 1.0
SLOW_S: Final = 4.0
LEAST_PATIENCE_S: Final = 2.0
MOST_PATIENCE_S: Final = 10.0
_FIRST_DELAY_S: Final = 0.5
_LATEST: Final = 0.125  # how much the latest delay counts: TCP's smoothing (RFC 6298)
MAX_OWED: Final = 4_096


class Told(IntEnum):
    """How a want stands with one peer."""

    PROBED = 0  # asked whether it has the block
    ASKED = 1  # asked for the block
    LATE = 2  # asked either, and has been silent for too long
    HAS = 3
    DENIED = 4


class Place(IntEnum):
    """Where a want will be taken up next."""

    NOWHERE = 0  # a peer is asked for it
    QUEUE = 1  # a provider takes it when it has room
    PARKED = 2  # all providers denied it; it is looked for in its turn
    SEEKING = 3  # peers are asked whether they have it
    STUCK = 4  # nobody is left to ask
    DONE = 5


# By their names alone: to look one up in its class takes 70 ns, and each want meets a dozen.
PROBED, ASKED, LATE, HAS, DENIED = Told
NOWHERE, QUEUE, PARKED, SEEKING, STUCK, DONE = Place


class Want:
    """A block that is wanted, by one session or several; its *owner* has it asked for."""

    __slots__ = (
        "cid", "denied", "hopeful", "multihash", "owner", "place", "priority", "probes",
        "sessions", "since", "told",
    )  # fmt: skip

    def __init__(self, cid: Cid, multihash: bytes, owner: "Session", priority: int) -> None:
        self.cid, self.multihash, self.owner, self.priority = cid, multihash, owner, priority
        self.sessions: dict[Session, tuple[Cid, ...]] = {owner: (cid,)}
        self.told: dict[Partner, Told] = {}
        self.hopeful = 0  # peers who are asked for the block and not late
        self.probes = 0  # peers who are asked whether they have it and not late
        self.denied = 0  # by how many, when all were asked last
        self.place = NOWHERE
        self.since = -1.0  # when it was first asked for


class Partner:
    """A connected peer, as one to get blocks from."""

    __slots__ = (
        "alarm", "cancels", "connected", "delay_s", "entries", "flying", "heard",
        "hungry", "late", "owed", "peer", "probing", "sessions", "unwanted", "version", "wanted",
        "window",
    )  # fmt: skip

    def __init__(self, peer: str, version: Version) -> None:
        self.peer, self.version = peer, version
        self.connected = True
        self.flying: dict[bytes, float] = {}  # asked for the block, and when; oldest first
        self.probing: dict[bytes, float] = {}
        self.entries: dict[bytes, Entry] = {}  # to be sent
        self.cancels: dict[bytes, None] = {}  # likewise
        self.owed: dict[bytes, int] = {}  # how often it was asked for what, and hasn't sent it
        self.sessions: dict[Session, None] = {}  # it is a provider of these
        self.hungry: dict[Session, None] = {}  # of those, the ones whose queue may hold wants
        self.window = FIRST_WINDOW
        self.delay_s = _FIRST_DELAY_S
        self.heard = 0.0  # when it last answered, or was asked while nothing was open
        self.late = False
        self.alarm: float | None = None
        self.wanted = 0  # blocks that came
        self.unwanted = 0  # and such as nobody asked for, the forgiven ones not counted

    @property
    def room(self) -> int:
        """How many wants more it may be asked for; below 0 when it is over."""
        return self.window - len(self.flying)

    @property
    def patience_s(self) -> float:
        """How long it may be silent."""
        return max(LEAST_PATIENCE_S, min(MOST_PATIENCE_S, 4 * self.delay_s))

    @property
    def due(self) -> float | None:
        """Return when it will be late; None while nothing is asked of it."""
        oldest = next(iter(self.flying.values()), None)
        probe = next(iter(self.probing.values()), None)
        if oldest is None and probe is None:
            return None
        silent = self.heard + self.patience_s
        return silent if oldest is None else min(silent, oldest + 4 * self.patience_s)

    def delivered(self, asked_at: float, now: float) -> None:
        """Learn from a block that was asked for at *asked_at* and came."""
        took = now - asked_at
        self.delay_s += (took - self.delay_s) * _LATEST
        if took <= QUICK_S:
            if self.window < MOST_WINDOW:
                self.window += 1
        elif took > SLOW_S:
            self.slow_down()

    def slow_down(self) -> None:
        """Ask it for half as much at a time."""
        self.window = max(LEAST_WINDOW, self.window // 2)

    def cancel(self, want: Want) -> None:
        """Take back what was asked of it."""
        multihash = want.multihash
        self.flying.pop(multihash, None)
        self.probing.pop(multihash, None)
        self.entries.pop(multihash, None)  # one before it may have been sent
        self.cancels[want.cid.raw] = None

    def owe(self, multihash: bytes) -> None:
        """Note that it is asked for a block, once more maybe: so often may it come."""
        owed = self.owed
        owed[multihash] = owed.get(multihash, 0) + 1
        if len(owed) > MAX_OWED:
            del owed[next(iter(owed))]

    def owes(self, multihash: bytes) -> bool:
        """Tell whether it may send a block, and count that it did."""
        count = self.owed.pop(multihash, 0)
        if count > 1:
            self.owed[multihash] = count - 1
        return count > 0


class Session:
    """Wants that likely lie at the same peers; made by `Fetcher.session`."""

    __slots__ = (
        "again_at", "again_s", "alarm", "closed", "expelled", "last_block", "later", "live",
        "parked", "patience_s", "providers", "queue", "seeking", "sought", "stuck", "wants",
    )  # fmt: skip

    def __init__(self, patience_s: float) -> None:
        self.patience_s = patience_s
        self.wants: dict[bytes, bool] = {}  # what is open, and whether its failure is told
        self.queue: deque[Want] = deque()
        self.later: deque[Want] = deque()  # what is only likely to be needed
        self.parked: deque[Want] = deque()
        self.seeking: dict[bytes, Want] = {}
        self.stuck: dict[bytes, Want] = {}
        self.live: deque[tuple[float, Want]] = deque()  # in the order in which they were asked for
        self.providers: dict[Partner, int] = {}  # and how many wants in a row it denied
        self.expelled: dict[Partner, int] = {}
        self.last_block = 0.0
        self.sought = 0
        self.again_at: float | None = None
        self.again_s = 0.0
        self.alarm: float | None = None
        self.closed = False

    @property
    def waiting(self) -> bool:
        """There are wants that a provider with room may take."""
        return bool(self.queue or self.later)

    def next(self) -> Want | None:
        """Take the next want out of the queue; None when there is none."""
        for queue in (self.queue, self.later):
            while queue:
                want = queue.popleft()
                if want.place is QUEUE and want.owner is self:
                    want.place = NOWHERE
                    return want
        return None

    def forget_done(self) -> None:
        """Let go of the oldest wants that are done; the others' time will come."""
        live = self.live
        while live and live[0][1].place is DONE:
            live.popleft()
