"""``jiaozi commit``: the stage becomes a version."""

from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.declare import Answer, Call, Command, Kind, Option
from jiaozi_node.errors import Misuse

_TEMPLATE = """
# Write the message of this version above. Lines that begin with '#' are left out;
# an empty message stops the commit.
"""


def commit(call: Call) -> Iterator[dict[str, Any]]:
    """Record the stage, or with ``-a`` every tracked file as it is now."""
    from jiaozi_node.node.repository import Repository

    repository = Repository.at(call.home, call.cwd)
    notes: list[str] = []
    author = repository.author(call.option("author"), call.environ, notes.append)
    if call.option("all"):
        if call.option("message") or call.edit_text is None:
            _message(call)  # a commit that is refused for its message leaves the stage alone
        repository.stage_tracked(progress=call.progress)
    repository.check_staged()
    for note in notes:
        call.note(note)
    made = repository.commit(_message(call), author, int(call.now()))
    yield {
        "commit": str(made.cid),
        "branch": made.branch,
        "parents": [str(parent) for parent in made.commit.parents],
        "tree": str(made.commit.tree),
        "subject": made.commit.subject,
        "files": made.commit.stats.files if made.commit.stats else None,
        "bytes": made.commit.stats.bytes if made.commit.stats else None,
    }


def _message(call: Call) -> str:
    given: tuple[str, ...] = call.option("message")
    if given:
        text = "\n\n".join(given)
    elif call.edit_text is not None:
        lines = call.edit_text(_TEMPLATE).splitlines()
        text = "\n".join(line for line in lines if not line.startswith("#"))
    else:
        raise Misuse("no message: give one with -m (there is no terminal to open an editor on)")
    text = "\n".join(line.rstrip() for line in text.strip().splitlines())
    if not text:
        raise Misuse("the message is empty: nothing was committed")
    return text


def _text(value: dict[str, Any], _call: Call) -> str:
    from jiaozi_node.commands.shown import short

    root = "" if value["parents"] else " (root commit)"
    where = value["branch"] or "detached HEAD"
    line = f"[{where}{root} {short(value['commit'])}] {value['subject']}\n"
    if value["files"] is None:
        return line
    plural = "" if value["files"] == 1 else "s"
    return f"{line} {value['files']} file{plural}, {value['bytes']} bytes\n"


COMMIT = Command(
    path=("commit",),
    tagline="Record what is staged as a new version.",
    handler=commit,
    options=(
        Option("message", Kind.TEXTS, "The message; given twice, two paragraphs.", ("m",), ()),
        Option("all", Kind.BOOL, "Stage every tracked file that changed or went first.", ("a",)),
        Option("author", Kind.TEXT, "Who made it: 'Name <mail>'."),
    ),
    answer=Answer.VALUE,
    text=_text,
)
