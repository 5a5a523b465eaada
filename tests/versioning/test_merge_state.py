"""A merge state reads back as it was written; what breaks the schema is named."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.dag.walk import run
from jiaozi_node.errors import LimitExceeded
from jiaozi_node.formats import dag_cbor
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import DAG_CBOR, RAW, Cid
from jiaozi_node.versioning import conflict, merge_state
from jiaozi_node.versioning.conflict import Conflict
from jiaozi_node.versioning.drivers.outcome import Cell
from jiaozi_node.versioning.fields import NewerSchema, SchemaBroken
from jiaozi_node.versioning.merge_state import MAX_CELLS, MAX_CONFLICTS, MergeState
from tests.blocks import Blocks
from tests.versioning.histories import TREE, version_cids

NAMES = st.binary(min_size=1, max_size=6).map(
    lambda raw: raw.replace(b"/", b"_").decode("utf-8", "surrogateescape")
)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(tuple)
SIDES = st.none() | st.binary(max_size=5).map(lambda data: Block.of(data, RAW).cid)
VALUES = st.none() | st.binary(max_size=5)
CELLS = st.builds(Cell, st.binary(max_size=5), VALUES, VALUES, VALUES, VALUES)
CONFLICTS = st.builds(
    Conflict,
    PATHS,
    st.sampled_from(sorted(conflict.KINDS)),
    SIDES,
    SIDES,
    SIDES,
    st.booleans(),
    st.lists(CELLS, max_size=2).map(tuple),
    st.just(()) | st.tuples(PATHS, PATHS),
)
STATES = st.builds(
    MergeState,
    st.none() | st.just(TREE),
    version_cids(),
    version_cids(),
    st.just(TREE),
    st.lists(CONFLICTS, max_size=3).map(tuple),
)
OURS, THEIRS = (Block.of(data, DAG_CBOR).cid for data in (b"\xa0", b"\x80"))


def _back(state: MergeState) -> tuple[MergeState, int]:
    held = Blocks()
    made = merge_state.encode(state)
    held.put(made)
    return run(merge_state.decode(made[-1].cid), held.get), len(made)


@given(STATES)
def test_states_read_back(state: MergeState) -> None:
    assert _back(state)[0] == state


def test_many_conflicts_go_on_pages() -> None:
    found = tuple(Conflict((f"{at:0200}",), conflict.BOTH_MODIFIED, TREE) for at in range(3_000))
    state = MergeState(None, OURS, THEIRS, TREE, found)
    back, blocks = _back(state)
    assert back == state
    assert blocks == 4


def test_limits_of_a_state() -> None:
    one = Conflict(("f",), conflict.BOTH_MODIFIED)
    MergeState(None, OURS, THEIRS, TREE, (one,) * MAX_CONFLICTS)
    with pytest.raises(LimitExceeded, match="conflicts is 100001 paths"):
        MergeState(None, OURS, THEIRS, TREE, (one,) * (MAX_CONFLICTS + 1))
    cells = (Cell(b"1", None, None, None, None),) * MAX_CELLS
    MergeState(None, OURS, THEIRS, TREE, (Conflict(("f",), one.kind, cells=cells),))
    with pytest.raises(LimitExceeded, match="cells in dispute of 'f' is 1001 cells"):
        MergeState(None, OURS, THEIRS, TREE, (Conflict(("f",), one.kind, cells=cells + cells[:1]),))


def _broken(state: dict[str, Any], page: Any = None) -> Cid:
    held = Blocks()
    if page is not None:
        pages = {"type": merge_state.PAGE_TYPE, "v": 1, "conflicts": [page]}
        made = Block.of(dag_cbor.encode(pages), DAG_CBOR)
        held.put([made])
        state = {**state, "conflicts": [made.cid]}
    root = Block.of(dag_cbor.encode(state), DAG_CBOR)
    held.put([root])
    run(merge_state.decode(root.cid), held.get)
    return root.cid


GOOD: dict[str, Any] = {
    "type": merge_state.TYPE, "v": 1, "ours": OURS, "theirs": THEIRS, "tree": TREE
}  # fmt: skip


def test_what_is_whole_is_read() -> None:
    _broken(GOOD)
    _broken(GOOD, {"path": b"a", "kind": "mode"})


@pytest.mark.parametrize(
    ("change", "page", "named"),
    [
        ({"tree": OURS}, None, "tree"),
        ({"ours": TREE}, None, "ours"),
        ({"base": None}, None, "base"),
        ({"more": 1}, None, "more"),
        ({"conflicts": []}, None, "conflicts"),
        ({}, {"kind": "mode"}, "path"),
        ({}, {"path": "a", "kind": "mode"}, "path"),
        ({}, {"path": b"a//b", "kind": "mode"}, "path"),
        ({}, {"path": b"a", "kind": "odd"}, "kind"),
        ({}, {"path": b"a", "kind": "mode", "ours": b"x"}, "ours"),
        ({}, {"path": b"a", "kind": "mode", "marked": False}, "marked"),
        ({}, {"path": b"a", "kind": "mode", "renamed": [b"b"]}, "renamed"),
        ({}, {"path": b"a", "kind": "mode", "cells": [{"row": "x"}]}, "cells"),
        ({}, {"path": b"a", "kind": "mode", "x": 1}, "x"),
        ({}, 1, "conflicts"),
    ],
)
def test_a_broken_state_names_the_field(change: dict[str, Any], page: Any, named: str) -> None:
    with pytest.raises(SchemaBroken, match=named) as caught:
        _broken({**GOOD, **change}, page)
    assert named in caught.value.field


def test_a_newer_state_is_not_interpreted() -> None:
    with pytest.raises(NewerSchema):
        _broken({**GOOD, "v": 2})
