"""What went wrong as a status and an object: one shape for every fault of the versions API."""

from http import HTTPStatus
from typing import Any, Final

from jiaozi_node.errors import (
    Conflict,
    Corrupt,
    JiaoziError,
    Locked,
    Malformed,
    Misuse,
    NotFound,
    Refused,
    Unavailable,
)

STATUSES: Final[dict[type[JiaoziError], HTTPStatus]] = {
    Malformed: HTTPStatus.BAD_REQUEST,
    Misuse: HTTPStatus.BAD_REQUEST,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    Refused: HTTPStatus.UNPROCESSABLE_ENTITY,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    Corrupt: HTTPStatus.INTERNAL_SERVER_ERROR,
    Locked: HTTPStatus.SERVICE_UNAVAILABLE,
}


def of(fault: BaseException, status: int | None = None) -> tuple[int, dict[str, Any]]:
    """Return the status and the `Error` for *fault*; *status* takes the place of the family's."""
    family = next((one for one in STATUSES if isinstance(fault, one)), None)
    if family is None:
        unavailable = isinstance(fault, OSError)
        code = status or (503 if unavailable else 500)
        name = "Unavailable" if unavailable else "Internal"
        why = "the system refused it" if unavailable else "internal error"
        return code, _error(code, name, type(fault).__name__, f"{why}; the node's log has it")
    code = status or int(STATUSES[family])
    return code, _error(code, family.__name__, type(fault).__name__, str(fault))


def _error(status: int, family: str, kind: str, message: str) -> dict[str, Any]:
    return {"error": {"status": status, "family": family, "kind": kind, "message": message}}
