"""What names stand for: ``/ipns/…`` to ``/ipfs/…``, by records of this home and by DNSLink.

The one resolver of every command and of the gateway. A name is a key's, and goes by the record that
is kept of it, or a domain's. What it leads to may be a name again, 32 deep; the answer says what it
came by and for how long it may be kept, which is as long as the shortest of its steps. The variable
``IPFS_NS_MAP`` (``name:path,…``) goes before everything, as in Kubo.

``--offline`` is about peers and changes nothing here: for domains those are asked that
``DNS.Resolvers`` of the configuration names, which in a new home is nobody.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from jiaozi_node.errors import LimitExceeded, Malformed, Misuse, NotFound
from jiaozi_node.formats import duration
from jiaozi_node.formats.cid import LIBP2P_KEY, Cid
from jiaozi_node.formats.instant import SECOND_NS
from jiaozi_node.formats.ipns import InvalidRecord, Record
from jiaozi_node.formats.peer_id import PeerId
from jiaozi_node.network.web.txt import Txt, TxtResolver
from jiaozi_node.node import dnslink
from jiaozi_node.node.config import Config
from jiaozi_node.node.home import Home
from jiaozi_node.node.name_records import NameRecords, RecordMissing
from jiaozi_node.unixfs.resolve import clean, split

MAX_DEPTH: Final = 32
MAP: Final = "IPFS_NS_MAP"
MAX_MAP_CHARS: Final = 1024 * 1024
_UNKNOWN_TTL_NS: Final = 60 * SECOND_NS  # of a record that doesn't say

Source = Literal["record", "dnslink", "map"]


class NameUnresolved(NotFound):
    """A name has no record here that counts."""

    def __init__(self, name: str, words: str = "could not resolve name") -> None:
        super().__init__(words)
        self.name = name


class TooDeep(Malformed):
    """A name leads to a name that leads to a name …"""

    def __init__(self, name: str, why: str = "") -> None:
        super().__init__(f"could not resolve name (recursion limit exceeded){why}")
        self.name = name


class NameCycle(TooDeep):
    """A name leads back to itself."""

    def __init__(self, name: str, by: tuple[str, ...]) -> None:
        way = " → ".join((*by, name))
        super().__init__(name, f": {way if len(way) < 400 else f'{way[:399]}…'}")
        self.by = by


class NotAName(Malformed):
    """What stands behind ``/ipns/`` is neither a key's name nor a domain."""

    def __init__(self, name: str, words: str = "") -> None:
        super().__init__(words or f'cannot resolve: "/ipns/{name[:256]}"')
        self.name = name


@dataclass(frozen=True, slots=True)
class Step:
    """One name on the way: what it went by, and for how long that may be kept (0: not known)."""

    name: str
    source: Source
    ttl_ns: int


@dataclass(frozen=True, slots=True)
class Found:
    """Where a path led: an immutable one, by *steps*; *ttl_ns* is for how long (0: not known)."""

    path: str
    steps: tuple[Step, ...] = ()

    @property
    def ttl_ns(self) -> int:
        """For how long the answer may be kept."""
        return min((step.ttl_ns for step in self.steps if step.ttl_ns > 0), default=0)


@dataclass(frozen=True, slots=True)
class NameSystem:
    """Resolves names: by *fixed*, by what *record* knows of keys and *txt* of domains."""

    record: Callable[[PeerId, int], Record]
    txt: Callable[[str], Txt]
    now_ns: Callable[[], int]
    fixed: Mapping[str, str]
    most_ns: int = 0  # Ipns.MaxCacheTTL; 0 is no bound

    def resolve(self, path: str, depth: int = MAX_DEPTH) -> Found:
        """Follow *path* until it is immutable; raises the errors of this module and `dnslink`."""
        steps: list[Step] = []
        met: dict[str, None] = {}
        while is_name(path):
            name = _name_of(path)
            if name in met:
                raise NameCycle(name, tuple(met))
            if len(steps) == depth:
                raise TooDeep(name)
            met[name] = None
            path, step = self.follow(path)
            steps.append(step)
        return Found(path, tuple(steps))

    def follow(self, path: str) -> tuple[str, Step]:
        """Follow *path* by one name; return what it leads to."""
        _, (name, *rest) = split(path)
        base, step = self._look_up(name)
        if rest:
            base = "/".join((base.removesuffix("/"), *rest))
        return (f"{base.removesuffix('/')}/" if path.endswith("/") else base), step

    def _look_up(self, name: str) -> tuple[str, Step]:
        if name in self.fixed:
            return self.fixed[name], Step(name, "map", 0)
        try:
            peer = PeerId.parse(name)
        except Malformed:
            _check_domain(name)
        else:
            return self._of_record(name, peer)
        link = dnslink.look_up(name, self.txt)
        return link.path, Step(name, "dnslink", self._capped(link.ttl_s * SECOND_NS))

    def _of_record(self, name: str, peer: PeerId) -> tuple[str, Step]:
        now = self.now_ns()
        try:
            record = self.record(peer, now)
        except RecordMissing:
            raise NameUnresolved(name) from None
        return path_of(record), Step(name, "record", self._capped(_ttl_ns(record, now)))

    def _capped(self, ttl_ns: int) -> int:
        return min(ttl_ns, self.most_ns) if self.most_ns > 0 else ttl_ns


