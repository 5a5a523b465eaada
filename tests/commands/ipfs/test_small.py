"""Small commands of the Kubo face; lines and refusals are what Kubo 0.43 answered, offline."""

import io
import json
import os
import subprocess
import threading
from pathlib import Path

import pytest

from jiaozi_node.commands.ipfs import multibase
from jiaozi_node.node.config import Config, changing
from tests.commands.conftest import Run

PEER = "12D3KooWSs1QRrUcjUcTFe465BG5Vf2NCra7N74gnYBpyguLbXM9"
FAR = f"/ip4/192.0.2.1/tcp/4001/p2p/{PEER}"
FAR2 = "/dns4/example.org/tcp/443/wss/p2p/QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN"
EMPTY = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"
MISSING = "bafkreiebzrnroamgos2adnbpgw5apo3z4iishhbdx77gldnbk57d4zdio4"
ONLINE = "this command must be run in online mode. Try running 'ipfs daemon' first"


@pytest.fixture
def ipfs(jiaozi: Run) -> Run:
    jiaozi("ipfs", "init", "--profile=test")
    return lambda *words, code=0: jiaozi("ipfs", *words, code=code)


def stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


def refused(ipfs: Run, *words: str) -> str:
    ran = ipfs(*words, code=1)
    assert ran.out == ""
    first, *rest = ran.err.splitlines()
    assert not rest
    return first


def test_bootstrap_peers_come_and_go(ipfs: Run) -> None:
    assert ipfs("bootstrap").out == ""
    assert ipfs("bootstrap", "add", FAR).out == f"added {FAR}\n"
    assert ipfs("bootstrap", "add", FAR2, FAR).out == f"added {FAR2}\nadded {FAR}\n"
    assert ipfs("bootstrap", "list").out == f"{FAR2}\n{FAR}\n"
    assert ipfs("bootstrap", "rm", f"/p2p/{PEER}").out == f"removed {FAR}\n"
    assert ipfs("bootstrap", "rm", FAR).out == ""
    assert (
        ipfs("bootstrap", "--enc=json").out == json.dumps({"Peers": [FAR2]}).replace(" ", "") + "\n"
    )
    assert ipfs("bootstrap", "rm", "all").out == f"removed {FAR2}\n"
    assert ipfs("config", "Bootstrap").out == "null\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["add", "nonsense"], 'failed to parse multiaddr "nonsense": must begin with /'),
        (["add", FAR, "/ip4/192.0.2.1/tcp/1"], "invalid bootstrap address: /ip4/192.0.2.1/tcp/1"),
        (["add", f"/p2p/{PEER}"], f"bootstrap address without a transport: /p2p/{PEER}"),
        (["add", "default"], "cannot add default bootstrap peers: AutoConf is disabled"),
        (["add", "/ip4/192.0.2.1/tcp/1/p2p/nope"], "failed to parse p2p addr: nope invalid cid: "
         "selected encoding not supported"),
        (["rm", "/ip4/192.0.2.1/tcp/1"], "invalid p2p multiaddr"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value)[:20],
)  # fmt: skip
def test_no_bootstrap_peer(ipfs: Run, words: list[str], says: str) -> None:
    assert says in refused(ipfs, "bootstrap", *words)
    assert ipfs("bootstrap").out == ""


def test_a_list_of_peers_that_is_none_is_named(ipfs: Run, place: Path) -> None:
    with changing(place.parent / "home" / "config") as config:
        config.set("Bootstrap", {"a": 1})
    assert "Bootstrap in the configuration is not a list" in refused(ipfs, "bootstrap")


