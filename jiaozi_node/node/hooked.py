"""Merges, cherry-picks and reverts with their hooks: each new commit is asked about and told of.

Pre-commit sees the tree that is to be recorded as what is staged, so where it may run a clean merge
stops before its commit, and a series before each of its own. A refusal leaves the act under way:
it goes on, leaves the commit out or is given up as if there had been a dispute.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from jiaozi_node.errors import Locked
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node import ending, hooks, merging, replaying
from jiaozi_node.node.committing import USUAL, How
from jiaozi_node.node.hooks import HookFailed
from jiaozi_node.node.merging import NOT_COMMITTED, Outcome, Wish
from jiaozi_node.node.replaying import PAUSED, Replayed
from jiaozi_node.node.repository import Committed, Repository
from jiaozi_node.versioning.agent import Agent
from jiaozi_node.versioning.merge_commits import MERGED
from jiaozi_node.versioning.merges import MERGE
from jiaozi_node.worktree.hooks import PRE_COMMIT


@dataclass(frozen=True, slots=True)
class Around:
    """What hooks are told, where they are spoken of, and whether pre-commit is asked (*verify*)."""

    environ: Mapping[str, str]
    note: Callable[[str], None]
    verify: bool = True

    def asks(self, repository: Repository) -> bool:
        """Tell whether pre-commit is going to be asked."""
        return self.verify and hooks.may_refuse(repository, self.environ)

    def before(self, repository: Repository, what: str) -> Repository:
        """Ask pre-commit about what is staged; return the repository, opened anew.

        Raises `committing.Unresolved` before, `HookFailed`.
        """
        ending.check_settled(repository, what)
        if not self.verify:
            return repository
        staged = repository.stages.get(repository.copy_id)
        try:
            return hooks.pre_commit(repository, self.environ, self.note, staged)
        except HookFailed as fault:
            skip = "" if what == MERGE else ", --skip leaves it out"
            hint = f"'jiaozi {what} --continue' asks again{skip}, --abort gives it up"
            raise HookFailed(fault.name, fault.why, hint) from None

    def after(self, repository: Repository, made: Committed) -> bool:
        """Tell post-commit; False says that the home is closed now, and somebody else has it."""
        return hooks.post_commit(repository, made, self.environ, self.note)


def merge(
    repository: Repository,
    theirs: Cid,
    author: Agent,
    now: int,
    wish: Wish,
    around: Around,
    how: How = USUAL,
) -> tuple[Outcome, bool]:
    """Do what `merging.merge` does; the second says whether the home is still ours.

    Raises `HookFailed` besides, and the merge is under way then.
    """
    asks = wish.commit and around.asks(repository)
    first = replace(wish, commit=False) if asks else wish
    outcome = merging.merge(repository, theirs, author, now, first, how=how)
    if asks and outcome.kind == NOT_COMMITTED:
        repository, made = conclude(repository, MERGE, author, now, around, None, how)
        outcome = replace(outcome, kind=MERGED, commit=made.cid)
    elif outcome.kind == MERGED and outcome.commit is not None:
        if around.verify:
            hooks.ready(repository, PRE_COMMIT, around.environ, around.note)
        made = _made(repository, outcome.commit)
    else:
        return outcome, True
    return outcome, around.after(repository, made)


def conclude(
    repository: Repository,
    what: str,
    author: Agent,
    now: int,
    around: Around,
    message: str | None = None,
    how: How = USUAL,
) -> tuple[Repository, Committed]:
    """Do what `ending.conclude` does, pre-commit having been asked; `Around.after` is to follow."""
    repository = around.before(repository, what)
    return repository, ending.conclude(repository, what, author, now, message, how)


def replay(
    repository: Repository,
    what: str,
    series: Sequence[Cid],
    author: Agent,
    now: int,
    around: Around,
    mainline: int | None = None,
    how: How = USUAL,
) -> Replayed:
    """Do what `replaying.replay` does; raises `HookFailed` besides, and `Locked`."""
    how_far = replaying.replay(
        repository, what, series, author, now, mainline, how, pause=around.asks(repository)
    )
    return _through(repository, what, author, now, around, how, how_far)


def go_on(
    repository: Repository, what: str, author: Agent, now: int, around: Around, how: How = USUAL
) -> Replayed:
    """Do what `replaying.go_on` does, likewise."""
    if ending.under_way(repository, what).state is not None:  # else the user committed it already
        repository = around.before(repository, what)
    pause = around.asks(repository)
    how_far = replaying.go_on(repository, what, author, now, how, pause=pause)
    return _through(repository, what, author, now, around, how, how_far)


def skip(
    repository: Repository, what: str, author: Agent, now: int, around: Around, how: How = USUAL
) -> Replayed:
    """Do what `replaying.skip` does, likewise."""
    pause = around.asks(repository)
    how_far = replaying.skip(repository, what, author, now, how, pause=pause)
    return _through(repository, what, author, now, around, how, how_far)


def _through(
    repository: Repository,
    what: str,
    author: Agent,
    now: int,
    around: Around,
    how: How,
    done: Replayed,
) -> Replayed:
    """Go on from where a series paused to be asked about, until it ends or is in dispute."""
    made: tuple[Cid, ...] = ()
    files = 0
    if around.verify and done.commits and done.kind != PAUSED:
        hooks.ready(repository, PRE_COMMIT, around.environ, around.note)
    while True:
        made, files = (*made, *done.commits), files + done.files
        held = True
        for cid in done.commits:
            if not held:
                raise Locked(
                    "another process took the home while a hook ran;"
                    f" {len(made)} commits were made, and post-commit wasn't told of all"
                )
            held = around.after(repository, _made(repository, cid))
            if held:
                repository = Repository.at(repository.home, repository.root)
        if done.kind != PAUSED:
            return replace(done, commits=made, files=files)
        if not held:
            raise Locked(
                "another process took the home while a hook ran;"
                f" 'jiaozi {what} --continue' goes on with the rest"
            )
        repository = around.before(repository, what)
        done = replaying.go_on(repository, what, author, now, how, pause=True)


def _made(repository: Repository, cid: Cid) -> Committed:
    return Committed(cid, repository.commit_at(cid), repository.head.branch)