def is_name(path: str) -> bool:
    """Tell whether *path* has to be resolved."""
    return path.startswith("/ipns/")


def path_of(record: Record) -> str:
    """Return the path that *record* leads to; raises `InvalidRecord` when it is none."""
    text = record.value.decode("utf-8", "surrogateescape")
    try:
        return _checked(text)
    except Malformed as fault:
        raise InvalidRecord(f"value is not a valid content path: {fault}") from None


def of(
    home: Home, environ: Mapping[str, str], now: Callable[[], float], *, fresh: bool = False
) -> NameSystem:
    """Return the resolver of *home*; with *fresh*, it takes no answer that it kept.

    Raises `Misuse` for a configuration or variable that can't be meant.
    """
    records = NameRecords(home.names)

    def txt(domain: str) -> Txt:
        return _resolver(home.config).lookup(domain, fresh=fresh)

    return NameSystem(
        record=lambda peer, now_ns: records.get(peer, now_ns),
        txt=txt,
        now_ns=lambda: int(now() * SECOND_NS),
        fixed=fixed_names(environ.get(MAP, "")),
        most_ns=_span_ns(home.config, "Ipns.MaxCacheTTL"),
    )


_lock = threading.Lock()
_resolvers: dict[str, TxtResolver] = {}  # the latest alone: what it keeps outlives a request


def _resolver(config: Config) -> TxtResolver:
    """Return who looks up TXT records as *config* says, the same one while that says the same."""
    wanted = config.find("DNS.Resolvers", {})
    if not isinstance(wanted, dict):
        raise Misuse("DNS.Resolvers of the configuration is not a map")
    most_ns = _span_ns(config, "DNS.MaxCacheTTL", -1)
    key = json.dumps([wanted, most_ns], sort_keys=True)
    with _lock:
        if key not in _resolvers:
            most_s = None if most_ns < 0 else most_ns / SECOND_NS
            made = TxtResolver(wanted, most_s=most_s)
            _resolvers.clear()
            _resolvers[key] = made
        return _resolvers[key]


def _span_ns(config: Config, key: str, default: int = 0) -> int:
    """Return the span of time at *key*, or *default* where none is set."""
    text = config.find(key)
    if text in (None, "", "default"):
        return default
    try:
        return duration.parse(str(text))
    except Malformed as fault:
        raise Misuse(f"{key} of the configuration: {fault}") from None


def _name_of(path: str) -> str:
    """Return what makes two names the same: the bytes of a key's, a domain in lower case."""
    name = split(path)[1][0]
    try:
        return f"/ipns/{PeerId.parse(name).ipns_name}"
    except Malformed:
        return f"/ipns/{name.lower().removesuffix('.')}"


def _check_domain(name: str) -> None:
    """Raise `NotAName` for what can be no domain."""
    try:
        cid = Cid.parse(name)
    except Malformed:
        cid = None
    if cid is not None and cid.version == 1 and cid.codec != LIBP2P_KEY:
        fixed = Cid.v1(LIBP2P_KEY, cid.multihash)
        raise NotAName(
            name,
            f"peer ID represented as CIDv1 require libp2p-key multicodec: retry with /ipns/{fixed}",
        )
    labels = name.removesuffix(".").split(".")
    if len(name) > 254 or not all(0 < len(label) <= 63 for label in labels):
        raise NotAName(name)


def _ttl_ns(record: Record, now_ns: int) -> int:
    """Return for how long *record* may be kept: no longer than it counts."""
    ttl_ns = record.ttl_ns if "TTL" in record.fields else _UNKNOWN_TTL_NS
    return max(0, min(ttl_ns, record.eol_ns - now_ns))


def fixed_names(text: str) -> dict[str, str]:
    """Read ``IPFS_NS_MAP``; raises `Misuse` naming the pair that is none."""
    found: dict[str, str] = {}
    if not text:
        return found
    if len(text) > MAX_MAP_CHARS:
        raise LimitExceeded(MAP, MAX_MAP_CHARS, len(text), "characters")
    for pair in text.split(","):
        name, _, path = pair.partition(":")
        if not name or not path.startswith("/"):
            raise Misuse(f"{MAP}: {pair[:128]!r} is not name:path")
        try:
            found[name] = _checked(path)
        except Malformed as fault:
            raise Misuse(f"{MAP}: {pair[:128]!r}: {fault}") from None
    return found


def _checked(path: str) -> str:
    """Return *path* clean; raises `Malformed` unless it is one."""
    namespace, segments = split(path)
    if namespace != "ipns":
        Cid.parse(segments[0])
    return clean(path)
