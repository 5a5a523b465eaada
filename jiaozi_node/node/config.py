"""The node's configuration: a JSON file with Kubo's keys.

Unknown keys survive a rewrite. A key is a path with dots; names are matched exactly, then without
regard to case, as Kubo does. A new home talks to nobody (design §1): loopback only, no bootstrap
peers, no routing, no mDNS.
"""

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

from jiaozi_node.errors import LimitExceeded, Malformed, Misuse, NotFound
from jiaozi_node.stores.atomic import replace_file

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
        "Experimental": {"FilestoreEnabled": False},
        "Pinning": {"RemoteServices": {}},
        "Import": dict.fromkeys(_IMPORT_KEYS),
        "Version": {},
        "Internal": {},
    }


class Config:
    """The values of one config file, read once and written atomically."""

    def __init__(self, path: Path, values: dict[str, Any]) -> None:
        self._path = path
        self._values = values

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

    def shown(self) -> dict[str, Any]:
        """Return everything but the secrets."""
        values = deepcopy(self._values)
        _map(values, "Identity").pop("PrivKey", None)
        services = _map(_map(values, "Pinning"), "RemoteServices")
        for name in services:
            _map(_map(services, name), "API").pop("Key", None)
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


def _map(place: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the map at *key*, an empty one where a hand put something else."""
    value = place.get(key)
    return value if isinstance(value, dict) else {}


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
