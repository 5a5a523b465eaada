"""Keys and names: both programs say the same, and each believes what the other signed."""

import base64
import json
import os
import shlex
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeAlias

import pytest

from interop.kubo.face import Step as S
from interop.kubo.face import lines, refusals
from interop.programs import Answer, Pair, Program, jiaozi
from jiaozi_node.formats.peer_id import PeerId
from tests.dns_server import DnsServer

VECTORS = Path(__file__).parents[2] / "specs" / "vectors"
KEYS = json.loads((VECTORS / "keys" / "kubo-types.json").read_text())["keys"]
Told: TypeAlias = list[tuple[Answer, Answer]]
KINDS = ("ed25519", "rsa", "secp256k1")
UNKNOWN = "k51qzi5uqu5dgy5hwlxkgx9x02sw01pm02m2fadsgxrcfkwukmzp0667yimewb"
MISSING = "bafkreiebzrnroamgos2adnbpgw5apo3z4iishhbdx77gldnbk57d4zdio4"


class Ground(NamedTuple):
    """Equal homes with the keys of the vectors, files beside them, and the words for braces."""

    pair: Pair
    files: Path
    words: dict[str, str]


@pytest.fixture(scope="module")
def served() -> Iterator[DnsServer]:
    with DnsServer({}).running() as server:
        yield server


@pytest.fixture(scope="module")
def start(template: Pair, tmp_path_factory: pytest.TempPathFactory, served: DnsServer) -> Ground:
    root = tmp_path_factory.mktemp("names")
    files = root / "files"
    (files / "t" / "sub").mkdir(parents=True)
    (files / "t" / "a.txt").write_text("a\n")
    (files / "t" / "sub" / "b.txt").write_text("b\n")
    (files / "message").write_text("what is signed\n")
    (files / "junk").write_text("no key and no record\n")
    (files / "empty").touch()
    (files / "long").write_bytes(bytes(11_000))
    words = {"unknown": UNKNOWN, "missing": MISSING, "self": ""}
    for kind, row in KEYS.items():
        (files / f"{kind}.key").write_bytes(bytes.fromhex(row["protobuf"]))
        (files / f"{kind}.pem").write_text(row["pem"])
        words |= {kind: row["ipns_name"], f"{kind}_b58": row["peer_id"]}
        words[f"{kind}_sig"] = row["signature"]
        (path,) = (VECTORS / "ipns").glob(f"*.{kind}-v1-v2.ipns-record")
        (files / f"{kind}.rec").write_bytes(path.read_bytes())
        (path,) = (VECTORS / "ipns").glob(f"*.{kind}-v2.ipns-record")
        (files / f"{kind}2.rec").write_bytes(path.read_bytes())
    pair = template.copy(root / "homes")
    setting = json.dumps({".": served.url})
    for program in (pair.kubo, pair.ours):
        program.run("config", "--json", "DNS.Resolvers", setting).good()
        for kind in KINDS:
            program.run("key", "import", kind, f"{kind}.key", cwd=files).good()
        words["tree"] = program.run("add", "-Qr", "t", cwd=files).good().text
        words["file"] = program.run("add", "-Q", "--cid-version=1", "t/a.txt", cwd=files).text
        publish = ("name", "publish", "--allow-offline")
        program.run(*publish, "--key=ed25519", words["tree"]).good()
        program.run(*publish, "--key=rsa", f"/ipns/{words['ed25519']}").good()
        program.run(*publish, "--key=secp256k1", f"/ipfs/{words['tree']}/").good()
    served.zone.update(
        {
            "_dnslink.a.test.": [f"dnslink=/ipfs/{words['tree']}"],
            "_dnslink.b.test.": ["dnslink=/ipns/a.test/sub", "v=spf1 -all"],
            "_dnslink.c.test.": [f"dnslink=/ipns/{words['ed25519']}"],
            "_dnslink.d.test.": [words["tree"]],
            "_dnslink.two.test.": [f"dnslink=/ipfs/{words['tree']}", "dnslink=/ipns/a.test"],
            "_dnslink.none.test.": ["something else"],
        }
    )
    return Ground(pair, files, words)


