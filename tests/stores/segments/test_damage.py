"""What rots, is cut or zeroed is noticed: found again in the segments, or named; never served."""

import random
import shutil
from pathlib import Path

import pytest

from jiaozi_node.errors import Corrupt
from jiaozi_node.stores.api import Family
from jiaozi_node.stores.segments import disk
from jiaozi_node.stores.segments.files import Files, Segment
from jiaozi_node.stores.segments.index import Row
from tests.stores.segments.given import (
    bits,
    copied,
    fate,
    has_all,
    opened,
    put,
    segment_files,
    some,
)

OWN = some(300, 200, "own ")
PUBLIC = some(300, 200, "public ")
LATER = some(40, 200, "later ")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose index has rows in a table, and some in a log."""
    path = tmp_path_factory.mktemp("home")
    store = opened(path)
    put(store, OWN)
    put(store, PUBLIC, Family.PUBLIC)
    store.set_public([block.cid.multihash for block in OWN[:10]], True)
    store.close()
    store = opened(path)
    put(store, LATER, Family.PUBLIC)
    store.close()
    return path


def index_files(path: Path, suffix: str) -> list[Path]:
    found = [file for file in sorted((path / "index").glob(suffix)) if file.stat().st_size]
    assert found, suffix
    return found


def cut(file: Path, size: int) -> None:
    file.write_bytes(file.read_bytes()[:-size])


def zero(file: Path, at: int, size: int = 4096) -> None:
    data = bytearray(file.read_bytes())
    data[at : at + size] = bytes(len(data[at : at + size]))
    file.write_bytes(data)


@pytest.mark.parametrize("suffix", ["MANIFEST-*", "*.log", "*.ldb", "CURRENT"])
@pytest.mark.parametrize("harm", ["cut", "halved", "zeroed", "gone"])
@pytest.mark.parametrize("clean", [True, False], ids=["closed", "crashed"])
def test_a_damaged_index_is_noticed_and_nothing_is_lost(
    home: Path, tmp_path: Path, suffix: str, harm: str, clean: bool
) -> None:
    path = copied(home, tmp_path / "home")
    if not clean:
        (path / "index.clean").unlink()
    for file in index_files(path, suffix):
        if harm == "gone":
            file.unlink()
        elif harm == "zeroed":
            zero(file, 0)
        else:
            cut(file, file.stat().st_size // 2 if harm == "halved" else 10)
    store = opened(path)
    has_all(store, OWN + PUBLIC + LATER)
    assert all(bits(store, PUBLIC + LATER))
    assert not any(bits(store, OWN[10:]))
    assert len(list(store.rows())) == 640
    assert store.rebuilds == 1
    store.close()
    store = opened(path)
    has_all(store, OWN + PUBLIC + LATER)
    assert store.rebuilds == 0
    store.close()


def test_an_older_log_cut_and_a_newer_one_kept_is_noticed(tmp_path: Path) -> None:
    """LevelDB replays what is left and says nothing: rows in the middle are gone."""
    store = opened(tmp_path)
    put(store, OWN[:100])
    store.checkpoint()
    put(store, OWN[100:])
    crashed = copied(tmp_path, tmp_path.with_name(tmp_path.name + " crashed"))
    store.close()
    for file in index_files(crashed, "*.log"):
        zero(file, 200, 2000)
    store = opened(crashed)
    has_all(store, OWN)
    assert store.rebuilds == 1
    store.close()


def test_an_index_of_another_home_or_an_older_day_is_noticed(home: Path, tmp_path: Path) -> None:
    other = opened(tmp_path / "other")
    put(other, LATER)
    other.close()
    for source in (tmp_path / "other", home):
        path = copied(home, tmp_path / f"{source.name} mixed")
        store = opened(path)
        put(store, some(20, 100, "newest "))
        store.close()
        shutil.rmtree(path / "index")
        shutil.copytree(source / "index", path / "index")
        store = opened(path)
        has_all(store, OWN + PUBLIC + LATER + some(20, 100, "newest "))
        assert store.rebuilds == 1
        store.close()


def test_index_damaged_while_open_is_rebuilt_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(tmp_path)
    put(store, OWN)
    store.close()
    store = opened(tmp_path)
    put(store, PUBLIC[:5], Family.PUBLIC)
    store.checkpoint()
    key = OWN[0].cid.multihash
    store._index._db.put(key, b"\1" * 22)
    with store.writer() as writer:
        writer.put(LATER)
        assert store.get(OWN[0].cid) == OWN[0]
        writer.put(OWN[:3])
    assert store.rebuilds == 1
    for alter in (
        lambda: store.drop([OWN[1].cid]),
        lambda: store.set_public([OWN[2].cid.multihash], True),
        lambda: list(store.rows()),
    ):
        store._index._db.put(OWN[1].cid.multihash, b"rot")
        store._index._db.put(OWN[2].cid.multihash, b"rot")
        alter()
    assert store.rebuilds == 4
    put(store, OWN[1:2])
    has_all(store, OWN + PUBLIC[:5] + LATER)
    assert len(list(store.rows())) == 345
    store.close()


def test_rot_is_named_never_served_and_healed_by_the_next_put(home: Path, tmp_path: Path) -> None:
    path = copied(home, tmp_path / "home")
    store = opened(path)
    victim = PUBLIC[7]
    row = store.row(victim.cid.multihash)
    assert row is not None
    file = next(file for file in segment_files(path) if f"{row.segment:08d}" in file.name)
    zero(file, row.offset, 3)
    for _ in range(2):
        with pytest.raises(Corrupt, match=str(victim.cid)):
            store.get(victim.cid)
    assert store.has([victim.cid]) == [False]
    assert bits(store, [victim]) == [False]
    store.close()
    store = opened(path)
    with pytest.raises(Corrupt):
        store.get(victim.cid)
    put(store, [victim])
    assert store.get(victim.cid) == victim
    assert bits(store, [victim]) == [True]
    store.close()
    store = opened(path)
    has_all(store, OWN + PUBLIC + LATER)
    store.close()


def test_bit_rot_before_a_synced_tail_loses_nothing_behind_it(tmp_path: Path) -> None:
    """After a crash nobody can tell rot from a torn write: what follows must be read anyhow."""
    store = opened(tmp_path, segment_bytes=1 << 30)
    put(store, OWN)
    crashed = copied(tmp_path, tmp_path.with_name(tmp_path.name + " crashed"))
    store.close()
    (file,) = segment_files(crashed)
    for file_in_index in (crashed / "index").glob("*.log"):
        file_in_index.write_bytes(b"")  # no row survived, all must come from the segment
    (crashed / "index.mark").unlink()
    zero(file, 10_000, 500)
    store = opened(crashed, segment_bytes=1 << 30)
    fates = [fate(store, block) for block in OWN]
    assert fates.count("good") >= len(OWN) - 5
    assert "bad" not in fates
    put(store, OWN)  # what was lost is put anew, in a place of its own
    has_all(store, OWN)
    store.close()


def test_a_torn_tail_is_left_alone_and_a_new_segment_begun(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, OWN[:10])
    store.close()
    (file,) = segment_files(tmp_path)
    torn = file.read_bytes() + b"\x80\x02\x01\x55\x12\x20half a block"
    file.write_bytes(torn)
    store = opened(tmp_path)
    has_all(store, OWN[:10])
    put(store, OWN[10:20])
    store.close()
    assert file.read_bytes() == torn
    assert len(segment_files(tmp_path)) == 2
    store = opened(tmp_path)
    has_all(store, OWN[:20])
    store.close()


def test_a_lost_segment_costs_its_blocks_alone(home: Path, tmp_path: Path) -> None:
    path = copied(home, tmp_path / "home")
    lost = segment_files(path)[0]
    lost.unlink()
    store = opened(path)
    assert {fate(store, block) for block in OWN} == {"bad"}
    has_all(store, PUBLIC + LATER)
    put(store, OWN[:3])
    store.close()


@pytest.mark.parametrize(
    ("seed", "flips"), [(1, 60), pytest.param(2, 1000, marks=pytest.mark.slow)]
)
def test_flipped_bits_are_never_served(home: Path, tmp_path: Path, seed: int, flips: int) -> None:
    """In segments they cost the block they are in, elsewhere nothing."""
    chance = random.Random(seed)
    path = copied(home, tmp_path / "home")
    files = [
        file
        for file in sorted(path.rglob("*"))
        if file.is_file() and file.stat().st_size and not file.name.startswith("LO")
    ]
    blocks = OWN + PUBLIC + LATER
    store = opened(path)
    rows = [store.row(block.cid.multihash) for block in blocks]
    store.close()
    originals = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    for _ in range(flips):
        for file in path.rglob("*"):
            if file.is_file() and file not in originals:
                file.unlink()
        for file, content in originals.items():
            file.write_bytes(content)
        file = chance.choice([file for file in files if file in originals])
        data = bytearray(originals[file])
        at = chance.randrange(len(data))
        data[at] ^= 1 << chance.randrange(8)
        file.write_bytes(data)
        hit: set[int] = set()
        if file.suffix == ".car":
            hit = {
                number
                for number, row in enumerate(rows)
                if row is not None
                and f"{row.segment:08d}" in file.name
                and row.offset <= at < row.offset + row.length
            }
        store = opened(path)
        for number, block in enumerate(blocks):
            assert fate(store, block) == ("bad" if number in hit else "good"), (file, at)
        store.close()


def test_a_torn_record_of_drops_counts_for_none(tmp_path: Path) -> None:
    files = Files(str(tmp_path), lambda action: action())
    segment = Segment(1, Family.OWN)
    files.drop(segment, [(number, Row(1, 100 + number, 10, 0)) for number in range(4)])
    file = tmp_path / "own-00000001.drops"
    assert [drop.offset for drop in files.drops(segment)] == [100, 101, 102, 103]
    zero(file, file.stat().st_size // 4 + 5, 12)
    cut(file, 3)
    assert [drop.offset for drop in files.drops(segment)] == [100, 0, 102]
    assert disk.hook is None
