"""``ipfs name`` and ``ipfs routing``: records made, looked into, kept and resolved, offline."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from jiaozi_node.commands.ipfs.name import hex_dump
from jiaozi_node.formats import ipns
from jiaozi_node.formats.keys import PrivateKey
from jiaozi_node.formats.peer_id import PeerId
from tests.commands.conftest import Run

VECTORS = Path(__file__).parents[3] / "specs" / "vectors"
FILES = {path.name: path for path in sorted((VECTORS / "ipns").glob("*.ipns-record"))}
MISSING = "bafkreiebzrnroamgos2adnbpgw5apo3z4iishhbdx77gldnbk57d4zdio4"
UNKNOWN = "k51qzi5uqu5dgy5hwlxkgx9x02sw01pm02m2fadsgxrcfkwukmzp0667yimewb"
KEPT = "--allow-offline"
FAR = 4_102_444_800 * 10**9  # 2100
OFFLINE = "Error: this action must be run in online mode, try running 'ipfs daemon' first\n"


class Ground(NamedTuple):
    """A home with a tree, a file and two keys; *place* holds the tree."""

    place: Path
    tree: str
    file: str
    one: str
    two: str


@pytest.fixture
def ground(jiaozi: Run, place: Path) -> Ground:
    jiaozi("ipfs", "init")
    (place / "t").mkdir()
    (place / "t" / "a.txt").write_text("a\n")
    tree = jiaozi("ipfs", "add", "-Qr", "t").out.strip()
    file = jiaozi("ipfs", "add", "-Q", "--cid-version=1", "t/a.txt").out.strip()
    one, two = (jiaozi("ipfs", "key", "gen", name).out.strip() for name in ("one", "two"))
    return Ground(place, tree, file, one, two)


def publish(jiaozi: Run, *words: str) -> str:
    return jiaozi("ipfs", "name", "publish", "--allow-offline", *words).out


def inspected(jiaozi: Run, raw: bytes, place: Path, *words: str) -> dict[str, Any]:
    (place / "record").write_bytes(raw)
    out = jiaozi("ipfs", "name", "inspect", "--enc=json", *words, "record").out
    found: dict[str, Any] = json.loads(out)
    return found


def record(jiaozi: Run, name: str) -> bytes:
    return jiaozi("ipfs", "name", "get", "--allow-offline", name).raw


# ---- publishing


def test_a_name_stands_for_what_was_published_last(jiaozi: Run, ground: Ground) -> None:
    said = publish(jiaozi, ground.file)
    own = said.split()[2].rstrip(":")
    assert said == f"Published to {own}: /ipfs/{ground.file}\n"
    assert jiaozi("ipfs", "name", "resolve").out == f"/ipfs/{ground.file}\n"
    assert publish(jiaozi, "-Q", f"/ipfs/{ground.tree}/") == f"{own}\n"
    assert jiaozi("ipfs", "name", "resolve", own).out == f"/ipfs/{ground.tree}/\n"
    assert publish(jiaozi, "--key", ground.one, f"ipns://{own}/a.txt").startswith(
        "Published to k51"
    )
    assert jiaozi("ipfs", "name", "resolve", ground.one).out == f"/ipfs/{ground.tree}/a.txt\n"
    assert jiaozi("ipfs", "name", "resolve", "-r=false", ground.one).out == f"/ipns/{own}/a.txt\n"
    row = json.loads(publish(jiaozi, "--key=two", "--enc=json", ground.file))
    assert row == {"Name": ground.two, "Value": f"/ipfs/{ground.file}"}


def test_a_record_says_what_it_was_made_to_say(jiaozi: Run, ground: Ground) -> None:
    publish(jiaozi, "--key=one", "--lifetime=1h", "--ttl=30s", "--sequence=7", ground.file)
    found = inspected(jiaozi, record(jiaozi, ground.one), ground.place, "--verify", ground.one)
    entry = found["Entry"]
    assert (entry["Value"], entry["Sequence"]) == (f"/ipfs/{ground.file}", 7)
    assert (entry["TTL"], entry["ValidityType"]) == (30 * 10**9, 0)
    assert found["SignatureType"] == "V1+V2"
    assert found["Validation"] == {"Valid": True, "Reason": "", "Name": ground.one}
    publish(jiaozi, "--key=one", "--lifetime=90s", "--v1compat=false", ground.tree)
    found = inspected(jiaozi, record(jiaozi, f"/ipns/{ground.one}"), ground.place)
    assert (found["SignatureType"], found["Validation"]) == ("V2", None)
    assert found["Entry"]["TTL"] == 90 * 10**9  # the usual 5 minutes, cut
    assert found["Entry"]["Sequence"] == 8


@pytest.mark.parametrize("kind", ["rsa", "secp256k1"])
def test_other_keys_publish_too(jiaozi: Run, ground: Ground, kind: str) -> None:
    name = jiaozi("ipfs", "key", "gen", "-t", kind, "k").out.strip()
    publish(jiaozi, "--key=k", ground.file)
    found = inspected(jiaozi, record(jiaozi, name), ground.place, "--verify", name)
    assert found["Validation"]["Valid"]
    assert jiaozi("ipfs", "name", "resolve", name).out == f"/ipfs/{ground.file}\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["{file}"], "can't publish while offline: pass `--allow-offline` to override or "),
        ([KEPT, "--allow-delegated", "{file}"], "cannot use both --allow-offline and"),
        (["--allow-delegated", "{file}"], "no delegated publishers configured: add Ipns.Delegated"),
        ([KEPT, "nonsense"], 'invalid path "nonsense": path does not have enough'),
        ([KEPT, "/ipfs/nonsense"], 'invalid path "/ipfs/nonsense": invalid cid'),
        ([KEPT, "/ipns/"], 'invalid path "/ipns/": path does not have enough'),
        ([KEPT, MISSING], "block was not found locally (offline): ipld: could not"),
        ([KEPT, "{tree}/none"], 'no link named "none" under {tree}'),
        ([KEPT, "/ipns/{two}"], "could not resolve name"),
        ([KEPT, "--key=gone", "{file}"], "no key by the given name was found"),
        ([KEPT, "--key=" + UNKNOWN, "{file}"], "no key by the given name or PeerID"),
        ([KEPT, "--sequence=0", "{file}"], "sequence number must be greater than the"),
        ([KEPT, "--sequence=9223372036854775808", "{file}"], "sequence number 9223372"),
        ([KEPT, "--lifetime=0s", "{file}"], "lifetime must be greater than zero, got"),
        ([KEPT, "--lifetime=x", "{file}"], "error parsing lifetime option: time: inva"),
        ([KEPT, "--ttl=x", "{file}"], 'time: invalid duration "x"'),
        ([KEPT, "--ttl=-1s", "{file}"], "ttl must not be negative, got -1s"),
        ([KEPT, "--ttl=1h", "--lifetime=1m", "{file}"],
         "ttl (1h0m0s) must not be greater than lifetime (1m0s)"),
        ([KEPT, "{tree}/" + "x" * 8200], "path is 8247 bytes, over the limit of 8192"),
        ([KEPT, "--resolve=false", "{tree}/" + "x" * 5000],
         "record exceeds allowed size limit"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value)[:44],
)  # fmt: skip
@pytest.mark.parametrize("held", ["alone"], indirect=True)
def test_what_is_not_published_changes_nothing(
    jiaozi: Run, ground: Ground, words: list[str], says: str
) -> None:
    given = [word.format_map(ground._asdict()) for word in words]
    ran = jiaozi("ipfs", "name", "publish", *given, code=1)
    assert ran.out == ""
    (line,) = ran.err.splitlines()
    assert line.startswith("Error: " + says.format_map(ground._asdict()))
    assert jiaozi("ipfs", "name", "resolve", code=1).err == "Error: could not resolve name\n"


def test_a_path_need_not_be_here_when_that_is_said(jiaozi: Run, ground: Ground) -> None:
    publish(jiaozi, "--resolve=false", MISSING)
    assert jiaozi("ipfs", "name", "resolve").out == f"/ipfs/{MISSING}\n"


# ---- resolving


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([UNKNOWN], "could not resolve name"),
        (["/ipfs/{file}"], '"/ipfs/{file}" is not an IPNS name'),
        (["ipfs://{file}"], '"ipfs://{file}" is not an IPNS name'),
        ([""], 'invalid path "/ipns/": path does not have enough components'),
        (["/"], 'invalid path "/": path does not have enough components'),
        (["/nope/x"], 'invalid path "/nope/x": unknown namespace: "nope"'),
        (["--dhtt=x", "{one}"], 'time: invalid duration "x"'),
        (["--dht-timeout=-3s", "{one}"], "DHT timeout value must be >= 0"),
        (["example.org"], 'DNSLink lookup for "example.org." failed: DNS.Resolvers of the config'),
        (
            ["{file}"],
            "peer ID represented as CIDv1 require libp2p-key multicodec: retry with /ipns",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value)[:30],
)
@pytest.mark.parametrize("held", ["alone"], indirect=True)
def test_what_is_not_resolved(jiaozi: Run, ground: Ground, words: list[str], says: str) -> None:
    given = [word.format_map(ground._asdict()) for word in words]
    ran = jiaozi("ipfs", "name", "resolve", *given, code=1)
    assert ran.out == ""
    (line,) = ran.err.splitlines()
    assert line.startswith("Error: " + says.format_map(ground._asdict()))


def test_every_command_that_takes_a_path_takes_a_name(jiaozi: Run, ground: Ground) -> None:
    publish(jiaozi, "--key=one", ground.tree)
    publish(jiaozi, "--key=two", f"/ipns/{ground.one}")
    name = f"/ipns/{ground.two}"
    for by_name, by_path in (
        (["cat", f"{name}/a.txt"], ["cat", f"{ground.tree}/a.txt"]),
        (["cat", f"ipns://{ground.two}/a.txt"], ["cat", f"{ground.tree}/a.txt"]),
        (["ls", name], ["ls", ground.tree]),
        (["refs", name], ["refs", ground.tree]),
        (["dag", "get", name], ["dag", "get", ground.tree]),
        (["dag", "export", name], ["dag", "export", ground.tree]),
        (["block", "get", name], ["block", "get", ground.tree]),
        (["pin", "add", name], ["pin", "add", ground.tree]),
        (["pin", "ls", name], ["pin", "ls", ground.tree]),
        (["resolve", name], ["resolve", ground.tree]),
        (["resolve", f"{name}/a.txt"], ["resolve", f"{ground.tree}/a.txt"]),
    ):
        found, wanted = jiaozi("ipfs", *by_name), jiaozi("ipfs", *by_path)
        assert (found.code, found.raw) == (wanted.code, wanted.raw), by_name
    jiaozi("ipfs", "get", "-o", "got", name)
    assert (ground.place / "got" / "a.txt").read_text() == "a\n"
    assert jiaozi("cat", f"{name}/a.txt").out == "a\n"
    assert jiaozi("ls", f"ipns://{ground.two}").out == "a.txt\n"
    assert jiaozi("ipfs", "cat", f"/ipns/{UNKNOWN}/a.txt", code=1).err == (
        "Error: could not resolve name\n"
    )
    assert "could not resolve name" in jiaozi("cat", f"/ipns/{UNKNOWN}", code=3).err


def test_a_name_that_leads_back_to_itself_is_told(jiaozi: Run, ground: Ground) -> None:
    publish(jiaozi, "--key=one", ground.tree)
    publish(jiaozi, "--key=two", f"/ipns/{ground.one}")
    publish(jiaozi, "--key=one", f"/ipns/{ground.two}")
    said = jiaozi("ipfs", "cat", f"/ipns/{ground.one}/a.txt", code=1).err
    way = " → ".join(f"/ipns/{name}" for name in (ground.one, ground.two, ground.one))
    assert said == f"Error: could not resolve name (recursion limit exceeded): {way}\n"


def test_resolve_prints_paths_as_kubo_does(jiaozi: Run, ground: Ground) -> None:
    publish(jiaozi, "--key=one", f"{ground.tree}/")
    resolve = ("ipfs", "resolve")
    assert jiaozi(*resolve, ground.tree).out == f"/ipfs/{ground.tree}\n"
    assert jiaozi(*resolve, f"/ipns/{ground.one}").out == f"/ipfs/{ground.tree}\n"
    assert jiaozi(*resolve, "-r=false", f"ipns:{ground.one}").out == f"/ipfs/{ground.tree}/\n"
    assert jiaozi(*resolve, "-r=false", ground.tree).out == f"/ipfs/{ground.tree}\n"
    assert jiaozi(*resolve, ground.one).out == f"/ipfs/{ground.one}\n"
    for text in (ground.tree, f"/ipns/{ground.one}"):
        assert jiaozi(*resolve, "--cid-base=base32", text).out.startswith("/ipfs/bafybei")
    node = json.dumps({"a": {"b": {"/": ground.tree}}, "c": {"d": 1}})
    (ground.place / "node").write_text(node)
    cid = jiaozi("ipfs", "dag", "put", "node").out.strip()
    assert jiaozi(*resolve, f"{cid}/a/b/a.txt").out.startswith("/ipfs/bafybei")
    assert jiaozi(*resolve, f"/ipfs/{cid}/c/d").out == f"/ipfs/{cid}/c/d\n"
    assert jiaozi(*resolve, f"/ipld/{cid}/c").out == f"/ipld/{cid}/c\n"
    row = json.loads(jiaozi(*resolve, "--enc=json", ground.tree).out)
    assert row == {"Path": f"/ipfs/{ground.tree}"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nonsense"], 'invalid path "nonsense": path does not have enough components'),
        (["{tree}/none"], 'no link named "none" under {tree}'),
        ([f"/ipns/{UNKNOWN}"], "could not resolve name"),
        (["-r=false", f"/ipns/{UNKNOWN}"], "could not resolve name"),
        (["-r=false", "--dhtt=x", "/ipns/{one}"], 'time: invalid duration "x"'),
        (["--cid-base=base8", "{tree}"], "unsupported multibase encoding: base8"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value)[:30],
)
@pytest.mark.parametrize("held", ["alone"], indirect=True)
def test_what_resolve_refuses(jiaozi: Run, ground: Ground, words: list[str], says: str) -> None:
    given = [word.format_map(ground._asdict()) for word in words]
    ran = jiaozi("ipfs", "resolve", *given, code=1)
    assert (ran.out, ran.err) == ("", "Error: " + says.format_map(ground._asdict()) + "\n")


def test_a_variable_names_what_stands_for_what(
    jiaozi: Run, ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IPFS_NS_MAP", f"a.test:/ipfs/{ground.tree},b.test:/ipns/a.test/a.txt")
    assert jiaozi("ipfs", "cat", "/ipns/b.test").out == "a\n"
    assert jiaozi("ipfs", "name", "resolve", "b.test").out == f"/ipfs/{ground.tree}/a.txt\n"
    assert jiaozi("ls", "/ipns/a.test").out == "a.txt\n"
    monkeypatch.setenv("IPFS_NS_MAP", "a.test")
    said = jiaozi("ipfs", "cat", "/ipns/a.test/a.txt", code=1).err
    assert said == "Error: IPFS_NS_MAP: 'a.test' is not name:path\n"


# ---- records of others

KEY = PrivateKey(bytes(32))
NAME = PeerId.of(KEY.public())


@pytest.fixture
def records(ground: Ground) -> Path:
    """Records of one name in files: by sequence, and what is none."""
    for sequence in (3, 5, 7):
        made = ipns.create(KEY, f"/ipfs/{ground.file}".encode(), sequence, FAR, 10**9)
        (ground.place / str(sequence)).write_bytes(made.raw)
    (ground.place / "expired").write_bytes(ipns.create(KEY, b"/ipfs/bafkqaaa", 9, 1, 0).raw)
    (ground.place / "nowhere").write_bytes(ipns.create(KEY, b"/nowhere", 9, FAR, 0).raw)
    (ground.place / "cut").write_bytes((ground.place / "7").read_bytes()[:-1])
    (ground.place / "long").write_bytes(bytes(11_000))
    (ground.place / "longer").write_bytes(bytes(1024 * 1024 + 1))
    (ground.place / "empty").write_bytes(b"")
    return ground.place


def test_a_record_of_another_is_kept_and_given_back(jiaozi: Run, records: Path) -> None:
    k51 = NAME.ipns_name
    said = jiaozi("ipfs", "name", "put", "--allow-offline", f"/ipns/{NAME}", "3").out
    assert said == f"{k51}\n"
    assert jiaozi("ipfs", "name", "put", "-q", "--allow-offline", k51, "3").out == ""
    row = json.loads(jiaozi("ipfs", "name", "put", "--enc=json", "--allow-offline", k51, "5").out)
    assert row["Name"] == k51
    assert row["Value"].startswith("/ipfs/bafk")
    assert (
        jiaozi("ipfs", "routing", "put", "--allow-offline", f"/ipns/{k51}", "7").out == f"{NAME}\n"
    )
    raw = (records / "7").read_bytes()
    assert record(jiaozi, str(NAME)) == raw
    assert jiaozi("ipfs", "routing", "get", "--allow-offline", f"/ipns/{NAME}").raw == raw
    row = json.loads(
        jiaozi("ipfs", "routing", "get", "--allow-offline", "--enc=json", f"/ipns/{k51}").out
    )
    assert (row["Type"], row["ID"], row["Responses"]) == (5, "", None)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["name", "put", "{k51}", "7"], OFFLINE[7:-1]),
        (["name", "put", KEPT, "--allow-delegated", "{k51}", "7"], "cannot use both"),
        (["name", "put", "--allow-delegated", "{k51}", "7"], "no delegated publishers configured"),
        (["name", "put", KEPT, "{k51}", "3"],
         "existing IPNS record has sequence 5 >= new record sequence 3, use 'ipfs name put"),
        (["name", "put", KEPT, "{k51}", "long"], "record exceeds maximum size of 10240"),
        (["name", "put", KEPT, "{k51}", "longer"], "IPNS record is 1048577 bytes, over"),
        (["name", "put", KEPT, "{k51}", "empty"], "record is empty"),
        (["name", "put", KEPT, "{k51}", "cut"], "invalid IPNS record: record is malform"),
        (["name", "put", KEPT, "{k51}", "expired"], "record validation failed: record is"),
        (["name", "put", KEPT, UNKNOWN, "7"], "record validation failed: signature"),
        (["name", "put", KEPT, "nope", "7"],
         "invalid IPNS name: failed to parse peer ID: invalid cid: "),
        (["name", "put", KEPT, "--force", "{k51}", "long"], "record exceeds allowed size"),
        (["name", "put", KEPT, "--force", "{k51}", "cut"], "record is malformed: "),
        (["name", "put", KEPT, "--force", "{k51}", "expired"], "record is expired"),
        (["name", "put", KEPT, "--force", UNKNOWN, "7"], "signature verification failed"),
        (["routing", "put", "/ipns/{k51}", "7"], "can't put while offline: pass `--allow-off"),
        (["routing", "put", KEPT, "/ipns/nope", "7"], "failed to parse peer ID: invalid"),
        (["routing", "put", KEPT, "/pk/{k51}", "7"], "failed to parse peer ID: invalid"),
        (["routing", "put", KEPT, "{k51}", "7"], "invalid key"),
        (["routing", "put", KEPT, "/ipns/{k51}", "3"], "can't replace a newer value"),
        (["routing", "put", KEPT, "/ipns/{k51}", "cut"], "record is malformed: "),
        (["routing", "put", KEPT, "/ipns/{k51}", "expired"], "record is expired"),
        (["name", "get", "{k51}"], OFFLINE[7:-1]),
        (["name", "get", "--allow-offline", UNKNOWN], "routing: not found"),
        (["name", "get", "--allow-offline", "nope"], "failed to parse peer ID: invalid cid: "),
        (["name", "get", "--allow-offline", "/ipfs/x"], "invalid key"),
        (["routing", "get", "/ipns/{k51}"], OFFLINE[7:-1]),
        (["routing", "get", "--allow-offline", "nope"], "invalid key"),
        (["routing", "get", "--allow-offline", "/pk/{k51}"], "invalid key"),
        (["routing", "get", "--allow-offline", f"/ipns/{UNKNOWN}"], "routing: not found"),
        (["name", "inspect", "cut"], "record is malformed: "),
        (["name", "inspect", "empty"], "record is malformed: record is missing the dag-cbor data"),
        (["name", "inspect", "long"], "record exceeds allowed size limit"),
        (["name", "inspect", "--verify=nope", "7"], "failed to parse peer ID: invalid cid: "),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value)[:48],
)  # fmt: skip
@pytest.mark.parametrize("held", ["alone"], indirect=True)
def test_what_is_neither_kept_nor_given(
    jiaozi: Run, records: Path, words: list[str], says: str
) -> None:
    jiaozi("ipfs", "name", "put", "-q", "--allow-offline", NAME.ipns_name, "5")
    ran = jiaozi("ipfs", *[word.format(k51=NAME.ipns_name) for word in words], code=1)
    assert ran.out == ""
    (line,) = ran.err.splitlines()
    assert line.startswith(f"Error: {says}")
    assert record(jiaozi, NAME.ipns_name) == (records / "5").read_bytes()


def test_an_older_record_comes_in_by_force(jiaozi: Run, records: Path) -> None:
    jiaozi("ipfs", "name", "put", "--allow-offline", NAME.ipns_name, "7")
    jiaozi("ipfs", "name", "put", "--allow-offline", "--force", NAME.ipns_name, "3")
    assert record(jiaozi, NAME.ipns_name) == (records / "3").read_bytes()


def test_a_record_that_leads_nowhere_is_kept_and_not_followed(jiaozi: Run, records: Path) -> None:
    jiaozi("ipfs", "name", "put", "--allow-offline", NAME.ipns_name, "nowhere")
    said = jiaozi("ipfs", "name", "resolve", NAME.ipns_name, code=1).err
    assert said.startswith("Error: value is not a valid content path: ")
    found = inspected(jiaozi, (records / "nowhere").read_bytes(), records)
    assert found["Entry"]["Value"] == ""


def test_the_gateways_fixtures_are_put_as_their_suite_puts_them(
    jiaozi: Run, ground: Ground
) -> None:
    for name, path in FILES.items():
        key = name.partition(".")[0].partition("_")[0]
        bad = "broken-v1-value" in name or "broken-signature-v2" in name or "_v1." in name
        code = 1 if bad or ".ed25519-v2" in name else 0
        if code == 0 or bad:
            jiaozi("ipfs", "routing", "put", "--allow-offline", f"/ipns/{key}", path, code=code)
        if code == 0:
            assert record(jiaozi, key) == path.read_bytes()


# ---- what needs peers


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["routing", "findprovs", MISSING], "this command must be run in online mode. Try running"),
        (["routing", "findpeer", UNKNOWN], "this command must be run in online mode. Try running"),
        (["routing", "provide", "x", "y"], "this command must be run in online mode. Try running"),
        (["routing", "reprovide"], "this command must be run in online mode. Try running"),
        (["name", "pubsub", "subs"], "IPNS pubsub subsystem is not enabled"),
        (["name", "pubsub", "subs", "--ipns-base=nope"], "unsupported multibase encoding: nope"),
        (["name", "pubsub", "cancel", UNKNOWN], "IPNS pubsub subsystem is not enabled"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value)[:30],
)
@pytest.mark.parametrize("held", ["alone"], indirect=True)
def test_what_asks_peers_is_refused(
    jiaozi: Run, ground: Ground, words: list[str], says: str
) -> None:
    ran = jiaozi("ipfs", *words, code=1)
    assert (ran.out, ran.err.count("\n")) == ("", 1)
    assert ran.err.startswith(f"Error: {says}")


def test_records_by_pubsub_are_off(jiaozi: Run, ground: Ground) -> None:
    assert jiaozi("ipfs", "name", "pubsub", "state").out == "disabled\n"
    assert jiaozi("ipfs", "name", "pubsub", "state", "--enc=json").out == '{"Enabled":false}\n'


# ---- looking into records


def test_what_a_record_says_is_shown_as_kubo_shows_it(jiaozi: Run, ground: Ground) -> None:
    (name,) = [name for name in FILES if ".ed25519-v1-v2." in name]
    key, path = name.partition(".")[0], FILES[name]
    said = jiaozi("ipfs", "name", "inspect", "--verify", key, path).out
    head, dump = said.split("\nHex Dump:\n")
    assert head == (
        'Value:          "/ipfs/bafkqaddwgevxmmraojswg33smq"\n'
        "Validity Type:  0\n"
        f'Validity:       "{ipns_validity(path)}"\n'
        "Sequence:       7\n"
        "TTL:            1h0m0s\n"
        f"Protobuf Size:  {len(path.read_bytes())}\n"
        "Signature Type: V1+V2\n"
        "\n"
        "Validation results:\n"
        " Valid: true\n"
        f" Name:  {key}\n"
    )
    assert dump == hex_dump(path.read_bytes())
    said = jiaozi("ipfs", "name", "inspect", "--dump=false", path).out
    assert said.endswith("\n\nThis record was not verified. Pass '--verify k51...' to verify.\n")
    said = jiaozi("ipfs", "name", "inspect", "--dump=false", "--verify", UNKNOWN, path).out
    assert said.endswith(
        f"\n Valid:  false\n Reason: signature verification failed\n Name:   {UNKNOWN}\n"
    )


def ipns_validity(path: Path) -> str:
    return str(ipns.decode(path.read_bytes()).fields["Validity"].decode())


def test_a_dump_is_that_of_hexdump() -> None:
    assert hex_dump(b"") == ""
    assert hex_dump(bytes(range(30, 47))) == (
        "00000000  1e 1f 20 21 22 23 24 25  26 27 28 29 2a 2b 2c 2d  |.. !\"#$%&'()*+,-|\n"
        "00000010  2e                                                |.|\n"
    )
