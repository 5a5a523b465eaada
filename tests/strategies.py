"""Hypothesis strategies for the values of `jiaozi_node.formats`."""

from hypothesis import strategies as st

from jiaozi_node.formats import cid as c
from jiaozi_node.formats import multihash as mh
from jiaozi_node.formats import unixfs_pb, varint
from jiaozi_node.formats.cid import Cid
from jiaozi_node.formats.dag_pb import PbLink, PbNode
from jiaozi_node.formats.depth import Value
from jiaozi_node.formats.unixfs_pb import UnixFs

CODECS = st.sampled_from([c.RAW, c.DAG_PB, c.DAG_CBOR, c.DAG_JSON, c.GIT_RAW, c.JSON])


def _multihash(code: int, digest: bytes) -> bytes:
    return varint.encode(code) + varint.encode(len(digest)) + digest


def multihashes() -> st.SearchStrategy[bytes]:
    """Well-formed multihashes, most of them sha2-256, some identity, some of rarer functions."""
    return st.one_of(
        st.binary(min_size=32, max_size=32).map(lambda d: _multihash(mh.SHA2_256, d)),
        st.binary(max_size=128).map(lambda d: _multihash(mh.IDENTITY, d)),
        st.builds(
            _multihash,
            st.sampled_from(sorted(mh.NAMES.keys() - {mh.IDENTITY})),
            st.binary(min_size=20, max_size=64),
        ),
    )


def cids() -> st.SearchStrategy[Cid]:
    """CIDs of both versions."""
    return st.one_of(
        st.builds(Cid.v1, CODECS, multihashes()),
        st.binary(min_size=32, max_size=32).map(lambda d: Cid.v0(_multihash(mh.SHA2_256, d))),
    )


def names() -> st.SearchStrategy[str]:
    """Names of directory entries: mostly text, sometimes bytes that are not UTF-8."""
    return st.one_of(
        st.text(max_size=20),
        st.binary(max_size=20).map(lambda raw: raw.decode("utf-8", "surrogateescape")),
    )


def pb_links() -> st.SearchStrategy[PbLink]:
    """dag-pb links with and without name and size."""
    sizes = st.integers(0, (1 << 63) - 1)
    return st.builds(PbLink, cids(), st.none() | names(), st.none() | sizes)


def pb_nodes() -> st.SearchStrategy[PbNode]:
    """dag-pb nodes, links in any order."""
    links = st.lists(pb_links(), max_size=8).map(tuple)
    return st.builds(PbNode, links, st.none() | st.binary(max_size=64))


def unixfs() -> st.SearchStrategy[UnixFs]:
    """UnixFS messages with any combination of fields."""
    uint64 = st.integers(0, (1 << 64) - 1)
    return st.builds(
        UnixFs,
        st.sampled_from(sorted(unixfs_pb.KINDS)),
        data=st.none() | st.binary(max_size=64),
        file_size=st.none() | uint64,
        block_sizes=st.lists(uint64 | st.just(262144), max_size=8).map(tuple),
        hash_type=st.none() | uint64,
        fanout=st.none() | uint64,
        mode=st.none() | st.integers(0, (1 << 32) - 1),
        mtime=st.none()
        | st.tuples(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(0, 999_999_999)),
    )


def scalars() -> st.SearchStrategy[Value]:
    """IPLD values without children, links among them."""
    return st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(1 << 64), (1 << 64) - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=20),
        st.binary(max_size=40),
        cids(),
    )


def values(max_leaves: int = 20) -> st.SearchStrategy[Value]:
    """IPLD values that dag-cbor can hold; dag-json reserves a few with the key ``"/"``."""
    keys = st.text(max_size=8) | st.sampled_from(["/", "bytes"])
    return st.recursive(
        scalars(),
        lambda child: st.lists(child, max_size=5) | st.dictionaries(keys, child, max_size=5),
        max_leaves=max_leaves,
    )


@st.composite
def mutated(draw: st.DrawFn, source: st.SearchStrategy[bytes]) -> bytes:
    """Bytes of *source* with a few bytes flipped, taken out, put in, cut off or doubled."""
    data = bytearray(draw(source))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["flip", "drop", "insert", "cut", "double"])):
            case "flip" if at < len(data):
                data[at] ^= draw(st.integers(1, 255))
            case "drop":
                del data[at : at + draw(st.integers(1, 4))]
            case "insert":
                data[at:at] = draw(st.binary(min_size=1, max_size=4))
            case "cut":
                del data[at:]
            case "double":
                data += data[at:]
    return bytes(data)
