"""Requests that break rules get the answers that are stated, and nothing of them lasts."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from jiaozi_node.http.guard import Door
from jiaozi_node.http.rpc.admission import rules_of
from jiaozi_node.http.rpc.engine import Rpc
from jiaozi_node.node.local_home import LocalHome
from tests.http.rpc.conftest import Node, read
from tests.http.rpc.malformed import CLOSED, Rule, every_rule

pytestmark = pytest.mark.asyncio
RULES = {rule.name: rule for rule in every_rule()}
SEEDS = 2


@pytest_asyncio.fixture
async def impatient(tmp_path: Path) -> AsyncIterator[Node]:
    """A node that waits 0.2 s where others wait ten and more."""
    home = LocalHome.create(tmp_path / "home")
    server = None

    def rules() -> object:
        return rules_of({}, port)

    rpc = Rpc(home, rules, environ={})  # type: ignore[arg-type]
    door = Door(rpc, header_s=0.2, body_s=0.2, idle_s=0.2)
    server = await asyncio.get_running_loop().create_server(door, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    yield Node(home, port, rpc)
    server.close()
    assert await rpc.drain(10)
    assert not home.names.version() > 2  # nothing was pinned
    home.close()


async def answers(node: Node, rule: Rule, rng: random.Random) -> list[int]:
    """Send what breaks *rule*; return the statuses that came, `CLOSED` at the end of too few."""
    reader, writer = await asyncio.open_connection("127.0.0.1", node.port, limit=1 << 22)
    found: list[int] = []
    try:
        writer.write(rule.make(rng, node.port))
        for _ in rule.answers:
            answer = await read(reader)
            found.append(answer.status)
            if answer.status == 500:
                error = json.loads(answer.body)  # a command's own fault, told as Kubo tells it
                assert list(error) == ["Message", "Code", "Type"]
                assert "internal error" not in error["Message"]
    except (asyncio.IncompleteReadError, ConnectionError):
        found.append(CLOSED)
    finally:
        writer.close()
    return found


@pytest.mark.parametrize("name", RULES)
async def test_a_broken_rule_has_its_answer(impatient: Node, name: str) -> None:
    rule = RULES[name]
    for seed in range(SEEDS):
        found = await answers(impatient, rule, random.Random(f"{seed}:{name}"))
        assert len(found) == len(rule.answers), (seed, found)
        for status, allowed in zip(found, rule.answers, strict=True):
            assert status in allowed, (seed, found)
    good = await impatient.post("version")
    assert good.status == 200
