"""The versions API over the wire: who may ask, pages, faults, and clients that hang up."""

import asyncio
import json
import threading
from contextlib import closing
from typing import Any

import pytest

from jiaozi_node import errors
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.http.guard import Door
from jiaozi_node.http.rpc.admission import rules_of
from jiaozi_node.http.versions import declare, faults, handlers, paging
from jiaozi_node.http.versions.schemas import FAMILIES
from jiaozi_node.http.versions.service import Versions
from jiaozi_node.node import merging
from jiaozi_node.node.local_home import LocalHome
from tests.http.versions.conftest import Api, Made

HERE = "/repositories/birds"


async def pages(api: Api, target: str, items: str, limit: int) -> list[Any]:
    """Return all items, page by page, none longer than *limit*."""
    out: list[Any] = []
    after = ""
    while True:
        joint = "&" if "?" in target else "?"
        value = await api.get(f"{target}{joint}limit={limit}{after}")
        assert len(value[items]) <= limit
        out += value[items]
        if "next" not in value:
            return out
        assert len(value[items]) == limit
        after = f"&after={value['next']}"


@pytest.mark.parametrize(
    ("target", "items"),
    [
        ("/repositories", "repositories"),
        (f"{HERE}/branches", "branches"),
        (f"{HERE}/tags", "tags"),
        (f"{HERE}/commits?revision=feature/rows", "commits"),
        (f"{HERE}/commits?revision=main...feature/rows", "commits"),
        (f"{HERE}/tree", "entries"),
        (f"{HERE}/diff?from=light&to=main", "changes"),
        (f"{HERE}/diff?from=light&to=main&renames=false", "changes"),
    ],
)
@pytest.mark.asyncio
async def test_pages_make_up_the_whole(api: Api, target: str, items: str) -> None:
    whole = (await api.get(target))[items]
    assert len(whole) >= 2
    for limit in (1, 2, len(whole)):
        assert await pages(api, target, items, limit) == whole


@pytest.mark.asyncio
async def test_what_is_answered_is_what_is_there(api: Api, made: Made) -> None:
    (first, second) = (await api.get("/repositories"))["repositories"]
    birds = first if first["name"] == "birds" else second
    assert await api.get(f"/repositories/{birds['id']}") == birds
    assert (birds["profile"], birds["head"]) == ("unixfs-v1-2025", "main")
    main = await api.get(f"{HERE}/commits/HEAD")
    assert (main["commit"], main["refs"]) == (made.commits["main"], ["heads/main", "tags/v1"])
    assert [one["commit"] for one in (await api.get(f"{HERE}/commits?path=note"))["commits"]] == [
        made.commits["main"],
        made.commits["first"],
    ]
    tree = await api.get(f"{HERE}/tree?revision=light&path=/sub//deep/./x/")
    assert (tree["path"], tree["kind"], tree["size"]) == ("sub/deep/x", "file", 10)
    assert tree["content"] == f"/ipfs/{tree['cid']}"
    changes = (await api.get(f"{HERE}/diff?from=light"))["changes"]
    assert [(one["change"], one["path"], one.get("from")) for one in changes] == [
        ("D", "note", None), ("M", "table", None), ("R", "yonder", "moves"),
    ]  # fmt: skip
    below = (await api.get(f"{HERE}/diff?from=light&to=side&path=sub&renames=false"))["changes"]
    assert [(one["change"], one["path"]) for one in below] == [("A", "sub/gone")]


@pytest.mark.asyncio
async def test_a_merge_is_the_one_that_the_node_would_make(api: Api, made: Made) -> None:
    clean = await api.get(f"{HERE}/merge?theirs=side")
    ours, theirs = Cid.parse(made.commits["main"]), Cid.parse(made.commits["side"])
    outcome = merging.preview(api.home, ours, theirs, merging.Wish("side"))
    assert (clean["kind"], clean["tree"]) == ("merged", str(outcome.tree))
    disputed = await api.get(f"{HERE}/merge?theirs=feature/rows")
    assert disputed["kind"] == "in-dispute"
    kinds = {one["path"]: one["kind"] for one in disputed["conflicts"]}
    assert kinds == {"moves": "both-renamed", "note": "modify-delete", "table": "both-modified"}
    assert disputed["disputed"] == 3
    part = await api.get(f"{HERE}/merge?theirs=feature/rows&limit=2")
    assert (part["disputed"], part["conflicts"]) == (3, disputed["conflicts"][:2])
    settled = await api.get(f"{HERE}/merge?theirs=feature/rows&favour=theirs")
    assert (settled["kind"], settled["conflicts"]) == ("merged", [])
    forward = await api.get(f"{HERE}/merge?ours=light&theirs=side")
    assert (forward["kind"], forward["tree"]) == ("fast-forward", (await api.get(f"{HERE}/commits/side"))["tree"])  # fmt: skip  # noqa: E501
    assert (await api.get(f"{HERE}/merge?theirs=light"))["kind"] == "up-to-date"


