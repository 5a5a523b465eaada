"""``jiaozi add``: stages what lies in a working copy, imports what lies in none (design §1)."""

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jiaozi_node.commands.declare import Argument, Call, Command, Kind, Option
from jiaozi_node.errors import Misuse

if TYPE_CHECKING:
    from jiaozi_node.node.staging import Staged


def add(call: Call) -> Iterator[dict[str, Any]]:
    """Stage or import every path given; a mixture is refused before anything is read."""
    from jiaozi_node.worktree import link

    paths: tuple[str, ...] = call.args["path"]
    if call.option("update") or (call.option("all") and not paths):
        yield from _whole(call, paths)
        return
    if not paths:
        raise Misuse('argument "path" is required')
    if "" in paths:  # an unset variable of a script; git refuses it too
        raise Misuse("an empty path names nothing; '.' is the present directory")
    roots: dict[str | None, str] = {}
    for path in paths:
        full = os.path.join(call.cwd, path)
        found = None if path == "-" else link.find(os.path.dirname(os.path.abspath(full)) or "/")
        inside = link.find(full) if found is None and path != "-" and os.path.isdir(full) else found
        roots.setdefault(inside.root if inside else None, path)
    if len(roots) > 1:
        one, other = list(roots.values())[:2]
        raise Misuse(f"{one!r} and {other!r} don't lie in one working copy; add them separately")
    (root,) = roots
    if root is None:
        yield from _import(call)
        return
    from jiaozi_node.node.repository import Repository

    repository = Repository.at(call.home, root)
    if call.progress.shown:
        from jiaozi_node.worktree.measure import size_of

        call.progress.expect(sum(size_of(os.path.join(call.cwd, path)) for path in paths))
    staged = repository.stage(
        [os.path.join(call.cwd, path) for path in paths],
        dry_run=call.option("dry_run"),
        force=call.option("force"),
        progress=call.progress,
    )
    yield from _told(staged, dry_run=bool(call.option("dry_run")))


def _whole(call: Call, paths: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Stage the whole working copy, or with ``-u`` what is tracked of it."""
    from jiaozi_node.node.repository import Repository

    update, dry_run = call.option("update"), bool(call.option("dry_run"))
    if update and (paths or call.option("all") or dry_run):
        raise Misuse("-u stands alone: it stages all that is tracked")
    repository = Repository.at(call.home, call.cwd)
    if update:
        staged = repository.stage_tracked(progress=call.progress)
    else:
        staged = repository.stage(
            [repository.root],
            dry_run=dry_run,
            force=call.option("force"),
            progress=call.progress,
        )
    yield from _told(staged, dry_run=dry_run)


def _told(staged: "Staged", *, dry_run: bool) -> Iterator[dict[str, Any]]:
    if dry_run:
        for path, cid in staged.added:
            yield {"path": path, "cid": str(cid)}
        for path in staged.removed:
            yield {"path": path, "cid": None}
    yield {
        "staged": len(staged.added),
        "removed": len(staged.removed),
        "tree": str(staged.tree),
        "written": not dry_run,
    }


def _import(call: Call) -> Iterator[dict[str, Any]]:
    """Do what ``jiaozi ipfs add -r`` does and say so."""
    from jiaozi_node.commands.ipfs.add import ADD as KUBO_ADD

    options = {option.key: option.default for option in KUBO_ADD.options}
    options.update(recursive=True, only_hash=call.option("dry_run"))
    explicit = frozenset(("recursive", "only_hash"))
    call.note("not in a working copy: importing, as 'jiaozi ipfs add -r' does")
    yield from KUBO_ADD.handler(replace(call, options=options, explicit=explicit))


def _text(value: dict[str, Any], call: Call) -> str | None:
    if "staged" in value:
        verb = "staged" if value["written"] else "would stage"
        removed = f", {value['removed']} removed" if value["removed"] else ""
        plural = "" if value["staged"] == 1 else "s"
        return f"{verb} {value['staged']} file{plural}{removed}; tree {value['tree']}\n"
    if "path" in value:
        return f"{value['cid'] or 'removed'} {value['path']}\n"
    from jiaozi_node.commands.ipfs.add import ADD as KUBO_ADD

    return KUBO_ADD.text(value, call) if KUBO_ADD.text else None


ADD = Command(
    path=("add",),
    tagline="Stage files; outside a working copy, import them.",
    handler=add,
    arguments=(Argument("path", "Files and directories.", required=False, many=True, file=True),),
    options=(
        Option("dry-run", Kind.BOOL, "Write nothing; print the CIDs that would result.", ("n",)),
        Option("force", Kind.BOOL, "Stage ignored files too.", ("f",)),
        Option("all", Kind.BOOL, "The whole working copy, wherever one stands in it.", ("A",)),
        Option("update", Kind.BOOL, "All that is tracked, and nothing new.", ("u",)),
    ),
    text=_text,
)
