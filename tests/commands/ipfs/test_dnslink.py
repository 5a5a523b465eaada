"""Domains below ``/ipns/``: asked of whom the configuration names, and of nobody else."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from jiaozi_node.node import naming
from tests.commands.conftest import Run
from tests.dns_server import DnsServer

A = "could not resolve name: DNSLink lookup"


@pytest.fixture
def server() -> Iterator[DnsServer]:
    with DnsServer({}).running() as running:
        yield running


@pytest.fixture
def tree(jiaozi: Run, place: Path, server: DnsServer) -> str:
    """A home that asks *server* about ``test.`` alone, with a tree that domains lead to."""
    naming._resolvers.clear()
    jiaozi("ipfs", "init")
    (place / "t").mkdir()
    (place / "t" / "a.txt").write_text("a\n")
    tree = jiaozi("ipfs", "add", "-Qr", "t").out.strip()
    setting = json.dumps({"test.": server.url})
    jiaozi("ipfs", "config", "--json", "DNS.Resolvers", setting)
    server.zone.update(
        {
            "_dnslink.a.test.": [f"dnslink=/ipfs/{tree}"],
            "_dnslink.b.test.": ["dnslink=/ipns/a.test/a.txt"],
            "c.test.": ["other", f"dnslink=/ipfs/{tree}"],
            "_dnslink.two.test.": [f"dnslink=/ipfs/{tree}", "dnslink=/ipns/a.test"],
            "_dnslink.ring.test.": ["dnslink=/ipns/ring.test/x"],
        }
    )
    return tree


def test_a_domain_is_followed_by_every_command(jiaozi: Run, tree: str, server: DnsServer) -> None:
    assert jiaozi("ipfs", "cat", "/ipns/a.test/a.txt").out == "a\n"
    assert jiaozi("ipfs", "name", "resolve", "b.test").out == f"/ipfs/{tree}/a.txt\n"
    assert jiaozi("ipfs", "resolve", "/ipns/c.test").out == f"/ipfs/{tree}\n"
    assert jiaozi("ipfs", "resolve", "-r=false", "/ipns/b.test").out == "/ipns/a.test/a.txt\n"
    assert jiaozi("cat", "ipns://b.test").out == "a\n"
    assert server.asked[0] == "_dnslink.a.test."


def test_an_answer_is_kept_unless_a_new_one_is_asked_for(
    jiaozi: Run, tree: str, server: DnsServer
) -> None:
    for words in ([], [], ["-n"]):
        assert jiaozi("ipfs", "name", "resolve", *words, "a.test").out == f"/ipfs/{tree}\n"
    assert server.asked == ["_dnslink.a.test."] * 2


def test_a_name_may_lead_to_a_domain(jiaozi: Run, tree: str) -> None:
    jiaozi("ipfs", "name", "publish", "--allow-offline", "/ipns/a.test")
    assert jiaozi("ipfs", "name", "resolve").out == f"/ipfs/{tree}\n"


@pytest.mark.parametrize(
    ("domain", "says"),
    [
        (
            "gone.test",
            f"{A} could not find a TXT record (https://docs.ipfs.tech/concepts/dnslink/)",
        ),
        ("two.test", f"{A} returned more than one IPFS content path; ask domain owner to remove "),
        ("example.org", "DNS.Resolvers of the configuration names nobody to ask (there, "),
    ],
)
@pytest.mark.parametrize("held", ["alone"], indirect=True)
def test_what_leads_nowhere(jiaozi: Run, tree: str, domain: str, says: str) -> None:
    ran = jiaozi("ipfs", "cat", f"/ipns/{domain}/a.txt", code=1)
    (line,) = ran.err.splitlines()
    assert line.startswith(f'Error: DNSLink lookup for "{domain}." failed: {says}')
    assert (tree, ran.out) == (tree, "")


def test_a_domain_that_leads_back_to_itself_is_told(jiaozi: Run, tree: str) -> None:
    assert tree
    said = jiaozi("ipfs", "name", "resolve", "ring.test", code=1).err
    assert said.endswith("(recursion limit exceeded): /ipns/ring.test → /ipns/ring.test\n")


def test_offline_is_about_peers_and_not_about_dns(
    jiaozi: Run, tree: str, server: DnsServer
) -> None:
    assert jiaozi("--offline", "ipfs", "name", "resolve", "a.test").out == f"/ipfs/{tree}\n"
    assert server.asked


@pytest.mark.parametrize("held", ["alone"], indirect=True)
def test_a_home_that_was_just_made_asks_nobody(
    jiaozi: Run, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No socket is opened for it, and the libraries are not even loaded."""
    jiaozi("ipfs", "init")
    monkeypatch.setattr("jiaozi_node.network.web.txt.ask_https", lambda *_: pytest.fail("asked"))
    monkeypatch.setattr("jiaozi_node.network.web.txt.ask_system", lambda *_: pytest.fail("asked"))
    ran = jiaozi("ipfs", "cat", "/ipns/example.org", code=1)
    assert "names nobody to ask" in ran.err
    assert "names nobody to ask" in jiaozi("cat", "/ipns/example.org", code=5).err
    assert not list(place.iterdir())


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ('{"test.": "http://a.example/"}', "insecure URL: non-local DoH resolvers must use HTTPS"),
        ('{"test": ""}', "invalid domain test; must be FQDN"),
        ('{".": "auto"}', "invalid DoH resolver URL: auto"),
    ],
)
@pytest.mark.parametrize("held", ["alone"], indirect=True)
def test_a_setting_that_can_not_be_meant_is_named(
    jiaozi: Run, tree: str, setting: str, says: str
) -> None:
    assert tree
    jiaozi("ipfs", "config", "--json", "DNS.Resolvers", setting)
    ran = jiaozi("ipfs", "name", "resolve", "a.test", code=1)
    (line,) = ran.err.splitlines()
    assert says in line
    assert "DNS.Resolvers" in line


@pytest.mark.parametrize("held", ["alone"], indirect=True)
def test_joining_the_public_network_lets_the_systems_resolver_be_asked(
    jiaozi: Run, place: Path
) -> None:
    assert place.exists()
    jiaozi("ipfs", "init", "--profile=public")
    assert json.loads(jiaozi("ipfs", "config", "DNS.Resolvers").out) == {".": ""}