@pytest.mark.asyncio
async def test_nothing_is_written(api: Api, made: Made) -> None:
    before = {path: path.stat().st_size for path in (made.home / "segments").iterdir()}
    await api.get(f"{HERE}/merge?theirs=feature/rows")
    await api.get(f"{HERE}/commits?path=table")
    assert before == {path: path.stat().st_size for path in (made.home / "segments").iterdir()}


@pytest.mark.parametrize(
    ("target", "status", "kind"),
    [
        ("/", 404, "UnknownRoute"),
        ("/repositories/", 404, "RepositoryMissing"),
        (f"{HERE}/nothing", 404, "UnknownRoute"),
        (f"{HERE}/branches/feature/rows", 404, "UnknownRoute"),
        ("/repositories/nobody", 404, "RepositoryMissing"),
        ("/repositories/%00", 404, "RepositoryMissing"),
        (f"{HERE}/branches/mian", 404, "RefMissing"),
        (f"{HERE}/branches/a%20b", 400, "BadName"),
        (f"{HERE}/commits?revision=HEAD@{{1}}", 404, "NoMove"),
        (f"{HERE}/commits?revision=trunk", 404, "UnknownRevision"),
        (f"{HERE}/commits?revision=", 400, "BadRevision"),
        (f"{HERE}/commits?after=bafynowhere", 404, "NothingBehind"),
        (f"{HERE}/tree?path=a/../b", 400, "Misuse"),
        (f"{HERE}/tree?path=a%00", 400, "Misuse"),
        (f"{HERE}/tree?path=nothing", 404, "NothingAt"),
        (f"{HERE}/tree?revision=%C3%A9%FF", 404, "UnknownRevision"),
        (f"{HERE}/tree?{'&'.join('a=1' for _ in range(40))}", 400, "LimitExceeded"),
        (f"{HERE}/tree?path={'a' * 9000}", 400, "LimitExceeded"),
        (f"{HERE}/merge?theirs=orphan", 404, "ParentMissing"),
        ("/repositories/empty/commits", 404, "UnknownRevision"),
    ],
)
@pytest.mark.asyncio
async def test_faults_have_one_shape(api: Api, target: str, status: int, kind: str) -> None:
    error = (await api.get(target, status))["error"]
    assert error["kind"] == kind
    assert error["family"] in FAMILIES


@pytest.mark.asyncio
async def test_a_mistyped_path_is_answered_with_what_is_like_it(api: Api) -> None:
    said = (await api.get(f"{HERE}/tree?path=sub/lnk", 404))["error"]["message"]
    assert said == "there is no 'sub/lnk' in that version; did you mean 'sub/link'?"


def test_every_family_has_a_status_and_a_name() -> None:
    leaves = {cls for cls in errors.JiaoziError.__subclasses__() if cls.__module__ == "jiaozi_node.errors"}  # noqa: E501  # fmt: skip
    assert set(faults.STATUSES) == leaves
    for family, status in faults.STATUSES.items():
        code, value = faults.of(family("why"))
        assert (code, value["error"]["family"]) == (int(status), family.__name__)
        assert family.__name__ in FAMILIES
    assert faults.of(ValueError("secret"))[1]["error"]["message"] == (
        "internal error; the node's log has it"
    )
    assert faults.of(OSError(5, "secret"))[0] == 503


