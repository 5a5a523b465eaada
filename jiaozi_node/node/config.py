"""The node's configuration: a JSON file with Kubo's keys.

Unknown keys survive a rewrite. A key is a path with dots; names are matched exactly, then without
regard to case, as Kubo does. A new home talks to nobody (design §1): loopback only, no bootstrap
peers, no routing, no mDNS.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

from jiaozi_node.errors import LimitExceeded, Malformed, Misuse, NotFound
from jiaozi_node.stores.atomic import replace_file
from jiaozi_node.stores.lock import directory_held

MAX_BYTES = 4 * 1024 * 1024

_IMPORT_KEYS = (
    "CidVersion", "UnixFSRawLeaves", "UnixFSChunker", "HashFunction", "UnixFSFileMaxLinks",
    "UnixFSDirectoryMaxLinks", "UnixFSHAMTDirectoryMaxFanout", "UnixFSHAMTDirectorySizeThreshold",
    "UnixFSHAMTDirectorySizeEstimation", "UnixFSDAGLayout", "BatchMaxNodes", "BatchMaxSize",
    "FastProvideRoot", "FastProvideDAG", "FastProvideWait",
)  # fmt: skip


def fresh(peer_id: str, private_key: str) -> dict[str, Any]:
    """Return the configuration of a new home; *private_key* is base64 of libp2p's protobuf."""
    return {
        "Identity": {"PeerID": peer_id, "PrivKey": private_key},
        "Datastore": {
            "StorageMax": "10GB",
            "StorageGCWatermark": 90,
            "GCPeriod": "1h",
            "HashOnRead": True,
            "BloomFilterSize": 0,
            "BlockKeyCacheSize": None,
        },
        "Addresses": {
            "Swarm": ["/ip4/127.0.0.1/tcp/4001"],
            "Announce": [],
            "AppendAnnounce": [],
            "NoAnnounce": [],
            "API": "/ip4/127.0.0.1/tcp/5001",
            "Gateway": "/ip4/127.0.0.1/tcp/8080",
        },
        "Discovery": {"MDNS": {"Enabled": False}},
        "Routing": {"Type": "none"},
        "Ipns": {"RepublishPeriod": "", "RecordLifetime": "", "ResolveCacheSize": 128},
        "Bootstrap": [],
        "Gateway": {
            "HTTPHeaders": {},
            "RootRedirect": "",
            "NoFetch": False,
            "NoDNSLink": False,
            "DeserializedResponses": None,
            "AllowCodecConversion": None,
            "DisableHTMLErrors": None,
            "ExposeRoutingAPI": None,
            "PublicGateways": None,
        },
        "API": {"HTTPHeaders": {}},
        "Swarm": {
            "AddrFilters": None,
            "DisableBandwidthMetrics": False,
            "DisableNatPortMap": False,
            "RelayClient": {},
            "RelayService": {},
            "Transports": {"Network": {}, "Security": {}, "Multiplexers": {}},
            "ConnMgr": {},
            "ResourceMgr": {},
        },
        # Tools that start a node set fields of these without asking whether the section is there.
        "AutoNAT": {},
        "AutoTLS": {},
        "Pubsub": {"Router": "", "DisableSigning": False},
        "Migration": {},
        "Provide": {"DHT": {}},
        "Plugins": {"Plugins": None},
        "Peering": {"Peers": None},
        "DNS": {"Resolvers": {}},
        "AutoConf": {"Enabled": False},
        "HTTPRetrieval": {},
        "Experimental": {
            "FilestoreEnabled": False,
            "UrlstoreEnabled": False,
            "Libp2pStreamMounting": False,
            "P2pHttpProxy": False,
            "OptimisticProvide": False,
            "OptimisticProvideJobsPoolSize": 0,
        },
        "Bitswap": {},
        "Mounts": {
            "IPFS": "/ipfs",
            "IPNS": "/ipns",
            "MFS": "/mfs",
            "FuseAllowOther": None,
            "StoreMode": None,
            "StoreMtime": None,
        },
        "Provider": {},
        "Reprovider": {},
        "Pinning": {"RemoteServices": {}},
        "Import": dict.fromkeys(_IMPORT_KEYS),
        "Version": {},
        "Internal": {},
    }


@contextmanager
def changing(path: Path) -> Iterator["Config"]:
    """Hold the configuration at *path* alone, read anew; it is saved when the ``with`` ends well.

    Others that change it in this way wait, so that no change is lost.
    """
    with directory_held(path.parent):
        config = Config.load(path)
        before = config.whole()
        yield config
        if config.whole() != before:
            config.save()


