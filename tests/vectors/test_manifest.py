"""Every vector of ours is listed, under a section that exists, and read by the test of its topic.

A topic with an ``ORIGIN.md`` is borrowed: the tests of the package that it is about read it.
"""

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from jiaozi_node.dag.walk import run
from jiaozi_node.errors import LimitExceeded, Malformed, NotFound, Refused
from jiaozi_node.formats import dag_cbor, dag_json
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import DAG_CBOR, Cid
from jiaozi_node.formats.keys import PrivateKey
from jiaozi_node.stores.memory import MemoryNames
from jiaozi_node.unixfs.profile import named
from jiaozi_node.versioning import commit as commits
from jiaozi_node.versioning import (
    dates,
    fields,
    merge,
    merge_state,
    refname,
    revision,
    selection,
    signing,
)
from jiaozi_node.versioning import tag as tags
from jiaozi_node.versioning.conflict import Conflict
from jiaozi_node.versioning.merge_base import merge_bases
from jiaozi_node.versioning.reflog import Entry, Note
from jiaozi_node.versioning.refname import RefName
from jiaozi_node.versioning.refs import NamesNest, Refs
from jiaozi_node.versioning.workingcopies import Head
from tests.versioning.histories import Histories
from tests.versioning.trees import Trees

SPECS = Path(__file__).parents[2] / "specs"
VECTORS = SPECS / "vectors"
MANIFEST = json.loads((VECTORS / "MANIFEST.json").read_text())
SECTIONS: dict[str, list[str]] = MANIFEST["sections"]
ELSEWHERE: dict[str, str] = MANIFEST["elsewhere"]
LISTED = sorted({name for names in SECTIONS.values() for name in names})
NOTE = Note("a test", "a vector", 1)


def read_version_block(path: Path) -> None:
    block = Block.checked(Cid.parse(path.stem), path.read_bytes())
    if path.parent.name == "commit":
        commit = commits.decode(block)
        assert commits.encode(commit) == block
        assert commits.decode(commits.encode(commit)) == commit
        assert isinstance(hash(commit), int)
    else:
        tag = tags.decode(block)
        assert tags.encode(tag) == block
        assert isinstance(hash(tag), int)


def read_broken_block(path: Path) -> None:
    vector = json.loads(path.read_text())
    runs = vector["runs"] if "runs" in vector else [[vector["hex"], 1]]
    data = b"".join(bytes.fromhex(part) * times for part, times in runs)
    made = Block.of(data, DAG_CBOR)
    block = Block.checked(Cid.parse(vector["cid"]), data) if "cid" in vector else made
    decode = commits.decode if path.parent.name == "invalid-commit" else tags.decode
    family = {"Malformed": Malformed, "NewerSchema": Refused}[vector["error"]]
    with pytest.raises(family) as caught:
        decode(block)
    assert type(caught.value).__name__ == "NewerSchema" or vector["error"] == "Malformed"
    assert len(str(caught.value)) < 300
    assert str(caught.value).isprintable()
    if vector["field"] is not None:
        assert isinstance(caught.value, fields.SchemaBroken | LimitExceeded)
        assert caught.value.field == vector["field"]


def read_signing(path: Path) -> None:
    vector = json.loads(path.read_text())
    signer = signing.Ed25519Signer.of(PrivateKey(bytes.fromhex(vector["secret"])))
    assert signer.key == vector["key"]
    cid = Cid.parse(vector["commit"])
    block = Block.checked(cid, (path.parent / f"{cid}.dag-cbor").read_bytes())
    commit = commits.decode(block)
    assert signing.signing_bytes(commits.TYPE, commits.to_map(commit)).hex() == vector["message"]
    assert commit.sig[0].sig.hex() == vector["signature"]
    assert signing.verify(commit) == ((commit.sig[0], signing.Verdict.GOOD),)
    unsigned = commits.Commit(
        commit.tree, (), commit.profile, commit.author, commit.time, commit.message, 1
    )
    assert commits.encode(signing.sign(unsigned, [signer])) == block


def read_names(path: Path) -> None:
    vector = json.loads(path.read_text())
    for name in vector["valid"]:
        assert RefName.parse(f"heads/{name}").name == name
    for broken in vector["invalid"]:
        with pytest.raises(Malformed) as caught:
            RefName.branch(broken["name"])
        check_section(caught.value, broken["section"])


def read_full(path: Path) -> None:
    vector = json.loads(path.read_text())
    for ref in vector["valid"]:
        assert str(RefName.parse(ref)) == ref
    for broken in vector["invalid"]:
        with pytest.raises(Malformed) as caught:
            RefName.parse(broken["ref"])
        check_section(caught.value, broken["section"])


def check_section(fault: Malformed, section: str) -> None:
    if isinstance(fault, refname.BadName):
        assert f"refs.md §{fault.section}" == section, fault
    else:
        assert isinstance(fault, LimitExceeded), fault
        assert section == "refs.md §1.2"
    assert len(str(fault)) < 300
    assert str(fault).isprintable()


