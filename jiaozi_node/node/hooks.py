"""Hooks around a commit: whether they may run, what they are told, what their refusal means.

They run only in a working copy that the node home's configuration names in ``hooks.enabled``, by
an id which no other directory has; a clone or a copy gets one of its own. While one runs the home
is let go, so that it may call jiaozi: it sees what is staged, and what it stages is committed.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from jiaozi_node.errors import Conflict, Locked, Misuse
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node.config import changing
from jiaozi_node.node.home import Home
from jiaozi_node.node.repository import Committed, Repository
from jiaozi_node.versioning.stages import StageMoved
from jiaozi_node.versioning.workingcopies import HeadMoved
from jiaozi_node.worktree import hooks
from jiaozi_node.worktree.hooks import NAMES, POST_COMMIT, PRE_COMMIT

ENABLED = "hooks.enabled"
TIMEOUT = "hooks.timeout"
TIMEOUT_S = 600.0
RUNNING = "JIAOZI_HOOK"  # set in a hook: what it calls runs none


class HookFailed(Conflict):
    """A hook said no, or couldn't say anything."""

    def __init__(self, name: str, why: str, hint: str = "") -> None:
        then = f": {hint}" if hint else ""
        super().__init__(f"the {name} hook {why}; nothing was committed{then}")
        self.name, self.why = name, why


@dataclass(frozen=True, slots=True)
class Hook:
    """A hook that is there: its *path*, whether it can be run, and whether it may."""

    name: str
    path: str
    program: bool
    enabled: bool


def listed(repository: Repository) -> Iterator[Hook]:
    """Yield the hooks of the working copy."""
    enabled = repository.home.config.find(f"{ENABLED}.{repository.copy_id}") is True
    for name in NAMES:
        path = hooks.place(repository.root, name)
        if os.path.lexists(path):
            yield Hook(name, path, hooks.is_program(path), enabled)


def may_refuse(repository: Repository, environ: Mapping[str, str]) -> bool:
    """Tell whether there is a hook pre-commit that may run."""
    if RUNNING in environ:
        return False
    return any(one.name == PRE_COMMIT and one.program and one.enabled for one in listed(repository))


def enable(repository: Repository, yes: bool) -> None:
    """Say whether the hooks of this working copy may run."""
    with changing(repository.home.path / "config") as config:
        config.set(f"{ENABLED}.{repository.copy_id}", yes)


def pre_commit(
    repository: Repository,
    environ: Mapping[str, str],
    note: Callable[[str], None],
    stage_before: Cid | None,
) -> Repository:
    """Run the hook pre-commit, if there is one that may; return the repository, opened anew.

    Raises `HookFailed`, and the stage is *stage_before* then, unless the hook staged something;
    `HeadMoved` when the hook, or somebody meanwhile, committed.
    """
    hook = ready(repository, PRE_COMMIT, environ, note)
    if hook is None:
        return repository
    head, staged = repository.head_commit(), repository.stages.get(repository.copy_id)
    told = _told(repository, PRE_COMMIT, environ, repository.staged_tree(), head)
    timeout_s = _timeout_s(repository.home)
    with repository.home.released():
        why = hooks.run(hook.path, repository.root, told, timeout_s)
    again = Repository.at(repository.home, repository.root)
    if why is not None:
        with suppress(StageMoved):
            again.stages.cas(again.copy_id, staged, stage_before)
        raise HookFailed(PRE_COMMIT, why)
    return _where_it_was(again, head)


def reopened(repository: Repository, head: Cid | None) -> Repository:
    """Open the repository whose home was let go anew; raises `HeadMoved` unless at *head*."""
    return _where_it_was(Repository.at(repository.home, repository.root), head)


def post_commit(
    repository: Repository,
    made: Committed,
    environ: Mapping[str, str],
    note: Callable[[str], None],
) -> bool:
    """Run the hook post-commit, if there is one that may.

    False says that the home is closed now: somebody else took it meanwhile.
    """
    hook = ready(repository, POST_COMMIT, environ, note)
    if hook is None:
        return True
    parent = made.commit.parents[0] if made.commit.parents else None
    told = _told(repository, POST_COMMIT, environ, made.commit.tree, parent)
    told["JIAOZI_COMMIT"] = str(made.cid)
    timeout_s = _timeout_s(repository.home)
    why: str | None = None
    try:
        with repository.home.released():
            why = hooks.run(hook.path, repository.root, told, timeout_s)
    except Locked:
        return False
    finally:
        if why is not None:
            note(f"the {POST_COMMIT} hook {why}; the commit stands")
    return True


def _where_it_was(repository: Repository, head: Cid | None) -> Repository:
    now = repository.head_commit()
    if now != head:
        raise HeadMoved(head, now)
    return repository


def ready(
    repository: Repository,
    name: str,
    environ: Mapping[str, str],
    note: Callable[[str], None],
) -> Hook | None:
    """Return the hook *name* if it may run; say so when there is one that may not."""
    if RUNNING in environ:
        return None
    hook = next((found for found in listed(repository) if found.name == name), None)
    if hook is None or (hook.enabled and hook.program):
        return hook
    if hook.enabled:
        note(f"the {name} hook is not run: it is no executable file")
    elif hook.program:
        note(f"the {name} hook is not run: 'jiaozi hooks --enable' allows those of this directory")
    return None


def _told(
    repository: Repository,
    name: str,
    environ: Mapping[str, str],
    tree: Cid,
    parent: Cid | None,
) -> dict[str, str]:
    before = "" if parent is None else str(repository.commit_at(parent).tree)
    return {
        **environ,
        # Behind the user's own: a hook's 'python' is to be the one that he has.
        "PATH": f"{environ.get('PATH', os.defpath)}{os.pathsep}{os.path.dirname(sys.executable)}",
        "JIAOZI_PATH": os.path.abspath(repository.home.path),
        RUNNING: name,
        "JIAOZI_ROOT": repository.root,
        "JIAOZI_REPOSITORY": repository.id,
        "JIAOZI_BRANCH": repository.head.branch or "",
        "JIAOZI_TREE": str(tree),
        "JIAOZI_PARENT": "" if parent is None else str(parent),
        "JIAOZI_PARENT_TREE": before,
    }


def _timeout_s(home: Home) -> float:
    found = home.config.find(TIMEOUT, TIMEOUT_S)
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 < found < 1e9:
        raise Misuse(f"{TIMEOUT} in the configuration is no number of seconds: {found!r:.40}")
    return float(found)
