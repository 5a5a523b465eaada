"""``gc``, ``fsck`` and ``ipfs repo gc`` as they are typed: answers and exit codes."""

import json
import os
from pathlib import Path

import pytest

from jiaozi_node.dag.pin import Pins
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node import opening
from jiaozi_node.node.acts import leases_of
from jiaozi_node.node.collecting import collect
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.stores.leases import Lease
from tests.commands.conftest import Run

# `echo hi | ipfs add` and its block under the CID that Kubo 0.43 prints when it removes it.
HI = "QmZLRFWaz9Kypt2ACNMDzA5uzACDRiCqwdkNSP1UZsu56D"
HI_BLOCK = "bafkreifdmflkybo26fnmpxrcoakgaeax4yrt2kftctbcz3zz6uz3c5p3xy"


@pytest.fixture
def unpinned(jiaozi: Run, place: Path) -> Path:
    """A Kubo-face home with a block that nothing keeps and a pinned one."""
    jiaozi("ipfs", "init")
    (place / "hi").write_text("hi\n")
    (place / "ho").write_text("ho\n")
    jiaozi("ipfs", "repo", "gc")
    assert jiaozi("ipfs", "add", "-q", "--pin=false", "hi").out == f"{HI}\n"
    jiaozi("ipfs", "add", "-q", "ho")
    return place


@pytest.mark.parametrize(
    ("options", "out"),
    [
        ((), f"removed {HI_BLOCK}\n"),
        (("--quiet",), f"{HI_BLOCK}\n"),
        (("-q",), f"{HI_BLOCK}\n"),
        (("--stream-errors",), f"removed {HI_BLOCK}\n"),
        (("--silent",), ""),
        (("--enc=json",), f'{{"Key":{{"/":"{HI_BLOCK}"}}}}\n'),
    ],
)
def test_repo_gc_answers_as_kubo_does(
    jiaozi: Run, unpinned: Path, options: tuple[str, ...], out: str
) -> None:
    assert unpinned.exists()
    assert jiaozi("ipfs", "repo", "gc", *options).out == out
    assert jiaozi("ipfs", "repo", "gc", *options).out == ""
    assert HI_BLOCK not in jiaozi("ipfs", "refs", "local").out
    jiaozi("ipfs", "cat", HI, code=1)


def test_repo_gc_takes_no_arguments(jiaozi: Run, unpinned: Path) -> None:
    assert unpinned.exists()
    assert "expected 0 argument(s), got 1" in jiaozi("ipfs", "repo", "gc", "x", code=1).err


def test_a_fault_is_the_last_row_when_errors_are_streamed(jiaozi: Run, unpinned: Path) -> None:
    lost = jiaozi("ipfs", "add", "-q", "--raw-leaves", str(unpinned / "ho")).out.strip()
    jiaozi("ipfs", "block", "rm", "-f", lost, code=1)  # it is pinned
    jiaozi("ipfs", "pin", "rm", lost)
    (unpinned / "d").mkdir()
    os.link(unpinned / "ho", unpinned / "d" / "ho")
    top = jiaozi("ipfs", "add", "-Qr", "--raw-leaves", str(unpinned / "d")).out.strip()
    remove(Path(os.environ["JIAOZI_PATH"]), lost)
    ran = jiaozi("ipfs", "repo", "gc", "--stream-errors", code=1)
    assert ran.out.startswith(f"Error: block {lost}, which pins {top} needs, is missing")
    assert "encountered errors during gc run" in ran.err
    ran = jiaozi("ipfs", "repo", "gc", code=1)
    assert (ran.out, lost in ran.err) == ("", True)
    assert HI_BLOCK in jiaozi("ipfs", "refs", "local").out
    ran = jiaozi("gc", code=5)
    assert ran.err.startswith(f"jiaozi: block {lost}")
    ran = jiaozi("fsck", code=6)
    assert f"blocks: {lost}: it is missing; pins {top} needs it (lost)\n" in ran.out
    rows = [json.loads(line) for line in jiaozi("fsck", "--json", code=6).out.splitlines()]
    assert rows[0]["item"] == lost
    assert rows[0]["lost"] is True
    assert rows[-1]["findings"] == rows[-1]["lost"] == 1


def remove(home: Path, text: str) -> None:
    opened = LocalHome.open(home)
    assert opened.blocks.drop([Cid.parse(text)]) == 1
    opened.close()


