"""A client of remote pinning services (IPFS Pinning Service API 1, as boxo's client uses it).

What a service answers is foreign input: it is read up to a limit, must be the JSON that the API
describes, and may not keep us listing for ever. The access key goes into one header and nowhere
else, neither messages nor logs. https://ipfs.github.io/pinning-services-api-spec/
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit, urlunsplit

import httpx

from jiaozi_node.errors import LimitExceeded, Malformed, Misuse, Unavailable
from jiaozi_node.formats.cid import Cid

STATUSES: Final = ("queued", "pinning", "pinned", "failed")
MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024
MAX_NAME_BYTES: Final = 255
PAGE: Final = 1000  # pins asked for at once, the most that the API allows
TIMEOUT_S: Final = 30.0

_USER_AGENT = "jiaozi"


class ServiceFault(Unavailable):
    """A pinning service can't be reached, refused, or answered what it may not."""


@dataclass(frozen=True, slots=True)
class RemotePin:
    """A pin as a service tells of it; *created* is the service's text, an RFC 3339 time."""

    request_id: str
    status: str
    created: str
    cid: Cid
    name: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which pins are asked for; an empty field asks for all."""

    cids: Sequence[Cid] = ()
    name: str = ""
    statuses: Sequence[str] = ()


def endpoint_of(text: str) -> str:
    """Return *text* as the address that paths of the API are appended to, in Kubo's way."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise Misuse("service endpoint must be a valid HTTP URL")
    path = "".join([f"/{name}" for name in parts.path.split("/") if name not in ("", ".")])
    if parts.query:
        raise Misuse("service endpoint should be provided without any query parameters")
    if path.endswith("/pins"):
        raise Misuse("service endpoint should be provided without the /pins suffix")
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


class PinningService:
    """One service, spoken to; use as a context manager. Raises `ServiceFault`."""

    def __init__(self, endpoint: str, key: str) -> None:
        headers = {"Authorization": f"Bearer {key}", "User-Agent": _USER_AGENT}
        try:
            self._client = httpx.Client(headers=headers, timeout=TIMEOUT_S)
        except UnicodeError:
            raise Misuse("the service's key holds what no header can") from None
        self._endpoint = endpoint

    def __enter__(self) -> "PinningService":
        return self

    def __exit__(self, *raised: object) -> None:
        self._client.close()

    def add(self, cid: Cid, name: str = "", origins: Sequence[str] = ()) -> RemotePin:
        """Ask for a pin; the answer says how far the service is with it."""
        pin: dict[str, Any] = {"cid": str(cid)}
        if name:
            pin["name"] = _checked_name(name)
        if origins:
            pin["origins"] = list(origins)
        return _pin_of(self._ask("POST", "/pins", body=pin))

    def status(self, request_id: str) -> RemotePin:
        """Ask how far a pin is; raises `ServiceFault` when another one is told of."""
        found = _pin_of(self._ask("GET", f"/pins/{quote(request_id, safe='')}"))
        if found.request_id != request_id:
            raise ServiceFault(
                f'remote service sent unexpected requestid="{found.request_id[:80]}"'
            )
        return found

    def remove(self, request_id: str) -> None:
        """Ask that a pin be forgotten."""
        self._ask("DELETE", f"/pins/{quote(request_id, safe='')}")

    def count(self, status: str) -> int:
        """Return how many pins have *status*."""
        return self._page(Wanted(statuses=(status,)), 1, None)[0]

    def pins(self, wanted: Wanted) -> Iterator[RemotePin]:
        """Yield the pins asked for, newest first, page by page."""
        before: str | None = None
        while True:
            count, pins = self._page(wanted, PAGE, before)
            yield from pins
            if count == len(pins):
                return
            if not pins:
                raise ServiceFault(
                    f"invalid pinning service response: PinResults.count={count} "
                    "but no PinResults.results"
                )
            oldest = pins[-1].created
            if oldest == before:
                raise ServiceFault("the pinning service answers the same page again and again")
            before = oldest

    def _page(self, wanted: Wanted, limit: int, before: str | None) -> tuple[int, list[RemotePin]]:
        query = {"limit": str(limit)}
        if wanted.cids:
            query["cid"] = ",".join([str(cid) for cid in wanted.cids])
        if wanted.name:
            query["name"] = _checked_name(wanted.name)
        if wanted.statuses:
            query["status"] = ",".join(wanted.statuses)
        if before is not None:
            query["before"] = before
        found = self._ask("GET", "/pins", query=query)
        count, results = found.get("count"), found.get("results")
        if not isinstance(count, int) or not isinstance(results, list) or len(results) > limit:
            raise ServiceFault("invalid pinning service response: it is no list of pins")
        return count, [_pin_of(one) for one in results]

    def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        data = bytearray()
        try:
            with self._client.stream(
                method, self._endpoint + path, params=query, json=body
            ) as answer:
                for piece in answer.iter_bytes():
                    data += piece
                    if len(data) > MAX_ANSWER_BYTES:
                        raise LimitExceeded(
                            "answer of the pinning service", MAX_ANSWER_BYTES, len(data)
                        )
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as fault:
            why = str(fault) or type(fault).__name__
            raise ServiceFault(
                "empty response from remote pinning service: "
                f"{method} {self._endpoint}{path}: {why}"
            ) from None
        if answer.is_success:
            return {} if method == "DELETE" else _object(bytes(data))
        raise ServiceFault(_refusal(answer, bytes(data)))


def _refusal(answer: httpx.Response, data: bytes) -> str:
    """Say what a service refused, from its error document where there is one."""
    status = f"{answer.status_code} {answer.reason_phrase}".strip()
    try:
        error = _object(data).get("error")
    except ServiceFault:
        error = None
    if not isinstance(error, dict):
        return f"remote pinning service returned http error {answer.status_code}: {status}"
    reason, details = (json.dumps(str(error.get(key) or "")[:400]) for key in ("reason", "details"))
    return f"reason: {reason}, details: {details}: {status}"


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ServiceFault("invalid pinning service response: it is no JSON object")
    return value


def _pin_of(value: object) -> RemotePin:
    """Read a PinStatus."""
    if not isinstance(value, dict) or not isinstance(value.get("pin"), dict):
        raise ServiceFault("invalid pinning service response: a pin is missing")
    pin = value["pin"]
    texts = [value.get("requestid"), value.get("status"), value.get("created"), pin.get("cid")]
    if not all(isinstance(text, str) and text for text in texts):
        raise ServiceFault("invalid pinning service response: a pin lacks requestid, status or cid")
    request_id, status, created, cid = texts
    try:
        parsed = Cid.parse(cid)
    except Malformed as fault:
        raise ServiceFault(f"invalid pinning service response: {fault}") from None
    name = pin.get("name")
    return RemotePin(
        request_id,
        status if status in STATUSES else "unknown",
        created,
        parsed,
        name if isinstance(name, str) else "",
    )


def _checked_name(name: str) -> str:
    size = len(name.encode("utf-8", "surrogateescape"))
    if size > MAX_NAME_BYTES:
        raise LimitExceeded("pin name", MAX_NAME_BYTES, size)
    return name
