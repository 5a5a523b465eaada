"""TXT records over HTTPS and from the system's resolver, from a server on the loopback."""

from collections.abc import Iterator
from functools import partial

import dns.message
import dns.rcode
import pytest

from jiaozi_node.errors import LimitExceeded, Malformed, Misuse, Unavailable
from jiaozi_node.network.web import txt
from jiaozi_node.network.web.txt import BadAnswer, NoRecord, NoResolver, Txt, TxtResolver
from tests.dns_server import DnsServer

LONG = "dnslink=/ipfs/bafkqaaa/" + "x" * 700


@pytest.fixture(scope="module")
def served() -> Iterator[DnsServer]:
    zone = {
        "a.test.": ["one", "two"],
        "long.test.": [LONG],
        "cname.test.": ("cname", "a.test."),
        "loop.test.": ("cname", "gone.test."),
        "many.test.": [f"text {number}" for number in range(101)],
        "fails.test.": dns.rcode.SERVFAIL,
        "none.test.": 0,
        "xn--mnchen-3ya.test.": ["idna"],
    }
    with DnsServer(zone).running() as server:
        yield server


@pytest.fixture
def server(served: DnsServer) -> DnsServer:
    served.asked.clear()
    served.more = {}
    served.spoil, served.status, served.media = lambda wire: wire, 200, "application/dns-message"
    return served


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["https", "system"])
def resolver(request: pytest.FixtureRequest, server: DnsServer) -> TxtResolver:
    if request.param == "https":
        return TxtResolver({".": server.url}, Clock())
    system = partial(txt.ask_system, servers=("127.0.0.1",), port=server.port)
    return TxtResolver({".": ""}, Clock(), system)


def test_records_are_had_with_their_ttl(resolver: TxtResolver) -> None:
    found = resolver.lookup("a.test.")
    assert sorted(found.texts) == ["one", "two"]
    assert found.ttl_s == 60


def test_a_record_of_several_strings_is_one_text(resolver: TxtResolver) -> None:
    """Over UDP it is cut short, and asked for again over TCP."""
    assert resolver.lookup("long.test").texts == (LONG,)


def test_another_name_for_a_domain_is_followed(resolver: TxtResolver) -> None:
    assert sorted(resolver.lookup("cname.test").texts) == ["one", "two"]


def test_international_domains_are_asked_for_as_dns_has_them(resolver: TxtResolver) -> None:
    assert resolver.lookup("münchen.test").texts == ("idna",)


@pytest.mark.parametrize("domain", ["gone.test", "none.test", "loop.test"])
def test_what_is_not_there_is_told_apart(resolver: TxtResolver, domain: str) -> None:
    with pytest.raises(NoRecord):
        resolver.lookup(domain)


def test_a_server_that_fails_is_not_a_domain_that_is_not(resolver: TxtResolver) -> None:
    with pytest.raises(Unavailable):
        resolver.lookup("fails.test")


def test_too_many_records_are_refused(resolver: TxtResolver) -> None:
    with pytest.raises(LimitExceeded, match="is 101 records, over the limit of 100"):
        resolver.lookup("many.test")


def test_an_answer_is_kept_as_long_as_it_says(server: DnsServer) -> None:
    clock = Clock()
    resolver = TxtResolver({".": server.url}, clock)
    first = resolver.lookup("a.test")
    clock.now += 20
    assert resolver.lookup("A.test.") == Txt(first.texts, 40)
    assert server.asked == ["a.test."]
    assert resolver.lookup("a.test", fresh=True).ttl_s == 60
    clock.now += 61
    resolver.lookup("a.test")
    assert server.asked == ["a.test."] * 3


def test_no_longer_than_it_may(server: DnsServer) -> None:
    clock = Clock()
    resolver = TxtResolver({".": server.url}, clock, most_s=5)
    assert resolver.lookup("a.test").ttl_s == 5
    never = TxtResolver({".": server.url}, clock, most_s=0)
    assert [never.lookup("a.test").ttl_s for _ in range(2)] == [0, 0]
    assert len(server.asked) == 3


