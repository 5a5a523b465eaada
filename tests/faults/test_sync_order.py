"""In what order acts write and sync, as the system sees it: blocks, then names, then the answer."""

from pathlib import Path

import pytest

from jiaozi_node.stores.segments.pipeline import WRITEBACK_BYTES
from tests.faults import interposer as ip
from tests.faults.interposer import Event, Interposer
from tests.faults.places import fresh_home
from tests.faults.zygote import Zygote, content

pytestmark = pytest.mark.needs_interposer


@pytest.mark.parametrize("act", ["add", "commit", "import", "large import"])
def test_blocks_are_synced_before_names_and_names_before_the_answer(
    act: str, place: Path, zygote: Zygote, interposer: Interposer
) -> None:
    home, work, _model = fresh_home(place / "at", interposer, zygote)
    # A large one is long enough for the disk to be asked to begin early, which is no sync.
    size = 2 * WRITEBACK_BYTES + 1 if act == "large import" else 50_000
    (work / "new").write_bytes(content(9, size))
    lines = {
        "add": [["add", "."]],
        "commit": [["add", "."], ["commit", "-m", "second"]],
        "import": [["ipfs", "add", str(work / "new")]],
        "large import": [["ipfs", "add", str(work / "new")]],
    }[act]
    *before, last = lines
    if before:
        assert zygote.run("commands", home, work, commands=before)[0] == 0
    interposer.arm(0, 0, tracing=True)
    assert zygote.run("commands", home, work, commands=[last])[0] == 0
    trace = interposer.trace()
    interposer.arm(0, 0)
    named = [at for at, one in enumerate(trace) if _begins(one, ip.WRITE, ip.WAL)]
    written = [at for at, one in enumerate(trace) if _begins(one, ip.WRITE, ip.SEGMENT)]
    assert named
    assert written
    assert written[-1] < named[-1], "blocks were written after the row that names them"
    for at in named:
        dirty = _unsynced(trace[:at], ip.SEGMENT)
        assert not dirty, "a name was written while blocks were not durable"
    assert not _unsynced(trace, ip.SEGMENT), "blocks were not synced"
    assert not _unsynced(trace, ip.WAL), "names were not synced"


def _begins(event: Event, op: int, place: int) -> bool:
    return event.begins and (event.op, event.place) == (op, place)


def _unsynced(trace: list[Event], place: int) -> set[int]:
    """Return the files of *place* with a write that no completed sync follows."""
    dirty: set[int] = set()
    for event in trace:
        if event.place != place:
            continue
        if event.op == ip.WRITE:
            dirty.add(event.file)
        elif event.op in (ip.SYNC, ip.UNLINK) and not event.begins:
            dirty.discard(event.file)
    return dirty
