"""A DNS server on the loopback for tests: over HTTP as DNS over HTTPS has it, over UDP and TCP."""

import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Zone = dict[str, Any]  # domain → texts, or what is to happen instead


class DnsServer:
    """Answers for *zone*: a list of texts, ``("cname", domain)``, an rcode; else NXDOMAIN.

    *asked* are the questions, in order. *spoil* changes the bytes of an answer over HTTP.
    """

    def __init__(self, zone: Mapping[str, Any], ttl_s: int = 60) -> None:
        self.zone, self.ttl_s = dict(zone), ttl_s
        self.asked: list[str] = []
        self.spoil: Callable[[bytes], bytes] = lambda wire: wire
        self.status, self.media = 200, "application/dns-message"
        self.more: dict[str, str] = {}  # headers of answers over HTTP
        self.url, self.port = "", 0

    def answer(self, wire: bytes, most: int | None = None) -> bytes:
        query = dns.message.from_wire(wire)
        name = query.question[0].name.to_text()
        self.asked.append(name)
        response = dns.message.make_response(query)
        found = self.zone.get(name)
        while isinstance(found, tuple):
            target = found[1]
            response.answer.append(dns.rrset.from_text(name, self.ttl_s * 2, "IN", "CNAME", target))
            name, found = target, self.zone.get(target)
        if isinstance(found, list):
            texts = ['"' + text.replace('"', '\\"') + '"' for text in found]
            texts = ['"' + '" "'.join(_chunks(text[1:-1])) + '"' for text in texts]
            response.answer.append(dns.rrset.from_text(name, self.ttl_s, "IN", "TXT", *texts))
        elif isinstance(found, dns.rcode.Rcode):
            response.set_rcode(found)
        elif found is None:
            response.set_rcode(dns.rcode.NXDOMAIN)
        out = response.to_wire()
        if most is not None and len(out) > most:
            short = dns.message.make_response(query)
            short.flags |= dns.flags.TC
            out = short.to_wire()
        return out

    @contextmanager
    def running(self) -> Iterator["DnsServer"]:
        """Serve until the ``with`` ends."""
        server = self

        class Web(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                out = server.spoil(server.answer(body))
                self.send_response(server.status)
                self.send_header("Content-Type", server.media)
                self.send_header("Content-Length", str(len(out)))
                for name, value in server.more.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(out)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Udp(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                data, sock = self.request
                sock.sendto(server.answer(data, most=512), self.client_address)

        class Tcp(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                (size,) = struct.unpack(">H", self.rfile.read(2))
                out = server.answer(self.rfile.read(size))
                self.wfile.write(struct.pack(">H", len(out)) + out)

        with ExitStack() as stack:
            web = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Web))
            udp, tcp = map(stack.enter_context, _on_one_port(Udp, Tcp))
            self.url = f"http://127.0.0.1:{web.server_address[1]}/dns-query"
            self.port = udp.server_address[1]
            for one in (web, udp, tcp):
                thread = threading.Thread(target=one.serve_forever, args=(0.01,))
                thread.start()
                stack.callback(thread.join)
                stack.callback(one.shutdown)
            yield self


class _ReusingTcp(socketserver.TCPServer):
    allow_reuse_address = True
    address_family = socket.AF_INET


def _on_one_port(
    udp: type[socketserver.BaseRequestHandler], tcp: type[socketserver.BaseRequestHandler]
) -> tuple[socketserver.UDPServer, socketserver.TCPServer]:
    """Listen on a port that is free for both; another process may have one half of it."""
    while True:
        first = socketserver.UDPServer(("127.0.0.1", 0), udp)
        try:
            return first, _ReusingTcp(first.server_address, tcp)
        except OSError:
            first.server_close()


def _chunks(text: str) -> list[str]:
    """Cut *text* as a TXT record holds it: strings of at most 255 bytes."""
    return [text[at : at + 200] for at in range(0, len(text), 200)] or [""]
