"""Pairs of commits to merge by random numbers; some clean, some in dispute, some criss-cross.

Where git and we differ by design, no case is made, or git is told to do as we do:

- git takes a deleted and an added file that are half alike for a rename, we only equal ones: files
  share no lines (see ``content``), and who renames a file doesn't edit it on the same side;
- where several deleted and added files are equal, git guesses which became which, we don't: no two
  files of a tree are equal, and none is added that was there before, but by renaming;
- git moves new files along when most of their directory was renamed (``merge.directoryRenames``):
  switched off, as we never do;
- git pairs repeated lines by their frequency, we don't: lines are unique but for blank ones, and
  where one of these stands beside a dispute its markers may be drawn around it or not, which is
  counted; line ends are alike within a file;
- a file that was in dispute between two merge bases and was renamed since is known again to git,
  by likeness: those aren't renamed;
- a directory whose last files went on different sides stays with us and is none to git: empty
  directories aren't compared.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from interop.git import content
from interop.git.stream import FILE, LINK, PROGRAM, Entry, Stream

SETTINGS = ("-c", "merge.renames=true", "-c", "merge.directoryRenames=false",
            "-c", "merge.conflictStyle=merge")  # fmt: skip

KINDS = ("apart", "alike", "same files", "texts", "criss-cross")
WEIGHTS = (3, 2, 5, 4, 3)

Tree = dict[bytes, Entry]


@dataclass(frozen=True, slots=True)
class Case:
    """Two branches to merge, and how they came about.

    *renamed* leads from a path to the one that it had before; *settled* are those that were in
    dispute between the merge bases, and which each side settled its own way.
    """

    name: str
    kind: str
    renamed: Mapping[bytes, bytes]
    settled: frozenset[bytes]

    @property
    def ours(self) -> str:
        return f"{self.name}/ours"

    @property
    def theirs(self) -> str:
        return f"{self.name}/theirs"


class _Maker:
    """Makes the commits of one case."""

    def __init__(self, rng: random.Random, stream: Stream, name: str) -> None:
        self.rng, self.stream, self.name = rng, stream, name
        self.clock = 1_200_000_000
        self.fresh = 0
        self.renamed: dict[bytes, bytes] = {}
        self.settled: set[bytes] = set()  # in dispute between bases: not renamed afterwards

    def commit(self, side: str, tree: Tree, *parents: int) -> int:
        self.clock += 60
        who = b"Ada <ada@example.org> %d +0000" % self.clock
        ref = f"refs/heads/{self.name}/{side}"
        return self.stream.commit(ref, tree, parents, f"{side}\n".encode(), who)

    def base(self, most: int) -> Tree:
        tree: Tree = {}
        for _ in range(self.rng.randint(min(4, most), most)):
            self.add(tree)
        if self.rng.random() < 0.3:
            tree[b"empty"] = (FILE, b"")
        if self.rng.random() < 0.4:
            tree[b"link"] = (LINK, content.word(self.rng).encode())
        return tree

    def path(self, tree: Tree) -> bytes:
        """A path that is free, now and later."""
        self.fresh += 1
        rng = self.rng
        above = [b"d%d" % rng.randrange(3) for _ in range(rng.choice((0, 0, 1, 2)))]
        return b"/".join([*above, b"n%d.%s" % (self.fresh, rng.choice((b"csv", b"txt", b"bin")))])

    def add(self, tree: Tree) -> bytes:
        path = self.path(tree)
        mode = PROGRAM if self.rng.random() < 0.1 else FILE
        tree[path] = (mode, content.any_content(self.rng))
        return path

    def changed(self, before: Tree, touched: set[bytes], times: int) -> Tree:
        """Return *before* with *times* changes; no file is touched twice."""
        tree = dict(before)
        for _ in range(times):
            self.change(tree, touched)
        return tree

    def change(self, tree: Tree, touched: set[bytes]) -> None:
        rng = self.rng
        known = sorted(set(tree) - touched)
        files = [path for path in known if tree[path][0] in (FILE, PROGRAM) and tree[path][1]]
        fate = rng.random()
        if fate < 0.15 or not files:
            touched.add(self.add(tree))
            return
        path = rng.choice(known if fate > 0.9 else files)
        touched.add(path)
        mode, data = tree[path]
        if mode == LINK:
            tree[path] = (LINK, content.word(rng).encode())
        elif fate < 0.6:
            tree[path] = (mode, content.edited(rng, data) if data else content.prose(rng))
        elif fate < 0.7:
            del tree[path]
        elif fate < 0.8 and data and path not in self.settled:
            new = self.path(tree)
            tree[new] = tree.pop(path)
            touched.add(new)
            self.renamed[new] = path
        elif fate < 0.87:
            tree[path] = (FILE if mode == PROGRAM else PROGRAM, data)
        elif fate < 0.9:
            del tree[path]  # a file becomes a directory
            tree[path + b"/inside"] = (FILE, content.any_content(rng))
            touched.add(path + b"/inside")
        else:
            tree[path] = (LINK, content.word(rng).encode())


def written(stream: Stream, rng: random.Random, count: int) -> list[Case]:
    """Write *count* cases."""
    made: list[Case] = []
    for number in range(count):
        name = f"case-{number:04}"
        maker = _Maker(random.Random(rng.random()), stream, name)
        kind = rng.choices(KINDS, WEIGHTS)[0]
        if kind == "criss-cross":
            _criss_cross(maker)
        elif kind == "texts":
            _texts(maker)
        else:
            _two_sides(maker, kind)
        made.append(Case(name, kind, maker.renamed, frozenset(maker.settled)))
    return made


def _two_sides(maker: _Maker, kind: str) -> None:
    """Two lines of commits from one base; *kind* says how often they touch the same files."""
    rng = maker.rng
    base = maker.base(3 if kind == "same files" else 20)
    root = maker.commit("base", base)
    begun, mine = dict(base), set[bytes]()
    if kind == "alike":  # the same changes on both sides, and some of their own
        begun = maker.changed(base, mine, rng.randint(1, 3))
    for side in ("ours", "theirs"):
        touched = set(mine) if kind != "same files" else set[bytes]()
        tree, tip = begun, root
        for _ in range(rng.randint(1, 2)):
            tree = maker.changed(tree, touched, rng.randint(1, 2 if kind == "same files" else 5))
            tip = maker.commit(side, tree, tip)
        mine |= touched


def _texts(maker: _Maker) -> None:
    """Both sides edit the same texts, here and there."""
    rng = maker.rng
    base: Tree = {}
    for number in range(rng.randint(1, 3)):
        base[b"text-%d" % number] = (FILE, rng.choice((content.table, content.prose))(rng))
    root = maker.commit("base", base)
    for side in ("ours", "theirs"):
        tree, tip = dict(base), root
        for _ in range(rng.randint(1, 2)):
            for path, (mode, data) in tree.items():
                tree[path] = (mode, content.edited(rng, data))
            tip = maker.commit(side, tree, tip)


def _criss_cross(maker: _Maker) -> None:
    """Each side merged the other once; then both went on."""
    rng = maker.rng
    base = maker.base(12)
    root = maker.commit("base", base)
    touched: set[bytes] = set()
    one = maker.changed(base, touched, rng.randint(1, 3))
    apart = rng.random() < 0.6
    two = maker.changed(base, touched if apart else set(), rng.randint(1, 3))
    both_changed = {path for path in base if base[path] not in (one.get(path), two.get(path))}
    moved = set(maker.renamed.values())
    maker.settled = {
        path for path in both_changed if path in moved or one.get(path) != two.get(path)
    }
    first = maker.commit("one", one, root)
    second = maker.commit("two", two, root)
    # Apart, the merge of both is what either did; else each side settles it its own way.
    both = _union(base, one, two)
    left, right = (both, both) if apart else (_union(base, one, two), _union(base, two, one))
    touched = set() if rng.random() < 0.5 else touched
    ours = maker.changed(left, touched, rng.randint(1, 3))
    theirs = maker.changed(right, touched if rng.random() < 0.7 else set(), rng.randint(1, 3))
    maker.commit("ours", ours, first, second)
    maker.commit("theirs", theirs, second, first)


def _union(base: Tree, first: Tree, second: Tree) -> Tree:
    """Return what both changed of *base*; where both did, *first* stands."""
    tree = dict(base)
    for side in (second, first):
        for path in {*base, *side}:
            if base.get(path) != side.get(path):
                if path in side:
                    tree[path] = side[path]
                else:
                    tree.pop(path, None)
    needed = {path[: path.rindex(b"/")] for path in tree if b"/" in path}
    return {path: entry for path, entry in tree.items() if path not in needed}