# Each in a copy of the same homes; what is printed and complained of is equal, byte for byte.
STORIES: dict[str, tuple[S, ...]] = {
    "key ls": lines(
        "key ls", "key list", "key ls --ipns-base=nope",
        "key rename ed25519 other", "key ls", "key rename -f other rsa", "key rename rsa rsa",
        "key rm rsa secp256k1", "key rm gone", "key ls",
    ),
    "key refuses": (
        *lines(
            "key gen ed25519", "key gen self", "key gen -t dsa x", "key gen -t rsa -s 1024 x",
            "key gen -t rsa -s 9000 x", "key gen -s 2048 x", "key gen -t secp256k1 -s 1 x",
            "key gen --ipns-base=nope x", "key gen", "key gen a b", "key gen ''",
            "key rename gone x", "key rename ed25519 rsa", "key rename self x",
            "key rename -f rsa self", "key rm self", "key rm", "key export gone", "key export self",
            "key export -f der rsa", "key rotate", "key rotate -o self",
        ),
        S("key rotate -o rsa", how="nothing"),
        S("key rotate -o x -t dsa", how="nothing"),
        *refusals("key nonsense"),
    ),
    "key export and import": (
        *lines(
            "key import in ed25519.key", "key import in rsa.key", "key import self rsa.key",
            "key import -f pem-pkcs8-cleartext in2 rsa.pem",
            "key import -f pem-pkcs8-cleartext --ipns-base=b58mh in3 secp256k1.pem",
            "key import --ipns-base=base32 in4 secp256k1.key",
            "key import in5 ecdsa.key", "key import --allow-any-key-type in5 ecdsa.key",
            "key import in6 rsa.pem", "key import -f der in6 rsa.key", "key import in6",
            "key export rsa", "key export -f pem-pkcs8-cleartext rsa", "key export -o out in5",
            "key export -f pem-pkcs8-cleartext in5",
        ),
        *refusals(
            "key import in6 junk", "key import -f pem-pkcs8-cleartext in6 junk",
            "key import in6 empty", "key import in6 nowhere",
        ),
    ),
    "key sign and verify": (
        *lines(
            "key sign -k ed25519 message", "key sign -k rsa message", "key sign -k gone message",
            "key verify -k ed25519 -s {ed25519_sig} message",
            "key verify -k {ed25519} -s {ed25519_sig} message",
            "key verify -k {secp256k1_b58} -s {secp256k1_sig} message",
            "key verify -k rsa -s {rsa_sig} message", "key verify -k rsa -s {rsa_sig} junk",
            "key verify -k ed25519 -s {ed25519_sig} junk",
            "key verify -k secp256k1 -s {secp256k1_sig} junk",
            "key verify -k {rsa} -s {rsa_sig} message", "key verify -k gone -s uAAAA message",
            "key verify -k ed25519 message",
        ),
        *refusals("key verify -k ed25519 -s zz!! message"),
    ),
    "name publish": (
        *lines(
            "name publish {file}",
            "name publish --allow-offline --key=ed25519 {file}",
            "name publish --allow-offline --key={ed25519_b58} -Q /ipfs/{tree}/",
            "name publish --allow-offline --key={rsa} ipfs://{file}",
            "name publish --allow-offline --key=secp256k1 --ipns-base=b58mh /ipns/{rsa}/sub",
            "name publish --allow-offline --key=rsa --enc=json {tree}/sub",
            "name publish --allow-offline --key=rsa --resolve=false {missing}",
            "name resolve {rsa}", "name resolve {ed25519}", "name resolve {secp256k1}",
            "name publish --allow-offline --key=rsa --sequence=10 {tree}",
            "name publish --allow-offline --key=rsa --sequence=10 {tree}",
            "name publish --allow-offline --key=rsa --sequence=x {tree}",
            "name publish --allow-offline --key=gone {tree}",
            "name publish --allow-offline --key={unknown} {tree}",
            "name publish --allow-offline --allow-delegated {tree}",
            "name publish --allow-delegated {tree}",
            "name publish --allow-offline nonsense",
            "name publish --allow-offline /ipfs/nonsense", "name publish --allow-offline {missing}",
            "name publish --allow-offline {tree}/none",
            "name publish --allow-offline /ipns/{unknown}",
            "name publish --allow-offline --lifetime=0s {tree}",
            "name publish --allow-offline --lifetime=-1s {tree}",
            "name publish --allow-offline --lifetime=x {tree}",
            "name publish --allow-offline --lifetime=7d2h {tree}",
            "name publish --allow-offline --ttl=3 {tree}",
            "name publish --allow-offline --ttl=-1s {tree}",
            "name publish --allow-offline --ttl=1h30m --lifetime=90s {tree}",
            "name publish --allow-offline --ttl=300ms --lifetime=200ms {tree}",
            "name publish --allow-offline --sequence=0 {tree}", "name resolve",
        ),
    ),
    "name resolve": (
        *lines(
            "name resolve {ed25519}", "name resolve {ed25519_b58}", "name resolve /ipns/{ed25519}",
            "name resolve ipns://{rsa}", "name resolve ipns:{rsa_b58}", "name resolve {rsa}/a.txt",
            "name resolve -r=false {rsa}", "name resolve -r=false {ed25519}",
            "name resolve -n {rsa}", "name resolve -s {rsa}", "name resolve -s -r=false {rsa}",
            "name resolve {secp256k1}", "name resolve {secp256k1}/sub/",
            "name resolve --enc=json {rsa}",
            "name resolve --dhtrc=3 --dhtt=3s {rsa}", "name resolve --dhtt=-3s {rsa}",
            "name resolve --dhtt=x {rsa}", "name resolve --dhtrc=-1 {rsa}", "name resolve",
            "name resolve {unknown}", "name resolve /ipfs/{tree}", "name resolve ''",
            "name resolve /", "name resolve /nope/x", "name resolve a b",
        ),
    ),
    "resolve": lines(
        "resolve {tree}", "resolve /ipfs/{tree}/sub/b.txt", "resolve {tree}/sub",
        "resolve ipfs://{tree}",
        "resolve --cid-base=base32 {tree}/sub", "resolve --cid-base=base32 /ipns/{rsa}",
        "resolve /ipns/{ed25519}", "resolve /ipns/{rsa}/sub/b.txt", "resolve -r=false /ipns/{rsa}",
        "resolve -r=false ipns://{rsa}/sub", "resolve -r=false {tree}", "resolve {ed25519}",
        "resolve nonsense", "resolve {tree}/none", "resolve /ipns/{unknown}",
        "resolve -r=false /ipns/{unknown}", "resolve -r=false --dhtt=x /ipns/{rsa}",
        "resolve --dhtt=x /ipns/{rsa}", "resolve --enc=json /ipns/{rsa}", "resolve",
        "resolve --cid-base=nope {tree}", "resolve /ipns/{secp256k1}",
    ),
    "paths of names": lines(
        "cat /ipns/{rsa}/a.txt", "cat ipns://{ed25519}/sub/b.txt", "cat /ipns/{unknown}",
        "ls /ipns/{rsa}", "ls -v /ipns/{secp256k1}", "refs -r /ipns/{rsa}", "dag get /ipns/{rsa}",
        "dag resolve /ipns/{rsa}/sub", "dag stat --progress=false /ipns/{rsa}",
        "block stat /ipns/{rsa}",
        "dag export /ipns/{rsa}", "pin ls /ipns/{rsa}", "pin add /ipns/{rsa}/sub",
        "pin ls /ipns/{rsa}/sub",
        "get -o out /ipns/{rsa}", "get -o a /ipns/{rsa}/a.txt",
    ),
    "records": (
        *lines(
            "name inspect ed25519.rec", "name inspect --verify={ed25519} ed25519.rec",
            "name inspect --verify={rsa} --dump=false rsa2.rec", "name inspect --enc=json rsa.rec",
            "name inspect --verify={secp256k1_b58} secp256k12.rec",
            "name inspect --verify={ecdsa} --dump=false ecdsa.rec",
            "name inspect --verify={unknown} --dump=false ed25519.rec",
            "name inspect --verify={rsa} --dump=false --enc=json ed25519.rec",
            "name inspect --verify={ed25519} --dump=false rsa.rec",
            "name inspect --verify=nope ed25519.rec", "name inspect long",
            "name put --allow-offline {ed25519} ed25519.rec", "name resolve {ed25519}",
            "name put --allow-offline /ipns/{ed25519_b58} ed255192.rec",
            "name resolve -r=false {ed25519}",
            "name put -q --allow-offline {ed25519} ed255192.rec",
            "name put --enc=json --allow-offline {rsa} rsa.rec", "name resolve {rsa}",
            "name put {rsa} rsa.rec", "name put --allow-offline --allow-delegated {rsa} rsa.rec",
            "name put --allow-delegated {rsa} rsa.rec",
            "name put --allow-offline {rsa} ed25519.rec",
            "name put --allow-offline {unknown} ed25519.rec",
            "name put --allow-offline nope rsa.rec",
            "name put --allow-offline {rsa} long", "name put --allow-offline {rsa} empty",
            "routing put --allow-offline /ipns/{secp256k1} secp256k1.rec",
            "name resolve {secp256k1}",
            "routing put --enc=json --allow-offline /ipns/{secp256k1_b58} secp256k12.rec",
            "routing put /ipns/{secp256k1} secp256k1.rec",
            "routing put --allow-offline nope rsa.rec",
            "routing put --allow-offline /ipns/nope rsa.rec",
            "routing put --allow-offline {rsa} rsa.rec",
            "routing put --allow-offline /pk/{rsa} rsa.rec",
            "name get {rsa}", "routing get /ipns/{rsa}", "name get nope", "routing get nope",
            "name put --allow-offline {rsa}",
        ),
        *refusals("name inspect junk", "name inspect empty", "name put --allow-offline {rsa} junk"),
    ),
    "peers and pubsub": (
        *lines(
            "routing findprovs {tree}", "routing findprovs -n 0 nonsense", "routing findprovs",
            "routing findpeer {ed25519_b58}", "routing findpeer", "routing provide {tree}",
            "routing reprovide", "name pubsub state", "name pubsub state --enc=json",
            "name pubsub subs", "name pubsub subs --ipns-base=nope", "name pubsub cancel {rsa}",
            "name pubsub cancel",
        ),
    ),
    "domains": (
        *lines(
            "name resolve a.test", "name resolve /ipns/b.test/b.txt",
            "name resolve -r=false b.test",
            "name resolve c.test", "name resolve d.test", "cat /ipns/a.test/a.txt",
            "ls ipns://b.test", "resolve /ipns/c.test/sub", "resolve -r=false /ipns/c.test",
            "name resolve two.test", "name resolve none.test", "name resolve gone.test",
            "cat /ipns/gone.test/x", "name resolve nodots", "--offline name resolve a.test",
            "name publish --allow-offline --key=rsa /ipns/b.test", "name resolve {rsa}",
            "name resolve -r=false {rsa}",
        ),
    ),
}  # fmt: skip

