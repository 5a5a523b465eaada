"""A request line of the RPC to a command with its arguments and options, as go-ipfs-cmds reads it.

``/api/v0/pin/ls?arg=Qm…&type=all``: the path names the command, or its last element is the first
argument; ``arg`` repeats; options go by any of their names, and unknown ones mean nothing. Faults
found here are answered in plain text, before a command runs.
"""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_to_bytes

from jiaozi_node.commands import registry
from jiaozi_node.commands.declare import (
    Argument,
    Command,
    Kind,
    Needs,
    Option,
    Unsupported,
)
from jiaozi_node.commands.values import GLOBAL_OPTIONS, convert
from jiaozi_node.errors import LimitExceeded, Misuse
from jiaozi_node.http.rpc.escapes import unescapable

PREFIX: Final = "/api/v0/"
MAX_ARGUMENTS: Final = 10_000
_NOT_OVER_HTTP = frozenset(
    # Kubo's NoRemote: their work is the caller's own (design §1: the Kubo face of a command line)
    (
        ("ipfs", "config", "edit"),
        ("ipfs", "init"),
        ("ipfs", "daemon"),
        ("ipfs", "commands", "completion", "bash"),
        ("ipfs", "commands", "completion", "fish"),
        ("ipfs", "commands", "completion", "zsh"),
        ("ipfs", "key", "export"),
        ("ipfs", "key", "rotate"),
        ("ipfs", "files", "chroot"),
        ("ipfs", "repo", "migrate"),
    )
)


class UnknownCommand(Misuse):
    """The path names no command that the RPC offers."""

    def __init__(self) -> None:
        super().__init__("404 page not found")


@dataclass(frozen=True, slots=True)
class Target:
    """The command that a path names, and the argument that its last element is, if it is one."""

    command: Command
    first: str | None


@dataclass(frozen=True, slots=True)
class Given:
    """What a query gave, by keys; *missing_on_stdin* is the argument that the body may supply."""

    args: dict[str, Any]
    options: dict[str, Any]
    explicit: frozenset[str]
    globals: dict[str, Any]
    file: Argument | None
    missing_on_stdin: Argument | None


def target(path: str) -> Target:
    """Return what the raw *path* names; raises `UnknownCommand`."""
    if not path.startswith(PREFIX):
        raise UnknownCommand
    words = [_text(part) for part in path[len(PREFIX) :].split("/")]
    found = ("ipfs", *words)
    command = _offered(found) or _group(found)
    if command is not None:
        return Target(command, None)
    command = _offered(found[:-1])
    if command is None or found in _NOT_OVER_HTTP:
        raise UnknownCommand
    return Target(command, words[-1])


def _offered(path: tuple[str, ...]) -> Command | None:
    if path in _NOT_OVER_HTTP or path not in registry.COMMANDS:
        return None
    return registry.load(path)


def _group(path: tuple[str, ...]) -> Command | None:
    """Return what stands for a group, which says nothing."""
    if len(path) < 2 or path in registry.COMMANDS or not registry.is_command(path):
        return None
    return Command(path, "", lambda _call: iter(()), needs=Needs.NOTHING)


def pairs(query: str) -> list[tuple[str, str]]:
    """Split a raw query; a pair with ``;`` or a broken escape is left out, as Go does."""
    found = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if part and ";" not in part and unescapable(part):
            found.append((_text(name.replace("+", " ")), _text(value.replace("+", " "))))
    return found


def _text(escaped: str) -> str:
    if "%" not in escaped and escaped.isascii():
        return escaped
    return unquote_to_bytes(escaped.encode("utf-8", "surrogateescape")).decode(
        "utf-8", "surrogateescape"
    )


