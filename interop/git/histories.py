"""A history of hundreds of commits by random numbers, with all that git's trees can hold."""

import random
from dataclasses import dataclass, field

from interop.git import content
from interop.git.stream import FILE, LINK, PROGRAM, SUBMODULE, Entry, Stream
from tests.gitrepo import GitRepo

ZONES = (b"+0000", b"+0100", b"-0330", b"+1345", b"-1200", b"+0530")
PEOPLE = ("Ada Lovelace <ada@example.org>", "Émile <emile@example.org>", "李 <li@example.cn>",
          "No Mail <>", "x <x>")  # fmt: skip
MESSAGES = ("one line\n", "subject\n\nbody of\n\ntwo parts\n", "no line end", "\n\nlate\n", "",
            "ünïcödé 数据\n", "  indented\n\ttab\n", "trailing  \n\n\n")  # fmt: skip


@dataclass(slots=True)
class History:
    """What was written: the git repository, and the ids of its commits in order."""

    git: GitRepo
    commits: list[str]


@dataclass(slots=True)
class _Branch:
    ref: str
    tip: int
    tree: dict[bytes, Entry] = field(default_factory=dict)


def written(git: GitRepo, rng: random.Random, count: int) -> History:
    """Write *count* commits on several branches, with merges and tags, into *git*."""
    stream = Stream()
    clock = 1_000_000_000
    branches: list[_Branch] = []
    marks: list[int] = []
    for number in range(count):
        clock += rng.randrange(-3000, 90_000)
        author = _person(rng, clock - rng.choice((0, 0, 0, 4000, 10**8)))
        committer = author if rng.random() < 0.6 else _person(rng, clock)
        message = f"{number} ".encode() + rng.choice(MESSAGES).encode()
        encoding = None
        if rng.random() < 0.05:
            message, encoding = "é en latin".encode("latin-1"), "ISO-8859-1"
            author = committer = "Émile <é@example.org> 1234567890 +0200".encode("latin-1")
        elif rng.random() < 0.05:
            message = rng.choice(MESSAGES).encode()
        parents: list[int] = []
        if not branches or (len(branches) < 8 and rng.random() < 0.01):
            branch = _Branch(f"refs/heads/root-{number}" if branches else "refs/heads/main", 0)
            branches.append(branch)
        else:
            branch = rng.choice(branches)
            if len(branches) < 12 and rng.random() < 0.08:
                branch = _Branch(f"refs/heads/topic/{number}", branch.tip, dict(branch.tree))
                branches.append(branch)
            parents = [branch.tip]
        others = [other for other in branches if other.tip not in (branch.tip, 0)]
        if parents and others and rng.random() < 0.2:
            merged = rng.sample(others, min(len(others), rng.choice((1, 1, 1, 2, 4))))
            parents += dict.fromkeys(other.tip for other in merged)
            for other in merged:
                branch.tree = _fit({**other.tree, **branch.tree})
        for _ in range(rng.choice((0, 1, 1, 1, 2, 3, 8)) if parents else rng.randint(1, 40)):
            _change(rng, branch.tree)
        branch.tree = _fit(branch.tree)
        branch.tip = stream.commit(
            branch.ref, branch.tree, parents, message, author, committer, encoding
        )
        marks.append(branch.tip)
        if rng.random() < 0.03:
            stream.ref(f"refs/tags/light/{number}", rng.choice(marks))
        if rng.random() < 0.03:
            words = rng.choice(MESSAGES).encode()
            stream.tag(f"v{number}", rng.choice(marks), words, _person(rng, clock))
    ids = stream.send(git)
    return History(git, [ids[mark] for mark in marks])


def _person(rng: random.Random, time: int) -> bytes:
    return b"%s %d %s" % (rng.choice(PEOPLE).encode(), max(time, 0), rng.choice(ZONES))


def _name(rng: random.Random) -> bytes:
    """A path: mostly plain, some odd, up to four names deep."""
    parts = [f"d{rng.randrange(4)}".encode() for _ in range(rng.choice((0, 0, 1, 1, 2, 3)))]
    fate = rng.random()
    if fate < 0.1:
        parts.append(rng.choice(content.ODD_NAMES).encode())
    elif fate < 0.13:
        parts.append(rng.choice(content.ODD_BYTES))
    elif fate < 0.2:
        parts.append(f"d{rng.randrange(4)}".encode())  # a file where a directory may be
    else:
        parts.append(f"f{rng.randrange(400)}".encode() + rng.choice((b".csv", b".txt", b".png")))
    return b"/".join(parts)


def _change(rng: random.Random, tree: dict[bytes, Entry]) -> None:
    """Change one thing in *tree*."""
    known = sorted(tree)
    fate = rng.random()
    path = rng.choice(known) if known and fate > 0.25 else _name(rng)
    mode, data = tree.get(path, (FILE, b""))
    if path not in tree:
        _clear(tree, path)
        tree[path] = (FILE, content.any_content(rng))
    elif fate < 0.6:
        if mode in (FILE, PROGRAM):
            tree[path] = (mode, content.edited(rng, data))
        else:
            tree[path] = (FILE, content.any_content(rng))
    elif fate < 0.7:
        del tree[path]
    elif fate < 0.8:  # a rename, sometimes with an edit, sometimes of a whole directory
        above = path.rpartition(b"/")[0]
        if above and rng.random() < 0.3:
            for old in [old for old in known if old.startswith(above + b"/")]:
                new = b"moved-%d/" % rng.randrange(5) + old[len(above) + 1 :]
                entry = tree.pop(old)
                _clear(tree, new)
                tree[new] = entry
        else:
            del tree[path]
            new = _name(rng)
            _clear(tree, new)
            tree[new] = (mode, data)
    elif fate < 0.87 and mode in (FILE, PROGRAM):
        tree[path] = (PROGRAM if mode == FILE else FILE, data)
    elif fate < 0.93:
        target = rng.choice((b"f1.csv", b"../x", b"/etc/passwd", b"d1", path, b"\xff", b"gone"))
        tree[path] = (LINK, target)
    elif fate < 0.97:
        tree[path] = (FILE, b"")
    elif fate < 0.98:
        tree[path] = (SUBMODULE, rng.randbytes(20).hex().encode())
    else:
        tree[path] = (FILE, rng.randbytes(1_500_000) if rng.random() < 0.2 else b"x" * 70_000)


def _clear(tree: dict[bytes, Entry], path: bytes) -> None:
    """Make room for *path*: no file above it, nothing below."""
    parts = path.split(b"/")
    for depth in range(1, len(parts)):
        tree.pop(b"/".join(parts[:depth]), None)
    for other in [other for other in tree if other.startswith(path + b"/")]:
        del tree[other]


def _fit(tree: dict[bytes, Entry]) -> dict[bytes, Entry]:
    """Leave out files that stand where others need a directory."""
    needed = {
        b"/".join(parts[:depth])
        for parts in (path.split(b"/") for path in tree)
        for depth in range(1, len(parts))
    }
    return {path: entry for path, entry in tree.items() if path not in needed}
