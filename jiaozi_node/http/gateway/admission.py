"""How many requests are under way, in all and of one client."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from jiaozi_node.http.gateway.problem import NO_STORE, Problem


class Rooms:
    """Counts requests in and out; a limit of 0 is none."""

    def __init__(self, all_of_them: int, of_one: int) -> None:
        self._all, self._of_one = all_of_them, of_one
        self.under_way = 0
        self._clients: Counter[str] = Counter()

    @contextmanager
    def taken(self, client: str) -> Iterator[None]:
        """Hold a place for the span of a ``with``; raises `Problem` 429 when there is none.

        A *client* of "" has no limit of its own.
        """
        if self._all and self.under_way >= self._all:
            raise Problem(
                429,
                f"too many requests: {self._all} are under way, which is the limit of this gateway",
                NO_STORE,
            )
        if client and self._of_one and self._clients[client] >= self._of_one:
            raise Problem(
                429,
                f"too many requests: {self._of_one} of yours are under way, which is the limit for"
                " one client",
                NO_STORE,
            )
        self.under_way += 1
        if client:
            self._clients[client] += 1
        try:
            yield
        finally:
            self.under_way -= 1
            if client:
                self._clients[client] -= 1
                if not self._clients[client]:
                    del self._clients[client]
