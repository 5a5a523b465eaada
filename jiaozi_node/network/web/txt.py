"""TXT records: by DNS over HTTPS (RFC 8484), or by the resolver of the system.

Who is asked for a domain is said by a map of domains to URLs, as Kubo's ``DNS.Resolvers`` has it; a
domain that it doesn't cover is asked of nobody. An answer is bounded before it is read, and kept
for as long as its records say.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from jiaozi_node.errors import JiaoziError, LimitExceeded, Malformed, Misuse, Refused, Unavailable

if TYPE_CHECKING:
    import dns.message
    import dns.name

MAX_ANSWER_BYTES: Final = 64 * 1024  # as much as a DNS message can have
MAX_RECORDS: Final = 100
MAX_DOMAIN_CHARS: Final = 254  # RFC 1035: 253, and the dot at the end
LOOKUP_S: Final = 10.0
_KEPT: Final = 128  # answers
_MEDIA: Final = "application/dns-message"
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
SYSTEM: Final = ""  # in the place of a URL: the resolver of the system


class NoRecord(JiaoziError):
    """The domain, or a TXT record of it, does not exist."""


class NoResolver(Refused):
    """Nobody is to be asked for a domain."""

    def __init__(self, domain: str) -> None:
        super().__init__(
            "DNS.Resolvers of the configuration names nobody to ask"
            """ (there, {".": ""} stands for the system's resolver)"""
        )
        self.domain = domain


class BadAnswer(Malformed):
    """A resolver answered something that is no answer."""


class Txt(NamedTuple):
    """The TXT records of a domain; *ttl_s* is for how long they may be kept."""

    texts: tuple[str, ...]
    ttl_s: int


Ask = Callable[["dns.name.Name"], Txt]


class TxtResolver:
    """Looks TXT records up where *resolvers* say, and keeps the answers; safe for threads.

    Raises `Misuse` for a map that can't be meant.
    """

    def __init__(
        self,
        resolvers: Mapping[str, Any],
        clock: Callable[[], float] = time.monotonic,
        system: "Ask | None" = None,
        most_s: float | None = None,
    ) -> None:
        self._by_suffix = {_suffix(domain): _checked(url) for domain, url in resolvers.items()}
        self._clock, self._system = clock, system or ask_system
        self._most_s = most_s
        self._kept: OrderedDict[str, tuple[float, Txt]] = OrderedDict()
        self._lock = threading.Lock()

    def lookup(self, domain: str, *, fresh: bool = False) -> Txt:
        """Return the TXT records of *domain*; *fresh* ones are not taken from what is kept.

        Raises `NoRecord`, `NoResolver`, `Unavailable`, `BadAnswer`, or `Malformed` for what is no
        domain.
        """
        name = _name(domain)
        at = name.to_text().lower()
        if not fresh:
            with self._lock:
                until, kept = self._kept.get(at, (0.0, None))
            left = until - self._clock()
            if kept is not None and left > 0:
                return Txt(kept.texts, max(1, int(left)))
        url = self._resolver_for(at)
        found = self._system(name) if url == SYSTEM else ask_https(url, name)
        ttl_s = found.ttl_s if self._most_s is None else min(found.ttl_s, int(self._most_s))
        found = Txt(found.texts, ttl_s)
        if ttl_s > 0:
            with self._lock:
                self._kept[at] = (self._clock() + ttl_s, found)
                self._kept.move_to_end(at)
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
        return found

    def _resolver_for(self, domain: str) -> str:
        """Return the URL for *domain*, that of the longest suffix."""
        rest = domain
        while rest:
            if rest in self._by_suffix:
                return self._by_suffix[rest]
            rest = rest.partition(".")[2]
        if "." in self._by_suffix:
            return self._by_suffix["."]
        raise NoResolver(domain)


def ask_https(url: str, name: "dns.name.Name") -> Txt:
    """Ask the DNS-over-HTTPS service at *url*."""
    import dns.message  # noqa: PLC0415 - slow to load, and rarely needed
    import dns.rdatatype  # noqa: PLC0415
    import httpx  # noqa: PLC0415

    query = dns.message.make_query(name, dns.rdatatype.TXT, id=0)  # RFC 8484 §4.1: cacheable
    # Not compressed: what is small on the wire may be large in memory.
    headers = {"Content-Type": _MEDIA, "Accept": _MEDIA, "Accept-Encoding": "identity"}
    until = time.monotonic() + LOOKUP_S
    try:
        local = httpx.URL(url).host in _LOOPBACK
        with (
            httpx.Client(timeout=LOOKUP_S, trust_env=not local) as client,
            client.stream("POST", url, content=query.to_wire(), headers=headers) as answer,
        ):
            if answer.status_code != 200:
                raise Unavailable(f"HTTP error: status {answer.status_code} from {url!r}")
            kind = answer.headers.get("Content-Type", "")
            if kind.partition(";")[0].strip().lower() != _MEDIA:
                raise BadAnswer(f"unexpected Content-Type {kind[:64]!r} from {url!r}")
            if answer.headers.get("Content-Encoding", "identity") != "identity":
                raise BadAnswer(f"a compressed answer from {url!r}, which was not asked for")
            body = b""
            for piece in answer.iter_raw():
                body += piece
                if len(body) > MAX_ANSWER_BYTES:
                    raise LimitExceeded("answer of a DNS resolver", MAX_ANSWER_BYTES, len(body))
                if time.monotonic() > until:
                    raise Unavailable(f"{url}: no whole answer within {LOOKUP_S:g} s")
    except (httpx.HTTPError, httpx.InvalidURL) as fault:
        raise Unavailable(f"{url}: {_line(fault)}") from None
    return _of_wire(body, query)


