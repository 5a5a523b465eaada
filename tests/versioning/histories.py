"""Commits for tests: made in a line of code, kept in a dictionary, and as hypothesis strategies."""

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import DAG_CBOR, DAG_PB, Cid
from jiaozi_node.stores.api import BlockMissing
from jiaozi_node.versioning import commit as commits
from jiaozi_node.versioning import fields
from jiaozi_node.versioning.agent import Agent
from jiaozi_node.versioning.commit import Commit, Stats
from jiaozi_node.versioning.signature import Signature
from jiaozi_node.versioning.tag import Tag

TREE = Block.of(b"\n\x02\x08\x01", DAG_PB).cid
ADA = Agent("Ada Lovelace", "ada@example.org")


class Histories:
    """Blocks of commits by CID, and what reads them."""

    def __init__(self) -> None:
        self.blocks: dict[Cid, Block] = {}
        self.commits: dict[Cid, Commit] = {}
        self.asked: list[Cid] = []

    def get(self, cid: Cid) -> Block:
        self.asked.append(cid)
        if cid not in self.blocks:
            raise BlockMissing(cid)
        return self.blocks[cid]

    def put(self, block: Block) -> Cid:
        self.blocks[block.cid] = block
        return block.cid

    def commit(
        self,
        message: str,
        *parents: Cid,
        time: int = 0,
        generation: int | None = None,
        tree: Cid = TREE,
    ) -> Cid:
        if generation is None:
            generation = commits.generation_above(self.commits[parent] for parent in parents)
        commit = Commit(tree, parents, "unixfs-v1-2025", ADA, time, message, generation)
        cid = self.put(commits.encode(commit))
        self.commits[cid] = commit
        return cid

    def line(self, length: int) -> list[Cid]:
        """Make *length* commits, each on the one before; oldest first."""
        made: list[Cid] = []
        for at in range(length):
            made.append(self.commit(f"c{at}", *made[-1:], time=at))
        return made

    def ancestors(self, tips: Sequence[Cid]) -> set[Cid]:
        """All of *tips* and their ancestors, the naive way."""
        found: set[Cid] = set()
        waiting = list(tips)
        while waiting:
            cid = waiting.pop()
            if cid not in found:
                found.add(cid)
                waiting.extend(self.commits[cid].parents)
        return found


@st.composite
def dags(draw: st.DrawFn) -> tuple[Histories, list[Cid]]:
    """A history of up to 24 commits with merges, times that mean nothing, and its commits."""
    histories = Histories()
    made: list[Cid] = []
    for at in range(draw(st.integers(1, 24))):
        some = st.sampled_from(made) if made else st.nothing()
        parents = draw(st.lists(some, max_size=min(3, len(made)), unique=True))
        made.append(histories.commit(f"c{at}", *parents, time=draw(st.integers(0, 5))))
    return histories, made


def texts(most: int = 20, least: int = 0) -> st.SearchStrategy[str]:
    return st.text(st.characters(exclude_categories=["Cs"]), min_size=least, max_size=most)


def people(most: int = 20) -> st.SearchStrategy[str]:
    """Names and addresses that §3.2 allows."""
    allowed = st.characters(
        exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="<>", max_codepoint=0x1FFFF
    )
    return st.text(allowed, min_size=1, max_size=most).filter(lambda text: text == text.strip())


def version_cids() -> st.SearchStrategy[Cid]:
    """CIDs that commits can have."""
    return st.binary(min_size=32, max_size=32).map(lambda raw: Cid(b"\x01\x71\x12\x20" + raw))


def plain(floats: bool) -> st.SearchStrategy[Any]:
    """Values for `meta` and unknown keys, as the frozen ones compare."""
    scalars = [
        st.booleans(),
        st.integers(fields.MIN_INT, fields.MAX_INT),
        texts(),
        st.binary(max_size=20),
        version_cids(),
    ]
    if floats:
        scalars.append(st.floats(allow_nan=False, allow_infinity=False))
    return st.recursive(
        st.one_of(scalars),
        lambda child: (
            st.lists(child, max_size=3).map(tuple) | st.dictionaries(texts(8), child, max_size=3)
        ),
        max_leaves=4,
    )


def unknown() -> st.SearchStrategy[Mapping[str, Any]]:
    """Keys that no schema of ours names."""
    return st.dictionaries(texts(8).map(lambda key: "x-" + key), plain(False), max_size=2)


def agents() -> st.SearchStrategy[Agent]:
    ids = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=20)
    return st.builds(Agent, people(), st.none() | people(), st.none() | ids, unknown())


def signatures() -> st.SearchStrategy[tuple[Signature, ...]]:
    one = st.builds(
        Signature,
        st.text("abcXYZ123", max_size=9).map(lambda text: "did:key:z" + text),
        st.sampled_from(["x", "secp256k1", "bls12-381"]),
        st.binary(min_size=1, max_size=80),
        unknown(),
    )
    sets = st.lists(one, max_size=3, unique_by=lambda signature: signature.key)
    return sets.map(lambda found: tuple(sorted(found, key=lambda signature: signature.key)))


TIMES = st.integers(fields.MIN_TIME_S, fields.MAX_TIME_S)
MESSAGES = texts(60).filter(lambda text: "\0" not in text)
SIZES = st.integers(0, fields.MAX_INT)


def _commit(generation: int, parents: list[Cid], **kept: Any) -> Commit:
    return Commit(TREE, tuple(parents), generation=generation if parents else 1, **kept)


def any_commits() -> st.SearchStrategy[Commit]:
    """Commits with any fields that the schema allows."""
    return st.builds(
        _commit,
        st.integers(2, commits.MAX_GENERATION),
        st.lists(version_cids(), max_size=3, unique=True),
        profile=st.sampled_from(["unixfs-v1-2025", "unixfs-v0-2015+mode", "x"]),
        author=agents(),
        time=TIMES,
        message=MESSAGES,
        committer=st.none() | agents(),
        tz=st.none() | st.integers(-1440, 1440),
        authored=st.none() | TIMES,
        prov=st.lists(version_cids(), max_size=2, unique=True).map(tuple),
        meta=st.dictionaries(texts(8), plain(True), max_size=2),
        stats=st.none() | st.builds(Stats, SIZES, SIZES, unknown()),
        sig=signatures(),
        extra=unknown(),
    )


def any_tags() -> st.SearchStrategy[Tag]:
    """Tags with any fields that the schema allows."""
    return st.builds(
        Tag,
        version_cids(),
        st.just(TREE),
        st.sampled_from(["v1", "release/2026-07", "数据"]),
        agents(),
        TIMES,
        MESSAGES,
        signatures(),
        unknown(),
    )


OTHER = Block.of(b"\xa0", DAG_CBOR).cid
