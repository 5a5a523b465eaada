"""What is in dispute and how that ends, as merge, cherry-pick, revert and resolve tell it."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from jiaozi_node.commands.branch import noted
from jiaozi_node.commands.declare import Call, ExitCode, Kind, Option
from jiaozi_node.commands.shown import quoted, short

if TYPE_CHECKING:
    from jiaozi_node.node.committing import How
    from jiaozi_node.node.hooked import Around
    from jiaozi_node.versioning.conflict import Conflict

_CELL = ("row", "column", "base", "ours", "theirs")


def ended(call: Call, what: str, *, abort: bool) -> Iterator[dict[str, Any] | ExitCode]:
    """Commit what is under way, or give it up; where it is in dispute, tell it all."""
    from jiaozi_node.node import ending, hooked
    from jiaozi_node.node.committing import Unresolved
    from jiaozi_node.node.repository import Repository

    repository = Repository.at(call.home, call.cwd)
    if abort:
        files = ending.abort(repository, what, noted(repository, call, f"{what}: aborted"))
        head = repository.head_commit()
        yield {"kind": "aborted", "what": what, "commit": str(head), "files": files}
        return
    try:
        author = repository.author(None, call.environ, call.note)
        message = "\n\n".join(call.option("message")) or None
        repository, made = hooked.conclude(
            repository, what, author, int(call.now()), around(call), message, signing(call)
        )
    except Unresolved as fault:
        yield {"kind": "in-dispute", "conflicts": [shown(one) for one in fault.conflicts]}
        yield ExitCode(1)
        return
    yield {
        "kind": "merged",
        "commit": str(made.cid),
        "tree": str(made.commit.tree),
        "subject": made.commit.subject,
        "conflicts": [],
    }
    around(call).after(repository, made)


def around(call: Call) -> "Around":
    """Return how hooks are met."""
    from jiaozi_node.node.hooked import Around

    return Around(call.environ, call.note, verify=not call.option("no_verify"))


def signing(call: Call) -> "How":
    """Return how to commit: signed, if that was asked for."""
    from jiaozi_node.node.committing import USUAL, How

    if (key := call.option("sign")) is None:
        return USUAL
    from jiaozi_node.node.signers import signer

    return How(signer=signer(call.home, key))


NO_VERIFY = Option("no-verify", Kind.BOOL, "Don't ask the hook pre-commit.")
SIGN = Option("sign", Kind.TEXT, "Sign it, with the key of that name.", ("S",), bare="")


def shown(found: "Conflict") -> dict[str, Any]:
    """Return a conflict as ``--json`` has it."""
    value: dict[str, Any] = {"path": "/".join(found.path) or ".", "kind": found.kind}
    for side in _CELL[2:]:
        cid = getattr(found, side)
        if cid is not None:
            value[side] = str(cid)
    value["marked"] = found.marked
    if found.renamed:
        value["renamed"] = ["/".join(path) for path in found.renamed]
    if found.cells:
        value["cells"] = [_cell(cell) for cell in found.cells]
    return value


def _cell(cell: Any) -> dict[str, str]:  # noqa: ANN401 - Cell, imported only to check types
    parts = {name: getattr(cell, name) for name in _CELL}
    return {
        name: part.decode("utf-8", "surrogateescape")
        for name, part in parts.items()
        if part is not None
    }


def listed(conflicts: Sequence[dict[str, Any]], what: str, *, started: bool) -> str:
    """Return the lines that tell what is in dispute, and what to do then."""
    lines = "".join(map(line, conflicts))
    count = f"{len(conflicts)} path{'' if len(conflicts) == 1 else 's'} in dispute"
    if not started:
        return f"{lines}{count}\n"
    return (
        f"{lines}{count}: 'jiaozi resolve' them, or edit and 'jiaozi add'; then"
        f" 'jiaozi {what} --continue', or --abort\n"
    )


def line(found: dict[str, Any]) -> str:
    """Return the line of one conflict."""
    to = ""
    if "renamed" in found:
        to = f" (now {quoted(found['renamed'][0])} here, {quoted(found['renamed'][1])} there)"
    for cell in found.get("cells", ()):
        column = quoted(cell["column"]) if "column" in cell else "the row"
        to += f"\n  {quoted(cell['row'])}: {column}"
    return f"CONFLICT ({found['kind']}): {quoted(found['path'])}{to}\n"


def aborted_text(value: dict[str, Any]) -> str:
    """Return the line for an act that was given up."""
    return f"{value['what']} given up; HEAD is at {short(value['commit'])}\n"


def counted(files: int) -> str:
    """Return how many files, in words."""
    return f"{files} file{'' if files == 1 else 's'}"