class Config:
    """The values of one config file, read once and written atomically."""

    def __init__(self, path: Path, values: dict[str, Any]) -> None:
        self._path = path
        self._values = values
        self._stamp: tuple[int, ...] | None = None

    @classmethod
    def current(cls, path: Path, last: "Config | None") -> "Config":
        """Return *last*, which `current` gave, or the file read anew where it was replaced."""
        try:
            found = path.stat()
        except FileNotFoundError:
            return cls.load(path)
        stamp = (found.st_ino, found.st_mtime_ns, found.st_size)
        if last is not None and stamp == last._stamp:
            return last
        config = cls.load(path)
        config._stamp = stamp
        return config

    @classmethod
    def load(cls, path: Path) -> "Config":
        """Read the file at *path*; raises `Malformed` naming what is wrong with it."""
        try:
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            raise NotFound(f"no configuration at {path}") from None
        if len(data) > MAX_BYTES:
            raise LimitExceeded("config", MAX_BYTES, len(data))
        return cls(path, parse(data, str(path)))

    def save(self) -> None:
        """Write the values durably, readable by the owner alone."""
        text = json.dumps(self._values, indent=2, ensure_ascii=False) + "\n"
        replace_file(self._path, text.encode(), 0o600)

    def get(self, key: str) -> Any:  # noqa: ANN401 - JSON
        """Return the value at *key* (``Import.CidVersion``); raises `NotFound`."""
        value: Any = self._values
        walked: list[str] = []
        for part in self._parts(key):
            walked.append(part)
            if not isinstance(value, dict):
                raise NotFound(f"{'.'.join(walked[:-1])} key is not a map")
            name = _match(value, part)
            if name is None:
                raise NotFound(f"{'.'.join(walked)} not found")
            value = value[name]
        return deepcopy(value)

    def find(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - JSON
        """Return the value at *key*, or *default* when it is absent or null."""
        try:
            value = self.get(key)
        except NotFound:
            return default
        return default if value is None else value

    def set(self, key: str, value: Any) -> None:  # noqa: ANN401 - JSON
        """Put *value* at *key*, making maps on the way. The caller saves."""
        *parents, last = self._parts(key)
        place = self._values
        for part in parents:
            name = _match(place, part) or part
            below = place.get(name)
            if below is None:
                below = place[name] = {}
            if not isinstance(below, dict):
                raise Misuse(f"cannot set {key}: {part} is not a map")
            place = below
        place[_match(place, last) or last] = value

    def whole(self) -> dict[str, Any]:
        """Return everything, secrets and all."""
        return deepcopy(self._values)

    def shown(self) -> dict[str, Any]:
        """Return everything but the secrets."""
        values = deepcopy(self._values)
        for secret in _SECRETS:
            _conceal(values, secret)
        return values

    def replace(self, values: dict[str, Any]) -> None:
        """Take *values* for all of the configuration but the identity's private key."""
        identity = dict(values.get("Identity") or {})
        if "PrivKey" in identity:
            raise Misuse("setting private key with API is not supported")
        identity["PrivKey"] = self._values["Identity"]["PrivKey"]
        self._values = {**values, "Identity": identity}

    @staticmethod
    def _parts(key: str) -> Iterator[str]:
        if not key or any(not part for part in key.split(".")):
            raise Misuse(f"config key {key!r} is not a dotted path")
        return iter(key.split("."))


# Paths that no answer shows, in lower case; ``*`` is any name.
_SECRETS = (
    ("identity", "privkey"),
    ("api", "authorizations"),
    ("pinning", "remoteservices", "*", "api", "key"),
)


def _conceal(place: Any, path: tuple[str, ...]) -> None:  # noqa: ANN401 - JSON
    """Take what stands at *path* out of *place*, however its names are written."""
    if not isinstance(place, dict):
        return
    first, *rest = path
    for name in [name for name in place if first in ("*", name.lower())]:
        if rest:
            _conceal(place[name], tuple(rest))
        else:
            del place[name]


def _match(place: dict[str, Any], part: str) -> str | None:
    if part in place:
        return part
    return next((name for name in place if name.lower() == part.lower()), None)


def parse(data: bytes, where: str) -> dict[str, Any]:
    """Decode a configuration's JSON; *where* goes into the error."""
    try:
        values = json.loads(data)
    except (ValueError, RecursionError) as fault:
        raise Malformed(f"{where} is not JSON: {fault}") from None
    if not isinstance(values, dict):
        raise Malformed(f"{where} is not a JSON object")
    return values
