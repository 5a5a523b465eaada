"""What `diff` tells: paths that differ between trees, stage and working copy, and their lines."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from stat import S_ISLNK, S_ISREG

from jiaozi_node.dag.walk import run, stream
from jiaozi_node.errors import Malformed, Misuse
from jiaozi_node.formats.cid import DAG_PB, Cid
from jiaozi_node.node.repository import Repository
from jiaozi_node.node.staging import Staging
from jiaozi_node.node.status import Parts, path_text, working
from jiaozi_node.unixfs import read as files
from jiaozi_node.unixfs.node import SYMLINK
from jiaozi_node.unixfs.stat import stat

MAX_TEXT_BYTES = 4 * 1024 * 1024  # of a file that is compared line by line
MAX_LINES = 50_000  # difflib takes seconds beyond that
_LOOKED_AT = 8000  # git's rule: a NUL among the first 8,000 bytes means binary


@dataclass(frozen=True, slots=True)
class Delta:
    """A file or symlink that differs. *on_disk* says that the later one is the user's file."""

    parts: Parts
    before: Cid | None
    after: Cid | None
    on_disk: bool

    @property
    def letter(self) -> str:
        """git's letter."""
        return "A" if self.before is None else "D" if self.after is None else "M"

    @property
    def path(self) -> str:
        """The path as shown."""
        return path_text(self.parts)


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a `Delta`: git's patch and how many came and went; None for binary files."""

    patch: str
    added: int | None
    removed: int | None


def tree_of(repository: Repository, text: str) -> Cid:
    """Return the tree that *text* means: the CID of a directory, or a revision."""
    try:
        cid = Cid.parse(text)
    except Malformed:
        cid = None
    if cid is not None and cid.codec == DAG_PB:
        return cid
    return repository.commit_at(repository.resolve(text)).tree


def between(
    repository: Repository,
    revisions: Sequence[str],
    *,
    staged: bool,
    within: Sequence[Parts] = (),
) -> Iterator[Delta]:
    """Yield what differs, in byte order of paths.

    Two *revisions*: between them. One: from it to the files, or to the stage when *staged*. None:
    from the stage to the files, or from HEAD to the stage. Only paths *within* any of the given
    ones count, if any are given.
    """
    names = [part for text in revisions for part in text.split("..", 1)]
    if len(names) > 2 or (len(names) == 2 and staged):
        raise Misuse(f"too many revisions: {' '.join(revisions)}; write diff [A [B]] [-- PATH]")
    trees = [tree_of(repository, name or "HEAD") for name in names]
    if len(trees) == 2:
        found = _trees(repository, trees[0], trees[1])
    elif staged:
        head = repository.head_commit()
        base = repository.commit_at(head).tree if head else None
        found = _trees(repository, trees[0] if trees else base, repository.staged_tree())
    else:
        found = _to_files(repository, trees[0] if trees else None)
    for delta in found:
        if not within or any(delta.parts[: len(parts)] == parts for parts in within):
            yield delta


def parts_of(repository: Repository, path: str) -> Parts:
    """Return the names that lead from the root of the working copy to *path*."""
    full = os.path.abspath(path)
    if os.path.commonpath((full, repository.root)) != repository.root:
        full = os.path.join(os.path.realpath(os.path.dirname(full)), os.path.basename(full))
    if os.path.realpath(path) == repository.root:
        return ()
    if os.path.commonpath((full, repository.root)) != repository.root:
        raise Misuse(f"{path} is not in the working copy {repository.root}")
    return tuple(os.path.relpath(full, repository.root).split(os.sep))


def lines(repository: Repository, delta: Delta) -> Lines:
    """Compare the two sides of *delta* line by line."""
    old = _content(repository, delta.before)
    if not delta.on_disk or delta.after is None:
        new = _content(repository, delta.after)
    else:
        new = _on_disk(os.path.join(repository.root, *delta.parts))
    one = f"a/{delta.path}" if delta.before else "/dev/null"
    other = f"b/{delta.path}" if delta.after else "/dev/null"
    head = f"diff a/{delta.path} b/{delta.path}\n"
    before, after = _text(old), _text(new)
    if before is None or after is None or len(before) + len(after) > MAX_LINES:
        return Lines(f"{head}Binary or large files {one} and {other} differ\n", None, None)
    added = removed = 0
    out = [head]
    for at, line in enumerate(unified_diff(before, after, one, other)):
        if at > 1:
            added += line[0] == "+"
            removed += line[0] == "-"
        out.append(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
    return Lines("".join(out), added, removed)


def _trees(repository: Repository, before: Cid | None, after: Cid) -> Iterator[Delta]:
    for change in repository.changed(before, after):
        yield Delta(change.path, change.before, change.after, False)


def _to_files(repository: Repository, base: Cid | None) -> Iterator[Delta]:
    """Yield what differs from *base*, or the stage, to the user's files that are tracked."""
    stage = repository.staged_tree()
    found = {
        entry.parts: Delta(entry.parts, entry.before, entry.after, True)
        for entry in working(repository, stage, untracked=False)
        if not entry.folder
    }
    if base is not None:
        for change in repository.changed(base, stage):
            later = found.get(change.path)
            if later is None:
                later = Delta(change.path, change.before, change.after, False)
            found[change.path] = Delta(change.path, change.before, later.after, later.on_disk)
    for parts in sorted(found, key=lambda parts: os.fsencode("/".join(parts))):
        delta = found[parts]
        if delta.before != delta.after:
            yield delta


def _content(repository: Repository, cid: Cid | None) -> bytes | None:
    """Return the bytes of a file or the target of a symlink; None when it is too large."""
    if cid is None:
        return b""
    get = repository.home.blocks.get
    if Staging.file_bytes(repository.home.blocks, cid) > MAX_TEXT_BYTES:
        return None
    if cid.codec == DAG_PB:
        found = run(stat(cid), get)
        if found.kind == SYMLINK:
            return found.target or b""
    return b"".join(stream(files.read(cid), get))


def _on_disk(path: str) -> bytes | None:
    """Return what stands at *path* now; None when it is large or can't be read."""
    try:
        found = os.lstat(path)
        if S_ISLNK(found.st_mode):
            return os.fsencode(os.readlink(path))
        if not S_ISREG(found.st_mode) or found.st_size > MAX_TEXT_BYTES:
            return None
        with open(path, "rb") as file:
            return file.read(MAX_TEXT_BYTES + 1)
    except OSError:
        return None


def _text(data: bytes | None) -> list[str] | None:
    """Return the lines of text, each with its end; None for what is binary."""
    if data is None or b"\0" in data[:_LOOKED_AT]:
        return None
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    last = lines.pop()
    return [f"{line}\n" for line in lines] + ([last] if last else [])
