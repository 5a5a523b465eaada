"""Words of a command line to the arguments and options that a command declares.

The grammar is that of Kubo's command line (go-ipfs-cmds), for both faces: options anywhere before
``--``; ``--name=value`` or ``--name value``; a bool takes a value only after ``=``, as does an
option whose value may be left out; one-letter options join (``-rQ``). argparse can't read it: see
specs/decisions/0002.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from jiaozi_node.commands.declare import Argument, Command, Kind, Option
from jiaozi_node.commands.values import GLOBAL_OPTIONS, convert
from jiaozi_node.errors import Misuse


class Parsed(NamedTuple):
    """What one command line says; *args* by argument name, *options* by long name with ``_``."""

    args: dict[str, Any]
    options: dict[str, Any]
    explicit: frozenset[str]
    globals: dict[str, Any]


class RefusedOption(Misuse):
    """An option that Kubo has and this version has not."""

    def __init__(self, option: str, why: str) -> None:
        super().__init__(f'option "{option}" is not supported here: {why}')
        self.option = option


def as_json(command: Command, given: Mapping[str, Any]) -> bool:
    """Tell whether the global options *given* ask for JSON."""
    return bool(given.get("json")) or (given.get("encoding") == "json" and not command.text_only)


def options_last(words: Sequence[str]) -> list[str]:
    """Move options of all commands, or of a group, that stand among the words behind them."""
    from jiaozi_node.commands.registry import GROUP_FLAGS, is_command

    table = {name: option for option in GLOBAL_OPTIONS for name in (option.name, *option.aliases)}
    path: tuple[str, ...] = ()
    moved: list[str] = []
    at = 0
    while at < len(words):
        word = words[at]
        if word.startswith("-") and len(word) > 1:
            name, equals, _ = word.lstrip("-").partition("=")
            option = table.get(name)
            if option is None and name not in GROUP_FLAGS.get(path, ()):
                break
            moved.append(word)
            at += 1
            if (
                option is not None
                and not equals
                and option.kind is not Kind.BOOL
                and at < len(words)
            ):
                moved.append(words[at])
                at += 1
            continue
        if not is_command((*path, word)):
            break
        path = (*path, word)
        at += 1
    return [*path, *moved, *words[at:]]


def parse(
    command: Command,
    words: Sequence[str],
    stdin_lines: Callable[[Argument], Sequence[str]] | None = None,
) -> Parsed:
    """Read *words* as the arguments and options of *command*.

    *stdin_lines* supplies a missing text argument that standard input may give. Raises `Misuse`
    in Kubo's words.
    """
    given, positional, behind = _split(command, words)
    chosen, globals_ = _values(command, given)
    options = {option.key: option.default for option in command.options}
    options.update(chosen)
    if globals_.get("help"):
        return Parsed({}, options, frozenset(chosen), globals_)
    args = _arguments(command, positional, behind, stdin_lines)
    return Parsed(args, options, frozenset(chosen), globals_)


def _table(command: Command) -> dict[str, Option]:
    table: dict[str, Option] = {}
    for option in (*GLOBAL_OPTIONS, *command.options):  # a command's own name wins
        for name in (option.name, *option.aliases):
            table[name] = option
    return table


def _split(
    command: Command, words: Sequence[str]
) -> tuple[list[tuple[str, Option, str]], list[str], list[str]]:
    """Part options from arguments, each option as (name as typed, option, text of its value).

    What stands behind ``--`` comes last, where the command has an argument for it.
    """
    dashed = any(argument.dashed for argument in command.arguments)
    table = _table(command)
    refused = {name: un for un in command.unsupported for name in (un.name, *un.aliases)}
    given: list[tuple[str, Option, str]] = []
    positional: list[str] = []
    behind: list[str] = []
    queue = list(reversed(words))

    def option_called(name: str) -> Option:
        if name in refused:
            raise RefusedOption(name, refused[name].why)
        if name not in table:
            raise Misuse(f'unknown option "{name}"')
        return table[name]

    def value_behind(name: str) -> str:
        if not queue:
            raise Misuse(f'missing argument for option "{name}"')
        return queue.pop()

    while queue:
        word = queue.pop()
        if word == "--":
            (behind if dashed else positional).extend(reversed(queue))
            break
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            option = option_called(name)
            if not equals:
                alone = _alone(option)
                value = value_behind(name) if alone is None else alone
            given.append((name, option, value))
        elif word.startswith("-") and len(word) > 1:
            letters = word[1:]
            while letters:
                name, letters = letters[0], letters[1:]
                option = option_called(name)
                alone = _alone(option)
                if alone is None or letters.startswith("="):
                    value = letters.removeprefix("=") if letters else value_behind(name)
                    given.append((name, option, value))
                    break
                given.append((name, option, alone))
        else:
            positional.append(word)
    return given, positional, behind


def _alone(option: Option) -> str | None:
    """Return what *option* means without a value; None for one that must have a value."""
    return "true" if option.kind is Kind.BOOL else option.bare


def _values(
    command: Command, given: Sequence[tuple[str, Option, str]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    own = set(command.options)
    chosen: dict[str, Any] = {}
    globals_: dict[str, Any] = {}
    for name, option, text in given:
        place = chosen if option in own else globals_
        value = convert(option, text)
        if option.kind is Kind.TEXTS:
            place[option.key] = (*place.get(option.key, ()), value)
        elif option.key in place:
            raise Misuse(f'multiple values for option "{name}"')
        else:
            place[option.key] = value
    return chosen, globals_


def _arguments(
    command: Command,
    words: Sequence[str],
    dashed: Sequence[str],
    stdin_lines: Callable[[Argument], Sequence[str]] | None,
) -> dict[str, Any]:
    args: dict[str, Any] = {}
    left = list(words)
    declared = command.arguments
    for at, argument in enumerate(declared):
        if argument.dashed:
            args[argument.name.replace("-", "_")] = tuple(dashed)
            continue
        behind = sum(1 for other in declared[at + 1 :] if other.required)
        if argument.many:
            take = max(len(left) - behind, 0)
            found = tuple(left[:take])
            del left[:take]
        else:
            found = tuple(left[:1]) if len(left) > (0 if argument.required else behind) else ()
            del left[: len(found)]
        if not found and argument.stdin and stdin_lines is not None:
            found = tuple(stdin_lines(argument))
        if not found and argument.required:
            raise Misuse(f'argument "{argument.name}" is required')
        key = argument.name.replace("-", "_")
        args[key] = found if argument.many else (found[0] if found else None)
    if left:
        raise Misuse(f"expected {len(declared)} argument(s), got {len(words)}")
    return args
