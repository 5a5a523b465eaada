"""``jiaozi checkout``: what git's does, which is ``switch`` and ``restore`` in one."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jiaozi_node.commands.declare import Answer, Argument, Call, Command, Kind, Option
from jiaozi_node.commands.switch import SWITCH
from jiaozi_node.errors import JiaoziError, Misuse

if TYPE_CHECKING:
    from jiaozi_node.node.repository import Repository


def checkout(call: Call) -> Iterator[dict[str, Any]]:
    """Go to a branch or version, or bring paths back."""
    from jiaozi_node.node.repository import Repository

    words: tuple[str, ...] = call.args["what"]
    paths: tuple[str, ...] = call.args["path"]
    new: str | None = call.option("branch")
    if new is not None:
        if len(words) > 1 or paths:
            raise Misuse("write checkout -b NEW [START]")
        yield from _switch(call, branch=new, start=words[0] if words else None, create=True)
        return
    if not words and not paths:
        raise Misuse("say what to check out: a branch, a revision, or paths behind --")
    repository = Repository.at(call.home, call.cwd)
    source = words[0] if words else None
    if paths:
        if len(words) > 1:
            raise Misuse("write checkout [REV] -- PATH…")
    elif source is not None:
        is_path = _is_tracked(repository, call, source)
        fault = _unknown(repository, source)
        if is_path and fault is None:
            raise Misuse(f"{source!r} is a revision and a path: write it before or behind --")
        if is_path:
            source, paths = None, words
        elif fault is not None:
            raise fault
        elif len(words) > 1:
            paths = words[1:]
        else:
            detach = not _is_branch(repository, source)
            yield from _switch(call, branch=source, start=None, detach=detach)
            return
    yield from _restored(repository, call, source, paths)


def _switch(call: Call, *, branch: str, start: str | None, **options: bool) -> Iterator[Any]:
    chosen = {option.key: option.default for option in SWITCH.options} | options
    return SWITCH.handler(replace(call, args={"branch": branch, "start": start}, options=chosen))


def _restored(
    repository: "Repository", call: Call, source: str | None, paths: tuple[str, ...]
) -> Iterator[dict[str, Any]]:
    from jiaozi_node.node import diffing, pathspec, restoring

    tree = repository.staged_tree() if source is None else diffing.tree_of(repository, source)
    within = tuple(pathspec.matched(repository, tree, paths, call.cwd))
    if source is None:
        done = restoring.restore_files(repository, within, None)
    else:
        done = restoring.check_out(repository, within, tree)
    yield {"restored": list(done.written), "source": source}


def _is_branch(repository: "Repository", text: str) -> bool:
    from jiaozi_node.versioning.refname import RefName

    if text == "-" or text.startswith("@{-"):
        return True  # switch knows what it means
    try:
        ref = RefName.branch(text)
    except JiaoziError:
        return False
    return repository.refs.get(ref) is not None or repository.head.branch == text


def _is_tracked(repository: "Repository", call: Call, text: str) -> bool:
    from jiaozi_node.node import pathspec

    try:
        return bool(pathspec.matched(repository, repository.staged_tree(), [text], call.cwd))
    except JiaoziError:
        return False


def _unknown(repository: "Repository", text: str) -> JiaoziError | None:
    """Return why *text* is no revision; None when it is one."""
    if _is_branch(repository, text):
        return None
    try:
        repository.resolve(text)
    except JiaoziError as fault:
        return fault
    return None


def _text(value: dict[str, Any], call: Call) -> str | None:
    if "restored" not in value:
        return SWITCH.text(value, call) if SWITCH.text else None
    count = len(value["restored"])
    return f"restored {count} path{'' if count == 1 else 's'}\n"


CHECKOUT = Command(
    path=("checkout",),
    tagline="Go to a branch or version, or bring paths back, as git's does.",
    handler=checkout,
    arguments=(
        Argument("what", "A branch; else a revision, at which HEAD is detached.", False, True),
        Argument(
            "path", "Behind --: bring these back, from the revision.", False, True, dashed=True
        ),
    ),
    options=(Option("branch", Kind.TEXT, "Make this branch and go to it.", ("b",)),),
    answer=Answer.VALUE,
    text=_text,
    help="""
    checkout BRANCH is 'switch BRANCH', checkout REV 'switch --detach REV', checkout -b NEW
    'switch -c NEW'. checkout -- PATH is 'restore PATH'. checkout REV -- PATH sets the files and the
    stage too; what the revision doesn't have stays. Paths may be quoted globs.
    """,
)