def test_gc_says_how_much_went(jiaozi: Run, unpinned: Path) -> None:
    assert unpinned.exists()
    dry = json.loads(jiaozi("gc", "--dry-run", "--json").out)
    assert (dry["dryRun"], dry["blocks"], dry["bytes"]) == (True, 1, 11)
    assert jiaozi("gc", "-n").out.startswith("would drop 1 blocks of 11 bytes, ")
    assert jiaozi("gc").out.startswith("dropped 1 blocks of 11 bytes, ")
    assert json.loads(jiaozi("gc", "--json").out)["blocks"] == 0


def test_gc_prunes_reflogs_by_age(jiaozi: Run, place: Path) -> None:
    jiaozi("init")
    (place / "a").write_text("a")
    jiaozi("add", "a")
    jiaozi("commit", "-m", "one")
    assert json.loads(jiaozi("gc", "--json").out)["reflogEntries"] == 0
    assert json.loads(jiaozi("gc", "--json", "--prune=1d").out)["reflogEntries"] == 0
    assert "not an age" in jiaozi("gc", "--prune=soon", code=2).err
    assert jiaozi("fsck").out.endswith("all is well\n")
    assert jiaozi("cat", "HEAD:a").out == "a"


def test_fsck_mends_and_then_finds_nothing(jiaozi: Run, unpinned: Path) -> None:
    for file in (Path(os.environ["JIAOZI_PATH"]) / "segments").glob("*.car"):
        data = file.read_bytes()
        file.write_bytes(data.replace(b"hi\n", b"hu\n"))
    assert unpinned.exists()
    assert "(can be mended)" in jiaozi("fsck", code=1).out
    assert "(mended)" in jiaozi("fsck", "--repair", code=1).out
    assert jiaozi("fsck").out.endswith(": all is well\n")


def test_pins_before_one_that_fails_stay(jiaozi: Run, unpinned: Path) -> None:
    assert unpinned.exists()
    absent = "QmPFLWadhMBTg8pQ8ZmvFFCDnLhLXnHieXHPd8LGERQMa6"
    for failing in (absent, "no path"):
        jiaozi("ipfs", "pin", "add", HI, failing, code=1)
        assert HI in jiaozi("ipfs", "pin", "ls", "--type=recursive").out
        jiaozi("ipfs", "pin", "rm", HI)


def test_a_listing_of_pins_that_lost_its_notes_is_the_same(jiaozi: Run, unpinned: Path) -> None:
    (unpinned / "d").mkdir()
    (unpinned / "d" / "x").write_text("x")
    jiaozi("ipfs", "add", "-r", "-q", str(unpinned / "d"))
    first = jiaozi("ipfs", "pin", "ls").out
    assert " indirect\n" in first
    notes = Path(os.environ["JIAOZI_PATH"]) / "cache" / "links"
    assert notes.stat().st_size > 100
    assert jiaozi("ipfs", "pin", "ls").out == first
    notes.write_bytes(b"rubbish")
    assert jiaozi("ipfs", "pin", "ls").out == first
    notes.unlink()
    assert jiaozi("ipfs", "pin", "ls").out == first


def test_repo_stat_tells_how_the_home_stands(jiaozi: Run, unpinned: Path) -> None:
    assert unpinned.exists()
    before = json.loads(jiaozi("repo", "stat", "--json").out)
    home = Path(os.environ["JIAOZI_PATH"])
    assert (before["path"], before["layout"]) == (str(home), "jiaozi 1")
    blocks = [int(jiaozi("ipfs", "block", "stat", cid).out.split()[-1]) for cid in here(jiaozi)]
    assert (before["blocks"], before["blockBytes"]) == (len(blocks), sum(blocks))
    assert before["deadBytes"] == before["ownBytes"] == 0
    files = home.glob("segments/*.car")
    assert before["publicBytes"] == sum(file.stat().st_size for file in files)
    assert before["rows"] == {"pins": 2}
    assert before["collection"] is None
    jiaozi("gc")
    after = json.loads(jiaozi("repo", "stat", "--json").out)
    assert (after["blocks"], after["blockBytes"]) == (len(blocks) - 1, sum(blocks) - 11)
    assert after["deadBytes"] in (0, 11)  # 0 when the segment was written anew
    text = jiaozi("repo", "stat").out
    assert f"home:           {home} (jiaozi 1)\n" in text
    assert f"blocks:         {after['blocks']} of {after['blockBytes']} bytes\n" in text
    assert "gc:" not in text


def here(jiaozi: Run) -> list[str]:
    return jiaozi("ipfs", "refs", "local").out.split()


