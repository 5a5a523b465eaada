"""A node that serves the versions API, over a repository that has something of everything."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

import jiaozi_node
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import DAG_CBOR, Cid
from jiaozi_node.http.guard import Door
from jiaozi_node.http.rpc.admission import Rules, rules_of
from jiaozi_node.http.rpc.engine import Rpc
from jiaozi_node.http.versions.service import Versions
from jiaozi_node.node.acts import acting
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.node.repository import Repository
from jiaozi_node.stores.api import Family
from jiaozi_node.versioning import commit as commits
from jiaozi_node.versioning.agent import Agent
from jiaozi_node.versioning.commit import Commit
from jiaozi_node.versioning.reflog import Note
from jiaozi_node.versioning.refname import RefName
from tests.http.rpc.conftest import Answer, read

ADA = "Ada <ada@example.org>"
NOW = 1_800_000_000


class Made(NamedTuple):
    """A home, and what is where in its repository "birds"."""

    home: Path
    commits: dict[str, str]
    missing: str


def put(repository: Repository, commit: Commit, branch: str) -> Cid:
    block = commits.encode(commit)
    with acting(repository.home) as act:
        with act.blocks.writer(Family.OWN) as writer:
            writer.put([block])
        repository.refs.cas(RefName.branch(branch), None, block.cid, Note("a", "b", NOW))
    return block.cid


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    place = tmp_path_factory.mktemp("versions")
    home, work = place / "home", place / "work"
    work.mkdir()
    told: dict[str, str] = {}

    def write(**files: str) -> None:
        for name, text in files.items():
            (work / name).write_text(text)

    with jiaozi_node.init(work, name="birds", home=home) as repo:
        write(table="id,mass\n1,10\n2,20\n", moves="here\n", gone="g\n", note="n\n")
        (work / ".jiaoziattributes").write_text("table merge=csv key=id\n")
        (work / "sub" / "deep").mkdir(parents=True)
        (work / "sub" / "deep" / "x").write_bytes(b"x" * 10)
        (work / "sub" / "link").symlink_to("deep/x")
        repo.add(".")
        told["first"] = str(repo.commit("first\n\nand more", author=ADA, meta={"k": [1]}).cid)
        repo.switch("feature/rows", create=True)
        write(table="id,mass\n1,11\n", note="theirs\n")
        (work / "moves").rename(work / "there")
        repo.add(".")
        told["rows"] = str(repo.commit("rows", author=ADA, authored=1000).cid)
        repo.switch("main")
        write(table="id,mass\n1,12\n2,21\n")
        (work / "moves").rename(work / "yonder")
        (work / "note").unlink()
        repo.add(".")
        told["main"] = str(repo.commit("main", author=ADA).cid)
        repo.tag("light", "HEAD~1")
        repo.tag("v1", "HEAD", "as published")
        repo.switch("side", create=True, start="HEAD~1")
        write(extra="e\n")
        (work / "gone").rename(work / "sub" / "gone")
        repo.add(".")
        told["side"] = str(repo.commit("side", author=ADA).cid)
        repo.switch("main")
    missing = Block.of(b"\xa0", DAG_CBOR).cid
    with closing(LocalHome.open(home)) as opened:
        repository = Repository.at(opened, work)
        tree = repository.commit_at(Cid.parse(told["first"])).tree
        robot = Agent("robot", id="did:key:z6Mk")
        orphan = Commit(
            tree, (missing,), "unixfs-v1-2025", robot, NOW, "orphan", 2, committer=Agent("Bea")
        )
        told["orphan"] = str(put(repository, orphan, "orphan"))
        Repository.init(
            opened, place / "empty", profile="unixfs-v0-2015", alias=None, branch="trunk", now=NOW
        )
    return Made(home, told, str(missing))


@dataclass
class Api:
    """The API on a port, and what is asked of it."""

    home: LocalHome
    versions: Versions
    port: int
    rules: list[Rules]

    async def send(self, target: str, method: str = "GET", **headers: str) -> Answer:
        given = {"Host": f"127.0.0.1:{self.port}", "Connection": "close"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode())
        await writer.drain()
        if method == "HEAD":
            head = (await reader.read()).decode()
            status, *fields = head.split("\r\n\r\n")[0].split("\r\n")
            answer = Answer(
                int(status.split()[1]),
                dict(line.split(": ", 1) for line in fields),
                head.partition("\r\n\r\n")[2].encode(),
                {},
            )
        else:
            answer = await read(reader)
        writer.close()
        await writer.wait_closed()
        return answer

    async def get(self, target: str, status: int = 200) -> Any:
        answer = await self.send(f"/api/v1{target}")
        assert answer.status == status, answer
        assert answer.headers["Content-Type"] == "application/json"
        value = json.loads(answer.body)
        if status != 200:
            assert value["error"]["status"] == status
            assert "\n" not in value["error"]["message"]
        return value


@pytest_asyncio.fixture
async def api(made: Made) -> AsyncIterator[Api]:
    home = LocalHome.open(made.home)
    rules = [rules_of({}, 5001)]
    rpc = Rpc(home, lambda: rules[0], environ={})
    versions = Versions(home, lambda: rules[0], rpc, now=lambda: NOW)
    server = await asyncio.get_running_loop().create_server(Door(versions), "127.0.0.1", 0)
    yield Api(home, versions, server.sockets[0].getsockname()[1], rules)
    server.close()
    assert await versions.drain(10)
    assert await rpc.drain(10)
    home.close()