def test_only_so_many_answers_are_kept(server: DnsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(txt, "_KEPT", 1)
    resolver = TxtResolver({".": server.url})
    for domain in ("a.test", "long.test", "a.test"):
        resolver.lookup(domain)
    assert server.asked == ["a.test.", "long.test.", "a.test."]


def test_the_longest_suffix_says_who_is_asked(server: DnsServer) -> None:
    said: list[str] = []

    def system(name: object) -> Txt:
        said.append(str(name))
        return Txt(("system",), 0)

    resolver = TxtResolver({"test.": server.url, "b.a.test.": ""}, system=system)
    assert resolver.lookup("a.test").texts != ("system",)
    assert resolver.lookup("c.b.a.TEST").texts == ("system",)
    with pytest.raises(NoResolver, match="names nobody to ask"):
        resolver.lookup("example.org")
    with pytest.raises(NoResolver):
        resolver.lookup("atest")
    assert said == ["c.b.a.TEST."]


def test_a_new_home_asks_nobody() -> None:
    with pytest.raises(NoResolver):
        TxtResolver({}).lookup("example.org")


@pytest.mark.parametrize(
    ("resolvers", "says"),
    [
        ({"eth": "https://a.example"}, "invalid domain eth; must be FQDN"),
        ({".": "udp://1.1.1.1"}, "invalid DoH resolver URL: udp://1.1.1.1"),
        ({".": "auto"}, "invalid DoH resolver URL: auto"),
        ({".": "https://"}, "invalid DoH resolver URL: https://"),
        ({".": 7}, "invalid DoH resolver URL: 7"),
        ({".": "http://a.example/"}, "insecure URL: non-local DoH resolvers must use HTTPS"),
        ({".": "http://127.0.0.1.a.example/"}, "insecure URL"),
    ],
    ids=str,
)
def test_a_configuration_that_can_not_be_meant_is_refused(
    resolvers: dict[str, object], says: str
) -> None:
    with pytest.raises(Misuse, match=r"^DNS\.Resolvers: ") as raised:
        TxtResolver(resolvers)
    assert says in str(raised.value)


@pytest.mark.parametrize(
    ("domain", "family"),
    [("a" * 300, LimitExceeded), ("a..b", Malformed), ("a" * 64 + ".b", Malformed)],
)
def test_what_is_no_domain_is_asked_of_nobody(
    server: DnsServer, domain: str, family: type[Malformed]
) -> None:
    with pytest.raises(family):
        TxtResolver({".": server.url}).lookup(domain)
    assert server.asked == []


def test_a_bad_answer_is_not_believed(server: DnsServer) -> None:
    resolver = TxtResolver({".": server.url})

    def other_question(wire: bytes) -> bytes:
        return wire.replace(b"\x01a\x04test", b"\x01b\x04test")

    spoilers = (other_question, lambda wire: wire[:-3], lambda _: b"", lambda wire: wire + b"\0")
    for spoil in spoilers:
        server.spoil = spoil
        with pytest.raises(BadAnswer):
            resolver.lookup("a.test")
    server.spoil, server.media = lambda wire: wire, "text/html"
    with pytest.raises(BadAnswer, match="unexpected Content-Type 'text/html'"):
        resolver.lookup("a.test")
    server.status = 503
    with pytest.raises(Unavailable, match="HTTP error: status 503"):
        resolver.lookup("a.test")


def test_a_long_answer_is_not_read_to_its_end(server: DnsServer) -> None:
    server.spoil = lambda _: bytes(txt.MAX_ANSWER_BYTES * 20)
    with pytest.raises(LimitExceeded, match="answer of a DNS resolver"):
        TxtResolver({".": server.url}).lookup("a.test")


def test_a_compressed_answer_is_refused(server: DnsServer) -> None:
    server.more = {"Content-Encoding": "gzip"}
    with pytest.raises(BadAnswer, match="compressed"):
        TxtResolver({".": server.url}).lookup("a.test")


def test_an_answer_that_comes_in_drops_is_not_waited_for(
    server: DnsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(txt, "LOOKUP_S", 1e-9)
    with pytest.raises(Unavailable):
        TxtResolver({".": server.url}).lookup("a.test")


def test_a_url_that_is_none_is_unavailable() -> None:
    with pytest.raises(Unavailable, match=r"a\.example:99999"):
        TxtResolver({".": "https://a.example:99999/"}).lookup("a.test")


def test_nobody_there_is_unavailable() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1"):
        TxtResolver({".": f"http://127.0.0.1:{port}/"}).lookup("a.test")


def test_any_bytes_are_an_answer_or_malformed(server: DnsServer) -> None:
    query = dns.message.make_query("a.test.", "TXT", id=0)
    whole = server.answer(query.to_wire())
    for at in range(len(whole)):
        changed = bytearray(whole)
        changed[at] ^= 0xFF
        try:
            txt._of_wire(bytes(changed), query)
        except (BadAnswer, NoRecord, Unavailable, LimitExceeded):
            continue
