"""``jiaozi commit``: the stage becomes a version."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from jiaozi_node.commands.declare import Answer, Call, Command, Kind, Option
from jiaozi_node.errors import Misuse

_TEMPLATE = """
# Write the message of this version above. Lines that begin with '#' are left out;
# an empty message stops the commit.
"""


def commit(call: Call) -> Iterator[dict[str, Any]]:
    """Record the stage, or with ``-a`` every tracked file as it is now."""
    from jiaozi_node.node import hooks, recording
    from jiaozi_node.node.repository import Repository

    repository = Repository.at(call.home, call.cwd)
    given: tuple[str, ...] = call.option("message")
    wish = recording.Wish(
        "\n\n".join(given) if given else None,
        call.option("author"),
        every=bool(call.option("all")),
        amend=bool(call.option("amend")),
        allow_empty=bool(call.option("allow_empty")),
        authored=_date(call.option("date"), call.now()),
        meta=_meta(call.option("meta")),
        key=call.option("sign"),
        verify=not call.option("no_verify"),
    )
    ask = None if call.edit_text is None else partial(_asked, call.edit_text)
    repository, made = recording.record(
        repository, wish, call.environ, call.now, call.note, ask, call.progress
    )
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


def _asked(edit: Callable[[str], str]) -> str:
    """Return what a person wrote into the template."""
    return "\n".join(line for line in edit(_TEMPLATE).splitlines() if not line.startswith("#"))


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
