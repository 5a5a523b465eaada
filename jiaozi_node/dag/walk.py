"""Readers ask: a walk yields `Need` and is handed the block; the drivers exist once.

An algorithm over a DAG never fetches. It says ``block = yield from need(cid)``; whoever drives it
decides whether the block comes from a dict, a store or the network. A block that can't be had
arrives as an exception at that very ``yield``, so that an algorithm which can do without may catch
it. Output is yielded between the needs. See ``design.md`` §2.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator
from typing import Any, NamedTuple, TypeAlias, TypeVar

from jiaozi_node.errors import JiaoziError
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid

Item = TypeVar("Item")
Out = TypeVar("Out")
Result = TypeVar("Result")


class Need(NamedTuple):
    """A request for the block of *cid*; *soon* are those likely wanted next, in order."""

    cid: Cid
    soon: tuple[Cid, ...] = ()


# A walk yields output and requests and returns a result; a lookup yields requests only.
Walk: TypeAlias = Generator[Need | Item, Block | None, Result]
Lookup: TypeAlias = Generator[Need, Block | None, Result]

Get: TypeAlias = Callable[[Cid], Block]
AsyncGet: TypeAlias = Callable[[Need], Awaitable[Block]]


def need(cid: Cid, soon: tuple[Cid, ...] = ()) -> Generator[Need, Block | None, Block]:
    """Ask for one block: the only place where a block is received.

    Identity CIDs carry their block and are never asked for.
    """
    inline = cid.inline
    if inline is not None:
        return Block(cid, inline)
    block = yield Need(cid, soon)
    if block is None:
        raise AssertionError(f"the driver of a walk handed it no block for {cid}")
    return block


def stream(walk: Generator[Need | Item, Block | None, Any], get: Get) -> Iterator[Item]:
    """Drive *walk* with *get*, yielding its output as it comes."""
    try:
        step = next(walk)
        while True:
            if isinstance(step, Need):
                try:
                    block = get(step.cid)
                except JiaoziError as fault:
                    step = walk.throw(fault)
                else:
                    step = walk.send(block)
            else:
                yield step
                step = next(walk)
    except StopIteration:
        return
    finally:
        walk.close()


def driven(
    walk: Generator[Need | Item, Block | None, Result], get: Get, take: Callable[[Item], None]
) -> Result:
    """Drive *walk* with *get*, handing its output to *take*; return its result."""
    results: list[Result] = []

    def noting() -> Generator[Need | Item, Block | None, None]:
        results.append((yield from walk))

    for item in stream(noting(), get):
        take(item)
    return results[0]


def run(walk: Generator[Need, Block | None, Result], get: Get) -> Result:
    """Drive a lookup with *get* and return its result."""
    try:
        step = next(walk)
        while True:
            try:
                block = get(step.cid)
            except JiaoziError as fault:
                step = walk.throw(fault)
            else:
                step = walk.send(block)
    except StopIteration as stop:
        result: Result = stop.value
        return result
    finally:
        walk.close()


async def astream(
    walk: Generator[Need | Item, Block | None, Any], get: AsyncGet
) -> AsyncGenerator[Item, None]:
    """Drive *walk* with an awaited *get*, given the whole `Need` so that it may prefetch.

    Who may leave it before its end does so within ``contextlib.aclosing``.
    """
    try:
        step = next(walk)
        while True:
            if isinstance(step, Need):
                try:
                    block = await get(step)
                except JiaoziError as fault:
                    step = walk.throw(fault)
                else:
                    step = walk.send(block)
            else:
                yield step
                step = next(walk)
    except StopIteration:
        return
    finally:
        walk.close()


async def arun(walk: Generator[Need, Block | None, Result], get: AsyncGet) -> Result:
    """Drive a lookup with an awaited *get* and return its result."""
    try:
        step = next(walk)
        while True:
            try:
                block = await get(step)
            except JiaoziError as fault:
                step = walk.throw(fault)
            else:
                step = walk.send(block)
    except StopIteration as stop:
        result: Result = stop.value
        return result
    finally:
        walk.close()


def delegate(
    walk: Generator[Need | Item, Block | None, Result], block: Block
) -> Generator[Need | Item, Block | None, Result]:
    """Drive *walk* on, giving it *block*, which is at hand, when it asks for it first."""
    try:
        step = next(walk)
        if isinstance(step, Need) and step.cid == block.cid:
            step = walk.send(block)
        while True:
            try:
                sent = yield step
            except JiaoziError as fault:
                step = walk.throw(fault)
            else:
                step = walk.send(sent)
    except StopIteration as stop:
        result: Result = stop.value
        return result
    finally:
        walk.close()


def each(
    walk: Generator[Need | Item, Block | None, Any], then: Callable[[Item], Walk[Out, None]]
) -> Walk[Out, None]:
    """Yield what *then* makes of each output of *walk*, before the next one is asked for."""
    try:
        step = next(walk)
        while True:
            if isinstance(step, Need):
                try:
                    block = yield step
                except JiaoziError as fault:
                    step = walk.throw(fault)
                else:
                    step = walk.send(block)
            else:
                yield from then(step)
                step = next(walk)
    except StopIteration:
        return
    finally:
        walk.close()


def gather(
    walk: Generator[Need | Item, Block | None, Any],
) -> Generator[Need, Block | None, list[Item]]:
    """Turn a walk into a lookup whose result is the list of all that it put out."""
    out: list[Item] = []
    try:
        step = next(walk)
        while True:
            if isinstance(step, Need):
                try:
                    block = yield step
                except JiaoziError as fault:
                    step = walk.throw(fault)
                else:
                    step = walk.send(block)
            else:
                out.append(step)
                step = next(walk)
    except StopIteration:
        return out
    finally:
        walk.close()
