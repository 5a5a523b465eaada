"""Answers to requests that fail: a page for a browser, a line of text for everybody else."""

from http import HTTPStatus
from typing import Final

from jiaozi_node.http.gateway import page
from jiaozi_node.http.gateway.asked import Asked, answer
from jiaozi_node.http.gateway.problem import Problem
from jiaozi_node.http.quick import Whole

_HINTS: Final = {
    400: "The request can't be read. A content path is written /ipfs/CID/path or /ipns/NAME/path.",
    404: "What was asked for is not here. Compare the path letter by letter with its source; where"
    " the path is right, this gateway doesn't have the data: ask whoever has it to be online.",
    405: "A gateway is for reading: GET, HEAD and OPTIONS.",
    406: "The content is not of the form that was asked for. Take it as it is with ?format=raw, or"
    " leave ?format= and the Accept header out.",
    410: "This gateway refuses to send the content. A node of your own can fetch it.",
    412: "The content is not here, or not in the state that the request made a condition.",
    416: "The range lies outside of the content. Ask for one within it, or for all of it.",
    429: "Too many requests are under way. Wait for as long as Retry-After says, then try again.",
    451: "This gateway may not send the content for legal reasons.",
    500: "The content was found, and it or this gateway is broken. Trying again will hardly help.",
    501: "The gateway can't do this. The line below says what to ask for instead.",
    502: "Another gateway or peer failed. Try again later.",
    503: "This gateway is offline or busy. Try again later.",
    504: "Nobody handed over the data in time. It may be that nobody is online who has it: try"
    " again later, or ask the publisher.",
}


def failed(asked: Asked, problem: Problem) -> Whole:
    """Answer with *problem*."""
    headers = asked.headers
    for name in ("Etag", "Cache-Control", "Content-Disposition", "Last-Modified", "Accept-Ranges",
                 "Content-Location", "Content-Security-Policy",
                 "Content-Range"):  # fmt: skip
        headers.pop(name, None)
    headers.update(problem.headers)
    if asked.accepts_html and asked.settings.html_errors:
        headers["Content-Type"] = "text/html; charset=utf-8"
        headers["Content-Security-Policy"] = page.POLICY
        body = _page(asked, problem)
    else:
        headers["Content-Type"] = "text/plain; charset=utf-8"
        body = problem.text + "\n"
    return answer(asked, problem.status, body.encode("utf-8", "backslashreplace"))


def _page(asked: Asked, problem: Problem) -> str:
    title = f"{problem.status} {HTTPStatus(problem.status).phrase}"
    return "".join(
        (
            page.top(title, asked.site.origin),
            f"<h1>{title}</h1>\n<p>{page.text(_HINTS.get(problem.status, ''))}</p>\n"
            f"<pre>{page.text(problem.text)}</pre>\n"
            '<p><a href="">Try again</a></p>\n',
            page.BOTTOM,
        )
    )
