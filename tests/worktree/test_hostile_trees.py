"""Hostile trees: whatever a tree says, nothing outside the target changes.

A line of `TREES` each: the rule, what each face answers, and how the tree is made. Names, depth and
company of the hostile part come from the seed (``--seed``, else ``JIAOZI_SEED``, else 1). Canaries
lie beside the target, above it, and where absolute names and symlinks point.
"""

# ruff: noqa: E501 - a table with a line each
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from jiaozi_node.dag.walk import stream
from jiaozi_node.errors import JiaoziError
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import dag_cbor, dag_pb, unixfs_pb
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.formats.unixfs_pb import UnixFs
from jiaozi_node.unixfs.build import DirectoryBuilder
from jiaozi_node.unixfs.node import FILE, Node
from jiaozi_node.unixfs.profile import Profile
from jiaozi_node.worktree.checkout import materialize
from jiaozi_node.worktree.writer import CHECKOUT, GET, Folding, Rules, SafeWriter

HAMT = Profile("hamt", hamt_threshold=1, hamt_fanout=8)
CANARIES = "canaries"


class Maker:
    """Makes blocks that no honest importer would, its choices coming from a seed."""

    def __init__(self, seed: int, arena: Path) -> None:
        self.random = Random(seed)
        self.arena = arena
        self.blocks: dict[Cid, Block] = {}

    def keep(self, data: bytes, codec: int = c.DAG_PB) -> Cid:
        block = Block.of(data, codec)
        self.blocks[block.cid] = block
        return block.cid

    def get(self, cid: Cid) -> Block:
        return self.blocks[cid]

    def word(self) -> str:
        letters = "abcxyzé漢 -$~\udcff\n"
        return "w" + "".join(self.random.choices(letters, k=self.random.randint(1, 12)))

    def file(
        self, data: bytes | None = None, mode: int | None = None, at: int | None = None
    ) -> Cid:
        data = self.random.randbytes(self.random.randint(0, 99)) if data is None else data
        if mode is None and at is None and self.random.random() < 0.5:
            return self.keep(data, c.RAW)
        mtime = None if at is None else (at, 999_999_999)
        return self.node(UnixFs(unixfs_pb.FILE, data, len(data), mode=mode, mtime=mtime))

    def link(self, target: str | bytes, mode: int | None = None, at: int | None = None) -> Cid:
        raw = target if isinstance(target, bytes) else os.fsencode(target)
        mtime = None if at is None else (at, 1)
        return self.node(UnixFs(unixfs_pb.SYMLINK, raw, mode=mode, mtime=mtime))

    def node(self, message: UnixFs, *links: tuple[str, Cid]) -> Cid:
        raw = [(cid.raw, os.fsencode(name), 1) for name, cid in links]
        return self.keep(dag_pb.encode_links(raw, unixfs_pb.encode(message)))

    def dir(self, *links: tuple[str, Cid], mode: int | None = None, at: int | None = None) -> Cid:
        mtime = None if at is None else (at, 0)
        return self.node(UnixFs(unixfs_pb.DIRECTORY, mode=mode, mtime=mtime), *links)

    def hamt(self, *links: tuple[str, Cid]) -> Cid:
        builder = DirectoryBuilder(HAMT)
        for name, cid in [(self.word() + str(at), self.file()) for at in range(9)]:
            builder.add(name, Node(cid, 1, FILE, 1))
        for name, cid in links:
            builder.add(name, Node(cid, 1, FILE, 1))
        blocks, node = builder.end()
        self.blocks.update((block.cid, block) for block in blocks)
        return node.cid

    def chain(self, length: int, cid: Cid, name: str = "d") -> Cid:
        for _ in range(length):
            cid = self.dir((name, cid))
        return cid

    def away(self, name: str = "file") -> str:
        return str(self.arena / CANARIES / name)

    def hidden(self, cid: Cid) -> tuple[Cid, tuple[str, ...]]:
        """Put *cid* some directories deep, among honest company."""
        path: tuple[str, ...] = ()
        for _ in range(self.random.randint(0, 3)):
            name = self.word()
            count = self.random.randint(0, 2)
            company = [(f"{self.word()}{at}", self.file()) for at in range(count)]
            links = [*company, (name, cid)]
            self.random.shuffle(links)
            cid, path = self.dir(*links), (name, *path)
        return cid, path


