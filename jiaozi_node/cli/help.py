"""The help of commands, rendered from their declarations."""

import textwrap
from collections.abc import Iterable

from jiaozi_node.commands.declare import Argument, Command, Kind, Option
from jiaozi_node.commands.registry import SUMMARIES, children
from jiaozi_node.commands.values import GLOBAL_OPTIONS

_WIDTH = 96


def of_command(command: Command) -> str:
    """Return the whole help of one command."""
    lines = ["USAGE", f"  jiaozi {command.name}{_synopsis(command)}", "", "  " + command.tagline]
    if command.arguments:
        lines += ["", "ARGUMENTS"]
        lines += _table((_spell(a), a.help) for a in command.arguments)
    if command.options:
        lines += ["", "OPTIONS"]
        lines += _table((_names(o), _described(o)) for o in command.options)
    lines += ["", "OPTIONS OF EVERY COMMAND"]
    lines += _table((_names(o), _described(o)) for o in GLOBAL_OPTIONS)
    if command.unsupported:
        lines += ["", "REFUSED HERE (Kubo has them)"]
        lines += _table((f"--{u.name}", u.why) for u in command.unsupported)
    below = children(command.path)
    if below:
        lines += ["", "SUBCOMMANDS", *_table(below)]
    if command.help:
        lines += ["", "DESCRIPTION", ""]
        lines += textwrap.indent(textwrap.dedent(command.help).strip(), "  ").splitlines()
    return "\n".join(lines) + "\n"


def of_group(path: tuple[str, ...]) -> str:
    """Return the help of a command that only has subcommands, or of the program itself."""
    name = " ".join(("jiaozi", *path))
    tagline = SUMMARIES.get(path, "")
    lines = ["USAGE", f"  {name} <command>", "", f"  {tagline}", "", "COMMANDS"]
    lines += _table(children(path))
    lines += ["", f"  '{name} <command> --help' tells more of each."]
    return "\n".join(lines) + "\n"


def _synopsis(command: Command) -> str:
    words = ["[options]"] if command.options else []
    words += [_spell(argument) for argument in command.arguments]
    return "".join(f" {word}" for word in words)


def _spell(argument: Argument) -> str:
    text = f"<{argument.name}>" + ("..." if argument.many else "")
    return text if argument.required else f"[{text}]"


def _names(option: Option) -> str:
    short = "".join(f"-{alias}, " for alias in option.aliases if len(alias) == 1)
    value = "" if option.kind is Kind.BOOL else f"=<{option.kind.value}>"
    if option.bare is not None:
        value = f"[{value}]"
    return f"{short}--{option.name}{value}"


def _described(option: Option) -> str:
    if option.default in (None, False, ()):
        return option.help
    shown = str(option.default).lower() if option.default is True else option.default
    return f"{option.help} Default: {shown}."


def _table(rows: Iterable[tuple[str, str]]) -> list[str]:
    rows = list(rows)
    width = min(max((len(name) for name, _ in rows), default=0), 34)
    lines = []
    for name, text in rows:
        wrapped = textwrap.wrap(text, _WIDTH - width - 4) or [""]
        head = f"  {name:<{width}}  "
        if len(name) > width:
            lines.append(f"  {name}")
            head = " " * (width + 4)
        lines.append((head + wrapped[0]).rstrip())
        lines += [" " * (width + 4) + more for more in wrapped[1:]]
    return lines
