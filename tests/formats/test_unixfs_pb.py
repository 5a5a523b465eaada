"""The UnixFS message: Kubo's bytes when written, any protobuf when read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.formats import unixfs_pb
from jiaozi_node.formats.unixfs_pb import MalformedUnixFs, UnixFs
from tests import strategies
from tests.outcome import outcome


@pytest.mark.parametrize(
    ("node", "data"),
    [
        # An empty directory and an empty file, which every IPFS node has.
        (UnixFs(unixfs_pb.DIRECTORY), "0801"),
        (UnixFs(unixfs_pb.FILE, file_size=0), "08021800"),
        (UnixFs(unixfs_pb.FILE, b"hello\n", 6), "0802120668656c6c6f0a1806"),
        (UnixFs(unixfs_pb.SYMLINK, b"a"), "0804120161"),
        (
            UnixFs(unixfs_pb.FILE, None, 524288, (262144, 262144)),
            "0802188080202080801020808010",
        ),
        (
            UnixFs(unixfs_pb.HAMT_SHARD, b"\x01", hash_type=0x22, fanout=256),
            "08051201012822308002",
        ),
        # `ipfs add --mode 0644 --mtime 1700000000 --mtime-nsecs 5`, and one second before 1970.
        (
            UnixFs(unixfs_pb.FILE, b"x", 1, mode=0o644, mtime=(1700000000, 5)),
            "0802120178180138a403420b0880e2cfaa061505000000",
        ),
        (
            UnixFs(unixfs_pb.DIRECTORY, mtime=(-1, 0)),
            "0801420b08ffffffffffffffffff01",
        ),
    ],
)
def test_the_bytes_of_kubo(node: UnixFs, data: str) -> None:
    assert unixfs_pb.encode(node).hex() == data
    assert unixfs_pb.decode(bytes.fromhex(data)) == node


@given(strategies.unixfs())
def test_what_is_written_is_read(node: UnixFs) -> None:
    assert unixfs_pb.decode(unixfs_pb.encode(node)) == node


@given(
    st.none() | st.binary(max_size=300),
    st.none() | st.integers(0, 1 << 62),
    st.lists(st.sampled_from([262144, 1, 1 << 40]), max_size=9).map(tuple),
)
def test_the_fast_path_writes_the_same(
    data: bytes | None, size: int | None, sizes: tuple[int, ...]
) -> None:
    node = UnixFs(unixfs_pb.FILE, data, size, sizes)
    assert unixfs_pb.encode_file(data, size, sizes) == unixfs_pb.encode(node)


@pytest.mark.parametrize(
    ("rule", "data", "node"),
    [
        ("fields may stand in any order", "18060802", UnixFs(2, file_size=6)),
        ("the last of a scalar counts", "0801080218011802", UnixFs(2, file_size=2)),
        ("block sizes may be packed", "0802220301ac02", UnixFs(2, block_sizes=(1, 300))),
        ("block sizes may be packed and not", "08022201012002", UnixFs(2, block_sizes=(1, 2))),
        ("unknown fields are passed over", "08024801520161590000000000000000", UnixFs(2)),
        ("nanoseconds may be left out", "080242020805", UnixFs(2, mtime=(5, 0))),
        ("unknown fields of the time too", "0802420408051801", UnixFs(2, mtime=(5, 0))),
        ("an empty list of sizes is none", "08022200", UnixFs(2)),
    ],
)  # fmt: skip
def test_what_a_protobuf_reader_takes(rule: str, data: str, node: UnixFs) -> None:
    assert unixfs_pb.decode(bytes.fromhex(data)) == node, rule


@given(st.binary(max_size=60) | strategies.mutated(strategies.unixfs().map(unixfs_pb.encode)))
def test_any_bytes_are_a_message_or_malformed(data: bytes) -> None:
    node, fault = outcome(unixfs_pb.decode, data)
    if not fault:
        assert unixfs_pb.decode(unixfs_pb.encode(node)) == node


@pytest.mark.parametrize("field", ["12", "22", "42", "52", "8a01"])
def test_a_declared_length_allocates_nothing(field: str) -> None:
    with pytest.raises(MalformedUnixFs):
        unixfs_pb.decode(bytes.fromhex("0802" + field + "ffffffffffffffff7f"))
