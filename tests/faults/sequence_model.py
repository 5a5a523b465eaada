"""What a working copy must be after each command, kept in dictionaries: the model of the machine.

Contents are small numbers; written out they name their path, so that no two paths are ever alike
and nothing passes for renamed. A merge is by the table of specs/merge.md, path by path, and that of
several bases by merging them first. A command is predicted by `Model.after`: how it exits, and the
model then; `REFUSED` stands for any exit but 0, with nothing changed.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Final, TypeAlias

Value: TypeAlias = int | tuple[object, ...]  # a tuple stands for a dispute between merge bases
Tree: TypeAlias = dict[str, Value]
Words: TypeAlias = tuple[str, ...]

REFUSED: Final = -1
NO: Final = 1
NOT_THERE: Final = 3
PATHS: Final = ("a", "b", "c", "d/x", "d/y")
KEPT: Final = "d/keep"  # so that no directory ever is empty
FOREIGN: Final = 10


def written(path: str, value: Value) -> bytes:
    """Return a content; its NUL keeps it from being merged as text."""
    assert isinstance(value, int)
    came_from, number = divmod(value, FOREIGN)
    return f"{PATHS[came_from - 1] if came_from else path}\0{number}".encode()


def value_of(path: str, data: bytes) -> int:
    """Return the number of what lies at *path*; that of a file that was moved tells whence."""
    where, _, number = data.decode().partition("\0")
    return _moved(where, int(number)) if where != path else int(number)


def _moved(path: str, value: Value) -> int:
    """Return what *value*, which stands at *path*, is anywhere else."""
    assert isinstance(value, int)
    return value if value >= FOREIGN else FOREIGN * (PATHS.index(path) + 1) + value


@dataclass(slots=True)
class Commit:
    """A version; *parents* are numbers of commits."""

    parents: tuple[int, ...]
    tree: Tree


@dataclass(slots=True)
class Under:
    """A merge or revert that is under way: *merged* with ours in dispute, and what is *open*."""

    what: str
    theirs: int
    merged: Tree
    sides: dict[str, tuple[Value | None, Value | None]]  # of all disputes: ours and theirs
    open: set[str]


@dataclass(slots=True)
class Model:
    """A repository and its one working copy. *order* tells commits apart by their CIDs."""

    commits: list[Commit]
    branches: dict[str, int]
    order: Callable[[int], bytes]
    head: str | int = "main"
    tags: dict[str, int] = field(default_factory=dict)
    stage: Tree = field(default_factory=dict)
    disk: Tree = field(default_factory=dict)
    under: Under | None = None

    # ---- asked -----------------------------------------------------------------------------

    @property
    def at(self) -> int:
        """The commit of HEAD."""
        return self.branches[self.head] if isinstance(self.head, str) else self.head

    @property
    def tree(self) -> Tree:
        """The tree of HEAD."""
        return self.commits[self.at].tree

    @property
    def dirty(self) -> bool:
        """Whether `status` has something to tell."""
        return self.stage != self.tree or self.disk != self.stage or self.under is not None

    def ancestors(self, *tips: int) -> set[int]:
        """Return *tips* and all below them."""
        found: set[int] = set()
        waiting = list(tips)
        while waiting:
            number = waiting.pop()
            if number not in found:
                found.add(number)
                waiting += self.commits[number].parents
        return found

    def bases(self, one: int, other: int) -> list[int]:
        """Return the merge bases, in the order of their CIDs."""
        return self._best(self.ancestors(one) & self.ancestors(other))

    def _best(self, found: set[int]) -> list[int]:
        best = [n for n in found if not any(n in self.ancestors(o) for o in found - {n})]
        return sorted(best, key=self.order) if len(best) > 1 else best

    # ---- commands --------------------------------------------------------------------------

    def after(self, words: Words) -> tuple[int, "Model"]:
        """Return how the command *words* exits, and the model after it."""
        new = deepcopy(self, {id(self.order): self.order})
        code: int = getattr(new, "_" + words[0].replace("-", "_"))(*words[1:])
        return (code, self) if code == REFUSED else (code, new)

    def _write(self, path: str, value: str) -> int:
        self.disk[path] = int(value)
        return 0

    def _delete(self, path: str) -> int:
        self.disk.pop(path, None)
        return 0

    def _add(self, path: str) -> int:
        if path in (".", "-A"):
            self.stage = dict(self.disk)
            if self.under:
                self.under.open.clear()
            return 0
        known = path in self.disk or path in self.stage
        if not known and not (self.under and path in self.under.open):
            return REFUSED
        _set(self.stage, path, self.disk.get(path))
        if self.under:
            self.under.open.discard(path)
        return 0

    def _rm(self, path: str) -> int:
        disputed = self.under is not None and path in self.under.open
        if path not in self.stage and not disputed:
            return REFUSED
        if path in self.disk and not disputed:
            edited = self.disk[path] != self.stage[path]
            if edited or self.stage[path] != self.tree.get(path):
                return REFUSED
        self.disk.pop(path, None)
        self.stage.pop(path, None)
        if self.under:
            self.under.open.discard(path)
        return 0

    def _mv(self, source: str, target: str) -> int:
        if self.under or source not in self.disk or source not in self.stage:
            return REFUSED
        if target in self.disk or target in self.stage:
            return REFUSED
        self.disk[target] = _moved(source, self.disk.pop(source))
        self.stage[target] = _moved(source, self.stage.pop(source))
        return 0

    def _commit(self, *words: str) -> int:
        if "-a" in words:
            if self.under:
                return REFUSED  # not asked of it by the machine
            for path in list(self.stage):
                _set(self.stage, path, self.disk.get(path))
        parents: tuple[int, ...] = (self.at,)
        if self.under is not None:
            if self.under.open:
                return REFUSED
            if self.under.what == "merge":
                parents = (self.at, self.under.theirs)
        if len(parents) == 1 and self.stage == self.tree:
            return NO if "-a" in words else REFUSED
        self._advance(self._made(parents, dict(self.stage)))
        self.under = None
        return 0

    def _branch(self, *words: str) -> int:
        if words[0] == "-d":
            name = words[1]
            if name not in self.branches or name == self.head:
                return REFUSED
            if self.branches[name] not in self.ancestors(self.at):
                return REFUSED
            del self.branches[name]
            return 0
        if words[0] in self.branches:
            return REFUSED
        self.branches[words[0]] = self.at
        return 0

    def _tag(self, name: str) -> int:
        if name in self.tags:
            return REFUSED
        self.tags[name] = self.at
        return 0

    def _switch(self, *words: str) -> int:
        name = words[-1]
        if words[0] == "-c":
            if self.under or self._branch(name) == REFUSED:
                return REFUSED
            self.head = name
            return 0
        if self.under or name not in self.branches:
            return REFUSED if name != self.head else 0
        if name == self.head:
            return 0
        if not self._carry(self.commits[self.branches[name]].tree):
            return REFUSED
        self.head = name
        return 0

    def _merge(self, name: str) -> int:
        if name == "--abort":
            return self._give_up("merge")
        if name == "--continue":
            return self._go_on("merge")
        if self.under or name not in self.branches:
            return REFUSED
        theirs = self.branches[name]
        if theirs in self.ancestors(self.at):
            return 0
        if self.at in self.ancestors(theirs):
            if not self._carry(self.commits[theirs].tree):
                return REFUSED
            self._advance(theirs)
            return 0
        base = self._virtual(self.bases(self.at, theirs), 0)
        return self._bring("merge", theirs, base, self.commits[theirs].tree)

    def _revert(self, name: str) -> int:
        return self._replay("revert", name)

    def _cherry_pick(self, name: str) -> int:
        return self._replay("cherry-pick", name)

    def _replay(self, what: str, name: str) -> int:
        if name == "--abort":
            return self._give_up(what)
        if name == "--continue":
            return self._go_on(what)
        if self.under or name not in self.branches:
            return REFUSED
        number = self.branches[name]
        commit = self.commits[number]
        if len(commit.parents) > 1:
            return REFUSED
        above = self.commits[commit.parents[0]].tree if commit.parents else {}
        base, other = (commit.tree, above) if what == "revert" else (above, commit.tree)
        return self._bring(what, number, base, other)

    def _resolve(self, side: str, path: str) -> int:
        if self.under is None or path not in self.under.sides:
            return REFUSED
        chosen = self.under.sides[path][side == "--theirs"]
        before = dict(self.stage)
        if path in self.under.open:
            _set(before, path, self.disk.get(path))
        after = dict(self.stage)
        _set(after, path, chosen)
        if not self._go(before, after):
            return REFUSED
        self.stage = after
        self.under.open.discard(path)
        return 0

    def _restore(self, *words: str) -> int:
        path = words[-1]
        source = self.tree if "--staged" in words else self.stage
        if path not in source and path not in self.stage:
            return REFUSED
        _set(self.stage if "--staged" in words else self.disk, path, source.get(path))
        return 0

    def _reset(self, how: str, name: str) -> int:
        if name not in self.branches or (how == "--soft" and self.under):
            return REFUSED
        number = self.branches[name]
        tree = self.commits[number].tree
        if how == "--hard":
            for path in set(self.stage) - set(tree):
                self.disk.pop(path, None)
            self.disk |= tree
        if how != "--soft":
            self.stage = dict(tree)
        self.under = None
        self._advance(number)
        return 0

    def _status(self) -> int:
        return NO if self.dirty else 0

    def _same(self, *_words: str) -> int:
        return 0

    _diff = _log = _gc = _same

    # ---- what they print -------------------------------------------------------------------

    def printed(self, words: Words) -> list[str] | None:
        """Return the lines that *words* print, in any order; None where it isn't foretold."""
        if words[0] == "log":
            return [""] * len(self.ancestors(self.at))
        if self.under is not None:
            return None
        if words == ("status",):
            staged, changed = letters(self.tree, self.stage), letters(self.stage, self.disk)
            found = {p: f"{staged.get(p, ' ')}{changed.get(p, ' ')}" for p in {*staged, *changed}}
            lines = [f"{two} {p}" for p, two in found.items() if two[1] != "A"]
            lines += [
                f"{two[0]}  {p}" for p, two in found.items() if two[1] == "A" != two[0] != " "
            ]
            return lines + [f"?? {p}" for p, letter in changed.items() if letter == "A"]
        if words[0] == "diff":
            ends = (self.tree, self.stage) if "--staged" in words else (self.stage, self.disk)
            found = letters(*ends)
            if "--staged" not in words:
                found = {path: letter for path, letter in found.items() if letter != "A"}
            return [f"{letter}\t{path}" for path, letter in found.items()]
        return None

    def midway(self, words: Words) -> list["Model"]:
        """Return what a kill of the command *words* may leave besides before and after."""
        new = deepcopy(self, {id(self.order): self.order})
        if words[0] == "rm":
            new.disk.pop(words[1], None)
        elif words[:2] == ("commit", "-a"):
            new.stage = {path: new.disk[path] for path in new.stage if path in new.disk}
        elif words[:2] == ("switch", "-c"):
            new._branch(words[2])
        else:
            return []
        return [new]

    # ---- within ----------------------------------------------------------------------------

    def _made(self, parents: tuple[int, ...], tree: Tree) -> int:
        self.commits.append(Commit(parents, tree))
        return len(self.commits) - 1

    def _advance(self, number: int) -> None:
        if isinstance(self.head, str):
            self.branches[self.head] = number
        else:
            self.head = number

    def _go(
        self, before: Tree, after: Tree, staged: Mapping[str, Value | None] | None = None
    ) -> bool:
        """Write what differs; False, and nothing written, where something unsaved is in the way."""
        differ = [p for p in {*before, *after} if before.get(p) != after.get(p)]
        for path in differ:
            if staged is not None and path in staged and staged[path] != after.get(path):
                return False
            now = self.disk.get(path)
            if now is not None and now not in (before.get(path), after.get(path)):
                return False
        for path in differ:
            _set(self.disk, path, after.get(path))
        return True

    def _carry(self, after: Tree) -> bool:
        """Go from HEAD's tree to *after*; what is staged elsewhere comes along."""
        before = self.tree
        mine = {
            path: self.stage.get(path)
            for path in {*before, *self.stage}
            if before.get(path) != self.stage.get(path)
        }
        if not self._go(before, after, mine):
            return False
        self.stage = dict(after)
        for path, value in mine.items():
            if before.get(path) == after.get(path):
                _set(self.stage, path, value)
        return True

    def _bring(self, what: str, theirs: int, base: Tree, other: Tree) -> int:
        """Merge *other* into HEAD; a clean one is committed."""
        if self.stage != self.tree:
            return REFUSED
        merged, faults = merge(base, self.tree, other)
        if what != "merge" and not faults and merged == self.tree:
            return REFUSED
        if not self._go(self.tree, merged):
            return REFUSED
        self.stage = dict(merged)
        if faults:
            sides = {path: (self.tree.get(path), other.get(path)) for path in faults}
            self.under = Under(what, theirs, merged, sides, set(faults))
            return NO
        parents = (self.at, theirs) if what == "merge" else (self.at,)
        self._advance(self._made(parents, merged))
        return 0

    def _give_up(self, what: str) -> int:
        if self.under is None or self.under.what != what:
            return REFUSED
        target, wrote = self.tree, self.under.merged
        touched = {p for p in {*target, *wrote} if target.get(p) != wrote.get(p)}
        touched |= set(self.under.sides)
        before = {
            path: value
            for path in {*target, *self.stage}
            if (value := (self.stage if path in touched else target).get(path)) is not None
        }
        for path in self.under.open:
            _set(before, path, self.disk.get(path))
        if not self._go(before, target):
            return REFUSED
        self.stage, self.under = dict(target), None
        return 0

    def _go_on(self, what: str) -> int:
        if self.under is None or self.under.what != what:
            return REFUSED
        return self._commit()

    def _virtual(self, bases: Sequence[int], depth: int) -> Tree:
        """Merge *bases* into one tree, as specs/merge.md §1.3 says."""
        if not bases:
            return {}
        tree, done = dict(self.commits[bases[0]].tree), [bases[0]]
        for other in bases[1:]:
            found: set[int] = set()
            for number in done:
                found |= set(self.bases(number, other))
            base = self._virtual(self._best(found), depth + 1)
            theirs = self.commits[other].tree
            merged, faults = merge(base, tree, theirs)
            for path in faults:
                merged[path] = ("dispute", tree.get(path), theirs.get(path))
            tree = merged
            done.append(other)
        return tree


def merge(base: Tree, ours: Tree, theirs: Tree) -> tuple[Tree, set[str]]:
    """Merge path by path; where both changed it, and not alike, ours stands and is in dispute."""
    merged: Tree = {}
    faults: set[str] = set()
    for path in {*base, *ours, *theirs}:
        b, o, t = base.get(path), ours.get(path), theirs.get(path)
        if t not in (b, o) and o != b:
            faults.add(path)
        _set(merged, path, t if o == b else o)
    return merged, faults


def _set(tree: Tree, path: str, value: Value | None) -> None:
    if value is None:
        tree.pop(path, None)
    else:
        tree[path] = value


def letters(before: Tree, after: Tree) -> dict[str, str]:
    """Return by path how *after* differs: it was added, modified or deleted."""
    found: dict[str, str] = {}
    for path in {*before, *after}:
        if before.get(path) != after.get(path):
            found[path] = "A" if path not in before else "D" if path not in after else "M"
    return found
