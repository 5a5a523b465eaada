"""What goes wrong with a request, as a status and a sentence: here alone faults become statuses."""

from collections.abc import Mapping
from typing import Final

from jiaozi_node.errors import Corrupt, JiaoziError, Malformed, Misuse, NotFound, Unavailable
from jiaozi_node.formats.cid import InvalidCid
from jiaozi_node.node.fetch import RetrievalTimedOut
from jiaozi_node.unixfs.blocks import NotUnixFs
from jiaozi_node.unixfs.resolve import InvalidPath

RETRY_AFTER_S: Final = 60
NO_STORE: Final = {"Cache-Control": "no-store", "Retry-After": str(RETRY_AFTER_S)}


class Problem(Exception):
    """The answer to a request is a status other than success; its text is for a person."""

    def __init__(self, status: int, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.status, self.text = status, text
        self.headers = dict(headers or {})


def of(fault: BaseException, about: str = "") -> Problem:
    """Return what *fault* is to the client; *about* is the path that was being followed."""
    if isinstance(fault, Problem):
        return fault
    text = f"failed to resolve {about}: {fault}" if about else str(fault)
    if isinstance(fault, (InvalidCid, InvalidPath)):
        return Problem(400, text)
    if isinstance(fault, NotFound):
        return Problem(404, text)
    if isinstance(fault, RetrievalTimedOut):
        return Problem(504, text, NO_STORE)
    if isinstance(fault, Unavailable):
        return Problem(503, text, NO_STORE)
    if isinstance(fault, NotUnixFs):
        return Problem(406, text)
    if isinstance(fault, Corrupt):
        return Problem(500, "a block in the store of this gateway is damaged; its log has more")
    if isinstance(fault, (Malformed, Misuse, JiaoziError)):
        return Problem(500, text)
    return Problem(500, "internal error; the gateway's log has it")