def read_nesting(path: Path) -> None:
    vector = json.loads(path.read_text())
    target = Block.of(b"\xa0", DAG_CBOR).cid
    for together in vector["together"]:
        refs = Refs(MemoryNames(), "k51")
        for ref in together:
            refs.cas(RefName.parse(ref), None, target, NOTE)
        assert sorted(str(name) for name, _ in refs.list()) == sorted(together)
    for first, second in vector["refused"]:
        refs = Refs(MemoryNames(), "k51")
        refs.cas(RefName.parse(first), None, target, NOTE)
        with pytest.raises(NamesNest):
            refs.cas(RefName.parse(second), None, target, NOTE)
        assert [str(name) for name, _ in refs.list()] == [first]
        assert list(refs.reflog(RefName.parse(second))) == []
        refs.delete(RefName.parse(first), target, NOTE)
        refs.cas(RefName.parse(second), None, target, NOTE)


def read_revisions(path: Path) -> None:
    vector = json.loads(path.read_text())
    for good in vector["valid"]:
        rev, inside = revision.split(good["text"])
        read = revision.parse(rev)
        steps = " ".join(f"{step.axis}{step.n}" for step in read.steps)
        assert (read.base, steps, inside) == (good["base"], good["steps"], good["path"])
        assert read.at == good["at"]
    for broken in vector["invalid"]:
        with pytest.raises(Malformed) as caught:
            revision.parse(broken["text"])
        limited = isinstance(caught.value, LimitExceeded)
        assert limited == (broken["section"] == "refs.md §6.4")


def read_ranges(path: Path) -> None:
    vector = json.loads(path.read_text())
    for good in vector["valid"]:
        part = selection.parse(good.pop("text"))
        assert asdict(part) == good
    for text in vector["invalid"]:
        with pytest.raises(Malformed):
            selection.parse(text)


def read_dates(path: Path) -> None:
    vector = json.loads(path.read_text())
    now, zone = vector["now"], timezone(timedelta(minutes=vector["zone_minutes"]))
    for good in vector["valid"]:
        assert dates.parse(good["text"], now, zone) == good["seconds"], good["text"]
    for text in vector["invalid"]:
        with pytest.raises(dates.BadDate) as caught:
            dates.parse(text, now, zone)
        assert "3 days ago" in str(caught.value)


def read_moves(path: Path) -> None:
    vector = json.loads(path.read_text())
    zone = timezone(timedelta(minutes=vector["zone_minutes"]))
    history = Histories()
    made: dict[str | None, Cid | None] = {None: None}
    made["c1"] = c1 = history.commit("c1")
    made["c2"] = c2 = history.commit("c2", c1)
    made |= {"c3": history.commit("c3", c2), "d1": history.commit("d1"), "g1": history.commit("g1")}
    refs = Refs(MemoryNames(), "k51")
    for ref, moves in vector["refs"].items():
        for name, time in moves:
            at = RefName.parse(ref)
            refs.cas(at, refs.get(at), made[name], Note("", "", time))
    head: list[Entry] = []
    for number, (name, why, time) in enumerate(vector["head"]):
        old = head[0].new if head else None
        note = Note("", why.format(c1=made["c1"]), time)
        head.insert(0, Entry(number, old, made[name], note))
    places = revision.Places(
        refs,
        Head("main"),
        moves=lambda: iter(head),
        when=lambda text: dates.parse(text, vector["now"], zone),
    )
    for text, name in vector["found"].items():
        found = run(revision.resolve(revision.parse(text), places), history.get)
        assert found.cid == made[name], text
    for text in vector["not"]:
        with pytest.raises(NotFound):
            run(revision.resolve(revision.parse(text), places), history.get)
    for text in vector["refused"]:
        with pytest.raises(dates.BadDate):
            run(revision.resolve(revision.parse(text), places), history.get)


def read_merge(path: Path) -> None:
    story = json.loads(path.read_text())
    profile = named(story["profile"])
    held = Trees()

    def tree(side: str) -> Cid | None:
        file = path.parent / f"{side}.dag-json"
        if not file.exists():
            return None
        return held.tree(as_bytes(dag_json.decode(file.read_bytes())), profile)

    base, ours, theirs, expected = (tree(side) for side in ("base", "ours", "theirs", "expect"))
    assert ours
    assert theirs
    assert str(expected) == story["tree"]
    options = merge.Options(favour=story.get("favour"))
    merged = held.done(merge.merge(base, ours, theirs, profile, options))
    assert merged.tree == expected
    assert [as_json(found) for found in merged.conflicts] == [
        {"marked": False, "cells": [], "renamed": [], **found} for found in story["conflicts"]
    ]


