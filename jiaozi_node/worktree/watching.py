"""The watches that a daemon keeps of working copies it was asked about, the ones asked for last."""

import sys
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from jiaozi_node.worktree.seeking import Seen
    from jiaozi_node.worktree.watch import Watch

MAX_WATCHES: Final = 32

Identity = tuple[int, int]


class Watches:
    """Watches of working copies; *passed* are identities of directories that none enters."""

    def __init__(self, passed: frozenset[Identity] = frozenset()) -> None:
        self._passed = passed
        self._lock = threading.Lock()
        self._kept: OrderedDict[Identity, Watch] = OrderedDict()
        self._closed = False

    def since(self, root: str, identity: Identity, token: str | None) -> "Seen | None":
        """Return what changed in the directory *root* since *token*; None: look at everything.

        A first question begins a watch, and is answered None.
        """
        if sys.platform != "linux":
            return None
        with self._lock:
            if self._closed:
                return None
            watch = self._kept.get(identity)
            if watch is None or watch.lost is not None:
                self._begin(root, identity)
                return None
            self._kept.move_to_end(identity)
        return watch.since(token)

    def close(self) -> None:
        """End all of them."""
        with self._lock:
            self._closed = True
            kept, self._kept = self._kept, OrderedDict()
        for watch in kept.values():
            watch.close()

    def _begin(self, root: str, identity: Identity) -> None:
        from jiaozi_node.worktree.watch import Unwatchable, Watch  # noqa: PLC0415 - Linux only

        try:
            watch = Watch(root, identity, self._passed)
        except Unwatchable:
            self._kept.pop(identity, None)
            return
        self._kept[identity] = watch
        self._kept.move_to_end(identity)
        threading.Thread(target=watch.begin, name="watch", daemon=True).start()
        while len(self._kept) > MAX_WATCHES:
            _, oldest = self._kept.popitem(last=False)
            oldest.close()
