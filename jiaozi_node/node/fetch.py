"""Blocks for readers on the event loop: from the store first, then from whoever else has them.

A block up to `INLINE_BYTES` is read and hashed on the loop itself: handing it to a thread would
cost more than reading it (design §2). Longer ones, and those a walk names as wanted soon, are read
in a small pool, by the batch. Nothing that isn't public is seen by a reader of `public` blocks.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, Protocol

from jiaozi_node.dag.ahead import Ahead
from jiaozi_node.dag.walk import Need
from jiaozi_node.errors import Unavailable
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import BlockMissing, Family, ReadsAtHand

INLINE_BYTES: Final = 256 * 1024 + 64  # a chunk of 256 KiB in its dag-pb frame, too
AT_ONCE_BYTES: Final = 64 * 1024
RETRIEVAL_TIMEOUT_S: Final = 30.0
WORKERS: Final = 4
READERS_AHEAD: Final = 16  # walks that may read ahead at a time, `ahead.AHEAD_BYTES` each
_TURN_BYTES: Final = 512 * 1024  # read inline before others on the loop have their turn …
_BLOCK_COSTS_BYTES: Final = 16 * 1024  # … each block counting for this much more than it holds
_WORTH_BYTES: Final = 32 * 1024  # smaller blocks are had sooner in turn than in a thread


class RetrievalTimedOut(Unavailable):
    """Nobody handed over a block in the time allowed."""

    def __init__(self, cid: Cid, timeout_s: float) -> None:
        super().__init__(f"block {cid} could not be had from anybody within {timeout_s:g} s")
        self.cid, self.timeout_s = cid, timeout_s


class WouldWait(BaseException):
    """A block isn't had at once by who can't wait. No error: nobody is to catch it on the way."""


class Exchange(Protocol):
    """Gets blocks from elsewhere: peers, remote gateways."""

    async def fetch(self, need: Need, family: Family) -> Block:
        """Return the verified block of *need*, and keep it in *family*.

        What *need* names as soon wanted may be asked for along with it. Raises `BlockMissing` when
        nobody has it. It may take for ever: the caller has the deadline, and cancels.
        """
        ...


class Fetch:
    """Where readers on the loop get their blocks: *store*, then *exchange* if there is one."""

    def __init__(
        self,
        store: Callable[[], ReadsAtHand],
        *,
        exchange: Exchange | None = None,
        timeout_s: float = RETRIEVAL_TIMEOUT_S,
        workers: int = WORKERS,
    ) -> None:
        self._store, self.exchange, self.timeout_s = store, exchange, timeout_s
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="fetch")
        self._ahead = 0

    def reading(
        self, *, public: bool = False, local: bool = False, family: Family = Family.PUBLIC
    ) -> "Reader":
        """Return what gets the blocks of one walk, or of several one after the other.

        With *public* only blocks that everybody may see are here; with *local* nobody else is
        asked. What is fetched is kept in *family*.
        """
        return Reader(self, self._store(), None if local else self.exchange, family, public)

    def at_once(self, *, public: bool = False, local: bool = False) -> "AtOnce":
        """Return what gets the blocks of a walk that must not wait; see `reading`."""
        return AtOnce(self._store(), public, local or self.exchange is None)

    def all_here(self, cids: Sequence[Cid], *, public: bool) -> bool:
        """Tell whether all of *cids* are known to be here, and with *public* everybody's to see."""
        return self._store().all_at_hand(cids, public=public)

    async def in_thread(self, work: Callable[[], Block]) -> Block:
        """Do *work*, which may wait for a disk, beside the loop."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def may_read_ahead(self) -> bool:
        """Tell whether one more walk may, and count it."""
        if self._ahead >= READERS_AHEAD:
            return False
        self._ahead += 1
        return True

    def begin(self, work: Callable[[], None]) -> "asyncio.Future[None]":
        """Begin *work* beside the loop."""
        return asyncio.get_running_loop().run_in_executor(self._pool, work)

    def ended(self) -> None:
        """Count a walk that read ahead as over."""
        self._ahead -= 1

    def close(self) -> None:
        """Begin nothing more; what is being read in threads is waited for."""
        self._pool.shutdown(wait=True, cancel_futures=True)


class Reader:
    """Gets the blocks of one walk; a `walk.AsyncGet`, for the span of a ``with``."""

    def __init__(
        self,
        fetch: Fetch,
        store: ReadsAtHand,
        exchange: Exchange | None,
        family: Family,
        public: bool,
    ) -> None:
        self._fetch, self._store, self._exchange = fetch, store, exchange
        self._family, self._public = family, public
        self._ahead: Ahead[asyncio.Future[None]] | None = None
        self._turn_bytes = 0

    async def __call__(self, need: Need) -> Block:
        """Return the block of *need*; raises `BlockMissing`, `RetrievalTimedOut`, `Corrupt`."""
        try:
            ahead = self._ahead
            if ahead is None:
                if len(need.soon) < 2 or not self._begin_ahead():
                    return await self._here(need.cid)
                ahead = self._ahead
            if ahead is None:
                raise AssertionError("just begun")
            return await self._from(ahead, need)
        except BlockMissing:
            if self._exchange is None:
                raise
        try:
            async with asyncio.timeout(self._fetch.timeout_s):
                return await self._exchange.fetch(need, self._family)
        except TimeoutError:
            raise RetrievalTimedOut(need.cid, self._fetch.timeout_s) from None

    async def _here(self, cid: Cid) -> Block:
        block = self._store.at_hand(cid, INLINE_BYTES, public=self._public)
        if block is None:
            return await self._fetch.in_thread(partial(self._get, cid))
        self._turn_bytes += len(block.data) + _BLOCK_COSTS_BYTES
        if self._turn_bytes >= _TURN_BYTES:  # a socket that takes all never lets go of the loop
            self._turn_bytes = 0
            await asyncio.sleep(0)
        return block

    async def _from(self, ahead: "Ahead[asyncio.Future[None]]", need: Need) -> Block:
        again = ahead.again(need)
        if again is not None:
            return again
        if ahead.guess < _WORTH_BYTES:
            need = need._replace(soon=())
        batch = ahead.expect(need)
        if batch is None:
            return ahead.had(await self._here(need.cid))
        if batch.task is not None:
            await batch.task
            batch.task = None
        return ahead.had(batch.take(need.cid.raw))

    def _begin_ahead(self) -> bool:
        if not self._fetch.may_read_ahead():
            return False
        self._ahead = Ahead(self._fetch.begin, self._get)
        return True

    def _get(self, cid: Cid) -> Block:
        """Read a block in a thread."""
        if self._public and not self._store.is_public([cid])[0]:
            raise BlockMissing(cid)
        return self._store.get(cid)

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Want nothing more: what is read ahead and not begun is not begun."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            for task in ahead.under_way():
                task.cancel()
            self._fetch.ended()


class AtOnce:
    """Gets small blocks that are here without waiting, else raises `WouldWait`."""

    __slots__ = ("_final", "_public", "_store")

    def __init__(self, store: ReadsAtHand, public: bool, final: bool) -> None:
        self._store, self._public, self._final = store, public, final

    async def __call__(self, need: Need) -> Block:
        """Return the block of *need*; raises `BlockMissing` when nobody else would be asked."""
        try:
            block = self._store.at_hand(need.cid, AT_ONCE_BYTES, public=self._public)
        except BlockMissing:
            if self._final:
                raise
            raise WouldWait from None
        if block is None:
            raise WouldWait
        return block
