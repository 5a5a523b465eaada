"""When something is to be looked at again: for each at most one moment, which may come nearer."""

import heapq
from typing import Final, Generic, Protocol, TypeVar

_FEW: Final = 1_024


class HasAlarm(Protocol):
    """Something with a moment at which it wants to be looked at."""

    alarm: float | None


Who = TypeVar("Who", bound=HasAlarm)


class Alarms(Generic[Who]):
    """Those who have an alarm, the next one first."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Who]] = []
        self._count = 0
        self._limit = _FEW

    def set(self, who: Who, when: float) -> None:
        """Have *who* looked at *when*, or sooner if that was wanted before."""
        if who.alarm is not None and who.alarm <= when:
            return
        who.alarm = when
        self._count += 1
        if len(self._heap) > self._limit:  # most of them moved, or ended
            self._heap = [one for one in self._heap if one[2].alarm == one[0]]
            heapq.heapify(self._heap)
            self._limit = max(_FEW, 2 * len(self._heap))
        heapq.heappush(self._heap, (when, self._count, who))

    @property
    def next(self) -> float | None:
        """The next moment; None when there is none."""
        heap = self._heap
        while heap:
            when, _, who = heap[0]
            if who.alarm == when:
                return when
            heapq.heappop(heap)
        return None

    def due(self, now: float) -> Who | None:
        """Take one whose moment has come by *now*, without its alarm; None when there is none."""
        when = self.next
        if when is None or when > now:
            return None
        who = heapq.heappop(self._heap)[2]
        who.alarm = None
        return who
