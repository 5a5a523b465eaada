"""Whoever holds a `Block` may trust it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.errors import LimitExceeded, Malformed
from jiaozi_node.formats import block as b
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import multihash as mh
from jiaozi_node.formats.block import Block, HashMismatch
from jiaozi_node.formats.cid import Cid

HASHES = st.sampled_from([mh.SHA1, mh.SHA2_256, mh.SHA2_512, mh.BLAKE3])


def test_the_cids_that_kubo_gives() -> None:
    # `ipfs block put` of nothing, and `ipfs object new unixfs-dir` of old.
    assert str(Block.of(b"").cid) == "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
    assert str(Block.of_v0(b"\n\x02\x08\x01").cid) == (
        "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"
    )


@given(st.binary(max_size=200), HASHES)
def test_a_block_under_its_own_hash_is_taken(data: bytes, code: int) -> None:
    block = Block.of(data, c.DAG_CBOR, code)
    assert Block.checked(block.cid, data) == block
    assert block.cid.codec == c.DAG_CBOR
    assert block.cid.hash_code == code


@given(st.binary(min_size=1, max_size=200), HASHES, st.data())
def test_one_flipped_bit_is_refused(data: bytes, code: int, pick: st.DataObject) -> None:
    at = pick.draw(st.integers(0, len(data) * 8 - 1))
    other = bytearray(data)
    other[at // 8] ^= 1 << at % 8
    with pytest.raises(HashMismatch) as caught:
        Block.checked(Block.of(data, c.RAW, code).cid, bytes(other))
    assert caught.value.size_bytes == len(data)


def test_version_0_and_1_verify_the_same_data() -> None:
    block = Block.of_v0(b"\n\x02\x08\x01")
    assert Block.checked(block.cid.as_v1(), block.data).cid == block.cid.as_v1()


def test_blocks_hold_2_mib_and_no_more() -> None:
    data = bytes(b.MAX_BYTES + 1)
    cid = Block.of(data).cid
    with pytest.raises(LimitExceeded) as caught:
        Block.checked(cid, data)
    assert (caught.value.limit, caught.value.value) == (2 << 20, (2 << 20) + 1)
    assert Block.checked(cid, data, max_bytes=4 << 20).data == data
    assert len(Block.checked(Block.of(data[1:]).cid, data[1:]).data) == 2 << 20


def test_a_rare_hash_is_checked_as_any_other() -> None:
    zeros = b"\xa0\xe4\x02\x20" + bytes(32)  # of blake2b-256
    with pytest.raises(Malformed):
        Block.checked(Cid.v1(c.RAW, zeros), b"")
