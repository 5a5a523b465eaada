"""Serving: what peers want of us, and what goes into the next message to each (``bitswap.md`` §3).

`Server` is told what messages say and hands out what to send when the driver can send; it reads
blocks only then. Each step costs the same however much others want; what is kept is bounded for
each peer and for all together.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple, Protocol

from jiaozi_node.errors import JiaoziError
from jiaozi_node.exchange.ledger import Tally
from jiaozi_node.exchange.message import Entry, Payload, Presence
from jiaozi_node.exchange.prefix import multihash_in, prefix_of
from jiaozi_node.exchange.version import Version
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid

MAX_WANTS: Final = 1_024  # of a message, and of a peer
MAX_WANTS_OF_ALL: Final = 32_768
MIN_SHARE: Final = 32
SMALL_BYTES: Final = 1_024  # boxo: such a block is sent in place of HAVE
MAX_WAITING_PRESENCES: Final = 4_096
MAX_SENT_PRESENCES: Final = 1_024
TARGET_BYTES: Final = 256 * 1024
MAX_SENT_BYTES: Final = 2 * 1024 * 1024


class Supply(Protocol):
    """The blocks that everybody may see; of others it says what it says of absent ones."""

    def size(self, multihash: bytes) -> int | None:
        """Return how many bytes the block has; None when it isn't here or isn't public."""
        ...

    def get(self, cid: Cid) -> Block:
        """Return the block, verified; `NotFound` when it isn't here or isn't public."""
        ...


class Reply(NamedTuple):
    """What goes to one peer in one message."""

    payload: tuple[Payload, ...]
    presences: tuple[Presence, ...]
    size_bytes: int
    pending_bytes: int


class Held:
    """A want that a peer has and that isn't answered."""

    __slots__ = (
        "client", "have", "multihash", "order", "priority", "queued", "raw", "size", "tell",
    )  # fmt: skip

    def __init__(self, client: "Client", entry: Entry, multihash: bytes, order: int) -> None:
        self.client, self.multihash, self.order = client, multihash, order
        self.raw, self.priority, _cancel, self.have, self.tell = entry
        self.size = -1  # not here
        self.queued = False


class Client:
    """What one peer wants of us."""

    __slots__ = (
        "lacking", "lowest", "pending_bytes", "presences", "queue", "sending", "version", "wants",
    )  # fmt: skip

    def __init__(self, version: Version) -> None:
        self.version = version
        self.wants: dict[bytes, Held] = {}
        self.lacking: dict[bytes, Held] = {}  # those whose block isn't here, oldest first
        self.queue: list[tuple[int, int, bytes]] = []  # (-priority, order, CID) of what is to go
        self.lowest: list[tuple[int, int, bytes]] | None = None  # made when it is needed first
        self.presences: dict[bytes, bool] = {}
        self.sending: set[bytes] = set()  # blocks in the message that is under way
        self.pending_bytes = 0

    @property
    def ready(self) -> bool:
        """There is something to send."""
        return bool(self.presences or self.queue)


