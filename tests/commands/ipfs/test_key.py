"""``ipfs key``: keys made, listed, renamed, removed, moved between homes, and signed with."""

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.commands.conftest import Run

VECTORS = Path(__file__).parents[3] / "specs" / "vectors" / "keys"
GIVEN = json.loads((VECTORS / "kubo-types.json").read_text())
ROWS = GIVEN["keys"]


@pytest.fixture
def home(jiaozi: Run, place: Path) -> Path:
    jiaozi("ipfs", "init")
    return place


@pytest.fixture
def files(home: Path) -> Path:
    """Every vector in both forms, as files to import; and the message."""
    for kind, row in ROWS.items():
        (home / f"{kind}.key").write_bytes(bytes.fromhex(row["protobuf"]))
        (home / f"{kind}.pem").write_text(row["pem"])
    (home / "message").write_text(GIVEN["message"])
    return home


def listed(jiaozi: Run, *words: str) -> dict[str, str]:
    rows = json.loads(jiaozi("ipfs", "key", "ls", "--enc=json", *words).out)["Keys"]
    return {row["Name"]: row["Id"] for row in rows}


def row(jiaozi: Run, *words: str, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(jiaozi("ipfs", "key", *words, "--enc=json", code=code).out)
    return found


def refused(jiaozi: Run, *words: str | Path) -> str:
    """Run what must be refused: one line, exit 1, no key the less or more; return the line."""
    before = listed(jiaozi)
    ran = jiaozi("ipfs", "key", *words, code=1)
    assert ran.out == ""
    (line,) = ran.err.splitlines()
    assert listed(jiaozi) == before
    return line


@pytest.mark.parametrize(
    ("words", "begins"), [((), "k51"), (("-t", "secp256k1"), "kz"), (("--type=rsa",), "k2k4")]
)
def test_a_key_is_made_and_listed(
    jiaozi: Run, home: Path, words: tuple[str, ...], begins: str
) -> None:
    id_ = jiaozi("ipfs", "key", "gen", *words, "mine").out.strip()
    assert id_.startswith(begins)
    assert listed(jiaozi) == {"self": listed(jiaozi)["self"], "mine": id_}
    assert jiaozi("ipfs", "key", "ls").out == "self\nmine\n"
    lines = jiaozi("ipfs", "key", "list", "-l").out.splitlines()
    assert [line.split() for line in lines] == [[listed(jiaozi)["self"], "self"], [id_, "mine"]]
    assert len({line.rindex(" ") for line in lines}) == 1
    text = listed(jiaozi, "--ipns-base=b58mh")["mine"]
    assert text.startswith(("12D3Koo", "16Uiu2", "Qm"))
    assert jiaozi("ipfs", "id", text, "--offline", "-f", "<id>").out == text


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["gen", "there"], "key with name 'there' already exists"),
        (["gen", "self"], "cannot create key with name 'self'"),
        (["gen", ""], "key name must be at least one character"),
        (["gen", "n" * 129], "name of a key is 129 bytes, over the limit of 128"),
        (["gen", "-t", "dsa", "x"], "unrecognized key type: dsa"),
        (["gen", "-t", "rsa", "-s", "1024", "x"], "rsa keys must be >= 2048 bits to be useful"),
        (["gen", "-t", "rsa", "-s", "9999", "x"], "rsa keys must be <= 8192 bits"),
        (["gen", "-s", "2048", "x"], "invalid key size 2048: ed25519 keys are always 256 bits"),
        (["gen", "--ipns-base=base8", "x"], "unsupported multibase encoding: base8"),
        (["rename", "gone", "x"], "no key named gone was found"),
        (["rename", "there", "other"], "key by that name already exists, refusing to overwrite"),
        (["rename", "self", "x"], "cannot rename key with name 'self'"),
        (["rename", "-f", "there", "self"], "cannot overwrite key with name 'self'"),
        (["rm", "gone"], "no key named gone was found"),
        (["rm", "self"], "cannot remove key with name 'self'"),
        (["export", "gone"], "key with name 'gone' doesn't exist"),
        (["export", "self"], "cannot export key with name 'self'"),
        (["export", "-f", "der", "there"], "unrecognized export format: der"),
        (["export", "-o", "no/such/place", "there"], "open no/such/place: no such file or directo"),
        (["rotate"], "keystore name for backing up old key must be provided"),
        (["rotate", "-o", "self"], "keystore name for back up cannot be named 'self'"),
        (["rotate", "-o", "there"], "saving old key in keystore (key by that name already exists"),
        (["rotate", "-o", "x", "-t", "dsa"], "creating identity (unrecognized key type: dsa)"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value)[:30],
)
@pytest.mark.parametrize("held", ["alone"], indirect=True)
def test_what_can_not_be_is_said_as_kubo_says_it(
    jiaozi: Run, home: Path, words: list[str], says: str
) -> None:
    jiaozi("ipfs", "key", "gen", "there")
    jiaozi("ipfs", "key", "gen", "other")
    assert refused(jiaozi, *words).startswith(f"Error: {says}")
    assert not list(home.iterdir())