@pytest.mark.parametrize(
    "words",
    [
        ["bitswap", "wantlist"], ["bitswap", "ledger", PEER], ["ping", PEER], ["swarm", "filters"],
        ["swarm", "peering", "ls"], ["stats", "dht"], ["routing", "findpeer", PEER],
        ["routing", "findprovs", EMPTY], ["provide", "once", EMPTY], ["provide", "stat"],
        ["version", "check"], ["mount"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_needs_peers_is_refused(ipfs: Run, words: list[str]) -> None:
    assert refused(ipfs, *words) == f"Error: {ONLINE}"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["swarm", "peers"], "this action must be run in online mode, try running 'ipfs daemon'"),
        (["swarm", "connect", FAR], f"connect {PEER} failure: this action must be run in online"),
        (["swarm", "connect", "/ip4/192.0.2.1/tcp/1"], "found no ipfs peers at /ip4/192.0.2.1/tcp"),
        (["swarm", "peering", "add", "x"], 'failed to parse multiaddr "x": must begin with /'),
        (["swarm", "resources"], "missing ResourceMgr"),
        (["stats", "bw"], f"unable to run offline: {ONLINE}"),
        (["pubsub", "ls"], "experimental pubsub feature not enabled"),
        (["pubsub", "reset", "--peer=x"], "invalid peer ID"),
        (["p2p", "ls"], "libp2p stream mounting not enabled"),
        (["dht", "get"], "removed, use 'ipfs routing' instead"),
        (["dht", "query", PEER], "routing service is not a DHT"),
        (["object", "get"], "removed, use 'ipfs dag' or 'ipfs files' instead"),
        (["log", "level"], "command must be run on the daemon: [log level]"),
        (["log", "tail"], "command must be run on the daemon: [log tail]"),
        (["diag", "cmds"], "command must be run on the daemon: [diag cmds]"),
        (["repo", "migrate", "--to=17"], "it can't become a repository of version 17"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value)[:24],
)  # fmt: skip
@pytest.mark.parametrize("held", ["alone"], indirect=True)
def test_others_say_why_they_cant(ipfs: Run, words: list[str], says: str) -> None:
    assert says in refused(ipfs, *words)


def test_what_a_node_without_peers_can_say(ipfs: Run) -> None:
    assert ipfs("provide", "clear").out == "removed 0 items from provide queue\n"
    assert ipfs("pubsub", "reset").out == "Reset validator state for 0 peer(s)\n"
    assert ipfs("swarm", "disconnect", FAR).out.startswith(
        f"disconnect {PEER} failure: this action"
    )
    assert ipfs("diag", "healthy").out == '"ok"\n'
    assert ipfs("repo", "migrate").out == "Repository is already at version 18.\n"
    assert "Version:    fs-repo@18" in ipfs("stats", "repo").out
    assert ipfs("version", "deps").out.startswith("jiaozi@")
    row = json.loads(ipfs("diag", "sys").out)
    assert row["net"]["online"] is False
    assert row["runtime"]["numcpu"] == os.cpu_count()


def test_multibase(ipfs: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def given(data: bytes, *words: str, code: int = 0) -> bytes:
        stdin(monkeypatch, data)
        ran = ipfs("multibase", *words, code=code)
        return ran.raw if code == 0 else ran.err.splitlines()[0].encode()

    assert given(b"hello", "encode") == b"uaGVsbG8"
    assert given(b"\0\1hello\xff", "encode", "-b", "identity") == b"\0\0\1hello\xff"
    assert given(b"\0raw\xff", "decode") == b"raw\xff"
    assert given(b"uaGVs\nbG8\n", "decode") == b"hello"
    assert given(b"f68656c6c6f", "transcode", "-b=base36") == given(b"hello", "encode", "-b=base36")
    assert given(b"x", "encode", "-b=x", code=1) == b"Error: unsupported multibase encoding: x"
    for data, why in (
        (b"?", b"selected encoding not supported"),
        (b"", b"cannot decode multibase for zero length string"),
        (b"f123", b"encoding/hex: odd length hex string"),
        (b"b0", b"illegal base32 data at input byte 0"),
        (b"z0", b"invalid base58 digit ('0')"),
    ):
        assert given(data, "decode", code=1) == b"Error: failed to decode multibase: " + why
    assert ipfs("multibase", "list", "--prefix").out == ipfs("cid", "bases", "--prefix").out


def test_the_input_of_multibase_is_limited(ipfs: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multibase, "MAX_INPUT_BYTES", 4)
    stdin(monkeypatch, b"12345")
    assert "input of multibase is 5 bytes, over the limit of 4" in refused(
        ipfs, "multibase", "encode"
    )


def test_a_pin_takes_the_place_of_another(ipfs: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin(monkeypatch, b"one")
    one = ipfs("block", "put").out.strip()
    stdin(monkeypatch, b"two")
    two = ipfs("block", "put").out.strip()
    ipfs("pin", "add", "--name=held", one)
    assert ipfs("pin", "update", one, two).out == f"updated {one} to {two}\n"
    assert ipfs("pin", "ls", "--names", "-t=recursive").out.splitlines()[-1] == (
        f"{two} recursive held"
    )
    ipfs("pin", "update", "--unpin=false", two, one)
    assert one in ipfs("pin", "ls", "-q").out
    assert "'to' cid was already recursively pinned" in refused(ipfs, "pin", "update", one, two)
    assert "'from' cid was not recursively pinned" in refused(ipfs, "pin", "update", MISSING, two)
    assert f"get {MISSING}: block was not found" in refused(ipfs, "pin", "update", one, MISSING)
    assert ipfs("pin", "update", one, one).out == f"updated {one} to {one}\n"


def test_pins_are_verified(ipfs: Run, place: Path) -> None:
    (place / "f").write_bytes(b"x" * 600_000)
    file = ipfs("add", "-Q", "--cid-version=1", "f").out.strip()
    assert ipfs("pin", "verify").out == ""
    assert sorted(ipfs("pin", "verify", "--verbose").out.splitlines()) == sorted(
        (f"{EMPTY} ok", f"{file} ok")
    )
    car = place / "partial.car"
    car.write_bytes(ipfs("dag", "export", file).raw)
    assert "can not be used at the same time" in refused(
        ipfs, "pin", "verify", "--verbose", "--quiet"
    )


def test_the_tree_of_commands(ipfs: Run) -> None:
    lines = ipfs("commands").out.splitlines()
    assert lines[0] == "ipfs"
    assert lines == sorted(lines)
    assert {"ipfs swarm peering ls", "ipfs commands completion zsh", "ipfs pin"} <= set(lines)
    assert "ipfs pin ls --type / ipfs pin ls -t" in ipfs("commands", "-f").out.splitlines()
    tree = json.loads(ipfs("commands", "--enc=json").out)
    assert tree["Name"] == "ipfs"
    assert {"Names": ["encoding", "enc"]} in tree["Options"]


def test_completions_complete(ipfs: Run, place: Path) -> None:
    script = place / "completion"
    script.write_text(ipfs("commands", "completion", "bash").out)

    def complete(*words: str) -> set[str]:
        line = f"source {script}; COMP_WORDS=({' '.join(words)} ''); COMP_CWORD={len(words)}; "
        done = subprocess.run(
            ["bash", "-c", line + '_ipfs; printf "%s\\n" "${COMPREPLY[@]}"'],
            capture_output=True,
            text=True,
            check=True,
        )
        return set(done.stdout.split())

    assert {"pin", "swarm", "--offline"} <= complete("ipfs")
    assert {"add", "ls", "remote"} <= complete("ipfs", "pin")
    assert {"--type", "-t"} <= complete("ipfs", "pin", "ls", "-q", EMPTY)
    for shell in ("zsh", "fish"):
        assert "ipfs" in ipfs("commands", "completion", shell).out


def test_object_patch_and_diff(ipfs: Run) -> None:
    one = ipfs("object", "patch", "add-link", EMPTY, "x", EMPTY).out.strip()
    assert one == "QmV3SwRtyMFuN1vn37g76HvFtapDePF7cPA6TMgAKKdiXe"
    assert ipfs("object", "diff", EMPTY, one).out == f'+ {EMPTY} "x"\n'
    assert ipfs("object", "diff", "-v", one, EMPTY).out == f'Removed link "x" (was {EMPTY}).\n'
    assert ipfs("object", "patch", "rm-link", one, "x").out == f"{EMPTY}\n"
    assert "no link by that name" in refused(ipfs, "object", "patch", "rm-link", one, "y")
    assert "cannot create link with no name" in refused(
        ipfs, "object", "patch", "add-link", one, "", one
    )


def test_secrets_are_shown_to_nobody_and_survive_a_replacement(ipfs: Run, place: Path) -> None:
    secret = {"me": {"AuthSecret": "bearer:hush", "AllowedPaths": ["/api/v0"]}}
    assert ipfs("config", "--json", "API.Authorizations", json.dumps(secret)).out == ""
    service = ["pin", "remote", "service", "add", "near", "http://127.0.0.1:9", "hush"]
    ipfs(*service)
    for words in (
        ["config", "show"],
        ["config", "API"],
        ["config", "profile", "apply", "--dry-run", "lowpower"],
        ["config", "profile", "apply", "--enc=json", "lowpower"],
    ):
        out = ipfs(*words).out
        assert "hush" not in out
        assert "PrivKey" not in out
    assert "hush" not in ipfs("config", "API.Authorizations", code=1).err
    (place / "new.json").write_text(ipfs("config", "show").out)
    ipfs("config", "replace", "new.json")
    config = Config.load(place.parent / "home" / "config")
    assert config.get("API.Authorizations") == secret
    assert config.get("Pinning.RemoteServices.near.API.Key") == "hush"
    values = json.loads((place / "new.json").read_text())
    values["API"]["Authorizations"] = {}
    (place / "new.json").write_text(json.dumps(values))
    ipfs("config", "replace", "new.json")
    assert Config.load(place.parent / "home" / "config").get("API.Authorizations") == {}


def test_unknown_keys_survive_and_nothing_is_lost_between_two_writers(
    ipfs: Run, place: Path
) -> None:
    path = place.parent / "home" / "config"
    with changing(path) as config:
        config.set("Made.By.Another", {"null": None, "empty": {}, "list": []})

    def write(who: int) -> None:
        for number in range(20):
            with changing(path) as config:
                config.set(f"Internal.of{who}n{number}", number)

    threads = [threading.Thread(target=write, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ipfs("config", "--json", "Import.CidVersion", "1")
    config = Config.load(path)
    assert config.get("Made.By.Another") == {"null": None, "empty": {}, "list": []}
    assert len(config.get("Internal")) == 80
    assert config.get("Import.CidVersion") == 1
