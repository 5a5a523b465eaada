"""Profiles of the configuration: ``config profile apply NAME`` and ``init --profile``.

Names and effects are Kubo's where the home knows the keys; ``public`` is ours: a new home talks to
nobody, and this joins the public network (design §1). Profiles of datastores are refused.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from jiaozi_node.errors import Misuse, Refused

Values = dict[str, Any]

# Prefixes that are private, local or otherwise not reachable from everywhere (RFC 6890).
_NOT_GLOBAL = (
    "/ip4/10.0.0.0/ipcidr/8", "/ip4/100.64.0.0/ipcidr/10", "/ip4/127.0.0.0/ipcidr/8",
    "/ip4/169.254.0.0/ipcidr/16", "/ip4/172.16.0.0/ipcidr/12", "/ip4/192.0.0.0/ipcidr/24",
    "/ip4/192.0.2.0/ipcidr/24", "/ip4/192.168.0.0/ipcidr/16", "/ip4/198.18.0.0/ipcidr/15",
    "/ip4/198.51.100.0/ipcidr/24", "/ip4/203.0.113.0/ipcidr/24", "/ip4/240.0.0.0/ipcidr/4",
    "/ip6/::/ipcidr/3", "/ip6/::1/ipcidr/128", "/ip6/100::/ipcidr/64",
    "/ip6/2001:2::/ipcidr/48", "/ip6/2001:db8::/ipcidr/32", "/ip6/fc00::/ipcidr/7",
    "/ip6/fe80::/ipcidr/10",
)  # fmt: skip

# The peers that libp2p's public network is entered by.
_BOOTSTRAP = tuple(
    f"/dnsaddr/bootstrap.libp2p.io/p2p/{peer}"
    for peer in (
        "QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN",
        "QmQCU2EcMqAqQPR2i9bChDtGNJchTbq5TbXJJ16u19uLTa",
        "QmbLHAnMoJPWSCR5Zhtx6BHJX9KiKNN6tpvbUcqanj75Nb",
        "QmcZf59bWwK5XFi76CZX8cbJ4BhTzzA3gU1ZjYZcYW3dwt",
    )
)

_IMPORTS: dict[str, Values] = {
    "unixfs-v0-2015": {
        "CidVersion": 0,
        "UnixFSRawLeaves": False,
        "UnixFSChunker": "size-262144",
        "HashFunction": "sha2-256",
        "UnixFSFileMaxLinks": 174,
        "UnixFSDirectoryMaxLinks": 0,
        "UnixFSHAMTDirectoryMaxFanout": 256,
        "UnixFSHAMTDirectorySizeThreshold": "256KiB",
        "UnixFSHAMTDirectorySizeEstimation": "links",
        "UnixFSDAGLayout": "balanced",
    },
    "unixfs-v1-2025": {
        "CidVersion": 1,
        "UnixFSRawLeaves": True,
        "UnixFSChunker": "size-1048576",
        "HashFunction": "sha2-256",
        "UnixFSFileMaxLinks": 1024,
        "UnixFSDirectoryMaxLinks": 0,
        "UnixFSHAMTDirectoryMaxFanout": 256,
        "UnixFSHAMTDirectorySizeThreshold": "256KiB",
        "UnixFSHAMTDirectorySizeEstimation": "block",
        "UnixFSDAGLayout": "balanced",
    },
}
_IMPORTS["legacy-cid-v0"] = _IMPORTS["unixfs-v0-2015"]

_DATASTORES = frozenset(
    ("default-datastore", "flatfs", "flatfs-measure", "pebbleds", "pebbleds-measure", "badgerds",
     "badgerds-measure")
)  # fmt: skip


def _at(values: Values, path: str) -> Values:
    """Return the map at dotted *path*, made where it is missing."""
    for part in path.split("."):
        if not isinstance(values.get(part), dict):
            values[part] = {}
        values = values[part]
    return values


def _server(values: Values) -> None:
    for path, key in (("Addresses", "NoAnnounce"), ("Swarm", "AddrFilters")):
        place = _at(values, path)
        place[key] = list(dict.fromkeys([*(place.get(key) or ()), *_NOT_GLOBAL]))
    _at(values, "Discovery.MDNS")["Enabled"] = False
    _at(values, "Swarm")["DisableNatPortMap"] = True


def _local_discovery(values: Values) -> None:
    for path, key in (("Addresses", "NoAnnounce"), ("Swarm", "AddrFilters")):
        place = _at(values, path)
        place[key] = [item for item in place.get(key) or () if item not in _NOT_GLOBAL]
    _at(values, "Discovery.MDNS")["Enabled"] = True
    _at(values, "Swarm")["DisableNatPortMap"] = False


def _test(values: Values) -> None:
    loopback = "/ip4/127.0.0.1/tcp/0"
    _at(values, "Addresses").update(API=loopback, Gateway=loopback, Swarm=[loopback])
    _at(values, "Swarm")["DisableNatPortMap"] = True
    _at(values, "Routing").update(LoopbackAddressesOnLanDHT=True, DelegatedRouters=[])
    values["Bootstrap"] = []
    _at(values, "Discovery.MDNS")["Enabled"] = False
    _at(values, "AutoTLS")["Enabled"] = False
    _at(values, "AutoConf")["Enabled"] = False
    _at(values, "DNS")["Resolvers"] = {}
    _at(values, "Ipns")["DelegatedPublishers"] = []


def _everywhere(values: Values) -> None:
    _at(values, "Addresses").update(
        API="/ip4/127.0.0.1/tcp/5001",
        Gateway="/ip4/127.0.0.1/tcp/8080",
        Swarm=[
            "/ip4/0.0.0.0/tcp/4001", "/ip6/::/tcp/4001",
            "/ip4/0.0.0.0/udp/4001/quic-v1", "/ip6/::/udp/4001/quic-v1",
        ],
    )  # fmt: skip
    _at(values, "Swarm")["DisableNatPortMap"] = False
    _at(values, "Discovery.MDNS")["Enabled"] = True
    values["Bootstrap"] = list(_BOOTSTRAP)


def _public(values: Values) -> None:
    _everywhere(values)
    _at(values, "Routing")["Type"] = "auto"
    _at(values, "DNS.Resolvers").setdefault(".", "")  # the system's resolver may be asked


def _low_power(values: Values) -> None:
    _at(values, "Routing")["Type"] = "autoclient"
    _at(values, "AutoNAT")["ServiceMode"] = "disabled"
    _at(values, "Swarm.RelayService")["Enabled"] = False
    _at(values, "Swarm.ConnMgr").update(Type="basic", LowWater=20, HighWater=40, GracePeriod="1m0s")


def _announce_off(values: Values) -> None:
    _at(values, "Provide")["Enabled"] = False
    _at(values, "Provide.DHT")["Interval"] = "0s"


def _announce_on(values: Values) -> None:
    _at(values, "Provide")["Enabled"] = True
    _at(values, "Provide.DHT")["Interval"] = "22h0m0s"


def _random_ports(values: Values) -> None:
    import secrets  # noqa: PLC0415 - one profile of many

    port = 49152 + secrets.randbelow(16384)  # the range of dynamic ports, RFC 6335
    _at(values, "Addresses")["Swarm"] = [f"/ip4/0.0.0.0/tcp/{port}", f"/ip6/::/tcp/{port}"]


def _autoconf_off(values: Values) -> None:
    values["Bootstrap"] = None
    _at(values, "DNS")["Resolvers"] = None
    _at(values, "Routing")["DelegatedRouters"] = None
    _at(values, "Ipns")["DelegatedPublishers"] = None
    _at(values, "AutoConf")["Enabled"] = False


_CHANGES: dict[str, Callable[[Values], None]] = {
    "server": _server,
    "local-discovery": _local_discovery,
    "test": _test,
    "default-networking": _everywhere,
    "lowpower": _low_power,
    "announce-off": _announce_off,
    "announce-on": _announce_on,
    "randomports": _random_ports,
    "autoconf-off": _autoconf_off,
    "public": _public,
}

NAMES = (*_IMPORTS, *_CHANGES)


def apply(name: str, values: Values, unknown: str = "{} is not a profile") -> Values:
    """Return *values* changed by the profile *name*; raises `Misuse` in the words *unknown*."""
    changed = deepcopy(values)
    if name in _IMPORTS:
        _at(changed, "Import").update(_IMPORTS[name])
        return changed
    if name in _DATASTORES:
        raise Refused(f"profile {name} is about Kubo's datastores; a jiaozi home has its own")
    if name == "autoconf-on":
        raise Refused("profile autoconf-on: this version has no AutoConf; see profile public")
    change = _CHANGES.get(name)
    if change is None:
        raise Misuse(unknown.format(name))
    change(changed)
    return changed
