"""Notes of links: kept across processes, thrown away without harm, never wrong."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.stores import known_links
from jiaozi_node.stores.known_links import KnownLinks

CIDS = st.binary(min_size=1, max_size=100)


def saved(path: Path, notes: dict[bytes, list[bytes]]) -> None:
    known = KnownLinks(path)
    for cid, links in notes.items():
        known.learn(cid, links)
        assert known.links(cid) == links
    known.save()


def read(path: Path, cids: list[bytes]) -> list[list[bytes] | None]:
    known = KnownLinks(path)
    found = [known.links(cid) for cid in cids]
    return [None if links is None else list(links) for links in found]


def noted(cids: set[bytes]) -> dict[bytes, list[bytes]]:
    """Say what *cids* link: always the same, as a CID does."""
    return {cid: [cid[::-1] + b"%d" % number for number in range(len(cid) % 4)] for cid in cids}


@given(first=st.sets(CIDS, max_size=20), second=st.sets(CIDS, max_size=20))
def test_what_was_learnt_is_known_to_the_next(
    first: set[bytes], second: set[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("home") / "cache" / "links"
    saved(path, noted(first))
    saved(path, noted(second))
    both = noted(first | second)
    assert read(path, list(both)) == list(both.values())


def test_any_damage_costs_notes_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "links"
    notes = {b"%03d" % number: [b"child %d" % number] for number in range(50)}
    for cid, links in notes.items():
        saved(path, {cid: links})
    whole = path.read_bytes()
    for at in range(0, len(whole), 37):
        for spoiled in (whole[:at], whole[:at] + bytes((whole[at] ^ 1,)) + whole[at + 1 :]):
            path.write_bytes(spoiled)
            for cid, found in zip(notes, read(path, list(notes)), strict=True):
                assert found in (None, notes[cid])
            saved(path, {b"new": [b"x"]})
            assert read(path, [b"new"]) == [[b"x"]]


def test_notes_that_nobody_asks_for_are_left_out_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_links, "_WORTH_REWRITING", 10)
    path = tmp_path / "links"
    saved(path, {b"%03d" % number: [b"child"] for number in range(100)})
    before = path.stat().st_size
    known = KnownLinks(path)
    assert [known.links(b"%03d" % number) for number in range(20)] == [[b"child"]] * 20
    known.save()
    assert path.stat().st_size < before / 3
    assert read(path, [b"000", b"019", b"020"]) == [[b"child"], [b"child"], None]


def test_a_file_of_the_largest_size_takes_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_links, "MAX_BYTES", 1000)
    monkeypatch.setattr(known_links, "_RECORD_BYTES", 100)
    path = tmp_path / "links"
    for turn in range(5):
        saved(path, {b"%d %03d" % (turn, number): [b"child"] for number in range(100)})
        assert path.stat().st_size <= 1000 + 20
    assert read(path, [b"0 000"]) == [[b"child"]]


def test_where_nothing_can_be_written_nothing_is_lost(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    saved(tmp_path / "file" / "links", {b"a": [b"b"]})
    assert read(tmp_path / "file" / "links", [b"a"]) == [None]
