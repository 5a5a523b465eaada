"""The history of a git repository made anew as blocks; names are the caller's to set.

Commits come parents first, so generation and counts are known as each is made. Memory doesn't grow
with the history: what ids became is in a `Scratch`. Follows ``specs/from-git.md`` §3 and §4.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from jiaozi_node.errors import LimitExceeded, Malformed
from jiaozi_node.formats import git_objects as g
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.formats.git_objects import GitTag
from jiaozi_node.node.git.saying import UNKNOWN, Saying
from jiaozi_node.node.git.source import Git, Objects, Ref, chunks
from jiaozi_node.node.git.trees import Made, Trees, submodules
from jiaozi_node.stores.api import BlockStore, Family
from jiaozi_node.stores.scratch import Scratch
from jiaozi_node.unixfs.build import DirectoryBuilder
from jiaozi_node.unixfs.profile import Profile
from jiaozi_node.versioning import commit as commits
from jiaozi_node.versioning import tag as tags
from jiaozi_node.versioning.agent import Agent
from jiaozi_node.versioning.commit import Commit, Stats
from jiaozi_node.versioning.refname import HEADS, TAGS, RefName
from jiaozi_node.versioning.tag import MAX_CHAIN, Tag
from jiaozi_node.versioning.workingcopies import Head

_FAMILIES = {b"refs/heads/": HEADS, b"refs/tags/": TAGS}
_GENERATION_BYTES = 8


class CantTake(Malformed):
    """Something of git's that no block or ref of ours can hold; *what* names it."""

    def __init__(self, what: str, fault: Malformed) -> None:
        super().__init__(f"{what}: {fault}")
        self.what, self.fault = what, fault


@dataclass(frozen=True, slots=True)
class History:
    """What an import made: *refs* with their targets, where *head* stands and its *tree*.

    *empty* is the tree of nothing. *told* counts what had to be said otherwise, *left_out* names
    the tags that can't be.
    """

    refs: Mapping[RefName, Cid]
    head: Head
    tree: Cid | None
    empty: Cid
    commits: int
    told: "Counter[str]"
    left_out: tuple[str, ...]


def import_history(
    git: Git,
    store: BlockStore,
    profile: Profile,
    branch: str | None,
    progress: Callable[[int, int], None],
    warn: Callable[[str], None],
) -> History:
    """Write every commit, tree and tag of *git*; all are durable when this returns.

    HEAD is to be on *branch* if it is given. The caller holds the act's lease until names lead to
    the blocks. Raises `CantTake`, and what reading raises.
    """
    refs = _named(git.refs(warn))
    head_ref, head_commit = git.head()
    with store.writer(Family.OWN) as writer, git.objects() as objects, Scratch() as scratch:
        job = _Job(objects, profile, scratch)
        job.trees = Trees(objects, profile, scratch, writer.put, store.get, progress)
        job.read_tags([ref for _name, ref in refs if ref.kind == "tag"])
        tips = [ref.oid for _name, ref in refs if ref.kind == "commit"]
        tips += [tag.object for tag in job.tags.values() if tag.kind == "commit"]
        if head_commit is not None:
            tips.append(head_commit)
        for chunk in chunks(git.commits(dict.fromkeys(tips)) if tips else ()):
            for oid, data in list(objects.each(chunk, "commit")):
                job.commit(oid, data)
        targets: dict[RefName, Cid] = {}
        left_out: list[str] = []
        for name, ref in refs:
            target = job.target(ref)
            if target is not None:
                targets[name] = target
            elif name.family == HEADS:
                raise Malformed(f"branch {name.name!r} of the git repository names a {ref.kind}")
            else:
                left_out.append(name.name)
        at = None if head_commit is None else job.made(head_commit)
        head = _head(head_ref, at, branch, targets)
        blocks, empty = DirectoryBuilder(profile).end()
        for block in blocks:
            job.trees.put(block)
        job.trees.flush()
    at = head.commit if head.ref is None else targets.get(head.ref)
    tree = None if at is None else commits.decode(store.get(at)).tree
    told, left = job.told, tuple(left_out)
    return History(targets, head, tree, empty.cid, job.count, told, left)


def _named(refs: list[Ref]) -> list[tuple[RefName, Ref]]:
    """Return *refs* under our names; raises `CantTake` for one that we don't allow."""
    out: list[tuple[RefName, Ref]] = []
    for ref in refs:
        family, name = next(
            (ours, ref.name.removeprefix(theirs))
            for theirs, ours in _FAMILIES.items()
            if ref.name.startswith(theirs)
        )
        try:
            out.append((RefName(family, name.decode("utf-8", "surrogateescape")), ref))
        except Malformed as fault:
            what = "branch" if family == HEADS else "tag"
            raise CantTake(f"a {what} of the git repository, to be renamed there", fault) from None
    return out


