"""What both daemons hold before the first case, and the words that stand for it in braces."""

import json
import struct
from typing import Final
from urllib.request import urlopen

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from interop.kubo.face import MISSING, MISSING_V0, NODE, START
from interop.kubo.files import without_last_section
from interop.kubo.rpc.cases import Case
from interop.kubo.rpc.daemons import Side

WORDS: Final = {
    "missing": MISSING,
    "missing0": MISSING_V0,
    "empty": "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn",
    "v0": MISSING_V0,
    "v1": "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi",
    "inline": "bafkqablimvwgy3y",
    "peer": "12D3KooWSs1QRrUcjUcTFe465BG5Vf2NCra7N74gnYBpyguLbXM9",
    "peer36": "k51qzi5uqu5dmhu1l8inn5u6kefhzezdepfwzcbzdlodw2qzwfgbebfnimewso",
    "far": "/ip4/192.0.2.1/tcp/4001/p2p/12D3KooWSs1QRrUcjUcTFe465BG5Vf2NCra7N74gnYBpyguLbXM9",
    "far2": "/dns4/example.org/tcp/443/wss/p2p/QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN",
}
# All of it pinned, so that after a collection both hold the same blocks.
PREPARED: Final = (
    *(Case(step.line, stdin=step.stdin, keep=step.keep) for step in START if step.keep != "block"),
    Case("dag put --pin", stdin=NODE, keep="node"),
)
# Behind the collection: what no pin keeps.
LOOSE: Final = (Case("block put", stdin=b"a raw block\n", keep="block"),)


def cars(side: Side, words: dict[str, str]) -> dict[str, bytes]:
    """Return CAR files by name: whole, of version 2, cut short, with a bit flipped, partial."""
    tree = side.ask(f"dag export {words['tree']}").good().out
    return {
        "tree.car": tree,
        "node.car": side.ask(f"dag export {words['node']}").good().out,
        "tree2.car": carv2(tree),
        "cut.car": tree[:-100],
        "flipped.car": tree[:-1] + bytes([tree[-1] ^ 1]),
        "partial.car": without_last_section(tree),
    }


def records(side: Side, words: dict[str, str]) -> dict[str, bytes]:
    """Return two keys, and a record signed by one, which Kubo makes; adds names to *words*."""
    made = {name: key_file(seed) for name, seed in (("key.bin", 7), ("other.bin", 8))}
    for name, word in (("key.bin", "named"), ("other.bin", "other")):
        (side.place / name).write_bytes(made[name])
        words[word] = side.ask(f"key import {word} {name}").good().text
    tree = words["tree"]
    side.ask(f"name publish --allow-offline --key=named --lifetime=100000h {tree}").good()
    gateway = (side.daemon.home / "gateway").read_text().strip()  # the RPC won't give it, offline
    with urlopen(f"{gateway}/ipns/{words['named']}?format=ipns-record") as response:
        made["record.bin"] = response.read()
    side.ask("key rm named other").good()
    return made


def key_file(seed: int) -> bytes:
    """Return an Ed25519 key of a seed, as libp2p's protobuf has it."""
    private = bytes([seed] * 32)
    public = Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
    return bytes.fromhex("08011240") + private + public


def configs(side: Side) -> dict[str, bytes]:
    """Return files for ``config replace``: one that may replace the side's own, and some not."""
    values = json.loads(side.ask("config show").good().out)
    told = {
        "good.json": values | {"Gateway": values["Gateway"] | {"RootRedirect": "/replaced"}},
        "key.json": values | {"Identity": values["Identity"] | {"PrivKey": "CAESQA=="}},
        "services.json": values
        | {"Pinning": {"RemoteServices": {"x": {"API": {"Endpoint": "http://x", "Key": "k"}}}}},
    }
    return {name: json.dumps(value).encode() for name, value in told.items()}


def carv2(one: bytes) -> bytes:
    """Return a CARv2 that holds the CARv1 *one*, without an index."""
    pragma = bytes.fromhex("0aa16776657273696f6e02")
    return pragma + bytes(16) + struct.pack("<QQQ", 51, len(one), 0) + one
