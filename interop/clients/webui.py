"""What ipfs-webui 4.13 asks of a node, read off its public sources, and what it expects back.

Each row names the file of ipfs-webui below ``src/`` that makes the call, and says what
kubo-rpc-client makes of it: command, query, body. A *shape* is made of types, dicts (the keys that
must be there), one-element lists, and tuples of alternatives.
"""

from dataclasses import dataclass
from types import NoneType
from typing import Any

from interop.clients.requests import form
from jiaozi_node.formats import car
from jiaozi_node.formats.block import Block

EMPTY = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"
SMALL = "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"  # "hello", added below
CIDS = {"/": str}
PEER = "12D3KooWGC6TvWhfajpX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5Q"
STAT = {"Hash": str, "Size": int, "CumulativeSize": int, "Blocks": int, "Type": str}
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """One call; the shape is that of every row of the answer, or of its only value."""

    where: str
    command: str
    query: Pairs = ()
    shape: Any = None  # None: an empty body
    body: bytes | None = None
    same: bool = False  # Kubo's answer to the letter
    stands_on: str = ""  # a command whose work it needs


def _car() -> bytes:
    block = Block.of(b"hello")
    return car.header([block.cid]) + car.section(block.cid, block.data)


def arg(*values: str, **options: str) -> Pairs:
    return (*(("arg", value) for value in values), *options.items())


