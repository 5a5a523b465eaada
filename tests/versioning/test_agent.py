import pytest
from hypothesis import given

from jiaozi_node.versioning import agent
from jiaozi_node.versioning.agent import Agent, NotAnAuthor
from tests.versioning import histories


@given(histories.agents())
def test_name_and_address_read_back_from_their_line(one: Agent) -> None:
    assert agent.parse(str(one)) == Agent(one.name, one.email)


@pytest.mark.parametrize(
    ("text", "name", "email"),
    [
        ("Ada <ada@example.org>", "Ada", "ada@example.org"),
        ("  Ada Lovelace   <ada@x>  ", "Ada Lovelace", "ada@x"),
        ("Ada", "Ada", None),
        ("Ada <>", "Ada", None),
        ("O'Brien, Jr. <o b@x>", "O'Brien, Jr.", "o b@x"),
    ],
)
def test_an_author_is_read(text: str, name: str, email: str | None) -> None:
    assert agent.parse(text) == Agent(name, email)


@pytest.mark.parametrize(
    "text",
    [
        *("", "  ", "<ada@x>", "Ada <ada@x", "Ada <ada@x> x", "Ada <a<b>", "A\nB <x>", "A <x\0>"),
        *("n" * 257, "A <" + "e" * 321 + ">", "A > B <x>", "\ud800 <x>"),
    ],
)
def test_what_is_not_an_author_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(NotAnAuthor) as caught:
        agent.parse(text)
    assert len(str(caught.value).splitlines()) == 1
