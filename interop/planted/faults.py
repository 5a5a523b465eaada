"""The table of faults: what is changed in the source, and which tests must notice.

A change names a file of the package and the exact text that is replaced. When that text is no
longer there the fault no longer applies, and the run fails until this table is brought up to date.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """One replacement in one file of ``jiaozi_node/``; *old* must stand there exactly once."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Fault:
    """What would be wrong, how it is brought about, and the tests that must fail."""

    name: str
    changes: tuple[Change, ...]
    tests: tuple[str, ...]


FAULTS = (
    Fault(
        "a writer that follows symlinks",
        (
            Change(
                "worktree/writer.py",
                "_NOFOLLOW = os.O_NOFOLLOW | os.O_CLOEXEC\n",
                "_NOFOLLOW = os.O_CLOEXEC\n",
            ),
        ),
        ("tests/worktree/test_hostile_trees.py", "tests/worktree/test_writer.py"),
    ),
    Fault(
        "a decoder without the depth cap",
        (Change("formats/depth.py", "MAX_DEPTH = 256\n", "MAX_DEPTH = 1 << 60\n"),),
        ("tests/formats/test_depth.py",),
    ),
    Fault(
        "a CID compared by text",
        (
            Change("formats/cid.py", "    raw: bytes\n", '    raw: bytes\n    text: str = ""\n'),
            Change(
                "formats/cid.py",
                "        return Cid(_bytes_of(text))\n",
                "        return Cid(_bytes_of(text), text)\n",
            ),
            Change(
                "formats/cid.py",
                "        return self.raw == other.raw if isinstance(other, Cid)",
                "        def text(one: Cid) -> str:\n"
                "            return one.text or str(one)\n\n"
                "        return text(self) == text(other) if isinstance(other, Cid)",
            ),
        ),
        ("tests/formats/test_cid.py",),
    ),
    Fault(
        "a name moved before its blocks",
        (
            Change(
                "node/repository.py",
                "        with self.home.blocks.writer(Family.OWN) as writer:\n"
                "            writer.put([block])\n"
                "        kind = ",
                "        kind = ",
            ),
            Change(
                "node/repository.py",
                "        return Committed(block.cid, made, self.head.branch)\n",
                "        with self.home.blocks.writer(Family.OWN) as writer:\n"
                "            writer.put([block])\n"
                "        return Committed(block.cid, made, self.head.branch)\n",
            ),
        ),
        ("tests/node/test_order.py",),
    ),
    Fault(
        "a collection that ignores leases",
        (
            Change(
                "stores/leases.py",
                "            held = self._leases.held()\n",
                "            held: list[Lease] = []\n",
            ),
        ),
        ("tests/dag/test_gc.py", "tests/node/test_collecting.py"),
    ),
)