def ask_system(name: "dns.name.Name", servers: tuple[str, ...] = (), port: int = 53) -> Txt:
    """Ask the resolver that the system has, or *servers*, by UDP and where need be TCP."""
    import dns.exception  # noqa: PLC0415 - slow to load, and rarely needed
    import dns.rdatatype  # noqa: PLC0415
    import dns.resolver  # noqa: PLC0415

    try:
        resolver = dns.resolver.Resolver(configure=not servers)
        if servers:
            resolver.nameservers, resolver.port = list(servers), port
        answer = resolver.resolve(name, dns.rdatatype.TXT, search=False, lifetime=LOOKUP_S)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        raise NoRecord(f"{name} has no TXT record") from None
    except dns.exception.DNSException as fault:
        raise Unavailable(f"{name}: {_line(fault)}") from None
    return _of_message(answer.response)


def _of_wire(wire: bytes, query: "dns.message.QueryMessage") -> Txt:
    """Read a DNS message, which must answer *query*."""
    import dns.exception  # noqa: PLC0415 - slow to load, and rarely needed
    import dns.message  # noqa: PLC0415

    try:
        message = dns.message.from_wire(wire)
        if not query.is_response(message):
            raise BadAnswer("the resolver answered another question")
    except (dns.exception.DNSException, ValueError, IndexError) as fault:
        raise BadAnswer(f"the resolver's answer can't be read: {_line(fault)}") from None
    return _of_message(message)


def _of_message(message: "dns.message.Message") -> Txt:
    """Return the TXT records of an answer."""
    import dns.exception  # noqa: PLC0415 - slow to load, and rarely needed
    import dns.message  # noqa: PLC0415
    import dns.rcode  # noqa: PLC0415

    try:
        code = message.rcode()
        if code == dns.rcode.NXDOMAIN:
            raise NoRecord("the domain doesn't exist")
        if code != dns.rcode.NOERROR:
            raise Unavailable(f"the resolver answered {dns.rcode.to_text(code)}")
        if not isinstance(message, dns.message.QueryMessage):
            raise BadAnswer("the resolver's answer is no answer to a query")
        found = message.resolve_chaining()
    except (dns.exception.DNSException, ValueError, IndexError) as fault:
        raise BadAnswer(f"the resolver's answer can't be read: {_line(fault)}") from None
    if found.answer is None:
        raise NoRecord("the domain has no TXT record")
    if len(found.answer) > MAX_RECORDS:
        raise LimitExceeded("TXT records of a domain", MAX_RECORDS, len(found.answer), "records")
    texts = [b"".join(record.strings).decode("utf-8", "replace") for record in found.answer]
    return Txt(tuple(texts), found.minimum_ttl)


def _name(domain: str) -> "dns.name.Name":
    import dns.exception  # noqa: PLC0415 - slow to load, and rarely needed
    import dns.name  # noqa: PLC0415

    if len(domain) > MAX_DOMAIN_CHARS:
        raise LimitExceeded("domain", MAX_DOMAIN_CHARS, len(domain), "characters")
    try:
        return dns.name.from_text(domain)
    except (dns.exception.DNSException, UnicodeError) as fault:
        raise Malformed(f"{domain!r} is no domain: {_line(fault)}") from None


def _suffix(domain: str) -> str:
    if not domain.endswith("."):
        raise Misuse(f"DNS.Resolvers: invalid domain {domain}; must be FQDN")
    return domain.lower()


def _checked(url: object) -> str:
    """Return *url* when it is one that may be asked."""
    import urllib.parse  # noqa: PLC0415 - slow to load, and rarely needed

    if url == SYSTEM:
        return SYSTEM
    if not isinstance(url, str) or not url.startswith(("https://", "http://")):
        raise Misuse(f"DNS.Resolvers: invalid DoH resolver URL: {str(url)[:128]}")
    try:
        host = urllib.parse.urlsplit(url).hostname
    except ValueError:
        host = None
    if not host:
        raise Misuse(f"DNS.Resolvers: invalid DoH resolver URL: {url[:128]}")
    if url.startswith("http://") and host not in _LOOPBACK:
        raise Misuse(
            f"DNS.Resolvers: insecure URL: non-local DoH resolvers must use HTTPS: {url[:128]}"
        )
    return url


def _line(fault: BaseException) -> str:
    return " ".join(str(fault).split())[:200] or type(fault).__name__
