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
    from dataclasses import replace

    from jiaozi_node.node import hooks
    from jiaozi_node.node.committing import How, concluding
    from jiaozi_node.node.repository import Repository
    from jiaozi_node.versioning.merges import MERGE

    repository = Repository.at(call.home, call.cwd)
    notes: list[str] = []
    author = repository.author(call.option("author"), call.environ, notes.append)
    amend, empty = bool(call.option("amend")), bool(call.option("allow_empty"))
    how = How(amend, empty, _date(call.option("date"), call.now()), _meta(call.option("meta")))
    how = replace(how, own_author=call.option("author") is not None)
    if (key := call.option("sign")) is not None:
        from jiaozi_node.node.signers import signer

        how = replace(how, signer=signer(call.home, key))
    under = repository.merges.get(repository.copy_id)
    if under is not None:  # refused before anything is staged, or a message asked for
        concluding(repository, under, author, how)
    last = repository.head_commit() if amend else None
    before = repository.commit_at(last) if last is not None else None
    if before is not None and call.option("author") is None:
        how, author = replace(how, committer=author), before.author
    words = None if before is None or call.option("message") else before.message
    if under is not None and under.message and not call.option("message"):
        words = under.message
    stage_before = repository.stages.get(repository.copy_id)
    if call.option("all"):
        if words is None and (call.option("message") or call.edit_text is None):
            _message(call)  # a commit that is refused for its message leaves the stage alone
        repository.stage_tracked(progress=call.progress)
    if not (amend or empty or (under is not None and under.what == MERGE)):
        repository.check_staged()
    for note in notes:
        call.note(note)
    if not call.option("no_verify"):
        repository = hooks.pre_commit(repository, call.environ, call.note, stage_before)
    if words is None and not call.option("message") and call.edit_text is not None:
        head = repository.head_commit()
        with call.home.released():  # others needn't wait for who thinks about words
            text = _message(call)
        repository = hooks.reopened(repository, head)
    else:
        text = words if words is not None else _message(call)
    made = repository.commit(text, author, int(call.now()), how=how)
    yield {
        "commit": str(made.cid),
        "branch": made.branch,
        "parents": [str(parent) for parent in made.commit.parents],
        "tree": str(made.commit.tree),
        "subject": made.commit.subject,
        "files": made.commit.stats.files if made.commit.stats else None,
        "bytes": made.commit.stats.bytes if made.commit.stats else None,
    }
    hooks.post_commit(repository, made, call.environ, call.note)


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


def _date(text: str | None, now: float) -> int | None:
    """Read when the work was done."""
    if text is None:
        return None
    from jiaozi_node.node.clock import SystemZone
    from jiaozi_node.versioning import dates

    return dates.parse(text, int(now), SystemZone())


def _meta(given: tuple[str, ...]) -> dict[str, str]:
    meta: dict[str, str] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise Misuse(f"--meta {text[:40]!r}: write KEY=VALUE")
        meta[key] = value
    return meta


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
        Option("amend", Kind.BOOL, "Put it in the place of HEAD's commit, whose parts it keeps."),
        Option("allow-empty", Kind.BOOL, "Even if nothing changed."),
        Option(
            "date",
            Kind.TEXT,
            "When the work was done: 2026-05-01T14:30:00Z, @SECONDS, '2 days ago'.",
        ),
        Option("meta", Kind.TEXTS, "KEY=VALUE to keep with it.", (), ()),
        Option("no-verify", Kind.BOOL, "Don't ask the hook pre-commit."),
        Option("sign", Kind.TEXT, "Sign it, with the key of that name.", ("S",), bare=""),
    ),
    answer=Answer.VALUE,
    text=_text,
)
