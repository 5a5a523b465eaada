"""What must be there after a crash, by what children told, and the check of a home against it."""

from dataclasses import dataclass, field
from pathlib import Path

from jiaozi_node.dag.pin import Pins
from jiaozi_node.dag.walk import run, stream
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node.fsck import Finding, Report, fsck
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.node.repository import Repository
from jiaozi_node.unixfs import resolve
from jiaozi_node.unixfs.read import read
from tests.faults.zygote import Said, content

NOW = 1_900_000_000


def checked(home: LocalHome, *, repair: bool = False) -> tuple[list[Finding], Report]:
    """Run fsck to its end."""
    found: list[Finding] = []
    steps = fsck(home, NOW, repair=repair)
    while True:
        try:
            found.append(next(steps))
        except StopIteration as stop:
            report: Report = stop.value
            return found, report


def file_at(home: LocalHome, root: Cid, *path: str) -> bytes:
    """Return the bytes of the file at *path* below *root*."""
    cid = run(resolve.resolve(resolve.Path(root, path)), home.blocks.get).cid
    return b"".join(stream(read(cid), home.blocks.get))


@dataclass(slots=True)
class Model:
    """What was acknowledged, and what one act under way may or may not have done."""

    head: Cid | None = None
    pinned: set[Cid] = field(default_factory=set)
    serial: int = 0
    acknowledged: int = 0
    notes: list[str] = field(default_factory=list)
    _fresh: list[Said] = field(default_factory=list)  # acknowledged since the last check
    _open: dict[str, Said] = field(default_factory=dict)

    def hear(self, said: list[Said]) -> None:
        """Take note of what a child said."""
        for one in said:
            self.serial = max(self.serial, int(one.get("serial", 0)) + 50)
            if "begin" in one:
                self._open = {one["begin"]: one}
            elif "ack" in one:
                self.acknowledged += 1
                self._open.pop(one["ack"], None)
                self._fresh.append(one)
                if one["ack"] == "import":
                    self.pinned.add(Cid.parse(one["cid"]))
                elif one["ack"] == "unpin":
                    self.pinned.discard(Cid.parse(one["cid"]))

    @property
    def under_way(self) -> str | None:
        """The act that was begun and not acknowledged."""
        return next(iter(self._open), None)

    def check(self, path: Path, work: Path, *, strangers: int = 1) -> int:
        """Open the home at *path* and hold it to all that was acknowledged; return fsck's code.

        *strangers* pins may be there of which nothing was heard: acts cut short.
        """
        home = LocalHome.open(path, 0)
        try:
            repository = Repository.at(home, work)
            found, report = checked(home)
            assert report.exit_code in (0, 1), found
            self._check_pins(home, strangers)
            self._check_head(home, repository)
            for one in self._fresh:
                if one["ack"] == "import" and one["size"]:
                    cid = Cid.parse(one["cid"])
                    if cid in self.pinned:
                        assert file_at(home, cid) == content(one["serial"], one["size"])
                elif one["ack"] == "commit":
                    cid, name = Cid.parse(one["cid"]), f"f{one['serial'] % 9}"
                    data = file_at(home, repository.commit_at(cid).tree, name)
                    assert data == content(one["serial"], one["size"])
            self._check_stage(home, repository)
        finally:
            home.close()
        self.notes += [f"{one.where} {one.item}: {one.what}" for one in found]
        self._fresh, self._open = [], {}
        return report.exit_code

    def _check_pins(self, home: LocalHome, strangers: int) -> None:
        here = {pin.cid for pin in Pins(home.names).ls()}
        open_pins = {
            Cid.parse(one["cid"]) for kind, one in self._open.items() if kind in ("pin", "unpin")
        }
        lost = self.pinned - here - open_pins
        assert not lost, f"acknowledged pins are gone: {sorted(map(str, lost))}"
        new = here - self.pinned - open_pins
        assert len(new) <= strangers, f"pins of nobody: {sorted(map(str, new))}"
        self.pinned = here

    def _check_head(self, home: LocalHome, repository: Repository) -> None:
        """The branch stands where the last acknowledged commit put it, or one act further."""
        told = [Cid.parse(one["cid"]) for one in self._fresh if one["ack"] == "commit"]
        head = repository.head_commit()
        last = told[-1] if told else self.head
        if head != last:
            assert "commit" in self._open, f"the branch is at {head}, not at {last}"
            assert head is not None, "the branch is gone"
            assert repository.commit_at(head).parents == ((last,) if last else ())
        at = last
        for cid in reversed(told):  # and every one leads to the one before
            assert at == cid
            parents = repository.commit_at(cid).parents
            at = parents[0] if parents else None
        assert at == self.head
        self.head = head

    def _check_stage(self, home: LocalHome, repository: Repository) -> None:
        added = [one for one in self._fresh if one["ack"] == "add"]
        committed = {one["serial"] for one in self._fresh if one["ack"] == "commit"}
        tree = repository.staged_tree()
        assert home.blocks.has([tree]) == [True]
        if added and added[-1]["serial"] not in committed and "add" not in self._open:
            serial = added[-1]["serial"]
            data = file_at(home, tree, f"f{serial % 9}")
            assert data == content(serial, len(data))
            assert data
