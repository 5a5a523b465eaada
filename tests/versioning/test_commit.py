from dataclasses import replace

import dag_cbor as second_opinion
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiaozi_node.errors import LimitExceeded, Malformed, Refused
from jiaozi_node.formats import dag_cbor
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import DAG_CBOR, DAG_PB, Cid
from jiaozi_node.versioning import commit as commits
from jiaozi_node.versioning import tag as tags
from jiaozi_node.versioning.agent import Agent
from jiaozi_node.versioning.commit import Commit, WrongGeneration
from jiaozi_node.versioning.fields import SchemaBroken
from jiaozi_node.versioning.tag import Tag
from tests import strategies
from tests.outcome import outcome
from tests.versioning import histories
from tests.versioning.histories import ADA, TREE, Histories

ROOT = Commit(TREE, (), "unixfs-v1-2025", ADA, 0, "", 1)


@settings(max_examples=30)
@given(histories.any_commits())
def test_a_commit_comes_back_as_it_was_written(commit: Commit) -> None:
    block = commits.encode(commit)
    read = commits.decode(block)
    assert read == commit
    assert hash(read) == hash(commit)
    assert commits.encode(read) == block
    theirs = second_opinion.decode(block.data)
    assert isinstance(theirs, dict)
    assert set(theirs) == set(commits.to_map(commit))
    assert bytes(second_opinion.encode(theirs)) == block.data


@given(histories.any_tags())
def test_a_tag_comes_back_as_it_was_written(tag: Tag) -> None:
    block = tags.encode(tag)
    assert tags.decode(block) == tag
    assert tags.encode(tags.decode(block)) == block


@settings(max_examples=40)
@given(strategies.mutated(histories.any_commits().map(lambda commit: commits.encode(commit).data)))
def test_damaged_bytes_are_refused_or_encode_to_themselves(data: bytes) -> None:
    block = Block.of(data, DAG_CBOR)
    commit, _fault = outcome(lambda _data: commits.decode(block), data)
    if commit is not None:
        assert commits.encode(commit) == block


@given(
    st.sampled_from(sorted(commits.to_map(ROOT))),
    strategies.values(max_leaves=4),
)
def test_no_value_of_a_field_gets_past_but_a_valid_one(key: str, value: object) -> None:
    block = Block.of(dag_cbor.encode({**commits.to_map(ROOT), key: value}), DAG_CBOR)
    try:
        commit = commits.decode(block)
    except (Malformed, Refused):
        return
    assert commits.encode(commit) == block


def test_a_block_of_one_mebibyte_is_read_and_one_byte_more_is_not() -> None:
    room = 1024 * 1024 - len(commits.encode(replace(ROOT, meta={"x": "m" * 70_000})).data) + 70_000
    block = commits.encode(replace(ROOT, meta={"x": "m" * room}))
    assert len(block.data) == 1024 * 1024
    assert commits.decode(block).meta["x"] == "m" * room
    with pytest.raises(LimitExceeded) as caught:
        commits.encode(replace(ROOT, meta={"x": "m" * (room + 1)}))
    assert (caught.value.field, caught.value.limit) == ("jiaozi/commit block", 1024 * 1024)


def test_maps_of_a_commit_do_not_change() -> None:
    meta = {"keywords": ["a", {"b": 1}]}
    commit = replace(ROOT, meta=meta)
    meta["keywords"].append("c")
    assert commit.meta == {"keywords": ("a", {"b": 1})}
    with pytest.raises(TypeError):
        commit.meta["title"] = "x"  # type: ignore[index]


def test_an_unknown_key_may_not_be_a_known_one() -> None:
    with pytest.raises(SchemaBroken, match="tree is a field of its own"):
        replace(ROOT, extra={"tree": TREE})


def test_building_keeps_the_rules_that_reading_keeps() -> None:
    with pytest.raises(SchemaBroken) as caught:
        replace(ROOT, generation=2)
    assert caught.value.field == "generation"
    with pytest.raises(SchemaBroken):
        replace(ROOT, meta={"x": float("nan")})
    with pytest.raises(SchemaBroken):
        replace(ROOT, message="\ud800")
    with pytest.raises(LimitExceeded):
        replace(ROOT, message="m" * 65_537)


def test_a_tag_of_a_directory_names_that_directory_as_its_tree() -> None:
    other = Block.of(b"", DAG_PB).cid
    with pytest.raises(SchemaBroken, match=r"^tree must be the directory that object links"):
        Tag(other, TREE, "v1", ADA, 0, "")
    assert Tag(TREE, TREE, "v1", ADA, 0, "").object == TREE


@pytest.mark.parametrize(
    ("message", "subject"),
    [("fix units\n\nlong\n", "fix units"), ("\n\n  late \n", "late"), ("", ""), (" \n", "")],
)
def test_the_subject_is_the_first_line_that_says_something(message: str, subject: str) -> None:
    assert replace(ROOT, message=message).subject == subject


def test_a_generation_is_one_above_the_greatest_of_the_parents() -> None:
    history = Histories()
    line = history.line(3)
    side = history.commit("side", line[0])
    merge = history.commit("merge", side, line[2])
    assert history.commits[merge].generation == 4
    parents = [history.commits[line[0]]]
    wrong = history.commits[merge]
    with pytest.raises(WrongGeneration) as caught:
        commits.check_generation(merge, wrong, parents)
    assert (caught.value.found, caught.value.expected) == (4, 2)


def test_there_is_no_generation_above_the_greatest() -> None:
    top = replace(ROOT, parents=(histories.OTHER,), generation=commits.MAX_GENERATION)
    with pytest.raises(LimitExceeded):
        commits.generation_above([top])


def test_a_commit_under_the_cid_of_another_codec_is_not_one() -> None:
    block = commits.encode(ROOT)
    with pytest.raises(SchemaBroken, match="not a version 1 dag-cbor"):
        commits.decode(Block(Cid.v1(DAG_PB, block.cid.multihash), block.data))


def test_an_agent_prints_as_git_writes_it() -> None:
    assert str(ADA) == "Ada Lovelace <ada@example.org>"
    assert str(Agent("张伟")) == "张伟"
