"""What names stand for: records, domains and the map, one behind the other."""

from collections.abc import Callable, Mapping

import pytest

from jiaozi_node.errors import JiaoziError, LimitExceeded, Misuse
from jiaozi_node.formats import ipns
from jiaozi_node.formats.ipns import Record
from jiaozi_node.formats.keys import PrivateKey
from jiaozi_node.formats.peer_id import PeerId
from jiaozi_node.network.web.txt import NoRecord, Txt
from jiaozi_node.node import naming
from jiaozi_node.node.name_records import RecordMissing
from jiaozi_node.node.naming import (
    Found,
    NameCycle,
    NameSystem,
    NameUnresolved,
    NotAName,
    Step,
    TooDeep,
)

NOW = 1_790_000_000 * 10**9
S = 10**9
PATH = "/ipfs/bafkqaddwgevxmmraojswg33smq"
KEYS = [PrivateKey(bytes((number,)) * 32) for number in range(40)]
NAMES = [PeerId.of(key.public()).ipns_name for key in KEYS]


def record(key: PrivateKey, value: str, ttl_s: int = 300, life_s: int = 3600) -> Record:
    return ipns.create(key, value.encode(), 0, NOW + life_s * S, ttl_s * S)


def system(
    *records: tuple[int, Record],
    domains: Mapping[str, str] | None = None,
    fixed: Mapping[str, str] | None = None,
    most_s: int = 0,
) -> NameSystem:
    kept = {PeerId.parse(NAMES[number]): found for number, found in records}

    def lookup(peer: PeerId, _now_ns: int) -> Record:
        if peer not in kept:
            raise RecordMissing(peer)
        return kept[peer]

    def txt(domain: str) -> Txt:
        name = domain.removeprefix("_dnslink.").removesuffix(".")
        if not domain.startswith("_dnslink.") or name not in (domains or {}):
            raise NoRecord(domain)
        return Txt((f"dnslink={(domains or {})[name]}",), 60)

    return NameSystem(lookup, txt, lambda: NOW, fixed or {}, most_s * S)


def test_an_immutable_path_is_what_it_is() -> None:
    assert system().resolve(f"{PATH}/a/") == Found(f"{PATH}/a/")
    assert system().resolve(PATH).ttl_ns == 0


def test_a_name_is_its_record_and_says_for_how_long() -> None:
    found = system((0, record(KEYS[0], PATH))).resolve(f"/ipns/{NAMES[0]}")
    assert found == Found(PATH, (Step(NAMES[0], "record", 300 * S),))
    assert found.ttl_ns == 300 * S


@pytest.mark.parametrize(
    ("value", "below", "leads"),
    [
        (PATH, "", PATH),
        (PATH, "/", f"{PATH}/"),
        (f"{PATH}/", "", f"{PATH}/"),
        (PATH, "/a/b", f"{PATH}/a/b"),
        (f"{PATH}/x/", "/a/", f"{PATH}/x/a/"),
    ],
)
def test_what_is_below_a_name_is_below_what_it_leads_to(value: str, below: str, leads: str) -> None:
    names = system((0, record(KEYS[0], value)))
    assert names.resolve(f"/ipns/{NAMES[0]}{below}").path == leads


def test_either_text_of_a_name_is_that_name() -> None:
    names = system((0, record(KEYS[0], PATH)))
    peer = PeerId.parse(NAMES[0])
    for text in (str(peer), NAMES[0], str(peer.cid)):
        assert names.resolve(f"/ipns/{text}").path == PATH


def test_records_domains_and_the_map_lead_to_each_other() -> None:
    names = system(
        (0, record(KEYS[0], "/ipns/b.test/two", ttl_s=90)),
        domains={"a.test": f"/ipns/{NAMES[0]}/one", "b.test": "/ipns/c.test"},
        fixed={"c.test": f"{PATH}/zero"},
    )
    found = names.resolve("/ipns/a.test/three")
    assert found.path == f"{PATH}/zero/two/one/three"
    assert [(step.name, step.source) for step in found.steps] == [
        ("a.test", "dnslink"), (NAMES[0], "record"), ("b.test", "dnslink"), ("c.test", "map"),
    ]  # fmt: skip
    assert found.ttl_ns == 60 * S
    assert names.follow("/ipns/a.test/three")[0] == f"/ipns/{NAMES[0]}/one/three"


def test_the_map_goes_before_records_and_dns() -> None:
    names = system((0, record(KEYS[0], "/ipfs/bafkqaaa")), fixed={NAMES[0]: PATH})
    assert names.resolve(f"/ipns/{NAMES[0]}") == Found(PATH, (Step(NAMES[0], "map", 0),))


