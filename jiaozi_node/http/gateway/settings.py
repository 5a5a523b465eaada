"""What the configuration says about the gateway: Kubo's keys under ``Gateway``, and two of ours.

``SandboxHTML`` (default true) keeps pages from a path gateway out of its origin;
``MaxConcurrentRequestsPerClient`` is how many requests one address beyond this machine may have
under way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from jiaozi_node import __version__
from jiaozi_node.errors import Misuse

CONCURRENT: Final = 4096
OF_ONE_CLIENT: Final = 64
REQUEST_S: Final = 3600.0
RETRIEVAL_S: Final = 30.0
_UNITS: Final = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
                 "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Settings:
    """One gateway's rules; a limit of 0 is none."""

    headers: Mapping[str, str] = field(default_factory=dict)
    root_redirect: str = ""
    no_fetch: bool = False
    deserialized: bool = True
    html_errors: bool = True
    sandbox: bool = True
    concurrent: int = CONCURRENT
    of_one_client: int = OF_ONE_CLIENT
    request_s: float = REQUEST_S
    retrieval_s: float = RETRIEVAL_S
    max_range_file_bytes: int = 0
    max_deserialized_bytes: int = 0
    max_dag_bytes: int = 0


def settings_of(
    config: Mapping[str, Any],
    duration_s: "Any" = None,  # noqa: ANN401 - a callable or none
) -> Settings:
    """Read a configuration; raises `Misuse` naming the key that can't be used.

    *duration_s* reads Go's durations, which `commands` knows of.
    """
    given = config.get("Gateway")
    gateway: Mapping[str, Any] = given if isinstance(given, dict) else {}

    def flag(key: str, default: bool) -> bool:
        value = gateway.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise Misuse(f"Gateway.{key} in the configuration is not true or false")
        return value

    def number(key: str, default: int) -> int:
        value = gateway.get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise Misuse(f"Gateway.{key} in the configuration is no number from 0 up")
        return value

    def seconds(key: str, default: float) -> float:
        value = gateway.get(key)
        if value in (None, ""):
            return default
        if not isinstance(value, str) or duration_s is None:
            raise Misuse(f"Gateway.{key} in the configuration is no duration like 30s")
        return float(duration_s(value))

    redirect = gateway.get("RootRedirect") or ""
    if not isinstance(redirect, str) or not redirect.isprintable() or " " in redirect:
        raise Misuse("Gateway.RootRedirect in the configuration is no path or URL")
    return Settings(
        headers=_headers(gateway.get("HTTPHeaders")),
        root_redirect=redirect,
        no_fetch=flag("NoFetch", False),
        deserialized=flag("DeserializedResponses", True),
        html_errors=not flag("DisableHTMLErrors", False),
        sandbox=flag("SandboxHTML", True),
        concurrent=number("MaxConcurrentRequests", CONCURRENT),
        of_one_client=number("MaxConcurrentRequestsPerClient", OF_ONE_CLIENT),
        request_s=seconds("MaxRequestDuration", REQUEST_S),
        retrieval_s=seconds("RetrievalTimeout", RETRIEVAL_S),
        max_range_file_bytes=_size(gateway, "MaxRangeRequestFileSize"),
        max_deserialized_bytes=_size(gateway, "MaxDeserializedResponseSize"),
        max_dag_bytes=_size(gateway, "MaxUnixFSDAGResponseSize"),
    )


def _size(gateway: Mapping[str, Any], key: str) -> int:
    """Read a size: a number of bytes, or text like ``5GiB``."""
    value = gateway.get(key)
    if value is None or value == "":
        return 0
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    text = value.strip() if isinstance(value, str) else ""
    digits = len(text) - len(text.lstrip("0123456789"))
    unit = _UNITS.get(text[digits:].strip().upper())
    if not 0 < digits <= 18 or unit is None:
        raise Misuse(f"Gateway.{key} in the configuration is no size like 5GiB")
    return int(text[:digits]) * unit


_EXPOSED: Final = (
    "Content-Length", "Content-Range", "X-Chunked-Output", "X-Ipfs-Path", "X-Ipfs-Roots",
    "X-Stream-Output",
)  # fmt: skip
_ALLOWED: Final = ("Content-Type", "Range", "User-Agent", "X-Requested-With")


def _headers(given: Any) -> dict[str, str]:  # noqa: ANN401 - of the config
    """Return the headers of every answer: the configuration's, and those that CORS needs."""
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise Misuse("Gateway.HTTPHeaders in the configuration is not a map")
    out: dict[str, tuple[str, ...]] = {}
    for name, values in given.items():
        listed = [values] if isinstance(values, str) else values
        if not isinstance(listed, list) or not all(
            isinstance(one, str) and one.isprintable() for one in listed
        ):
            raise Misuse(f"Gateway.HTTPHeaders.{name} in the configuration is no list of texts")
        if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
            raise Misuse(f"Gateway.HTTPHeaders.{name!r} in the configuration is no header's name")
        out["-".join(word.capitalize() for word in name.split("-"))] = tuple(listed)
    out.setdefault("Access-Control-Allow-Origin", ("*",))
    out.setdefault("Access-Control-Allow-Methods", ("GET", "HEAD", "OPTIONS"))
    for key, ours in (
        ("Access-Control-Allow-Headers", _ALLOWED),
        ("Access-Control-Expose-Headers", _EXPOSED),
    ):
        out[key] = tuple(sorted({*ours, *out.get(key, ())}))
    out.setdefault("X-Content-Type-Options", ("nosniff",))
    out.setdefault("Server", (f"jiaozi/{__version__}",))
    return {name: ", ".join(values) for name, values in out.items()}
