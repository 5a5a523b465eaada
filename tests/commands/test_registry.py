"""The registry and the declarations say the same."""

import pytest

from jiaozi_node.commands import registry
from jiaozi_node.errors import Misuse


@pytest.mark.parametrize("path", registry.COMMANDS, ids=" ".join)
def test_every_row_leads_to_its_declaration(path: tuple[str, ...]) -> None:
    command = registry.load(path)
    assert command is not None
    assert command.path == path


@pytest.mark.parametrize("path", registry.COMMANDS, ids=" ".join)
def test_no_name_is_given_to_two_options(path: tuple[str, ...]) -> None:
    command = registry.load(path)
    assert command is not None
    names = [name for o in command.options for name in (o.name, *o.aliases)]
    names += [name for u in command.unsupported for name in (u.name, *u.aliases)]
    assert sorted(names) == sorted(set(names))


def test_a_path_is_the_longest_that_is_declared() -> None:
    assert registry.find(["ipfs", "pin", "ls", "-q"]) == (("ipfs", "pin", "ls"), ["-q"])
    assert registry.find(["ipfs", "refs", "local"]) == (("ipfs", "refs", "local"), [])
    assert registry.find(["ipfs", "refs", "Qm"]) == (("ipfs", "refs"), ["Qm"])
    assert registry.find([]) == ((), [])


def test_an_unknown_command_is_named() -> None:
    with pytest.raises(Misuse, match='Unknown Command "bogus"'):
        registry.find(["ipfs", "bogus"])


def test_groups_list_what_is_below_them() -> None:
    assert [name for name, _ in registry.children(("ipfs", "block"))] == [
        "get",
        "put",
        "rm",
        "stat",
    ]
    assert dict(registry.children(()))["ipfs"].startswith("The Kubo face")