Build = Callable[[Maker], Cid]
Prepare = Callable[[Maker, Path], None]
NEITHER = Folding(case=False, form=False)
BOTH = Folding(case=True, form=True)
OK = ""  # not refused: written, and nothing outside is touched


@dataclass(frozen=True)
class Tree:
    rule: str
    checkout: str  # words of the refusal, or OK
    get: str
    build: Build
    before: Prepare | None  # what stands in the target already
    folding: Folding


def tree(
    rule: str,
    words: str | tuple[str, str],
    build: Build,
    before: Prepare | None = None,
    folding: Folding = NEITHER,
) -> Tree:
    checkout, get = (words, words) if isinstance(words, str) else words
    return Tree(rule, checkout, get, build, before, folding)


def link_at(*parts: str, to: str = "") -> Prepare:
    """Have a symlink to the canaries (or to one of them) stand in the target."""

    def before(m: Maker, out: Path) -> None:
        place = out.joinpath(*parts)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(m.away(to) if to else m.arena / CANARIES)

    return before


def working_copy(_m: Maker, out: Path) -> None:
    (out / ".jiaozi").mkdir()
    (out / ".jiaozi" / "worktree.toml").write_text("mine")


def hard_link(m: Maker, out: Path) -> None:
    os.link(m.away(), out / "x")


def pipe(_m: Maker, out: Path) -> None:
    os.mkfifo(out / "x")


def full_directory(_m: Maker, out: Path) -> None:
    (out / "x").mkdir()
    (out / "x" / "kept").write_text("kept")


RESERVED = ("taken for '.jiaozi'", OK)
FD = UnixFs(unixfs_pb.FILE, None, 5, (5,))

