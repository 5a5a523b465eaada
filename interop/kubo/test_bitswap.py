"""Blocks to and from a real Kubo over bitswap, by the network layer alone."""

import json
import random
import shutil
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from interop import daemons, programs
from interop.daemons import Daemon
from interop.programs import Pair, Program
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import multihash as mh
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.formats.keys import PrivateKey

trio = pytest.importorskip("trio")
pytest.importorskip("libp2p")

from libp2p.peer.peerinfo import info_from_p2p_addr  # noqa: E402
from multiaddr import Multiaddr  # noqa: E402

from jiaozi_node.network.bitswap import BitswapService  # noqa: E402
from jiaozi_node.network.host import new_host  # noqa: E402
from tests.network.test_bitswap import Held  # noqa: E402

SIZES = (0, 1, 100, 1024, 262_144, 1 << 20, 2 << 20)
HASHES = (
    "sha1", "sha2-256", "sha2-512", "sha3-256", "keccak-256", "blake2b-160", "blake2b-512",
    "blake2s-256", "blake3", "shake-256", "dbl-sha2-256",
)  # fmt: skip
ANY = Multiaddr("/ip4/127.0.0.1/tcp/0")


class Kubo:
    """A Kubo daemon that listens on the loopback and knows nobody."""

    def __init__(self, program: Program) -> None:
        self.program = program

    def do(self, *words: str, stdin: bytes = b"") -> bytes:
        return self.program.run(*words, stdin=stdin).good().out

    @property
    def address(self) -> str:
        found: list[str] = json.loads(self.do("id"))["Addresses"]
        return next(one for one in found if one.startswith("/ip4/127.0.0.1/tcp/"))


@pytest.fixture(scope="module")
def kubo(kubo_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubo]:
    home = tmp_path_factory.mktemp("bitswap") / "kubo"
    program = programs.new_kubo(kubo_program, home)
    for key, value in (
        ("Addresses.Swarm", ["/ip4/127.0.0.1/tcp/0"]),
        ("Routing.Type", "none"),
        ("Bootstrap", []),
        ("Discovery.MDNS.Enabled", False),
        ("AutoTLS.Enabled", False),
        ("AutoConf.Enabled", False),
    ):
        program.run("config", "--json", key, json.dumps(value)).good()
    with daemons.running(program, offline=False):
        yield Kubo(program)
    shutil.rmtree(home, ignore_errors=True)


@asynccontextmanager
async def met(kubo: Kubo, held: Held) -> AsyncIterator[BitswapService]:
    host = new_host(PrivateKey.generate())
    service = BitswapService(host, held)
    async with host.run(listen_addrs=[ANY]), trio.open_nursery() as nursery:
        await nursery.start(service.run)
        await host.connect(info_from_p2p_addr(Multiaddr(kubo.address)))
        with trio.fail_after(20):
            while not service.machine.peers:
                await trio.sleep(0.01)
        yield service
        nursery.cancel_scope.cancel()


def beside(kubo: Kubo, held: Held, work: Callable[[BitswapService], Awaitable[None]]) -> None:
    async def main() -> None:
        async with met(kubo, held) as service:
            with trio.fail_after(120):
                await work(service)

    trio.run(main)


def samples(seed: int) -> list[Block]:
    """Blocks of every size, and of every hash, raw and dag-pb, and under CIDs of version 0."""
    rng = random.Random(seed)
    found = [Block.of(rng.randbytes(size)) for size in SIZES]
    for name in HASHES:
        data = rng.randbytes(200)
        found.append(Block(Cid.v1(c.RAW, mh.of(mh.CODES[name], data)), data))
    node = b"\x0a\x0c\x08\x02\x12\x06" + rng.randbytes(6) + b"\x18\x06"
    found.append(Block(Cid.v0(mh.of(mh.SHA2_256, node)), node))
    return found


def test_blocks_come_from_kubo(kubo: Kubo, seed: int) -> None:
    wanted = samples(seed)
    for block in wanted:
        cid = block.cid
        words = ["--format", "v0"]
        if cid.version:
            words = ["--allow-big-block", "--mhtype", mh.NAMES[mh.split(cid.multihash)[0]]]
        put = kubo.do("block", "put", *words, stdin=block.data)
        assert put.decode().strip() == str(cid)

    async def work(service: BitswapService) -> None:
        fetching = service.fetching()
        for block in wanted:
            assert await fetching.get(block.cid) == block
        fetching.close()

    beside(kubo, Held(), work)


def test_blocks_go_to_kubo(kubo: Kubo, seed: int) -> None:
    offered = samples(seed + 1_000_000)

    async def work(service: BitswapService) -> None:
        for block in offered:
            got = await trio.to_thread.run_sync(kubo.do, "block", "get", str(block.cid))
            assert got == block.data

    beside(kubo, Held(offered), work)


def test_a_file_comes_from_kubo_faster_than_one_by_one(kubo: Kubo, seed: int) -> None:
    data = random.Random(seed).randbytes(20_000_000)
    root = Cid.parse(kubo.do("add", "-Q", "--cid-version=1", stdin=data).decode().strip())
    leaves = [Cid.parse(line) for line in kubo.do("refs", "-r", str(root)).decode().split()]

    async def work(service: BitswapService) -> None:
        fetching = service.fetching()
        await fetching.get(root)
        got = [
            (await fetching.get(cid, leaves[at + 1 : at + 33])).data
            for at, cid in enumerate(leaves)
        ]
        assert b"".join(got) == data
        assert service.machine.tally.blocks_received == len(leaves) + 1

    beside(kubo, Held(), work)


