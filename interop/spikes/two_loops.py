"""The spike behind ``specs/decisions/0003-two-loops.md``: trio and asyncio in one process.

A small daemon serves HTTP with aiohttp and speaks bitswap with a real Kubo through py-libp2p, trio
running in one of these ways behind the same two functions, ``call`` and ``stream``:

* ``guest``: trio's guest mode, on the thread and the loop that aiohttp runs on;
* ``guest-fd``: the same, without the helper thread that waits for trio's sockets;
* ``thread``: ``trio.run`` in a thread of its own (``thread-500us``: switch interval 0.5 ms).

It needs Linux, aiohttp, trio and libp2p 0.8 (the extra ``p2p``), and a Kubo::

    python interop/spikes/two_loops.py --kubo "$(command -v ipfs)" --runs 5

starts the daemons and Kubo itself, on loopback and in a temporary directory, measures the ways in
turn and prints medians; ``--parts`` chooses what is measured, ``--json FILE`` keeps every run.
Run it in the foreground: a shell's background jobs ignore SIGINT, and one case sends it.

The bitswap here is the least that Kubo accepts: no limits, no sessions, blocks in memory. Take
nothing from it but the bridge; once `node/bridge.py` is measured by `interop/bench`, delete it.
"""

# mypy: disable-error-code="import-not-found, import-untyped, no-any-return, unused-ignore, misc"

import argparse
import asyncio
import contextlib
import hashlib
import http.client
import json
import os
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b32decode, b32encode
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import trio
from aiohttp import web
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from libp2p import create_yamux_muxer_option, generate_new_ed25519_identity, new_host
from libp2p.abc import INetStream
from libp2p.crypto.x25519 import create_new_key_pair
from libp2p.custom_types import TProtocol
from libp2p.network.stream.exceptions import StreamError
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.security.noise.transport import PROTOCOL_ID, Transport
from multiaddr import Multiaddr
from outcome import Value
from sniffio import thread_local as sniffio_library

from jiaozi_node.node.bridge import Bridge, GuestBridge, ThreadBridge

T = TypeVar("T")
STOP_WITHIN_S = 2.0  # trio's share of the daemon's 5 s; aiohttp takes twice its shutdown_timeout


# --- the bridge --------------------------------------------------------------------------------


class GuestFdBridge(GuestBridge):
    """The same, but asyncio itself watches trio's epoll: no helper thread waits for trio.

    Linux only, and it reaches into trio's private parts: here to know what that thread costs.
    """

    def _begin(self) -> None:
        loop = self._loop

        def guest_tick(state: Any) -> None:
            before, sniffio_library.name = sniffio_library.name, "trio"
            try:
                timeout = state.unrolled_run_next_send.send(state.unrolled_run_gen)
            except StopIteration:
                state.done_callback(state.runner.main_task_outcome)
                return
            finally:
                sniffio_library.name = before
            manager = state.runner.io_manager
            events = manager.get_events(0)
            if timeout <= 0 or events:
                state.unrolled_run_next_send = Value(events)
                state.runner.guest_tick_scheduled = True
                state.run_sync_soon_not_threadsafe(state.guest_tick)
                return
            state.runner.guest_tick_scheduled = False
            waker = manager._epoll.fileno()

            def wake() -> None:
                loop.remove_reader(waker)
                if timer is not None:
                    timer.cancel()
                state.unrolled_run_next_send = Value(manager.get_events(0))
                state.runner.guest_tick_scheduled = True
                state.guest_tick()

            loop.add_reader(waker, wake)
            timer = loop.call_later(timeout, wake) if timeout < 86400 else None

        trio._core._run.GuestState.guest_tick = guest_tick  # type: ignore[attr-defined]
        super()._begin()


BRIDGES: dict[str, type[Bridge]] = {
    "guest": GuestBridge,
    "guest-fd": GuestFdBridge,
    "thread": ThreadBridge,
    "thread-500us": ThreadBridge,
}


# --- the least bitswap 1.2.0 -------------------------------------------------------------------

BITSWAP = TProtocol("/ipfs/bitswap/1.2.0")
RAW, DAG_PB = 0x55, 0x70


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def read_varint(data: bytes | bytearray, at: int) -> tuple[int, int]:
    """Return the number at *at* and where it ends; raises `IndexError` when it isn't all here."""
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7


