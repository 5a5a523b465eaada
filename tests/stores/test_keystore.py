"""Keys on disk, named and filled as Kubo does."""

import json
from pathlib import Path

import pytest

from jiaozi_node.errors import LimitExceeded, Malformed
from jiaozi_node.formats import key_types
from jiaozi_node.formats.keys import PrivateKey, UnsupportedKey
from jiaozi_node.stores.keystore import (
    MAX_NAME_BYTES,
    CorruptKey,
    KeyExists,
    KeyMissing,
    KeyStore,
)

KUBO = json.loads((Path(__file__).parents[2] / "specs/vectors/keys/kubo.json").read_text())
KEY = PrivateKey(bytes(32))


@pytest.fixture
def keys(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "keystore")


@pytest.mark.parametrize("row", KUBO["ed25519"], ids=lambda row: str(row["file"]))
def test_files_are_those_kubo_writes(keys: KeyStore, tmp_path: Path, row: dict[str, str]) -> None:
    data = bytes.fromhex(row["protobuf"])
    keys.put(row["name"], PrivateKey.from_protobuf(data))
    (file,) = (tmp_path / "keystore").iterdir()
    assert file.name == row["file"]
    assert file.read_bytes() == data


def test_kubos_keystore_reads(keys: KeyStore, tmp_path: Path) -> None:
    (tmp_path / "keystore").mkdir()
    for row in KUBO["ed25519"]:
        (tmp_path / "keystore" / row["file"]).write_bytes(bytes.fromhex(row["protobuf"]))
    assert keys.list() == sorted(row["name"] for row in KUBO["ed25519"])
    for row in KUBO["ed25519"]:
        assert keys.get(row["name"]).protobuf().hex() == row["protobuf"]


def test_only_the_owner_may_read(keys: KeyStore, tmp_path: Path) -> None:
    keys.put("mine", KEY)
    (file,) = (tmp_path / "keystore").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_a_key_is_never_overwritten(keys: KeyStore) -> None:
    keys.put("mine", KEY)
    with pytest.raises(KeyExists):
        keys.put("mine", PrivateKey(b"\1" * 32))
    assert keys.get("mine") == KEY


def test_list_delete_and_what_is_missing(keys: KeyStore) -> None:
    assert keys.list() == []
    for name in ("b", "a", "../../etc/passwd", "ü/\udcff"):
        keys.put(name, KEY)
    assert keys.list() == sorted(["b", "a", "../../etc/passwd", "ü/\udcff"])
    keys.delete("a")
    assert "a" not in keys.list()
    with pytest.raises(KeyMissing):
        keys.delete("a")
    with pytest.raises(KeyMissing):
        keys.get("a")
    with pytest.raises(KeyMissing):
        keys.get("absent")


def test_files_that_are_no_keys_are_not_listed(keys: KeyStore, tmp_path: Path) -> None:
    keys.put("mine", KEY)
    for name in ("README", "key_", "key_0189", "key_é", ".key_nvuw4zi.tmp"):
        (tmp_path / "keystore" / name).touch()
    assert keys.list() == ["mine"]


def test_names_have_limits(keys: KeyStore, tmp_path: Path) -> None:
    keys.put("n" * MAX_NAME_BYTES, KEY)
    assert keys.get("n" * MAX_NAME_BYTES) == KEY
    with pytest.raises(LimitExceeded):
        keys.put("n" * (MAX_NAME_BYTES + 1), KEY)
    with pytest.raises(Malformed):
        keys.put("", KEY)


@pytest.mark.parametrize("data", [b"", b"junk", KEY.protobuf()[:-1], bytes(1 << 20)])
def test_a_damaged_file_is_named(keys: KeyStore, tmp_path: Path, data: bytes) -> None:
    keys.put("mine", KEY)
    (file,) = (tmp_path / "keystore").iterdir()
    file.write_bytes(data)
    with pytest.raises(CorruptKey, match="'mine'") as raised:
        keys.get("mine")
    assert KEY.seed.hex() not in str(raised.value)


def test_a_key_of_another_type_is_named_as_such(keys: KeyStore, tmp_path: Path) -> None:
    keys.put("mine", KEY)
    (file,) = (tmp_path / "keystore").iterdir()
    file.write_bytes(b"\x08\x09\x12\x01\x00")
    with pytest.raises(UnsupportedKey, match="type 9"):
        keys.get("mine")


def test_keys_of_every_type_are_kept(keys: KeyStore) -> None:
    key = key_types.generate("secp256k1")
    keys.put("other", key)
    assert keys.get("other") == key


def test_a_key_gets_another_name_and_goes_over_none_unasked(keys: KeyStore) -> None:
    other = PrivateKey(b"\1" * 32)
    keys.put("old", KEY)
    keys.put("there", other)
    with pytest.raises(KeyExists):
        keys.rename("old", "there")
    assert (keys.get("old"), keys.get("there")) == (KEY, other)
    assert not keys.rename("old", "new")
    assert keys.list() == ["new", "there"]
    assert keys.rename("new", "there", overwrite=True)
    assert keys.list() == ["there"]
    assert keys.get("there") == KEY
    with pytest.raises(KeyMissing):
        keys.rename("gone", "there", overwrite=True)
    assert keys.get("there") == KEY


def test_a_link_is_not_followed(keys: KeyStore, tmp_path: Path) -> None:
    keys.put("mine", KEY)
    (file,) = (tmp_path / "keystore").iterdir()
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        keys.get("mine")
