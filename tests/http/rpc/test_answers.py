"""Answers beside the plain ones: codes of errors, groups, encodings, the journal, the log."""

import asyncio
import json
import logging

import pytest

from jiaozi_node.node import log_levels
from tests.http.rpc.conftest import Node, form

pytestmark = pytest.mark.asyncio

EMPTY = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"


async def test_what_a_client_is_blamed_for_is_400_with_code_1(node: Node) -> None:
    answer = await node.post("bitswap/stat")
    assert answer.status == 400
    assert json.loads(answer.body)["Code"] == 1
    assert json.loads(answer.body)["Type"] == "error"
    assert answer.headers["Trailer"] == "X-Stream-Error"  # Go's is chunked once it is announced
    other = await node.post("ping?arg=x")
    assert (other.status, json.loads(other.body)["Code"]) == (500, 0)


async def test_a_group_says_nothing_and_what_is_below_is_unknown(node: Node) -> None:
    answer = await node.post("swarm/peering")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["X-Chunked-Output"] == "1"
    assert (await node.post("swarm/peering/nothing")).status == 404


async def test_what_is_missing_is_said_before_the_command_runs(node: Node) -> None:
    answer = await node.post("cat")
    assert (answer.status, answer.body) == (400, b'argument "ipfs-path" is required\n')
    upload = await node.post("cid/base32", **form(("x", "text/plain", b"")))
    assert (upload.status, json.loads(upload.body)["Message"]) == (
        500,
        'argument "cid" is required',
    )
    empty = await node.post("add", **form())
    assert json.loads(empty.body)["Message"] == "expected a file argument"


async def test_another_encoding_is_refused(node: Node) -> None:
    answer = await node.post("version?encoding=yaml")
    assert (answer.status, answer.body) == (400, b"invalid encoding: yaml\n")


@pytest.mark.parametrize(
    ("given", "media"),
    [("", "application/x-tar"), ("&compress=true", "application/gzip")],
)
async def test_get_says_what_it_sends(node: Node, given: str, media: str) -> None:
    added = await node.post("add", **form(("f", "text/plain", b"hello\n")))
    answer = await node.post(f"get?arg={json.loads(added.body)['Hash']}{given}")
    assert answer.headers["Content-Type"] == media
    assert answer.headers["X-Content-Length"] == "6"


async def test_requests_are_remembered_without_secrets(node: Node) -> None:
    await node.post("block/stat?arg=" + EMPTY)
    await node.post("config?arg=API.Authorizations.me&arg=hush")
    await node.post("pin/remote/service/add?arg=near&arg=http://127.0.0.1:9&arg=hush")
    told = json.loads((await node.post("diag/cmds")).body)
    assert [row["Command"] for row in told] == [
        "block/stat",
        "config",
        "pin/remote/service/add",
        "diag/cmds",
    ]
    assert told[0]["Args"] == [EMPTY]
    assert [row["Active"] for row in told] == [False, False, False, True]
    assert "hush" not in json.dumps(told)
    await node.post("diag/cmds/clear")
    assert len(json.loads((await node.post("diag/cmds")).body)) == 2


async def test_who_reads_the_log_keeps_nothing_from_collection(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node.rpc, "_stop", lambda: None)  # as in a daemon
    reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
    head = f"POST /api/v0/log/tail HTTP/1.1\r\nHost: 127.0.0.1:{node.port}\r\n"
    writer.write(f"{head}Content-Length: 0\r\n\r\n".encode())
    async with asyncio.timeout(20):
        while not any(isinstance(one, log_levels._Queued) for one in logging.getLogger().handlers):
            await asyncio.sleep(0)
    [tail, _] = json.loads((await node.post("diag/cmds")).body)
    assert (tail["Command"], tail["Active"]) == ("log/tail", True)
    put = await node.post("block/put", **form(("b", "text/plain", b"garbage")))
    key = json.loads(put.body)["Key"]
    assert json.loads((await node.post("repo/gc")).body) == {"Key": {"/": key}}
    logging.getLogger("jiaozi_node.http").error("told")
    line = await reader.readuntil(b'"told"}\n')
    assert b'"level":"error"' in line
    writer.close()
    await writer.wait_closed()