# Lines by which the two must differ, and why; when they no longer do, the line fails.
DIFFER: tuple[tuple[str, str], ...] = (
    ("key import -f pem-pkcs8-cleartext x junk", "Kubo quotes the input, which may be a key"),
    ("name resolve {file}", "we name the fault before we ask for a domain that can't be meant"),
    ("name publish --allow-offline --key=ed25519 --sequence=18446744073709551615 {tree}",
     "Kubo signs a negative number; a sequence beyond 2^63 - 1 is made by nobody here"),
    ("name publish --allow-offline --key=ed25519 --resolve=false /ipns/{rsa}", ""),
    ("cat /ipns/{rsa}", "we name the names that lead back to each other"),
    ("routing put --allow-offline /ipns/{secp256k1} secp256k12.rec", ""),
    ("routing put --allow-offline /ipns/{secp256k1} secp256k1.rec",
     "an offline Kubo 0.43 lets an older record take the place of a newer one"),
    ("name put --allow-offline {secp256k1} secp256k1.rec",
     "an offline Kubo can't see which record it has, so it doesn't compare"),
    ("routing put --allow-offline /ipns/{rsa} junk",
     "an offline Kubo 0.43 keeps what is no record; nothing invalid is kept here"),
    ("name put --allow-offline --force {rsa} ed25519.rec", "likewise"),
    ("name get --allow-offline {secp256k1}", "the option is ours; an offline Kubo gives no record"),
    ("routing get --allow-offline /ipns/{secp256k1}", "likewise"),
)  # fmt: skip


