"""Requests that break a rule, made from a seed: what is sent, and what is answered.

A maker is handed random numbers and the port, and returns the bytes to send; *answers* are the
statuses that may come back, in order, of which `CLOSED` means that the line is closed without a
word. 500 is what a command answers that fails, a broken upload too: Kubo's JSON, which says what is
wrong. ``tests/`` sends them to a node in the process, ``interop/`` to a daemon.
"""

import gzip
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

CLOSED = 0  # the line is closed without an answer

Make: TypeAlias = Callable[[random.Random, int], bytes]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule that is broken, and what may come of it; *half*: more would have to be sent."""

    name: str
    make: Make
    answers: tuple[tuple[int, ...], ...]
    half: bool = False


def head(port: int, line: str = "POST /api/v0/version HTTP/1.1", *fields: str) -> bytes:
    """Return the head of a request, closed by an empty line."""
    lines = [line, f"Host: 127.0.0.1:{port}", *fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")


def upload(port: int, body: bytes, boundary: str = "b", query: str = "", *fields: str) -> bytes:
    """Return an ``add`` of *body* that only hashes."""
    return (
        head(
            port,
            f"POST /api/v0/add?only-hash=true{query} HTTP/1.1",
            f"Content-Type: multipart/form-data; boundary={boundary}",
            f"Content-Length: {len(body)}",
            *fields,
        )
        + body
    )


def part(content: bytes, filename: str = "a", name: str = "file", *fields: str) -> bytes:
    """Return one part of a body whose boundary is ``b``."""
    lines = "".join(f"{field}\r\n" for field in fields)
    disposition = f'Content-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
    return (
        b"--b\r\n"
        + (disposition + lines + "\r\n").encode("utf-8", "surrogateescape")
        + content
        + b"\r\n"
    )


END = b"--b--\r\n"


def noise(rng: random.Random, most: int = 200) -> bytes:
    """Return some bytes."""
    return rng.randbytes(rng.randint(1, most))


def word(rng: random.Random, size: int) -> str:
    """Return letters."""
    return "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=size))


def cut(rng: random.Random, data: bytes) -> bytes:
    """Return *data* without its end."""
    return data[: rng.randint(1, len(data) - 1)]


def many_parts(count: int) -> Make:
    """Return a maker of an upload of so many empty parts."""
    return lambda _rng, port: upload(
        port, b"".join(part(b"", f"d/{n}") for n in range(count)) + END, "b", "&quieter=true"
    )


def bomb(size: int) -> Make:
    """Return a maker of a body that would inflate to *size* bytes."""
    body = gzip.compress(bytes(size), 9)
    return lambda _rng, port: upload(port, body, "b", "", "Content-Encoding: gzip")


def every_rule(parts: int = 2000, bomb_bytes: int = 1 << 20) -> tuple[Rule, ...]:
    """Return all rules; *parts* and *bomb_bytes* say how hard the heavy ones are."""
    ok, bad, no, command = (200,), (400,), (404,), (500,)
    gone = (400, CLOSED)
    version = "POST /api/v0/version HTTP/1.1"
    return (
        # ---- the head
        Rule("a head that never ends", lambda r, p: cut(r, head(p)[:-4]), ((CLOSED,),), half=True),
        Rule("silence", lambda _r, _p: b"", ((CLOSED,),), half=True),
        Rule("noise in the place of a head", lambda r, _p: b"\x80" + noise(r) + b"\r\n\r\n",
             (gone,)),
        Rule("a TLS hello", lambda r, _p: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
             + r.randbytes(32) + b"\r\n\r\n", (gone,)),
        Rule("HTTP/2's preface", lambda _r, _p: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (gone,)),
        Rule("HTTP/0.9", lambda _r, _p: b"POST /api/v0/version\r\n\r\n", ((400, 403, CLOSED),)),
        Rule("HTTP/3.7", lambda _r, p: head(p, "POST /api/v0/version HTTP/3.7"), ((400, 505),)),
        Rule("lines that end in LF alone", lambda _r, p: head(p).replace(b"\r\n", b"\n"), (gone,)),
        Rule("a request line over the limit",
             lambda r, p: head(p, f"POST /api/v0/cat?arg={word(r, 1024 * 1024 + 1)} HTTP/1.1"),
             (gone,)),
        Rule("a field over the limit", lambda r, p: head(p, version, f"X: {word(r, 70_000)}"),
             (gone,)),
        Rule("too many fields", lambda r, p: head(p, version, *(
            f"X-{n}: {word(r, 3)}" for n in range(40_000))), ((200, 400, CLOSED),)),
        Rule("a NUL in the request line", lambda _r, p: head(p, "POST /api/v0/ver\0 HTTP/1.1"),
             ((400, 404, CLOSED),)),
        Rule("a NUL in a field", lambda r, p: head(p, version, f"X: {word(r, 3)}\0"), (gone,)),
        Rule("a field without a colon", lambda r, p: head(p, version, word(r, 9)), (gone,)),
        Rule("a field with a space before its colon", lambda _r, p: head(p, version, "X : 1"),
             (gone,)),
        Rule("a folded field", lambda _r, p: head(p, version, "X: 1", " 2"), (gone,)),
        Rule("bytes that are no UTF-8 in a field", lambda _r, p: head(p, version, "X: \udcff"),
             ((200, 400),)),
        Rule("no Host", lambda _r, _p: b"POST /api/v0/version HTTP/1.1\r\n\r\n", ((400, 403),)),
        Rule("two Hosts", lambda _r, p: head(p, version, "Host: evil.example"), (gone,)),
        Rule("a foreign Host", lambda r, _p: (
            f"POST /api/v0/version HTTP/1.1\r\nHost: {word(r, 5)}.example\r\n\r\n").encode(),
             ((403,),)),
        Rule("two lengths", lambda _r, p: head(p, version, "Content-Length: 0",
                                               "Content-Length: 1"), (gone,)),
        Rule("a length that is no number", lambda r, p: head(
            p, version, f"Content-Length: {r.choice(('-1', '+1', '0x1', '1e3', '１', ' '))}"),
             (gone,)),
        Rule("a length of 30 digits", lambda _r, p: head(p, version, "Content-Length: " + "9" * 30),
             ((200, 400, CLOSED),), half=True),
        Rule("length and chunks at once", lambda _r, p: head(
            p, version, "Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n", (gone,)),
        Rule("a transfer coding that we have not", lambda _r, p: head(
            p, version, "Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n", ((200, 400, 501),)),
        Rule("a transfer coding behind chunks", lambda _r, p: head(
            p, version, "Transfer-Encoding: chunked, identity") + b"0\r\n\r\n", (gone,)),
        Rule("an expectation that we can't meet", lambda r, p: head(
            p, version, f"Expect: {word(r, 4)}"), ((200, 417, 400),)),
        Rule("a method that is none", lambda r, p: head(
            p, f"{word(r, 6).upper()} /api/v0/version HTTP/1.1"), ((405, 400),)),
        Rule("a method in small letters", lambda _r, p: head(p, "post /api/v0/version HTTP/1.1"),
             ((405, 400),)),
        Rule("CONNECT", lambda _r, p: head(p, "CONNECT 127.0.0.1:22 HTTP/1.1"), ((405, 400),)),
        Rule("an absolute target", lambda _r, p: head(
            p, f"POST http://127.0.0.1:{p}/api/v0/version HTTP/1.1"), ((404, 400),)),
        Rule("an absolute target elsewhere", lambda _r, p: head(
            p, "POST http://evil.example/api/v0/version HTTP/1.1"), ((404, 400),)),
        Rule("a target that is a star", lambda _r, p: head(p, "POST * HTTP/1.1"), ((404, 400),)),
        Rule("a target with dots", lambda r, p: head(
            p, "POST /api/v0/" + r.choice(("..", "%2e%2e", "..%2f..")) + "/etc/passwd HTTP/1.1"),
             (no,)),
        Rule("a target with two slashes", lambda _r, p: head(p, "POST //api/v0/version HTTP/1.1"),
             (no,)),
        Rule("pipelined requests", lambda _r, p: head(p) * 3, (ok, ok, ok)),
        Rule("garbage behind a request", lambda r, p: head(p, version, "Content-Length: 0")
             + b"\x80" + noise(r) + b"\r\n\r\n", ((200, 400), gone)),
        # ---- the query
        Rule("an argument over what a path may have", lambda r, p: head(
            p, f"POST /api/v0/cat?arg={word(r, 100_000)} HTTP/1.1"), (command,)),
        Rule("a NUL in an argument", lambda r, p: head(
            p, f"POST /api/v0/cat?arg={word(r, 3)}%00 HTTP/1.1"), (command,)),
        Rule("bytes that are no UTF-8 in an argument", lambda r, p: head(
            p, f"POST /api/v0/cat?arg=%ff{word(r, 3)} HTTP/1.1"), (command,)),
        Rule("raw bytes that are no UTF-8 in an argument", lambda _r, p: head(
            p, "POST /api/v0/cat?arg=\udcff%41 HTTP/1.1"), ((500, 400),)),
        Rule("raw bytes that are no UTF-8 in the path", lambda _r, p: head(
            p, "POST /api/v0/cat/\udcff%41 HTTP/1.1"), ((500, 404, 400),)),
        Rule("too many arguments", lambda _r, p: head(
            p, "POST /api/v0/pin/add?" + "arg=a&" * 10_001 + " HTTP/1.1"), (bad,)),
        Rule("an option twice", lambda _r, p: head(
            p, "POST /api/v0/ls?arg=a&size=true&size=true HTTP/1.1"), (bad,)),
        Rule("an option under both names", lambda _r, p: head(
            p, "POST /api/v0/refs?arg=a&recursive=true&r=true HTTP/1.1"), (bad,)),
        Rule("a value of the wrong type", lambda r, p: head(
            p, f"POST /api/v0/ls?arg=a&size={word(r, 3)} HTTP/1.1"), (bad,)),
        Rule("a number out of range", lambda _r, p: head(
            p, "POST /api/v0/cat?arg=a&offset=99999999999999999999 HTTP/1.1"), (bad,)),
        Rule("a timeout that is none", lambda r, p: head(
            p, f"POST /api/v0/version?timeout={word(r, 3)} HTTP/1.1"), (bad,)),
        Rule("broken escapes", lambda _r, p: head(p, "POST /api/v0/version?%zz=%&a%=1 HTTP/1.1"),
             (ok,)),
        # ---- the body
        Rule("a compressed body", bomb(bomb_bytes), ((415,),)),
        Rule("half a body", lambda r, p: cut(r, upload(p, part(bytes(1000)) + END)[-900:])
             and upload(p, part(bytes(1000)) + END)[: -r.randint(1, 900)], ((CLOSED, 400),),
             half=True),
        Rule("a body of no form", lambda r, p: upload(p, noise(r, 2000)), (command,)),
        Rule("an empty body", lambda _r, p: upload(p, b""), (command,)),
        Rule("no boundary", lambda _r, p: head(
            p, "POST /api/v0/add HTTP/1.1", "Content-Type: multipart/form-data",
            "Content-Length: 0"), (bad,)),
        Rule("a boundary over the limit", lambda r, p: upload(p, END, word(r, 71)), (bad,)),
        Rule("another boundary than was said", lambda r, p: upload(
            p, part(b"x") + END, word(r, 8)), (command,)),
        Rule("no closing boundary", lambda _r, p: upload(p, part(b"x")), (command,)),
        Rule("garbage behind the closing boundary", lambda r, p: upload(
            p, part(b"x") + END + noise(r)), (ok,)),
        Rule("garbage before the first boundary", lambda _r, p: upload(
            p, b"preamble\r\n" + part(b"x") + END), (ok,)),
        Rule("text behind a boundary", lambda r, p: upload(
            p, b"--b " + word(r, 3).encode() + b"\r\n\r\nx\r\n" + END), (command,)),
        Rule("many parts", many_parts(parts), (ok,)),
        Rule("headers of a part over the limit", lambda r, p: upload(
            p, part(b"x", "a", "file", f"X: {word(r, 17_000)}") + END), (command,)),
        Rule("too many headers of a part", lambda _r, p: upload(
            p, part(b"x", "a", "file", *(f"X-{n}: 1" for n in range(33))) + END), (command,)),
        Rule("a part's header that is none", lambda r, p: upload(
            p, part(b"x", "a", "file", word(r, 8)) + END), (command,)),
        Rule("a NUL in a filename", lambda _r, p: upload(p, part(b"x", "a%00b") + END), (command,)),
        Rule("bytes that are no UTF-8 in a filename", lambda _r, p: upload(
            p, part(b"x", "%ff\udcfe") + END), (ok,)),
        Rule("a filename that climbs", lambda r, p: upload(
            p, part(b"x", r.choice(("../../etc/passwd", "/etc/passwd", "a/../../b"))) + END),
             (ok,)),
        Rule("a filename over the limit", lambda r, p: upload(
            p, part(b"x", "/".join(["d"] * 1025)) + END), (command,)),
        Rule("a mode that is none", lambda r, p: upload(
            p, part(b"x", "a", f"file?mode={word(r, 3)}") + END), (command,)),
        Rule("a time out of range", lambda _r, p: upload(
            p, part(b"x", "a", "file?mtime=99999999999999999999") + END), (command,)),
        Rule("entries of a directory apart", lambda _r, p: upload(
            p, part(b"x", "d/1") + part(b"x", "e") + part(b"x", "d/2") + END), ((200, 500),)),
        Rule("a form within a form", lambda _r, p: upload(
            p, part(part(b"x") + END, "d", "file", "Content-Type: multipart/form-data") + END),
             ((200, 400),)),
        Rule("an encoded part", lambda _r, p: upload(
            p, part(b"eA==", "a", "file", "Content-Transfer-Encoding: base64") + END), (command,)),
        Rule("a chunk whose size is no number", lambda r, p: head(
            p, "POST /api/v0/add HTTP/1.1", "Content-Type: multipart/form-data; boundary=b",
            "Transfer-Encoding: chunked") + word(r, 3).replace("a", "x").encode() + b"z\r\n",
             ((400, CLOSED),)),
        Rule("a chunk longer than it says", lambda _r, p: head(
            p, "POST /api/v0/add HTTP/1.1", "Content-Type: multipart/form-data; boundary=b",
            "Transfer-Encoding: chunked") + b"3\r\n" + part(b"x") + END + b"\r\n0\r\n\r\n",
             ((400, CLOSED),)),
        Rule("a chunk of 2 to the 70th", lambda _r, p: head(
            p, "POST /api/v0/add HTTP/1.1", "Content-Type: multipart/form-data; boundary=b",
            "Transfer-Encoding: chunked") + b"400000000000000000\r\n" + part(b"x"),
             ((400, CLOSED),), half=True),
    )  # fmt: skip
