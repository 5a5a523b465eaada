"""Flipped bits in segments, drops, index, mark and names.db.

Each one in a live block or row is found by fsck; any other changes no answer; none is served. Flips
in segments are made many at a time, each in a block of its own, and told apart by CID.
"""

import random
import shutil
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from jiaozi_node.dag.pin import Pins
from jiaozi_node.errors import Corrupt, JiaoziError
from jiaozi_node.formats import multihash as mh
from jiaozi_node.formats.cid import RAW, Cid
from jiaozi_node.node.fsck import Finding
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.stores.segments.frame import Section
from jiaozi_node.stores.segments.store import SegmentStore
from tests.faults.conftest import Show
from tests.faults.model import checked
from tests.faults.places import commands, fresh_home, put_back
from tests.faults.sizes import SEED, SIZES
from tests.faults.zygote import Zygote, content

AT_ONCE = 40


class Span(NamedTuple):
    """Bytes of a segment: the *data* or the *head* of a block's section, or *dead* ones."""

    file: str
    start: int
    end: int
    kind: str
    multihash: bytes


class Known(NamedTuple):
    """The home before any flip."""

    template: Path
    home: Path
    spans: list[Span]
    names: list[tuple[str, bytes, bytes]]
    blocks: dict[bytes, bytes]


def segments_of(home: LocalHome) -> SegmentStore:
    store = home.blocks.inner  # type: ignore[attr-defined]
    assert isinstance(store, SegmentStore)
    return store


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory, plain_zygote: Zygote) -> Known:
    at = tmp_path_factory.mktemp("flips")
    home, work, _model = fresh_home(at / "at", None, plain_zygote)
    for number in range(60):
        (work / f"small{number}").write_bytes(content(1000 + number, 1500))
    outside = at / "outside"
    outside.mkdir()
    for number in range(60):
        (outside / f"small{number}").write_bytes(content(2000 + number, 1500))
    commands(
        plain_zygote, home, work,
        ["add", "."], ["commit", "-m", "second"], ["ipfs", "add", "-Q", "-r", str(outside)],
        ["gc"],
    )  # fmt: skip
    for number in range(6):  # garbage that has its rows yet
        (at / f"aside{number}").write_bytes(content(3000 + number, 1500))
        commands(
            plain_zygote,
            home,
            work,
            ["ipfs", "add", "-Q", "--pin=false", str(at / f"aside{number}")],
        )
    opened = LocalHome.open(home, 0)
    store = segments_of(opened)
    rows = dict(store.rows())
    spans = []
    for segment in store.segments():
        file = f"segments/{segment.name}"
        end = 0
        for section in store.scan_segment(segment):
            if not isinstance(section, Section):
                continue
            row = rows.get(section.multihash)
            live = row is not None and (row.segment, row.offset) == (segment.number, section.offset)
            head = Span(file, end, section.offset, "head" if live else "dead", section.multihash)
            data = Span(
                file, section.offset, section.end, "data" if live else "dead", head.multihash
            )
            spans += [head, data]
            end = section.end
        # The first head takes the file's own with it.
    known = Known(
        at / "template", home, spans, list(opened.names.everything()),
        {key: store.get(Cid.v1(RAW, key)).data for key in rows},
    )  # fmt: skip
    opened.close()
    put_back(home, known.template)
    return known


def flip(path: Path, byte: int, bit: int) -> None:
    with path.open("r+b") as file:
        file.seek(byte)
        old = file.read(1)[0]
        file.seek(byte)
        file.write(bytes((old ^ 1 << bit,)))


def wrong_blocks(home: LocalHome, known: Known) -> set[bytes]:
    """Read every block; return those that can't be had. None may come with other bytes."""
    wrong = set()
    for multihash, data in known.blocks.items():
        try:
            served = home.blocks.get(Cid.v1(RAW, multihash)).data
        except (Corrupt, JiaoziError):
            wrong.add(multihash)
        else:
            assert served == data, f"other bytes were served for {multihash.hex()}"
            assert mh.matches(multihash, served)
    return wrong


def names_of(home: LocalHome) -> list[tuple[str, bytes, bytes]] | None:
    """Return all names; None when they are told to be damaged."""
    try:
        list(Pins(home.names).ls())
        return list(home.names.everything())
    except JiaoziError:
        return None


def test_flips_in_segments(known: Known, show: Show) -> None:
    numbers = random.Random(SEED)
    counts: Counter[str] = Counter()
    began = time.monotonic()
    while counts.total() < SIZES.flips_segments:
        put_back(known.template, known.home)
        hit: dict[str, set[bytes]] = {"data": set(), "head": set(), "dead": set()}
        for span in _some(known, numbers):
            byte = numbers.randrange(span.start, span.end)
            flip(known.home / span.file, byte, numbers.randrange(8))
            hit[span.kind].add(span.multihash)
            counts[span.kind] += 1
        home = LocalHome.open(known.home, 0)
        try:
            found, report = checked(home)
            told = {_multihash_in(one) for one in found if one.where == "blocks"}
            missed = hit["data"] - told
            assert not missed, f"{len(missed)} damaged blocks were not found by fsck"
            assert told - {b""} <= hit["data"] | hit["head"], "fsck told of sound blocks"
            assert report.exit_code in (1, 6)
            if hit["head"]:
                assert any(one.where == "store" for one in found), "damaged heads were not found"
            assert wrong_blocks(home, known) == hit["data"]
            assert names_of(home) == known.names
        finally:
            home.close()
    _tell(show, "segments", counts, began)
    if SIZES.flips_segments > 500:
        assert min(counts[kind] for kind in ("data", "head", "dead")) > 10


