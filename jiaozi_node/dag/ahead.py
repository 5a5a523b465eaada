"""Blocks fetched before they are asked for: a driver's use of `Need.soon`.

Reading a block from disk and hashing it leave the interpreter's lock alone, so on two cores the
next blocks are had while the present one is being written out. They are fetched by the batch:
waking a thread for each block of 256 KiB costs as long as reading it. Threads are started when the
first need names several blocks; small files never see one.
"""

from collections.abc import Generator, Iterator, Sequence
from functools import partial
from typing import Any

from jiaozi_node.dag.crew import Crew, Task
from jiaozi_node.dag.walk import Get, Item, Need
from jiaozi_node.errors import JiaoziError
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid

BATCH_BYTES = 1024 * 1024  # what a thread fetches before it hands it over
AHEAD_BYTES = 6 * 1024 * 1024  # fetched and not yet asked for, or under way
_FORGETS = 8  # how slowly the guess at the size of blocks follows smaller ones


def stream_ahead(walk: Generator[Need | Item, Block | None, Any], get: Get) -> Iterator[Item]:
    """Drive *walk* as `walk.stream` does, with *get* called in other threads for what comes soon.

    What isn't wanted after all is dropped; an error arrives where its block is asked for.
    """
    with Crew() as crew:
        ahead = _Ahead(crew, get)
        try:
            step = next(walk)
            while True:
                if not isinstance(step, Need):
                    yield step
                    step = next(walk)
                    continue
                try:
                    block = ahead.get(step)
                except JiaoziError as fault:
                    step = walk.throw(fault)
                else:
                    step = walk.send(block)
        except StopIteration:
            return
        finally:
            walk.close()
            ahead.skip()


class _Batch:
    """Blocks that one thread fetches, and how many bytes they are: a guess until they are here."""

    __slots__ = ("found", "left", "size", "task")

    def __init__(self, crew: Crew, cids: Sequence[Cid], get: Get, guess: int) -> None:
        self.left, self.size = len(cids), guess * len(cids)
        self.found: dict[bytes, Block | Exception] = {}
        self.task: Task[None] | None = crew.begin(partial(self._fetch, cids, get))

    def _fetch(self, cids: Sequence[Cid], get: Get) -> None:
        size = 0
        for cid in cids:
            try:
                block = get(cid)
            except Exception as fault:  # noqa: BLE001 - raised where the block is asked for
                self.found[cid.raw] = fault
            else:
                self.found[cid.raw] = block
                size += len(block.data)
        self.size = size

    def take(self, raw: bytes) -> Block:
        if self.task is not None:
            self.task.result()
            self.task = None
        self.left -= 1
        block = self.found.pop(raw)
        if isinstance(block, Exception):
            raise block
        return block


class _Ahead:
    """What is on its way, by CID and by batch."""

    def __init__(self, crew: Crew, get: Get) -> None:
        self._crew, self._get = crew, get
        self._coming: dict[bytes, _Batch] = {}
        self._batches: list[_Batch] = []
        self._guess = BATCH_BYTES  # how large the next blocks will be
        self._last: Block | None = None

    def get(self, need: Need) -> Block:
        raw = need.cid.raw
        last = self._last
        if last is not None and last.cid.raw == raw:
            return last  # the zeros of a sparse file: the same block over and over
        batch = self._coming.pop(raw, None)
        if len(need.soon) > 1 or self._batches:
            self._look_ahead(need)
        block = self._get(need.cid) if batch is None else batch.take(raw)
        self._last = block
        self._guess = max(len(block.data), self._guess - self._guess // _FORGETS, 1)
        return block

    def _look_ahead(self, need: Need) -> None:
        """Begin with what is needed soon: in whole batches, as far as there is room."""
        coming, present = self._coming, need.cid.raw
        fresh: dict[bytes, Cid] = {}
        for cid in need.soon:
            raw = cid.raw
            if raw not in coming and raw != present and cid.inline is None:
                fresh[raw] = cid
        if not fresh:
            return
        batches = self._batches = [one for one in self._batches if one.left]
        room = AHEAD_BYTES - sum([one.size for one in batches])
        # Half of what is named at most, or one thread would have it all.
        many = max(1, min(BATCH_BYTES // self._guess, len(need.soon) // 2))
        cids = list(fresh.values())
        for at in range(0, len(cids), many):
            some = cids[at : at + many]
            if room < len(some) * self._guess or (len(some) < many and batches):
                return
            room -= len(some) * self._guess
            batch = _Batch(self._crew, some, self._get, self._guess)
            batches.append(batch)
            for cid in some:
                coming[cid.raw] = batch

    def skip(self) -> None:
        """Begin with nothing more."""
        for batch in self._batches:
            if batch.task is not None:
                batch.task.skip()