@pytest.mark.asyncio
async def test_who_may_ask_is_who_may_use_the_rpc(api: Api) -> None:
    target = "/api/v1/repositories"
    foreign = {"Origin": "https://example.org"}
    for headers in (
        foreign, {"Referer": "https://example.org/x"}, {"Host": "rebound.example.org"},
        {"User_Agent": "Mozilla/5.0"},
    ):  # fmt: skip
        answer = await api.send(target, **headers)
        assert answer.status == 403
        assert json.loads(answer.body)["error"]["kind"] == "Denied"
        assert "Access-Control-Allow-Origin" not in answer.headers
    own = "http://localhost:5001"
    answer = await api.send(target, Origin=own)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, own)
    answer = await api.send(target, "OPTIONS", Origin=own, Access_Control_Request_Method="GET")
    assert (answer.status, answer.headers["Access-Control-Allow-Methods"]) == (204, "GET, HEAD")
    for headers in (foreign, {"Origin": own, "Access_Control_Request_Headers": "X-Evil"}):
        answer = await api.send(target, "OPTIONS", **headers, Access_Control_Request_Method="GET")
        assert "Access-Control-Allow-Methods" not in answer.headers
    users = {"me": {"AuthSecret": "bearer:token", "AllowedPaths": ["/api/v1/repositories/birds"]}}
    api.rules[0] = rules_of({"API": {"Authorizations": users}}, 5001)
    token = {"Authorization": "Bearer token"}
    assert (await api.send(f"/api/v1{HERE}", **token)).status == 200
    assert (await api.send(f"/api/v1{HERE}")).status == 403
    assert (await api.send(target, **token)).status == 403
    assert (await api.send("/api/v1/openapi.json", **token)).status == 403


@pytest.mark.asyncio
async def test_it_is_read_with_get_and_head_alone(api: Api) -> None:
    whole = await api.send("/api/v1/repositories")
    head = await api.send("/api/v1/repositories", "HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == str(len(whole.body))
    for method in ("POST", "PUT", "DELETE", "PATCH", "TRACE"):
        answer = await api.send("/api/v1/repositories", method)
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
        assert json.loads(answer.body)["error"]["family"] == "Misuse"


@pytest.mark.asyncio
async def test_all_else_is_left_to_the_rpc(api: Api) -> None:
    assert (await api.send("/api/v0/version", "POST", Content_Length="0")).status == 200
    for target in ("/api/v0/version", "/api/v10", "/"):
        assert (await api.send(target)).status == 405


def test_a_page_ends_when_it_has_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "MAX_PAGE_BYTES", 1000)
    items = [(str(number), {"text": "x" * 400}) for number in range(9)]
    first = paging.page("items", items, declare.MAX_ITEMS)
    assert (len(first["items"]), first["next"]) == (3, "2")


@pytest.mark.asyncio
async def test_renames_are_not_sought_among_too_many(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "MAX_RENAMED", 3)
    error = (await api.get(f"{HERE}/diff?from=light", 422))["error"]
    assert (error["family"], "renames=false" in error["message"]) == ("Refused", True)
    await api.get(f"{HERE}/diff?from=light&renames=false")


class Slow:
    """Blocks that are handed out when somebody says so; counts how many were asked for."""

    def __init__(self, home: LocalHome) -> None:
        self._home, self._blocks = home, home.blocks
        self.blocks = self
        self.asked, self.go = threading.Event(), threading.Event()
        self.count = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._home, name)

    def get(self, cid: Cid) -> Block:
        self.count += 1
        self.asked.set()
        assert self.go.wait(10)
        return self._blocks.get(cid)


@pytest.mark.parametrize("how", ["the client hangs up", "the node ends"])
@pytest.mark.asyncio
async def test_work_ends_when_nobody_waits_for_it(made: Made, how: str) -> None:
    with closing(LocalHome.open(made.home)) as home:
        slow: Any = Slow(home)

        async def nobody(_request: object) -> Any:
            raise AssertionError

        versions = Versions(slow, lambda: rules_of({}, 5001), nobody)
        door = Door(versions)
        server = await asyncio.get_running_loop().create_server(door, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"GET /api/v1{HERE}/commits HTTP/1.1\r\nHost: localhost\r\n\r\n"
        writer.write(head.encode())
        assert await asyncio.to_thread(slow.asked.wait, 10)
        if how == "the node ends":
            drained = asyncio.create_task(versions.drain(10))
            await asyncio.sleep(0)
            slow.go.set()
            assert await drained
            assert (await reader.readline()).startswith(b"HTTP/1.1 503 ")
            writer.close()
        else:
            writer.close()
            async with asyncio.timeout(10):
                while versions._outlets:
                    await asyncio.sleep(0.001)
            slow.go.set()
            assert await versions.drain(10)
        assert slow.count == 1
        server.close()
        await door.shut(1)
