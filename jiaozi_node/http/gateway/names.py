"""Names of ``/ipns/`` as this home resolves them: its records, and DNSLink.

Looking a domain up waits for a resolver, and a record lies in a database: both are done in threads
of their own, so that names that nobody answers for keep no block waiting.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from jiaozi_node.errors import Malformed
from jiaozi_node.formats.instant import SECOND_NS
from jiaozi_node.formats.peer_id import PeerId
from jiaozi_node.http.gateway.problem import Problem
from jiaozi_node.http.gateway.wiring import Named, SignedRecord
from jiaozi_node.node import naming
from jiaozi_node.node.home import Home
from jiaozi_node.node.name_records import NameRecords

WORKERS: Final = 8
Made = TypeVar("Made")


class HomeNames:
    """Resolves by *home*; a `wiring.ResolvesNames`."""

    def __init__(self, home: Home, environ: Mapping[str, str], now: Callable[[], float]) -> None:
        self._home, self._environ, self._now = home, environ, now
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="names")

    async def resolve(self, name: str) -> Named:
        """See `wiring.ResolvesNames`."""
        return await self._in_thread(lambda: self._resolve(name))

    async def record(self, name: str) -> SignedRecord:
        """See `wiring.ResolvesNames`."""
        try:
            peer = PeerId.parse(name)
        except Malformed as fault:
            raise Problem(400, str(fault)) from None
        return await self._in_thread(lambda: self._record(peer))

    async def _in_thread(self, work: Callable[[], Made]) -> Made:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def _resolve(self, name: str) -> Named:
        found = naming.of(self._home, self._environ, self._now).resolve(f"/ipns/{name}")
        return Named(found.path, found.ttl_ns / SECOND_NS if found.ttl_ns else None)

    def _record(self, peer: PeerId) -> SignedRecord:
        now_ns = int(self._now() * SECOND_NS)
        record = NameRecords(self._home.names).get(peer, now_ns)
        if "TTL" not in record.fields:
            return SignedRecord(record.raw)
        ttl_ns = max(0, min(record.ttl_ns, record.eol_ns - now_ns))
        return SignedRecord(record.raw, ttl_ns / SECOND_NS)

    def close(self) -> None:
        """Begin nothing more; who waits for a resolver isn't waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)
