"""Cases of what needs peers: the answers of a daemon that was told to stay offline."""

from typing import Final

from interop.kubo.rpc.cases import Case, refused, said
from interop.kubo.rpc.masks import AGENT, IDENTITY, OWN_ID

CASES: Final[dict[str, tuple[Case, ...]]] = {
    "bitswap/ledger": refused("bitswap ledger {peer}", "bitswap ledger nonsense", "bitswap ledger"),
    "bitswap/reprovide": refused("bitswap reprovide"),
    "bitswap/stat": refused("bitswap stat", "bitswap stat -v --human", "bitswap stat x"),
    "bitswap/wantlist": refused("bitswap wantlist", "bitswap wantlist --peer=nonsense"),
    "bootstrap": (*said("bootstrap"), *refused("bootstrap nonsense", "bootstrap --nonsense")),
    "bootstrap/add": (
        *said("bootstrap add {far}", "bootstrap add {far} {far2}", "bootstrap list"),
        Case(
            "bootstrap add",
            stdin=b"/ip4/192.0.2.2/tcp/1/p2p/"
            b"12D3KooWSs1QRrUcjUcTFe465BG5Vf2NCra7N74gnYBpyguLbXM9\n",
        ),
        *said("bootstrap", "bootstrap rm all", "bootstrap list"),
        *refused(
            "bootstrap add nonsense",
            "bootstrap add /ip4/192.0.2.1/tcp/4001",
            "bootstrap add /ip4/192.0.2.1/tcp/99999/p2p/{peer}",
            "bootstrap add /ip4/1.2.3/tcp/1/p2p/{peer}",
            "bootstrap add /nope/1/p2p/{peer}",
            "bootstrap add /ip4/192.0.2.1/tcp/1/p2p/nonsense",
            "bootstrap add default",
            "bootstrap add auto",
            "bootstrap add",
        ),
        *said("bootstrap list"),
    ),
    "bootstrap/list": (
        *said("bootstrap list", "bootstrap list --expand-auto"),
        *refused("bootstrap list x", "bootstrap list --nonsense"),
    ),
    "bootstrap/rm": (
        *said(
            "bootstrap add {far} {far2}",
            "bootstrap rm {far}",
            "bootstrap rm {far}",
            "bootstrap list",
            "bootstrap rm /p2p/QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN",
            "bootstrap list",
            "bootstrap rm",
            "bootstrap rm --all",
            "bootstrap list",
        ),
        *refused("bootstrap rm nonsense", "bootstrap rm /ip4/192.0.2.1/tcp/4001"),
    ),
    "bootstrap/rm/all": (
        *said("bootstrap add {far} {far2}", "bootstrap rm all", "bootstrap rm all"),
        *refused("bootstrap rm all x", "bootstrap rm all --nonsense"),
    ),
    **{
        f"dht/{name}": refused(f"dht {name}")
        for name in ("findpeer", "findprovs", "get", "provide", "put")
    },
    "dht/query": refused("dht query {peer}", "dht query nonsense", "dht query"),
    "id": (
        *said("id", masks=(IDENTITY, AGENT)),
        *said("id -f <id>", "id --peerid-base=base36 -f <id>", masks=(OWN_ID,)),
        *said("id -f '<aver>\\n'", masks=(AGENT,)),
        *said("id -f '<addrs>|<protocols>'"),
        *said(
            "id --offline {peer}",
            "id --offline --peerid-base=base36 {peer}",
            "id --offline {peer36}",
        ),
        *refused("id {peer}", "id nonsense", "id --peerid-base=nonsense", "id {peer} {peer}"),
    ),
    "p2p/close": refused("p2p close", "p2p close -a"),
    "p2p/forward": refused("p2p forward /x/a /ip4/127.0.0.1/tcp/0 /p2p/{peer}"),
    "p2p/listen": refused("p2p listen /x/a /ip4/127.0.0.1/tcp/1"),
    "p2p/ls": refused("p2p ls"),
    "p2p/stream/close": refused("p2p stream close", "p2p stream close -a", "p2p stream close x"),
    "p2p/stream/ls": refused("p2p stream ls"),
    "ping": refused("ping {peer}", "ping -n 0 {peer}", "ping nonsense", "ping"),
    "provide/clear": (
        *said("provide clear", "provide clear -q"),
        *refused("provide clear x", "provide clear --nonsense"),
    ),
    "provide/once": refused(
        "provide once {tree}", "provide once -r {tree}", "provide once nonsense", "provide once"
    ),
    "provide/stat": refused("provide stat", "provide stat --all", "provide stat --lan"),
    "pubsub/ls": refused("pubsub ls"),
    "pubsub/peers": refused("pubsub peers", "pubsub peers topic"),
    "pubsub/pub": (
        Case("pubsub pub topic", refused=True, stdin=b"data"),
        *refused("pubsub pub topic t/small.txt", "pubsub pub"),
    ),
    "pubsub/reset": (
        *said("pubsub reset", "pubsub reset --peer={peer}"),
        *refused("pubsub reset --peer=nonsense", "pubsub reset x"),
    ),
    "pubsub/sub": refused("pubsub sub topic", "pubsub sub"),
    "routing/findpeer": refused("routing findpeer {peer}", "routing findpeer nonsense"),
    "routing/findprovs": refused(
        "routing findprovs {tree}", "routing findprovs -n 0 {tree}", "routing findprovs nonsense"
    ),
    "routing/provide": refused(
        "routing provide {tree}", "routing provide -r {tree}", "routing provide nonsense"
    ),
    "routing/reprovide": refused("routing reprovide"),
    "stats/bitswap": refused("stats bitswap", "stats bitswap -v --human", "stats bitswap x"),
    "stats/bw": refused(
        "stats bw", "stats bw --peer=nonsense", "stats bw --poll --interval=x", "stats bw x"
    ),
    "stats/dht": refused("stats dht", "stats dht wan", "stats dht nonsense"),
    "stats/provide": refused("stats provide"),
    "stats/reprovide": refused("stats reprovide"),
    "swarm/addrs": refused("swarm addrs", "swarm addrs x"),
    "swarm/addrs/autonat": refused("swarm addrs autonat"),
    "swarm/addrs/listen": refused("swarm addrs listen"),
    "swarm/addrs/local": refused("swarm addrs local", "swarm addrs local --id"),
    "swarm/connect": refused(
        "swarm connect {far}",
        "swarm connect {far} {far2}",
        "swarm connect nonsense",
        "swarm connect /ip4/192.0.2.1/tcp/1",
        "swarm connect",
    ),
    "swarm/disconnect": (
        *said("swarm disconnect {far}"),
        *said("swarm disconnect {far} {far2}", shuffled="Kubo goes through a map, in any order"),
        *refused("swarm disconnect nonsense", "swarm disconnect /ip4/192.0.2.1/tcp/1"),
    ),
    "swarm/filters": refused("swarm filters"),
    "swarm/filters/add": refused(
        "swarm filters add /ip4/192.168.0.0/ipcidr/16", "swarm filters add nonsense"
    ),
    "swarm/filters/rm": refused("swarm filters rm all", "swarm filters rm nonsense"),
    "swarm/peering/add": refused("swarm peering add {far}", "swarm peering add nonsense"),
    "swarm/peering/ls": refused("swarm peering ls"),
    "swarm/peering/rm": refused("swarm peering rm {peer}", "swarm peering rm nonsense"),
    "swarm/peers": refused("swarm peers", "swarm peers -v", "swarm peers --identify"),
    "swarm/resources": refused("swarm resources"),
    "version/check": refused("version check", "version check -t 200"),
}
# Rows that Kubo, offline, refuses however they are asked.
ALWAYS_REFUSED: Final = frozenset(
    endpoint for endpoint, cases in CASES.items() if all(case.refused for case in cases)
)
