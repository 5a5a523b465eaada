"""The configuration keeps what it doesn't know and hides what it must."""

import json
from pathlib import Path

import pytest

from jiaozi_node.errors import LimitExceeded, Malformed, Misuse, NotFound
from jiaozi_node.node.config import MAX_BYTES, Config, fresh


def _config(path: Path) -> Config:
    config = Config(path / "config", fresh("12D3KooW", "c2VjcmV0"))
    config.save()
    return Config.load(path / "config")


def test_a_new_home_talks_to_nobody(tmp_path: Path) -> None:
    config = _config(tmp_path)
    assert config.get("Bootstrap") == []
    assert config.get("Routing.Type") == "none"
    assert config.get("Discovery.MDNS.Enabled") is False
    addresses = [*config.get("Addresses.Swarm"), config.get("Addresses.API")]
    assert all(address.startswith("/ip4/127.0.0.1/") for address in addresses)


def test_values_survive_writing_and_unknown_keys_too(tmp_path: Path) -> None:
    config = _config(tmp_path)
    config.set("Import.CidVersion", 1)
    config.set("Mine.Own.Key", {"a": [1]})
    config.save()
    again = Config.load(tmp_path / "config")
    assert again.get("import.cidversion") == 1
    assert again.get("Mine.Own") == {"Key": {"a": [1]}}
    assert (tmp_path / "config").stat().st_mode & 0o777 == 0o600


def test_the_private_key_is_never_shown_nor_replaced(tmp_path: Path) -> None:
    config = _config(tmp_path)
    assert "PrivKey" not in json.dumps(config.shown())
    config.replace(config.shown())
    assert config.get("Identity.PrivKey") == "c2VjcmV0"
    with pytest.raises(Misuse, match="private key"):
        config.replace({"Identity": {"PrivKey": "x"}})


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"Import\.Nope not found"):
        _config(tmp_path).get("Import.Nope.Deep")


def test_a_null_is_found_as_the_default(tmp_path: Path) -> None:
    config = _config(tmp_path)
    assert config.find("Import.CidVersion", 7) == 7
    assert config.get("Import.CidVersion") is None


@pytest.mark.parametrize("text", [b"{", b"[]", b"\xff", b"[" * 100_000])
def test_what_is_not_a_json_object_is_one_error(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "config").write_bytes(text)
    with pytest.raises(Malformed, match="config"):
        Config.load(tmp_path / "config")


def test_a_huge_file_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    (tmp_path / "config").write_bytes(b" " * (MAX_BYTES + 1))
    with pytest.raises(LimitExceeded, match="config is"):
        Config.load(tmp_path / "config")


@pytest.mark.parametrize(
    "values",
    [{"Identity": 5}, {"Pinning": []}, {"Pinning": {"RemoteServices": 5}}, {"Identity": None}],
)
def test_what_a_hand_broke_is_shown_as_it_is(tmp_path: Path, values: dict[str, object]) -> None:
    assert Config(tmp_path / "config", dict(values)).shown() == values
