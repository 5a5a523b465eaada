"""Commits merge against their bases; of several, against what they merge into."""

from dataclasses import replace

import pytest

from jiaozi_node.errors import LimitExceeded
from jiaozi_node.formats.cid import Cid
from jiaozi_node.versioning import commit as commits
from jiaozi_node.versioning import conflict, merge_commits
from jiaozi_node.versioning.commit import Commit
from jiaozi_node.versioning.drivers.outcome import Labels
from jiaozi_node.versioning.merge import DEFAULTS
from jiaozi_node.versioning.merge_commits import MAX_VIRTUAL, MergedCommits, UnlikeProfiles
from tests.versioning.histories import ADA
from tests.versioning.trees import FLAT, Tree, Trees

TEXT = b"1\n2\n3\n4\n5\n6\n7\n8\n"


class Repository(Trees):
    """Trees and commits of them."""

    def commit(self, tree: Tree | Cid, *parents: Cid, profile: str = FLAT.name) -> Cid:
        root = tree if isinstance(tree, Cid) else self.tree(tree)
        above = [commits.decode(self.held[parent]) for parent in parents]
        generation = commits.generation_above(above)
        made = commits.encode(Commit(root, parents, profile, ADA, 0, "", generation))
        self.put([made])
        return made.cid

    def merge(self, ours: Cid, theirs: Cid) -> MergedCommits:
        return self.done(merge_commits.merge_commits(ours, theirs, FLAT))


def test_forward_back_and_apart() -> None:
    held = Repository()
    root = held.commit({"a": TEXT})
    ours = held.commit({"a": TEXT, "b": b"b"}, root)
    theirs = held.commit({"a": TEXT, "c": b"c"}, root)
    assert held.merge(root, ours).kind == merge_commits.FAST_FORWARD
    assert held.merge(root, ours).tree == held.tree({"a": TEXT, "b": b"b"})
    assert held.merge(ours, root).kind == merge_commits.UP_TO_DATE
    assert held.merge(ours, root).tree == held.tree({"a": TEXT, "b": b"b"})
    merged = held.merge(ours, theirs)
    assert merged.kind == merge_commits.MERGED
    assert merged.tree == held.tree({"a": TEXT, "b": b"b", "c": b"c"})
    assert merged.base == held.tree({"a": TEXT})


def test_unrelated_histories_merge_against_nothing() -> None:
    held = Repository()
    merged = held.merge(held.commit({"a": b"1"}), held.commit({"b": b"2"}))
    assert (merged.base, merged.bases) == (None, ())
    assert merged.tree == held.tree({"a": b"1", "b": b"2"})


def _criss_cross(
    held: Repository, root: Tree, sides: tuple[Tree, Tree], tips: tuple[Tree, Tree]
) -> MergedCommits:
    start = held.commit(root)
    one, other = (held.commit(tree, start) for tree in sides)
    left, right = held.commit(tips[0], one, other), held.commit(tips[1], other, one)
    return held.merge(left, right)


def test_a_criss_cross_merges() -> None:
    held = Repository()
    one = TEXT.replace(b"1\n", b"one\n")
    both = one.replace(b"8\n", b"eight\n")
    merged = _criss_cross(
        held,
        {"f": TEXT},
        ({"f": one}, {"f": TEXT.replace(b"8\n", b"eight\n")}),
        ({"f": both, "x": b"x"}, {"f": both.replace(b"5\n", b"five\n")}),
    )
    assert merged.conflicts == ()
    assert len(merged.bases) == 2
    assert merged.base == held.tree({"f": both})
    assert merged.tree == held.tree({"f": both.replace(b"5\n", b"five\n"), "x": b"x"})


@pytest.mark.parametrize("data", [(b"1\n", b"2\n", b"3\n"), (b"1\0", b"2\0", b"3\0")])
def test_a_dispute_between_bases_is_never_taken_for_one_side_left_alone(
    data: tuple[bytes, bytes, bytes],
) -> None:
    held = Repository()
    root, one, other = ({"f": content} for content in data)
    # Each merge was settled for its own side: neither may silently win.
    merged = _criss_cross(held, root, (one, other), (one, other))
    assert [found.kind for found in merged.conflicts] == [conflict.BOTH_MODIFIED]
    # Settled alike on both sides it is no dispute.
    merged = _criss_cross(held, root, (one, other), ({**one, "l": b"l"}, {**one, "r": b"r"}))
    assert merged.conflicts == ()
    assert merged.tree == held.tree({**one, "l": b"l", "r": b"r"})


@pytest.mark.parametrize("turned", [False, True])
def test_a_dispute_between_bases_is_not_settled_by_a_directory_here_and_nothing_there(
    turned: bool,
) -> None:
    held = Repository()
    directory: Tree = {"k": b"k", "f": {"inside": b"1"}}
    merged = _criss_cross(
        held,
        {"k": b"k", "f": b"1\0"},
        ({"k": b"k", "f": b"2\0"}, directory),
        ({"k": b"k"}, directory) if turned else (directory, {"k": b"k"}),
    )
    assert [found.kind for found in merged.conflicts] == [conflict.FILE_DIRECTORY]


def test_unlike_profiles_are_refused() -> None:
    held = Repository()
    root = held.commit({})
    ours = held.commit({"a": b"1"}, root)
    theirs = held.commit({"b": b"1"}, root, profile="unixfs-v0-2015")
    with pytest.raises(UnlikeProfiles, match="unixfs-v0-2015"):
        held.merge(ours, theirs)


def _ladder(held: Repository, rungs: int) -> tuple[Cid, Cid]:
    root = held.commit({"r": b"r"})
    one, other = (held.commit({"r": b"r", name: b""}, root) for name in "ab")
    for at in range(rungs):
        names: Tree = {"r": b"r", "a": b"", "b": b"", "n": b"%d" % at}
        one, other = (
            held.commit({**names, "l": b"l"}, one, other),
            held.commit({**names, "m": b"m"}, other, one),
        )
    return one, other


@pytest.mark.parametrize(("rungs", "whole"), [(MAX_VIRTUAL, True), (MAX_VIRTUAL + 1, False)])
def test_virtual_bases_nest_sixteen_deep(rungs: int, whole: bool) -> None:
    held = Repository()
    one, other = _ladder(held, rungs)
    if whole:
        assert held.merge(one, other).kind == merge_commits.MERGED
        return
    with pytest.raises(LimitExceeded, match="depth of virtual merge bases"):
        held.merge(one, other)


def test_labels_and_other_options_are_kept() -> None:
    held = Repository()
    root = held.commit({"f": b"1\n"})
    ours, theirs = held.commit({"f": b"2\n"}, root), held.commit({"f": b"3\n"}, root)
    options = replace(DEFAULTS, labels=Labels("main", "topic"))
    merged = held.done(merge_commits.merge_commits(ours, theirs, FLAT, options))
    assert held.read(merged.tree) == {"f": b"<<<<<<< main\n2\n=======\n3\n>>>>>>> topic\n"}