# fmt: off
TREES = [
    # ------------------------------------------------ names that lead out
    tree("a name is '..'", "it is '..'", lambda m: m.dir(("..", m.file()))),
    tree("a name is '.'", "it is '.'", lambda m: m.dir((".", m.file()))),
    tree("a name is empty", "it is empty", lambda m: m.dir(("", m.file()))),
    tree("a directory is called '..'", "it is '..'", lambda m: m.dir(("..", m.dir(("canaries", m.dir(("file", m.file()))))))),
    tree("a directory is called '.'", "it is '.'", lambda m: m.dir((".", m.dir(("x", m.file()))))),
    tree("a symlink is called '..'", "it is '..'", lambda m: m.dir(("..", m.link(m.away())))),
    tree("a name is an absolute path", "contains '/'", lambda m: m.dir((m.away(), m.file()))),
    tree("a directory's name is an absolute path", "contains '/'", lambda m: m.dir((m.away("d"), m.dir(("x", m.file()))))),
    tree("a name leads up and over", "contains '/'", lambda m: m.dir(("../canaries/file", m.file()))),
    tree("a name goes down before it leads up", "contains '/'", lambda m: m.dir(("a/../../canaries/file", m.file()))),
    tree("a name leads to another directory inside", "contains '/'", lambda m: m.dir(("d", m.dir()), ("d/x", m.file()))),
    tree("a name ends in a slash", "contains '/'", lambda m: m.dir(("x/", m.file()))),
    tree("a name is a slash", "contains '/'", lambda m: m.dir(("/", m.file()))),
    tree("a name is two slashes and a host", "contains '/'", lambda m: m.dir(("//host/share", m.file()))),
    tree("'..' deep below honest names", "it is '..'", lambda m: m.chain(20, m.dir(("..", m.file())))),
    tree("a chain of '..' as long as the way up", "it is '..'", lambda m: m.chain(30, m.dir(("canaries", m.dir(("file", m.file())))), "..")),
    tree("'..' in a sharded directory", "it is '..'", lambda m: m.hamt(("..", m.file()))),
    tree("NUL in a sharded directory", "contains NUL", lambda m: m.hamt(("a\0b", m.file()))),
    tree("'.' among thousands of honest names", "it is '.'", lambda m: m.dir(*[(str(at), m.file(b"")) for at in range(2000)], (".", m.file()))),
    # ------------------------------------------------ names no file can have
    tree("a name holds NUL", "contains NUL", lambda m: m.dir(("a\0b", m.file()))),
    tree("a canary's path, then NUL", "contains", lambda m: m.dir((m.away() + "\0", m.file()))),
    tree("a name is NUL", "contains NUL", lambda m: m.dir(("\0", m.file()))),
    tree("a name is 256 letters", "limit of 255", lambda m: m.dir(("a" * 256, m.file()))),
    tree("a name is 86 characters and 258 bytes", "limit of 255", lambda m: m.dir(("漢" * 86, m.file()))),
    tree("a name is 256 bytes and no text", "limit of 255", lambda m: m.dir(("\udcff" * 256, m.file()))),
    tree("a name is 64 KiB", "limit of 255", lambda m: m.dir(("a" * 65536, m.file()))),
    tree("a directory's name is 256 letters", "limit of 255", lambda m: m.dir(("a" * 256, m.dir()))),
    tree("a symlink's name is 256 letters", "limit of 255", lambda m: m.dir(("a" * 256, m.link("x")))),
    tree("directories deeper than the limit", "limit of 256", lambda m: m.chain(300, m.dir())),
    # ------------------------------------------------ one name twice
    tree("two files of one name", "two entries", lambda m: m.dir(("x", m.file()), ("x", m.file()))),
    tree("a symlink out, then a file of its name", "two entries", lambda m: m.dir(("x", m.link(m.away())), ("x", m.file()))),
    tree("a file, then a symlink out of its name", "two entries", lambda m: m.dir(("x", m.file()), ("x", m.link(m.away())))),
    tree("a symlink out, then a directory of its name", "two entries", lambda m: m.dir(("x", m.link(m.away("d"))), ("x", m.dir(("f", m.file()))))),
    tree("a directory, then a symlink out of its name", "two entries", lambda m: m.dir(("x", m.dir(("f", m.file()))), ("x", m.link(m.away("d"))))),
    tree("two symlinks of one name", "two entries", lambda m: m.dir(("x", m.link("a")), ("x", m.link(m.away())))),
    # ------------------------------------------------ names a file system folds into one
    tree("letter case alone differs", "for one name", lambda m: m.dir(("x", m.file()), ("X", m.file())), folding=BOTH),
    tree("a symlink out and a directory differ in case", "for one name", lambda m: m.dir(("X", m.link(m.away("d"))), ("x", m.dir(("f", m.file())))), folding=BOTH),
    tree("normalisation alone differs", "for one name", lambda m: m.dir(("\u00e9", m.file()), ("e\u0301", m.file())), folding=Folding(case=False, form=True)),
    tree("case folds to more letters", "for one name", lambda m: m.dir(("straße", m.file()), ("STRASSE", m.file())), folding=BOTH),
    tree("ignored characters alone differ", "for one name", lambda m: m.dir(("x", m.file()), ("x\u200c", m.file())), folding=BOTH),
    tree("case differs on a system that minds it", OK, lambda m: m.dir(("x", m.file()), ("X", m.file()))),
    # ------------------------------------------------ the reserved name
    tree("a directory .jiaozi", RESERVED, lambda m: m.dir((".jiaozi", m.dir(("worktree.toml", m.file()))))),
    tree("a file .JIAOZI", RESERVED, lambda m: m.dir((".JIAOZI", m.file()))),
    tree("a symlink .jiaozi out", RESERVED, lambda m: m.dir((".jiaozi", m.link(m.away("d"))))),
    tree(".jiaozi with a character HFS+ ignores", RESERVED, lambda m: m.dir((".jia\u200dozi", m.dir()))),
    tree(".jiaozi with dots NTFS drops", RESERVED, lambda m: m.dir((".jiaozi..", m.dir()))),
    tree(".jiaozi by its short name", RESERVED, lambda m: m.dir(("JIAOZI~1", m.dir()))),
    tree(".jiaozi over a working copy's", ("taken for", "working copy's link"), lambda m: m.dir((".jiaozi", m.dir(("worktree.toml", m.file())))), working_copy),
    tree(".Jiaozi over a working copy's", ("taken for", "working copy's link"), lambda m: m.dir((".Jiaozi", m.link(m.away("d")))), working_copy),
    # ------------------------------------------------ symlinks
    tree("a symlink to an absolute path", OK, lambda m: m.dir(("x", m.link(m.away())))),
    tree("a symlink up", OK, lambda m: m.dir(("x", m.link("../../..")), ("y", m.dir(("x", m.file()))))),
    tree("symlinks that chase each other", OK, lambda m: m.dir(("x", m.link("y")), ("y", m.link("x")))),
    tree("a symlink out with a time", OK, lambda m: m.dir(("x", m.link(m.away(), at=5)))),
    tree("a symlink out with a mode", OK, lambda m: m.dir(("x", m.link(m.away(), mode=0o7777)))),
    tree("a symlink to the writer's own descriptors", OK, lambda m: m.dir(("x", m.link("/proc/self/fd/3")))),
    tree("a symlink's target holds NUL", "contains NUL", lambda m: m.dir(("x", m.link(m.away() + "\0")))),
    tree("a symlink's target is empty", "is empty", lambda m: m.dir(("x", m.link(b"")))),
    tree("a symlink's target is longer than a path", "limit of 4095", lambda m: m.dir(("x", m.link("a" * 5000)))),
    tree("a symlink has links", "symlink has links", lambda m: m.dir(("x", m.node(UnixFs(unixfs_pb.SYMLINK, b"x"), ("y", m.file()))))),
    # ------------------------------------------------ what stands in the target already
    tree("a symlink out stands where a file goes", OK, lambda m: m.dir(("x", m.file())), link_at("x", to="file")),
    tree("a dangling symlink out stands where a file goes", OK, lambda m: m.dir(("x", m.file())), link_at("x", to="new")),
    tree("a symlink out stands where a symlink goes", OK, lambda m: m.dir(("x", m.link("y"))), link_at("x", to="d")),
    tree("a symlink out stands where a directory goes", (OK, "symlink or file stands"), lambda m: m.dir(("x", m.dir(("file", m.file())))), link_at("x")),
    tree("a symlink out stands where a directory with mode and time goes", (OK, "symlink or file stands"), lambda m: m.dir(("x", m.dir(mode=0o711, at=9))), link_at("x")),
    tree("a symlink out stands one directory down", (OK, "symlink or file stands"), lambda m: m.dir(("d", m.dir(("x", m.dir(("file", m.file())))))), link_at("d", "x")),
    tree("a dangling symlink stands where a directory goes", (OK, "symlink or file stands"), lambda m: m.dir(("x", m.dir(("file", m.file())))), link_at("x", to="new")),
    tree("a hard link to a canary stands where a file goes", OK, lambda m: m.dir(("x", m.file(mode=0o600, at=3))), hard_link),
    tree("a pipe stands where a file goes", OK, lambda m: m.dir(("x", m.file())), pipe),
    tree("a full directory stands where a file goes", "isn't empty", lambda m: m.dir(("x", m.file())), full_directory),
    tree("a full directory stands where a symlink goes", "isn't empty", lambda m: m.dir(("x", m.link(m.away()))), full_directory),
    # ------------------------------------------------ modes and times
    tree("a file with setuid, setgid and sticky bits", OK, lambda m: m.dir(("x", m.file(mode=0o7777)))),
    tree("a directory with setgid and sticky bits", OK, lambda m: m.dir(("x", m.dir(("y", m.file()), mode=0o7777)))),
    tree("a mode with bits of a device", OK, lambda m: m.dir(("x", m.file(mode=0o20777 | 0xFFF0000)))),
    tree("a directory nobody may enter holds files", OK, lambda m: m.dir(("x", m.dir(("y", m.file()), mode=0o7000 | 0o400)))),
    tree("a time after the end of the world", OK, lambda m: m.dir(("x", m.file(at=2**62)), ("y", m.dir(at=2**62)))),
    tree("a time before its beginning", OK, lambda m: m.dir(("x", m.file(at=-(2**63))), ("y", m.link("z", at=-(2**63))))),
    # ------------------------------------------------ lies about content
    tree("a file's part is longer than it says", "holds 9", lambda m: m.dir(("x", m.node(FD, ("", m.file(b"nine char")))))),
    tree("a file's part is a directory", "is a directory", lambda m: m.dir(("x", m.node(FD, ("", m.dir(("y", m.file()))))))),
    tree("a file's part is a symlink", "symlink", lambda m: m.dir(("x", m.node(FD, ("", m.link(m.away())))))),
    tree("a file's part has a name", "named", lambda m: m.dir(("x", m.node(FD, ("../y", m.file(b"12345")))))),
    tree("an entry is no UnixFS", "not UnixFS", lambda m: m.dir(("x", m.keep(dag_cbor.encode({"x": 1}), c.DAG_CBOR)))),
    tree("a shard of a fanout that can't be", "fanout", lambda m: m.node(UnixFs(unixfs_pb.HAMT_SHARD, b"\1", hash_type=0x22, fanout=3), ("00x", m.file()))),
    tree("a shard's entry stands in another's place", "hash", lambda m: m.node(UnixFs(unixfs_pb.HAMT_SHARD, b"\1", hash_type=0x22, fanout=256), ("00../x", m.file()))),
]
# fmt: on


