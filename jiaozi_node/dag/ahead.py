"""Blocks fetched before they are asked for: a driver's use of `Need.soon`.

Reading a block from disk and hashing it leave the interpreter's lock alone, so on two cores the
next blocks are had while the present one is being written out. They are fetched by the batch:
waking a thread for each block of 256 KiB costs as long as reading it. Threads are started when the
first need names several blocks; small files never see one.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from jiaozi_node.dag.crew import Crew, Task
from jiaozi_node.dag.walk import Get, Item, Need
from jiaozi_node.errors import JiaoziError
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid

BATCH_BYTES = 1024 * 1024  # what a thread fetches before it hands it over
AHEAD_BYTES = 6 * 1024 * 1024  # fetched and not yet asked for, or under way
_FORGETS = 8  # how slowly the guess at the size of blocks follows smaller ones

Begun = TypeVar("Begun")  # a task under way, in a crew or in an event loop's pool


def stream_ahead(walk: Generator[Need | Item, Block | None, Any], get: Get) -> Iterator[Item]:
    """Drive *walk* as `walk.stream` does, with *get* called in other threads for what comes soon.

    What isn't wanted after all is dropped; an error arrives where its block is asked for.
    """
    with Crew() as crew:
        ahead: Ahead[Task[None]] = Ahead(crew.begin, get)
        try:
            step = next(walk)
            while True:
                if not isinstance(step, Need):
                    yield step
                    step = next(walk)
                    continue
                try:
                    block = _awaited(ahead, step, get)
                except JiaoziError as fault:
                    step = walk.throw(fault)
                else:
                    step = walk.send(block)
        except StopIteration:
            return
        finally:
            walk.close()
            for task in ahead.under_way():
                task.skip()


def _awaited(ahead: "Ahead[Task[None]]", need: Need, get: Get) -> Block:
    again = ahead.again(need)
    if again is not None:
        return again
    batch = ahead.expect(need)
    if batch is None:
        return ahead.had(get(need.cid))
    if batch.task is not None:
        batch.task.result()
        batch.task = None
    return ahead.had(batch.take(need.cid.raw))


class Batch(Generic[Begun]):
    """Blocks that one thread fetches, and how many bytes they are: a guess until they are here.

    Whoever takes from it waits for its *task* first, once.
    """

    __slots__ = ("found", "left", "size", "task")

    def __init__(
        self,
        begin: Callable[[Callable[[], None]], Begun],
        cids: Sequence[Cid],
        get: Get,
        guess: int,
    ) -> None:
        self.left, self.size = len(cids), guess * len(cids)
        self.found: dict[bytes, Block | Exception] = {}
        self.task: Begun | None = begin(partial(self._fetch, cids, get))

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
        """Hand over a block, or raise what fetching it raised."""
        self.left -= 1
        block = self.found.pop(raw)
        if isinstance(block, Exception):
            raise block
        return block


class Ahead(Generic[Begun]):
    """What is on its way, by CID and by batch, for one walk; *begin* hands work to a thread."""

    def __init__(self, begin: Callable[[Callable[[], None]], Begun], get: Get) -> None:
        self._begin, self._get = begin, get
        self._coming: dict[bytes, Batch[Begun]] = {}
        self._batches: list[Batch[Begun]] = []
        self.guess = BATCH_BYTES  # how large the next blocks will be
        self._last: Block | None = None

    def again(self, need: Need) -> Block | None:
        """Return the block asked for last when it is asked for again: zeros of a sparse file."""
        last = self._last
        return last if last is not None and last.cid.raw == need.cid.raw else None

    def expect(self, need: Need) -> Batch[Begun] | None:
        """Begin with what is needed soon; return the batch in which *need* itself is on its way."""
        batch = self._coming.pop(need.cid.raw, None)
        if len(need.soon) > 1 or self._batches:
            self._look_ahead(need)
        return batch

    def had(self, block: Block) -> Block:
        """Note what was handed to the walk; return it."""
        self._last = block
        self.guess = max(len(block.data), self.guess - self.guess // _FORGETS, 1)
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
        many = max(1, min(BATCH_BYTES // self.guess, len(need.soon) // 2))
        cids = list(fresh.values())
        for at in range(0, len(cids), many):
            some = cids[at : at + many]
            if room < len(some) * self.guess or (len(some) < many and batches):
                return
            room -= len(some) * self.guess
            batch = Batch(self._begin, some, self._get, self.guess)
            batches.append(batch)
            for cid in some:
                coming[cid.raw] = batch

    def under_way(self) -> Iterator[Begun]:
        """Yield the tasks that nobody waited for: what they bring isn't wanted any more."""
        for batch in self._batches:
            if batch.task is not None:
                yield batch.task
