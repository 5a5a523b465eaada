"""``jiaozi cherry-pick`` and ``revert``: what single commits changed, made or unmade here."""

from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.declare import Argument, Call, Command, ExitCode, Kind, Option
from jiaozi_node.commands.disputes import (
    NO_VERIFY,
    SIGN,
    aborted_text,
    around,
    counted,
    ended,
    listed,
    shown,
    signing,
)
from jiaozi_node.commands.shown import short
from jiaozi_node.errors import Misuse


def replay(call: Call, what: str) -> Iterator[dict[str, Any] | ExitCode]:
    """Replay commits, go on, skip one, or give up; 1 says that something is in dispute."""
    from jiaozi_node.node import hooked
    from jiaozi_node.node.committing import Unresolved
    from jiaozi_node.node.repository import Repository

    revisions: tuple[str, ...] = call.args["revision"]
    going = [name for name in ("continue", "abort", "skip") if call.option(name)]
    if len(going) > 1 or (going and (revisions or call.option("mainline"))):
        raise Misuse(f"write {what} REV…, or {what} with --continue, --skip or --abort alone")
    if not going and not revisions:
        raise Misuse(f"say which commits to {what}")
    if going == ["abort"]:
        yield from ended(call, what, abort=True)
        return
    repository = Repository.at(call.home, call.cwd)
    author = repository.author(None, call.environ, call.note)
    now, how, met = int(call.now()), signing(call), around(call)
    try:
        if going == ["continue"]:
            done = hooked.go_on(repository, what, author, now, met, how)
        elif going:
            done = hooked.skip(repository, what, author, now, met, how)
        else:
            series = [repository.resolve(text, call.now) for text in revisions]
            mainline = call.option("mainline")
            done = hooked.replay(repository, what, series, author, now, met, mainline, how)
    except Unresolved as fault:
        yield _value("in-dispute", (), None, [shown(one) for one in fault.conflicts])
        yield ExitCode(1)
        return
    conflicts = [shown(found) for found in done.conflicts]
    yield _value(done.kind, done.commits, done.at, conflicts) | {
        "tree": str(done.tree),
        "files": done.files,
    }
    if conflicts:
        yield ExitCode(1)


def _value(
    kind: str, commits: tuple[Any, ...], at: object, conflicts: list[dict[str, Any]]
) -> dict[str, Any]:
    value = {"kind": kind, "commits": [str(cid) for cid in commits], "conflicts": conflicts}
    return value if at is None else value | {"at": str(at)}


def _text(value: dict[str, Any], what: str) -> str:
    if value["kind"] == "aborted":
        return aborted_text(value)
    made = "".join(f"{what}: made {short(cid)}\n" for cid in value["commits"])
    if value["conflicts"]:
        return made + listed(value["conflicts"], what, started=True)
    return f"{made}{counted(value['files'])} differed\n"


def _command(what: str, tagline: str) -> Command:
    return Command(
        path=(what,),
        tagline=tagline,
        handler=lambda call: replay(call, what),
        arguments=(Argument("revision", "The commits, in this order.", required=False, many=True),),
        options=(
            Option("mainline", Kind.INT, "Of a merge: the parent that counts, from 1.", ("m",)),
            Option("continue", Kind.BOOL, "Commit what is settled, and go on."),
            Option("skip", Kind.BOOL, "Leave out the commit that is in dispute, and go on."),
            SIGN,
            NO_VERIFY,
            Option("abort", Kind.BOOL, "Go back to before the first."),
        ),
        text=lambda value, _call: _text(value, what),
    )


CHERRY_PICK = _command("cherry-pick", "Make here what other commits changed.")
REVERT = _command("revert", "Unmake what commits changed.")
