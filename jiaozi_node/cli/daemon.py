"""The daemon: opens the home, listens, tells where, and ends when told to, in order.

This is the composition root: it alone binds the node to HTTP (design §2). The home's socket is up
before anything is announced; the file ``api`` is written when the RPC listens and is gone before it
stops (research/kubo-rpc-and-gateway.md §7).
"""

import asyncio
import contextlib
import gc
import importlib.util
import logging
import os
import resource
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from jiaozi_node import __version__
from jiaozi_node.cli.daemon_gateway import gateway
from jiaozi_node.cli.notify import notify
from jiaozi_node.cli.telling import tells
from jiaozi_node.commands.declare import SeesPeers
from jiaozi_node.commands.ipfs.go_text import duration_s
from jiaozi_node.commands.ipfs.version import KUBO_VERSION, REPO_VERSION
from jiaozi_node.errors import JiaoziError, Locked, Misuse
from jiaozi_node.http.guard import Door
from jiaozi_node.http.home import HomeSocket
from jiaozi_node.http.listening import Listener, begin_all, wanted
from jiaozi_node.http.metrics import Metrics, of_door, of_home
from jiaozi_node.http.rpc.admission import rules_of
from jiaozi_node.http.rpc.engine import Rpc
from jiaozi_node.http.rpc.journal import Journal
from jiaozi_node.http.versions.service import Versions
from jiaozi_node.node import log_levels
from jiaozi_node.node.collector import Collector, plan_of
from jiaozi_node.node.config import MAX_BYTES
from jiaozi_node.node.config import parse as parse_config
from jiaozi_node.node.config_check import check
from jiaozi_node.node.fetch import Fetch
from jiaozi_node.node.founding import found, profiles_of
from jiaozi_node.node.home import home_path
from jiaozi_node.node.local_home import LOCK_WAIT_S, LocalHome
from jiaozi_node.node.log_levels import AsJson, AsText
from jiaozi_node.node.online import Ask
from jiaozi_node.node.publishing import settle
from jiaozi_node.node.wire import connect
from jiaozi_node.stores.atomic import replace_file
from jiaozi_node.stores.lock import HomeLocked
from jiaozi_node.worktree.watching import Watches

MAX_GRACE_S: Final = 3600.0
_FILES: Final = 1_000_000  # open files to ask for; the system's own limit counts
_UNENDED: Final = 4
# A request crosses threads several times; Python's 5 ms each time would add up while a worker is
# busy: with 1 ms another client's p99 beside an upload of 50,000 files was 14 ms instead of 28.
_SWITCH_S: Final = 0.001
_TOLD_FILES: Final = ("api", "gateway")  # of the home, in which clients look for us
_log = logging.getLogger(__name__)


def run(options: Mapping[str, Any], environ: Mapping[str, str]) -> int:
    """Serve until a signal ends it; return the exit code."""
    grace_s = duration_s(options["grace"])
    if not 0 <= grace_s <= MAX_GRACE_S:
        raise Misuse(f"--grace is {options['grace']!r}, not between 0s and 1h")
    watch = bool(options.get("watch"))
    _log_to_stderr(environ)
    path = home_path(environ)
    say("Initializing daemon...")
    if options["init"] and not (path / "version").exists():
        _found(path, options)
        say(f"initialized a node home at {path}")
    home = _open(path)
    try:
        check(home.config.whole())
        plan = plan_of(home.config)
        _settle(home)
        for name in _TOLD_FILES:  # of a daemon that was killed: the lock is ours
            (path / name).unlink(missing_ok=True)
        _raise_files()
        sys.setswitchinterval(_SWITCH_S)
        say(f"Kubo version: {KUBO_VERSION}")
        say(f"Repo version: {REPO_VERSION}")
        say(f"Jiaozi version: {__version__}")
        suffix = options.get("agent_version_suffix") or ""
        collector = Collector(home, plan) if options["enable_gc"] else None
        daemon = _Daemon(home, environ, grace_s, suffix, collector, watch=watch)
        daemon.offline = bool(options["offline"])
        return asyncio.run(daemon.serve())
    finally:
        home.close()
        gc.freeze()  # what is left needs no last look; see specs/decisions/0003


