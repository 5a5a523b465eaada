"""Directories compared as bytes differ where their links do, or are left to who reads them."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.errors import Malformed
from jiaozi_node.formats import dag_pb
from jiaozi_node.formats.dag_pb import RawLink
from jiaozi_node.formats.dag_pb_pair import Unlike, unlike

Links = Mapping[bytes, RawLink]
DIRECTORY = b"\x08\x01"
CIDS = st.integers(0, 5).map(lambda seed: b"\x01\x55\x12\x20" + bytes([seed]) * 32)
ODD_CIDS = st.integers(0, 5).map(lambda seed: b"\x12\x20" + bytes([seed]) * 32)
SIZES = st.sampled_from([0, 1, 127, 128, 300, 16_383, 16_384, 2**21, 2**40])
ALIKE = st.integers(0, 40).map(lambda number: b"%03d" % number)
NAMES = ALIKE | st.binary(min_size=1, max_size=4) | st.just(b"n" * 79)


def directories(names: st.SearchStrategy[bytes] = NAMES) -> st.SearchStrategy[Links]:
    few = st.dictionaries(names, st.tuples(CIDS, SIZES.filter(lambda size: size < 2**28)))
    return few.map(lambda found: {n: (cid, n, size) for n, (cid, size) in sorted(found.items())})


def edited(found: Links) -> st.SearchStrategy[Links]:
    """Directories that are like *found* but for a few entries."""
    gone = st.sets(st.sampled_from(list(found))) if found else st.just(set[bytes]())
    return st.tuples(gone, directories()).map(
        lambda told: dict(
            sorted({**{n: found[n] for n in found if n not in told[0]}, **told[1]}.items())
        )
    )


def block(links: Links, data: bytes = DIRECTORY) -> bytes:
    return dag_pb.encode_links(list(links.values()), data)


def expected(one: Links, other: Links) -> list[Unlike]:
    rows = []
    for name in sorted(one.keys() | other.keys()):
        sides = [found[name][0] if name in found else None for found in (one, other)]
        if sides[0] != sides[1]:
            rows.append(Unlike(name, *sides))
    return rows


@given(directories().flatmap(lambda found: st.tuples(st.just(found), edited(found))))
def test_directories_in_the_usual_form_differ_where_their_links_do(
    sides: tuple[Links, Links],
) -> None:
    one, other = sides
    found = unlike(block(one), block(other))
    if one and other:
        assert found == (expected(one, other), DIRECTORY)
    else:
        assert found is None


@given(directories(ALIKE), st.data())
def test_names_of_one_length_are_compared_in_slices_to_the_same_end(
    one: Links, data: st.DataObject
) -> None:
    other = {
        name: (data.draw(CIDS), name, size) if data.draw(st.booleans()) else (cid, name, size)
        for name, (cid, _name, size) in one.items()
    }
    if one:
        assert unlike(block(one), block(other)) == (expected(one, other), DIRECTORY)


_LINKS = st.lists(st.tuples(CIDS | ODD_CIDS, st.none() | NAMES, st.none() | SIZES), max_size=6)


@given(_LINKS, _LINKS, st.sampled_from([DIRECTORY, b"\x08\x01\x38\xed\x03", b""]), st.data())
def test_nodes_of_any_form_are_left_alone_or_differ_where_they_do(
    one: list[RawLink], more: list[RawLink], payload: bytes, data: st.DataObject
) -> None:
    other = [*one[: data.draw(st.integers(0, len(one)))], *more]
    blocks = [dag_pb.encode_links(links, payload) for links in (one, other)]
    _holds(*blocks)
    spoiled = bytearray(blocks[1])
    for _ in range(data.draw(st.integers(0, 3))):
        if spoiled:
            at = data.draw(st.integers(0, len(spoiled) - 1))
            spoiled[at] = data.draw(st.integers(0, 255))
    _holds(blocks[0], bytes(spoiled))
    _holds(blocks[1], bytes(spoiled[: data.draw(st.integers(0, len(spoiled)))]))


def _holds(one: bytes, other: bytes) -> None:
    """Check that a comparison, if there is one, is that of nodes read link by link."""
    found = unlike(one, other)
    if found is None:
        return
    tables = []
    for node in (one, other):
        links, payload = dag_pb.decode_links(node)  # which doesn't raise `Malformed`
        assert payload == found[1]
        table: dict[bytes, RawLink] = {}
        for link in links:
            table.setdefault(link[1] or b"", link)
        assert len(table) == len(links)
        tables.append(table)
    assert found[0] == expected(*tables)


def test_shards_of_large_directories_are_not_looked_at() -> None:
    links = {b"00a": (b"\x01\x55\x12\x20" + bytes(32), b"00a", 1)}
    data = b"\x08\x05\x12\x01\x01\x28\x22\x30\x80\x02"
    assert unlike(block(links, data), block(links, data)) is None


def test_a_name_that_stands_twice_is_left_to_who_reads_all() -> None:
    twice = [(b"\x01\x55\x12\x20" + bytes([at]) * 32, b"a", 1) for at in (1, 2)]
    node = dag_pb.encode_links(twice, DIRECTORY)
    changed = dag_pb.encode_links([twice[0], (twice[0][0], b"a", 1)], DIRECTORY)
    assert unlike(node, changed) is None


def test_malformed_nodes_are_left_to_who_says_so() -> None:
    node = block({b"a": (b"\x01\x55\x12\x20" + bytes(32), b"a", 1)})
    for broken in (b"", node[:-1], node + b"\x0a\x00", node[:20], b"\x12\xff" + node[2:]):
        try:
            dag_pb.decode_links(broken)
        except Malformed:
            assert unlike(broken, node) is None
        assert unlike(broken, broken) is None
