"""Verification finds every bad link, names where it is, and nothing else."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiaozi_node.dag.walk import stream
from jiaozi_node.formats import dag_cbor, dag_pb, unixfs_pb
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import DAG_CBOR, DAG_PB, Cid
from jiaozi_node.formats.keys import PrivateKey
from jiaozi_node.stores.verify import checked
from jiaozi_node.unixfs import blocks as unixfs
from jiaozi_node.unixfs.build import DirectoryBuilder
from jiaozi_node.unixfs.node import FILE, Node
from jiaozi_node.versioning import commit as commits
from jiaozi_node.versioning import signing
from jiaozi_node.versioning import tag as tags
from jiaozi_node.versioning import verification as module
from jiaozi_node.versioning.commit import Commit
from jiaozi_node.versioning.signing import Ed25519Signer
from jiaozi_node.versioning.tag import Tag
from jiaozi_node.versioning.tree_check import Finding, Kind
from jiaozi_node.versioning.verification import Verification
from tests.versioning import trees
from tests.versioning.histories import ADA
from tests.versioning.trees import FLAT, SHARDED, Trees

ONE, TWO = (Ed25519Signer.of(PrivateKey(bytes([n]) * 32)) for n in (1, 2))


class Store(Trees):
    """Blocks that are hashed on the way out, as every store of ours does."""

    def get(self, cid: Cid) -> Block:
        return checked(cid, super().get(cid).data)

    def commit(self, tree: Cid, *parents: Cid, **fields: Any) -> Cid:
        known = [commits.decode(self.get(parent)) for parent in parents]
        made = Commit(tree, parents, "p", ADA, 0, "m", commits.generation_above(known))
        return self.sealed(replace(made, **fields))

    def sealed(self, value: Commit | Tag, *signers: Ed25519Signer) -> Cid:
        if isinstance(value, Commit):
            block = commits.encode(signing.sign(value, signers) if signers else value)
        else:
            block = tags.encode(signing.sign(value, signers) if signers else value)
        self.put([block])
        return block.cid

    def found(self, tip: Cid, name: str | None = None, **options: Any) -> list[Finding]:
        return list(stream(Verification(**options).of(tip, name), self.get))


@pytest.fixture
def store() -> Store:
    return Store()


def one(found: list[Finding]) -> tuple[str, Cid, Kind]:
    assert len(found) == 1, found
    return found[0][:3]


# ---- blocks ------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(trees.trees(), trees.trees(), st.sampled_from([FLAT, SHARDED]))
def test_every_block_that_goes_or_rots_is_found_where_it_stands(
    older: trees.Tree, newer: trees.Tree, profile: Any
) -> None:
    store = Store()
    first = store.commit(store.tree(older, profile))
    tip = store.commit(store.tree(newer, profile), first)
    assert store.found(tip, deep=True) == []
    whole = dict(store.held)
    for cid, block in whole.items():
        del store.held[cid]
        assert [(f.cid, f.kind) for f in store.found(tip, deep=True)] == [(cid, Kind.MISSING)]
        store.held[cid] = Block(cid, block.data + b"x")
        link, at, kind = one(store.found(tip, deep=True))
        assert (at, kind) == (cid, Kind.DAMAGED)
        assert link.startswith((str(tip), str(first)))
        store.held[cid] = block


def test_a_link_is_a_path_that_leads_to_it(store: Store) -> None:
    deep = {"d": {"e": b"old"}}
    first = store.commit(store.tree(deep))
    tip = store.commit(store.tree({"d": {"e": b"new", "f": b"x"}}), first)
    lost = store.add(b"new", FLAT).cid
    del store.held[lost]
    assert one(store.found(tip)) == (f"{tip}/tree/d/e", lost, Kind.MISSING)
    store.add(b"new", FLAT)
    lost = store.add(b"old", FLAT).cid
    del store.held[lost]
    assert store.found(tip) == []
    assert one(store.found(tip, deep=True)) == (f"{first}/tree/d/e", lost, Kind.MISSING)
    del store.held[first]
    assert one(store.found(tip)) == (f"{tip}/parents/0", first, Kind.MISSING)


def test_a_block_held_by_many_is_told_once(store: Store) -> None:
    tree = store.tree({"a": b"same", "b": b"same", "c": {"d": b"same"}})
    tip = store.commit(tree, store.commit(tree))
    del store.held[store.add(b"same", FLAT).cid]
    assert len(store.found(tip, deep=True)) == 1


def test_a_directory_of_no_commit_is_verified_alone(store: Store) -> None:
    tree = store.tree({"a": b"a"})
    assert store.found(tree) == []
    lost = store.add(b"a", FLAT).cid
    del store.held[lost]
    assert one(store.found(tree)) == (f"{tree}/a", lost, Kind.MISSING)


def directory(store: Store, entries: dict[str, Cid]) -> Cid:
    builder = DirectoryBuilder(FLAT)
    for name, cid in entries.items():
        builder.add(name, Node(cid, 1, FILE, 1))
    return store.keep(builder.end()).cid


def part(data: bytes, declared: int, child: Cid) -> Block:
    """A file block of one part, which is said to have *declared* bytes."""
    message = unixfs_pb.UnixFs(unixfs_pb.FILE, data, declared, (declared,))
    node = dag_pb.PbNode((dag_pb.PbLink(child, "", declared),), unixfs_pb.encode(message))
    return Block.of(dag_pb.encode(node), DAG_PB)


def test_blocks_that_are_not_the_unixfs_they_must_be_are_named(store: Store) -> None:
    other = Block.of(dag_cbor.encode({"x": 1}), DAG_CBOR)
    store.put([other])
    tip = store.commit(directory(store, {"a": other.cid}))
    assert one(store.found(tip)) == (f"{tip}/tree/a", other.cid, Kind.BROKEN)
    lying = part(b"", 9, store.add(b"xyz", FLAT).cid)
    store.put([lying])
    tip = store.commit(directory(store, {"big": lying.cid}))
    link, _cid, kind = one(store.found(tip))
    assert (link, kind) == (f"{tip}/tree/big", Kind.BROKEN)
    assert "9" in store.found(tip)[0].what
    tip = store.commit(lying.cid)
    assert one(store.found(tip)) == (f"{tip}/tree", lying.cid, Kind.BROKEN)


def test_a_sharded_directory_with_a_name_in_a_wrong_place_is_named(store: Store) -> None:
    names = [f"a rather long name {at}" for at in range(6)]
    root = store.get(store.tree(dict.fromkeys(names, b"x"), SHARDED))
    assert unixfs.parse(root).message.type == unixfs_pb.HAMT_SHARD
    wrong = next(name.encode() for name in names if name.encode() in root.data)
    bad = Block.of(root.data.replace(wrong, b"A" + wrong[1:]), DAG_PB)
    store.put([bad])
    tip = store.commit(bad.cid)
    assert one(store.found(tip)) == (f"{tip}/tree", bad.cid, Kind.BROKEN)


def test_a_tree_too_deep_is_named(store: Store) -> None:
    tree: trees.Tree = {}
    for _ in range(256):
        tree = {"d": tree}
    assert store.found(store.tree(tree)) == []
    assert "256" in store.found(store.tree({"d": tree}))[0].what


# ---- commits and tags --------------------------------------------------------------------


def test_a_generation_that_lies_is_named(store: Store) -> None:
    tree = store.tree({})
    first = store.commit(tree)
    wrong = store.commit(tree, first, generation=7)
    tip = store.commit(tree, wrong)
    assert one(store.found(tip)) == (f"{wrong}/generation", wrong, Kind.GENERATION)
    low = store.commit(tree, tip, generation=2)
    del store.held[first]
    kinds = [found.kind for found in store.found(store.commit(tree, low))]
    # What stands on a commit that isn't here can't be too high, only too low.
    assert kinds == [Kind.GENERATION, Kind.MISSING]


def test_a_block_that_breaks_the_schema_is_named_with_its_field(store: Store) -> None:
    tree = store.tree({})
    first = store.commit(tree)
    value = commits.to_map(commits.decode(store.get(first)))
    for change, kind, told in (
        ({"message": 5}, Kind.BROKEN, "message"),
        ({"v": 2}, Kind.NEWER, "version 2"),
        ({"type": "other"}, Kind.BROKEN, "type"),
    ):
        block = Block.of(dag_cbor.encode({**value, **change}), DAG_CBOR)
        store.put([block])
        above = Commit(tree, (block.cid,), "p", ADA, 0, "m", 2)
        tip = store.sealed(above)
        assert one(store.found(tip)) == (f"{tip}/parents/0", block.cid, kind)
        assert told in store.found(tip)[0].what


def test_two_decoders_that_do_not_agree_are_told(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    tip = store.commit(store.tree({}))
    monkeypatch.setattr(module, "agrees", lambda _data: False)
    assert one(store.found(tip)) == (str(tip), tip, Kind.BROKEN)


def test_a_tag_is_verified_with_its_commit(store: Store) -> None:
    tree = store.tree({"a": b"a"})
    commit = store.commit(tree)
    tag = store.sealed(Tag(commit, tree, "v1", ADA, 0, ""))
    chained = store.sealed(Tag(tag, tree, "v2", ADA, 0, ""))
    assert store.found(chained, "v2") == []
    assert one(store.found(tag, "v9"))[2] is Kind.BROKEN
    assert "'v9'" in store.found(tag, "v9")[0].what
    lying = store.sealed(Tag(commit, store.tree({}), "v1", ADA, 0, ""))
    assert "tree of the tag" in store.found(lying)[0].what
    on_tree = store.sealed(Tag(tree, tree, "data", ADA, 0, ""))
    assert store.found(on_tree) == []
    lost = store.add(b"a", FLAT).cid
    del store.held[lost]
    assert one(store.found(on_tree)) == (f"{on_tree}/tree/a", lost, Kind.MISSING)
    assert one(store.found(chained)) == (f"{commit}/tree/a", lost, Kind.MISSING)
    del store.held[commit]
    assert one(store.found(chained)) == (f"{tag}/object", commit, Kind.MISSING)
    below = store.sealed(Commit(store.tree({}), (tag,), "p", ADA, 0, "m", 2))
    assert "not a commit" in store.found(below)[0].what


def test_a_chain_of_too_many_tags_ends(store: Store) -> None:
    tree = store.tree({})
    at = store.commit(tree)
    for number in range(17):
        at = store.sealed(Tag(at, tree, f"v{number}", ADA, 0, ""))
    assert "chain of more than 16" in store.found(at)[0].what


# ---- signatures --------------------------------------------------------------------------


def signed(store: Store, *signers: Ed25519Signer, **fields: Any) -> Cid:
    plain = replace(Commit(store.tree({}), (), "p", ADA, 0, "m", 1), **fields)
    return store.sealed(plain, *signers)


@pytest.mark.parametrize(
    "change", [{"message": "x"}, {"time": 1}, {"extra": {"x": 1}}, {"meta": {"x": 1}}], ids=str
)
def test_a_field_changed_since_it_was_signed_is_told(store: Store, change: dict[str, Any]) -> None:
    good = signed(store, ONE)
    assert store.found(good) == []
    bad = store.sealed(replace(commits.decode(store.get(good)), **change))
    assert one(store.found(bad)) == (f"{bad}/sig", bad, Kind.SIGNATURE)
    assert ONE.key in store.found(bad)[0].what
    assert "changed" in store.found(bad)[0].what
    tip = store.sealed(Commit(store.tree({}), (bad,), "p", ADA, 0, "m", 2))
    assert one(store.found(tip)) == (f"{bad}/sig", bad, Kind.SIGNATURE)


def test_a_signature_under_another_key_is_told_with_that_key(store: Store) -> None:
    good = commits.decode(store.get(signed(store, ONE)))
    bad = store.sealed(replace(good, sig=(replace(good.sig[0], key=TWO.key),)))
    assert store.found(bad)[0].kind is Kind.SIGNATURE
    assert TWO.key in store.found(bad)[0].what


def test_a_signature_made_for_another_type_is_told_as_that(store: Store) -> None:
    """A block that is tag and commit at once, but for its type: unknown keys are allowed."""
    tree = store.tree({})
    both = {"parents": (), "profile": "p", "author": {"name": "Ada"}, "generation": 1}
    tag = Tag(tree, tree, "v1", ADA, 0, "m", extra=both)
    made = signing.sign(tag, (ONE,))
    assert store.found(store.sealed(made)) == []
    extra = {"object": tree, "name": "v1", "tagger": tags.to_map(tag)["tagger"]}
    swapped = Commit(tree, (), "p", replace(ADA, name="Ada", email=None), 0, "m", 1, extra=extra)
    bad = store.sealed(replace(swapped, sig=made.sig))
    assert store.found(bad)[0].kind is Kind.SIGNATURE
    what = store.found(bad)[0].what
    assert "made for a jiaozi/tag, not for a jiaozi/commit" in what


def test_an_algorithm_that_is_not_known_is_never_good(store: Store) -> None:
    good = commits.decode(store.get(signed(store, ONE)))
    other = store.sealed(replace(good, sig=(replace(good.sig[0], alg="ed448"),)))
    assert "'ed448'" in store.found(other)[0].what


def test_a_key_that_is_not_trusted_is_named(store: Store) -> None:
    tip = signed(store, ONE)
    trusts_one, trusts_two = frozenset([ONE.key]), frozenset([TWO.key])
    assert store.found(tip, trusted=trusts_one) == []
    assert one(store.found(tip, trusted=trusts_two)) == (f"{tip}/sig", tip, Kind.FOREIGN)
    assert ONE.key in store.found(tip, trusted=trusts_two)[0].what
    both = signed(store, ONE, TWO)
    assert store.found(both, trusted=trusts_two) == []


def test_with_keys_to_trust_what_is_named_must_be_signed(store: Store) -> None:
    trusted = frozenset([ONE.key])
    first = store.commit(store.tree({}))
    assert one(store.found(first, trusted=trusted)) == (str(first), first, Kind.UNSIGNED)
    # The tip's signature covers the CIDs of all before it.
    tip = store.sealed(Commit(store.tree({}), (first,), "p", ADA, 0, "m", 2), ONE)
    assert store.found(tip, trusted=trusted) == []
    tag = store.sealed(Tag(first, store.tree({}), "v1", ADA, 0, ""), ONE)
    assert store.found(tag, "v1", trusted=trusted) == []
    foreign = store.sealed(Commit(store.tree({}), (), "p", ADA, 0, "m", 1), TWO)
    tip = store.sealed(Commit(store.tree({}), (foreign,), "p", ADA, 0, "m", 2), ONE)
    assert one(store.found(tip, trusted=trusted)) == (f"{foreign}/sig", foreign, Kind.FOREIGN)
