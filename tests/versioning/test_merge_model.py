"""Merging held to a model that knows nothing of blocks: paths, each a directory or a content.

Directories are made sharded from a handful of entries on, with several fanouts, so that every way a
merge can go through a HAMT is gone.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.dag.walk import gather, run
from jiaozi_node.formats.cid import Cid
from jiaozi_node.unixfs import compare
from jiaozi_node.unixfs.edit import edit
from jiaozi_node.unixfs.node import FILE, Node
from jiaozi_node.unixfs.profile import Profile
from jiaozi_node.versioning import merge
from jiaozi_node.versioning.merge import Merged, Options
from tests.versioning.trees import FLAT, SHARDED, Fault, Tree, Trees, edited, three, trees

Path: TypeAlias = tuple[str, ...]
Flat: TypeAlias = dict[Path, tuple[str, bytes]]  # what stands at each path: its kind, its content

FORMS = (
    FLAT,
    SHARDED,
    replace(FLAT, name="always sharded", hamt_threshold=1, hamt_fanout=16),
    replace(FLAT, name="wide", hamt_threshold=90, hamt_fanout=256),
)
DIRECTORY = ("directory", b"")
NO_RENAMES = Options(renames=False)


def flat(tree: Any, at: Path = ()) -> Flat:
    if isinstance(tree, bytes):
        return {at: ("file", tree)}
    out: Flat = {at: DIRECTORY}
    for name, there in tree.items():
        out.update(flat(there, (*at, name)))
    return out


def nested(entries: Flat) -> Tree:
    top: Tree = {}
    for path in sorted(entries, key=len):
        here: Any = top
        for name in path[:-1]:
            here = here[name]
        if path:
            kind, content = entries[path]
            here[path[-1]] = {} if kind == "directory" else content
    return top


def below(side: Flat, path: Path) -> Flat:
    """What *side* has at *path* and below it."""
    return {at: what for at, what in side.items() if at[: len(path)] == path}


def model(sides: tuple[Tree, Tree, Tree], favour: str = "ours") -> tuple[Flat, set[Fault]]:
    """Merge; a dispute is noted, and what stands there is that of the side *favour*."""
    base, ours, theirs = map(flat, sides)
    out: Flat = {}
    faults: set[Fault] = set()
    emptied: list[Path] = []  # directories that one side deleted
    todo: list[Path] = [()]
    while todo:
        path = todo.pop()
        b, o, t = (below(side, path) for side in (base, ours, theirs))
        kinds = [side[path][0] if path in side else None for side in (b, o, t)]
        was, mine, their = kinds
        if t in (o, b):
            out.update(o)
        elif o == b:
            out.update(t)
        elif None in (mine, their) and (mine or their) != was:
            out.update(o or t)
        elif mine == their == "directory" or (was == "directory" and None in (mine, their)):
            if None in (mine, their):
                emptied.append(path)
            else:
                out[path] = DIRECTORY
            todo += {at[: len(path) + 1] for side in (b, o, t) for at in side if at != path}
        else:
            if None in (mine, their):
                kind = "modify-delete"
            elif mine != their:
                kind = "file-directory"
            else:
                kind = "both-modified" if was == "file" else "both-added"
            faults.add((path, kind))
            out.update(o if favour == "ours" else t)
    for path in sorted(emptied, key=len, reverse=True):
        if below(out, path):
            out[path] = DIRECTORY
    return out, faults


def merged(
    sides: tuple[Tree, Tree, Tree], form: Profile, options: Options = NO_RENAMES
) -> tuple[Trees, list[Cid], Merged]:
    held = Trees()
    roots = [held.tree(side, form) for side in sides]
    return held, roots, held.done(merge.merge(roots[0], roots[1], roots[2], form, options))


FORM = st.sampled_from(FORMS)


@given(three(), FORM)
def test_a_merge_is_that_of_the_model(sides: tuple[Tree, Tree, Tree], form: Profile) -> None:
    held, _roots, found = merged(sides, form)
    expected, faults = model(sides)
    assert flat(held.read(found.tree)) == expected
    assert {(one.path, one.kind) for one in found.conflicts} == faults
    assert found.tree == held.tree(nested(expected), form)  # that of a fresh import


@given(three(), FORM, st.sampled_from(["ours", "theirs"]))
def test_a_side_that_wins_disputes_leaves_none(
    sides: tuple[Tree, Tree, Tree], form: Profile, favour: str
) -> None:
    held, _roots, found = merged(sides, form, replace(NO_RENAMES, favour=favour))
    expected, _faults = model(sides, favour)
    assert found.conflicts == ()
    assert found.tree == held.tree(nested(expected), form)


@given(three(), FORM, st.sampled_from(["ours", "theirs"]))
def test_a_side_that_wins_leaves_no_dispute_where_files_moved_either(
    sides: tuple[Tree, Tree, Tree], form: Profile, favour: str
) -> None:
    held, _roots, found = merged(sides, form, Options(favour=favour))
    assert found.conflicts == ()
    assert found.tree == held.tree(held.read(found.tree), form)


@given(trees(), trees(), FORM)
def test_who_changed_nothing_decides_nothing(one: Tree, other: Tree, form: Profile) -> None:
    for sides in ((one, one, other), (one, other, one), (one, other, other)):
        _held, roots, found = merged(sides, form, Options())
        assert found == Merged(roots[sides.index(other)] if other in sides else roots[0])


@given(three(), FORM)
def test_sides_may_be_exchanged_where_nothing_is_in_dispute(
    sides: tuple[Tree, Tree, Tree], form: Profile
) -> None:
    base, ours, theirs = sides
    one, other = merged(sides, form, Options())[2], merged((base, theirs, ours), form, Options())[2]
    assert bool(one.conflicts) == bool(other.conflicts)
    if not one.conflicts:
        assert one == other


@given(three())
def test_the_form_of_directories_says_nothing(sides: tuple[Tree, Tree, Tree]) -> None:
    results = []
    for form in FORMS:
        held, _roots, found = merged(sides, form, Options())
        results.append((held.read(found.tree), [(one.path, one.kind) for one in found.conflicts]))
    assert all(result == results[0] for result in results)


@given(trees().flatmap(lambda tree: st.tuples(st.just(tree), edited(tree))), FORM)
def test_a_difference_applied_to_one_gives_the_other(
    pair: tuple[Tree, Tree], form: Profile
) -> None:
    held = Trees()
    before, after = (held.tree(tree, form) for tree in pair)
    changed = changes(held, before, after)
    root = held.edited(edit(before, changed, form)).cid if changed else before
    assert files(held.read(root)) == files(pair[1])


@given(three(), FORM)
def test_what_a_merge_brings_is_what_theirs_changed(
    sides: tuple[Tree, Tree, Tree], form: Profile
) -> None:
    held, (base, ours, theirs), found = merged(sides, form)
    if not found.conflicts:
        brought = changes(held, ours, found.tree)
        assert brought.items() <= changes(held, base, theirs).items()


def changes(held: Trees, before: Cid, after: Cid) -> Mapping[Path, Node | None]:
    """The difference of two trees as edits: a file that takes the place of a directory is one."""
    pairs = run(gather(compare.files(before, after)), held.get)
    come = {pair.path for pair in pairs if pair.after is not None}
    return {
        pair.path: None if pair.after is None else Node(pair.after, 0, FILE, 0)
        for pair in pairs
        if pair.after or not any(pair.path[:depth] in come for depth in range(1, len(pair.path)))
    }


def files(tree: Tree) -> Flat:
    return {path: what for path, what in flat(tree).items() if what != DIRECTORY}


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_the_model_itself_tells_a_dispute(form: Profile) -> None:
    sides: tuple[Tree, Tree, Tree] = ({"f": b"1\0"}, {"f": b"2\0"}, {"f": b"3\0", "g": b"g"})
    assert model(sides) == (
        {(): DIRECTORY, ("f",): ("file", b"2\0"), ("g",): ("file", b"g")},
        {(("f",), "both-modified")},
    )
    assert len(merged(sides, form)[2].conflicts) == 1
