"""How a commit is put together: a new one, one in place of HEAD's, or the end of a merge."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from jiaozi_node.dag.walk import run
from jiaozi_node.errors import Conflict
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import DAG_PB, Cid
from jiaozi_node.node.staging import Staging
from jiaozi_node.stores.api import BlockMissing
from jiaozi_node.versioning import commit as commits
from jiaozi_node.versioning import conflict as merge_conflict
from jiaozi_node.versioning import fields, merge_state, merges
from jiaozi_node.versioning.agent import Agent
from jiaozi_node.versioning.commit import Commit, Stats
from jiaozi_node.versioning.merges import Under
from jiaozi_node.versioning.workingcopies import HeadMoved

if TYPE_CHECKING:
    from jiaozi_node.node.repository import Repository
    from jiaozi_node.versioning.signing import Signer


_SHOWN = 5


class Unresolved(Conflict):
    """Paths are still in dispute; nothing was changed."""

    def __init__(self, what: str, conflicts: tuple[merge_conflict.Conflict, ...]) -> None:
        count = len(conflicts)
        names = ", ".join(["/".join(found.path) or "." for found in conflicts[:_SHOWN]])
        more = f" and {count - _SHOWN} more" if count > _SHOWN else ""
        super().__init__(
            f"in dispute: {names}{more}; edit and 'jiaozi add' them, or 'jiaozi resolve' them,"
            f" then go on; 'jiaozi {what} --abort' gives it up"
        )
        self.what, self.conflicts = what, conflicts


class SettledToNothing(Conflict):
    """What is left of a commit that was replayed, after its disputes were settled, is nothing."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"nothing is left of it, as it was settled: 'jiaozi {what} --skip' leaves it out,"
            " 'jiaozi commit --allow-empty' keeps it"
        )
        self.what = what


class NothingToAmend(Conflict):
    """There is no commit yet."""

    def __init__(self) -> None:
        super().__init__("there is no commit yet that could be amended")


@dataclass(frozen=True, slots=True)
class How:
    """What is not as usual: *authored* is when the work was done, Unix seconds.

    Without a *signer* the commit is unsigned, an amended one too: it is another block, of which
    the signatures made before would say nothing. *parents* None are HEAD, or its parents when it is
    amended. A cherry-pick that is concluded keeps its author, unless *own_author* says that another
    was named.
    """

    amend: bool = False
    allow_empty: bool = False
    authored: int | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    committer: Agent | None = None
    signer: "Signer | None" = None
    parents: tuple[Cid, ...] | None = None
    own_author: bool = False


USUAL = How()


def check(message: str, author: Agent, now: int, how: How) -> None:
    """Raise what `made` would for these, whatever the tree and the parents are."""
    commits.encode(
        Commit(
            tree=Block.of(b"", DAG_PB).cid,
            parents=(),
            profile="any",
            author=author,
            committer=how.committer,
            time=now,
            authored=how.authored,
            message=message,
            generation=1,
            meta=how.meta or fields.NOTHING,
        )
    )


def made(
    repository: "Repository",
    tree: Cid,
    message: str,
    author: Agent,
    now: int,
    tz_minutes: int | None,
    how: How,
) -> Commit:
    """Return the commit of *tree* on the parents that *how* says, in the system's zone if none.

    An amended one keeps what HEAD's commit had: when it was authored, what produced it, its meta
    (but for which commit of git's it was: it is another one now, specs/from-git.md §3.4).
    """
    head = repository.head_commit()
    kept = None
    if how.amend:
        if head is None:
            raise NothingToAmend
        kept = repository.commit_at(head)
    above = how.parents
    if above is None:
        above = kept.parents if kept else () if head is None else (head,)
    parents = tuple(repository.commit_at(cid) for cid in above)
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
        tz=_zone_of(now) if tz_minutes is None else tz_minutes,
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


def _zone_of(now: int) -> int:
    """Return the minutes east of UTC that this system's clocks show at *now*."""
    return time.localtime(now).tm_gmtoff // 60


def _stats(repository: "Repository", parent: Commit | None, tree: Cid) -> Stats | None:
    """Count files and bytes of *tree* from what changed since *parent*.

    None where a block that this needs isn't here, as of a history that was fetched in part.
    """
    known = parent.stats if parent is not None else Stats(0, 0)
    base = parent.tree if parent is not None and known is not None else None
    files, size = (known.files, known.bytes) if known is not None else (0, 0)
    blocks = repository.home.blocks
    gone: list[Cid] = []
    come: list[Cid] = []
    try:
        for change in repository.changed(base, tree):
            if change.before is not None:
                gone.append(change.before)
            if change.after is not None:
                come.append(change.after)
        files += len(come) - len(gone)
        size += Staging.files_bytes(blocks, come) - Staging.files_bytes(blocks, gone)
    except BlockMissing:
        return None
    return Stats(files, size)


def concluding(
    repository: "Repository", under: Under, author: Agent, how: How
) -> tuple[Agent, How, str]:
    """Return author, how and kind of the commit that ends what is under way.

    Raises `Unresolved`, `SettledToNothing`, and `Conflict` for amending in the midst of it.
    """
    if how.amend:
        raise Conflict(f"a {under.what} is under way: there is nothing to amend yet")
    if under.state is None:
        return author, how, "commit"
    state = run(merge_state.decode(under.state), repository.home.blocks.get)
    if state.open:
        raise Unresolved(under.what, state.open)
    head = repository.head_commit()
    if head != state.ours:
        raise HeadMoved(state.ours, head)
    if under.what == merges.MERGE:
        return author, replace(how, parents=(state.ours, state.theirs)), "commit (merge)"
    if not how.allow_empty and repository.staged_tree() == repository.head_tree():
        raise SettledToNothing(under.what)
    if under.what == merges.PICK and not how.own_author:
        how = credited(repository.commit_at(state.theirs), author, how)
        author = repository.commit_at(state.theirs).author
    return author, how, f"commit ({under.what})"


def credited(picked: Commit, committer: Agent, how: How = USUAL) -> How:
    """Return *how* such that the commit keeps what *picked* tells, and who committed it now."""
    authored = picked.time if picked.authored is None else picked.authored
    meta = {key: value for key, value in fields.thawed(picked.meta).items() if key != "git"}
    meta.update(how.meta)
    authored = authored if how.authored is None else how.authored
    return replace(how, authored=authored, committer=committer, meta=meta)
