"""The grammar of command lines is Kubo's."""

import re
from collections.abc import Iterator

import pytest

from jiaozi_node.cli.arguments import RefusedOption, parse
from jiaozi_node.commands.declare import Argument, Call, Command, Kind, Option, Unsupported
from jiaozi_node.errors import Misuse


def _nothing(_call: Call) -> Iterator[object]:
    yield from ()


COMMAND = Command(
    path=("try",),
    tagline="",
    handler=_nothing,
    arguments=(Argument("path", "", many=True, stdin=True), Argument("last", "", required=False)),
    options=(
        Option("recursive", Kind.BOOL, "", ("r",)),
        Option("pin", Kind.BOOL, "", (), True),
        Option("length", Kind.INT64, "", ("l",)),
        Option("mode", Kind.UINT, ""),
        Option("ignore", Kind.TEXTS, ""),
        Option("chunker", Kind.TEXT, "", ("s",)),
        Option("sign", Kind.TEXT, "", ("S",), bare=""),
    ),
    unsupported=(Unsupported("nocopy", "it comes with issue C"),),
)


@pytest.mark.parametrize(
    ("words", "options", "path"),
    [
        (["a"], {}, ("a",)),
        (["-r", "a"], {"recursive": True}, ("a",)),
        (["a", "-r", "b"], {"recursive": True}, ("a", "b")),
        (["--recursive=false", "a"], {"recursive": False}, ("a",)),
        (["-r=false", "a"], {"recursive": False}, ("a",)),
        (["--pin=0", "a"], {"pin": False}, ("a",)),
        (["-rl5", "a"], {"recursive": True, "length": 5}, ("a",)),
        (["-l", "-5", "a"], {"length": -5}, ("a",)),
        (["--mode=0644", "a"], {"mode": 0o644}, ("a",)),
        (["--ignore", "x", "--ignore=y", "a"], {"ignore": ("x", "y")}, ("a",)),
        (["--", "-r", "--x"], {}, ("-r", "--x")),
        (["-"], {}, ("-",)),
        (["--chunker=size-1=2", "a"], {"chunker": "size-1=2"}, ("a",)),
        (["-S", "a"], {"sign": ""}, ("a",)),
        (["--sign", "a"], {"sign": ""}, ("a",)),
        (["--sign=k", "a"], {"sign": "k"}, ("a",)),
        (["-S=k", "a"], {"sign": "k"}, ("a",)),
        (["-Sr", "a"], {"sign": "", "recursive": True}, ("a",)),
    ],
)
def test_words_become_options_and_arguments(
    words: list[str], options: dict[str, object], path: tuple[str, ...]
) -> None:
    parsed = parse(COMMAND, words)
    assert {key: parsed.options[key] for key in parsed.explicit} == options
    assert parsed.args["path"] == path


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--foo", "a"], 'unknown option "foo"'),
        (["-x", "a"], 'unknown option "x"'),
        (["a", "-l"], 'missing argument for option "l"'),
        (["-l1", "-l2", "a"], 'multiple values for option "l"'),
        (["-l", "x", "a"], 'strconv.ParseInt: parsing "x": invalid syntax'),
        (["--mode=-1", "a"], 'strconv.ParseUint: parsing "-1": invalid syntax'),
        (["-l", "9223372036854775808", "a"], "value out of range"),
        (["--pin=maybe", "a"], 'strconv.ParseBool: parsing "maybe": invalid syntax'),
        ([], 'argument "path" is required'),
    ],
)
def test_a_wrong_word_is_named(words: list[str], says: str) -> None:
    with pytest.raises(Misuse, match=re.escape(says)):
        parse(COMMAND, words)


def test_an_option_left_out_is_refused_by_name() -> None:
    with pytest.raises(RefusedOption, match='"nocopy" is not supported here: it comes with'):
        parse(COMMAND, ["--nocopy", "a"])


def test_standard_input_supplies_what_is_missing() -> None:
    parsed = parse(COMMAND, ["-r"], lambda _argument: ["x", "y"])
    assert parsed.args["path"] == ("x", "y")


def test_defaults_fill_in_and_are_not_explicit() -> None:
    parsed = parse(COMMAND, ["a"])
    assert parsed.options["pin"] is True
    assert parsed.explicit == frozenset()
