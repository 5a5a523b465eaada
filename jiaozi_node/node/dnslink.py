"""DNSLink: the content path that a domain stands for, by its TXT records.

Asked is ``_dnslink.DOMAIN``, then DOMAIN itself, where the first was not always known. Exactly one
record may name a path: more is an error, for nobody could say which is meant. https://dnslink.dev
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from jiaozi_node.errors import JiaoziError, Malformed, NotFound, Refused, Unavailable
from jiaozi_node.formats.cid import Cid
from jiaozi_node.network.web.txt import NoRecord, NoResolver, Txt
from jiaozi_node.unixfs.resolve import split

_FAILED: Final = "could not resolve name: DNSLink lookup"
_LINK: Final = "dnslink="


class Link(NamedTuple):
    """Where a domain leads; *ttl_s* is for how long that may be kept."""

    path: str
    ttl_s: int


class NoDnsLink(NotFound):
    """A domain has no DNSLink."""

    def __init__(self, domain: str) -> None:
        why = f"{_FAILED} could not find a TXT record (https://docs.ipfs.tech/concepts/dnslink/)"
        super().__init__(_said(domain, why))
        self.domain = domain


class SeveralDnsLinks(Malformed):
    """A domain has more than one DNSLink."""

    def __init__(self, domain: str) -> None:
        why = (
            f"{_FAILED} returned more than one IPFS content path; "
            "ask domain owner to remove duplicate TXT records"
        )
        super().__init__(_said(domain, why))
        self.domain = domain


class NotAsked(Refused):
    """The configuration has nobody to ask for a domain."""

    def __init__(self, domain: str, why: str) -> None:
        super().__init__(_said(domain, why))
        self.domain = domain


class LookupFailed(Unavailable):
    """The resolver of a domain couldn't be asked, or gave no answer to be used."""

    def __init__(self, domain: str, why: str) -> None:
        super().__init__(_said(domain, why))
        self.domain = domain


def look_up(domain: str, txt: Callable[[str], Txt]) -> Link:
    """Return where *domain* leads; raises the errors above."""
    base = domain.removesuffix(".")
    for name, path_of in ((f"_dnslink.{base}.", _any_path), (f"{base}.", _marked_path)):
        try:
            found = txt(name)
        except NoRecord:
            continue
        except NoResolver as fault:
            raise NotAsked(domain, str(fault)) from None
        except JiaoziError as fault:
            raise LookupFailed(domain, str(fault)) from None
        paths = [path for path in map(path_of, found.texts) if path is not None]
        if len(paths) > 1:
            raise SeveralDnsLinks(domain)
        if paths:
            return Link(paths[0], found.ttl_s)
    raise NoDnsLink(domain)


def _any_path(text: str) -> str | None:
    """Return the path of a record of ``_dnslink.``: Kubo takes ones without ``dnslink=`` too."""
    return _path(text) or _marked_path(text)


def _marked_path(text: str) -> str | None:
    return _path(text.removeprefix(_LINK)) if text.startswith(_LINK) else None


def _path(text: str) -> str | None:
    if not text.startswith("/"):
        text = f"/ipfs/{text}"  # older records are a CID
    try:
        namespace, segments = split(text)
        if namespace == "ipfs":
            Cid.parse(segments[0])
    except Malformed:
        return None
    return text if namespace in ("ipfs", "ipns") else None


def _said(domain: str, why: str) -> str:
    return f'DNSLink lookup for "{domain.removesuffix(".")}." failed: {why}'
