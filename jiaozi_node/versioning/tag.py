"""An annotated tag: a name, who gave it and why, to a commit (``specs/commit-dag.md``).

As with `commit`, a `Tag` is checked when it is made, and `decode` and `encode` are inverse.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import DAG_PB, Cid
from jiaozi_node.versioning import agent as agents
from jiaozi_node.versioning import fields as f
from jiaozi_node.versioning import signature as signatures
from jiaozi_node.versioning.agent import Agent
from jiaozi_node.versioning.refname import check_name
from jiaozi_node.versioning.signature import Signature

TYPE: Final = "jiaozi/tag"
VERSION: Final = 1

MAX_CHAIN: Final = 16  # §4.5

_KNOWN = frozenset(("type", "v", "object", "tree", "name", "tagger", "time", "message", "sig"))


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag on *object*: a commit, another tag, or the directory *tree* itself.

    Raises `SchemaBroken` or `LimitExceeded` naming the field, `BadName` for the name.
    """

    object: Cid
    tree: Cid
    name: str
    tagger: Agent
    time: int
    message: str
    sig: tuple[Signature, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=f.nothing)

    def __post_init__(self) -> None:
        f.check_tree("tree", self.tree)
        target = self.object
        if not isinstance(target, Cid):
            raise f.SchemaBroken("object", "must be a link")
        if target.codec == DAG_PB:
            if target != self.tree:
                rule = f"must be the directory that object links, {target}, is {self.tree}"
                raise f.SchemaBroken("tree", rule)
        elif not f.is_version_block(target):
            raise f.SchemaBroken("object", f"must link a commit, a tag or a directory: {target}")
        check_name(f.check_text("name", self.name, f.MAX_BLOCK_BYTES))
        f.check_time("time", self.time)
        f.check_message("message", self.message)
        if self.sig:
            signatures.check("sig", self.sig)
        f.keep_unknown(self, _KNOWN, "", level=1)

    def __hash__(self) -> int:
        return hash((self.object, self.name, self.tagger, self.time, self.message))


def decode(block: Block) -> Tag:
    """Read a tag; raises `NewerSchema` for a version above ours, else `Malformed`."""
    rest = f.open_block(block, TYPE, VERSION)
    return Tag(
        object=f.take(rest, "object"),
        tree=f.take(rest, "tree"),
        name=f.take(rest, "name"),
        tagger=agents.from_map(f.take(rest, "tagger"), "tagger"),
        time=f.take(rest, "time"),
        message=f.take(rest, "message"),
        sig=signatures.from_list(f.take_list(rest, "sig")),
        extra=rest or f.NOTHING,
    )


def encode(tag: Tag) -> Block:
    """Return the block of *tag*; raises `LimitExceeded` when it comes to more than 1 MiB."""
    return f.seal(TYPE, to_map(tag))


def to_map(tag: Tag) -> dict[str, Any]:
    """Return *tag* as the codec takes it."""
    out: dict[str, Any] = {
        "type": TYPE,
        "v": VERSION,
        "object": tag.object,
        "tree": tag.tree,
        "name": tag.name,
        "tagger": agents.to_map(tag.tagger),
        "time": tag.time,
        "message": tag.message,
    }
    return signatures.closing(out, tag.sig, tag.extra)
