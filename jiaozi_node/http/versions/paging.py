"""One page of a list: so many items, and no more bytes than a page may have."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from jiaozi_node.errors import NotFound
from jiaozi_node.http.versions.declare import MAX_PAGE_BYTES

Items: TypeAlias = Iterable[tuple[str, dict[str, Any]]]  # each with what the next page begins after


def encoded(value: object) -> bytes:
    """Return *value* as a line of ASCII JSON; lone surrogates are escaped."""
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def page(name: str, items: Items, most: int, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the first *most* of *items* under *name*, and where the next page begins.

    It ends early with the item that takes it beyond `MAX_PAGE_BYTES`.
    """
    taken: list[dict[str, Any]] = []
    size, last = 0, ""
    out: dict[str, Any] = {**more, name: taken}
    for key, item in items:
        if len(taken) >= most or size > MAX_PAGE_BYTES:
            return out | {"next": last}
        taken.append(item)
        size += len(encoded(item))
        last = key
    return out


class NothingBehind(NotFound):
    """The item that a page is to begin after isn't in the list."""

    def __init__(self, key: str) -> None:
        super().__init__(f"{key[:80]!r} is not in this list: begin again without 'after'")
        self.key = key


def after(items: Items, key: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what comes behind the item whose key is *key*, all for None; raises `NothingBehind`."""
    waiting = key is not None
    for one, item in items:
        if waiting:
            waiting = one != key
            continue
        yield one, item
    if waiting and key is not None:
        raise NothingBehind(key)