def test_a_repair_saves_blocks_whose_heads_are_damaged(known: Known) -> None:
    """Their rows still lead to them; a rebuild would not find them again."""
    numbers = random.Random(SEED)
    heads = [span for span in known.spans if span.kind == "head"]
    found_some = 0
    for span in numbers.sample(heads, min(len(heads), SIZES.flips_index // 3)):
        put_back(known.template, known.home)
        flip(known.home / span.file, numbers.randrange(span.start, span.end), numbers.randrange(8))
        home = LocalHome.open(known.home, 0)
        assert wrong_blocks(home, known) == set()
        found, report = checked(home, repair=True)
        assert report.exit_code in (0, 1), found
        assert report.repaired == report.findings, found
        assert wrong_blocks(home, known) == set()
        found_some += bool(found)
        assert checked(home)[0] == [] or segments_of(home).rebuilds
        home.close()
        shutil.rmtree(known.home / "index")
        home = LocalHome.open(known.home, 0)
        assert checked(home)[1].lost == 0
        assert wrong_blocks(home, known) == set(), "a rebuild lost a block after the repair"
        home.close()
        home = LocalHome.open(known.home, 0)
        assert checked(home)[0] == []
        home.close()
    assert found_some


def _some(known: Known, numbers: random.Random) -> list[Span]:
    """Pick spans of different blocks: most by the bytes they have, some by chance of any kind."""
    weights = [span.end - span.start for span in known.spans]
    picked = numbers.choices(known.spans, weights, k=AT_ONCE - 10)
    picked += numbers.choices([one for one in known.spans if one.kind != "data"], k=10)
    once = {span.multihash: span for span in picked}
    return list(once.values())


def _multihash_in(finding: Finding) -> bytes:
    try:
        return Cid.parse(finding.item).multihash
    except JiaoziError:
        return b""


FILES = ("index/*.ldb", "index/*.log", "index/MANIFEST-*", "index/CURRENT", "index.mark",
         "index.clean", "segments/*.drops")  # fmt: skip


def test_flips_in_what_is_derived(known: Known, show: Show) -> None:
    """No flip there changes an answer: it is noticed and the index rebuilt, or it meant nothing."""
    numbers = random.Random(SEED)
    counts: Counter[str] = Counter()
    began = time.monotonic()
    for number in range(SIZES.flips_index):
        put_back(known.template, known.home)
        files = [
            path
            for path in known.home.glob(FILES[number % len(FILES)])
            if path.stat().st_size
        ]  # fmt: skip
        if not files:
            files = [known.home / "index.mark"]
        path = numbers.choices(files, [file.stat().st_size for file in files])[0]
        byte = numbers.randrange(path.stat().st_size)
        flip(path, byte, numbers.randrange(8))
        home = LocalHome.open(known.home, 0)
        try:
            if number % 2:
                assert wrong_blocks(home, known) == set(), path
            found, report = checked(home)
            # The index is rebuilt on the way, or by a repair; nothing is lost.
            assert report.exit_code in (0, 1), (path, byte, found)
            assert wrong_blocks(home, known) == set(), path
            listed = set(home.blocks.multihashes())
            assert known.blocks.keys() <= listed, path
            assert names_of(home) == known.names
            noticed = bool(found) or segments_of(home).rebuilds
        finally:
            home.close()
        counts["noticed" if noticed else "without effect"] += 1
    _tell(show, "index, mark and drops", counts, began)


def test_flips_in_names(known: Known, show: Show) -> None:
    numbers = random.Random(SEED)
    counts: Counter[str] = Counter()
    began = time.monotonic()
    data = (known.template / "names.db").read_bytes()
    flips = [(numbers.randrange(len(data)), numbers.randrange(8)) for _ in range(SIZES.flips_names)]
    # Few bytes of it are the schema's and the first cells of each page: they are met for sure.
    for words in (b"CREATE TABLE names", b"CREATE TABLE tallies", b"WITHOUT ROWID"):
        flips += [(data.index(words) + at, 7) for at in (0, 5, 13)]
    flips += [(page + at, 2) for page in range(0, len(data), 4096) for at in (0, 4, 8)]
    for byte, bit in flips:
        put_back(known.template, known.home)
        flip(known.home / "names.db", byte, bit)
        where = f"byte {byte} bit {bit} of names.db"
        home = LocalHome.open(known.home, 0)
        try:
            names = names_of(home)
            assert names is None or names == known.names, f"{where}: other names were served"
            _same_one_by_one(home, known, where)
            found, report = checked(home)
        finally:
            home.close()
        if names is None:
            assert report.exit_code in (1, 6), f"{where} is not found by fsck: {found}"
        counts["found" if report.exit_code else "without effect"] += 1
    _tell(show, "names.db", counts, began)


def _same_one_by_one(home: LocalHome, known: Known, where: str) -> None:
    """Every name asked for by itself is as it was or told to be damaged; none is silently gone."""
    try:
        names = home.names
    except JiaoziError:
        return
    gone = 0
    for kind, key, value in known.names:
        try:
            found = names.get(kind, key)
        except JiaoziError:
            continue
        assert found is None or found == value, f"{where}: another value was served"
        gone += found is None
    # A key that is damaged isn't found under its name; the kind's tally then tells.
    assert not gone or names_of(home) is None, f"{where}: a name went unnoticed"


def _tell(show: Show, where: str, counts: "Counter[str]", began: float) -> None:
    by_kind = ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items()))
    show(
        f"flips in {where}: {counts.total()} in {time.monotonic() - began:.1f} s: {by_kind}; "
        "none served"
    )
