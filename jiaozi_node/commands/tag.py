"""``jiaozi tag``: tags listed, given, deleted."""

from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.branch import noted
from jiaozi_node.commands.declare import Argument, Call, Command, Kind, Option
from jiaozi_node.commands.shown import quoted, short
from jiaozi_node.errors import Misuse


def tag(call: Call) -> Iterator[dict[str, Any]]:
    """List tags, or give or delete one."""
    from jiaozi_node.node import tagging
    from jiaozi_node.node.repository import Repository

    repository = Repository.at(call.home, call.cwd)
    name, revision = call.args["name"], call.args["revision"]
    words: tuple[str, ...] = call.option("message")
    key: str | None = call.option("sign")
    if name is None:
        if words or call.option("annotate") or call.option("delete") or key is not None:
            raise Misuse("the name of a tag is missing")
        for found in tagging.listed(repository):
            commit = tagging.commit_of(repository, found.target)
            yield {
                "tag": found.name,
                "target": str(found.target),
                "commit": str(commit) if commit else None,
                "message": found.tag.message if found.tag else None,
                "tagger": str(found.tag.tagger) if found.tag else None,
                "time": found.tag.time if found.tag else None,
            }
        return
    if call.option("delete"):
        if words or revision is not None or call.option("annotate") or key is not None:
            raise Misuse("write tag -d NAME")
        done = tagging.delete(repository, name, noted(repository, call, f"tag: deleted {name}"))
        yield {"tag": done.name, "target": str(done.target), "deleted": True}
        return
    message = "\n\n".join(words).strip() or None
    if message is None and (words or call.option("annotate") or key is not None):
        raise Misuse("an annotated or signed tag needs a message: give one with -m")
    signer = None
    if key is not None:
        from jiaozi_node.node import signers

        signer = signers.signer(call.home, key)
    note = noted(repository, call, f"tag: {revision or 'HEAD'}")
    tagger = repository.author(None, call.environ, lambda _text: None) if message else None
    done = tagging.create(repository, name, revision or "HEAD", note, message, tagger, signer)
    yield {"tag": done.name, "target": str(done.target), "created": True}


def _text(value: dict[str, Any], _call: Call) -> str:
    for what in ("created", "deleted"):
        if what in value:
            return f"{what} tag {value['tag']} at {short(value['target'])}\n"
    subject = (value["message"] or "").split("\n", 1)[0]
    return (
        f"{value['tag']} {short(value['commit'] or value['target'])} {quoted(subject)}".rstrip()
        + "\n"
    )


TAG = Command(
    path=("tag",),
    tagline="List, give or delete tags.",
    handler=tag,
    arguments=(
        Argument("name", "The tag to give; without it all are listed.", required=False),
        Argument("revision", "What it names; HEAD if absent.", required=False),
    ),
    options=(
        Option("annotate", Kind.BOOL, "Record who gave it, when and why, in a block.", ("a",)),
        Option("message", Kind.TEXTS, "Why; makes it an annotated tag.", ("m",), ()),
        Option("sign", Kind.TEXT, "Sign it, with the key of that name.", ("s",), bare=""),
        Option("delete", Kind.BOOL, "Delete the tag.", ("d",)),
    ),
    text=_text,
)