# In the order in which they are made: later ones use what earlier ones left.
CALLS: tuple[Asked, ...] = (
    Asked("contexts/identity-context.tsx", "id", (), {
        "ID": str, "PublicKey": str, "Addresses": ([str], NoneType), "AgentVersion": str,
        "Protocols": ([str], NoneType)}),
    Asked("bundles/ipfs-provider.js", "version", (), {
        "Version": str, "Commit": str, "Repo": str, "System": str, "Golang": str}),
    Asked("bundles/pinning.js", "commands", (), {"Name": str, "Subcommands": [
        {"Name": str, "Subcommands": list, "Options": list}]}),
    Asked("bundles/config.js", "config/show", (), {
        "Addresses": {"API": (str, list), "Gateway": (str, list)}, "Identity": {"PeerID": str},
        "Bootstrap": (list, NoneType), "Gateway": dict, "Pinning": dict, "Experimental": dict}),
    Asked("bundles/peers.js", "config", arg("Peering.Peers"), {
        "Key": str, "Value": (list, NoneType)}),
    Asked("bundles/peers.js", "config", arg("Peering.Peers", "[]", json="true"), {
        "Key": str, "Value": list}),
    Asked("bundles/repo-stats.js", "repo/stat", (), {
        "RepoSize": int, "StorageMax": int, "NumObjects": int, "RepoPath": str, "Version": str}),
    Asked("bundles/node-bandwidth.js", "stats/bw", (), {}, same=True),
    Asked("bundles/peer-bandwidth.js", "stats/bw", (("peer", PEER),), {}, same=True),
    Asked("bundles/peers.js", "swarm/peers",
          (("verbose", "true"), ("identify", "true"), ("timeout", "10000ms")), {}, same=True),
    Asked("bundles/peers.js", "swarm/connect", arg(f"/ip4/127.0.0.1/tcp/1/p2p/{PEER}"), {},
          same=True),
    Asked("contexts/ProvideStat/api.ts", "provide/stat", (("all", "true"),), {}, same=True),
    Asked("lib/files.js", "routing/provide", arg(SMALL, recursive="false"), {}, same=True),
    Asked("contexts/logs/api.ts", "log/level", arg("*"), {"Levels": dict}),
    Asked("contexts/logs/api.ts", "log/level", arg("all", "error"), {"Message": str}, same=True),
    Asked("contexts/logs/api.ts", "log/ls", (), {"Strings": [str]}),
    Asked("bundles/files/actions.js", "add", (
        ("stream-channels", "true"), ("cid-version", "1"), ("pin", "false"), ("progress", "true"),
        ("wrap-with-directory", "false")), {"Name": str}, form(("hello", b"hello")), same=True),
    Asked("bundles/files/actions.js", "cat", arg(SMALL, offset="1", length="3"), bytes, same=True),
    Asked("bundles/files/actions.js", "ls", arg(EMPTY), {"Objects": [
        {"Hash": str, "Links": (list, NoneType)}]}, same=True),
    Asked("files/explore-form/files-explore-form.tsx", "resolve",
          arg(f"/ipfs/{SMALL}", recursive="true"), {"Path": str}, same=True),
    Asked("bundles/files/actions.js", "files/stat", arg("/"), STAT, same=True),
    Asked("bundles/files/actions.js", "files/stat", arg(f"/ipfs/{EMPTY}"), STAT, same=True),
    Asked("bundles/files/actions.js", "files/mkdir", arg("/pics", parents="true")),
    Asked("bundles/files/actions.js", "files/cp", arg(f"/ipfs/{SMALL}", "/pics/hello")),
    Asked("bundles/files/actions.js", "files/ls", arg("/pics", long="true", U="true"), {
        "Entries": [{"Name": str, "Type": int, "Size": int, "Hash": str}]}, same=True),
    Asked("bundles/files/actions.js", "files/mv", arg("/pics/hello", "/pics/moved")),
    Asked("bundles/files/actions.js", "files/stat", arg("/pics/hello"), {}, same=True),
    Asked("bundles/files/actions.js", "files/rm", arg("/pics", recursive="true")),
    Asked("bundles/files/actions.js", "pin/add", arg(SMALL), {"Pins": [str]}, same=True),
    Asked("bundles/files/actions.js", "pin/ls", (("type", "recursive"), ("stream", "true")), {
        "Cid": str, "Type": str}),
    Asked("bundles/files/actions.js", "pin/ls", (("type", "direct"), ("stream", "true")), bytes),
    Asked("bundles/ipfs-provider.js", "pin/ls",
          arg(SMALL, type="recursive", stream="true"), {"Cid": str, "Type": str}, same=True),
    Asked("bundles/files/actions.js", "pin/rm", arg(SMALL), {"Pins": [str]}, same=True),
    Asked("bundles/files/actions.js", "pin/rm", arg(SMALL), {}, same=True),
    Asked("bundles/files/actions.js", "dag/import", (("pin-roots", "true"),), {
        "Root": {"Cid": CIDS, "PinErrorMsg": str}}, form(("x.car", _car())), same=True),
    Asked("bundles/ipns.js", "key/list", (("l", "true"),), {"Keys": [{"Name": str, "Id": str}]}),
    Asked("bundles/ipns.js", "key/gen", arg("webui"), {"Name": str, "Id": str}),
    Asked("bundles/ipns.js", "key/rename", arg("webui", "renamed"), {
        "Was": str, "Now": str, "Id": str, "Overwrite": bool}),
    Asked("bundles/ipns.js", "name/publish", arg(SMALL, key="renamed"), {}, same=True),
    Asked("bundles/ipns.js", "key/rm", arg("renamed"), {"Keys": [{"Name": str, "Id": str}]}),
    Asked("bundles/pinning.js", "pin/remote/service/ls", (), {
        "RemoteServices": (list, NoneType)}, same=False),
    Asked("bundles/pinning.js", "pin/remote/service/add",
          arg("store", "http://127.0.0.1:1/psa", "token")),
    Asked("bundles/pinning.js", "config", arg("Pinning.RemoteServices.store.Policies.MFS.Enable"), {
        "Key": str, "Value": bool}, same=True, stands_on="pin/remote/service/add"),
    Asked("bundles/pinning.js", "config",
          arg("Pinning.RemoteServices.store.Policies.MFS.Enable", "true", bool="true"), {
        "Key": str, "Value": bool}, same=True, stands_on="pin/remote/service/add"),
    Asked("bundles/pinning.js", "pin/remote/service/rm", arg("store")),
    Asked("diagnostics (dag explorer)", "dag/get", arg(EMPTY), {"Data": dict, "Links": list},
          same=True),
    Asked("diagnostics (dag explorer)", "block/get", arg(EMPTY), bytes, same=True),
)  # fmt: skip


def fits(value: Any, shape: Any) -> bool:
    """Tell whether *value* has the *shape*."""
    if isinstance(shape, tuple):
        return any(fits(value, one) for one in shape)
    if isinstance(shape, dict):
        return isinstance(value, dict) and all(
            key in value and fits(value[key], inner) for key, inner in shape.items()
        )
    if isinstance(shape, list):
        return isinstance(value, list) and all(fits(one, shape[0]) for one in value)
    return isinstance(value, shape) and (shape is not int or not isinstance(value, bool))
