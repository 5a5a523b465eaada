"""Where files came from: the same name first, each rename once, copies for the rest."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import RAW, Cid
from jiaozi_node.versioning.moves import Move, found

CIDS = [Block.of(bytes([n]), RAW).cid for n in range(4)]
EMPTY = CIDS[0]
Changes = list[tuple[tuple[str, ...], Cid | None, Cid | None]]
PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(tuple)
TREES = st.dictionaries(PATHS, st.sampled_from(CIDS), max_size=8)


@given(TREES, TREES, st.booleans())
def test_every_origin_had_what_came(
    old: dict[tuple[str, ...], Cid], new: dict[tuple[str, ...], Cid], everywhere: bool
) -> None:
    changes = [
        (path, old.get(path), new.get(path))
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path)
    ]
    moved = found(changes, sorted(old.items()) if everywhere else (), EMPTY)
    renamed = [move.source for move in moved.values() if not move.copied]
    assert len(set(renamed)) == len(renamed)
    assert not set(renamed) & new.keys()
    for path, move in moved.items():
        assert path not in old
        assert old[move.source] == new[path] != EMPTY
    # Nothing is told as new or as gone that was there under another name.
    for path in new.keys() - old.keys() - moved.keys():
        held = {cid for there, cid in old.items() if everywhere or new.get(there) != cid}
        assert new[path] == EMPTY or new[path] not in held
    came = {new[path] for path in new.keys() - old.keys()}
    for path in old.keys() - new.keys() - set(renamed):
        cid = old[path]
        copies = [there for there, move in moved.items() if move.copied and new[there] == cid]
        assert cid == EMPTY or cid not in came or not copies


def test_the_same_name_is_the_likelier_origin() -> None:
    one, other = ("d", "x"), ("d", "y")
    changes: Changes = [(one, CIDS[1], None), (other, CIDS[1], None), (("e", "y"), None, CIDS[1])]
    assert found(changes, (), EMPTY) == {("e", "y"): Move(other, False)}
    changes += [(("z",), None, CIDS[1]), (("zz",), None, CIDS[1])]
    assert found(changes, (), EMPTY) == {
        ("e", "y"): Move(other, False),
        ("z",): Move(one, False),
        ("zz",): Move(one, True),
    }


def test_many_files_of_one_content_are_paired_by_name() -> None:
    names = [hashlib.sha256(bytes([n % 256, n // 256])).hexdigest() for n in range(5000)]
    changes: Changes = [
        ((side, name), *sides)
        for side, sides in (("a", (CIDS[1], None)), ("b", (None, CIDS[1])))
        for name in names
    ]
    moved = found(changes, (), EMPTY)
    assert moved == {("b", name): Move(("a", name), False) for name in names}