def _found(path: Path, options: Mapping[str, Any]) -> None:
    """Make the home that ``--init`` asks for."""
    given = {}
    if (name := options.get("init_config")) is not None:
        with open(name, "rb") as file:
            given = parse_config(file.read(MAX_BYTES + 1), "the given configuration")
    found(path, given, profiles_of(options.get("init_profile"))).close()


class DaemonRuns(Locked):
    """Another daemon holds the home."""

    def __init__(self, path: Path, pid: int | None) -> None:
        super().__init__(f"a daemon holds the node home {path} already: process {pid}")
        self.home, self.pid = path, pid


def _settle(home: LocalHome) -> None:
    """Finish acts of publishing that were cut short."""
    try:
        settle(home)
    except JiaoziError as fault:
        _log.warning("what was being published or taken back could not be finished: %s", fault)


def _open(path: Path) -> LocalHome:
    """Open the home, waiting for a command to end but not for another daemon."""
    try:
        return LocalHome.open(path, 0.0)
    except HomeLocked as held:
        line = connect(path)
        if line is not None:
            line.close()
            raise DaemonRuns(path, held.pid) from None
    return LocalHome.open(path, LOCK_WAIT_S)


def say(text: str) -> None:
    """Tell whoever started us, at once: tools wait for these lines."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class _Daemon:
    """One daemon at work."""

    def __init__(
        self,
        home: LocalHome,
        environ: Mapping[str, str],
        grace_s: float,
        agent_suffix: str,
        collector: Collector | None,
        *,
        watch: bool,
    ) -> None:
        self._home, self._environ, self._grace_s = home, environ, grace_s
        self._agent_suffix, self._collector, self._watch = agent_suffix, collector, watch
        self._journal = Journal()
        self._metrics = Metrics()
        self._metrics.sources.append(lambda: of_home(home, collector))
        self._told = asyncio.Event()
        self._fetch = Fetch(lambda: home.segments)
        self._until = 0.0  # when all must have ended, once that is wanted
        self._ended = True
        self._stop_soon: Callable[[], object] = self.shut_down
        self.offline = True
        self._ask: Ask | None = None
        self._seen: SeesPeers | None = None

    def stop(self) -> None:
        """Begin to end; told twice, end at once."""
        if self._told.is_set():
            os._exit(1)  # an acknowledged write is durable already
        self.shut_down()

    def shut_down(self) -> None:
        """Begin to end because a command says so; saying so twice changes nothing."""
        if not self._told.is_set():
            self._until = time.monotonic() + self._grace_s
            self._told.set()

    def _left_s(self, share: float = 1.0) -> float:
        """Return how long work under way may still take: a *share* of the grace that is left."""
        return max(0.0, self._until - time.monotonic()) * share

    async def serve(self) -> int:
        """Be up until `stop`; return the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop)
        self._stop_soon = partial(loop.call_soon_threadsafe, self.shut_down)
        found = os.stat(self._home.path)
        watches = Watches(frozenset({(found.st_dev, found.st_ino)})) if self._watch else None
        socket = HomeSocket(
            self._home,
            self._stop_soon,
            tells(self._home),
            watches,
            agent_suffix=self._agent_suffix,
            journal=self._journal,
        )
        socket.start()
        try:
            async with self._peers(socket), self._rpc() as rpc, self._gateway() as gateways:
                for one in rpc:
                    say(f"RPC API server listening on {one.address}")
                for one in gateways:
                    say(f"Gateway server listening on {one.address}")
                if self._collector is not None:
                    self._collector.start()
                say("Daemon is ready")
                notify(self._environ, "READY=1")
                await self._told.wait()
                notify(self._environ, "STOPPING=1")
                say("Received interrupt signal, shutting down...")
                say("(Hit ctrl-c again to force-shutdown the daemon.)")
        finally:
            await asyncio.to_thread(self._fetch.close)
            if self._collector is not None:
                self._ended &= await asyncio.to_thread(self._collector.stop, self._left_s())
            self._ended &= await asyncio.to_thread(socket.stop, self._left_s())
            if watches is not None:
                watches.close()
        if not self._ended:  # waiting for their threads could take for ever
            _log.error("work under way did not end within %g s", self._grace_s)
            os._exit(_UNENDED)
        return 0

    @asynccontextmanager
    async def _peers(self, socket: HomeSocket) -> AsyncIterator[None]:
        """Have peers, unless told not to; the end of their side is the end of the daemon."""
        if self.offline:
            yield
            return
        if importlib.util.find_spec("libp2p") is None:
            _log.warning(
                "no peers: their libraries are not installed; pip install 'jiaozi-node[p2p]' adds "
                "them (it needs gcc and gmp.h)"
            )
            yield
            return
        from jiaozi_node.node.peering import begun

        async with begun(self._home) as peering:
            for address in peering.addresses:
                say(f"Swarm listening on {address}")
            peering.ended.add_done_callback(self._peers_ended)
            self._fetch.exchange, self._ask = peering, peering.asking()
            self._seen = socket.peers = peering.from_threads()
            socket.ask = self._ask
            try:
                yield
            finally:
                self._fetch.exchange = self._ask = self._seen = None
                socket.peers = socket.ask = None
                peering.ended.remove_done_callback(self._peers_ended)

    def _peers_ended(self, ended: "asyncio.Future[BaseException | None]") -> None:
        _log.error("the peers' side ended: %s", ended.result())
        self._ended = False
        self.shut_down()

    @asynccontextmanager
    async def _rpc(self) -> AsyncIterator[list[Listener]]:
        """Serve the RPC, with the file ``api`` beside it."""
        config = self._home.config
        whole = config.whole()
        rules = rules_of(whole, 0)
        rpc = Rpc(
            self._home,
            lambda: rules,
            stop=self._stop_soon,
            environ=self._environ,
            agent_suffix=self._agent_suffix,
            metrics=self._metrics,
            journal=self._journal,
            at_hand=lambda: self._home.segments,
            ask=self._ask,
            peers=self._seen,
        )
        versions = Versions(self._home, lambda: rules, rpc)
        door = Door(versions)
        self._metrics.sources.append(lambda: of_door("rpc", door))
        key = "Addresses.API"
        listeners = await begin_all(door, wanted(key, config.find(key)))
        ports = [one.address.port for one in listeners if one.address.port]
        rules = rules_of(whole, ports[0] if ports else 5001)
        file = self._home.path / "api"
        try:
            if listeners:
                await asyncio.to_thread(
                    replace_file, file, f"{listeners[0].address}".encode(), 0o644
                )
            yield listeners
        finally:
            with contextlib.suppress(FileNotFoundError):
                file.unlink()
            for one in listeners:
                one.close()
            await door.shut(self._left_s(0.5))
            self._ended &= await versions.drain(self._left_s(0.5))
            self._ended &= await rpc.drain(self._left_s(0.5))

    @asynccontextmanager
    async def _gateway(self) -> AsyncIterator[list[Listener]]:
        """Serve the gateway, beside the RPC and from the same blocks."""
        async with gateway(
            self._home, self._fetch, partial(self._left_s, 0.5), self._environ
        ) as listeners:
            yield listeners


def _raise_files() -> None:
    """Ask for as many open files as the system allows: each connection is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _log_to_stderr(environ: Mapping[str, str]) -> None:
    """Log to standard error, as JIAOZI_LOG_LEVEL and JIAOZI_LOG_FORMAT say, else Kubo's GOLOG_…."""
    kind = environ.get("JIAOZI_LOG_FORMAT") or environ.get("GOLOG_LOG_FMT") or "text"
    if kind not in ("text", "json", "color", "nocolor"):
        raise Misuse(f"JIAOZI_LOG_FORMAT is {kind[:32]!r}: write text or json")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(AsJson() if kind == "json" else AsText())
    logging.basicConfig(handlers=[handler], force=True)
    level = environ.get("JIAOZI_LOG_LEVEL") or environ.get("GOLOG_LOG_LEVEL") or "warn"
    try:
        log_levels.set_up(level)
    except Misuse as fault:
        raise Misuse(f"JIAOZI_LOG_LEVEL: {fault}") from None