def as_bytes(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {name: as_bytes(there) for name, there in tree.items()}
    return tree.encode() if isinstance(tree, str) else tree


def as_json(found: Conflict) -> dict[str, Any]:
    cells = [
        {key: value.decode() for key, value in asdict(cell).items() if value is not None}
        for cell in found.cells
    ]
    return {
        "path": "/".join(found.path),
        "kind": found.kind,
        "marked": found.marked,
        "cells": cells,
        "renamed": ["/".join(path) for path in found.renamed],
    }


def read_state(path: Path) -> None:
    vector = json.loads(path.read_text())
    held = Trees()
    blocks = {Cid.parse(cid): bytes.fromhex(data) for cid, data in vector["blocks"].items()}
    held.put([Block.checked(cid, data) for cid, data in blocks.items()])
    state = run(merge_state.decode(Cid.parse(vector["state"])), held.get)
    assert {block.cid: block.data for block in merge_state.encode(state)} == blocks
    found = {side: str(getattr(state, side)) for side in ("base", "ours", "theirs", "tree")}
    sides = ("base", "ours", "theirs")
    conflicts = [
        as_json(one)
        | {side: str(cid) for side in sides if (cid := getattr(one, side)) is not None}
        | {"settled": one.settled}
        for one in state.conflicts
    ]
    told = [{key: value for key, value in one.items() if value} for one in conflicts]
    assert {**found, "conflicts": told} == vector["value"]


def read_bases(path: Path) -> None:
    for history in json.loads(path.read_text())["histories"]:
        histories = Histories()
        made: dict[str, Cid] = {}
        for name, parents in history["parents"].items():
            made[name] = histories.commit(name, *[made[parent] for parent in parents])
        for one, other in (history["of"], reversed(history["of"])):
            found = run(merge_bases(made[one], made[other]), histories.get)
            assert found == tuple(sorted(made[name] for name in history["bases"]))


READERS: dict[str, Callable[[Path], None]] = {
    "commit/*.dag-cbor": read_version_block,
    "commit/signing.json": read_signing,
    "tag/*.dag-cbor": read_version_block,
    "invalid-commit/*.json": read_broken_block,
    "invalid-tag/*.json": read_broken_block,
    "merge/*/story.json": read_merge,
    "merge/bases.json": read_bases,
    "merge/state.json": read_state,
    "refs/names.json": read_names,
    "refs/full.json": read_full,
    "refs/nesting.json": read_nesting,
    "refs/revisions.json": read_revisions,
    "refs/ranges.json": read_ranges,
    "refs/dates.json": read_dates,
    "refs/moves.json": read_moves,
}


@pytest.mark.parametrize("name", LISTED)
def test_vector(name: str) -> None:
    readers = [read for pattern, read in READERS.items() if Path(name).match(pattern)]
    assert len(readers) == 1, f"no test reads {name}"
    readers[0](VECTORS / name)


def test_every_vector_is_listed_or_borrowed() -> None:
    ours = {
        str(path.relative_to(VECTORS))
        for topic in VECTORS.iterdir()
        if topic.is_dir() and not (topic / "ORIGIN.md").exists() and topic.name not in ELSEWHERE
        for path in topic.rglob("*")
        if path.is_file() and path.suffix != ".dag-json"
    }
    assert ours == set(LISTED)


@pytest.mark.parametrize("topic", ELSEWHERE)
def test_a_vector_that_another_test_reads_is_named_there(topic: str) -> None:
    reader = (SPECS.parent / ELSEWHERE[topic]).read_text()
    files = [path.name for path in (VECTORS / topic).iterdir() if path.suffix != ".md"]
    assert files
    for name in files:
        assert f'"{Path(name).stem}"' in reader or f'"{name}"' in reader, name


def test_every_section_of_the_manifest_exists() -> None:
    for section in SECTIONS:
        document, number = section.split(" §")
        text = (SPECS / document).read_text()
        heading = rf"^## {number}\. " if "." not in number else rf"^{re.escape(number)}\. "
        assert re.search(heading, text, re.MULTILINE), section


@pytest.mark.parametrize("topic", ["commit", "tag"])
def test_each_readable_twin_is_one_of_the_blocks(topic: str) -> None:
    blocks = {path.stem for path in (VECTORS / topic).glob("*.dag-cbor")}
    twins = {
        str(Block.of(dag_cbor.encode(dag_json.decode(path.read_bytes())), DAG_CBOR).cid)
        for path in (VECTORS / topic).glob("*.dag-json")
    }
    assert twins == blocks


def test_the_schema_in_the_document_is_the_schema() -> None:
    document = (SPECS / "commit-dag.md").read_text()
    found = re.findall(r"^```ipldsch\n(.*?)^```$", document, re.MULTILINE | re.DOTALL)
    assert found == [(SPECS / "commit-dag.ipldsch").read_text()]


def test_a_vector_says_what_it_breaks_in_the_words_of_a_section() -> None:
    for path in (*VECTORS.glob("invalid-*/*.json"),):
        vector = json.loads(path.read_text())
        name = str(path.relative_to(VECTORS))
        assert name in SECTIONS[vector["section"]]
        assert vector["must"]
