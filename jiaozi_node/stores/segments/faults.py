"""What can go wrong with a store of segments as a whole."""

from jiaozi_node.errors import Corrupt, NotFound, Refused, Unavailable


class StoreMissing(NotFound):
    """There is no block store in the home *path*."""

    def __init__(self, path: str) -> None:
        super().__init__(f"there is no block store at {path}")
        self.path = path


class NewerSegments(Refused):
    """The store at *path* was written by a later jiaozi."""

    def __init__(self, path: str, version: int) -> None:
        super().__init__(
            f"the block store {path} has layout {version}, this version reads up to 1: "
            "use a version of jiaozi that knows it"
        )
        self.path, self.version = path, version


class WritesFailed(Unavailable):
    """The store at *path* couldn't write *why*; what was not acknowledged may be lost."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"the block store {path} can't write: {why}")
        self.path, self.why = path, why


class DiskFull(Unavailable):
    """Less than *low_bytes* are free where the store at *path* lies: it takes nothing more."""

    def __init__(self, path: str, free_bytes: int, low_bytes: int) -> None:
        super().__init__(
            f"the disk of {path} is nearly full: {free_bytes >> 20} MiB are free, "
            f"{low_bytes >> 20} MiB are kept for the index"
        )
        self.path, self.free_bytes, self.low_bytes = path, free_bytes, low_bytes


class IndexDamaged(Corrupt):
    """The index can't be believed; it is rebuilt from the segments."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"the index {path} is damaged: {why}")
        self.path, self.why = path, why
