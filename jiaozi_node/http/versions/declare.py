"""How a route is declared: all that is asked, and the shape of what is answered.

The server dispatches by these declarations and its document is written from them, so that neither
can know what the other doesn't. A handler gets at what was asked by `Asked` alone, which knows only
what the route declares.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, unquote_to_bytes

from jiaozi_node.errors import LimitExceeded, Misuse, NotFound
from jiaozi_node.node.home import Home

ROOT: Final = "/api/v1"
DEFAULT_ITEMS: Final = 100
MAX_ITEMS: Final = 1000  # of one page
MAX_PAGE_BYTES: Final = 4 * 1024 * 1024  # a page ends with the item that goes beyond
MAX_QUERY_FIELDS: Final = 32
MAX_VALUE_BYTES: Final = 8 * 1024  # of one parameter
_DIGITS: Final = 9  # of a number


class Kind(Enum):
    """What a parameter's text is read as."""

    TEXT = "string"
    NUMBER = "integer"
    FLAG = "boolean"


@dataclass(frozen=True, slots=True)
class Parameter:
    """Something that is asked: a piece of the *path*, or of the query.

    A number lies within *low* … *high*.
    """

    name: str
    about: str
    kind: Kind = Kind.TEXT
    default: str | int | bool | None = None
    path: bool = False
    required: bool = False
    choices: tuple[str, ...] = ()
    low: int = 1
    high: int = MAX_ITEMS


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as its handler sees it; the clock is *now*."""

    home: Home
    values: Mapping[str, Any]
    now: Callable[[], float]

    def text(self, name: str) -> str:
        """Return the text of a parameter that is there, or has a default."""
        value = self.values[name]
        if not isinstance(value, str):
            raise TypeError(f"{name} is no text that is always there")
        return value

    def maybe(self, name: str) -> str | None:
        """Return the text of a parameter; None where it wasn't given."""
        value = self.values[name]
        return None if value is None else str(value)

    def number(self, name: str) -> int:
        """Return a number."""
        return int(self.values[name])

    def flag(self, name: str) -> bool:
        """Return true or false."""
        return bool(self.values[name])


Handler: TypeAlias = Callable[[Asked], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """A route: *path* below `ROOT`, with ``{name}`` for one segment; *answer* names a schema."""

    path: str
    name: str
    about: str
    handler: Handler
    answer: str
    parameters: tuple[Parameter, ...] = ()
    faults: tuple[int, ...] = field(default=(400, 403, 404))

    @property
    def segments(self) -> tuple[str, ...]:
        """The segments of the path."""
        return tuple(self.path[1:].split("/"))


class UnknownRoute(NotFound):
    """No route has this path."""

    def __init__(self, path: str) -> None:
        shown = path if len(path) <= 80 else path[:79] + "…"
        super().__init__(f"there is nothing at {shown!r}; {ROOT}/openapi.json lists what there is")
        self.path = path


class BadParameter(Misuse):
    """Something is asked in a way that the route doesn't know."""

    def __init__(self, name: str, rule: str) -> None:
        super().__init__(f"{name[:64]!r} {rule}")
        self.name, self.rule = name, rule


def found(routes: tuple[Route, ...], path: str) -> tuple[Route, dict[str, str]]:
    """Return the route of the raw *path*, and the segments that stand for parameters."""
    given = path.removeprefix(ROOT)[1:].split("/")
    for route in routes:
        if len(route.segments) != len(given):
            continue
        named: dict[str, str] = {}
        for wanted, segment in zip(route.segments, given, strict=True):
            if wanted.startswith("{"):
                named[wanted[1:-1]] = _decoded(segment)
            elif wanted != segment:
                break
        else:
            return route, named
    raise UnknownRoute(path)


def read(route: Route, named: Mapping[str, str], query: str) -> dict[str, Any]:
    """Return the values of all parameters of *route*; raises `BadParameter`, `LimitExceeded`."""
    given = dict(named)
    try:
        pairs = parse_qsl(
            query, keep_blank_values=True, errors="surrogateescape", max_num_fields=MAX_QUERY_FIELDS
        )
    except ValueError:
        count = query.count("&") + 1
        raise LimitExceeded("query", MAX_QUERY_FIELDS, count, "parameters") from None
    known = {one.name: one for one in route.parameters}
    for name, value in pairs:
        if name not in known or known[name].path:
            takes = ", ".join(one.name for one in route.parameters if not one.path) or "nothing"
            raise BadParameter(name, f"is no parameter of {route.name}, which takes {takes}")
        if name in given:
            raise BadParameter(name, "is given twice")
        given[name] = value
    return {one.name: _value(one, given.get(one.name)) for one in route.parameters}


def _value(one: Parameter, text: str | None) -> Any:  # noqa: ANN401 - str, int, bool or None
    if text is None:
        if one.required:
            raise BadParameter(one.name, "is required")
        return one.default
    size = len(text.encode("utf-8", "surrogateescape"))
    if size > MAX_VALUE_BYTES:
        raise LimitExceeded(one.name, MAX_VALUE_BYTES, size)
    if one.kind is Kind.FLAG:
        if text not in ("true", "false"):
            raise BadParameter(one.name, f"must be true or false, is {text[:40]!r}")
        return text == "true"
    if one.kind is Kind.NUMBER:
        digits = text.isascii() and text.isdigit() and len(text) <= _DIGITS
        if not digits or not one.low <= int(text) <= one.high:
            raise BadParameter(one.name, f"must lie in {one.low} … {one.high}, is {text[:40]!r}")
        return int(text)
    if one.choices and text not in one.choices:
        raise BadParameter(one.name, f"must be {' or '.join(one.choices)}, is {text[:40]!r}")
    return text


def _decoded(segment: str) -> str:
    raw = unquote_to_bytes(segment.encode("utf-8", "surrogateescape"))
    return raw.decode("utf-8", "surrogateescape")