def canaries(arena: Path) -> None:
    home = arena / CANARIES
    (home / "d").mkdir(parents=True)
    for path in (home / "file", home / "d" / "inner", arena / "beside", home / "X"):
        path.write_bytes(b"canary of " + os.fsencode(path.name))
        os.chmod(path, 0o640)
        os.utime(path, (1000, 1000))
    (home / "link").symlink_to("file")
    for path in (home / "d", home):
        os.utime(path, (2000, 2000))


def outside(arena: Path, out: Path) -> dict[str, tuple[object, ...]]:
    """All there is to see in the arena but below the target."""
    seen: dict[str, tuple[object, ...]] = {}
    for place, directories, files in os.walk(arena):
        if Path(place) == out:
            directories.clear()
            continue
        for name in (*directories, *files):
            path = os.path.join(place, name)
            found = os.lstat(path)
            body: object = None
            if stat.S_ISREG(found.st_mode):
                body = Path(path).read_bytes()
            elif stat.S_ISLNK(found.st_mode):
                body = os.readlink(path)
            times = None if Path(path) == out else found.st_mtime_ns
            mode = None if Path(path) == out else found.st_mode
            seen[path] = (mode, found.st_uid, times, found.st_ino, body)
    return seen


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> int:
    given = pytestconfig.getoption("--seed", default=None)
    return int(given if given is not None else os.environ.get("JIAOZI_SEED", "1"))