def test_a_key_gets_another_name_or_takes_the_place_of_one(jiaozi: Run, home: Path) -> None:
    first = jiaozi("ipfs", "key", "gen", "first").out.strip()
    jiaozi("ipfs", "key", "gen", "second")
    said = jiaozi("ipfs", "key", "rename", "first", "über\n").out
    assert said == f"Key {first} renamed to über\\n\n"
    said = jiaozi("ipfs", "key", "rename", "--force", "über\n", "second").out
    assert said == f"Key {first} renamed to second with overwriting\n"
    assert listed(jiaozi)["second"] == first
    assert row(jiaozi, "rename", "second", "second") == {
        "Was": "second", "Now": "second", "Id": first, "Overwrite": False,
    }  # fmt: skip
    assert jiaozi("ipfs", "key", "rm", "second").out == "second\n"
    assert list(listed(jiaozi)) == ["self"]


def test_several_keys_go_until_one_can_not(jiaozi: Run, home: Path) -> None:
    for name in ("a", "b", "c"):
        jiaozi("ipfs", "key", "gen", name)
    assert jiaozi("ipfs", "key", "rm", "a", "b").out == "a\nb\n"
    assert jiaozi("ipfs", "key", "rm", "c", "a", code=1).err == "Error: no key named a was found\n"
    assert list(listed(jiaozi)) == ["self"]


def test_the_key_of_a_repository_stays(jiaozi: Run, place: Path) -> None:
    jiaozi("init", "--name", "birds")
    (id_,) = [name for name in listed(jiaozi) if name != "self"]
    jiaozi("ipfs", "key", "gen", "x")
    for words in (["rm", id_], ["rename", id_, "y"], ["rename", "-f", "x", id_]):
        assert "is that of the repository 'birds'" in refused(jiaozi, *words)


def test_a_key_whose_file_is_damaged_is_passed_over_and_told(jiaozi: Run, home: Path) -> None:
    jiaozi("ipfs", "key", "gen", "good")
    (home.parent / "home" / "keystore" / "key_mjqwi").write_bytes(b"junk")
    ran = jiaozi("ipfs", "key", "ls")
    assert ran.out == "self\ngood\n"
    assert "'bad' is damaged" in ran.err


# ---- in and out


@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("form", ["key", "pem"])
def test_kubos_keys_come_in_and_go_out_as_they_were(
    jiaozi: Run, files: Path, kind: str, form: str
) -> None:
    wanted = [] if form == "key" else ["-f", "pem-pkcs8-cleartext"]
    given = files / f"{kind}.{form}"
    said = jiaozi("ipfs", "key", "import", *wanted, "--allow-any-key-type", "in", given).out
    assert said == ROWS[kind]["ipns_name"] + "\n"
    assert listed(jiaozi, "--ipns-base=b58mh")["in"] == ROWS[kind]["peer_id"]
    assert jiaozi("ipfs", "key", "export", *wanted, "in").out == ""
    assert (files / f"in.{form}").read_bytes() == given.read_bytes()
    assert (files / f"in.{form}").stat().st_mode & 0o777 == 0o600


