"""Garbage collected by itself, as a daemon with ``--enable-gc`` does it.

Every ``Datastore.GCPeriod`` it looks how large the home is, and collects when that is over
``Datastore.StorageGCWatermark`` per cent of ``Datastore.StorageMax`` (Kubo's keys and rules).
A collection that has to end, since the daemon does, goes on with the next one.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from jiaozi_node.errors import JiaoziError, Malformed, Misuse
from jiaozi_node.formats import duration
from jiaozi_node.node.collecting import collect
from jiaozi_node.node.config import Config
from jiaozi_node.node.home import Home
from jiaozi_node.node.importing import parse_size
from jiaozi_node.node.measuring import size_bytes
from jiaozi_node.stores.leases import Collecting

_log = logging.getLogger(__name__)
MAX_PERIOD_S: Final = 366 * 86400.0


@dataclass(frozen=True, slots=True)
class Plan:
    """When to look (*period_s*, 0 for never), and the size above which to collect."""

    period_s: float
    above_bytes: int


def plan_of(config: Config) -> Plan:
    """Read the plan; raises `Misuse` naming the key that is wrong."""
    period = config.find("Datastore.GCPeriod", "1h")
    try:
        period_s = duration.parse(period) / 1e9
    except (Malformed, TypeError, AttributeError):
        raise Misuse(f"Datastore.GCPeriod is not a duration: {str(period)[:32]!r}") from None
    if not 0 <= period_s <= MAX_PERIOD_S:
        raise Misuse(f"Datastore.GCPeriod is {str(period)[:32]!r}, not between 0s and 8784h")
    percent = config.find("Datastore.StorageGCWatermark", 90)
    if isinstance(percent, bool) or not isinstance(percent, int) or not 0 <= percent <= 100:
        raise Misuse(f"Datastore.StorageGCWatermark is {percent!r}, not a number from 0 to 100")
    most = parse_size("Datastore.StorageMax", config.find("Datastore.StorageMax", "10GB"))
    return Plan(period_s, most * percent // 100)


@dataclass(slots=True)
class Done:
    """What was done so far, for who measures."""

    looks: int = 0
    runs: int = 0
    blocks: int = 0
    block_bytes: int = 0
    faults: int = 0
    seconds: float = 0.0


class Collector:
    """Looks and collects on a thread of its own, from `start` to `stop`."""

    def __init__(
        self,
        home: Home,
        plan: Plan,
        *,
        now: Callable[[], float] = time.time,
        wait: Callable[[threading.Event, float], bool] = threading.Event.wait,
    ) -> None:
        self._home, self._plan, self._now, self._wait = home, plan, now, wait
        self.done = Done()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="collector", daemon=True)

    def start(self) -> None:
        """Begin; without a period nothing is ever done."""
        if self._plan.period_s:
            self._thread.start()

    def stop(self, within_s: float) -> bool:
        """End a collection under way; tell whether it did in time."""
        self._end.set()
        if self._thread.ident is not None:
            self._thread.join(within_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._wait(self._end, self._plan.period_s):
            try:
                self.look()
            except _Ended:
                return
            except Exception as fault:  # noqa: BLE001 - the next look may go well
                self.done.faults += 1
                if isinstance(fault, JiaoziError | OSError):
                    _log.error("collecting garbage: %s", fault)
                else:
                    _log.exception("collecting garbage failed")

    def look(self) -> bool:
        """Collect if the home has become too large; tell whether it was done."""
        self.done.looks += 1
        size = size_bytes(self._home)
        if size <= self._plan.above_bytes:
            return False
        _log.info("collecting garbage: %d bytes, over %d", size, self._plan.above_bytes)
        began = self._now()
        run = collect(self._home, int(began), progress=self._go_on)
        try:
            for dropped in run:
                self._go_on(1)
                self.done.blocks += 1
                self.done.block_bytes += dropped.size_bytes
        except Collecting:
            return False
        finally:
            run.close()
            self.done.seconds += max(0.0, self._now() - began)
        self.done.runs += 1
        left = size_bytes(self._home)
        if left > self._plan.above_bytes:
            _log.warning("garbage was collected; what is kept has %d bytes, over %d",
                         left, self._plan.above_bytes)  # fmt: skip
        return True

    def _go_on(self, _blocks: int) -> None:
        if self._end.is_set():
            raise _Ended


class _Ended(Exception):
    """The daemon ends: the collection is left as it is."""