def test_there_are_sixty_trees_and_no_rule_twice() -> None:
    assert len(TREES) >= 60
    assert len({item.rule for item in TREES}) == len(TREES)


@pytest.mark.parametrize("rules", [CHECKOUT, GET], ids=lambda rules: rules.name)
@pytest.mark.parametrize("item", TREES, ids=lambda item: item.rule.replace(" ", "-"))
def test_nothing_outside_the_target_changes(
    item: Tree, rules: Rules, seed: int, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    canaries(tmp_path)
    maker = Maker(seed, tmp_path)
    hostile = item.build(maker)
    where: tuple[str, ...] = ()
    root = hostile
    if item.before is not None:
        item.before(maker, out)
    else:
        root, where = maker.hidden(hostile)
    held = set(os.listdir(out.joinpath(*where))) if not where else set()
    before = outside(tmp_path, out)

    fault: JiaoziError | None = None
    writer = SafeWriter(out, rules, folding=lambda _: item.folding)
    try:
        with writer:
            for _ in stream(materialize(root, writer), maker.get):
                pass
    except JiaoziError as raised:
        fault = raised

    assert outside(tmp_path, out) == before
    words = item.checkout if rules is CHECKOUT else item.get
    if words == OK:
        assert fault is None, fault
    else:
        assert fault is not None
        assert words in str(fault)
        assert "\n" not in str(fault)
        if "unsafe name" in str(fault) and "target" not in str(fault) and "deeper" not in item.rule:
            nothing_was_made(item, out, where, held)
    for path in everything(out):
        found = os.lstat(path)
        if not stat.S_ISLNK(found.st_mode) and path not in before:
            assert found.st_mode & 0o7000 == 0, path
            assert not os.path.basename(path).startswith(".jz-"), path


def nothing_was_made(item: Tree, out: Path, where: tuple[str, ...], held: set[str]) -> None:
    """The directory with the refused name was not begun."""
    if item.rule.startswith("'..' deep"):
        return  # its own honest directories come first
    place = out.joinpath(*where)
    if where:
        assert not os.path.lexists(place)
    else:
        assert set(os.listdir(place)) == held


def everything(out: Path) -> list[str]:
    return [
        os.path.join(place, name)
        for place, directories, files in os.walk(out)
        for name in (*directories, *files)
    ]


def test_a_target_that_is_itself_a_symlink_out_is_refused(tmp_path: Path, seed: int) -> None:
    canaries(tmp_path)
    (tmp_path / "out").symlink_to(CANARIES)
    before = outside(tmp_path, tmp_path / "nowhere")
    for rules in (CHECKOUT, GET):
        with pytest.raises(JiaoziError, match="symbolic link"):
            SafeWriter(tmp_path / "out", rules)
    assert outside(tmp_path, tmp_path / "nowhere") == before