def test_a_collection_that_was_cut_short_shows_until_it_is_gone_on_with(
    jiaozi: Run, unpinned: Path
) -> None:
    assert unpinned.exists()
    home = LocalHome.open(Path(os.environ["JIAOZI_PATH"]))
    run = collect(home, 1)
    next(run)
    run.close()
    home.close()
    assert "gc:             begun and not ended, 0 blocks dropped; 'jiaozi gc' goes on\n" in (
        jiaozi("repo", "stat").out
    )
    assert jiaozi("gc").out.splitlines()[1].startswith("an earlier run, which was cut short, had")
    assert json.loads(jiaozi("repo", "stat", "--json").out)["collection"] is None


@pytest.fixture
def collected_before_each_pin(monkeypatch: pytest.MonkeyPatch) -> list[LocalHome]:
    """A collection runs just before each pin is set; the home that was opened last stands in it."""
    homes: list[LocalHome] = []
    open_home, add = opening.open_home, Pins.add

    def opened(path: Path) -> LocalHome:
        homes[:] = [open_home(path)]  # type: ignore[list-item]
        return homes[0]

    def adding(pins: Pins, cid: Cid, mode: str = "recursive", name: str = "") -> None:
        list(collect(homes[0], 1))
        add(pins, cid, mode, name)

    monkeypatch.setattr(opening, "open_home", opened)
    monkeypatch.setattr(Pins, "add", adding)
    return homes


@pytest.mark.parametrize("held", ["alone"], indirect=True)
@pytest.mark.parametrize(
    "words",
    [
        ("add", "-q", "new"),
        ("block", "put", "--pin", "new"),
        ("dag", "put", "--pin", "--store-codec=raw", "--input-codec=raw", "new"),
        ("dag", "import", "hi.car"),
    ],
)
def test_what_a_command_wrote_or_found_stays_until_it_is_pinned(
    jiaozi: Run, unpinned: Path, words: tuple[str, ...], request: pytest.FixtureRequest
) -> None:
    (unpinned / "new").write_text("new\n")
    (unpinned / "hi.car").write_bytes(jiaozi("ipfs", "dag", "export", HI).raw)
    pins = len(jiaozi("ipfs", "pin", "ls", "-q").out.split())
    homes = request.getfixturevalue("collected_before_each_pin")
    jiaozi("ipfs", *words)
    assert homes
    assert len(jiaozi("ipfs", "pin", "ls", "-q").out.split()) == pins + 1
    assert (HI_BLOCK in here(jiaozi)) == (words[1] == "import")
    assert jiaozi("fsck").out.endswith("all is well\n")


@pytest.mark.parametrize("held", ["alone"], indirect=True)
def test_a_block_that_an_act_under_way_needs_is_not_removed(
    jiaozi: Run, unpinned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert unpinned.exists()
    open_home = opening.open_home
    with_act: list[Lease] = []

    def opened(path: Path) -> LocalHome:
        home = open_home(path)
        lease = leases_of(home).begin()
        with home.blocks.under(lease).writer() as writer:  # type: ignore[attr-defined]
            assert writer.present([Cid.parse(HI)]) == [True]
        with_act.append(lease)
        return home  # type: ignore[return-value]

    with monkeypatch.context() as patched:
        patched.setattr(opening, "open_home", opened)
        assert "needed by an act under way" in jiaozi("ipfs", "block", "rm", HI, code=1).err
    assert with_act
    assert HI_BLOCK in here(jiaozi)
    jiaozi("ipfs", "block", "rm", HI)
    assert HI_BLOCK not in here(jiaozi)


def test_repo_verify_names_what_is_damaged_and_drops_it_when_told(
    jiaozi: Run, unpinned: Path
) -> None:
    assert unpinned.exists()
    total = len(here(jiaozi))
    for file in (Path(os.environ["JIAOZI_PATH"]) / "segments").glob("*.car"):
        file.write_bytes(file.read_bytes().replace(b"hi\n", b"hu\n"))
    ran = jiaozi("ipfs", "repo", "verify", code=1)
    assert f"block {HI_BLOCK} was corrupt" in ran.out
    assert "verify complete, 1 blocks corrupt" in ran.err
    ran = jiaozi("ipfs", "repo", "verify", "--drop")
    assert f"block {HI_BLOCK} was corrupt" in ran.out
    assert "verify complete, 1 blocks corrupt, 1 removed" in ran.out
    assert jiaozi("ipfs", "repo", "verify").out.endswith("all blocks validated.\n")
    assert len(here(jiaozi)) == total - 1