def test_it_may_be_kept_no_longer_than_the_record_counts_nor_than_configured() -> None:
    short = system((0, record(KEYS[0], PATH, ttl_s=300, life_s=7)))
    assert short.resolve(f"/ipns/{NAMES[0]}").ttl_ns == 7 * S
    capped = system((0, record(KEYS[0], PATH)), domains={"a.test": PATH}, most_s=5)
    assert capped.resolve(f"/ipns/{NAMES[0]}").ttl_ns == 5 * S
    assert capped.resolve("/ipns/a.test").ttl_ns == 5 * S
    now = system((0, record(KEYS[0], PATH, ttl_s=0)))
    assert now.resolve(f"/ipns/{NAMES[0]}").ttl_ns == 0


def test_names_lead_to_names_so_far_and_no_farther() -> None:
    chain = [(n, record(KEYS[n], f"/ipns/{NAMES[n + 1]}")) for n in range(32)]
    last = (32, record(KEYS[32], PATH))
    names = system(*chain, last)
    assert len(names.resolve(f"/ipns/{NAMES[1]}").steps) == naming.MAX_DEPTH == 32
    with pytest.raises(TooDeep, match=r"^could not resolve name \(recursion limit exceeded\)$"):
        names.resolve(f"/ipns/{NAMES[0]}")


@pytest.mark.parametrize("length", [1, 2, 5])
def test_a_cycle_is_named(length: int) -> None:
    ring = [(n, record(KEYS[n], f"/ipns/{NAMES[(n + 1) % length]}/x")) for n in range(length)]
    with pytest.raises(NameCycle, match=r"^could not resolve name \(recursion limit") as raised:
        system(*ring).resolve(f"/ipns/{PeerId.parse(NAMES[0])}")
    assert raised.value.by == tuple(f"/ipns/{name}" for name in NAMES[:length])
    assert str(raised.value).count("/ipns/") == min(length + 1, 6)


def test_a_cycle_of_domains_is_named_whatever_their_case() -> None:
    names = system(domains={"a.test": "/ipns/B.test.", "B.test": "/ipns/a.test"})
    with pytest.raises(NameCycle, match=r"/ipns/a\.test → /ipns/b\.test → /ipns/a\.test"):
        names.resolve("/ipns/a.test")


@pytest.mark.parametrize(
    ("path", "family", "says"),
    [
        (f"/ipns/{NAMES[0]}", NameUnresolved, "could not resolve name"),
        ("/ipns/" + "a" * 64, NotAName, 'cannot resolve: "/ipns/' + "a" * 64 + '"'),
        ("/ipns/a..b", NotAName, 'cannot resolve: "/ipns/a..b"'),
        (
            "/ipns/bafkqaaa",
            NotAName,
            "peer ID represented as CIDv1 require libp2p-key multicodec: ",
        ),
    ],
    ids=["no record", "a long label", "an empty label", "a CID of data"],
)
def test_what_is_no_name_here_is_told(path: str, family: type[JiaoziError], says: str) -> None:
    with pytest.raises(family) as raised:
        system().resolve(path)
    assert str(raised.value).startswith(says)


def test_a_record_that_leads_to_no_path_is_refused() -> None:
    for value in ("/", "/ipfs/nonsense", "/nope/x"):
        with pytest.raises(ipns.InvalidRecord, match="value is not a valid content path"):
            system((0, record(KEYS[0], value))).resolve(f"/ipns/{NAMES[0]}")


# ---- the map


def test_the_map_is_read_as_kubo_reads_it() -> None:
    assert naming.fixed_names("") == {}
    text = f"a.test:{PATH},{NAMES[0]}:/ipns/b.test/x,c:{PATH}/"
    assert naming.fixed_names(text) == {
        "a.test": PATH, NAMES[0]: "/ipns/b.test/x", "c": f"{PATH}/",
    }  # fmt: skip


@pytest.mark.parametrize(
    "text", ["a", "a:", ":" + PATH, "a:b", "a:/ipfs/x", f"a:{PATH},", "a:/x/y"]
)
def test_a_pair_that_is_none_is_named(text: str) -> None:
    with pytest.raises(Misuse, match=r"^IPFS_NS_MAP: '"):
        naming.fixed_names(text)


def test_a_long_map_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(naming, "MAX_MAP_CHARS", 10)
    with pytest.raises(LimitExceeded, match="IPFS_NS_MAP"):
        naming.fixed_names(f"a.test:{PATH}")


def test_a_configuration_that_can_not_be_meant_is_named() -> None:
    class Config:
        def __init__(self, **values: object) -> None:
            self.values = {key.replace("_", "."): value for key, value in values.items()}

        def find(self, key: str, default: object = None) -> object:
            return self.values.get(key, default)

    refused: list[Callable[[], object]] = [
        lambda: naming._resolver(Config(DNS_Resolvers=["x"])),  # type: ignore[arg-type]
        lambda: naming._resolver(Config(DNS_MaxCacheTTL="soon")),  # type: ignore[arg-type]
    ]
    for ask in refused:
        with pytest.raises(Misuse, match="DNS"):
            ask()
    same = Config(DNS_Resolvers={".": ""})
    assert naming._resolver(same) is naming._resolver(same)  # type: ignore[arg-type]
