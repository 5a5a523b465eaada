"""A commit from what its user said of it: who, with which words, after which hooks.

What the command and the library do alike; `committing` puts the block together.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from jiaozi_node.errors import Misuse
from jiaozi_node.node import hooks
from jiaozi_node.node.committing import How, check, concluding
from jiaozi_node.node.repository import Committed, Repository
from jiaozi_node.versioning.merges import MERGE


@dataclass(frozen=True, slots=True)
class Wish:
    """What a user wants recorded. *message* None: that of what is amended or concluded, else asked.

    *author* is "Name <mail>", *every* stages all tracked files first, *authored* is Unix seconds,
    *key* names the key to sign with ("" the usual one), *verify* asks the hook pre-commit.
    """

    message: str | None = None
    author: str | None = None
    every: bool = False
    amend: bool = False
    allow_empty: bool = False
    authored: int | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    key: str | None = None
    verify: bool = True


def record(
    repository: Repository,
    wish: Wish,
    environ: Mapping[str, str],
    now: Callable[[], float],
    note: Callable[[str], None],
    ask: Callable[[], str] | None = None,
    progress: Callable[[int, int], None] = lambda _files, _bytes: None,
) -> tuple[Repository, Committed]:
    """Record the stage, or what *wish* says; return the repository, opened anew after hooks.

    *ask* lets a person write the message, while which the home is let go. Raises `Misuse` without
    a message, `NothingStaged`, `hooks.HookFailed`, `Unresolved`.
    """
    notes: list[str] = []
    author = repository.author(wish.author, environ, notes.append)
    own = wish.author is not None
    how = How(wish.amend, wish.allow_empty, wish.authored, wish.meta, own_author=own)
    if wish.key is not None:
        from jiaozi_node.node.signers import signer  # noqa: PLC0415 - most are not signed

        how = replace(how, signer=signer(repository.home, wish.key))
    under = repository.merges.get(repository.copy_id)
    if under is not None:  # refused before anything is staged, or a message asked for
        concluding(repository, under, author, how)
    last = repository.head_commit() if wish.amend else None
    before = repository.commit_at(last) if last is not None else None
    if before is not None and not own:
        how, author = replace(how, committer=author), before.author
    words = wish.message
    if words is None and before is not None:
        words = before.message
    elif words is None and under is not None and under.message:
        words = under.message
    may_be_empty = wish.amend or wish.allow_empty or (under is not None and under.what == MERGE)
    if not (may_be_empty or wish.every):
        repository.check_staged()
    if wish.message is not None or (words is None and ask is None):
        words = _cleaned(wish.message)
    check(words or "", author, int(now()), how)  # what is refused for its words stages nothing
    stage_before = repository.stages.get(repository.copy_id)
    if wish.every:
        repository.stage_tracked(progress=progress)
        if not may_be_empty:
            repository.check_staged()
    if wish.verify:
        repository = hooks.pre_commit(repository, environ, note, stage_before)
    if words is None and ask is not None:
        head = repository.head_commit()
        with repository.home.released():  # others needn't wait for who thinks about words
            words = _cleaned(ask())
        repository = hooks.reopened(repository, head)
    made = repository.commit(words or "", author, int(now()), how=how)
    for text in notes:
        note(text)
    return repository, made


def _cleaned(text: str | None) -> str:
    """Return a message without blanks at the ends of its lines; raises for an empty one."""
    if text is None:
        raise Misuse("no message: give one with -m (there is no terminal to open an editor on)")
    cleaned = "\n".join([line.rstrip() for line in text.strip().splitlines()])
    if not cleaned:
        raise Misuse("the message is empty: nothing was committed")
    return cleaned
