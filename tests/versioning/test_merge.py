"""Trees merge by the table of specs/merge.md, into the tree that a fresh add makes."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.dag.walk import stream
from jiaozi_node.errors import LimitExceeded
from jiaozi_node.formats.cid import RAW, Cid
from jiaozi_node.stores.api import BlockMissing
from jiaozi_node.unixfs.add import add_bytes, symlink
from jiaozi_node.unixfs.build import DirectoryBuilder
from jiaozi_node.unixfs.changes import changes
from jiaozi_node.unixfs.profile import Profile, named
from jiaozi_node.versioning import conflict, merge
from jiaozi_node.versioning.drivers.outcome import Labels
from jiaozi_node.versioning.merge import MAX_DEPTH, Merged, Options
from tests.versioning.trees import FLAT, SHARDED, Tree, Trees, naive, three, trees

PLAIN = Options(renames=False)
PROFILES = pytest.mark.parametrize("profile", [FLAT, SHARDED], ids=["flat", "sharded"])


def _merged(
    base: Tree | None, ours: Tree, theirs: Tree, profile: Profile = FLAT, options: Options = PLAIN
) -> tuple[Trees, Merged]:
    held = Trees()
    root = None if base is None else held.tree(base, profile)
    work = merge.merge(root, held.tree(ours, profile), held.tree(theirs, profile), profile, options)
    return held, held.done(work)


def _kinds(merged: Merged) -> set[tuple[tuple[str, ...], str]]:
    return {(found.path, found.kind) for found in merged.conflicts}


@given(three(), st.sampled_from([FLAT, SHARDED]))
def test_as_the_naive_merge(sides: tuple[Tree, Tree, Tree], profile: Profile) -> None:
    held, merged = _merged(*sides, profile)
    tree, faults = naive(*sides)
    assert held.read(merged.tree) == tree
    assert _kinds(merged) == faults
    assert held.tree(tree, profile) == merged.tree


@given(three(), st.booleans())
def test_clean_merges_are_symmetric(sides: tuple[Tree, Tree, Tree], renamed: bool) -> None:
    base, ours, theirs = sides
    options = Options(renames=renamed)
    one = _merged(base, ours, theirs, SHARDED, options)[1]
    other = _merged(base, theirs, ours, SHARDED, options)[1]
    assert bool(one.conflicts) == bool(other.conflicts)
    if not one.conflicts:
        assert one.tree == other.tree


@given(trees(), trees())
def test_one_side_alone_decides(base: Tree, other: Tree) -> None:
    for sides in ((base, other, base), (base, base, other), (base, other, other)):
        held, merged = _merged(*sides, SHARDED, Options())
        assert merged == Merged(held.tree(other, SHARDED))


@given(three())
def test_paths_do_not_depend_on_the_form_of_directories(sides: tuple[Tree, Tree, Tree]) -> None:
    flat, sharded = (_merged(*sides, profile, Options()) for profile in (FLAT, SHARDED))
    assert flat[0].read(flat[1].tree) == sharded[0].read(sharded[1].tree)
    assert _kinds(flat[1]) == _kinds(sharded[1])


def _wide(changed: dict[int, bytes], size: int = 20_000) -> Tree:
    return {f"{at:06}": changed.get(at, b"%d" % (at % 7)) for at in range(size)}


def test_only_changed_shards_of_a_large_directory_are_read_and_no_file() -> None:
    held = Trees()
    base = held.tree(_wide({}), FLAT)
    ours = held.tree(_wide({5: b"ours", 11_000: b"ours"}), FLAT)
    theirs = held.tree(_wide({7: b"theirs", 17_000: b"theirs"}), FLAT)
    expected = held.tree(
        _wide({5: b"ours", 11_000: b"ours", 7: b"theirs", 17_000: b"theirs"}), FLAT
    )
    held.asked.clear()
    merged = held.done(merge.merge(base, ours, theirs, FLAT))
    assert merged == Merged(expected)
    assert len(held.asked) <= 24  # three roots; at two names a shard or two of each side
    assert all(cid.codec != RAW for cid in held.asked)
    needed = {cid: held.held[cid] for cid in held.asked}
    held.held.clear()
    held.held.update(needed)
    assert held.done(merge.merge(base, ours, theirs, FLAT)) == merged


TEXT = b"1\n2\n3\n4\n5\n6\n7\n8\n"


def test_texts_that_changed_on_both_sides_are_merged() -> None:
    ours, theirs = TEXT.replace(b"1\n", b"one\n"), TEXT.replace(b"8\n", b"eight\n")
    held, merged = _merged({"f": TEXT}, {"f": ours}, {"f": theirs})
    assert merged == Merged(held.tree({"f": ours.replace(b"8\n", b"eight\n")}))


def test_texts_in_dispute_hold_markers_and_others_ours() -> None:
    labels = Labels("HEAD", "topic")
    options = replace(PLAIN, labels=labels)
    held, merged = _merged({"f": b"a\n"}, {"f": b"b\n"}, {"f": b"c\n"}, FLAT, options)
    marked = b"<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> topic\n"
    assert held.read(merged.tree) == {"f": marked}
    (found,) = merged.conflicts
    assert found.marked
    assert found.kind == conflict.BOTH_MODIFIED
    assert [held.content(cid) for cid in (found.base, found.ours, found.theirs) if cid] == [
        b"a\n", b"b\n", b"c\n"
    ]  # fmt: skip
    held, merged = _merged({"f": b"a\0"}, {"f": b"b\0"}, {"f": b"c\0"})
    assert held.read(merged.tree) == {"f": b"b\0"}
    assert not merged.conflicts[0].marked


@PROFILES
@pytest.mark.parametrize("turned", [False, True])
def test_an_edit_follows_a_rename(turned: bool, profile: Profile) -> None:
    base: Tree = {"d": {"old": TEXT, "x": b"x"}}
    moved: Tree = {"e": {"f": {"new": TEXT}}, "d": {"x": b"x"}}
    changed: Tree = {"d": {"old": b"edited", "x": b"x"}}
    sides = (changed, moved) if turned else (moved, changed)
    held, merged = _merged(base, *sides, profile, Options())
    expected = held.tree({"e": {"f": {"new": b"edited"}}, "d": {"x": b"x"}}, profile)
    assert merged == Merged(expected)
    assert _kinds(_merged(base, *sides, profile)[1]) == {(("d", "old"), conflict.MODIFY_DELETE)}


def test_a_directory_that_moved_takes_edits_with_it() -> None:
    base: Tree = {"d": {"x": b"x", "y": b"y"}}
    held, merged = _merged(base, {"e": base["d"]}, {"d": {"x": b"X", "y": b"y"}}, FLAT, Options())
    assert merged == Merged(held.tree({"e": {"x": b"X", "y": b"y"}}))
    held, merged = _merged(base, {"d": {"x": b"X", "y": b"y"}}, {"e": base["d"]}, FLAT, Options())
    assert merged == Merged(held.tree({"e": {"x": b"X", "y": b"y"}}))


@pytest.mark.parametrize(
    ("ours", "theirs", "kinds"),
    [
        ({"b": TEXT}, {"c": TEXT}, {(("a",), conflict.BOTH_RENAMED)}),
        ({"b": TEXT}, {}, {(("b",), conflict.MODIFY_DELETE)}),
        ({}, {"b": TEXT}, {(("b",), conflict.MODIFY_DELETE)}),
        ({"b": TEXT}, {"a": b"edited", "b": b"!"}, {
            (("a",), conflict.MODIFY_DELETE), (("b",), conflict.BOTH_ADDED)
        }),
        ({"b": TEXT}, {"b": TEXT}, set()),
        ({"b": TEXT}, {"a": {"x": b"x"}}, {(("b",), conflict.MODIFY_DELETE)}),
        ({"a": {"x": b"x"}}, {"b": TEXT}, {(("b",), conflict.MODIFY_DELETE)}),
        ({"a": {"x": b"x"}}, {}, set()),
    ],
    ids=["both-renamed", "renamed-deleted", "deleted-renamed", "target-taken", "same",
         "renamed-replaced", "replaced-renamed", "replaced-deleted"],
)  # fmt: skip
def test_renames_in_dispute(ours: Tree, theirs: Tree, kinds: set[Any]) -> None:
    # A name that stays keeps the roots from being one side's alone.
    base: Tree = {"a": TEXT, "k": b"0"}
    merged = _merged(base, {**ours, "k": b"1"}, {**theirs, "k": b"0"}, FLAT, Options())[1]
    assert _kinds(merged) == kinds


@pytest.mark.parametrize("turned", [False, True])
def test_a_symlink_in_its_place_is_no_edit_that_follows_a_rename(turned: bool) -> None:
    held = Trees()
    kept = held.add(b"0", FLAT)
    text, link = held.add(TEXT, FLAT), held.keep(symlink(b"target", FLAT))
    base = held.directory({"a": text, "k": kept}, FLAT).cid
    linked = held.directory({"a": link, "k": kept}, FLAT).cid
    moved = held.directory({"b": text, "k": kept}, FLAT).cid
    sides = (moved, linked) if turned else (linked, moved)
    merged = held.done(merge.merge(base, *sides, FLAT, Options()))
    assert _kinds(merged) == {(("a",), conflict.MODIFY_DELETE)}
    names = {change.path[0] for change in stream(changes(None, merged.tree), held.get)}
    assert names == ({"b", "k"} if turned else {"a", "b", "k"})


def _moded(held: Trees, profile: Profile, data: bytes, mode: int, directory: int = 0o755) -> Cid:
    builder = DirectoryBuilder(profile, mode=directory)
    builder.add("f", held.keep(add_bytes(data, profile, mode=mode)))
    return held.keep(builder.end()).cid


def test_modes_merge_apart_from_contents() -> None:
    profile = named("unixfs-v1-2025+mode")
    held = Trees()
    base = _moded(held, profile, TEXT, 0o644)
    ours = _moded(held, profile, TEXT, 0o755)
    theirs = _moded(held, profile, b"edited", 0o644, 0o700)
    expected = _moded(held, profile, b"edited", 0o755, 0o700)
    assert held.done(merge.merge(base, ours, theirs, profile)) == Merged(expected)
    assert held.done(merge.merge(base, theirs, ours, profile)) == Merged(expected)
    other = _moded(held, profile, TEXT, 0o600)
    assert _kinds(held.done(merge.merge(base, ours, other, profile))) == {(("f",), "mode")}


def test_attributes_choose_the_driver() -> None:
    rules = b"*.union merge=union\n*.ours merge=ours\n/d/** merge=theirs\n*.bin merge=binary\n"

    def tree(line: bytes) -> Tree:
        files: Tree = {f"f.{kind}": line for kind in ("union", "ours", "bin")}
        return {".jiaoziattributes": rules, **files, "d": {"e": {"f.x": line}}}

    held, merged = _merged(tree(b"a\n"), tree(b"b\n"), tree(b"c\n"))
    assert _kinds(merged) == {(("f.bin",), conflict.BOTH_MODIFIED)}
    found = held.read(merged.tree)
    assert found["f.union"] == b"b\nc\n"
    assert found["f.ours"] == found["f.bin"] == b"b\n"
    assert found["d"]["e"]["f.x"] == b"c\n"


def test_a_block_that_is_needed_and_missing_is_named() -> None:
    held = Trees()
    base, ours, theirs = (held.tree({"f": data}) for data in (b"a\n", b"b\n", b"c\n"))
    missing = held.add(b"c\n", FLAT).cid
    del held.held[missing]
    with pytest.raises(BlockMissing) as caught:
        held.done(merge.merge(base, ours, theirs, FLAT))
    assert caught.value.cid == missing


def test_a_file_over_the_limit_is_merged_as_binary_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    profile = replace(FLAT, name="small chunks", chunk_size=4)
    sides = [{"f": data} for data in (b"1\n2\n3\n4\n5\n", b"x\n2\n3\n4\n5\n", b"1\n2\n3\n4\ny\n")]
    monkeypatch.setattr(merge, "MAX_CONTENT_BYTES", 10)
    assert _merged(sides[0], sides[1], sides[2], profile)[1].conflicts == ()
    monkeypatch.setattr(merge, "MAX_CONTENT_BYTES", 9)
    held, merged = _merged(sides[0], sides[1], sides[2], profile)
    assert _kinds(merged) == {(("f",), conflict.BOTH_MODIFIED)}
    assert all(cid.codec != RAW for cid in held.asked)
    assert held.read(merged.tree) == sides[1]


def test_trees_too_deep_are_refused() -> None:
    held = Trees()

    def deep(data: bytes) -> Cid:
        node = held.add(data, FLAT)
        for _ in range(MAX_DEPTH + 1):
            node = held.directory({"d": node}, FLAT)
        return node.cid

    with pytest.raises(LimitExceeded, match="over the limit of 256"):
        held.done(merge.merge(deep(b"1"), deep(b"2"), deep(b"3"), FLAT))
