"""Paths: their texts as Kubo reads them, and their way across codecs."""

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.dag.walk import run
from jiaozi_node.errors import JiaoziError, LimitExceeded, NotFound
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import codecs, dag_pb
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid, InvalidCid
from jiaozi_node.formats.dag_pb import PbLink, PbNode
from jiaozi_node.formats.depth import Value
from jiaozi_node.unixfs import resolve as r
from jiaozi_node.unixfs.directory import EntryMissing
from jiaozi_node.unixfs.profile import named
from jiaozi_node.unixfs.resolve import Path, Resolved, resolve
from tests.blocks import Blocks

V1 = named("unixfs-v1-2025")
ROOT = "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"
CID = Cid.parse(ROOT)


def boxed(value: Value, store: Blocks, codec: int = c.DAG_CBOR) -> Cid:
    block = Block.of(codecs.encode(codec, value), codec)
    store.put([block])
    return block.cid


def follow(text: str, store: Blocks) -> Resolved:
    return run(resolve(Path.parse(text)), store.get)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (f"/ipfs/{ROOT}", ()),
        (ROOT, ()),
        (f"{ROOT}/", ()),
        (f"/ipfs/{ROOT}/a/b", ("a", "b")),
        (f"{ROOT}/a/b", ("a", "b")),
        (f"ipfs://{ROOT}/a", ("a",)),
        (f"ipfs:{ROOT}/a", ("a",)),
        (f"IPFS://{ROOT}/a", ("a",)),
        (f"/ipfs/{ROOT}//a/./b/", ("a", "b")),
        (f"/ipfs/{ROOT}/a/../b", ("b",)),
        (f"/ipfs/{ROOT}/a%2Fb c?d#e", ("a%2Fb c?d#e",)),
        (f"/ipfs/{ROOT}/\udcff", ("\udcff",)),
    ],
)
def test_texts_of_paths(text: str, parts: tuple[str, ...]) -> None:
    """As boxo's path.NewPathFromURI cleans them; percent signs mean nothing."""
    assert Path.parse(text) == Path(CID, parts)


@pytest.mark.parametrize(
    "text", ["", "/", "/ipfs", "/ipfs/", f"/{ROOT}", f"/ipfs/{ROOT}/..", "/files/x/y", "ipfs:"]
)
def test_what_is_no_path(text: str) -> None:
    with pytest.raises((r.InvalidPath, InvalidCid)):
        Path.parse(text)


@pytest.mark.parametrize("text", [f"/ipfs/{ROOT}/../x", "/ipfs/x/y", "hello"])
def test_what_is_no_cid(text: str) -> None:
    with pytest.raises(InvalidCid):
        Path.parse(text)


def test_names_are_resolved_elsewhere() -> None:
    with pytest.raises(r.MutablePath):
        Path.parse("/ipns/example.org/a")
    assert r.split("ipns://example.org/a") == ("ipns", ("example.org", "a"))


def test_paths_are_bounded() -> None:
    assert len(Path.parse(f"{ROOT}" + "/a" * r.MAX_PARTS).parts) == r.MAX_PARTS
    with pytest.raises(LimitExceeded):
        Path.parse(f"{ROOT}" + "/a" * (r.MAX_PARTS + 1))
    with pytest.raises(LimitExceeded):
        Path.parse(f"{ROOT}/" + "a" * r.MAX_TEXT_BYTES)


@given(st.text(max_size=60))
def test_any_text_is_a_path_or_one_line_of_error(text: str) -> None:
    for candidate in (text, f"/ipfs/{ROOT}/{text}", f"{ROOT}{text}"):
        with suppress(JiaoziError):
            assert Path.parse(str(Path.parse(candidate))) == Path.parse(candidate)


@pytest.mark.parametrize("codec", [c.DAG_CBOR, c.DAG_JSON])
def test_across_a_commit_into_unixfs(codec: int) -> None:
    store = Blocks()
    file = store.add(b"old text", V1)
    tree = store.directory({"sub": store.directory({"b.txt": file}, V1)}, V1)
    first = boxed({"tree": tree.cid, "parents": [], "message": "one"}, store, codec)
    second = boxed({"tree": tree.cid, "parents": [first], "message": "two"}, store, codec)
    path = f"/ipfs/{second}/parents/0/tree/sub/b.txt"
    found = follow(path, store)
    assert found.cid == file.cid
    assert found.remainder == ()
    assert found.above[:3] == (second, first, tree.cid)
    assert follow(f"{second}/message", store) == Resolved(second, ("message",))
    assert follow(f"{second}/parents", store) == Resolved(second, ("parents",))
    assert follow(f"{second}/parents/0", store).cid == first
    assert follow(f"{second}/parents/0/message", store) == Resolved(first, ("message",), (second,))
    assert follow(f"{second}", store) == Resolved(second)


def test_the_last_block_is_not_fetched() -> None:
    store = Blocks()
    file = store.add(b"content", V1)
    root = store.directory({"a": file}, V1)
    del store.held[file.cid]
    assert follow(f"{root.cid}/a", store).cid == file.cid


def test_through_a_hamt() -> None:
    store = Blocks()
    profile = replace(V1, hamt_threshold=1)
    file = store.add(b"x", profile)
    root = store.directory({f"{at}": file for at in range(1000)}, profile)
    found = follow(f"{root.cid}/777", store)
    assert found == Resolved(file.cid, (), (root.cid,))


@pytest.mark.parametrize(
    "below",
    [
        "dir/nope",
        "dir/Links",
        "dir/f/x",
        "dir/raw/x",
        "list/9",
        "list/-1",
        "list/x",
        "list/²",
        "nope",
        "text/x",
        "none/x",
        "list/0/x",
    ],
)
def test_what_is_not_there(below: str) -> None:
    store = Blocks()
    v0 = named("kubo")
    directory = store.directory({"f": store.add(b"f", v0), "raw": store.add(b"r", V1)}, v0)
    root = boxed({"dir": directory.cid, "list": [1], "text": "t", "none": None}, store)
    with pytest.raises(NotFound) as caught:
        follow(f"{root}/{below}", store)
    assert "no link named" in str(caught.value)


def test_dag_pb_that_is_no_unixfs_goes_by_link_names() -> None:
    store = Blocks()
    leaf = store.add(b"x", V1)
    block = Block.of(dag_pb.encode(PbNode((PbLink(leaf.cid, "n", 1),), b"\xff")), c.DAG_PB)
    store.put([block])
    assert follow(f"{block.cid}/n", store).cid == leaf.cid
    with pytest.raises(EntryMissing):
        follow(f"{block.cid}/Links", store)


def test_ipld_paths_see_the_fields_of_dag_pb() -> None:
    store = Blocks()
    leaf = store.add(b"x", V1)
    root = store.directory({"n": leaf}, V1)
    assert follow(f"/ipld/{root.cid}/Links/0/Name", store).remainder == ("Links", "0", "Name")
    assert follow(f"ipld://{root.cid}/Links/0/Hash", store).cid == leaf.cid


def test_numbers_may_have_zeros_before_them() -> None:
    """Kubo reads 00 as 0."""
    store = Blocks()
    root = boxed([1, 2], store)
    assert follow(f"{root}/01", store).remainder == ("01",)
