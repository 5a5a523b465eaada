"""What other parts of the node lend to the gateway, each absent until it is there."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from jiaozi_node.errors import NotFound, Unavailable
from jiaozi_node.http.gateway.target import Target, read
from jiaozi_node.http.quick import Request

if TYPE_CHECKING:
    from jiaozi_node.formats.block import Block
    from jiaozi_node.http.gateway.asked import Asked, Reply
    from jiaozi_node.unixfs.resolve import Path


@dataclass(frozen=True, slots=True)
class Site:
    """What the host's name says of a request; the default is a path gateway's.

    *origin* is what links to other roots begin with (``//dweb.example``), "" for this host.
    *isolated* sites have a web origin of their own: their pages need no sandbox, and the rules of
    their ``_redirects`` hold. *dnslink* sites show their name, not CIDs, to visitors.
    *deserialized* overrules the configuration where the host has a rule of its own.
    """

    origin: str = ""
    isolated: bool = False
    dnslink: bool = False
    deserialized: bool | None = None


PATH_SITE = Site()


class Moved(Exception):
    """The request is answered by a redirection to *location*."""

    def __init__(self, status: int, location: str) -> None:
        super().__init__(location)
        self.status, self.location = status, location


class PlacesHosts(Protocol):
    """Reads what the host's name means."""

    async def place(self, request: Request) -> tuple[Site, Target]:
        """Return the site, and the target with the path that the host implies before its own.

        Raises `Moved` for a redirection, `problem.Problem`, and what `target.read` raises.
        """
        ...


class OneHost:
    """Every name of this machine is a path gateway."""

    async def place(self, request: Request) -> tuple[Site, Target]:
        """See `PlacesHosts`."""
        return PATH_SITE, read(request.raw_path)


@dataclass(frozen=True, slots=True)
class Named:
    """What a name leads to: a path below ``/ipfs/``, and for how many seconds it may be kept."""

    path: str
    ttl_s: float | None = None


@dataclass(frozen=True, slots=True)
class SignedRecord:
    """An IPNS record as its bytes, and for how many seconds it may be kept."""

    raw: bytes
    ttl_s: float | None = None


class ResolvesNames(Protocol):
    """Follows names of ``/ipns/``: keys and DNSLinks."""

    async def resolve(self, name: str) -> Named:
        """Return where *name* leads; raises `NotFound`, `Unavailable`."""
        ...

    async def record(self, name: str) -> SignedRecord:
        """Return the best valid record of the key *name*; raises as `resolve` does."""
        ...


class NoNames:
    """A node that follows no names."""

    async def resolve(self, name: str) -> Named:
        """See `ResolvesNames`."""
        raise Unavailable(f"could not resolve name {name[:80]!r}: this node follows no names")

    async def record(self, name: str) -> SignedRecord:
        """See `ResolvesNames`."""
        raise NotFound(f"no record of {name[:80]!r}: this node follows no names")


# Answers below a first name of paths that is neither ipfs nor ipns.
Room = Callable[["Asked"], Awaitable["Reply"]]
# Answers where a path leads nowhere on a site of its own origin; None: it is missing indeed.
Missing = Callable[["Asked", "Path", Exception], Awaitable["Reply | None"]]
# Makes the page of a node for a browser; None: the usual one.
NodePage = Callable[["Asked", "Block"], Awaitable[str | None]]


async def _not_redirected(_asked: "Asked", _path: "Path", _fault: Exception) -> "Reply | None":
    return None


async def _usual_page(_asked: "Asked", _block: "Block") -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Wiring:
    """All of it."""

    hosts: PlacesHosts = field(default_factory=OneHost)
    names: ResolvesNames = field(default_factory=NoNames)
    rooms: Mapping[str, Room] = field(default_factory=dict)
    missing: Missing = _not_redirected
    node_page: NodePage = _usual_page