def test_an_export_replaces_a_file_and_its_mode(jiaozi: Run, home: Path) -> None:
    (home / "out").write_text("public")
    (home / "out").chmod(0o644)
    jiaozi("ipfs", "key", "gen", "a/b")
    jiaozi("ipfs", "key", "export", "a/b", "-o", "out")
    assert (home / "out").stat().st_mode & 0o777 == 0o600
    jiaozi("ipfs", "key", "export", "a/b")
    assert (home / "b.key").read_bytes() == (home / "out").read_bytes()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["self", "rsa.key"], "cannot import key with name 'self'"),
        (["there", "rsa.key"], "key with name 'there' already exists"),
        (["x", "rsa.pem"], "unexpected PEM block for format=libp2p-protobuf-cleartext: try again"),
        (["-f", "pem-pkcs8-cleartext", "x", "rsa.key"], "PEM block not found in input data"),
        (["-f", "pem-pkcs8-cleartext", "x", "old.pem"], "expected PRIVATE KEY type in PEM block"),
        (["-f", "der", "x", "rsa.key"], "unrecognized import format: der"),
        (["x", "message"], "unable to unmarshall format=libp2p-protobuf-cleartext: it holds no"),
        (["x", "ecdsa.key"], "key type *crypto.ECDSAPrivateKey is not allowed to be imported"),
        (["x", "long"], "key is 16385 bytes, over the limit of 16384"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value)[-16:],
)
def test_what_does_not_come_in_changes_nothing(
    jiaozi: Run, files: Path, words: list[str], says: str
) -> None:
    jiaozi("ipfs", "key", "gen", "there")
    (files / "long").write_bytes(bytes(20_000))
    (files / "old.pem").write_text(
        "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----\n"
    )
    assert refused(jiaozi, "import", *words).startswith(f"Error: {says}")


# ---- the node's own


@pytest.mark.parametrize("held", ["alone"], indirect=True)
@pytest.mark.parametrize("kind", ["ed25519", "rsa", "secp256k1"])
def test_the_node_gets_another_key_and_keeps_the_old(jiaozi: Run, home: Path, kind: str) -> None:
    old = listed(jiaozi)["self"]
    said = jiaozi("ipfs", "key", "rotate", "--oldkey=before", "-t", kind).out.splitlines()
    shown = {"ed25519": "ED25519", "rsa": "2048-bit RSA", "secp256k1": "secp256k1"}[kind]
    assert said[0] == f"generating {shown} keypair...done"
    now = listed(jiaozi, "--ipns-base=b58mh")["self"]
    assert said[1:] == [f"peer identity: {now}"]
    assert listed(jiaozi)["before"] == old
    assert json.loads(jiaozi("ipfs", "id").out)["ID"] == now
    assert json.loads(jiaozi("ipfs", "id").out)["PublicKey"]


@pytest.mark.parametrize("held", ["daemon"], indirect=True)
def test_beside_a_daemon_it_does_not(jiaozi: Run, home: Path) -> None:
    said = refused(jiaozi, "rotate", "-o", "before")
    assert said == "Error: ipfs daemon is running. please stop it to run this command"


@pytest.mark.parametrize("held", ["alone"], indirect=True)
@pytest.mark.parametrize("kind", ["rsa", "secp256k1"])
def test_a_home_may_be_made_with_another_type_of_key(jiaozi: Run, place: Path, kind: str) -> None:
    said = jiaozi("ipfs", "init", "-a", kind).out
    assert said.startswith(f"generating {'2048-bit RSA' if kind == 'rsa' else kind} keypair")
    jiaozi("init", "--name", "birds")
    (place / "a").write_text("one\n")
    jiaozi("add", ".")
    jiaozi("commit", "-m", "first", "--author", "A")
    ran = jiaozi("commit", "--allow-empty", "-S", "-m", "x", "--author", "A", code=2)
    assert "are not supported, only Ed25519" in ran.err
    assert len(jiaozi("key").out.splitlines()) == 1  # that of the repository
    assert jiaozi("ipfs", "key", "sign", place / "a").out


# ---- signatures


@pytest.mark.parametrize("kind", ROWS)
def test_kubos_signatures_are_good_and_ours_are(jiaozi: Run, files: Path, kind: str) -> None:
    jiaozi("ipfs", "key", "import", "--allow-any-key-type", "k", files / f"{kind}.key")
    made = row(jiaozi, "sign", "-k", "k", "message")
    assert made["Key"] == {"Name": "k", "Id": ROWS[kind]["ipns_name"]}
    for signature in (made["Signature"], ROWS[kind]["signature"]):
        said = row(jiaozi, "verify", "--key=k", "-s", signature, "message")
        assert said == {"Key": made["Key"], "SignatureValid": True}
    (files / "message").write_text("another message")
    if kind == "rsa":
        assert refused(jiaozi, "verify", "--key=k", "-s", signature, "message") == (
            "Error: crypto/rsa: verification error"
        )
    else:
        assert not row(jiaozi, "verify", "--key=k", "-s", signature, "message")["SignatureValid"]