def test_what_is_not_there_is_denied_both_ways(kubo: Kubo, seed: int) -> None:
    nowhere = Block.of(b"nowhere %d" % seed).cid

    async def work(service: BitswapService) -> None:
        from jiaozi_node.exchange.effects import NotFetched

        with pytest.raises(NotFetched, match="1 peer asked, 1 of them without it"):
            await service.fetching(patience_s=2).get(nowhere)
        answer = await trio.to_thread.run_sync(
            lambda: kubo.program.run("block", "get", "--timeout=2s", str(nowhere))
        )
        assert answer.code == 1

    beside(kubo, Held(), work)


@pytest.fixture
def daemon(kubo: Kubo, template: Pair, tmp_path: Path) -> Iterator[Daemon]:
    """A daemon of ours that stays connected to Kubo."""
    ours = template.copy(tmp_path / "homes").ours
    address, _, peer = kubo.address.rpartition("/p2p/")
    for key, value in (
        ("Addresses.Swarm", ["/ip4/127.0.0.1/tcp/0"]),
        ("Peering.Peers", [{"ID": peer, "Addrs": [address]}]),
    ):
        ours.run("config", "--json", key, json.dumps(value)).good()
    with daemons.running(ours, offline=False) as up:
        deadline = time.monotonic() + 20
        while len(kubo.do("swarm", "peers").split()) < 1 and time.monotonic() < deadline:
            time.sleep(0.05)
        yield up


def test_the_gateway_fetches_from_kubo_and_keeps(kubo: Kubo, daemon: Daemon, seed: int) -> None:
    data = random.Random(seed).randbytes(90_000_000)  # over 300 messages, each on its own stream
    root = kubo.do("add", "-Q", "--cid-version=1", stdin=data).decode().strip()
    gateway = (daemon.program.home / "gateway").read_text().strip()
    with urllib.request.urlopen(f"{gateway}/ipfs/{root}", timeout=60) as answer:
        assert answer.read() == data
    assert daemon.program.run("refs", "-r", root).good().out == kubo.do("refs", "-r", root)


def test_kubo_reads_what_is_added_here(kubo: Kubo, daemon: Daemon, seed: int) -> None:
    data = random.Random(seed + 1).randbytes(3_000_000)
    root = daemon.program.run("add", "-Q", stdin=data).good().text
    assert kubo.do("cat", "--timeout=30s", root) == data


def test_commands_fetch_what_is_missing(kubo: Kubo, daemon: Daemon, seed: int) -> None:
    data = random.Random(seed + 2).randbytes(12_000_000)
    root = kubo.do("add", "-Q", "--cid-version=1", stdin=data).decode().strip()
    ask = Program(
        "ipfs", (kubo.program.words[0], "--api", daemon.api), "IPFS_PATH", kubo.program.home
    )
    assert ask.run("cat", "--offline", root).code == 1
    assert ask.run("cat", root).good().out == data
    other = kubo.do("add", "-Q", "--cid-version=1", stdin=data[1:]).decode().strip()
    assert ask.run("pin", "add", other).good().text == f"pinned {other} recursively"
    assert daemon.program.run("cat", other).good().out == data[1:]
    third = kubo.do("add", "-Q", "--cid-version=1", stdin=data[2:]).decode().strip()
    assert daemon.program.run("cat", "--offline", third).code == 1
    assert daemon.program.run("cat", third).good().out == data[2:]
    fourth = kubo.do("add", "-Q", "--cid-version=1", stdin=data[3:]).decode().strip()
    assert daemon.program.top().run("cat", fourth).good().out == data[3:]
    nowhere = str(Block.of(b"%d" % seed).cid)
    missing = ask.run("block", "get", "--timeout=3s", nowhere)
    assert missing.code == 1


def test_peers_are_listed_pinged_let_go_and_dialled(kubo: Kubo, daemon: Daemon) -> None:
    words = (kubo.program.words[0], "--api", daemon.api)
    ask = Program("ipfs", words, "IPFS_PATH", kubo.program.home)
    address = kubo.address
    peer = address.rpartition("/")[2]
    assert ask.run("swarm", "peers").good().text == address
    assert f"{address} outbound" in ask.run("swarm", "peers", "-v").good().text
    assert ask.run("swarm", "addrs").good().text.splitlines()[0] == f"{peer} (1)"
    [ours] = ask.run("swarm", "addrs", "local", "--id").good().text.splitlines()
    assert ask.run("swarm", "addrs", "listen").good().text == ours.rpartition("/p2p/")[0]
    assert kubo.do("swarm", "connect", ours).decode().endswith(" success\n")
    lines = ask.run("ping", "-n", "1", peer).good().text.splitlines()
    assert lines[0] == f"PING {peer}."
    assert lines[1].startswith("Pong received: time=")
    assert daemon.program.run("swarm", "peers").good().text == address  # our own command line
    assert ask.run("swarm", "disconnect", address).good().text == f"disconnect {peer} success"
    assert ask.run("swarm", "connect", address).good().text == f"connect {peer} success"
    nobody = "/ip4/127.0.0.1/tcp/1/p2p/" + ours.rpartition("/")[2][:-1] + "x"
    for wrong in ("nonsense", "/ip4/127.0.0.1/tcp/1", nobody):
        assert ask.run("swarm", "connect", wrong).code == 1
