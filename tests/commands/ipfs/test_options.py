"""Every option Kubo lists for a command is there under all its names, or refused by name."""

from pathlib import Path

import pytest

from jiaozi_node.cli import arguments
from jiaozi_node.commands import registry
from tests.commands.conftest import Run

TABLE = Path(__file__).parents[3] / "specs" / "vectors" / "kubo-commands" / "options.tsv"
ROWS = [tuple(line.split("\t")) for line in TABLE.read_text().splitlines()]


@pytest.mark.parametrize("row", ROWS, ids=[f"{row[0]} --{row[1]}" for row in ROWS])
def test_an_option_of_kubo_is_known_or_refused_by_name(row: tuple[str, ...]) -> None:
    path, *names = row
    command = registry.load(("ipfs", *path.split()))
    assert command is not None
    for name in names:
        table = {n for o in command.options for n in (o.name, *o.aliases)}
        refused = {n: u for u in command.unsupported for n in (u.name, *u.aliases)}
        if name in table:
            continue
        assert name in refused, f"--{name} is neither taken nor refused"
        dashes = "-" if len(name) == 1 else "--"
        with pytest.raises(arguments.RefusedOption, match=name):
            arguments.parse(command, [f"{dashes}{name}"])


def test_the_table_is_the_one_of_all_our_commands() -> None:
    assert len(ROWS) > 100
    known = {" ".join(path[1:]) for path in registry.COMMANDS if path[0] == "ipfs"}
    assert {row[0] for row in ROWS} <= known


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["init", "--bits", "2048"], "invalid key size 2048: ed25519 keys are always 256 bits"),
        (["init", "--db", "postgres://there"], "--db postgres"),
        (["init", "--algorithm=dsa"], "unrecognized key type: dsa"),
        (["init", "--empty-repo=false"], "--empty-repo=false"),
        (["bogus"], 'Unknown Command "bogus"'),
        (["pin", "bogus"], "expected 0 argument(s), got 1"),
        (["cat", "--bogus", "x"], 'unknown option "bogus"'),
        (["cat", "--offset"], 'missing argument for option "offset"'),
        (["cat", "-o", "1", "--offset=2", "x"], 'multiple values for option "offset"'),
        (["cat", "-o", "x", "y"], 'strconv.ParseInt: parsing "x": invalid syntax'),
        (["add", "--mode=99999999999", "x"], "value out of range"),
    ],
)
def test_what_is_not_here_is_refused_in_one_line(jiaozi: Run, words: list[str], said: str) -> None:
    ran = jiaozi("ipfs", *words, code=1)
    first, *rest = ran.err.splitlines()
    assert first.startswith("Error: ")
    assert said in first
    assert not rest
    assert ran.out == ""


def test_global_options_may_stand_anywhere(jiaozi: Run) -> None:
    jiaozi("ipfs", "init")
    empty = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"
    before = jiaozi("ipfs", "--enc=json", "--cid-base", "base32", "block", "stat", empty).out
    after = jiaozi("ipfs", "block", "stat", empty, "--cid-base=base32", "--encoding", "json").out
    assert before == after
    assert before.startswith('{"Key":"bafybeiczss')
