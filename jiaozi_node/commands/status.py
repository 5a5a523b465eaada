"""``jiaozi status``: what a commit would record, and what it would not."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jiaozi_node.commands.declare import Answer, Call, Command, ExitCode, Kind, Option
from jiaozi_node.commands.shown import quoted, short

if TYPE_CHECKING:
    from jiaozi_node.node.status import StagedChange

_DISPUTED = {
    "UU": "both changed:    ",
    "AA": "both added:      ",
    "UD": "deleted by them: ",
    "DU": "deleted by us:   ",
    "AU": "added by us:     ",
    "UA": "added by them:   ",
    "DD": "both moved:      ",
}
_WORDS = {
    "A": "new file:   ",
    "M": "modified:   ",
    "D": "deleted:    ",
    "R": "renamed:    ",
}


def status(call: Call) -> Iterator[dict[str, Any] | ExitCode]:
    """Yield one value; with ``--exit-code`` 1 says that there is something."""
    from jiaozi_node.node.repository import Repository
    from jiaozi_node.node.status import status as look

    repository = Repository.at(call.home, call.cwd)
    found = look(repository, untracked=not call.option("no_untracked"))
    value: dict[str, Any] = {
        "branch": found.branch,
        "commit": str(found.commit) if found.commit else None,
        "clean": found.clean,
        "staged": [_staged(one) for one in found.staged],
        "changed": [
            {"change": letter, "path": path} for letter, path in found.working if letter != "?"
        ],
        "untracked": [path for letter, path in found.working if letter == "?"],
        "unmerged": [
            {"change": one.letters, "path": one.path, "kind": one.kind} for one in found.unmerged
        ],
    }
    if found.under is not None:
        value["under_way"] = {"what": found.under.what, "to_do": len(found.under.todo)}
    yield value
    if call.option("exit_code") and not found.clean:
        yield ExitCode(1)


def _staged(one: "StagedChange") -> dict[str, str]:
    row = {"change": one.letter, "path": one.path}
    return row if one.source is None else row | {"from": one.source}


def _text(value: dict[str, Any], call: Call) -> str:
    if call.option("short") or call.option("porcelain"):
        return "".join(_short(value))
    return "\n".join(_long(value)) + "\n"


def _short(value: dict[str, Any]) -> Iterator[str]:
    staged = {row["path"]: row["change"] for row in value["staged"]}
    changed = {row["path"]: row["change"] for row in value["changed"]}
    unmerged = {row["path"]: row["change"] for row in value["unmerged"]}
    sources = {row["path"]: row["from"] for row in value["staged"] if "from" in row}
    for path in sorted({*staged, *changed, *unmerged}):
        letters = unmerged.get(path) or f"{staged.get(path, ' ')}{changed.get(path, ' ')}"
        moved = f"{quoted(sources[path])} -> " if path in sources else ""
        yield f"{letters} {moved}{quoted(path)}\n"
    for path in value["untracked"]:
        yield f"?? {quoted(path)}\n"


def _long(value: dict[str, Any]) -> Iterator[str]:
    if value["branch"]:
        yield f"On branch {value['branch']}"
    elif value["commit"]:
        yield f"HEAD detached at {short(value['commit'])}"
    else:
        yield "HEAD detached, no commit"
    if value["branch"] and not value["commit"]:
        yield "No commits yet"
    if "under_way" in value:
        yield _under_way(value["under_way"], bool(value["unmerged"]))
    if value["unmerged"]:
        yield "In dispute (use 'jiaozi resolve', or edit and 'jiaozi add'):"
        for row in value["unmerged"]:
            yield f"\t{_DISPUTED[row['change']]}{quoted(row['path'])} ({row['kind']})"
    if value["staged"]:
        yield "Changes to be committed:"
        yield from _listed(value["staged"])
    if value["changed"]:
        yield "Changes not staged for commit (use 'jiaozi add' or 'jiaozi commit -a'):"
        yield from _listed(value["changed"])
    if value["untracked"]:
        yield "Untracked files (use 'jiaozi add' to track them):"
        for path in value["untracked"]:
            yield f"\t{quoted(path)}"
    if value["clean"]:
        yield "nothing to commit, working copy clean"
    elif not value["staged"] and "under_way" not in value:
        yield "nothing added to commit"


def _under_way(under: dict[str, Any], disputed: bool) -> str:
    what, rest = under["what"], under["to_do"]
    more = f", {rest} more commit{'' if rest == 1 else 's'} to go" if rest else ""
    then = "settle what is in dispute, then" if disputed else "all is settled:"
    go_on = f"'jiaozi {what} --continue' goes on, --abort gives it up"
    return f"A {what} is under way{more}; {then} {go_on}."


def _listed(rows: list[dict[str, str]]) -> Iterator[str]:
    for row in rows:
        moved = f"{quoted(row['from'])} -> " if "from" in row else ""
        yield f"\t{_WORDS[row['change']]}{moved}{quoted(row['path'])}"


STATUS = Command(
    path=("status",),
    tagline="Show what is staged, changed and not tracked.",
    handler=status,
    options=(
        Option("short", Kind.BOOL, "Two letters and a path for each: staged, changed.", ("s",)),
        Option("porcelain", Kind.BOOL, "The same, for programs: it will not change."),
        Option("exit-code", Kind.BOOL, "Exit with 1 unless all is clean."),
        Option("no-untracked", Kind.BOOL, "Leave out what is not tracked."),
    ),
    answer=Answer.VALUE,
    text=_text,
)
