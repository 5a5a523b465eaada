"""``jiaozi convert``: a version of another profile comes into this repository's."""

from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.declare import Answer, Argument, Call, Command, Kind, Option
from jiaozi_node.commands.disputes import SIGN, signing
from jiaozi_node.commands.shown import short


def convert(call: Call) -> Iterator[dict[str, Any]]:
    """Make a branch with the same files under the repository's profile."""
    from jiaozi_node.node import converting
    from jiaozi_node.node.repository import Repository

    repository = Repository.at(call.home, call.cwd)
    source = repository.resolve(call.args["revision"], call.now)
    author = repository.author(None, call.environ, call.note)
    message = "\n\n".join(call.option("message")) or None
    done = converting.convert(
        repository, source, call.args["branch"], author, int(call.now()), message, signing(call)
    )
    yield {
        "branch": done.branch,
        "commit": str(done.commit),
        "tree": str(done.tree),
        "profile": repository.profile.name,
        "from": {"commit": str(done.source), "profile": done.was},
    }


def _text(value: dict[str, Any], _call: Call) -> str:
    was = value["from"]
    return (
        f"branch {value['branch']} is at {short(value['commit'])}: the files of"
        f" {short(was['commit'])} ({was['profile']}) under {value['profile']}\n"
    )


CONVERT = Command(
    path=("convert",),
    tagline="Take a version of another profile into this repository's.",
    handler=convert,
    arguments=(
        Argument("revision", "The version, whose tree is made under another profile."),
        Argument("branch", "The branch to make."),
    ),
    options=(
        Option("message", Kind.TEXTS, "The message; given twice, two paragraphs.", ("m",), ()),
        SIGN,
    ),
    answer=Answer.VALUE,
    text=_text,
    help="""
    The same file has another CID under another profile, so versions of unlike profiles can't be
    merged. This imports all files of one anew and makes a branch with a commit on top of it, which
    can: 'jiaozi merge BRANCH'. Modes and times are kept where this repository records them. When
    the other history goes on, convert its next version and merge that: what was taken before is
    recognised. Nothing changes in the working copy, and no hook is asked: the files are the same.
    """,
)
