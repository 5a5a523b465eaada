"""``ipfs commands``: the tree of commands with their options, and completions for shells."""

from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.declare import Answer, Call, Command, Kind, Needs, Option

_TO_BEGIN = ("daemon", "init")  # what a daemon that runs doesn't offer


def commands(call: Call) -> Iterator[dict[str, Any]]:
    """Yield the tree below ``ipfs``, ``{"Name", "Subcommands", "Options": [{"Names"}]}``."""
    tree = tree_of(("ipfs",))
    if call.stop is not None:
        tree["Subcommands"] = [row for row in tree["Subcommands"] if row["Name"] not in _TO_BEGIN]
    yield tree


def tree_of(path: tuple[str, ...]) -> dict[str, Any]:
    """Return the tree at *path* of the registry."""
    from jiaozi_node.commands import registry
    from jiaozi_node.commands.values import GLOBAL_OPTIONS

    command = registry.load(path)
    options = () if command is None else command.options
    if len(path) == 1:
        options = GLOBAL_OPTIONS
    return {
        "Name": path[-1],
        "Subcommands": [tree_of((*path, name)) for name, _ in registry.children(path)],
        "Options": [{"Names": [option.name, *option.aliases]} for option in options],
    }


def _text(row: dict[str, Any], call: Call) -> str:
    flags = bool(call.option("flags"))
    return "".join([f"{line}\n" for line in sorted(_lines("", row, flags=flags))])


def _lines(prefix: str, row: dict[str, Any], *, flags: bool) -> Iterator[str]:
    path = prefix + row["Name"]
    yield path
    if flags and prefix:
        for option in row["Options"]:
            dashed = [("-" if len(name) == 1 else "--") + name for name in option["Names"]]
            yield " / ".join(f"{path} {name}" for name in dashed)
    for below in row["Subcommands"]:
        yield from _lines(f"{path} ", below, flags=flags)


def _words() -> dict[str, list[str]]:
    """Return what may stand behind each path of commands: subcommands and options."""
    words: dict[str, list[str]] = {}

    def gather(path: str, row: dict[str, Any]) -> None:
        dashed = (f"{'-' if len(n) == 1 else '--'}{n}" for o in row["Options"] for n in o["Names"])
        words[path] = [*sorted(one["Name"] for one in row["Subcommands"]), *sorted(dashed)]
        for one in row["Subcommands"]:
            gather(f"{path} {one['Name']}".strip(), one)

    gather("", tree_of(("ipfs",)))
    return words


def bash(_call: Call) -> Iterator[bytes]:
    """Yield a script that completes commands and options of ``ipfs``."""
    yield _bash(_words()).encode()


def zsh(_call: Call) -> Iterator[bytes]:
    """Yield the same for zsh, which can do as bash does."""
    head = "# Completion of ipfs for zsh: source <(ipfs commands completion zsh)\n"
    yield f"{head}autoload -U +X bashcompinit && bashcompinit\n{_bash(_words())}".encode()


def fish(_call: Call) -> Iterator[bytes]:
    """Yield the same for fish."""
    yield _fish(_words()).encode()


def _bash(words: dict[str, list[str]]) -> str:
    rows = "\n".join(f"    {path!r}) words={' '.join(found)!r} ;;" for path, found in words.items())
    return f"""\
# Completion of ipfs for bash: eval "$(ipfs commands completion bash)"
_ipfs() {{
  local path='' word words='' known
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$word" in -*) ;; *) path="${{path:+$path }}$word" ;; esac
  done
  while :; do
    case "$path" in
{rows}
    *) words='' ;;
    esac
    [ -n "$words" ] || [ -z "$path" ] && break
    case "$path" in *' '*) path="${{path% *}}" ;; *) path='' ;; esac
  done
  COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _ipfs ipfs
"""


def _fish(words: dict[str, list[str]]) -> str:
    lines = ["# Completion of ipfs for fish: ipfs commands completion fish | source"]
    for path, found in words.items():
        seen = f"string match -q -- 'ipfs {path}*' (commandline -cp)" if path else "true"
        for word in found:
            option = f"-l {word[2:]}" if word.startswith("--") else f"-a {word}"
            if word.startswith("-") and not word.startswith("--"):
                option = f"-s {word[1:]}"
            lines.append(f"complete -c ipfs -n {seen!r} {option}")
    return "\n".join(lines) + "\n"


COMMANDS = Command(
    path=("ipfs", "commands"),
    tagline="List all available commands.",
    handler=commands,
    options=(Option("flags", Kind.BOOL, "Show command flags.", ("f",)),),
    answer=Answer.VALUE,
    needs=Needs.NOTHING,
    text=_text,
)

COMPLETION_BASH = Command(
    path=("ipfs", "commands", "completion", "bash"),
    tagline="Generate bash shell completions.",
    handler=bash,
    answer=Answer.BYTES,
    needs=Needs.NOTHING,
)

COMPLETION_ZSH = Command(
    path=("ipfs", "commands", "completion", "zsh"),
    tagline="Generate zsh shell completions.",
    handler=zsh,
    answer=Answer.BYTES,
    needs=Needs.NOTHING,
)

COMPLETION_FISH = Command(
    path=("ipfs", "commands", "completion", "fish"),
    tagline="Generate fish shell completions.",
    handler=fish,
    answer=Answer.BYTES,
    needs=Needs.NOTHING,
)