def test_a_signature_is_verified_by_the_id_alone(jiaozi: Run, files: Path) -> None:
    for kind in ("ed25519", "secp256k1"):
        for name in (ROWS[kind]["ipns_name"], ROWS[kind]["peer_id"]):
            said = row(jiaozi, "verify", "-k", name, "-s", ROWS[kind]["signature"], "message")
            assert said["SignatureValid"]
            assert said["Key"] == {"Name": "", "Id": ROWS[kind]["ipns_name"]}
    signature = ROWS["rsa"]["signature"]
    said_no = refused(jiaozi, "verify", "-k", ROWS["rsa"]["peer_id"], "-s", signature, "message")
    assert said_no == "Error: public key is not embedded in peer ID"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["sign", "-k", "gone", "message"], "no key by the given name was found"),
        (["verify", "message"], "cannot decode multibase for zero length string"),
        (["verify", "-s", "!", "message"], "selected encoding not supported"),
        (["verify", "-s", "uAAAA", "-k", "gone", "message"],
         "'\"gone\"' is not a known key, an IPNS Name, or a valid PeerID"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value)[:20],
)  # fmt: skip
def test_what_is_neither_signed_nor_verified(
    jiaozi: Run, files: Path, words: list[str], says: str
) -> None:
    assert refused(jiaozi, *words) == f"Error: {says}"


@pytest.mark.parametrize("held", ["alone"], indirect=True)
def test_a_long_message_is_refused(
    jiaozi: Run, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jiaozi_node.commands.ipfs.key.MAX_MESSAGE_BYTES", 10)
    assert refused(jiaozi, "sign", "message") == "Error: message is 11 bytes, over the limit of 10"


# ---- nothing tells


@pytest.mark.parametrize("held", ["alone"], indirect=True)
def test_no_answer_and_no_error_holds_a_private_key(jiaozi: Run, files: Path) -> None:
    said = ""
    for kind, given in ROWS.items():
        for words in (
            ["import", "--allow-any-key-type", kind, f"{kind}.key"],
            ["import", "--allow-any-key-type", kind, f"{kind}.key"],
            ["import", f"{kind}-pem", f"{kind}.pem"],
            ["import", "-f", "pem-pkcs8-cleartext", f"{kind}-2", f"{kind}.key"],
            ["import", f"{kind}-3", f"{kind}.cut"],
            ["export", kind],
            ["export", "-f", "pem-pkcs8-cleartext", kind],
            ["sign", "-k", kind, "message"],
            ["ls", "-l"],
            ["rename", kind, f"{kind}-4"],
            ["rm", f"{kind}-4"],
        ):
            (files / f"{kind}.cut").write_bytes(bytes.fromhex(given["protobuf"])[:-1])
            ran = jiaozi("ipfs", "key", *words, "--debug", code=None)
            said += ran.out + ran.err
    for given in ROWS.values():
        secret = bytes.fromhex(given["protobuf"])[4:]
        for at in range(0, len(secret) - 12, 4):
            piece = secret[at : at + 12]
            assert piece.hex() not in said
            assert base64.b64encode(piece).decode() not in said
            assert repr(piece)[2:-1] not in said
        assert given["pem"].splitlines()[1] not in said


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl")
@pytest.mark.parametrize("held", ["alone"], indirect=True)
@pytest.mark.parametrize("kind", ["ed25519", "rsa", "secp256k1"])
def test_openssl_reads_what_goes_out_and_makes_what_comes_in(
    jiaozi: Run, home: Path, kind: str
) -> None:
    jiaozi("ipfs", "key", "gen", "-t", kind, "k")
    jiaozi("ipfs", "key", "export", "-f", "pem-pkcs8-cleartext", "k")
    again = subprocess.run(
        ["openssl", "pkey", "-in", home / "k.pem"], capture_output=True, check=True
    )
    (home / "again.pem").write_bytes(again.stdout)
    said = jiaozi(
        "ipfs", "key", "import", "-f", "pem-pkcs8-cleartext", "k2", home / "again.pem"
    ).out
    assert said.strip() == listed(jiaozi)["k"]