def field(number: int, body: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(body)) + body


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(message):
        key, at = read_varint(message, at)
        size, at = read_varint(message, at)
        if key & 7 == 0:
            yield key >> 3, size
        else:
            yield key >> 3, message[at : at + size]
            at += size


def cid_of(data: bytes, codec: int = RAW) -> bytes:
    return bytes((1, codec, 0x12, 0x20)) + hashlib.sha256(data).digest()


def cid_text(cid: bytes) -> str:
    return "b" + b32encode(cid).decode().lower().rstrip("=")


def cid_parsed(text: str) -> bytes:
    body = text[1:].upper()
    return b32decode(body + "=" * (-len(body) % 8))


def want(cids: Iterable[bytes]) -> bytes:
    """Return a message that asks for the blocks themselves, or to be told that they are missing."""
    entry = [
        field(1, field(1, cid) + b"\x10\x01\x20\x00\x28\x01") for cid in cids
    ]  # priority 1, want-block, sendDontHave
    return field(1, b"".join(entry))


class Peer:
    """One py-libp2p host that fetches from and serves to the one Kubo it is connected to."""

    def __init__(self, kubo: str) -> None:
        self.kubo = info_from_p2p_addr(Multiaddr(kubo))
        self.blocks: dict[bytes, bytes] = {}
        self.served = 0
        self.connected = trio.Event()
        self._wanted: dict[bytes, trio.MemorySendChannel[tuple[bytes, bytes | None]]] = {}
        self._out: INetStream | None = None
        self._out_lock = trio.Lock()

    async def live(self) -> None:
        """Be the resident of the bridge: hold the host open and connected until cancelled."""
        key = generate_new_ed25519_identity()
        noise = Transport(key, noise_privkey=create_new_key_pair().private_key)
        host = new_host(
            key_pair=key,
            sec_opt={TProtocol(PROTOCOL_ID): noise},
            muxer_opt=create_yamux_muxer_option(),
        )
        self.host = host
        host.set_stream_handler(BITSWAP, self._read)
        async with host.run([Multiaddr("/ip4/127.0.0.1/tcp/0")]):
            await host.connect(self.kubo)
            self.connected.set()
            await trio.sleep_forever()

    async def fetch(self, cid: bytes) -> bytes:
        async with contextlib.aclosing(self.pull([cid])) as found:
            async for _, data in found:
                return data
        raise KeyError(cid_text(cid))

    async def pull(
        self, cids: list[bytes], window: int = 64
    ) -> AsyncGenerator[tuple[bytes, bytes], None]:
        """Yield the blocks as they come, *window* wants at a time."""
        send, receive = trio.open_memory_channel[tuple[bytes, bytes | None]](window)
        todo, open_wants = deque(cids), set[bytes]()
        try:
            while todo or open_wants:
                if todo and len(open_wants) <= window * 3 // 4:
                    ask = [todo.popleft() for _ in range(min(len(todo), window - len(open_wants)))]
                    for cid in ask:
                        self._wanted[cid] = send
                    open_wants.update(ask)
                    await self._send(want(ask))
                cid, data = await receive.receive()
                open_wants.discard(cid)
                if data is None:
                    raise KeyError(cid_text(cid))
                yield cid, data
        finally:
            for cid in open_wants:
                self._wanted.pop(cid, None)

    async def pull_all(self, cids: list[bytes], window: int) -> int:
        """Pull without crossing: what the network alone can do."""
        total = 0
        async with contextlib.aclosing(self.pull(cids, window)) as found:
            async for _, data in found:
                total += len(data)
        return total

    async def _send(self, message: bytes) -> None:
        async with self._out_lock:
            if self._out is None:
                self._out = await self.host.new_stream(ID(self.kubo.peer_id.to_bytes()), [BITSWAP])
            await self._out.write(varint(len(message)) + message)

    async def _read(self, stream: INetStream) -> None:
        buffer = bytearray()
        try:
            while True:
                part = await stream.read(1 << 18)
                if not part:
                    return
                buffer += part
                while True:
                    try:
                        size, start = read_varint(buffer, 0)
                    except IndexError:
                        break
                    if len(buffer) < start + size:
                        break
                    message = bytes(memoryview(buffer)[start : start + size])
                    del buffer[: start + size]
                    await self._handle(message)
        except StreamError:
            return

    async def _handle(self, message: bytes) -> None:
        for number, value in fields(message):
            match number, value:
                case 1, bytes():
                    await self._serve(value)
                case 3, bytes():
                    block = dict(fields(value))
                    prefix, data = block[1], block.get(2, b"")
                    assert isinstance(prefix, bytes)
                    assert isinstance(data, bytes)
                    self._deliver(cid_of(data, prefix[1]), data)
                case 4, bytes():
                    presence = dict(fields(value))
                    if presence.get(2, 0) == 1 and isinstance(presence[1], bytes):
                        self._deliver(presence[1], None)

    def _deliver(self, cid: bytes, data: bytes | None) -> None:
        # The hash was computed from the data, so a block that nobody asked for finds no one here.
        waiting = self._wanted.pop(cid, None)
        if waiting is not None:
            waiting.send_nowait((cid, data))

    async def _serve(self, wantlist: bytes) -> None:
        answer = b""
        for number, value in fields(wantlist):
            if number != 1 or not isinstance(value, bytes):
                continue
            entry = dict(fields(value))
            cid = entry[1]
            assert isinstance(cid, bytes)
            data = self.blocks.get(cid)
            if entry.get(3, 0):  # a cancel; we answer at once, so there is nothing to take back
                continue
            if data is None:
                if entry.get(5, 0):
                    answer += field(4, field(1, cid) + b"\x10\x01")
            elif entry.get(4, 0) == 1:
                answer += field(4, field(1, cid) + b"\x10\x00")
            else:
                self.served += len(data)
                await self._send(field(3, field(1, cid[:4]) + field(2, data)))
        if answer:
            await self._send(answer)


