"""Tags: a name for a commit, light or with a block that says who gave it and why."""

from collections.abc import Iterator
from dataclasses import dataclass

from jiaozi_node.dag.walk import run
from jiaozi_node.errors import Conflict
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node.repository import Repository
from jiaozi_node.stores.api import Family
from jiaozi_node.versioning import history, revision, signing
from jiaozi_node.versioning import tag as tags
from jiaozi_node.versioning.agent import Agent
from jiaozi_node.versioning.fields import SchemaBroken, is_version_block
from jiaozi_node.versioning.reflog import Note
from jiaozi_node.versioning.refname import RefName
from jiaozi_node.versioning.signing import Signer
from jiaozi_node.versioning.tag import Tag


class TagExists(Conflict):
    """A tag of that name is there already; tags don't move."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is a tag {name!r} already; 'jiaozi tag -d' deletes it")
        self.name = name


@dataclass(frozen=True, slots=True)
class Named:
    """A tag as it stands: what its ref points at, and its block when it is annotated."""

    name: str
    target: Cid
    tag: Tag | None


def listed(repository: Repository) -> Iterator[Named]:
    """Yield every tag in order of names."""
    for ref, target in repository.refs.list("tags/"):
        block = repository.home.blocks.get(target)
        try:
            found: Tag | None = tags.decode(block)
        except SchemaBroken:
            repository.commit_at(target)  # raises unless it is a commit
            found = None
        yield Named(ref.name, target, found)


def create(
    repository: Repository,
    name: str,
    revision: str,
    note: Note,
    message: str | None = None,
    tagger: Agent | None = None,
    signer: Signer | None = None,
) -> Named:
    """Give *revision* the tag *name*: annotated when there are *message* and *tagger*.

    Only an annotated one can be signed.
    """
    ref = RefName.tag(name)
    if repository.refs.get(ref) is not None:
        raise TagExists(name)
    with repository.acting() as me:
        commit = me.resolve(revision)
        if message is None or tagger is None:
            me.refs.cas(ref, None, commit, note)
            return Named(name, commit, None)
        tree = me.commit_at(commit).tree
        made = Tag(commit, tree, name, tagger, note.time, message)
        if signer is not None:
            made = signing.sign(made, (signer,))
        block = tags.encode(made)
        with me.home.blocks.writer(Family.OWN) as writer:
            writer.put([block])
        me.refs.cas(ref, None, block.cid, note)
    return Named(name, block.cid, made)


def delete(repository: Repository, name: str, note: Note) -> Named:
    """Delete the tag *name*; what it pointed at stays in the reflog."""
    ref = RefName.tag(name)
    target = repository.refs.target(ref)
    repository.refs.delete(ref, target, note)
    return Named(name, target, None)


def commit_of(repository: Repository, target: Cid) -> Cid | None:
    """Return the commit that a tag's *target* stands for; None where that is a directory."""
    try:
        return run(history.peel(target), repository.home.blocks.get).cid
    except history.TagOfDirectory:
        return None


def chain(repository: Repository, text: str) -> tuple[list[tuple[Cid, Tag]], Cid | None]:
    """Return the tag blocks that the revision *text* leads through, and what the last is about.

    None is what it is about where it names no tag block.
    """
    cid = revision.named(revision.parse(text), repository.places())
    found: list[tuple[Cid, Tag]] = []
    while cid is not None and is_version_block(cid) and len(found) <= tags.MAX_CHAIN:
        block = repository.home.blocks.get(cid)
        opened = history.opened(block)
        if not isinstance(opened, Tag):
            break
        found.append((cid, opened))
        cid = opened.object
    return found, cid if found else None
