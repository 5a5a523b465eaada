"""Printing many CIDs at once prints what printing each does."""

from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.commands.ipfs.cid_text import CidText
from jiaozi_node.formats.cid import Cid
from tests import strategies


@given(
    st.lists(strategies.cids(), max_size=12),
    st.sampled_from([None, "base32", "base36", "base58btc"]),
    st.booleans(),
)
def test_each_is_as_one_by_one(cids: list[Cid], base: str | None, upgrade: bool) -> None:
    shown = CidText(base, upgrade)
    assert shown.each(cids) == [shown(cid) for cid in cids]