# --- what a faster transport would do to the loop ----------------------------------------------

FRAME, FRAMES_PER_BLOCK = 65_535 - 16, 16  # noise's largest; about 1 MiB of blocks
CIPHER, NONCE = ChaCha20Poly1305(bytes(32)), bytes(12)


def source(mib: int) -> int:
    """Send ciphertext in noise's frames to each who connects, as fast as the socket takes it."""
    sealed = CIPHER.encrypt(NONCE, os.urandom(FRAME), None)
    block = (len(sealed).to_bytes(2, "big") + sealed) * FRAMES_PER_BLOCK
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(json.dumps({"port": server.getsockname()[1]}), flush=True)
        while True:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                for _ in range((mib << 20) // len(block)):
                    connection.sendall(block)


async def drain(port: int, read_bytes: int) -> int:
    """Read, decrypt and hash what `source` sends: big reads, and nothing of py-libp2p."""
    buffer, total, digest = bytearray(), 0, hashlib.sha256()
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    async with stream:
        while part := await stream.receive_some(read_bytes):
            buffer += part
            at = 0
            while len(buffer) - at > 2:
                end = at + 2 + int.from_bytes(buffer[at : at + 2], "big")
                if end > len(buffer):
                    break
                digest.update(CIPHER.decrypt(NONCE, bytes(buffer[at + 2 : end]), None))
                total, at = total + end - at, end
            del buffer[:at]
    return total


# --- the daemon --------------------------------------------------------------------------------


class Daemon:
    """The HTTP side; what each path does is said where it stands."""

    def __init__(self, bridge: Bridge, peer: Peer) -> None:
        self.bridge, self.peer = bridge, peer
        self.waiting = self.cancelled = 0

    async def small(self, _: web.Request) -> web.Response:
        """Answer without trio: what a gateway hit costs."""
        return web.Response(body=b"ok")

    async def ask(self, _: web.Request) -> web.Response:
        """Answer after one trio task that itself waits once."""
        await self.bridge.call(trio.lowlevel.checkpoint)
        return web.Response(body=b"ok")

    async def nap(self, request: web.Request) -> web.Response:
        """Answer after a trio task that sleeps."""
        await self.bridge.call(self._nap, float(request.query["s"]))
        return web.Response(body=b"ok")

    async def _nap(self, seconds: float) -> None:
        self.waiting += 1
        try:
            await trio.sleep(seconds)
        except trio.Cancelled:
            self.cancelled += 1
            raise
        finally:
            self.waiting -= 1

    async def block(self, request: web.Request) -> web.Response:
        """Answer with a block that Kubo has."""
        data = await self.bridge.call(self.peer.fetch, cid_parsed(request.match_info["cid"]))
        return web.Response(body=data)

    async def pull(self, request: web.Request) -> web.Response:
        """Pull the blocks named in the body; ``over=stream`` brings each block to asyncio."""
        cids = [cid_parsed(line) for line in (await request.text()).split()]
        window, total, batches = int(request.query["window"]), 0, 0
        started, burnt = time.perf_counter(), time.process_time()
        if request.query["over"] == "stream":
            async with contextlib.aclosing(
                self.bridge.stream(self.peer.pull, cids, window)
            ) as found:
                async for batch in found:
                    batches += 1
                    total += sum(len(data) for _, data in batch)
        else:
            total = await self.bridge.call(self.peer.pull_all, cids, window, deadline_s=600.0)
        return web.json_response(
            {
                "s": time.perf_counter() - started,
                "cpu_s": time.process_time() - burnt,
                "bytes": total,
                "batches": batches,
            }
        )

    async def drain(self, request: web.Request) -> web.Response:
        """Drain the source at *port*, *read* bytes at most at a time."""
        started, burnt = time.perf_counter(), time.process_time()
        total = await self.bridge.call(
            drain, int(request.query["port"]), int(request.query["read"])
        )
        return web.json_response(
            {
                "s": time.perf_counter() - started,
                "cpu_s": time.process_time() - burnt,
                "bytes": total,
            }
        )

    async def make(self, request: web.Request) -> web.Response:
        """Make new blocks under one dag-pb root, for Kubo to fetch; answer the root's CID."""
        size, count, links = int(request.query["size"]), int(request.query["count"]), b""
        self.peer.blocks.clear()
        for _ in range(count):
            data = os.urandom(size)
            cid = cid_of(data)
            self.peer.blocks[cid] = data
            links += field(2, field(1, cid) + field(2, b"") + b"\x18" + varint(size))
        root = cid_of(links, DAG_PB)
        self.peer.blocks[root] = links
        return web.Response(text=cid_text(root))

    async def crossings(self, request: web.Request) -> web.Response:
        """Time many crossings, *together* at a time; answer microseconds for each."""
        count, together = int(request.query["n"]), int(request.query["together"])

        async def some() -> None:
            for _ in range(count // together):
                await self.bridge.call(trio.lowlevel.checkpoint)

        started = time.perf_counter()
        await asyncio.gather(*(some() for _ in range(together)))
        return web.json_response({"us": (time.perf_counter() - started) / count * 1e6})

    async def items(self, request: web.Request) -> web.Response:
        """Time a stream of trifles; answer microseconds for each."""
        count, got = int(request.query["n"]), 0

        async def numbers() -> AsyncGenerator[int, None]:
            for number in range(count):
                await trio.lowlevel.checkpoint()
                yield number

        started = time.perf_counter()
        async with contextlib.aclosing(self.bridge.stream(numbers)) as batches:
            async for batch in batches:
                got += len(batch)
        assert got == count
        return web.json_response({"us": (time.perf_counter() - started) / count * 1e6})

    async def stat(self, _: web.Request) -> web.Response:
        return web.json_response(
            {"waiting": self.waiting, "cancelled": self.cancelled, "served": self.peer.served}
        )

    async def fail(self, request: web.Request) -> web.Response:
        """Plant a fault: trio ``raise``s, sits ``deaf`` behind a shield, or ``spin``s."""

        async def fault() -> None:
            match request.query["how"]:
                case "raise":
                    raise RuntimeError("planted on the trio side")
                case "deaf":
                    with trio.CancelScope(shield=True):
                        await trio.sleep_forever()
                case "spin":
                    until = time.monotonic() + 2
                    while time.monotonic() < until:
                        pass

        nursery = self.bridge._nursery
        if nursery is not None:
            self.bridge.to_trio(lambda: nursery.start_soon(fault))
        return web.Response(body=b"planted")


async def daemon(way: str, kubo: str) -> int:
    if way == "thread-500us":
        sys.setswitchinterval(0.0005)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    peer = Peer(kubo)
    async with BRIDGES[way](peer.live) as bridge:
        await bridge.call(peer.connected.wait, deadline_s=20.0)
        app = web.Application(client_max_size=1 << 24)
        it = Daemon(bridge, peer)
        for path in ("small", "ask", "nap", "make", "crossings", "items", "stat", "fail", "drain"):
            app.router.add_get(f"/{path}", getattr(it, path))
        app.router.add_get("/block/{cid}", it.block)
        app.router.add_post("/pull", it.pull)
        # Without handler_cancellation aiohttp lets a handler go on after its client has left.
        runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        assert site._server is not None
        print(json.dumps({"port": site._server.sockets[0].getsockname()[1]}), flush=True)  # type: ignore[attr-defined]
        bridge.ended.add_done_callback(lambda _: stop.set())
        try:
            await stop.wait()
        finally:
            began = time.perf_counter()
            await runner.cleanup()
            print(f"http stopped in {time.perf_counter() - began:.3f} s", file=sys.stderr)
    print(f"all stopped in {time.perf_counter() - began:.3f} s", file=sys.stderr)
    fault = bridge.ended.result()
    while isinstance(fault, BaseExceptionGroup) and len(fault.exceptions) == 1:
        fault = fault.exceptions[0]
    if fault is not None:
        print(f"peers ended: {fault!r}", file=sys.stderr)
    return 0 if fault is None else 4


# --- what is measured --------------------------------------------------------------------------


class Kubo:
    """A Kubo of our own that talks to nobody; its data are two files of *mib* MiB."""

    def __init__(self, program: str, home: str, mib: int) -> None:
        self._env = {**os.environ, "IPFS_PATH": home, "IPFS_TELEMETRY": "off"}
        self._program = program
        self._run("init", "--profile=test")
        for key, value in (
            ("Routing.Type", '"none"'),
            ("AutoConf.Enabled", "false"),
            ("Bootstrap", "[]"),
            ("DNS.Resolvers", "{}"),
            ("Routing.DelegatedRouters", "[]"),
            ("Ipns.DelegatedPublishers", "[]"),
            ("Addresses.Swarm", '["/ip4/127.0.0.1/tcp/0"]'),
        ):
            self._run("config", "--json", key, value)
        self.version = self._run("version").split()[-1]
        self.leaves: dict[int, list[str]] = {}
        for kib in (256, 1024):
            source = Path(home, "source")
            source.write_bytes(os.urandom(mib << 20))
            root = self._run(
                *("add", "-Q", "--cid-version=1", "--raw-leaves"),
                *(f"--chunker=size-{kib << 10}", str(source)),
            ).strip()
            refs = self._run("refs", "-r", "-u", root).split()
            self.leaves[kib] = [cid for cid in refs if cid.startswith("bafkrei")]
            source.unlink()
        self._log = open(Path(home, "log"), "wb")  # noqa: SIM115 held as long as the daemon
        self.process = subprocess.Popen([program, "daemon"], env=self._env, stdout=self._log)
        while not Path(home, "api").exists():
            time.sleep(0.05)
        time.sleep(1)
        self.port = int(Path(home, "api").read_text().split("/")[-1])
        told = json.loads(self.rpc("id"))
        self.address = next(a for a in told["Addresses"] if a.startswith("/ip4/127.0.0.1/tcp/"))

    def _run(self, *words: str) -> str:
        return subprocess.run(
            [self._program, *words], env=self._env, check=True, capture_output=True, text=True
        ).stdout

    def rpc(self, path: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request("POST", f"/api/v0/{path}")
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        return body

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)
        self._log.close()


class Ours:
    """One daemon of this file, in a process of its own."""

    def __init__(self, way: str, kubo: Kubo) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--daemon", way, "--peer", kubo.address],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.port = int(json.loads(self.process.stdout.readline())["port"])

    def get(self, path: str, body: bytes | None = None) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        connection.request("GET" if body is None else "POST", path, body)
        answer = connection.getresponse()
        data = answer.read()
        assert answer.status == 200, (answer.status, data)
        return data

    def json(self, path: str, body: bytes | None = None) -> Any:
        return json.loads(self.get(path, body))

    def stop(self) -> tuple[float, int, str]:
        """Ask it to stop; return the seconds, the exit code and what it said."""
        self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> tuple[float, int, str]:
        began = time.perf_counter()
        try:
            _, said = self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            _, said = self.process.communicate()
            said += "\n(had to be killed after 20 s)"
        return time.perf_counter() - began, self.process.returncode, said


def busy_s(*pids: int) -> float:
    """Return the CPU seconds that were spent so far: of *pids*, or of the whole machine."""
    ticks = 0
    for pid in pids:
        ticks += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rsplit(")")[-1].split()[11:13]))
    if not pids:
        words = Path("/proc/stat").read_text().split("\n")[0].split()[1:9]
        ticks = sum(map(int, words)) - int(words[3]) - int(words[4])
    return ticks / os.sysconf("SC_CLK_TCK")


