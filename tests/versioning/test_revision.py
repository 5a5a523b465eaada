import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.dag.walk import run
from jiaozi_node.errors import LimitExceeded, Malformed, Misuse
from jiaozi_node.formats import multibase
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import BlockMissing
from jiaozi_node.stores.memory import MemoryNames
from jiaozi_node.versioning import revision
from jiaozi_node.versioning import tag as tags
from jiaozi_node.versioning.history import ParentMissing
from jiaozi_node.versioning.reflog import Note
from jiaozi_node.versioning.refname import RefName
from jiaozi_node.versioning.refs import Refs
from jiaozi_node.versioning.revision import (
    AmbiguousRevision,
    BadRevision,
    NoParent,
    Places,
    UnknownRevision,
)
from jiaozi_node.versioning.tag import Tag
from jiaozi_node.versioning.workingcopies import Head
from tests.outcome import outcome
from tests.versioning.histories import ADA, OTHER, TREE, Histories

NOTE = Note("Ada", "test", 1)


class Story:
    """main has five commits, the fourth a merge of `side`; `v1` tags the third by a tag block."""

    def __init__(self) -> None:
        self.history = Histories()
        made = self.history
        self.main = made.line(3)
        self.side = made.commit("side", self.main[0])
        self.main.append(made.commit("merge", self.main[2], self.side))
        self.main.append(made.commit("last", self.main[3]))
        self.tag = made.put(tags.encode(Tag(self.main[2], TREE, "v1", ADA, 0, "")))
        self.refs = Refs(MemoryNames(), "k51")
        self.set("heads/main", self.main[4])
        self.set("heads/feature/x", self.side)
        self.set("tags/v1", self.tag)
        self.set("tags/light", self.main[1])
        self.places = Places(self.refs, Head("main"))

    def set(self, ref: str, target: Cid) -> None:
        name = RefName.parse(ref)
        self.refs.cas(name, self.refs.get(name), target, NOTE)

    def read(self, text: str, places: Places | None = None) -> Cid:
        lookup = revision.resolve(revision.parse(text), places or self.places)
        return run(lookup, self.history.get).cid


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.mark.parametrize(
    ("text", "at"),
    [
        *(("HEAD", 4), ("@", 4), ("main", 4), ("heads/main", 4), ("tags/v1", 2), ("v1", 2)),
        *(("light", 1), ("HEAD~", 3), ("HEAD^", 3), ("HEAD~1", 3), ("HEAD~2", 2), ("HEAD^^", 2)),
        *(("HEAD~1^1", 2), ("HEAD~0", 4), ("HEAD^0", 4), ("v1^0", 2), ("v1~2", 0), ("main~4", 0)),
        *(("HEAD~^2^", 0), ("HEAD~1^2~1", 0)),
    ],
)
def test_a_revision_leads_to_its_commit(story: Story, text: str, at: int) -> None:
    assert story.read(text) == story.main[at]


def test_the_second_parent_is_what_was_merged(story: Story) -> None:
    assert story.read("HEAD~1^2") == story.side == story.read("feature/x")


def test_a_cid_is_read_in_any_base_and_a_tag_block_stands_for_its_commit(story: Story) -> None:
    cid = story.main[1]
    assert story.read(str(cid)) == cid
    assert story.read(f"{multibase.encode('base58btc', cid.raw)}~1") == story.main[0]
    assert story.read(multibase.encode("base36", cid.raw)) == cid
    assert story.read(str(story.tag)) == story.main[2]


def test_a_cid_needs_no_repository(story: Story) -> None:
    assert story.read(f"{story.main[4]}~4", Places()) == story.main[0]


def test_a_prefix_of_one_known_commit_is_enough(story: Story) -> None:
    for cid in (*story.main, story.side):
        assert story.read(str(cid)[:20]) == cid


def test_a_commit_that_only_the_reflog_knows_is_found_by_its_prefix(story: Story) -> None:
    lost = story.history.commit("lost", story.main[4])
    story.set("heads/main", lost)
    story.set("heads/main", story.main[4])
    assert story.read(str(lost)[:20]) == lost


def test_a_detached_head_is_known_by_its_prefix(story: Story) -> None:
    lost = story.history.commit("lost", story.main[4])
    places = Places(story.refs, Head(None, lost))
    assert story.read("HEAD", places) == lost
    assert story.read(str(lost)[:20], places) == lost


