"""aioipfs, the Python client that keeps up with Kubo, on the node at API: one JSON line a check.

Run by its own interpreter. What differs from node to node is told by its form.
"""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aioipfs  # type: ignore[import-not-found,unused-ignore]

Check = Callable[[], Awaitable[Any]]
ABSENT = "QmaaqrHyAQm7gALkRW8DcfGX3u8q9rWKnxEMmf7m9z515w"


async def listed(source: Any) -> list[Any]:
    return [one async for one in source]


def forms(value: dict[str, Any]) -> dict[str, str]:
    return {key: type(value[key]).__name__ for key in sorted(value)}


def checks(node: Any, scratch: Path) -> dict[str, Check]:
    tree = scratch / "tree"
    (tree / "ü below").mkdir(parents=True)
    (tree / "a.txt").write_text("a" * 1000)
    (tree / "ü below" / "文.txt").write_text("b")
    made: dict[str, str] = {}

    async def add_tree() -> Any:
        rows = await listed(node.add(str(tree), recursive=True))
        made["tree"] = rows[-1]["Hash"]
        return rows

    async def add_bytes() -> Any:
        row = await node.core.add_bytes(b"hello", cid_version=1)
        made["hello"] = row["Hash"]
        return row

    async def fetched() -> Any:
        await node.core.get(made["tree"], dstdir=str(scratch / "out"))
        return sorted(
            str(one.relative_to(scratch / "out" / made["tree"]))
            for one in (scratch / "out").rglob("*") if one.is_file()
        )  # fmt: skip

    async def written() -> Any:
        await node.files.write("/there", b"bytes", create=True)
        return (await node.files.read("/there")).decode()

    async def cbor() -> Any:
        value = {"a": [1, {"/": made["hello"]}]}
        (scratch / "node.json").write_text(json.dumps(value))
        row = await node.dag.put(str(scratch / "node.json"))
        made["node"] = row["Cid"]["/"]
        return row

    async def identity() -> Any:
        shown = await node.config.show()
        return sorted((json.loads(shown) if isinstance(shown, str) else shown)["Identity"])

    async def bootstrapped() -> Any:
        return (await node.bootstrap.list())["Peers"] or []  # none or null, by what went before

    async def published() -> Any:
        row = await node.name.publish(f"/ipfs/{made['hello']}", allow_offline=True, resolve=False)
        return [row["Value"], await node.name.resolve(row["Name"])]

    return {
        "add: bytes": add_bytes,
        "add: a directory": add_tree,
        "cat: all": lambda: node.core.cat(made["hello"]),
        "cat: a part": lambda: node.core.cat(made["hello"], offset=1, length=2),
        "cat: what is not there": lambda: node.core.cat(f"/ipfs/{made['tree']}/none"),
        "get: to disk": fetched,
        "ls: a directory": lambda: node.core.ls(made["tree"]),
        "resolve: a path": lambda: node.core.resolve(f"/ipfs/{made['tree']}/a.txt"),
        "block/put: a file": lambda: node.block.put(str(tree / "a.txt")),
        "block/stat: size": lambda: node.block.stat(made["hello"]),
        "block/get: bytes": lambda: node.block.get(made["hello"]),
        "dag/put: JSON": cbor,
        "dag/get: a value": lambda: node.dag.get(f"{made['node']}/a/0"),
        "dag/resolve: a link": lambda: node.dag.resolve(f"{made['node']}/a/1"),
        "pin/add: one": lambda: listed(node.pin.add(made["node"])),
        "pin/ls: one": lambda: node.pin.ls(path=made["node"]),
        "pin/rm: one": lambda: node.pin.rm(made["node"]),
        "pin/rm: once more": lambda: node.pin.rm(made["node"]),
        "refs: below": lambda: listed(node.refs.refs(made["tree"], recursive=True)),
        "cid/base32: one": lambda: node.cid.base32(ABSENT),
        "cid/format: as version 1": lambda: node.cid.format(ABSENT, version=1),
        "config/show: no secrets": identity,
        "config: a value": lambda: node.config.config("Addresses.API"),
        "files/write: and read": written,
        "files/ls: long": lambda: node.files.ls("/", long=True),
        "files/stat: one": lambda: node.files.stat("/there"),
        "files/rm: one": lambda: node.files.rm("/there"),
        "key/gen: one": lambda: forms_of(node.key.gen("mine", type="ed25519")),
        "key/list: all": lambda: forms_of(node.key.list()),
        "key/rm: one": lambda: forms_of(node.key.rm("mine")),
        "name/publish: and resolve": published,
        "repo/stat: numbers": lambda: forms_of(node.repo.stat()),
        "repo/version: number": lambda: node.repo.version(),
        "id: this node": lambda: forms_of(node.core.id()),
        "version: numbers": lambda: forms_of(node.core.version()),
        "commands: the tree": lambda: forms_of(node.core.commands()),
        "bootstrap/list: none": bootstrapped,
        "swarm/peers: offline": lambda: node.swarm.peers(),
        "log/level: of all": lambda: node.log.level("all", "error"),
    }


async def forms_of(answer: Awaitable[dict[str, Any]]) -> dict[str, str]:
    return forms(await answer)


async def main() -> None:
    node = aioipfs.AsyncIPFS(maddr=os.environ["API"])
    with tempfile.TemporaryDirectory() as name:
        for what, check in checks(node, Path(name)).items():
            told: dict[str, Any] = {"name": what}
            try:
                value = await check()
                told["value"] = value.decode("latin-1") if isinstance(value, bytes) else value
            except aioipfs.APIError as fault:
                told["error"] = fault.message
            except Exception as fault:  # noqa: BLE001 - told, and compared
                told["error"] = f"{type(fault).__name__}: {fault}"
            sys.stdout.write(json.dumps(told) + "\n")
    await node.close()


if __name__ == "__main__":
    asyncio.run(main())
