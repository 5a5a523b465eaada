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
                "        note = Note(",
                "        note = Note(",
            ),
            Change(
                "node/repository.py",
                "        return Committed(block.cid, made, self.head.branch)\n",
                "        with self.home.blocks.writer(Family.OWN) as writer:\n"
                "            writer.put([block])\n"
                "        return Committed(block.cid, made, self.head.branch)\n",
            ),
        ),
        (
            "tests/node/test_order.py",
            "tests/faults/test_sync_order.py",
            "tests/faults/test_turns.py::test_each_call_in_turn[commit]",
        ),
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
    Fault(
        "an fdatasync that does nothing",
        (Change("stores/segments/disk.py", "    os.fdatasync(fd)\n", "    os.fstat(fd)\n"),),
        ("tests/faults/test_sync_order.py", "tests/faults/test_power.py"),
    ),
    Fault(
        "reads without the hash check",
        (
            Change(
                "stores/segments/store.py",
                "        if row is not None and not mh.matches(multihash, data):\n",
                "        if row is not None and False:\n",
            ),
        ),
        ("tests/faults/test_flips.py::test_flips_in_segments",),
    ),
    Fault(
        "a replay that trusts the last batch",
        (
            Change(
                "stores/segments/recover.py",
                "        replay(index, files, catalogue, segment, "
                "suspects.pop(segment.number, {}))\n",
                "        ends = [segment.marked]\n"
                "        for _, row in suspects.pop(segment.number, {}).values():\n"
                "            ends.append(row.offset + row.length)\n"
                "        segment.marked = max(ends)\n"
                "        replay(index, files, catalogue, segment, {})\n",
            ),
        ),
        ("tests/faults/test_rebuild.py::test_rows_that_went_from_the_middle_are_replayed",),
    ),
    Fault(
        "a merge that defaults to ours",
        (
            Change(
                "versioning/merge.py",
                "        self.conflicts[path] = Conflict(path, kind, b, o, t)\n"
                "        self.values[path] = ours and ours.value, theirs and theirs.value\n",
                "        assert kind\n",
            ),
            Change(
                "versioning/merge.py",
                "            self.conflicts[path] = replace(self.conflicts[path], marked=marked, "
                "cells=outcome.cells)\n",
                "            assert replace and marked is not None\n",
            ),
        ),
        (
            "tests/versioning/test_merge_model.py::test_a_merge_is_that_of_the_model",
            "tests/versioning/test_merge.py::test_as_the_naive_merge",
            "tests/commands/test_merge.py::test_disputes_are_listed_marked_and_nothing_is_committed",
            "tests/faults/test_sequences.py",
        ),
    ),
    Fault(
        "a commit of what is in dispute",
        (
            Change(
                "node/committing.py",
                "    if state.open:\n        raise Unresolved(under.what, state.open)\n",
                "",
            ),
        ),
        ("tests/commands/test_merge.py::test_what_is_in_dispute_is_never_committed",),
    ),
    Fault(
        "a signature that is good whatever it signs",
        (
            Change(
                "versioning/signing.py",
                "    return Verdict.GOOD if good else Verdict.BAD\n",
                "    return Verdict.GOOD if good else Verdict.GOOD\n",
            ),
        ),
        (
            "tests/versioning/test_signing.py",
            "tests/versioning/test_verification.py::test_a_field_changed_since_it_was_signed_is_told",
            "tests/commands/test_verify.py::test_a_field_changed_after_signing_is_told_with_the_key",
        ),
    ),
    Fault(
        "hooks that run wherever they lie",
        (
            Change(
                "node/hooks.py",
                'config.find(f"{ENABLED}.{repository.copy_id}") is True\n',
                'config.find(f"{ENABLED}.{repository.copy_id}") != 5\n',
            ),
        ),
        (
            "tests/commands/test_hooks.py::test_a_hook_runs_only_where_it_was_allowed",
            "tests/commands/test_hooks.py::test_a_copy_of_the_directory_runs_no_hook",
        ),
    ),
    Fault(
        "a stat index that trusts what was touched as it looked",
        (
            Change(
                "worktree/index.py",
                "        if found.st_mtime_ns >= self._began_ns or "
                "found.st_ctime_ns >= self._began_ns:\n",
                "        if False:\n",
            ),
        ),
        ("tests/worktree/test_index.py::test_within_a_tick_no_edit_is_overlooked",),
    ),
    Fault(
        "files written before the intent",
        (
            Change(
                "node/moving.py",
                "        repository.home.names.apply(begin)\n"
                "        _write_or_undo(repository, intent, to_write, "
                "_temp(data), careful=False)\n",
                "        _write_or_undo(repository, intent, to_write, "
                "_temp(data), careful=False)\n"
                "        repository.home.names.apply(begin)\n",
            ),
        ),
        ("tests/faults/test_merge_kills.py::test_killed_at_each_call[merge]",),
    ),
    Fault(
        "a session that asks nobody else after DONT_HAVE",
        (
            Change(
                "exchange/fetching.py",
                "                    want.probes -= 1\n"
                "                lost.append(want)\n"
                "        if answered:\n",
                "                    want.probes -= 1\n        if answered:\n",
            ),
        ),
        ("tests/exchange/test_simulation.py",),
    ),
    Fault(
        "a block taken for what it was asked as",
        (
            Change(
                "exchange/fetching.py",
                "            multihash = multihash_of(prefix, data) if partner.owed else None\n",
                "            multihash = next(iter(partner.owed), None)\n",
            ),
        ),
        ("tests/exchange/test_simulation.py",),
    ),
    Fault(
        "an IPNS record whose older fields say something else",
        (
            Change(
                "formats/ipns.py",
                "    if record.has_old:\n        _check_old(record)\n",
                "",
            ),
        ),
        ("tests/formats/test_ipns.py",),
    ),
    Fault(
        "a sequence that goes on from the record kept, not from the highest seen",
        (
            Change(
                "node/name_records.py",
                "highest = max(record.sequence, 0 if kept is None else kept.sequence)\n",
                "highest = record.sequence\n",
            ),
        ),
        ("tests/node/test_name_records.py",),
    ),
    Fault(
        "a row of what is public dropped before the bits",
        (
            Change(
                "node/publishing.py",
                "        _set(home, root, {GOING: True}, check_published(home.names, root))\n",
                "        before = check_published(home.names, root)\n"
                "        home.names.apply([Change(PUBLIC_ROOTS, root.raw, None, before)])\n",
            ),
        ),
        ("tests/node/test_publishing.py",),
    ),
)