def _head(
    ref: bytes | None, commit: Cid | None, branch: str | None, targets: Mapping[RefName, Cid]
) -> Head:
    """Return where HEAD is to be: on *branch* if asked for, else where git's is."""
    if branch is not None:
        if RefName.branch(branch) not in targets:
            raise Malformed(f"the git repository has no branch {branch!r}")
        return Head(branch)
    if ref is not None and ref.startswith(b"refs/heads/"):
        try:
            return Head(ref.removeprefix(b"refs/heads/").decode("utf-8", "surrogateescape"))
        except Malformed as fault:
            raise CantTake("the branch that git's HEAD is on", fault) from None
    return Head(None, commit)


@dataclass(slots=True)
class _Job:
    """One import under way."""

    objects: Objects
    profile: Profile
    scratch: Scratch
    told: "Counter[str]" = field(default_factory=Counter)
    tags: dict[bytes, GitTag] = field(default_factory=dict)
    count: int = 0
    trees: Trees = field(init=False)
    saying: Saying = field(init=False)

    def __post_init__(self) -> None:
        self.saying = Saying(self.told)

    def commit(self, oid: bytes, data: bytes) -> None:
        """Make a commit whose parents are made."""
        try:
            theirs = g.commit(data)
            made = self.trees.tree(theirs.tree)
            said, kept = self.saying.of_commit(oid, theirs)
            modules = self.trees.modules(theirs.tree)
            if modules:
                kept["submodules"] = submodules(modules)
                self.told["commits with submodules, which stand as empty directories"] += 1
            parents = [self._parent(parent) for parent in theirs.parents]
            ours = Commit(
                tree=Cid(made.cid),
                parents=tuple([cid for cid, _generation in parents]),
                profile=self.profile.name,
                generation=1 + max([generation for _cid, generation in parents], default=0),
                meta={"git": kept},
                stats=Stats(made.files, made.size),
                **said,
            )
            block = commits.encode(ours)
        except Malformed as fault:
            raise CantTake(f"git commit {oid.hex()}", fault) from None
        self.trees.put(block)
        number = ours.generation.to_bytes(_GENERATION_BYTES, "big")
        self.scratch.put(b"c" + oid, number + block.cid.raw)
        self.count += 1

    def made(self, oid: bytes) -> Cid:
        """Return what the commit *oid* became."""
        return self._parent(oid)[0]

    def _parent(self, oid: bytes) -> tuple[Cid, int]:
        found = self.scratch.get(b"c" + oid)
        if found is None:
            raise Malformed(f"its parent {oid.hex()} is not behind it in git's own order")
        number = int.from_bytes(found[:_GENERATION_BYTES], "big")
        return Cid(found[_GENERATION_BYTES:]), number

    # ---- tags ------------------------------------------------------------------------------

    def read_tags(self, refs: list[Ref]) -> None:
        """Read every tag of *refs* and those that they name."""
        waiting = list(dict.fromkeys(ref.oid for ref in refs))
        while waiting:
            for chunk in chunks(waiting):
                for oid, data in list(self.objects.each(chunk, "tag")):
                    try:
                        self.tags[oid] = g.tag(data)
                    except Malformed as fault:
                        raise CantTake(f"git tag {oid.hex()}", fault) from None
            below = [tag.object for tag in self.tags.values() if tag.kind == "tag"]
            waiting = [oid for oid in dict.fromkeys(below) if oid not in self.tags]

    def target(self, ref: Ref) -> Cid | None:
        """Return what a ref points at here, None for what it can't."""
        if ref.kind == "commit":
            return self.made(ref.oid)
        if ref.kind == "tag":
            found = self._tag(ref.oid)
            return None if found is None else found[0].cid
        return None

    def _tag(self, oid: bytes) -> tuple[Block, Tag] | None:
        """Return the tag *oid* as ours; its chain is as long as git has it, 16 at most."""
        chain = [oid]
        while self.tags[chain[-1]].kind == "tag":
            if len(chain) == MAX_CHAIN:
                raise CantTake(
                    f"git tag {oid.hex()}",
                    LimitExceeded("chain of tags", MAX_CHAIN, len(chain) + 1, "tags"),
                )
            chain.append(self.tags[chain[-1]].object)
        last = self.tags[chain[-1]]
        otherwise = Agent(UNKNOWN), 0
        if last.kind == "commit":
            target = self.made(last.object)
            block = self._stored(target)
            named = commits.decode(block)
            tree, otherwise = named.tree, (named.committer or named.author, named.time)
        elif last.kind == "tree":
            target = tree = Cid(self._directory(oid, last.object).cid)
        else:
            return None
        made: tuple[Block, Tag] | None = None
        for at in reversed(chain):
            theirs = self.tags[at]
            try:
                said, kept = self.saying.of_tag(at, theirs, otherwise)
                name = theirs.name.decode("utf-8", "surrogateescape")
                tag = Tag(target, tree, name, extra={"git": kept}, **said)
                block = tags.encode(tag)
            except Malformed as fault:
                raise CantTake(f"git tag {at.hex()}", fault) from None
            self.trees.put(block)
            target, made = block.cid, (block, tag)
        return made

    def _stored(self, cid: Cid) -> Block:
        self.trees.flush()
        return self.trees.get(cid)

    def _directory(self, tag: bytes, tree: bytes) -> Made:
        try:
            return self.trees.tree(tree)
        except Malformed as fault:
            raise CantTake(f"git tag {tag.hex()}", fault) from None
