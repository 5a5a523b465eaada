"""``files/*`` by RPC: statuses, bodies and trailers as Kubo's."""

import json

import pytest

from tests.http.rpc.conftest import Node

BODY = (
    b'--edge\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\nhello\r\n--edge--\r\n"
)
FORM = "multipart/form-data; boundary=edge"


@pytest.mark.asyncio
async def test_a_file_is_written_read_and_removed(node: Node) -> None:
    query = "files/write?arg=/d/f&create=true&parents=true"
    written = await node.post(query, BODY, Content_Type=FORM)
    assert (written.status, written.body) == (200, b"")
    read = await node.post("files/read?arg=/d/f")
    assert read.body == b"hello"
    assert read.headers["X-Stream-Output"] == "1"
    told = json.loads((await node.post("files/stat?arg=/d/f")).body)
    assert list(told) == ["Hash", "Size", "CumulativeSize", "Blocks", "Type"]
    listed = await node.post("files/ls?arg=/d")
    assert listed.body == b'{"Entries":[{"Name":"f","Type":0,"Size":0,"Hash":""}]}\n'
    assert (await node.post("files/rm?arg=/d&recursive=true")).status == 200
    assert (await node.post("files/ls")).body == b'{"Entries":null}\n'


@pytest.mark.asyncio
async def test_what_can_not_be_removed_is_said_before_the_trailer(node: Node) -> None:
    answer = await node.post("files/rm?arg=/none&arg=x")
    assert answer.status == 200
    assert [json.loads(line) for line in answer.body.splitlines()] == [
        "/none: file does not exist",
        "x is not a valid path: paths must start with a leading slash",
    ]
    assert answer.trailers["X-Stream-Error"] == "can't remove some files"


@pytest.mark.asyncio
async def test_options_that_contradict_each_other_are_the_clients_fault(node: Node) -> None:
    answer = await node.post("files/stat?arg=/&hash=true&size=true")
    assert answer.status == 400
    assert json.loads(answer.body)["Code"] == 1


@pytest.mark.asyncio
async def test_the_root_is_not_replaced_by_rpc(node: Node) -> None:
    assert (await node.post("files/chroot?confirm=true")).status == 404


@pytest.mark.asyncio
async def test_acts_that_do_not_flush_are_limited_and_there(node: Node) -> None:
    for number in range(256):
        made = await node.post(f"files/mkdir?arg=/{number}&flush=false")
        assert made.status == 200
    refused = await node.post("files/mkdir?arg=/more&flush=false")
    assert refused.status == 500
    assert b"reached limit of 256 unflushed MFS operations" in refused.body
    assert (await node.post("files/flush")).status == 200
    assert (await node.post("files/mkdir?arg=/more&flush=false")).status == 200
    assert len(json.loads((await node.post("files/ls")).body)["Entries"]) == 257