def read(found: Target, query: str, *, has_body: bool) -> Given:
    """Read the raw *query* of a request for *found*; raises `Misuse` in Kubo's words."""
    command = found.command
    strings = [] if found.first is None else [found.first]
    options: dict[str, str | list[str]] = {}
    table = _table(command)
    for name, value in pairs(query):
        if name == "arg":
            strings.append(value)
            continue
        option = table.options.get(name)
        if option is not None and option.kind is Kind.TEXTS:
            kept = options.setdefault(name, [])
            if isinstance(kept, list):
                kept.append(value)
        elif option is not None and name in options:
            given = " ".join(text for key, text in pairs(query) if key == name)
            raise Misuse(
                f"expected key {option.name} to have only a single value, received [{given}]"
            )
        else:
            options.setdefault(name, value)
    if len(strings) > MAX_ARGUMENTS:
        raise LimitExceeded("query", MAX_ARGUMENTS, len(strings), "arguments")
    chosen, globals_ = _converted(options, table)
    args, missing = _arguments(command, strings)
    file = next((one for one in command.arguments if one.file), None)
    if file is not None and file.required and not has_body:
        raise Misuse(f"file argument '{file.name}' is required")
    if missing is not None and missing.required and not has_body:
        raise Misuse(f'argument "{missing.name}" is required')
    return Given(
        args=args,
        options=table.defaults | chosen,
        explicit=frozenset(chosen),
        globals=globals_,
        file=file,
        missing_on_stdin=missing,
    )


class _Table(NamedTuple):
    """The options of a command by all their names, its own by theirs, and what is refused."""

    options: dict[str, Option]
    own: frozenset[str]
    refused: dict[str, Unsupported]
    defaults: dict[str, Any]
    names: dict[str, str]


_TABLES: dict[tuple[str, ...], _Table] = {}  # of declared commands


def _table(command: Command) -> _Table:
    known = _TABLES.get(command.path)
    if known is None:
        known = _Table(
            {
                name: option
                for option in (*GLOBAL_OPTIONS, *command.options)
                for name in (option.name, *option.aliases)
            },
            frozenset(option.name for option in command.options),
            {name: one for one in command.unsupported for name in (one.name, *one.aliases)},
            {option.key: option.default for option in command.options},
            {option.key: option.name for option in (*command.options, *GLOBAL_OPTIONS)},
        )
        if command.path in registry.COMMANDS:
            _TABLES[command.path] = known
    return known


def option_names(command: Command) -> dict[str, str]:
    """Return the names of all options that *command* takes, by their keys."""
    return _table(command).names


def _converted(
    given: dict[str, str | list[str]], table: _Table
) -> tuple[dict[str, Any], dict[str, Any]]:
    refused = table.refused
    chosen: dict[str, Any] = {}
    globals_: dict[str, Any] = {}
    by_option: dict[str, str] = {}
    for name, value in given.items():
        if name in refused:
            raise Misuse(f'option "{name}" is not supported here: {refused[name].why}')
        option = table.options.get(name)
        if option is None:
            continue
        other = by_option.setdefault(option.name, name)
        if other != name:
            raise Misuse(f'duplicate command options were provided ("{other}" and "{name}")')
        place = chosen if option.name in table.own else globals_
        place[option.key] = _value(option, name, value)
    return chosen, globals_


def _value(option: Option, name: str, given: str | list[str]) -> Any:  # noqa: ANN401 - its kind
    if isinstance(given, list):
        return tuple(given)
    if option.kind is Kind.BOOL and not given:
        return True
    try:
        return convert(option, given)
    except Misuse:
        shown = f'value "{given[:64]}"' if given else "empty value"
        kind = option.kind.value
        raise Misuse(f'could not convert {shown} to type "{kind}" (for option "-{name}")') from None


def _arguments(command: Command, given: list[str]) -> tuple[dict[str, Any], Argument | None]:
    """Give out the strings to the arguments; more than are declared mean nothing, as in Kubo."""
    declared = [argument for argument in command.arguments if not argument.file]
    args: dict[str, Any] = {
        one.name.replace("-", "_"): () if one.many else None for one in declared
    }
    required = sum(argument.required for argument in declared)
    missing = None
    left = list(given)
    for at, argument in enumerate(declared):
        if len(left) <= required and not argument.required:
            if at == len(declared) - 1 and argument.stdin and not left:
                missing = argument
            continue
        required -= argument.required
        key = argument.name.replace("-", "_")
        if argument.many:
            args[key], left = tuple(left), []
        elif left:
            args[key] = left.pop(0)
        if not args[key] and (argument.many or args[key] is None) and argument.required:
            if not (at == len(declared) - 1 and argument.stdin):
                raise Misuse(f'argument "{argument.name}" is required')
            missing = argument
    return args, missing
