"""A version verified from its tip down: blocks, schema, generations, signatures, trees.

The walk goes by falling generation, so the first bad link that it yields is the nearest to the tip.
Blocks of ours are read by two decoders, which must agree. A trusted signature on the tip vouches
for all below it, as each block holds the hashes of those before; so with keys to trust the tip must
have one, and further down only keys that aren't trusted are told of, not the lack of any.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush

from jiaozi_node.dag.walk import Lookup, Walk
from jiaozi_node.errors import Malformed
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import DAG_PB, Cid
from jiaozi_node.formats.second_opinion import agrees
from jiaozi_node.versioning import commit as commits
from jiaozi_node.versioning import fields, history, signing
from jiaozi_node.versioning import tag as tags
from jiaozi_node.versioning.commit import Commit
from jiaozi_node.versioning.signing import Verdict
from jiaozi_node.versioning.tag import Tag
from jiaozi_node.versioning.tree_check import Finding, Kind, TreeCheck, obtained


@dataclass(slots=True)
class Tally:
    """How much was looked at."""

    commits: int = 0
    tags: int = 0
    signatures: int = 0
    blocks: int = 0
    size_bytes: int = 0


@dataclass(slots=True)
class Verification:
    """One verification; *trusted* are did:keys, None when nobody said whom to trust.

    *deep* takes in the tree of every commit, not only that of the tip. *saw* is told how many bytes
    each block had.
    """

    trusted: frozenset[str] | None = None
    deep: bool = False
    saw: Callable[[int], None] = lambda _size: None
    tally: Tally = field(default_factory=Tally)
    _trees: TreeCheck = field(init=False)
    _known: dict[Cid, int] = field(default_factory=dict)  # generations; 0 where it can't be told

    def __post_init__(self) -> None:
        self._trees = TreeCheck(self._see)

    def of(self, tip: Cid, name: str | None = None) -> Walk[Finding, None]:
        """Yield what is bad about *tip*, a commit, a tag or a directory, and all that it links.

        *name* is what a ref of tags calls it.
        """
        if tip.codec == DAG_PB:
            yield from self._trees.walk(tip, str(tip))
            return
        chain: list[Tag] = []
        cid, link = tip, str(tip)
        signed = False
        while True:
            found = yield from self._opened(cid, link)
            if isinstance(found, Finding):
                yield found
                return
            value, findings = found
            yield from findings
            signed = signed or bool(value.sig)
            if isinstance(value, Commit):
                break
            chain.append(value)
            if len(chain) > tags.MAX_CHAIN:
                what = f"a chain of more than {tags.MAX_CHAIN} tags"
                yield Finding(link, cid, Kind.BROKEN, what)
                return
            if value.object.codec == DAG_PB:
                break
            cid, link = value.object, f"{cid}/object"
        if self.trusted is not None and not signed:
            yield Finding(str(tip), tip, Kind.UNSIGNED, "it is not signed")
        if chain and name is not None and chain[0].name != name:
            what = f"the tag {name!r} is a block that calls itself {chain[0].name!r}"
            yield Finding(str(tip), tip, Kind.BROKEN, what)
        for one in chain:
            if one.tree != value.tree:
                what = f"tree of the tag {one.name!r} is not that of what it names"
                yield Finding(str(tip), tip, Kind.BROKEN, what)
        if isinstance(value, Commit):
            yield from self._history(cid, value)
        else:
            yield from self._trees.walk(value.tree, f"{cid}/tree")

    # ---- commits -------------------------------------------------------------------------

    def _history(self, tip: Cid, commit: Commit) -> Walk[Finding, None]:
        self._known.setdefault(tip, commit.generation)
        queue = [(-commit.generation, tip.raw, commit)]
        while queue:
            _, raw, commit = heappop(queue)
            cid = Cid(raw)
            if cid == tip or self.deep:
                yield from self._trees.walk(commit.tree, f"{cid}/tree")
            for at, parent in enumerate(commit.parents):
                if parent in self._known:
                    continue
                link = f"{cid}/parents/{at}"
                found = yield from self._opened(parent, link)
                if isinstance(found, Finding):
                    self._known[parent] = 0
                    yield found
                    continue
                value, findings = found
                yield from findings
                if isinstance(value, Commit):
                    self._known[parent] = value.generation
                    heappush(queue, (-value.generation, parent.raw, value))
                else:
                    self._known[parent] = 0
                    yield Finding(link, parent, Kind.BROKEN, f"{parent} is a tag, not a commit")
            yield from self._generation(cid, commit)

    def _generation(self, cid: Cid, commit: Commit) -> Walk[Finding, None]:
        parents = [self._known[parent] for parent in commit.parents]
        above = 1 + max(parents, default=0)
        found = commit.generation
        if found != above if all(parents) else found < above:
            what = str(commits.WrongGeneration(cid, found, above))
            yield Finding(f"{cid}/generation", cid, Kind.GENERATION, what)

    def _opened(self, cid: Cid, link: str) -> Lookup[tuple[Commit | Tag, list[Finding]] | Finding]:
        """Return the commit or tag *cid* with what its signatures come to."""
        block = yield from obtained(cid, link)
        if isinstance(block, Finding):
            return block
        self._see(len(block.data))
        try:
            value = history.opened(block)
        except fields.NewerSchema as fault:
            return Finding(link, cid, Kind.NEWER, str(fault))
        except Malformed as fault:
            return Finding(link, cid, Kind.BROKEN, str(fault))
        if not agrees(block.data):
            return Finding(link, cid, Kind.BROKEN, f"two decoders don't agree on {cid}")
        self.tally.commits += isinstance(value, Commit)
        self.tally.tags += isinstance(value, Tag)
        return value, self._signatures(block, value)

    # ---- signatures ----------------------------------------------------------------------

    def _signatures(self, block: Block, value: Commit | Tag) -> list[Finding]:
        out: list[Finding] = []
        link, cid = f"{block.cid}/sig", block.cid
        vouched = self._vouches(value)
        for one, verdict in signing.verify(value):
            self.tally.signatures += 1
            if verdict is Verdict.BAD:
                out.append(Finding(link, cid, Kind.SIGNATURE, signing.why_bad(value, one)))
            elif verdict is Verdict.UNKNOWN:
                what = f"the signature of {one.key} is {one.alg!r}, which can't be checked"
                out.append(Finding(link, cid, Kind.SIGNATURE, what))
            elif self.trusted is not None and one.key not in self.trusted and not vouched:
                what = f"it is signed by {one.key}, which is not trusted"
                out.append(Finding(link, cid, Kind.FOREIGN, what))
        return out

    def _vouches(self, value: Commit | Tag) -> bool:
        """Tell whether a trusted key signed *value*."""
        trusted = self.trusted or frozenset()
        return any(
            verdict is Verdict.GOOD and one.key in trusted for one, verdict in signing.verify(value)
        )

    def _see(self, size: int) -> None:
        self.tally.blocks += 1
        self.tally.size_bytes += size
        self.saw(size)