STEPS = [
    pytest.param(story, number, id=f"{story}: {step.line}")
    for story, steps in STORIES.items()
    for number, step in enumerate(steps)
]


@pytest.fixture(scope="module")
def told(start: Ground, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Told]:
    """Give what both programs answered in a story; it runs once, whichever of its tests asks."""

    @cache
    def play(story: str) -> Told:
        return _play(start, STORIES[story], tmp_path_factory.mktemp("story"))

    return play


@pytest.mark.parametrize(("story", "number"), STEPS)
def test_both_say_the_same(told: Callable[[str], Told], story: str, number: int) -> None:
    step = STORIES[story][number]
    theirs, ours = told(story)[number]
    said = os.fsdecode(ours.err)[-400:]
    if step.how == "nothing":
        assert theirs.code == ours.code, said
        return
    assert (theirs.code, theirs.out) == (ours.code, ours.out), said
    if step.loose:
        assert bool(theirs.complaint) == bool(ours.complaint)
    else:
        assert theirs.complaint == ours.complaint


def test_what_differs_does_so_for_a_reason(
    start: Ground, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("differ")
    told = _play(start, lines(*[line for line, _ in DIFFER]), root)
    same = [
        f"{line}: {os.fsdecode(theirs.err)[-200:]} | {os.fsdecode(ours.err)[-200:]}"
        for (line, reason), (theirs, ours) in zip(DIFFER, told, strict=True)
        if bool(reason)
        == ((theirs.code, theirs.out, theirs.complaint) == (ours.code, ours.out, ours.complaint))
    ]
    assert same == []


def _play(start: Ground, steps: tuple[S, ...], root: Path) -> Told:
    """Run *steps* by both programs at once, each in a place of its own."""
    pair = start.pair.copy(root / "homes")

    def run(program: Program) -> list[Answer]:
        place = root / program.name
        place.mkdir()
        for path in start.files.iterdir():
            if path.is_file():
                (place / path.name).write_bytes(path.read_bytes())
        wanted = [shlex.split(step.line.format_map(start.words)) for step in steps]
        return [program.run(*words, cwd=place) for words in wanted]

    with ThreadPoolExecutor(1) as other:
        theirs = other.submit(run, pair.kubo)
        ours = run(pair.ours)
        return list(zip(theirs.result(), ours, strict=True))


# ---- what one made, the other believes


def test_keys_go_from_either_to_the_other_and_keep_their_ids(start: Ground, tmp_path: Path) -> None:
    pair = start.pair.copy(tmp_path / "homes")
    (tmp_path / "message").write_text("what is signed\n")
    for kind in KINDS:
        for form in ("libp2p-protobuf-cleartext", "pem-pkcs8-cleartext"):
            for giver, taker in ((pair.kubo, pair.ours), (pair.ours, pair.kubo)):
                name = f"{kind}-{form}-{giver.name}"
                made = giver.run("key", "gen", "-t", kind, name).good()
                giver.run("key", "export", "-f", form, "-o", name, name, cwd=tmp_path).good()
                taken = taker.run("key", "import", "-f", form, name, name, cwd=tmp_path).good()
                assert taken.out == made.out
                signed = giver.run("key", "sign", "-k", name, "message", cwd=tmp_path).good()
                signature = json.loads(signed.out)["Signature"]
                verify = ("key", "verify", "-k", name, "-s", signature, "message")
                assert json.loads(taker.run(*verify, cwd=tmp_path).good().out)["SignatureValid"]


@pytest.mark.parametrize("form", ["true", "false"], ids=["V1+V2", "V2"])
def test_records_of_either_are_valid_and_resolve_in_the_other(
    start: Ground, tmp_path: Path, form: str
) -> None:
    pair = start.pair.copy(tmp_path / "homes")
    for kind in KINDS:
        for giver, taker in ((pair.kubo, pair.ours), (pair.ours, pair.kubo)):
            name = giver.run("key", "gen", "-t", kind, f"{kind}-{giver.name}").good().text
            publish = ("name", "publish", "--allow-offline", f"--v1compat={form}", "--ttl=90s")
            giver.run(*publish, "-k", f"{kind}-{giver.name}", start.words["file"]).good()
            (tmp_path / "record").write_bytes(_record(giver, name))
            inspect = ("name", "inspect", "--dump=false", "--enc=json", "--verify", name, "record")
            said = [json.loads(one.run(*inspect, cwd=tmp_path).good().out) for one in pair_of(pair)]
            assert said[0] == said[1]
            assert said[0]["Validation"]["Valid"]
            assert said[0]["SignatureType"] == ("V1+V2" if form == "true" else "V2")
            for put in (("name", "put", "--allow-offline", name),
                        ("routing", "put", "--allow-offline", f"/ipns/{name}")):  # fmt: skip
                taker.run(*put, "record", cwd=tmp_path).good()
                assert taker.run("name", "resolve", name).good().text == (
                    f"/ipfs/{start.words['file']}"
                )
            assert taker.run("cat", f"/ipns/{name}").good().out == b"a\n"


def pair_of(pair: Pair) -> tuple[Program, Program]:
    return pair.kubo, pair.ours


def _record(giver: Program, name: str) -> bytes:
    """Return the record that *giver* published under *name*."""
    if giver.name == "jiaozi":
        return giver.run("name", "get", "--allow-offline", name).good().out
    # An offline Kubo gives its record to nobody; its publisher keeps it at this key.
    raw = PeerId.parse(name).multihash
    at = base64.b32encode(raw).decode().rstrip("=")
    return giver.run("diag", "datastore", "get", f"/ipns/{at}").good().out


def test_a_kubos_keystore_is_ours_as_it_stands(start: Ground, tmp_path: Path) -> None:
    """The directory is the same, file by file, so a home's keys may be copied over."""
    pair = start.pair.copy(tmp_path / "homes")
    for kind in KINDS:
        pair.kubo.run("key", "gen", "-t", kind, f"new {kind}/ü").good()
    shutil.rmtree(pair.ours.home / "keystore")
    shutil.copytree(pair.kubo.home / "keystore", pair.ours.home / "keystore")
    theirs, ours = pair.run("key", "ls", "-l")
    assert theirs.text.splitlines()[1:] == ours.text.splitlines()[1:]
    assert jiaozi(pair.ours.home).run("key", "sign", "-k", "new rsa/ü", stdin=b"x").good().out
