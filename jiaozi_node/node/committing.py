"""How a commit is put together: a new one, or one in place of HEAD's (``commit --amend``)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jiaozi_node.errors import Conflict
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node.staging import Staging
from jiaozi_node.versioning import commit as commits
from jiaozi_node.versioning import fields
from jiaozi_node.versioning.agent import Agent
from jiaozi_node.versioning.commit import Commit, Stats

if TYPE_CHECKING:
    from jiaozi_node.node.repository import Repository
    from jiaozi_node.versioning.signing import Signer


class NothingToAmend(Conflict):
    """There is no commit yet."""

    def __init__(self) -> None:
        super().__init__("there is no commit yet that could be amended")


@dataclass(frozen=True, slots=True)
class How:
    """What is not as usual: *authored* is when the work was done, Unix seconds.

    Without a *signer* the commit is unsigned, an amended one too: it is another block, of which
    the signatures made before would say nothing.
    """

    amend: bool = False
    allow_empty: bool = False
    authored: int | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    committer: Agent | None = None
    signer: "Signer | None" = None


USUAL = How()


def made(
    repository: "Repository",
    tree: Cid,
    message: str,
    author: Agent,
    now: int,
    tz_minutes: int,
    how: How,
) -> Commit:
    """Return the commit of *tree* on HEAD, or on HEAD's parents when it is amended.

    An amended one keeps what HEAD's commit had: when it was authored, what produced it, its meta
    (but for which commit of git's it was: it is another one now, specs/from-git.md §3.4).
    """
    head = repository.head_commit()
    last = None if head is None else repository.commit_at(head)
    if how.amend:
        if last is None:
            raise NothingToAmend
        above = last.parents
    else:
        above = () if head is None else (head,)
    parents = tuple(repository.commit_at(cid) for cid in above)
    kept = last if how.amend else None
    meta: dict[str, Any] = fields.thawed(kept.meta) if kept else {}
    meta.pop("git", None)
    meta.update(how.meta)
    authored = how.authored
    if authored is None and kept is not None:
        authored = kept.time if kept.authored is None else kept.authored
    new = Commit(
        tree=tree,
        parents=above,
        profile=repository.profile.name,
        author=author,
        committer=how.committer if how.committer != author else None,
        time=now,
        tz=tz_minutes,
        authored=authored if authored != now else None,
        message=message,
        generation=commits.generation_above(parents),
        prov=kept.prov if kept else (),
        meta=meta or fields.NOTHING,
        stats=_stats(repository, parents[0] if parents else None, tree),
    )
    if how.signer is None:
        return new
    from jiaozi_node.versioning import signing  # noqa: PLC0415 - most commits are not signed

    return signing.sign(new, (how.signer,))


def _stats(repository: "Repository", parent: Commit | None, tree: Cid) -> Stats | None:
    """Count files and bytes of *tree* from what changed since *parent*."""
    known = parent.stats if parent is not None else Stats(0, 0)
    base = parent.tree if parent is not None and known is not None else None
    files, size = (known.files, known.bytes) if known is not None else (0, 0)
    blocks = repository.home.blocks
    for change in repository.changed(base, tree):
        if change.before is not None:
            files, size = files - 1, size - Staging.file_bytes(blocks, change.before)
        if change.after is not None:
            files, size = files + 1, size + Staging.file_bytes(blocks, change.after)
    return Stats(files, size)
