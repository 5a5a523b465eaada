"""One request as the parts of the gateway see it, and how it is answered.

What the path, the host and the headers came to is gathered here once; `Asked.headers` are those of
the answer, added to as more is known. Handlers end by `answer`, `redirect` or `send`, or raise
`Problem`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Final

from aiohttp import HttpVersion11, web

from jiaozi_node.dag.walk import AsyncGet
from jiaozi_node.http.gateway.negotiate import IMPLICIT, Form
from jiaozi_node.http.gateway.settings import Settings
from jiaozi_node.http.gateway.target import Target, escape_path
from jiaozi_node.http.gateway.wiring import Named, Site, Wiring
from jiaozi_node.http.quick import QuickRequest, Request, Whole
from jiaozi_node.node.fetch import WouldWait

IMMUTABLE: Final = "public, max-age=29030400, immutable"


@dataclass(slots=True)
class Asked:
    """A request under way."""

    request: Request
    target: Target
    settings: Settings
    site: Site
    wiring: Wiring
    get: AsyncGet
    public: bool  # only what everybody may see is here for this request
    form: Form = IMPLICIT
    named: Named | None = None  # for paths below /ipns/
    headers: dict[str, str] = field(default_factory=dict)
    response: web.StreamResponse | None = None  # once its status may be on the wire

    @property
    def path(self) -> str:
        """The content path, as text."""
        return "/" + "/".join(self.target.segments) + ("/" if self.target.slash else "")

    @property
    def shown_path(self) -> str:
        """The content path as headers and messages may hold it."""
        return header_text(self.path)

    @property
    def is_head(self) -> bool:
        """Whether headers are all that is asked for."""
        return self.request.method == "HEAD"

    @property
    def accepts_html(self) -> bool:
        """Whether a browser asks."""
        return "text/html" in self.request.headers.get("Accept", "")

    @property
    def is_mutable(self) -> bool:
        """Whether the same path may lead elsewhere tomorrow."""
        return self.target.namespace != "ipfs"

    def cache(self) -> str | None:
        """Return the Cache-Control of content at this path, None for no word on it."""
        if not self.is_mutable:
            return IMMUTABLE
        if self.named is None or self.named.ttl_s is None:
            return None
        return f"public, max-age={max(0, int(self.named.ttl_s))}"


def header_text(text: str) -> str:
    """Return *text* as it may stand in a header: escaped unless all of it can be printed."""
    return text if text.isprintable() else escape_path(text)


Reply = Whole | web.StreamResponse  # to be sent, or under way


def answer(
    asked: Asked, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> Whole:
    """Return a whole answer."""
    return Whole(status, {**asked.headers, **headers} if headers else asked.headers, body)


def redirect(asked: Asked, status: int, location: str) -> Whole:
    """Send the client to another URL."""
    location = header_text(location)
    body = f'<a href="{escape(location)}">Moved</a>.\n'.encode()
    headers = {"Location": location, "Content-Type": "text/html; charset=utf-8"}
    return answer(asked, status, body, headers)


def begun(asked: Asked, status: int, length: int | None) -> web.StreamResponse:
    """Return an answer whose body is still to come, of *length* bytes where that is known."""
    if isinstance(asked.request, QuickRequest):
        raise WouldWait
    given = {**asked.settings.headers, **asked.headers}
    if length is not None:
        given["Content-Length"] = str(length)
    response = web.StreamResponse(status=status, headers=given)
    if length is None and not asked.is_head:
        if asked.request.version >= HttpVersion11:
            response.enable_chunked_encoding()
        else:
            response.force_close()  # the end of the connection is the end of the answer
    asked.response = response
    return response