class Server:
    """What all peers want of us, answered out of *supply*."""

    def __init__(self, supply: Supply, tally: Tally) -> None:
        self._supply, self._tally = supply, tally
        self._clients: set[Client] = set()
        # Who waits for blocks that aren't here: one want, or several by their id.
        self._waiting: dict[bytes, Held | dict[int, Held]] = {}
        self._order = 0
        self.held = 0

    def connected(self, version: Version) -> Client:
        """Begin to serve a peer."""
        client = Client(version)
        self._clients.add(client)
        return client

    def disconnected(self, client: Client) -> None:
        """Forget all that *client* wanted."""
        for held in list(client.wants.values()):
            self._forget(held)
        client.queue.clear()
        client.presences.clear()
        self._clients.discard(client)

    @property
    def share(self) -> int:
        """How many wants each peer may have."""
        return max(MIN_SHARE, min(MAX_WANTS, MAX_WANTS_OF_ALL // max(1, len(self._clients))))

    # What peers say

    def received(self, client: Client, entries: Sequence[Entry], full: bool) -> None:
        """Take the wants and cancels of one message."""
        if full:
            named = {entry.raw for entry in entries if not entry.cancel}
            for raw in [raw for raw in client.wants if raw not in named]:
                self._cancel(client, raw)
        taken = 0
        for entry in entries:
            if entry.cancel:
                self._cancel(client, entry.raw)
            elif taken < MAX_WANTS:
                taken += 1
                self._want(client, entry)
            else:
                self._tally.passed_over += 1

    def _cancel(self, client: Client, raw: bytes) -> None:
        held = client.wants.get(raw)
        if held is not None:
            self._forget(held)
        client.presences.pop(raw, None)

    def _want(self, client: Client, entry: Entry) -> None:
        raw, priority, _cancel, have, tell = entry
        multihash = multihash_in(raw)
        if multihash is None:
            self._tally.passed_over += 1
            return
        size = self._supply.size(multihash)
        held = client.wants.get(raw)
        if size is not None and have and size > SMALL_BYTES and client.version.presences:
            if held is None or held.have:  # else the block itself is on its way
                self._tell(client, raw, True)
                if held is not None:
                    self._forget(held)
            return
        if held is None:
            if raw in client.sending:
                return
            if not self._makes_room(client, priority, lacking=size is None):
                self._tally.passed_over += 1
                if tell:
                    self._tell(client, raw, False)
                return
            self._order += 1
            held = Held(client, entry, multihash, self._order)
            client.wants[raw] = held
            self.held += 1
            if client.lowest is not None:
                heapq.heappush(client.lowest, (priority, -held.order, raw))
        else:
            held.have = held.have and have
            held.tell = held.tell or tell
        if size is None:
            self._wait(held)
            if tell:
                self._tell(client, raw, False)
        else:
            self._queue(held, size)

    def _makes_room(self, client: Client, priority: int, *, lacking: bool) -> bool:
        """See that *client* may have one want more, which may cost it another."""
        if len(client.wants) < self.share:
            return True
        if client.lacking:
            self._forget(next(iter(client.lacking.values())))
            return True
        if lacking:
            return False
        lowest = client.lowest
        if lowest is None or len(lowest) > 4 * MAX_WANTS:
            wants = client.wants.values()
            client.lowest = lowest = [(held.priority, -held.order, held.raw) for held in wants]
            heapq.heapify(lowest)
        while lowest:
            least, order, raw = lowest[0]
            held = client.wants.get(raw)
            if held is None or held.order != -order:
                heapq.heappop(lowest)
            elif least < priority:
                heapq.heappop(lowest)
                self._forget(held)
                return True
            else:
                return False
        return False

    def _tell(self, client: Client, raw: bytes, here: bool) -> None:
        if not client.version.presences:
            return
        presences = client.presences
        if raw in presences or len(presences) < MAX_WAITING_PRESENCES:
            presences[raw] = here

    def _queue(self, held: Held, size: int) -> None:
        """Have the block of *held* sent."""
        client = held.client
        if held.size < 0:
            self._unwait(held)
        held.size = size
        if held.queued:
            return
        held.queued = True
        client.pending_bytes += size
        client.presences.pop(held.raw, None)
        queue = client.queue
        if len(queue) > 2 * len(client.wants) + 64:  # of wants that were taken back
            queue[:] = [one for one in queue if self._live(client, one) is not None]
            heapq.heapify(queue)
        heapq.heappush(queue, (-held.priority, held.order, held.raw))

    @staticmethod
    def _live(client: Client, task: tuple[int, int, bytes]) -> Held | None:
        held = client.wants.get(task[2])
        return held if held is not None and held.queued and held.order == task[1] else None

    def _forget(self, held: Held) -> None:
        client = held.client
        del client.wants[held.raw]
        self.held -= 1
        self._unwait(held)
        if held.queued:
            client.pending_bytes -= held.size
            held.queued = False

    # Who waits for blocks that aren't here

    def _wait(self, held: Held) -> None:
        if held.raw in held.client.lacking:
            return
        if held.queued:  # it was here a moment ago
            held.client.pending_bytes -= held.size
            held.queued = False
        held.size = -1
        held.client.lacking[held.raw] = held
        others = self._waiting.get(held.multihash)
        if others is None:
            self._waiting[held.multihash] = held
        elif isinstance(others, Held):
            self._waiting[held.multihash] = {id(others): others, id(held): held}
        else:
            others[id(held)] = held

    def _unwait(self, held: Held) -> None:
        if held.client.lacking.pop(held.raw, None) is None:
            return
        waiting = self._waiting[held.multihash]
        if isinstance(waiting, Held):
            del self._waiting[held.multihash]
        else:
            del waiting[id(held)]
            if not waiting:
                del self._waiting[held.multihash]
        if not self._waiting:
            self._waiting = {}  # the table of a dict stays as large as it was once

    def waiting(self, count: int) -> list[bytes]:
        """Return up to *count* multihashes of blocks that somebody waits for, oldest first."""
        return list(islice(self._waiting, count))

    def appeared(self, multihashes: Iterable[bytes]) -> Iterator[Client]:
        """Blocks are here that everybody may see: yield the peers that now get something."""
        if not self._waiting:
            return
        for multihash in multihashes:
            waiting = self._waiting.get(multihash)
            if waiting is None:
                continue
            size = self._supply.size(multihash)
            if size is None:
                continue
            for held in [waiting] if isinstance(waiting, Held) else list(waiting.values()):
                if held.have and size > SMALL_BYTES:
                    self._tell(held.client, held.raw, True)
                    self._forget(held)
                else:
                    self._queue(held, size)
                yield held.client

    # What goes out

    def reply(self, client: Client, target_bytes: int = TARGET_BYTES) -> Reply:
        """Return what goes to *client* next; what is in it counts as answered.

        Blocks are added until they are *target_bytes* together: one at least, if there is one.
        """
        presences: list[Presence] = []
        payload: list[Payload] = []
        total = self._blocks(client, payload, target_bytes) if client.queue else 0
        while client.presences and len(presences) < MAX_SENT_PRESENCES:
            raw = next(iter(client.presences))
            presences.append(Presence(raw, client.presences.pop(raw)))
        return Reply(tuple(payload), tuple(presences), total, client.pending_bytes)

    def _blocks(self, client: Client, payload: list[Payload], target_bytes: int) -> int:
        total = 0
        queue = client.queue
        while queue and total < target_bytes:
            held = self._live(client, queue[0])
            if held is None:
                heapq.heappop(queue)
                continue
            if total + held.size > MAX_SENT_BYTES and payload:
                break
            heapq.heappop(queue)
            data = self._read(held)
            if data is None:
                continue
            self._forget(held)
            client.sending.add(held.raw)
            payload.append(Payload(prefix_of(held.raw), data))
            total += len(data)
        return total

    def _read(self, held: Held) -> bytes | None:
        """Return the block of *held*; None when it can't be sent to this peer."""
        client = held.client
        if not client.version.prefixes and held.raw[0] != 0x12:
            self._forget(held)
            return None
        try:
            return self._supply.get(Cid(held.raw)).data
        except JiaoziError:  # gone, private or damaged meanwhile: for a peer it isn't here
            self._wait(held)
            if held.tell:
                self._tell(client, held.raw, False)
            return None

    def sent(self, client: Client) -> None:
        """The message to *client* that was under way has been written."""
        client.sending.clear()

    def wantlist(self, client: Client) -> list[Cid]:
        """Return what *client* wants of us and didn't get so far."""
        return [Cid(raw) for raw in client.wants]
