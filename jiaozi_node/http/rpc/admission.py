"""Who may call the RPC: Kubo's rules on origins and tokens, and one of ours on hosts.

POST alone keeps forms and images of other sites out; ``Origin``, ``Referer`` and ``User-Agent``
keep their scripts out; the list of hosts keeps out a name that its owner points at 127.0.0.1.
"""

import base64
import hmac
import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from jiaozi_node.errors import Misuse, Refused

DENIED: Final = (
    "Kubo RPC Access Denied: Please provide a valid authorization token as defined in the"
    " API.Authorizations configuration."
)
_EXTENSIONS = (  # IPFS Companion, stable and beta
    "chrome-extension://nibjojkomfdiaoajekhjakgkdhaomnch",
    "chrome-extension://hjoieblefckbooibpepigmacodalfndh",
)
_FORBIDDEN = "403 - Forbidden"


class Denied(Refused):
    """A request is not let in; its text says by which rule, and holds nothing of the request."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What an ``Authorization`` header must be, exactly, and the paths it opens."""

    header: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may call, as the config and the listening address have it."""

    origins: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    credentials: tuple[Credential, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)  # API.HTTPHeaders, verbatim
    methods: tuple[str, ...] = ("POST",)
    with_credentials: bool = False

    def admit(self, headers: Mapping[str, str], path: str, *, socket: bool = False) -> None:
        """Raise `Denied` unless a request with *headers* for the raw *path* may come in.

        Over a UNIX *socket* no browser comes, and the file's mode says who may.
        """
        origin, referer = headers.get("Origin"), headers.get("Referer")
        if origin is not None and not self.allows(origin):
            raise Denied(_FORBIDDEN)
        if referer and not self.allows(_origin_of(referer)):
            raise Denied(_FORBIDDEN)
        agent = headers.get("User-Agent", "")
        if not origin and not referer and agent.startswith("Mozilla") and "Electron" not in agent:
            raise Denied(_FORBIDDEN)
        if self.credentials:
            self._authorize(headers.get("Authorization", ""), path)
        elif not socket and not self._is_host(headers.get("Host", "")):
            raise Denied(f"{_FORBIDDEN}: this Host is not one of API.HTTPHosts")

    def allows(self, origin: str) -> bool:
        """Tell whether scripts of *origin* may call."""
        return "*" in self.origins or origin.lower() in self.origins

    def _is_host(self, host: str) -> bool:
        name = host_name(host)
        return name in self.hosts or is_address(name) or name == "localhost"

    def _authorize(self, header: str, path: str) -> None:
        given = header.encode("utf-8", "surrogateescape")
        for one in self.credentials:
            if hmac.compare_digest(one.header.encode("utf-8", "surrogateescape"), given) and (
                path == "/api/v0/version" or path.startswith(one.paths)
            ):
                return
        raise Denied(DENIED)


def host_name(host: str) -> str:
    """Return the name in a Host header, in lower case: without port, brackets and last dot."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0].lower().rstrip(".") if ":" in host else host.lower().rstrip(".")


def is_address(name: str) -> bool:
    """Tell whether *name* is a literal address, which nobody can point elsewhere."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _origin_of(referer: str) -> str:
    try:
        parts = urlsplit(referer)
    except ValueError:
        raise Denied(_FORBIDDEN) from None
    return f"{parts.scheme}://{parts.netloc}"


def rules_of(config: Mapping[str, Any], port: int) -> Rules:
    """Read the rules from the *config* of a home for an API on *port*; raises `Misuse`."""
    api = _map("API", config.get("API"))
    users = _map("API.Authorizations", api.get("Authorizations"))
    given = {
        name.title(): _texts(f"API.HTTPHeaders.{name}", value)
        for name, value in _map("API.HTTPHeaders", api.get("HTTPHeaders")).items()
    }
    origins = [
        f"{scheme}://{host}{suffix}"
        for scheme in ("http", "https")
        for host in ("127.0.0.1", "[::1]", "localhost")
        for suffix in {f":{port}", *([""] if port == _USUAL[scheme] else [])}
    ]
    origins += [*_EXTENSIONS, *given.pop("Access-Control-Allow-Origin", ())]
    methods = given.pop("Access-Control-Allow-Methods", ())
    with_credentials = given.pop("Access-Control-Allow-Credentials", ())
    return Rules(
        origins=frozenset(origin.lower() for origin in origins),
        hosts=frozenset(host.lower() for host in _texts("API.HTTPHosts", api.get("HTTPHosts"))),
        credentials=tuple(
            Credential(_header_of(user, rule), _texts(f"{_OF} {user}", rule.get("AllowedPaths")))
            for user, rule in users.items()
        ),
        headers={name: ", ".join(values) for name, values in given.items()},
        methods=tuple(methods) or ("POST",),
        with_credentials="true" in with_credentials,
    )


_OF = "API.Authorizations: the paths of"
_USUAL = {"http": 80, "https": 443}


def _map(key: str, value: object) -> Mapping[str, Any]:
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return value
    raise Misuse(f"{key} in the configuration is not an object: {json.dumps(value)[:40]}")


def _texts(key: str, value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if isinstance(value, Sequence) and all(isinstance(one, str) for one in value):
        return tuple(value)
    raise Misuse(f"{key} in the configuration is not a list of texts: {json.dumps(value)[:40]}")


def _header_of(user: str, rule: object) -> str:
    """Return the Authorization header that *rule* asks for."""
    secret = rule.get("AuthSecret") if isinstance(rule, Mapping) else None
    if not isinstance(secret, str) or not secret:
        raise Misuse(f"API.Authorizations.{user} in the configuration has no AuthSecret")
    kind, colon, rest = secret.partition(":")
    if colon and kind.lower() == "bearer":
        return f"Bearer {rest}"
    if colon and kind.lower() == "basic":
        if ":" in rest:
            rest = base64.b64encode(rest.encode()).decode()
        return f"Basic {rest}"
    return f"Bearer {secret}"
