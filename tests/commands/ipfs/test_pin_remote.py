"""``ipfs pin remote``: pins elsewhere, by stories over a service in this process."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from jiaozi_node.node.config import Config
from tests.commands.conftest import Run
from tests.pinning_service import KEY, PinningServer, serving


@pytest.fixture
def server(jiaozi: Run) -> Iterator[PinningServer]:
    jiaozi("ipfs", "init")
    with serving() as held:
        jiaozi("ipfs", "pin", "remote", "service", "add", "near", f"{held.endpoint}/", KEY)
        yield held


def test_a_pin_there_and_back(jiaozi: Run, server: PinningServer, place: Path) -> None:
    (place / "a").write_text("a\n")
    cid = jiaozi("ipfs", "add", "-Q", "--cid-version=1", "a").out.strip()
    remote = ("ipfs", "pin", "remote")
    told = jiaozi(*remote, "add", "--service=near", "--name=mine", cid)
    assert told.out == f"CID:    {cid}\nName:   mine\nStatus: pinned\n"
    assert "WARNING: the local node is offline" in told.err
    server.progress = ("queued",)
    words = (*remote, "add", "--service=near", "--background", "bafkqaaa")
    assert json.loads(jiaozi(*words, "--enc=json").out)["Status"] == "queued"
    ls = (*remote, "ls", "--service=near")
    assert jiaozi(*ls).out == f"{cid}\tpinned\tmine\n"
    assert jiaozi(*ls, "--status=queued,failed").out == "bafkqaaa\tqueued\t\n"
    assert (
        jiaozi(*ls, f"--cid={cid},bafkqaaa", "--status=pinned", "--status=queued").out.count("\n")
        == 2
    )
    assert jiaozi(*ls, "--name=other").out == ""
    assert jiaozi(*remote, "rm", "--service=near", "--name=mine").out == ""
    assert jiaozi(*ls).out == ""


def test_several_are_removed_with_force_alone(jiaozi: Run, server: PinningServer) -> None:
    server.progress = ("pinned",)
    for name in ("a", "b"):
        jiaozi("ipfs", "pin", "remote", "add", "--service=near", f"--name={name}", "bafkqaaa")
    rm = ("ipfs", "pin", "remote", "rm", "--service=near")
    assert "add --force to confirm" in jiaozi(*rm, code=1).err
    assert len(server.pins) == 2
    jiaozi(*rm, "--force")
    assert server.pins == []


def test_services_are_listed_with_what_they_hold(jiaozi: Run, server: PinningServer) -> None:
    jiaozi("ipfs", "pin", "remote", "service", "add", "bad.name", server.endpoint, "wrong")
    server.progress = ("pinned",)
    jiaozi("ipfs", "pin", "remote", "add", "--service=near", "bafkqaaa")
    ls = ("ipfs", "pin", "remote", "service", "ls")
    address = server.endpoint
    assert jiaozi(*ls).out == f"bad.name {address}\nnear     {address}\n"
    assert jiaozi(*ls, "--stat").out == f"bad.name {address} invalid\nnear     {address} 0/0/1/0\n"
    rows = json.loads(jiaozi(*ls, "--stat", "--enc=json").out)["RemoteServices"]
    assert rows[0]["Stat"] == {"Status": "invalid"}
    counts = {"Queued": 0, "Pinning": 0, "Pinned": 1, "Failed": 0}
    assert rows[1]["Stat"] == {"Status": "valid", "PinCount": counts}
    jiaozi("ipfs", "pin", "remote", "service", "rm", "bad.name")
    jiaozi("ipfs", "pin", "remote", "service", "rm", "never there")
    assert jiaozi(*ls).out == f"near {address}\n"


def test_the_key_is_kept_and_never_shown(jiaozi: Run, server: PinningServer, place: Path) -> None:
    assert server.endpoint
    config = Config.load(place.parent / "home" / "config")
    assert config.get("Pinning.RemoteServices.near.API.Key") == KEY
    for words in (("show",), ("Pinning.RemoteServices",), ("Pinning.RemoteServices.near.API.Key",)):
        ran = jiaozi("ipfs", "config", *words, code=None)
        assert KEY not in ran.out + ran.err


def test_refusals_are_in_kubos_words(jiaozi: Run, server: PinningServer) -> None:
    remote = ("ipfs", "pin", "remote")

    def said(*words: str) -> str:
        return jiaozi(*remote, *words, code=1).err

    assert said("ls") == "Error: a service name must be passed\n"
    assert said("ls", "--service=") == "Error: remote pinning service name not specified\n"
    assert said("add", "--service=x", "bafkqaaa") == "Error: service not known\n"
    assert said("ls", "--service=near", "--status=lost") == 'Error: status "lost" is not valid\n'
    assert 'CID "bad" cannot be parsed' in said("ls", "--service=near", "--cid=bad")
    assert (
        said("service", "add", "near", server.endpoint, "k") == "Error: service already present\n"
    )
    assert "valid HTTP URL" in said("service", "add", "x", "nowhere", "k")
    assert said("rm", "--service=near", "--status=lost").startswith("Error: error while listing")
    server.progress = ("queued", "failed")
    assert 'failed to pin requestid="id/0"' in said("add", "--service=near", "bafkqaaa")
    server.instead = 503, b""
    assert "http error 503" in said("add", "--service=near", "bafkqaaa")
