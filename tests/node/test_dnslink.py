"""Where a domain leads, by its TXT records."""

from collections.abc import Callable

import pytest

from jiaozi_node.errors import JiaoziError, LimitExceeded, Unavailable
from jiaozi_node.network.web.txt import NoRecord, NoResolver, Txt
from jiaozi_node.node import dnslink
from jiaozi_node.node.dnslink import Link, LookupFailed, NoDnsLink, NotAsked, SeveralDnsLinks

PATH = "/ipfs/bafkqaddwgevxmmraojswg33smq"
CID = "bafkqaddwgevxmmraojswg33smq"


def zone(**texts: list[str] | JiaoziError) -> Callable[[str], Txt]:
    def lookup(domain: str) -> Txt:
        found = texts.get(domain.replace(".", "_"), NoRecord("not here"))
        if isinstance(found, JiaoziError):
            raise found
        return Txt(tuple(found), 60)

    return lookup


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (f"dnslink={PATH}", PATH),
        (f"dnslink={PATH}/a/b/", f"{PATH}/a/b/"),
        ("dnslink=/ipns/example.org/x", "/ipns/example.org/x"),
        (f"dnslink={CID}", PATH),
        (PATH, PATH),
        (CID, PATH),
    ],
)
def test_a_domain_leads_where_its_record_says(text: str, path: str) -> None:
    texts = ["v=spf1 -all", text, "dnslink=", "dnslink=/ipfs/", "dnslink=/ipld/" + CID, "dnslink"]
    found = dnslink.look_up("a.test", zone(_dnslink_a_test_=texts))
    assert found == Link(path, 60)
    assert dnslink.look_up("a.test.", zone(_dnslink_a_test_=texts)) == found


def test_the_domain_itself_is_asked_second_and_takes_only_what_is_marked() -> None:
    assert dnslink.look_up("a.test", zone(a_test_=[PATH, f"dnslink={PATH}/x"])).path == f"{PATH}/x"
    both = zone(_dnslink_a_test_=[PATH], a_test_=[f"dnslink={PATH}/x"])
    assert dnslink.look_up("a.test", both).path == PATH
    empty = zone(_dnslink_a_test_=["nothing"], a_test_=[f"dnslink={PATH}/x"])
    assert dnslink.look_up("a.test", empty).path == f"{PATH}/x"
    with pytest.raises(NoDnsLink):
        dnslink.look_up("a.test", zone(a_test_=[PATH, CID]))


@pytest.mark.parametrize(
    ("texts", "family", "says"),
    [
        ({}, NoDnsLink, "could not find a TXT record (https://docs.ipfs.tech/concepts/dnslink/)"),
        ({"_dnslink_a_test_": ["dnslink=/ipfs/nonsense"]}, NoDnsLink, "could not find a TXT"),
        ({"_dnslink_a_test_": [PATH, f"dnslink={PATH}"]}, SeveralDnsLinks, "more than one IPFS"),
        ({"_dnslink_a_test_": Unavailable("down")}, LookupFailed, "failed: down"),
        (
            {"_dnslink_a_test_": LimitExceeded("x", 1, 2)},
            LookupFailed,
            "failed: x is 2 bytes, over",
        ),
        ({"_dnslink_a_test_": NoResolver("x")}, NotAsked, "names nobody to ask"),
    ],
    ids=["nothing", "nonsense", "two", "down", "long", "nobody"],
)
def test_what_leads_nowhere_says_why_in_a_line(
    texts: dict[str, list[str] | JiaoziError], family: type[JiaoziError], says: str
) -> None:
    with pytest.raises(family) as raised:
        dnslink.look_up("a.test", zone(**texts))
    assert str(raised.value).startswith('DNSLink lookup for "a.test." failed: ')
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)