class Probe(threading.Thread):
    """Asks ``/small`` (or *path*) 200 times a second; latency counts from when it was due."""

    def __init__(self, port: int, path: str = "/small") -> None:
        super().__init__(daemon=True)
        self.ms: list[float] = []
        self.over = threading.Event()
        self.request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        self.sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(16)]
        self.began = time.perf_counter()
        self.start()

    def run(self) -> None:
        due, asked = time.perf_counter(), self.sockets[0]
        while not self.over.is_set():
            time.sleep(max(0.0, due - time.perf_counter()))
            # A late answer makes the next ones late: that wait is theirs too, so it is counted.
            asked.sendall(self.request)
            if not asked.recv(4096):
                return
            self.ms.append((time.perf_counter() - due) * 1000)
            due += 0.005

    def stop(self, name: str) -> dict[str, float]:
        """End it and return what it saw, under names that begin with *name*."""
        self.over.set()
        self.join()
        seconds = time.perf_counter() - self.began
        for each in self.sockets:
            each.close()
        ordered = sorted(self.ms)
        return {
            f"{name} requests/s": len(ordered) / seconds,
            f"{name} p50 ms": ordered[len(ordered) // 2],
            f"{name} p99 ms": ordered[int(len(ordered) * 0.99)],
        }


class Crowd(Probe):
    """Asks on sixteen connections, on each again as soon as it is answered."""

    def run(self) -> None:
        sent: dict[socket.socket, float] = {}
        with selectors.DefaultSelector() as ready:
            for each in self.sockets:
                ready.register(each, selectors.EVENT_READ, each)
                sent[each] = time.perf_counter()
                each.sendall(self.request)
            while not self.over.is_set():
                for key, _ in ready.select(1):
                    each = key.data
                    each.recv(4096)
                    now = time.perf_counter()
                    self.ms.append((now - sent[each]) * 1000)
                    sent[each] = now
                    each.sendall(self.request)


class Bench:
    """One daemon, and the parts that can be measured on it; each returns figures by name."""

    def __init__(self, way: str, kubo: Kubo, mib: int) -> None:
        self.kubo, self.mib, self.ours = kubo, mib, Ours(way, kubo)

    def pull(self, name: str, kib: int, over: str = "stream") -> dict[str, float]:
        cids = self.kubo.leaves[kib]
        path = f"/pull?window={64 if kib == 256 else 16}&over={over}"
        return self._rate(name, self.ours.json(path, "\n".join(cids).encode()))

    def bare(self, name: str, read_kib: int = 256) -> dict[str, float]:
        words = [sys.executable, __file__, "--source", str(self.mib * 4)]
        with subprocess.Popen(words, stdout=subprocess.PIPE) as feeder:
            assert feeder.stdout is not None
            port = json.loads(feeder.stdout.readline())["port"]
            got = self.ours.json(f"/drain?port={port}&read={read_kib << 10}")
            feeder.kill()
        return self._rate(name, got)

    def _rate(self, name: str, got: dict[str, float]) -> dict[str, float]:
        return {
            f"{name} MB/s": got["bytes"] / got["s"] / 1e6,
            f"{name} CPU s/GB": got["cpu_s"] / got["bytes"] * 1e9,
        }

    def blocks(self) -> dict[str, float]:
        """Wait with an HTTP request for a block of Kubo's; let Kubo wait for one of ours."""
        times = []
        for cid in self.kubo.leaves[256][:31]:
            began = time.perf_counter()
            data = self.ours.get(f"/block/{cid}")
            times.append((time.perf_counter() - began) * 1000)
            assert cid_text(cid_of(data)) == cid
        root = self.ours.get("/make?size=262144&count=1").decode()
        began = time.perf_counter()
        assert cid_text(cid_of(self.kubo.rpc(f"block/get?arg={root}"), DAG_PB)) == root
        return {
            "first block fetched ms": times[0],
            "one block fetched ms": statistics.median(times[1:]),
            "one block served ms": (time.perf_counter() - began) * 1000,
        }

    def crossings(self) -> dict[str, float]:
        self.ours.json("/crossings?n=500&together=1")
        found = {
            f"call, {many} at a time us": self.ours.json(f"/crossings?n=5000&together={many}")["us"]
            for many in (1, 100)
        }
        return found | {"stream item us": self.ours.json("/items?n=50000")["us"]}

    def fetch(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for path in ("/small", "/ask"):
            probe = Probe(self.ours.port, path)
            time.sleep(2)
            found |= probe.stop(f"quiet {path}")
        found |= self.pull("fetch 256 KiB, no crossing", 256, "trio")
        found |= self.pull("fetch 256 KiB, streamed", 256)
        found |= self.pull("fetch 1 MiB, streamed", 1024)
        for kib, path in ((256, "/small"), (256, "/ask"), (1024, "/small")):
            probe, name = Probe(self.ours.port, path), f"fetch {kib} KiB beside {path}"
            found |= self.pull(name, kib)
            found |= probe.stop(name)
        root = self.ours.get(f"/make?size=262144&count={self.mib * 2}").decode()
        probe, began = Probe(self.ours.port), time.perf_counter()
        self.kubo.rpc(f"pin/add?arg={root}")
        rate = self.ours.json("/stat")["served"] / (time.perf_counter() - began) / 1e6
        found |= {"serve 256 KiB beside /small MB/s": rate}
        return found | probe.stop("serve 256 KiB beside /small")

    def transport(self) -> dict[str, float]:
        """How big may a read be, so that it doesn't keep a shared loop from its requests?"""
        found: dict[str, float] = {}
        for read_kib in (256, 64, 16):
            probe, name = Probe(self.ours.port), f"bare, reads of {read_kib} KiB"
            found |= self.bare(name, read_kib)
            found |= probe.stop(name)
        return found

    def crowd(self) -> dict[str, float]:
        """Do the same while sixteen connections ask as fast as they are answered."""
        crowd: Probe = Crowd(self.ours.port)
        time.sleep(2)
        found = crowd.stop("crowd, quiet")
        crowd = Crowd(self.ours.port)
        found |= self.pull("crowd, fetch 256 KiB", 256)
        found |= crowd.stop("crowd, fetch 256 KiB")
        crowd = Crowd(self.ours.port)
        found |= self.bare("crowd, bare transport")
        return found | crowd.stop("crowd, bare transport")

    def many(self) -> dict[str, float]:
        """A hundred requests wait for trio at once; then a hundred, whose clients leave."""
        found: dict[str, float] = {}
        for seconds in (0.5, 60):
            request = f"GET /nap?s={seconds} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
            port = self.ours.port
            sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
            began = time.perf_counter()
            for each in sockets:
                each.sendall(request)
            if seconds == 0.5:
                assert all(each.recv(4096).startswith(b"HTTP/1.1 200") for each in sockets)
                found["100 requests of 0.5 s: s"] = time.perf_counter() - began
            else:
                while self.ours.json("/stat")["waiting"] < 100:
                    time.sleep(0.01)
            began = time.perf_counter()
            for each in sockets:
                each.close()
            while self.ours.json("/stat")["waiting"]:
                assert time.perf_counter() - began < 20
                time.sleep(0.002)
        found["100 clients leave: ms until trio is rid"] = (time.perf_counter() - began) * 1000
        assert self.ours.json("/stat")["cancelled"] == 100
        return found


PARTS = ("blocks", "crossings", "fetch", "transport", "crowd", "many")


def measure(way: str, kubo: Kubo, mib: int, parts: list[str]) -> dict[str, float]:
    """Measure *parts* once on a new daemon."""
    bench = Bench(way, kubo, mib)
    pids = (bench.ours.process.pid, kubo.process.pid, os.getpid())
    others, began = busy_s() - busy_s(*pids), time.monotonic()
    found: dict[str, float] = {}
    for part in parts:
        found |= getattr(bench, part)()
    seconds = time.monotonic() - began
    found["cores that others kept busy"] = (busy_s() - busy_s(*pids) - others) / seconds
    took, code, said = bench.ours.stop()
    assert code == 0, said
    return found | {"stop, idle ms": took * 1000}


def shutdown(way: str, kubo: Kubo) -> dict[str, str]:
    """End daemons in every way we know; return how long it took and what was said."""
    found: dict[str, str] = {}
    body = "\n".join(kubo.leaves[256]).encode()

    def ask(path: str, body: bytes | None = None) -> list[str]:
        """Ask without waiting; the list gets what was answered, in the end."""
        heard: list[str] = []

        def run() -> None:
            try:
                heard.append(repr(ours.get(path, body)))
            except (OSError, http.client.HTTPException, AssertionError) as fault:
                heard.append(repr(fault)[:70])

        threading.Thread(target=run, daemon=True).start()
        time.sleep(0.5)
        return heard

    def told(result: tuple[float, int, str]) -> str:
        took, code, said = result
        return f"{took:.3f} s, exit {code}: " + " | ".join(said.strip().splitlines()[-4:])

    ours = Ours(way, kubo)
    ask("/pull?window=64&over=stream", body)
    found["SIGTERM amid a pull"] = told(ours.stop())

    ours = Ours(way, kubo)
    ask("/pull?window=64&over=stream", body)
    ours.process.send_signal(signal.SIGINT)
    found["SIGINT amid a pull: asyncio is cancelled"] = told(ours.ended())

    ours = Ours(way, kubo)
    heard = ask("/nap?s=60")
    ours.get("/fail?how=raise")
    found["trio raises"] = told(ours.ended())
    time.sleep(0.1)
    found["trio raises: the waiting client"] = heard[0] if heard else "got nothing"

    ours = Ours(way, kubo)
    ours.get("/fail?how=deaf")
    found["SIGTERM, trio deaf"] = told(ours.stop())

    ours = Ours(way, kubo)
    probe = Probe(ours.port)
    ask("/fail?how=spin")
    time.sleep(2.5)
    probe.stop("")
    found["trio spins 2 s: longest answer"] = f"{max(probe.ms):.0f} ms"
    ours.stop()
    return found


def main() -> int:
    ask = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    ask.add_argument("--kubo", default="ipfs", help="the ipfs program")
    ask.add_argument("--runs", type=int, default=5)
    ask.add_argument("--mib", type=int, default=256, help="size of each file that is fetched")
    ask.add_argument("--ways", nargs="+", default=list(BRIDGES), choices=BRIDGES)
    ask.add_argument("--parts", nargs="*", default=list(PARTS), choices=PARTS)
    ask.add_argument("--no-ends", action="store_true", help="leave out the ways to stop")
    ask.add_argument("--json", type=Path, help="where to keep every run")
    ask.add_argument("--daemon", choices=BRIDGES, help=argparse.SUPPRESS)
    ask.add_argument("--peer", help=argparse.SUPPRESS)
    ask.add_argument("--source", type=int, help=argparse.SUPPRESS)
    given = ask.parse_args()
    if given.source:
        return source(given.source)
    if given.daemon:
        return asyncio.run(daemon(given.daemon, given.peer))
    runs: dict[str, list[dict[str, float]]] = {way: [] for way in given.ways}
    ends: dict[str, dict[str, str]] = {}
    with tempfile.TemporaryDirectory() as home:
        kubo = Kubo(given.kubo, home, given.mib)
        try:
            for turn in range(given.runs):
                # Turn about, so that a busy minute of the machine hits no way alone.
                first = turn % len(given.ways)
                for way in given.ways[first:] + given.ways[:first]:
                    runs[way].append(measure(way, kubo, given.mib, given.parts))
                    print(f"run {turn + 1}, {way}: done", file=sys.stderr)
            for way in given.ways if not given.no_ends else ():
                ends[way] = shutdown(way, kubo)
        finally:
            kubo.stop()
    if given.json:
        given.json.write_text(json.dumps({"runs": runs, "ends": ends}, indent=1))
    print(f"Kubo {kubo.version}, Python {sys.version.split()[0]}, trio {version('trio')}")
    print(f"{'median of ' + str(given.runs):44}" + "".join(f"{way:>16}" for way in given.ways))
    for name in runs[given.ways[0]][0] if given.runs else ():
        medians = [statistics.median(run[name] for run in runs[way]) for way in given.ways]
        print(f"{name:44}" + "".join(f"{median:16.2f}" for median in medians))
    for way, texts in ends.items():
        for name, text in texts.items():
            print(f"{way:14}{name:42}{text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
