"""``ipfs log level|ls|tail``: what the daemon logs, and how much of it."""

from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.declare import Answer, Argument, Call, Command, Kind, Needs, Option
from jiaozi_node.errors import Misuse, Unavailable


def level(call: Call) -> Iterator[dict[str, Any]]:
    """Yield the level of one subsystem, of all, or the default; with a level, set it."""
    from jiaozi_node.node import log_levels

    _daemon_only(call, "level")
    name, wanted = call.args["subsystem"], call.args["level"]
    if name == "all":
        name = "*"
    if wanted is not None:
        became = log_levels.change(name, wanted)
        yield {"Message": f"Changed log level of '{name}' to '{became}'\n"}
    elif name is None:
        yield {"Levels": {"": log_levels.default()}}
    elif name == "*":
        yield {"Levels": log_levels.levels()}
    else:
        yield {"Levels": {name: log_levels.of(name)}}


def _level_text(row: dict[str, Any], call: Call) -> str:
    if "Message" in row:
        return str(row["Message"])
    if call.args["subsystem"] in ("all", "*"):
        return "".join(f"{name}: {level}\n" for name, level in row["Levels"].items())
    return "".join(f"{level}\n" for level in row["Levels"].values())


def ls(_call: Call) -> Iterator[dict[str, Any]]:
    """Yield the names of the subsystems."""
    from jiaozi_node.node import log_levels

    yield {"Strings": log_levels.names()}


def tail(call: Call) -> Iterator[bytes]:
    """Yield entries as JSON lines until whoever reads them leaves."""
    from jiaozi_node.node import log_levels

    _daemon_only(call, "tail")
    wanted = call.option("log_level")
    try:
        level = log_levels.level_named(wanted) if wanted else 0
    except Misuse as fault:
        raise Misuse(f"setting log level {wanted}: {fault}") from None
    for line in log_levels.tail(level):
        yield line.encode()


def _daemon_only(call: Call, name: str) -> None:
    if call.stop is None:
        raise Unavailable(f"command must be run on the daemon: [log {name}]")


LEVEL = Command(
    path=("ipfs", "log", "level"),
    tagline="Change or get the logging level.",
    handler=level,
    arguments=(
        Argument("subsystem", "Its name, or 'all'; the default's without it.", required=False),
        Argument(
            "level", "debug, info, warn, error, dpanic, panic, fatal or default.", required=False
        ),
    ),
    answer=Answer.VALUE,
    needs=Needs.NODE,
    text=_level_text,
)

LS = Command(
    path=("ipfs", "log", "ls"),
    tagline="List the logging subsystems.",
    handler=ls,
    answer=Answer.VALUE,
    needs=Needs.NODE,
    text=lambda row, _call: "".join(f"{name}\n" for name in row["Strings"]),
)

TAIL = Command(
    path=("ipfs", "log", "tail"),
    tagline="Read the event log.",
    handler=tail,
    options=(Option("log-level", Kind.TEXT, "Log level to listen to.", default=""),),
    answer=Answer.BYTES,
    needs=Needs.NODE,
    lasting=True,
)
