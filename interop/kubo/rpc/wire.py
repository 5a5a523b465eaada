"""One HTTP request over a socket of its own, read to the last trailer, which libraries hide."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass

_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Response:
    """What came back; names of headers and trailers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    trailers: Mapping[str, str]


def exchange(port: int, raw: bytes) -> Response:
    """Send *raw*, which asks for the connection to be closed, and read the answer to its end."""
    with socket.create_connection(("127.0.0.1", port), _TIMEOUT_S) as line:
        line.sendall(raw)
        data = b""
        while piece := line.recv(65536):
            data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    headers = _fields(lines)
    if headers.get("transfer-encoding") != "chunked":
        return Response(int(first.split()[1]), headers, rest, {})
    body, trailers = _dechunked(rest)
    return Response(int(first.split()[1]), headers, body, trailers)


def _dechunked(data: bytes) -> tuple[bytes, Mapping[str, str]]:
    body = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        if length == 0:
            return body, _fields(data.partition(b"\r\n\r\n")[0].split(b"\r\n"))
        body, data = body + data[:length], data[length + 2 :]


def _fields(lines: list[bytes]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for one in lines:
        name, colon, value = one.decode("latin-1").partition(":")
        if colon:
            key = name.strip().lower()
            fields[key] = f"{fields[key]}, {value.strip()}" if key in fields else value.strip()
    return fields