def test_a_prefix_of_several_lists_them(story: Story) -> None:
    several = [story.main[1], story.main[0], story.main[1]]
    places = Places(story.refs, None, lambda _prefix: several)
    with pytest.raises(AmbiguousRevision) as caught:
        story.read("bafyreia", places)
    assert caught.value.candidates == tuple(sorted(map(str, story.main[:2])))
    assert isinstance(caught.value, Misuse)
    assert str(story.main[0]) in str(caught.value)


def test_seven_characters_are_too_few(story: Story) -> None:
    places = Places(story.refs, None, lambda _prefix: [story.main[0]])
    assert story.read("bafyreia", places) == story.main[0]
    with pytest.raises(UnknownRevision, match="8 or more characters"):
        story.read("bafyrei", places)


def test_a_name_goes_before_a_prefix(story: Story) -> None:
    prefix = str(story.main[0])[:12]
    story.set(f"heads/{prefix}", story.main[3])
    assert story.read(prefix) == story.main[3]


def test_a_tag_and_a_branch_of_one_name_are_one_revision_while_they_agree(story: Story) -> None:
    story.set("heads/v1", story.main[2])
    assert story.read("v1") == story.main[2]
    story.set("heads/v1", story.main[3])
    with pytest.raises(AmbiguousRevision) as caught:
        story.read("v1")
    assert caught.value.candidates == ("tags/v1", "heads/v1")
    assert story.read("heads/v1") == story.main[3]
    assert story.read("tags/v1") == story.main[2]


def test_a_branch_called_heads_slash_main_is_read_when_there_is_no_such_ref(story: Story) -> None:
    story.set("heads/tags/v9", story.main[0])
    assert story.read("tags/v9") == story.main[0]


@pytest.mark.parametrize(
    ("text", "tried"),
    [
        ("mian", "no tag of that name, no branch of that name"),
        ("heads/mian", "ref heads/mian"),
        ("bafyreizz", "no known commit whose CID begins so"),
        ("-x", "no branch of that name"),
        ("x" * 300, "…"),
        ("no\x1b[31m~2", "unknown revision 'no\\x1b[31m~2'"),
    ],
)
def test_an_unknown_revision_says_what_was_tried(story: Story, text: str, tried: str) -> None:
    with pytest.raises(UnknownRevision) as caught:
        story.read(text)
    assert tried in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_head_without_a_commit_or_a_working_copy_says_so(story: Story) -> None:
    with pytest.raises(UnknownRevision, match="no working copy here"):
        story.read("HEAD", Places(story.refs))
    with pytest.raises(UnknownRevision, match="no commit yet on branch 'dev'"):
        story.read("HEAD~1", Places(story.refs, Head("dev")))
    with pytest.raises(UnknownRevision, match="no commit yet"):
        story.read("HEAD", Places(story.refs, Head()))


@pytest.mark.parametrize("text", ["HEAD~5", "HEAD~1000000000", "HEAD^2", "main~4^", "HEAD~1^3"])
def test_asking_for_more_than_there_is_says_where_it_ends(story: Story, text: str) -> None:
    story.history.asked.clear()
    with pytest.raises(NoParent) as caught:
        story.read(text)
    assert text in str(caught.value)
    assert len(story.history.asked) <= 5


def test_a_missing_commit_is_named_not_unknown(story: Story) -> None:
    del story.history.blocks[story.main[2]]
    with pytest.raises(ParentMissing):
        story.read("HEAD~2")
    with pytest.raises(BlockMissing):
        story.read(str(OTHER))


def test_the_cid_of_a_directory_is_no_revision(story: Story) -> None:
    with pytest.raises(Malformed, match="not the CID of a commit"):
        story.read(str(TREE))


@given(st.text(max_size=30) | st.text("HEAD~^:@{}.0123ab", max_size=30))
def test_any_text_is_read_back_or_refused(text: str) -> None:
    rev, _path = revision.split(text)
    read, _fault = outcome(revision.parse, rev)
    if read is not None:
        again = read.base + "".join(f"{step.axis}{step.n}" for step in read.steps)
        assert revision.parse(again).steps == read.steps


def test_limits_of_a_revision() -> None:
    assert len(revision.parse("a" + "^" * 256).steps) == 256
    assert revision.parse("a" * 4096).base == "a" * 4096
    assert revision.parse("a~1000000000").steps[0].n == 1_000_000_000
    for text in ("a" + "^" * 257, "a" * 4097, "é" * 2049, "a~1000000001", "a~" + "9" * 4000):
        with pytest.raises(LimitExceeded):
            revision.parse(text)
    with pytest.raises(BadRevision):
        revision.parse("")
